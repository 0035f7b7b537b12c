"""The paper of a simulated printer as the page gets it: a picture of each slip, and its words for who cannot see it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from simulators.escpos_paper import Barcode, Item, Line, Paper, Qr, Slip

SHOWN_SLIPS = 12
SHOWN_ITEMS = 200
"""How much of a roll the page gets the words of with every line that is printed."""


def shown(paper: Paper) -> list[Mapping[str, Any]]:
    """The latest slips, oldest first. `changes` differs whenever the picture does."""
    latest = islice(paper.slips, max(len(paper.slips) - SHOWN_SLIPS, 0), None)
    return [
        {
            "number": slip.number,
            "changes": slip.changes,
            "cut": slip.cut,
            "torn": slip.torn,
            "ink": slip.has_ink,
            "text": "\n".join(filter(None, map(_words, slip.items[-SHOWN_ITEMS:]))),
        }
        for slip in latest
    ]


def _words(item: Item) -> str:
    match item:
        case Line(text=text):
            return text.rstrip()
        case Qr(data=data):
            return f"[QR {data}]"
        case Barcode(data=data):
            return f"[{data}]"
        case _:
            return ""


async def picture_of(paper: Paper, number: int) -> bytes:
    """Slip `number` as a PNG file. Raises KeyError when it is gone, CommandError when this machine has no font."""
    found = next((slip for slip in paper.slips if slip.number == number), None)
    if found is None:
        raise KeyError(f"slip {number}")
    # drawing takes some milliseconds, and the paper goes on meanwhile
    return await asyncio.to_thread(_draw, replace(found, items=list(found.items)), paper.columns)


def _draw(slip: Slip, columns: int) -> bytes:
    from simulators.escpos_png import slip_as_png  # noqa: PLC0415 - Pillow, for whoever looks

    return slip_as_png(slip, columns)
