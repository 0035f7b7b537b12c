"""A text as a BX board is told it: one dynamic area over its whole screen."""

from __future__ import annotations

from drivers.device import DeviceError, Reason
from drivers.display.bx_area_protocol import LIMITS, Area, Card, Effect
from drivers.display.bx_options import BxOptions
from drivers.display.bx_protocol import UpdateAreas, encode_request
from drivers.display.bx_text import Colour, Content, encode_content, in_words_of, unshowable

AREA_ID = 0


def compose(text: str, options: BxOptions) -> UpdateAreas:
    """The request that shows `text`; raises DeviceError with UNSHOWABLE or TOO_LONG."""
    limit = LIMITS[Card(options.card)].data_bytes
    if len(text) > limit:
        raise DeviceError(Reason.TOO_LONG, f"{len(text)} characters, and the card holds at most {limit} bytes")
    if wrong := unshowable(text):
        raise DeviceError(Reason.UNSHOWABLE, in_words_of(wrong))
    request = UpdateAreas((_area(text, options),))
    size = len(encode_request(request))
    if size > limit:
        raise DeviceError(Reason.TOO_LONG, f"{size} bytes with the area's own, and the card takes at most {limit}")
    return request


def _area(text: str, options: BxOptions) -> Area:
    if options.scroll:
        text = text.replace("\n", " ")
    # An area without any content is not described; a blank board is one with a space on it.
    content = Content(text or " ", options.font_dots, Colour[options.colour.upper()])
    columns = options.width_dots // (options.font_dots // 2)
    return Area(
        x=0,
        y=0,
        width=options.width_dots,
        height=options.height_dots,
        content=encode_content(content),
        id=AREA_ID,
        single_line=options.scroll,
        # Lines that fit are broken at \n, as documented; only longer ones are left to the card to break.
        auto_wrap=not options.scroll and any(_columns(line) > columns for line in text.split("\n")),
        effect=Effect.LEFT if options.scroll else Effect.STATIC,
        coarse=options.card == Card.BX_5K,
    )


def _columns(line: str) -> int:
    """The width of `line` in Latin characters; a Chinese one is twice as wide, and two bytes long."""
    return len(line.encode("gbk"))
