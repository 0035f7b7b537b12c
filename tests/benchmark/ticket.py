"""A ticket on the wire, beside the same ticket as a picture, which is how most programs print Chinese."""

from __future__ import annotations

import json
from pathlib import Path

from escpos.printer import Dummy
from PIL import Image, ImageDraw, ImageFont

from simulators.escpos_paper import Blank, Item
from simulators.escpos_paper import Line as PaperLine
from tests.benchmark.bed import Bed, command
from tests.benchmark.figures import Line
from tests.harness import ROOT, until

WIDTH_DOTS = 576
LINE_DOTS = 30
FONT_DOTS = 24
"""80 mm paper at 203 dpi, and the printer's own font with its usual line spacing."""

SENT = f"{ROOT}/event/print/sent"
FONTS = Path("/usr/share/fonts/truetype/droid")


async def measure(bed: Bed) -> list[Line]:
    """One ticket, printed by kioskd; and what then stood on the paper, drawn and sent by python-escpos."""
    async with bed.kiosk() as kiosk, bed.ear(SENT) as ear:
        ear.publish(*command("ticket/take", service="a"))
        sent = json.loads((await ear.hear(SENT)).payload)["data"]["bytes"]
        await until(lambda: len(kiosk.slips) == 1, "the ticket")
        paper = kiosk.printer.paper.slips[0].items
    printer = Dummy(profile="TM-P80")
    printer.image(_drawn(paper), center=False)
    printer.cut()
    raster = len(printer.output)
    return [Line("ticket on the wire", f"{sent} B", f"{raster} B as raster", sent / raster, 1 / 20)]


def _drawn(paper: list[Item]) -> Image.Image:
    """What stands on the paper, in black on white, as large as it stands there."""
    (font,) = FONTS.glob("DroidSansFallback*.ttf")
    image = Image.new("1", (WIDTH_DOTS, sum(map(_height_dots, paper))), 1)
    pen, top = ImageDraw.Draw(image), 0
    for item in paper:
        left = 0.0
        for span in item.spans if isinstance(item, PaperLine) else ():
            face = ImageFont.truetype(str(font), FONT_DOTS * span.style.height)
            pen.text((left, top), span.text, 0, face)
            left += pen.textlength(span.text, face)
        top += _height_dots(item)
    return image


def _height_dots(item: Item) -> int:
    match item:
        case PaperLine(spans):
            return LINE_DOTS * max(span.style.height for span in spans)
        case Blank(dots):
            return dots
        case _:
            raise ValueError(f"a ticket of the harness has lines alone, not {item!r}")
