"""``kioskd slip``: a slip as it will look, without a printer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from daemon.columns import columns as table
from daemon.settings import DEFAULT_PATH
from daemon.settings.faults import Fault, Loc, faults_of
from daemon.settings.load import dotted
from daemon.slips.book import SlipBook
from daemon.slips.examples import example_data
from daemon.slips.faults import SlipError, sentence
from daemon.slips.models import SLIPS, Slip
from daemon.texts import SLIP_LANGUAGES, Language, SlipLanguage, Text
from drivers.printer.escpos_text import ENCODINGS, RASTER
from drivers.printer.page import DEFAULT_COLUMNS, Page

OK, FAILED, USAGE = 0, 1, 2

EPILOG = """\
examples:
  kioskd slip --list                                    every template, and the fields of its slips
  kioskd slip ticket                                    the ticket with made-up data, as text
  kioskd slip ticket --png ticket.png --columns 32      the same for 58 mm paper, as a picture
  kioskd slip fee-list --example > fees.json            data to begin from
  kioskd slip fee-list --data fees.json --html fees.html
  kioskd slip ticket --bytes ticket.bin && cat ticket.bin > /dev/usb/lp0
  kioskd slip ticket --bytes ticket.bin --encoding raster     the same as dots, for a printer without a Chinese font

A template slips/LANGUAGE/NAME.receipt, or slips/NAME.receipt, beside the configuration takes the place of the shipped
one. How to write one: docs/slips.md.

exit code: 0 done; 1 the template, the data or a font is wrong; 2 wrong usage."""

KINDS: Mapping[str, Text] = {
    "ticket": Text("排号单", "a number"),
    "ticket-large": Text("大字排号单", "a number in large print"),
    "supplement": Text("一次性告知单", "what is missing, told once and whole"),
    "referral": Text("转办单", "where to go instead"),
    "report-pickup": Text("取报告单", "when and where the result can be had"),
    "fee-list": Text("费用清单", "itemised fees"),
    "readiness": Text("开门前检查单", "the check before opening"),
    "test-page": Text("打印测试页", "what a printer can print"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``kioskd slip``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("template", nargs="?", metavar="TEMPLATE", help=", ".join(SLIPS))
    parser.add_argument("--list", action="store_true", help="every template, and the fields of its slips")
    parser.add_argument("--example", action="store_true", help="made-up data as JSON, to begin from")
    parser.add_argument("--data", metavar="JSON|FILE", help="what the slip says; - reads stdin; default: made-up data")
    parser.add_argument("--text", action="store_true", help="as text, on stdout; the default")
    parser.add_argument("--png", type=Path, metavar="FILE", help="as a picture")
    parser.add_argument("--html", type=Path, metavar="FILE", help="as a page for the browser")
    parser.add_argument("--bytes", type=Path, metavar="FILE", help="as bytes for an ESC/POS printer")
    parser.add_argument(
        "--encoding",
        choices=(*ENCODINGS, RASTER),
        default=ENCODINGS[0],
        help="of these bytes: the printer's (default %(default)s); raster for one without a Chinese font",
    )
    parser.add_argument(
        "--columns",
        type=_columns,
        default=DEFAULT_COLUMNS,
        metavar="N",
        help="48 on 80 mm paper (default), 32 on 58",
    )
    parser.add_argument(
        "--language", dest="slip_language", choices=SLIP_LANGUAGES, help="of the slip; default: that of the terminal"
    )
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_PATH, metavar="PATH", help="own templates stand beside it (%(default)s)"
    )


def _columns(text: str) -> int:
    number = int(text)
    if not 8 <= number <= 255:
        raise argparse.ArgumentTypeError("expected a number from 8 to 255")
    return number


def run(args: argparse.Namespace) -> int:
    """Show, or write, the slip."""
    language: Language = args.language
    if args.list:
        print("\n".join(_listing(language)))
        return OK
    if args.template is None:
        print(_NO_TEMPLATE.to(language), file=sys.stderr)
        return USAGE
    try:
        return _show(args, language)
    except SlipError as error:
        print(error.fault.to(language), file=sys.stderr)
    except DataError as error:
        for line in error.lines(language):
            print(line, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    return FAILED


_NO_TEMPLATE = Text(
    "kioskd slip：请指定模板；--list 列出全部", "kioskd slip: name a template; --list shows all of them"
)


def _show(args: argparse.Namespace, language: Language) -> int:
    slip_language = args.slip_language or language
    book = SlipBook(args.config)
    book.path(args.template, slip_language)
    if args.example:
        print(json.dumps(example_data(args.template, slip_language), indent=2, ensure_ascii=False))
        return OK
    slip = _slip(args.template, slip_language, args.data)
    page = book.lay_out(args.template, slip_language, slip, args.columns)
    _write(page, args, slip_language)
    return OK


# --- the data ---------------------------------------------------------------------------------------------------------


class DataError(Exception):
    """What is wrong with the data, all of it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} errors")
        self.faults = faults

    def lines(self, language: Language) -> Iterator[str]:
        """One line for each error: the field, what was expected, and the nearest field that there is."""
        for fault in self.faults:
            hint = Text("；是否应为“{name}”？", "; did you mean {name!r}?").fill(name=fault.nearest).to(language)
            place = f"{dotted(fault.loc)}: " if fault.loc else ""
            yield f"{place}{fault.expected.to(language)}{hint if fault.nearest else ''}"


