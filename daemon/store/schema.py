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
        reply       TEXT,           -- JSON of the final reply; NULL until there is one
        answered_at REAL            -- when it was given
    ) WITHOUT ROWID;
    CREATE INDEX command_deadline ON command (deadline);

    -- by prefix, not by service: a service that is renamed during the day must not give its numbers again
    CREATE TABLE numbering (
        prefix  TEXT NOT NULL,
        day     TEXT NOT NULL,      -- local date: numbers start anew each day
        last    INTEGER NOT NULL,
        given   INTEGER NOT NULL,   -- how many of them count for the day's limit: not those that were taken back
        PRIMARY KEY (prefix, day)
    ) WITHOUT ROWID;

    CREATE TABLE ticket (
        id          TEXT PRIMARY KEY,
        place       INTEGER NOT NULL,  -- position in the order of arrival, over all services
        service     TEXT NOT NULL,
        number      TEXT NOT NULL,
        state       TEXT NOT NULL,     -- issued, waiting, called, skipped, absent, finished, withdrawn
        priority    INTEGER NOT NULL,  -- rank: 0 is called first, 4 is ordinary
        counter     TEXT,              -- where it was called to
        only_counter TEXT,             -- the only one that may call it; NULL: any that serves its service
        calls       INTEGER NOT NULL DEFAULT 0,
        passed      INTEGER NOT NULL DEFAULT 0,  -- how often it was passed over while it had waited longest
        skips       INTEGER NOT NULL DEFAULT 0,
        behind      INTEGER NOT NULL DEFAULT 0,  -- skipped: after how many calls of others it waits again
        issued_at   REAL NOT NULL,
        called_from TEXT,              -- its state before the last call
        called_at   REAL,              -- of the call that brought it to its counter
        ended_at    REAL,
        warn_at     REAL,              -- when to warn that it is soon due, and when it is due; NULL without a limit
        due_at      REAL,
        due_given   INTEGER NOT NULL DEFAULT 0   -- whether another system said when it is due
    ) WITHOUT ROWID;
    CREATE INDEX ticket_promised ON ticket (warn_at) WHERE state IN ('issued', 'waiting', 'called');
    CREATE INDEX ticket_waiting ON ticket (service, place, priority, issued_at, only_counter, state)
        WHERE state = 'waiting';
    CREATE INDEX ticket_preferred ON ticket (service, priority, place) WHERE state = 'waiting' AND priority < 4;
    CREATE INDEX ticket_skipped ON ticket (service) WHERE state = 'skipped';
    CREATE INDEX ticket_called ON ticket (counter) WHERE state = 'called';
    CREATE INDEX ticket_place ON ticket (place);
    CREATE INDEX ticket_number ON ticket (number) WHERE state NOT IN ('finished', 'withdrawn');

    CREATE TABLE print_job (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        printer    TEXT NOT NULL,
        ticket     TEXT,               -- whose slip it is, or that another slip is about
        slip_id    TEXT,               -- of what is no ticket: the command that first asked for it
        command    TEXT,               -- whose final reply the outcome is
        slip       TEXT NOT NULL,      -- JSON: what the slip says
        copy_number INTEGER NOT NULL,  -- of this ticket or slip: from 2 on marked as a reprint
        deadline   REAL NOT NULL,      -- unix time
        state      TEXT NOT NULL,      -- queued, printing, printed, unconfirmed, failed, expired
        closing    INTEGER NOT NULL DEFAULT 0,  -- whether the bytes have begun to leave that make the slip whole
        reason     TEXT
    );
    CREATE INDEX print_job_open ON print_job (printer, id) WHERE state IN ('queued', 'printing');
    CREATE INDEX print_job_ticket ON print_job (ticket);
    CREATE INDEX print_job_slip ON print_job (slip_id) WHERE slip_id IS NOT NULL;

    -- what an interrupted job left in a printer that was not yet rid of it
    CREATE TABLE leftover (
        printer TEXT PRIMARY KEY,
        slip    TEXT NOT NULL          -- half, whole
    ) WITHOUT ROWID;

    CREATE TABLE rating_session (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        counter   TEXT NOT NULL,
        ticket    TEXT,
        item      TEXT,                -- what was handled, as another system names it
        opened_at REAL NOT NULL,
        state     TEXT NOT NULL,       -- open, rated, lapsed
        level     INTEGER
    );
    CREATE INDEX rating_session_open ON rating_session (counter) WHERE state = 'open';
    -- for one rating each; a press does not touch these
    CREATE INDEX rating_session_ticket ON rating_session (ticket) WHERE ticket IS NOT NULL;
    CREATE INDEX rating_session_item ON rating_session (item) WHERE item IS NOT NULL;

    -- what a bad rating must have; open until closed_at. Nothing here leads to who rated
    CREATE TABLE followup (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        counter   TEXT NOT NULL,
        level     INTEGER NOT NULL,
        opened_at REAL NOT NULL,
        closed_at REAL
    );

    CREATE TABLE phone_call (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        phone     TEXT NOT NULL,
        began_at  REAL NOT NULL,
        rings     INTEGER NOT NULL,
        caller    TEXT,
        quiet     INTEGER NOT NULL,    -- whether it began in quiet hours
        state     TEXT NOT NULL        -- ringing, answered, missed, unknown
    );
    CREATE INDEX phone_call_open ON phone_call (phone) WHERE state = 'ringing';

    -- what a command said last; a counter that none ever spoke of has no row, and is open
    CREATE TABLE counter (
        counter TEXT PRIMARY KEY,
        state   TEXT NOT NULL,         -- open, paused, closed
        staff   TEXT,
        reason  TEXT                   -- of a pause
    ) WITHOUT ROWID;

    -- how long a service takes, lately
    CREATE TABLE pace (
        service TEXT PRIMARY KEY,
        mean_s  REAL NOT NULL,
        samples INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- the open ones
    CREATE TABLE alert (
        alert           TEXT NOT NULL,
        about           TEXT NOT NULL,
        raised_at       REAL NOT NULL,
        figures         TEXT NOT NULL,  -- JSON: what it rests on, as it was then
        acknowledged_by TEXT,
        acknowledged_at REAL,
        PRIMARY KEY (alert, about)
    ) WITHOUT ROWID;

    -- the figures of the day that is open: one row for each outcome, level, state or bucket
    CREATE TABLE figure (
        name    TEXT NOT NULL,         -- ticket, waited, served, rating, followup, phone, print, device
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
