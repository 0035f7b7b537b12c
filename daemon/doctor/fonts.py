"""Whether there are fonts to draw the characters with that a printer's own font lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.doctor.finding import Finding, Level, about, found, well
from drivers.printer.fonts import CHINESE, IDEOGRAPHS, LATIN

INSTALL = "apt-get install --no-install-recommends"
RARE = "𠮷"
"""A character of names that no printer's code has in two bytes, and few fonts have at all."""


def check_fonts(directory: Path, *, all_drawn: bool) -> Iterator[Finding]:
    """The fonts that kioskd draws with, below `directory`, or what to install.

    `all_drawn`: some printer is sent dots alone, digits and letters included.
    """
    subject = about("fonts")
    path = next((directory / name for name in CHINESE if (directory / name).is_file()), None)
    if path is None:
        yield found("no-font", subject, f"{INSTALL} {next(iter(CHINESE.values()))}")
    else:
        yield well(subject, "fonts", path=path)
    package = next(package for codes, package in IDEOGRAPHS if ord(RARE) in codes)
    if not all((directory / name).is_file() for name, part_of in CHINESE.items() if part_of == package):
        # a visitor's ticket is refused by name, and most names have none of these: nothing is broken
        yield found("no-rare-font", subject, f"{INSTALL} {package}", level=Level.NOTE, example=RARE)
    if all_drawn and not any((directory / name).is_file() for name in LATIN):
        yield found("no-latin-font", subject, f"{INSTALL} {next(iter(LATIN.values()))}")