def _slip(name: str, language: SlipLanguage, data: str | None) -> Slip:
    kind = SLIPS[name]
    given = example_data(name, language) if data is None else _read(data)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        faults = faults_of(error, lambda loc: _siblings(kind, loc))
        # a list whose items are wrong is called too short as well
        inner = [fault for fault in faults if not any(_within(other.loc, fault.loc) for other in faults)]
        raise DataError(inner) from None


def _within(inner: Loc, outer: Loc) -> bool:
    return len(inner) > len(outer) > 0 and inner[: len(outer)] == outer


def _read(data: str) -> Any:
    try:
        if data == "-":
            text = sys.stdin.read()
        else:
            text = data if data.lstrip().startswith(("{", "[")) else Path(data).read_text(encoding="utf-8")
        given = json.loads(text)
    except UnicodeDecodeError:
        raise DataError([Fault((), sentence("not-utf8"))]) from None
    except json.JSONDecodeError as error:
        raise DataError([Fault((), sentence("not-json", detail=error))]) from None
    if not isinstance(given, dict):
        raise DataError([Fault((), sentence("not-object"))])
    return given


def _siblings(kind: type[BaseModel], loc: Loc) -> Sequence[str]:
    """The fields that the one at `loc` stands among."""
    for part in loc[:-1]:
        if isinstance(part, str):
            inner = list(_models_in(kind.model_fields[part].annotation))
            if not inner:
                return ()
            kind = inner[0]
    return list(kind.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _listing(language: Language) -> Iterator[str]:
    for name, kind in SLIPS.items():
        yield f"{name}  {KINDS[name].to(language)}"
        yield from (f"  {line}" for line in table(_field_rows(kind, language)))
        yield ""


def _field_rows(kind: type[BaseModel], language: Language) -> Iterable[Sequence[str]]:
    needed = Text("必填", "needed").to(language)
    for name, field in kind.model_fields.items():
        inner = next(_models_in(field.annotation), None)
        what = ", ".join(inner.model_fields) if inner else ""
        yield name, needed if field.is_required() else "", what


# --- what it becomes --------------------------------------------------------------------------------------------------


def _write(page: Page, args: argparse.Namespace, slip_language: str) -> None:
    if args.png is not None:
        args.png.write_bytes(_png(page))
    if args.html is not None:
        from drivers.printer.page_html import as_html  # noqa: PLC0415

        args.html.write_text(as_html(page, args.template, slip_language), encoding="utf-8")
    if args.bytes is not None:
        args.bytes.write_bytes(_escpos(page, args.encoding))
    if args.text or not (args.png or args.html or args.bytes):
        from drivers.printer.page_text import as_text  # noqa: PLC0415

        print(as_text(page), end="")


def _png(page: Page) -> bytes:
    from drivers.printer.fonts import FontMissing  # noqa: PLC0415
    from drivers.printer.page_image import as_png  # noqa: PLC0415

    try:
        return as_png(page)
    except FontMissing as error:
        raise SlipError(sentence("no-font", package=error.package)) from None


def _escpos(page: Page, encoding: str) -> bytes:
    """What a printer with every other option at its default is sent."""
    from drivers.printer.escpos import EscposOptions  # noqa: PLC0415
    from drivers.printer.escpos_layout import lay_out, preamble  # noqa: PLC0415

    layout = EscposOptions(columns=page.columns, encoding=encoding).layout
    try:
        return preamble(layout) + b"".join(lay_out(page, layout))
    except ValueError as error:
        raise SlipError(sentence("unprintable", detail=error)) from None
