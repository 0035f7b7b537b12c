"""Characters as dots, from fonts that are installed on this machine: kioskd brings none along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts")
CELL_DOTS = 24

CHINESE: Mapping[str, str] = {
    "truetype/droid/DroidSansFallbackFull.ttf": "fonts-droid-fallback",
    "truetype/droid/DroidSansFallback.ttf": "fonts-droid-fallback",
    "truetype/wqy/wqy-microhei.ttc": "fonts-wqy-microhei",
    "opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
    "truetype/wqy/wqy-zenhei.ttc": "fonts-wqy-zenhei",
    "truetype/hanazono/HanaMinA.ttf": "fonts-hanazono",
    "truetype/hanazono/HanaMinB.ttf": "fonts-hanazono",
    "truetype/babelstone/BabelStoneHan.ttf": "fonts-babelstone-han",
}
LATIN: Mapping[str, str] = {
    "truetype/dejavu/DejaVuSansMono.ttf": "fonts-dejavu-core",
    "truetype/liberation/LiberationMono-Regular.ttf": "fonts-liberation",
    "truetype/liberation2/LiberationMono-Regular.ttf": "fonts-liberation2",
    "truetype/noto/NotoSansMono-Regular.ttf": "fonts-noto-mono",
}
"""Where Debian puts them, and the package each is in; the first that is there and has a character is taken."""

IDEOGRAPHS: Sequence[tuple[range, str]] = (
    (range(0x3400, 0x9FA6), "fonts-droid-fallback"),
    (range(0x9FA6, 0xA000), "fonts-hanazono"),
    (range(0xF900, 0xFB00), "fonts-droid-fallback"),
    (range(0x20000, 0x2FA20), "fonts-hanazono"),
    (range(0x30000, 0x323B0), "fonts-babelstone-han"),
)
"""The package to have for which ideographs; of those from 30000 on, its font has about half."""

_LATIN_SIZE = 20
"""A monospaced character of this size is 12 dots wide."""

_NOWHERE = "\U0010ffff"
"""No font has it: what is drawn for it is drawn for every character that a font lacks."""


class FontMissing(Exception):
    """No font for such characters is installed. `package` is the Debian package to install."""

    def __init__(self, package: str) -> None:
        super().__init__(f"no font is installed that has these characters: apt install {package}")
        self.package = package


class Fonts:
    """The fonts of this machine. Raises FontMissing where one is needed and none is there."""

    def __init__(self, directory: Path = FONTS) -> None:
        self._directory = directory
        self._chinese: Sequence[ImageFont.FreeTypeFont] | None = None
        self._latin: ImageFont.FreeTypeFont | None = None
        self.draw = lru_cache(maxsize=4096)(self._draw)

    def has(self, character: str) -> bool:
        """Whether some font has `character`."""
        return character.isascii() or any(_has(font, character) for font in self._fonts())

    def package_for(self, character: str) -> str | None:
        """The Debian package, not installed, whose font should have `character`; None where none is known."""
        package = next((package for codes, package in IDEOGRAPHS if ord(character) in codes), None)
        installed = {CHINESE[name] for name in CHINESE if (self._directory / name).exists()}
        return None if package in installed else package

    def _draw(self, character: str, width_dots: int) -> Image.Image:
        """`character` in a cell `width_dots` × 24, black (1) on white; an empty frame where no font has it."""
        cell = Image.new("1", (width_dots, CELL_DOTS), 0)
        pen = ImageDraw.Draw(cell)
        pen.fontmode = "1"
        if character.isascii():
            pen.text((0, 19), character, 1, self._latin_font(), anchor="ls")
            return cell
        font = next((font for font in self._fonts() if _has(font, character)), None)
        if font is None:
            pen.rectangle((1, 1, width_dots - 2, CELL_DOTS - 2), outline=1)
        else:
            pen.text((width_dots // 2, 21), character, 1, font, anchor="ms")
        return cell

    def _fonts(self) -> Iterator[ImageFont.FreeTypeFont]:
        """Those for characters that are not ASCII. Marks such as “” ① are not in every Chinese font."""
        yield from self._chinese_fonts()
        yield self._latin_font()

    def _chinese_fonts(self) -> Sequence[ImageFont.FreeTypeFont]:
        if self._chinese is None:
            paths = [self._directory / name for name in CHINESE]
            self._chinese = [ImageFont.truetype(str(path), CELL_DOTS) for path in paths if path.exists()]
        if not self._chinese:
            raise FontMissing(next(iter(CHINESE.values())))
        return self._chinese

    def _latin_font(self) -> ImageFont.FreeTypeFont:
        if self._latin is None:
            path = next((path for path in (self._directory / name for name in LATIN) if path.exists()), None)
            if path is None:
                raise FontMissing(next(iter(LATIN.values())))
            self._latin = ImageFont.truetype(str(path), _LATIN_SIZE)
        return self._latin


def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    return bytes(font.getmask(character, "1")) != bytes(font.getmask(_NOWHERE, "1"))
