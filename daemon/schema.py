"""The tables, and how a database of an older version becomes one of this version."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    # 1: the first
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- every event, to the byte as it goes over the wire; AUTOINCREMENT: a sequence is never used twice
    CREATE TABLE event (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        topic    TEXT NOT NULL,
        payload  BLOB NOT NULL,
        sent_at  REAL,            -- unix time of the broker's acknowledgement
        refused  TEXT             -- why a broker would not take it
    );
    CREATE INDEX event_unsent ON event (sequence) WHERE sent_at IS NULL;

    -- every command that was taken, with its first answer
    CREATE TABLE command (
        id          TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,  -- of topic and data: the same id with another body is refused
        deadline    REAL NOT NULL,  -- unix time
        taken_at    REAL NOT NULL,
        reply       TEXT            -- JSON of the final reply; NULL until there is one
    ) WITHOUT ROWID;
    CREATE INDEX command_deadline ON command (deadline);

    -- by prefix, not by service: a service that is renamed during the day must not give its numbers again
    CREATE TABLE numbering (
        prefix  TEXT NOT NULL,
        day     TEXT NOT NULL,      -- local date: numbers start anew each day
        last    INTEGER NOT NULL,
        PRIMARY KEY (prefix, day)
    ) WITHOUT ROWID;

    CREATE TABLE ticket (
        id          TEXT PRIMARY KEY,
        place       INTEGER NOT NULL,  -- position in the order of arrival, over all services
        service     TEXT NOT NULL,
        number      TEXT NOT NULL,
        state       TEXT NOT NULL,     -- issued, waiting, called, skipped, finished, withdrawn
        counter     TEXT,
        calls       INTEGER NOT NULL DEFAULT 0,
        issued_at   REAL NOT NULL,
        called_at   REAL,
        ended_at    REAL,
        warn_at     REAL,              -- when to warn that it is soon due, and when it is due; NULL without a limit
        due_at      REAL
    ) WITHOUT ROWID;
    CREATE INDEX ticket_promised ON ticket (warn_at) WHERE state IN ('issued', 'waiting', 'called');
    CREATE INDEX ticket_waiting ON ticket (service, place) WHERE state = 'waiting';
    CREATE INDEX ticket_called ON ticket (counter) WHERE state = 'called';
    CREATE INDEX ticket_place ON ticket (place);

    CREATE TABLE print_job (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        printer    TEXT NOT NULL,
        ticket     TEXT NOT NULL,
        command    TEXT,               -- whose final reply the outcome is
        slip       TEXT NOT NULL,      -- JSON: what the slip says
        copy_number INTEGER NOT NULL,  -- of this ticket: from 2 on marked as a reprint
        deadline   REAL NOT NULL,      -- unix time
        state      TEXT NOT NULL,      -- queued, printing, printed, unconfirmed, failed, expired
        closing    INTEGER NOT NULL DEFAULT 0,  -- whether the bytes have begun to leave that make the slip whole
        reason     TEXT
    );
    CREATE INDEX print_job_open ON print_job (printer, id) WHERE state IN ('queued', 'printing');
    CREATE INDEX print_job_ticket ON print_job (ticket);

    -- what an interrupted job left in a printer that was not yet rid of it
    CREATE TABLE leftover (
        printer TEXT PRIMARY KEY,
        slip    TEXT NOT NULL          -- half, whole
    ) WITHOUT ROWID;

    CREATE TABLE rating_session (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        counter   TEXT NOT NULL,
        ticket    TEXT,
        opened_at REAL NOT NULL,
        state     TEXT NOT NULL,       -- open, rated, lapsed
        level     INTEGER
    );
    CREATE INDEX rating_session_open ON rating_session (counter) WHERE state = 'open';

    CREATE TABLE phone_call (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        phone     TEXT NOT NULL,
        began_at  REAL NOT NULL,
        rings     INTEGER NOT NULL,
        caller    TEXT,
        state     TEXT NOT NULL        -- ringing, answered, missed, unknown
    );
    CREATE INDEX phone_call_open ON phone_call (phone) WHERE state = 'ringing';

    CREATE TABLE alert (
        alert     TEXT NOT NULL,
        about     TEXT NOT NULL,
        raised_at REAL NOT NULL,
        PRIMARY KEY (alert, about)
    ) WITHOUT ROWID;

    -- the figures of the day that is open: one row for each outcome, level, state or bucket
    CREATE TABLE figure (
        name    TEXT NOT NULL,         -- ticket, waited, served, rating, phone, print, device
        about   TEXT NOT NULL,         -- the service or device
        part    TEXT NOT NULL,
        count   INTEGER NOT NULL,
        total_s REAL NOT NULL,
        PRIMARY KEY (name, about, part)
    ) WITHOUT ROWID;

    CREATE TABLE closed_day (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        day     TEXT NOT NULL,         -- local date; again when the clock was set back to it
        figures TEXT NOT NULL          -- JSON
    );
    CREATE INDEX closed_day_day ON closed_day (day);

    -- since when a device's time is not yet counted
    CREATE TABLE device_watch (
        device  TEXT PRIMARY KEY,
        state   TEXT NOT NULL,
        seen_s  REAL NOT NULL          -- monotonic
    ) WITHOUT ROWID;
    """,
)
"""Script N brings a database from version N to N + 1. Released scripts are never changed."""

VERSION = len(MIGRATIONS)
