"""What a simulated ESC/POS printer does with one command after another: its modes, and the marks on its paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from simulators.escpos_column_image import COLUMN_IMAGE_DOTS, COLUMN_IMAGE_MODES, column_image
from simulators.escpos_paper import Barcode, Blank, Dots, Image, Line, Paper, Qr, Span, Style
from simulators.escpos_parser import REAL_TIME, TEXT, UNKNOWN, Instruction, TextMode

FONT_COLUMN_DOTS = 12
DEFAULT_LINE_DOTS = 30
CUTTER_DOTS = 120
"""From the head to the cutter: what GS V 65/66 feeds before it cuts."""

CODE_PAGES: Mapping[int, str] = {0: "cp437", 2: "cp850", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858"}
ALIGNMENTS = ("left", "centre", "right")
QR_LEVELS: Mapping[int, str] = {0x30: "L", 0x31: "M", 0x32: "Q", 0x33: "H"}
CHINA = 15
"""ESC R: $ prints as ¥ (unverified)."""


class Queries(Protocol):
    """What the engine cannot answer itself, because it concerns the printer's line and sensors."""

    def answer_paper(self, n: int) -> None: ...
    def answer_info(self, n: int) -> None: ...
    def answer_sized_h(self, arguments: bytes) -> None: ...
    def set_asb(self, items: int) -> None: ...
    def kick_drawer(self) -> None: ...
    def unknown(self, command: bytes) -> None: ...


@dataclass(slots=True)
class Modes:
    """Everything ESC @ and power-on bring back to its beginning."""

    style: Style = field(default_factory=Style)
    double_byte: bool = True  # SP91, HCC POS80B and Microcom 814M manuals: on at power-up
    double_byte_size: tuple[int, int] = (1, 1)
    code_page: int = 0
    international: int = 0
    align: int = 0
    line_dots: int = DEFAULT_LINE_DOTS
    qr_module_dots: int = 3
    qr_level: str = "L"
    qr_data: str = ""


