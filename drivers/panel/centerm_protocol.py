"""The serial rating panel of Centerm 升腾: three keys, asked to take one rating. No input or output here.

Unverified: everything here rests on one public Go program (package cn.agree), no vendor manual was found and no
real panel was tried. The serial settings are not stated there; 9600 8N1 is assumed.

    host → panel   ESC [ 4 R    ask for a rating
    host → panel   ESC [ 4 C    stop asking (the host sends it when its own time runs out, too)
    panel → host   B n F        key n was pressed: 1 very satisfied, 2 satisfied, 3 dissatisfied
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

KEYS = (1, 2, 3)


class Request(Enum):
    """What the host tells the panel. Unverified."""

    ASK = b"\x1b[4R"
    CANCEL = b"\x1b[4C"


@dataclass(frozen=True, slots=True)
class Rating:
    """Key `key` was pressed. Unverified."""

    key: int

    def __post_init__(self) -> None:
        if self.key not in KEYS:
            raise ValueError(f"key {self.key}: this panel has keys {KEYS[0]} to {KEYS[-1]}")


def encode_request(request: Request) -> bytes:
    """The bytes of `request`."""
    return request.value


def encode_rating(rating: Rating) -> bytes:
    """The bytes of `rating`."""
    return b"B%dF" % rating.key


Message = TypeVar("Message")


class _Decoder(Generic[Message]):
    """Finds whole messages among whatever else is on the line, and counts the bytes that were none.

    There is no length and no checksum: a message is its literal bytes, wherever they stand. What may be the
    beginning of one is kept for the next call; it is shorter than one message.
    """

    _pattern: re.Pattern[bytes]
    _messages: dict[bytes, Message]

    def __init__(self) -> None:
        self._rest = b""
        self.skipped_bytes = 0

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes, in order."""
        data = self._rest + data
        found = []
        end = 0
        for match in self._pattern.finditer(data):
            found.append(self._messages[match[0]])
            self.skipped_bytes += match.start() - end
            end = match.end()
        self._rest = self._beginning(data[end:])
        self.skipped_bytes += len(data) - end - len(self._rest)
        return found

    def _beginning(self, data: bytes) -> bytes:
        """The longest end of `data` that may become a message."""
        longest = max(map(len, self._messages)) - 1
        for start in range(max(0, len(data) - longest), len(data)):
            if any(message.startswith(data[start:]) for message in self._messages):
                return data[start:]
        return b""


class RatingDecoder(_Decoder[Rating]):
    """The host's side: ratings out of the panel's bytes."""

    _messages = {encode_rating(Rating(key)): Rating(key) for key in KEYS}
    _pattern = re.compile(b"|".join(map(re.escape, _messages)))


class RequestDecoder(_Decoder[Request]):
    """The panel's side: requests out of the host's bytes."""

    _messages = {request.value: request for request in Request}
    _pattern = re.compile(b"|".join(map(re.escape, _messages)))
