"""Templates: Jinja2 in a sandbox, every value escaped, and each line of the result with the template's line number."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.settings.faults import nearest
from daemon.slips.escape import control_character, escape
from daemon.slips.faults import SlipError, sentence

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import Template as Syntax

MAX_BYTES = 200_000
COLUMNS = "columns"
"""What a template knows besides its slip's fields: how many characters the paper is wide."""

_MARK = re.compile("\x02([0-9]+)\x03")
_LEADING_MARKS = re.compile("(?:\x02[0-9]+\x03)*\x02([0-9]+)\x03")
"""Tags that stand alone in their lines leave the marks of these before that of the next."""
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a template's own expressions can raise, besides Jinja2's errors."""


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _time(moment: datetime) -> str:
    return moment.strftime("%H:%M")


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _plain(number: Decimal) -> str:
    return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"


FILTERS: Mapping[str, Callable[[Any], str]] = {
    "date": _date, "time": _time, "moment": _moment, "money": _money, "number": _plain,
}  # fmt: skip


class Template:
    """One template, compiled. `fields` are the names it may use. Raises SlipError naming its file and line."""

    def __init__(self, source: str, file: str, fields: frozenset[str]) -> None:
        import jinja2  # noqa: PLC0415 - a daemon without a printer does without

        self._file = file
        self._errors = (jinja2.TemplateError, *_FAULTS)
        _refuse_control(source, file)
        environment = _environment()
        try:
            syntax = environment.parse(source, filename=file)
            _refuse_unknown(syntax, fields | {COLUMNS}, frozenset(environment.globals), file)
            self._compiled = environment.from_string(syntax)
        except jinja2.TemplateSyntaxError as error:
            raise SlipError(sentence("syntax", detail=error.message), error.lineno, file=file) from None

    def lines(self, values: Mapping[str, object], columns: int) -> Iterator[tuple[int, str]]:
        """The template filled with `values`: its lines, each with the line of the template that it is from."""
        try:
            text = self._compiled.render({**values, COLUMNS: columns})
        except SlipError as error:
            raise error.at(self._line_of(error), self._file) from None
        except self._errors as error:
            detail = f"{type(error).__name__}: {error}"
            raise SlipError(sentence("failed", detail=detail), self._line_of(error), file=self._file) from None
        return _numbered(text)

    def _line_of(self, error: BaseException) -> int | None:
        """The template's line that was at work: Jinja2 puts it into the traceback."""
        frames = traceback.extract_tb(error.__traceback__)
        return next((frame.lineno for frame in reversed(frames) if frame.filename == "<template>"), None)


def read(path: Path) -> str:
    """The source of a template. Raises SlipError naming the file."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SlipError(sentence("not-readable", detail=error.strerror or error), file=file) from None
    except UnicodeDecodeError:
        raise SlipError(sentence("not-utf8"), file=file) from None
    if len(data) > MAX_BYTES:
        raise SlipError(sentence("too-large", bytes=MAX_BYTES), file=file)
    return text.replace("\r\n", "\n")


@cache
def _environment() -> Environment:
    import jinja2  # noqa: PLC0415
    from jinja2.ext import Extension  # noqa: PLC0415
    from jinja2.lexer import Token, TokenStream  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class NumberLines(Extension):
        """Marks text and values with the numbers of their lines. A template itself holds no such mark."""

        def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
            for token in stream:
                if token.type == "variable_begin":
                    yield Token(token.lineno, "data", _marked("", token.lineno))
                text = _marked(token.value, token.lineno) if token.type == "data" else token.value
                yield Token(token.lineno, token.type, text)

    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        finalize=escape,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=(NumberLines,),
    )
    environment.filters.update(FILTERS)
    return environment


def _marked(text: str, line: int) -> str:
    numbers = iter(range(line + 1, line + 1 + text.count("\n")))
    return f"\x02{line}\x03" + re.sub("\n", lambda _: f"\n\x02{next(numbers)}\x03", text)


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    number = 1
    for line in text.split("\n"):
        marks = _LEADING_MARKS.match(line)
        number = int(marks[1]) if marks else number
        yield number, _MARK.sub("", line)


def _refuse_control(source: str, file: str) -> None:
    for number, line in enumerate(source.split("\n"), start=1):
        code = control_character(line.replace("\t", " "))
        if code is not None:
            raise SlipError(sentence("control", code=code), number, file=file)


def _refuse_unknown(syntax: Syntax, known: frozenset[str], built_in: frozenset[str], file: str) -> None:
    """What no slip of this kind has, or no template may do, is found before any is printed, in whichever branch."""
    from jinja2 import meta, nodes  # noqa: PLC0415

    made_of_others = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
    markup_as_values = (nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.AssignBlock)
    for used in syntax.find_all((*made_of_others, *markup_as_values)):
        raise SlipError(sentence("tag"), used.lineno, file=file)
    unknown = meta.find_undeclared_variables(syntax) - known - built_in
    for name in syntax.find_all(nodes.Name):
        if name.name in unknown:
            what = sentence("unknown-field", name=name.name)
            raise SlipError(what, name.lineno, file=file, nearest=nearest(name.name, sorted(known)))
