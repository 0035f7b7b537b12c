"""What a person would take the slips of a simulated printer for."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from simulators.escpos_paper import Slip

NUMBER = re.compile(r"A\d{3}")


@dataclass(frozen=True, slots=True)
class Found:
    """The slips of one number on the paper, by what a person would take them for."""

    valid: int = 0
    valid_marked: int = 0
    void: int = 0
    torn: int = 0
    doubtful: int = 0
    loose_halves: int = 0


def look_at(slips: Iterable[Slip], number: str) -> Found:
    """Sort every slip that bears ink of the ticket `number`. The service's name stands above the number."""
    kinds = Counter(_kind(slip, number) for slip in slips)
    return Found(*(kinds[field.name] for field in dataclasses.fields(Found)))


def says_unconfirmed(slip: Slip) -> bool:
    """Whether it says that nobody knows whether it, or what lies just above it, is whole."""
    return [line.strip() for line in slip.lines][-2:] == ["以上小票未确认", "UNCONFIRMED"]


def untold(slips: Iterable[Slip], number: str) -> int:
    """How many loose halves of the ticket `number` there are without a word of it, on them or just below them."""
    roll = list(slips)
    return sum(_kind(slip, number) == "loose_halves" and not says_unconfirmed(below) for slip, below in pairwise(roll))


def _kind(slip: Slip, number: str) -> str:
    lines = [line.strip() for line in slip.lines]
    if lines == ["综合业务", number]:
        whole = "valid"
    elif lines == ["补打", "综合业务", number]:
        whole = "valid_marked"
    elif number not in lines and (NUMBER.search(" ".join(lines)) or not {"综合业务", "补打"} & set(lines)):
        return "another"
    else:
        whole = ""
    if "VOID" in "".join(lines):
        return "void"
    if says_unconfirmed(slip):
        return "doubtful"
    if whole and slip.cut:
        return whole
    return "torn" if slip.torn else "loose_halves"
