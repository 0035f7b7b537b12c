"""Every template there is: found, compiled when first used, and kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from daemon.slips.examples import example
from daemon.slips.faults import SlipError, SlipFault, sentence
from daemon.slips.layout import lay_out
from daemon.slips.markup import parse
from daemon.slips.models import SLIPS, Slip
from daemon.slips.places import OWN, SUFFIX, candidates, shipped_slips
from daemon.slips.template import Template, read
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from drivers.printer.page import Page

log = logging.getLogger(__name__)

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
        if name not in SLIPS:
            near = next(iter(get_close_matches(name, list(SLIPS), n=1)), None)
            raise SlipError(sentence("unknown-template", name=name), nearest=near)
        paths = list(candidates(name, language, self._own))
        return next((path for path in paths if path.exists()), paths[-1])

    def lay_out(self, name: str, language: SlipLanguage, slip: Slip, columns: int) -> Page:
        """`slip` on paper of so many columns. Raises SlipError naming the template's file and line."""
        return self._laid_out(self.path(name, language), name, slip, columns)

    def lay_out_anyhow(self, name: str, language: SlipLanguage, slip: Slip, columns: int) -> Page:
        """The same for a slip that somebody waits for: where a technician's template fails, ours is taken."""
        path = self.path(name, language)
        shipped = shipped_slips() / language / f"{name}{SUFFIX}"
        if path != shipped:
            try:
                return self._laid_out(path, name, slip, columns)
            except SlipError as error:
                log.error("%s; the shipped template is used instead", error)
        return self._laid_out(shipped, name, slip, columns)

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
        name = path.stem
        self.path(name, "en")
        languages = SLIP_LANGUAGES if folder == Path() else (str(folder),)
        for language in languages:
            if language not in SLIP_LANGUAGES:
                near = next(iter(get_close_matches(language, SLIP_LANGUAGES, n=1)), None)
                raise SlipError(sentence("unknown-language", name=language), nearest=near)
            for columns in WIDTHS:
                self._laid_out(path, name, example(name), columns)

    def _laid_out(self, path: Path, name: str, slip: Slip, columns: int) -> Page:
        template = self._templates.get(path)
        if template is None:
            template = self._templates[path] = Template(read(path), str(path), _fields(name))
        try:
            return lay_out(parse(template.lines(_values(slip), columns)), columns)
        except SlipError as error:
            raise error.at(file=str(path)) from None


@cache
def _fields(name: str) -> frozenset[str]:
    return frozenset(SLIPS[name].model_fields)


def _values(slip: Slip) -> Mapping[str, object]:
    """The fields as the template sees them: times of day are those of the hall's clock."""
    return {name: _local(getattr(slip, name)) for name in type(slip).model_fields}


def _local(value: object) -> object:
    return value.astimezone() if isinstance(value, datetime) and value.tzinfo is not None else value
