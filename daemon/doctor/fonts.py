"""Whether there is a font to draw the characters with that a printer's own font lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.doctor.finding import Finding, about, found, well
from drivers.printer.fonts import CHINESE


def check_fonts(directory: Path) -> Iterator[Finding]:
    """One of the fonts that kioskd draws with, below `directory`, or what to install."""
    subject = about("fonts")
    path = next((directory / name for name in CHINESE if (directory / name).is_file()), None)
    if path is None:
        package = next(iter(CHINESE.values()))
        yield found("no-font", subject, f"apt-get install --no-install-recommends {package}")
    else:
        yield well(subject, "fonts", path=path)
