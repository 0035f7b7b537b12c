"""The bytes of every shipped slip for every kind of printer, written so that a reviewer sees what changed.

``python -m tests.golden_bytes`` writes tests/golden/escpos anew. Of each slip and language there is one file: the
commands for the first printer as a printer takes them apart, one printed line each, and for every other printer what
is different (-, +), or all where little is alike. The digest covers every byte, those of dots included. `models.txt`
has one ticket as each model of simulated printer is sent it, with the questions between.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import unified_diff
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from zlib import crc32

from daemon.slips.book import SlipBook
from daemon.slips.examples import example
from daemon.slips.models import SLIPS
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from drivers.printer.escpos import EscposOptions
from drivers.printer.escpos_layout import PREAMBLE, lay_out, preamble
from drivers.printer.escpos_line import Layout
from drivers.printer.page import Line, Page
from simulators.escpos_model import MODELS
from simulators.escpos_parser import TEXT, UNKNOWN, Instruction, TextMode, read_instruction
from simulators.escpos_printer import EscposPrinterSimulator
from tests.escpos_rig import rig
from tests.ruler_font import write_fonts

GOLDEN = Path(__file__).parent / "golden" / "escpos"
MODELS_FILE = "models.txt"

FIRST = "80 mm, gb18030"
PRINTERS: Mapping[str, EscposOptions] = {
    FIRST: EscposOptions(),
    "80 mm, gb18030, full cut": EscposOptions(cut="full"),
    "80 mm, gb18030 with four-byte characters": EscposOptions(four_byte=True),
    "80 mm, gb18030, magnified by FS": EscposOptions(fs_size=True),
    "80 mm, gbk": EscposOptions(encoding="gbk"),
    "80 mm, gb2312": EscposOptions(encoding="gb2312"),
    "80 mm, big5": EscposOptions(encoding="big5"),
    "80 mm, utf-8": EscposOptions(encoding="utf-8"),
    "80 mm, raster": EscposOptions(encoding="raster"),
    "58 mm, gb18030, no cutter": EscposOptions(columns=32, cut="none"),
    "58 mm, raster, no cutter": EscposOptions(columns=32, cut="none", encoding="raster"),
}
"""Every option that changes the bytes of a slip, in all its values."""

MAX_SHOWN = 12
"""How many commands stand side by side; dots come in long runs."""

_ENDS_LINE = frozenset(("LF", "GS v 0", "ESC d", "GS V", "GS k"))
_BOOK = SlipBook()


def files(directory: Path) -> Iterator[tuple[str, str]]:
    """The name of every file of slips, and what it should hold; fonts are put into `directory`."""
    fonts = write_fonts(directory, _characters())
    for language in SLIP_LANGUAGES:
        for name in SLIPS:
            yield f"{language}/{name}.txt", _file(name, language, fonts)


def _page(name: str, language: SlipLanguage, columns: int) -> Page:
    return _BOOK.lay_out(name, language, example(name, language), columns)


def _characters() -> set[str]:
    pages = (_page(name, language, 48) for language in SLIP_LANGUAGES for name in SLIPS)
    lines = (element for page in pages for element in page.elements if isinstance(element, Line))
    return {character for line in lines for span in line.spans for character in span.text}


def _file(name: str, language: SlipLanguage, fonts: Path) -> str:
    parts: list[str] = []
    first: list[str] = []
    for printer, options in PRINTERS.items():
        layout = replace(options.layout, fonts=fonts)
        data = preamble(layout) + b"".join(lay_out(_page(name, language, layout.columns), layout))
        listed = list(listing(data, _code(layout)))
        first = first or listed
        parts += [heading(printer, data), *(listed if printer == FIRST else _different(first, listed)), ""]
    return "\n".join(parts)


def _code(layout: Layout) -> str:
    return {"gb2312": "gbk", "raster": "gb18030"}.get(layout.encoding, layout.encoding)


def heading(what: str, data: bytes) -> str:
    """The line above a listing: it changes with any byte."""
    return f"== {what}: {len(data)} bytes, sha256 {sha256(data).hexdigest()}"


def _different(first: list[str], other: list[str]) -> list[str]:
    """Where `other` is not `first`: - and +; the whole of it where there is little in common."""
    changes = [line for line in list(unified_diff(first, other, n=0, lineterm=""))[2:] if not line.startswith("@@")]
    return changes if len(changes) < 2 * len(other) else other


# --- bytes as a printer takes them apart ----------------------------------------------------------------------------


def listing(data: bytes, code: str) -> Iterator[str]:
    """One line for each that is printed: its commands, and its text in quotation marks."""
    line: list[str] = []
    for name, run in groupby(_instructions(data, code), key=lambda found: found.name):
        together = list(run)
        line += [_text(together, code)] if name == TEXT else [_shown(each) for each in together]
        if name in _ENDS_LINE:
            yield from _joined(line)
            line = []
    yield from _joined(line)


def _instructions(data: bytes, code: str) -> Iterator[Instruction]:
    mode = TextMode(double_byte=False, code=code)
    while data:
        found = read_instruction(data, mode)
        assert found is not None, f"ends inside a command: {data.hex(' ')}"
        instruction, length = found
        assert instruction.name != UNKNOWN, f"an unknown command: {instruction.arguments.hex(' ')}"
        if instruction.name in ("FS &", "FS ."):
            mode = replace(mode, double_byte=instruction.name == "FS &")
        yield instruction
        data = data[length:]


def _joined(line: list[str]) -> Iterator[str]:
    for start in range(0, len(line), MAX_SHOWN):
        yield "  ".join(line[start : start + MAX_SHOWN])


def _text(characters: list[Instruction], code: str) -> str:
    return '"' + b"".join(each.arguments for each in characters).decode(code) + '"'


def _shown(instruction: Instruction) -> str:
    name, arguments = instruction.name, instruction.arguments
    if name == "GS v 0":
        width, height = (int.from_bytes(arguments[at : at + 2], "little") for at in (1, 3))
        return f"{name} {width * 8}×{height} #{crc32(arguments):08x}"
    if name == "ESC *":
        return f"{name} {arguments[0]} {int.from_bytes(arguments[1:3], 'little')}×24 #{crc32(arguments):08x}"
    if name == "GS ( k" and arguments[3:5] == b"\x50\x30":
        return f"{name} {arguments[:5].hex(' ')} {arguments[5:].decode()!r}"
    if name == "GS k":
        return f"{name} {arguments[:2].hex(' ')} {arguments[2:].decode('ascii')!r}"
    return f"{name} {arguments.hex(' ')}".rstrip()


# --- what each model of printer is sent -----------------------------------------------------------------------------


class _Recorder(EscposPrinterSimulator):
    """A printer that keeps what it was sent."""

    heard = b""

    def receive(self, data: bytes) -> None:
        self.heard += data
        super().receive(data)


async def models_text() -> str:
    """One ticket as each model is sent it, with the driver's verdict.

    Status questions (DLE EOT) are left out, as it is the time that decides how many there are, and so are the digits
    of a process id, which no two jobs share.
    """
    parts: list[str] = []
    page = _page("ticket", "zh-CN", 48)
    for name, model in MODELS.items():
        printer = _Recorder(model, mm_per_s=None)
        answers = "never" if model.one_way else "auto"
        options = EscposOptions(answers=answers, answer_s=0.3, poll_s=3600.0)
        async with rig(options=options, model=model, printer=printer) as it:
            await it.met()
            result = await it.driver.print_page(page)
        data = re.sub(rb"\x10\x04[\x01-\x04]", b"", printer.heard[printer.heard.rindex(PREAMBLE) :])
        data = re.sub(rb"(?<=\x1d\x28\x48\x06\x0000)....", b"0000", data, flags=re.DOTALL)
        verdict = " by ".join(filter(None, (result.outcome, result.evidence)))
        listed = list(listing(data, "gb18030"))
        parts += [heading(f"{name}: {verdict}", data), *listed, ""]
    return "\n".join(parts)


def main() -> int:
    """Write every file anew."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in [*files(Path(directory)), (MODELS_FILE, asyncio.run(models_text()))]:
            path = GOLDEN / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
