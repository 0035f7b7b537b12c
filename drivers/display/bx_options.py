"""How one BX board is set up."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.display.bx_area_protocol import EIGHT, Card
from drivers.display.bx_frame_protocol import BROADCAST, FACTORY_ADDRESS
from drivers.display.bx_text import FONT_FILES, Colour


@dataclass(frozen=True, slots=True)
class BxOptions:
    """How one board is set up.

    `address`: the screen's own, 1 as it leaves the factory; 65534 for any board that answers, 65535 for all boards at
    once, which then never answer; 32768 where the link alone leads to the board (TCP).
    `card`: "5k" (BX-5K, 5MK) or "6k". `scroll` runs the text from right to left as one line.
    `voice`: the card is a 6K-YY, which speaks.
    `answer_s`: how long the card may take to answer (the document says 2 s on a serial line, 30 s on GPRS).
    `refresh_s`: the shortest time between two texts; the document forbids less than 1 s.
    `monitor_s`: how often the card is asked what it shows. `busy_s`: the wait before a busy card is asked again.
    """

    address: int = FACTORY_ADDRESS
    card: str = "6k"
    width_dots: int = 128
    height_dots: int = 32
    font_dots: int = 16
    colour: str = "red"
    scroll: bool = False
    voice: bool = False
    answer_s: float = 2.0
    refresh_s: float = 1.0
    monitor_s: float = 30.0
    busy_s: float = 0.5

    def __post_init__(self) -> None:
        _expect(0 <= self.address <= BROADCAST, "address", self.address, "0 to 65535")
        _expect(self.card in list(Card), "card", self.card, " or ".join(Card))
        _expect(self.font_dots in FONT_FILES, "font_dots", self.font_dots, "16, 24 or 32")
        _expect(self.colour.upper() in Colour.__members__, "colour", self.colour, ", ".join(Colour.__members__).lower())
        largest = 0x7FFF
        _expect(self.font_dots <= self.width_dots <= largest, "width_dots", self.width_dots, "room for a character")
        _expect(self.font_dots <= self.height_dots <= largest, "height_dots", self.height_dots, "room for a character")
        if self.card == Card.BX_5K:
            _expect(self.width_dots % EIGHT == 0, "width_dots", self.width_dots, "a multiple of 8 on a BX-5K")
        _expect(not (self.voice and self.card == Card.BX_5K), "voice", self.voice, "false: no BX-5K has a voice")
        for name in ("answer_s", "refresh_s", "monitor_s", "busy_s"):
            _expect(getattr(self, name) > 0, name, getattr(self, name), "more than 0 seconds")


def _expect(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} = {value!r}: expected {expected}")
