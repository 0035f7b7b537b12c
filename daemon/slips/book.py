"""Every template there is: found, compiled when first used, and kept.

What checks slips and lays them out is imported with the first of them: a daemon starts without.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.slips.faults import SlipError, SlipFault, sentence
from daemon.slips.places import OWN, SUFFIX, candidates, shipped_slips
from daemon.slips.template import Template, read
from daemon.texts import SLIP_LANGUAGES, SlipLanguage

if TYPE_CHECKING:
    from daemon.slips.models import Slip
    from drivers.printer.page import Page

log = logging.getLogger(__name__)

REPRINT_MARKS = ("补打", "補打", "補印", "REPRINT")
"""What tells a reprint from the slip before it: one of these has to stand on it, and not on the other."""

WIDTHS = (32, 48)
"""The papers that every template is tried on: 58 and 80 mm."""


class SlipBook:
    """The templates of one installation: a technician's own beside the configuration at `configuration`, and ours.

    May be used from several threads: what is kept is complete before it is kept.
    """

    def __init__(self, configuration: Path | None = None) -> None:
        self._own = configuration.parent / OWN if configuration is not None else None
        self._templates: dict[Path, Template] = {}

    def forget(self) -> None:
        """Read every template again when it is next used."""
        self._templates = {}

    def path(self, name: str, language: SlipLanguage) -> Path:
        """The template that counts. Raises SlipError when there is none of this name."""
        from daemon.slips.models import SLIPS  # noqa: PLC0415

        if name not in SLIPS:
            near = next(iter(get_close_matches(name, list(SLIPS), n=1)), None)
            raise SlipError(sentence("unknown-template", name=name), nearest=near)
        paths = list(candidates(name, language, self._own))
        return next((path for path in paths if path.exists()), paths[-1])

    def lay_out(self, name: str, language: SlipLanguage, slip: Slip, columns: int) -> Page:
        """`slip` on paper of so many columns. Raises SlipError naming the template's file and line."""
        return self._laid_out(self.path(name, language), slip, columns)

    def lay_out_anyhow(self, name: str, language: SlipLanguage, slip: Slip, columns: int) -> Page:
        """The same for a slip that somebody waits for: where a technician's template fails, ours is taken."""
        path = self.path(name, language)
        try:
            return self._laid_out(path, slip, columns)
        except SlipError as error:
            shipped = shipped_slips() / language / f"{name}{SUFFIX}"
            if path == shipped:
                raise
            log.error("%s; the shipped template is used instead", error)
        return self._laid_out(shipped, slip, columns)

    def faults(self) -> Iterator[SlipFault]:
        """What is wrong with the technician's templates, each tried with example data on every paper."""
        if self._own is None or not self._own.is_dir():
            return
        for path in sorted(self._own.rglob(f"*{SUFFIX}")):
            try:
                self._try(path, path.parent.relative_to(self._own))
            except SlipError as error:
                yield error.at(file=str(path)).fault

    def _try(self, path: Path, folder: Path) -> None:
        from daemon.slips.examples import example  # noqa: PLC0415

        name = path.stem
        self.path(name, "en")
        languages = SLIP_LANGUAGES if folder == Path() else (str(folder),)
        for language in languages:
            if language not in SLIP_LANGUAGES:
                near = next(iter(get_close_matches(language, SLIP_LANGUAGES, n=1)), None)
                raise SlipError(sentence("unknown-language", name=language), nearest=near)
            for columns in WIDTHS:
                self._laid_out(path, example(name), columns)
                self._laid_out(path, example(name).model_copy(update={"reprint": True}), columns)

    def _laid_out(self, path: Path, slip: Slip, columns: int) -> Page:
        """Never a reprint that could be taken for the slip before it."""
        page = self._filled(path, slip, columns)
        if slip.reprint and slip.REPRINT_MARKED:
            first = self._filled(path, slip.model_copy(update={"reprint": False}), columns)
            if _reprint_marks(page) <= _reprint_marks(first):
                raise SlipError(sentence("no-reprint-mark", marks=", ".join(REPRINT_MARKS)), file=str(path))
        return page

    def _filled(self, path: Path, slip: Slip, columns: int) -> Page:
        from daemon.slips.layout import lay_out  # noqa: PLC0415
        from daemon.slips.markup import parse  # noqa: PLC0415

        template = self._templates.get(path)
        if template is None:
            template = self._templates[path] = Template(read(path), str(path), frozenset(type(slip).model_fields))
        try:
            return lay_out(parse(template.lines(_values(slip), columns)), columns)
        except SlipError as error:
            raise error.at(file=str(path)) from None


def _reprint_marks(page: Page) -> int:
    from drivers.printer.page_text import as_text  # noqa: PLC0415

    text = as_text(page).replace(" ", "").upper()
    return sum(text.count(mark) for mark in REPRINT_MARKS)


def _values(slip: Slip) -> Mapping[str, object]:
    """The fields as the template sees them: times of day are those of the hall's clock."""
    return {name: _local(getattr(slip, name)) for name in type(slip).model_fields}


def _local(value: object) -> object:
    return value.astimezone() if isinstance(value, datetime) and value.tzinfo is not None else value
