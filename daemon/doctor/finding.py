"""What the doctor says: one thing that is well, worth knowing, or wrong, and what to type about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from daemon.doctor.words import SUBJECTS, WELL, WORDS
from daemon.texts import Language, Text


class Level(StrEnum):
    """How bad it is. Only faults make the exit code 1."""

    WELL = "well"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what it is about (``device printer-1``, ``broker``), `code` is for programs, `commands` to type."""

    level: Level
    subject: Text
    code: str
    what: Text
    remedy: Text | None = None
    commands: tuple[str, ...] = ()

    def as_json(self, language: Language) -> Mapping[str, object]:
        return {
            "level": str(self.level),
            "subject": self.subject.to(language),
            "code": self.code,
            "what": self.what.to(language),
            "remedy": self.remedy.to(language) if self.remedy else None,
            "commands": list(self.commands),
        }


def about(subject: str, name: str = "") -> Text:
    """The subject of a finding: a key of SUBJECTS, and for devices their name."""
    return SUBJECTS[subject].fill(name=name)


def found(code: str, subject: Text, *commands: str, level: Level = Level.FAULT, **values: object) -> Finding:
    """The finding `code`, with its words from WORDS and `values` in them."""
    what, remedy = WORDS[code]
    return Finding(level, subject, code, what.fill(**values), remedy.fill(**values), commands)


def well(subject: Text, code: str, **values: object) -> Finding:
    """Something that was looked at and is as it should be."""
    return Finding(Level.WELL, subject, code, WELL[code].fill(**values))
