"""Onbon BX-5K/6K: the dynamic areas of a screen, the part of a request that says where and how to show what.

Source for every fact here, unless a line says otherwise: Onbon, "BX-5K/6K user protocol" v1.4, 8.2 and 9.1 (public
repository onbonlab/onbonlab.github.io). Nothing was tried on a real board.

Areas live in the card's memory: they may be changed without end, and are gone when its power goes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum

IN_DOTS = 0x8000
"""In X and W: the value counts dots. Without it, it counts units of eight dots."""

EIGHT = 8


class Malformed(ValueError):
    """Data whose check sum was right and whose content is not what the document says."""


class Card(StrEnum):
    BX_5K = "5k"
    BX_6K = "6k"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a card can hold. `data_bytes` bounds a packet's data as well as one area (5.1.3, 8.2.1)."""

    areas: int
    data_bytes: int


LIMITS = {Card.BX_5K: Limits(8, 512), Card.BX_6K: Limits(5, 1024)}


class RunMode(IntEnum):
    LOOP = 0
    STAY_ON_LAST_PAGE = 1
    DELETE_AFTER_TIMEOUT = 2


class Effect(IntEnum):
    STATIC = 1
    INSTANT = 2
    LEFT = 3
    RIGHT = 4
    UP = 5
    DOWN = 6


@dataclass(frozen=True, slots=True)
class Area:
    """One dynamic area: where, how, and `content` as `bx_text` writes it. Positions and sizes in dots.

    `coarse` counts X and W in units of eight dots. The document gives both forms for every card; the vendor's own
    programs (onbonlab/bx.k.java ``BxAreaDynamic.java``, onbonlab/BX-K ``Area.cs`` and ``AreaDlg.cpp``) use the
    coarse one for every BX-5K and dots for BX-6K.
    """

    x: int
    y: int
    width: int
    height: int
    content: bytes
    id: int = 0
    line_spacing: int = 0
    run_mode: int = RunMode.LOOP
    timeout_s: int = 10
    align: int = 0
    single_line: bool = False
    auto_wrap: bool = False
    effect: int = Effect.STATIC
    exit_mode: int = 0
    speed: int = 2
    stay_half_s: int = 10
    coarse: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.x < IN_DOTS and 0 <= self.width < IN_DOTS):
            raise ValueError(f"x and width are 0 to {IN_DOTS - 1} dots, not {self.x} and {self.width}")
        if self.coarse and (self.x % EIGHT or self.width % EIGHT):
            raise ValueError(f"x and width must be multiples of {EIGHT} dots, not {self.x} and {self.width}")


_AREA = struct.Struct("<BHHHHBBBHBBBBBBBBBI")
_SINGLE_LINE, _MULTI_LINE = 1, 2
_WRAP_AT_NEWLINE, _WRAP_AUTOMATIC = 1, 2


def encode_area(area: Area) -> bytes:
    """`area` as the card wants it, without voice and without the extension of newer fonts."""
    unit, flag = (EIGHT, 0) if area.coarse else (1, IN_DOTS)
    head = _AREA.pack(
        0,  # type
        area.x // unit | flag,
        area.y,
        area.width // unit | flag,
        area.height,
        area.id,
        area.line_spacing,
        area.run_mode,
        area.timeout_s,
        0,  # no voice, so none of the fields of a voice
        0,  # no extension, so none of its fields
        area.align,
        _SINGLE_LINE if area.single_line else _MULTI_LINE,
        _WRAP_AUTOMATIC if area.auto_wrap else _WRAP_AT_NEWLINE,
        area.effect,
        area.exit_mode,
        area.speed,
        area.stay_half_s,
        len(area.content),
    )
    return head + area.content


def decode_area(data: bytes) -> Area:
    """The area in `data`; raises Malformed, also for the voice and extension fields, which are not read here."""
    if len(data) < _AREA.size:
        raise Malformed(f"an area has at least {_AREA.size} bytes, not {len(data)}")
    (kind, x, y, width, height, number, spacing, run, timeout_s, voice, extension, align, single, wrap, effect, leave,
     speed, stay, length) = _AREA.unpack_from(data)  # fmt: skip
    if kind or voice or extension:
        raise Malformed("an area with a voice, an extension or of another type")
    if length != len(data) - _AREA.size:
        raise Malformed(f"an area of {len(data)} bytes says it has {length} of content")
    return Area(
        x=_dots(x),
        y=y,
        width=_dots(width),
        height=height,
        content=data[_AREA.size :],
        id=number,
        line_spacing=spacing,
        run_mode=run,
        timeout_s=timeout_s,
        align=align,
        single_line=single == _SINGLE_LINE,
        auto_wrap=wrap == _WRAP_AUTOMATIC,
        effect=effect,
        exit_mode=leave,
        speed=speed,
        stay_half_s=stay,
        coarse=not (x | width) & IN_DOTS,
    )


def _dots(value: int) -> int:
    dots = value & ~IN_DOTS if value & IN_DOTS else value * EIGHT
    if dots >= IN_DOTS:
        raise Malformed(f"a position of {dots} dots")
    return dots