class Engine:
    """Carries out instructions. `code` is the Chinese font's code, `columns` the paper's width in single characters.

    `fs_size`: Chinese characters obey FS ! and not GS !, as on some clones (escpos-php issue #931).
    """

    def __init__(self, paper: Paper, queries: Queries, *, code: str, columns: int, fs_size: bool) -> None:
        self.modes = Modes()
        self.code = code
        self._paper = paper
        self._queries = queries
        self.columns = columns
        self._fs_size = fs_size
        self._line: list[Span | Dots] = []
        self._line_dots = 0
        self._moved_mm = 0.0
        self._actions: Mapping[str, Callable[[bytes], None]] = {
            "ESC @": self._initialise, "ESC t": self._set_code_page, "ESC R": self._set_international,
            "ESC !": self._set_print_mode, "ESC E": self._set_bold, "ESC -": self._set_underline,
            "ESC {": self._set_upside_down, "ESC M": self._set_font, "ESC a": self._set_align,
            "ESC 2": self._set_line_dots, "ESC 3": self._set_line_dots, "ESC d": self._feed_lines,
            "ESC J": self._feed_dots, "ESC p": self._kick_drawer, "ESC *": self._column_image,
            "GS !": self._set_size, "GS B": self._set_invert, "GS V": self._cut, "GS k": self._barcode,
            "GS v 0": self._raster, "GS ( k": self._two_dimensional, "GS a": self._set_asb, "GS r": self._ask_paper,
            "GS I": self._ask_info, "GS ( H": queries.answer_sized_h, "LF": self._line_feed,
            "FS &": self._double_byte_on, "FS .": self._double_byte_off, "FS !": self._set_double_byte_mode,
            "FS W": self._set_quadruple, "FS -": self._nothing, "FS S": self._nothing, "FS C": self._nothing,
            "FS 2": self._nothing, "ESC c 5": self._nothing, "ESC =": self._nothing, "GS h": self._nothing,
            "GS w": self._nothing, "GS H": self._nothing, "GS f": self._nothing, "GS b": self._nothing,
            "GS |": self._nothing, "CR": self._nothing, "HT": self._tab, "NUL": self._nothing,
            REAL_TIME: self._nothing, TEXT: self._character, UNKNOWN: queries.unknown,
        }  # fmt: skip

    @property
    def text_mode(self) -> TextMode:
        return TextMode(self.modes.double_byte, self.code)

    @property
    def begun_line(self) -> str:
        """What is in the print buffer, not yet on paper."""
        return "".join(span.text for span in self._line)

    def execute(self, instruction: Instruction) -> float:
        """Carry out `instruction`; how many millimetres the paper moved."""
        self._moved_mm = 0.0
        action = self._actions.get(instruction.name)
        if action is None:
            self._queries.unknown(instruction.name.encode())
        else:
            action(instruction.arguments)
        return self._moved_mm

    def power_on(self) -> None:
        """Everything volatile as after power-on."""
        self._initialise(b"")

    def _nothing(self, arguments: bytes) -> None:
        """Has no effect that this printer shows."""

    def _initialise(self, arguments: bytes) -> None:
        self.modes = Modes()
        self.clear_line()

    def clear_line(self) -> None:
        """Drop the print buffer."""
        self._line.clear()
        self._line_dots = 0

    # --- modes -----------------------------------------------------------------------------------------------------

    def _restyle(self, **changes: Any) -> None:
        self.modes.style = replace(self.modes.style, **changes)

    def _set_code_page(self, arguments: bytes) -> None:
        self.modes.code_page = arguments[0]

    def _set_international(self, arguments: bytes) -> None:
        self.modes.international = arguments[0]

    def _set_print_mode(self, arguments: bytes) -> None:
        n = arguments[0]
        self._restyle(font=n & 1, bold=bool(n & 0x08), underline=bool(n & 0x80))
        self._restyle(height=2 if n & 0x10 else 1, width=2 if n & 0x20 else 1)

    def _set_bold(self, arguments: bytes) -> None:
        self._restyle(bold=bool(arguments[0] & 1))

    def _set_underline(self, arguments: bytes) -> None:
        self._restyle(underline=arguments[0] % 0x30 > 0)

    def _set_upside_down(self, arguments: bytes) -> None:
        self._restyle(upside_down=bool(arguments[0] & 1))

    def _set_font(self, arguments: bytes) -> None:
        self._restyle(font=arguments[0] % 0x30)

    def _set_invert(self, arguments: bytes) -> None:
        self._restyle(invert=bool(arguments[0] & 1))

    def _set_size(self, arguments: bytes) -> None:
        self._restyle(width=1 + (arguments[0] >> 4 & 7), height=1 + (arguments[0] & 7))

    def _set_align(self, arguments: bytes) -> None:
        if not self._line:  # takes effect at the beginning of a line only
            self.modes.align = arguments[0] % 0x30 % len(ALIGNMENTS)

    def _set_line_dots(self, arguments: bytes) -> None:
        self.modes.line_dots = arguments[0] if arguments else DEFAULT_LINE_DOTS

    def _double_byte_on(self, arguments: bytes) -> None:
        self.modes.double_byte = True

    def _double_byte_off(self, arguments: bytes) -> None:
        self.modes.double_byte = False

    def _set_double_byte_mode(self, arguments: bytes) -> None:
        self.modes.double_byte_size = (2 if arguments[0] & 0x04 else 1, 2 if arguments[0] & 0x08 else 1)

    def _set_quadruple(self, arguments: bytes) -> None:
        self.modes.double_byte_size = (2, 2) if arguments[0] & 1 else (1, 1)

    # --- text ------------------------------------------------------------------------------------------------------

    def _character(self, data: bytes) -> None:
        style = self.modes.style
        if len(data) > 1 and self._fs_size:
            width, height = self.modes.double_byte_size
            style = replace(style, width=width, height=height)
        taken = style.width * (1 if len(data) == 1 else 2) * FONT_COLUMN_DOTS
        if self._line_dots + taken > self.columns * FONT_COLUMN_DOTS:
            self._flush_line()
        self._line_dots += taken
        text = self._decode(data)
        last = self._line[-1] if self._line else None
        if isinstance(last, Span) and last.style == style:
            self._line[-1] = Span(last.text + text, style)
        else:
            self._line.append(Span(text, style))

    def _decode(self, data: bytes) -> str:
        if data == b"$" and self.modes.international == CHINA:
            return "¥"
        page = CODE_PAGES.get(self.modes.code_page, "cp437")
        return data.decode(page if len(data) == 1 else self.code, "replace")

    def _tab(self, arguments: bytes) -> None:
        for _ in range(8 - -(-self._line_dots // FONT_COLUMN_DOTS) % 8):
            self._character(b" ")

    def _line_feed(self, arguments: bytes) -> None:
        if self._line:
            self._flush_line()
        else:
            self._blank(self.modes.line_dots)

    def _flush_line(self) -> None:
        """Print the line begun, if there is one."""
        if not self._line:
            return
        height = self.modes.line_dots * max(span.style.height for span in self._line)
        if any(isinstance(span, Dots) for span in self._line):
            height = max(height, COLUMN_IMAGE_DOTS)
        self._put(Line(tuple(self._line), ALIGNMENTS[self.modes.align]), height)
        self.clear_line()

    # --- paper -----------------------------------------------------------------------------------------------------

    def _put(self, item: Line | Qr | Barcode | Image | Blank, height_dots: int) -> None:
        self._moved_mm += self._paper.put(item, height_dots)

    def _blank(self, dots: int) -> None:
        if dots:
            self._put(Blank(dots), dots)

    def _feed_lines(self, arguments: bytes) -> None:
        self._feed(arguments[0] * self.modes.line_dots)

    def _feed_dots(self, arguments: bytes) -> None:
        self._feed(arguments[0])

    def _feed(self, dots: int) -> None:
        self._flush_line()
        self._blank(dots)

    def _cut(self, arguments: bytes) -> None:
        self._flush_line()
        if len(arguments) == 2:
            self._blank(CUTTER_DOTS + arguments[1])
        self._paper.cut("full" if arguments[0] in (0x00, 0x30, 0x41) else "partial")

    def _kick_drawer(self, arguments: bytes) -> None:
        self._queries.kick_drawer()

    # --- symbols and pictures --------------------------------------------------------------------------------------

    def _two_dimensional(self, arguments: bytes) -> None:
        """GS ( k: arguments with their length in front."""
        match arguments[2:4], arguments[4:]:
            case b"1C", size if size:
                self.modes.qr_module_dots = size[0]
            case b"1E", level if level:
                self.modes.qr_level = QR_LEVELS.get(level[0], "L")
            case b"1P", data:
                self.modes.qr_data = data[1:].decode("utf-8", "replace")
            case b"1Q", _:
                self._print_qr()
            case b"1A", _:
                pass  # the model: every one looks the same here
            case _:
                self._queries.unknown(b"\x1d(k" + arguments[2:4])

    def _print_qr(self) -> None:
        modes = self.modes
        self._flush_line()
        # 29 modules are those of a middling code (version 3): the printed height only makes time pass
        align = ALIGNMENTS[modes.align]
        self._put(Qr(modes.qr_data, modes.qr_module_dots, modes.qr_level, align), 29 * modes.qr_module_dots)

    def _barcode(self, arguments: bytes) -> None:
        data = arguments[2:] if arguments[0] >= 65 else arguments[1:-1]
        self._flush_line()
        self._put(Barcode(arguments[0], data.decode("latin-1"), ALIGNMENTS[self.modes.align]), 162)

    def _raster(self, arguments: bytes) -> None:
        width = int.from_bytes(arguments[1:3], "little") * 8
        height = int.from_bytes(arguments[3:5], "little")
        self._flush_line()
        self._put(Image(width, height, arguments[5:].hex()), height)

    def _column_image(self, arguments: bytes) -> None:
        """ESC *: dots go into the print buffer, at the place of a character; what the line has no room for is lost."""
        if arguments[0] not in COLUMN_IMAGE_MODES:
            self._queries.unknown(b"\x1b*" + arguments[:1])
            return
        dots = column_image(arguments[0], arguments[3:], self.columns * FONT_COLUMN_DOTS - self._line_dots)
        if dots.width_dots:
            self._line.append(dots)
            self._line_dots += dots.width_dots

    # --- questions -------------------------------------------------------------------------------------------------

    def _set_asb(self, arguments: bytes) -> None:
        self._queries.set_asb(arguments[0])

    def _ask_paper(self, arguments: bytes) -> None:
        self._queries.answer_paper(arguments[0])

    def _ask_info(self, arguments: bytes) -> None:
        self._queries.answer_info(arguments[0])
