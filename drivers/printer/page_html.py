"""A page as one HTML file that needs nothing else: a drawing of the slip, its text to be searched and copied."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from html import escape
from struct import pack
from zlib import compress, crc32

from drivers.printer.page import Bitmap, Page
from drivers.printer.page_shapes import CHARACTER_DOTS, Block, Character, Dots, Shape, Tear, drawing

_HEAD = """\
<!DOCTYPE html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 2em 1em; background: #ddd; text-align: center }}
svg {{ max-width: 100%; height: auto; background: #fff; box-shadow: 0 1px 4px #0006 }}
text {{ font: {size}px "DejaVu Sans Mono", "Droid Sans Fallback", "Noto Sans CJK SC", monospace; white-space: pre }}
.bold {{ font-weight: bold }}
.invert {{ fill: #fff }}
image {{ image-rendering: pixelated }}
</style>
"""
_BASE_LINE = 20
"""Below the top of a character's cell."""


def as_html(page: Page, title: str, language: str = "zh-CN") -> str:
    """`page` as an HTML file. Nothing in it is taken from elsewhere, and no text of it is markup."""
    drawn = drawing(page)
    head = _HEAD.format(title=escape(title), language=escape(language), size=CHARACTER_DOTS - 2)
    size = f'width="{drawn.width}" height="{drawn.height}" viewBox="0 0 {drawn.width} {drawn.height}"'
    body = "\n".join(line for shape in _runs(drawn.shapes) for line in _svg(shape, drawn.width))
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}\n</svg>\n</html>\n'


def _runs(shapes: tuple[Shape, ...]) -> Iterator[list[Character] | Block | Dots | Tear]:
    """Neighbouring characters together, so that they can be read and copied as words."""
    run: list[Character] = []
    for shape in shapes:
        if isinstance(shape, Character) and (not run or _follows(run[-1], shape)):
            run.append(shape)
            continue
        if run:
            yield run
        run = [shape] if isinstance(shape, Character) else []
        if not isinstance(shape, Character):
            yield shape
    if run:
        yield run


def _follows(before: Character, after: Character) -> bool:
    beside = before.x + before.width == after.x and before.y == after.y
    return beside and before.style == after.style and before.text.isascii() == after.text.isascii()


def _svg(shape: list[Character] | Block | Dots | Tear, page_width: int) -> Iterator[str]:
    match shape:
        case list():
            yield from _text(shape)
        case Block(x=x, y=y, width=width, height=height):
            yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>'
        case Dots(x=x, y=y, bitmap=bitmap):
            size = f'width="{bitmap.width_dots}" height="{bitmap.height_dots}"'
            yield f'<image x="{x}" y="{y}" {size} href="data:image/png;base64,{_png(bitmap)}"/>'
        case Tear(y=y):
            yield f'<path d="M0 {y}H{page_width}" stroke="#000" stroke-dasharray="8"/>'


def _text(characters: list[Character]) -> Iterator[str]:
    first, last = characters[0], characters[-1]
    style = first.style
    width = last.x + last.width - first.x
    if style.invert:
        yield f'<rect x="{first.x}" y="{first.y}" width="{width}" height="{first.height}"/>'
    names = " ".join(name for name, set_ in (("bold", style.bold), ("invert", style.invert)) if set_)
    kind = f' class="{names}"' if names else ""
    if style.underline:
        kind += ' text-decoration="underline"'
    move = f"translate({first.x} {first.y}) scale({style.width} {style.height})"
    words = escape("".join(character.text for character in characters))
    length = width // style.width
    yield (
        f'<text transform="{move}" y="{_BASE_LINE}" textLength="{length}" lengthAdjust="spacingAndGlyphs"{kind}>'
        f"{words}</text>"
    )


def _png(bitmap: Bitmap) -> str:
    """The bitmap as a PNG of one bit a dot, in Base64. In PNG, 1 is white."""
    row_bytes = (bitmap.width_dots + 7) // 8
    white = bytes(255 - byte for byte in bitmap.rows)
    rows = b"".join(b"\0" + white[start : start + row_bytes] for start in range(0, len(white), row_bytes))
    header = pack(">IIBBBBB", bitmap.width_dots, bitmap.height_dots, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", compress(rows, 9)), (b"IEND", b""))
    written = (pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data)) for kind, data in chunks)
    return b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(written)).decode("ascii")
