"""Harmless questions to whatever is at the far end of a line, to find out what it is.

What is asked, and what it may do to a device that is something else. Sources: the protocol modules of the drivers.

* ``DLE EOT 1`` and, once that was answered, ``GS I``: an ESC/POS printer answers and prints nothing. Control
  characters to everything else.
* Onbon's ping to the address that any board answers to: a BX board answers and shows nothing new. To a printer that
  never answers it is noise, and it may print some of it.
* ``AT``: a modem says ``OK``. A printer that never answers prints the two letters; so this comes last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.display.bx_frame_protocol import BROADCAST_ANSWERED, HOST_ADDRESS, Packet, PacketDecoder, encode_packet
from drivers.display.bx_protocol import Ping, encode_request
from drivers.link.stream import Link
from drivers.phone.modem_protocol import ModemDecoder, Result, ResultCode, encode_command
from drivers.printer import escpos_protocol as escpos
from drivers.printer.escpos_status_protocol import Topic

ANSWER_S = 0.6
"""Long enough for every documented answer at 9600 baud; a board that is starting takes longer."""

MAX_HEARD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """What answered. `driver` is None for what is none of ours; `options` are its driver's, as far as it told them."""

    driver: str | None
    name: str = ""
    options: tuple[tuple[str, int | str], ...] = ()


async def identify(link: Link, *, answer_s: float = ANSWER_S) -> Identity | None:
    """Ask until somebody answers; None when nobody does. Raises DeviceError when the line goes."""
    for ask in (ask_printer, ask_board, ask_modem):
        found = await ask(link, answer_s)
        if found is not None:
            return found
    return None


async def ask_printer(link: Link, answer_s: float = ANSWER_S) -> Identity | None:
    """Whether an ESC/POS printer is there; port 9100 may also be something else that says what it is."""
    decoder = escpos.Decoder()

    def status(heard: bytes, new: bytes) -> Identity | None:
        if _is_text(heard):  # before anything else: some letters look like an answer
            return Identity(None, _first_line(heard))
        replied = any(isinstance(event, escpos.RealTimeReply) for event in decoder.feed(new))
        return Identity("escpos") if replied else None

    found = await _ask(link, escpos.ask_status(Topic.PRINTER), status, answer_s)
    if found is None or found.driver is None:
        return found
    names = [await _info(link, item, answer_s) for item in (escpos.Info.MAKER, escpos.Info.MODEL)]
    return Identity("escpos", " ".join(filter(None, names)))


async def _info(link: Link, item: escpos.Info, answer_s: float) -> str:
    decoder = escpos.Decoder()

    def text(_heard: bytes, new: bytes) -> Identity | None:
        texts = [event.text for event in decoder.feed(new) if isinstance(event, escpos.Information)]
        return Identity("escpos", texts[0].decode("ascii", "replace")) if texts else None

    found = await _ask(link, escpos.ask_info(item), text, answer_s)
    return found.name if found else ""


async def ask_board(link: Link, answer_s: float = ANSWER_S) -> Identity | None:
    """Whether a BX board is there, and at which address."""
    decoder = PacketDecoder()

    def answer(_heard: bytes, new: bytes) -> Identity | None:
        sources = [
            packet.source
            for packet in decoder.feed(new)
            if isinstance(packet, Packet) and packet.destination == HOST_ADDRESS != packet.source
        ]
        return Identity("bx", options=(("address", sources[0]),)) if sources else None

    ping = encode_packet(Packet(BROADCAST_ANSWERED, HOST_ADDRESS, encode_request(Ping())))
    return await _ask(link, ping, answer, answer_s)


async def ask_modem(link: Link, answer_s: float = ANSWER_S) -> Identity | None:
    """Whether a Hayes modem is there. Twice: it may take the first for the rest of a line begun by somebody else."""
    decoder = ModemDecoder()

    def answer(_heard: bytes, new: bytes) -> Identity | None:
        ok = any(isinstance(message, Result) and message.code is ResultCode.OK for message in decoder.feed(new))
        return Identity("modem") if ok else None

    for _ in range(2):
        found = await _ask(link, encode_command("AT"), answer, answer_s)
        if found is not None:
            return found
    return None


Recognise = Callable[[bytes, bytes], Identity | None]
"""Told all that was heard, and what came last."""


async def _ask(link: Link, question: bytes, recognise: Recognise, answer_s: float) -> Identity | None:
    heard = b""
    try:
        async with asyncio.timeout(answer_s):
            await link.write(question)
            while len(heard) < MAX_HEARD_BYTES:
                new = await link.read()
                heard += new
                found = recognise(heard, new)
                if found is not None:
                    return found
    except TimeoutError:
        return None
    return None


FEW_BYTES = 8


def _is_text(heard: bytes) -> bool:
    """A printer answers with control bytes: a line of text is some other service's."""
    return len(heard) >= FEW_BYTES and heard.splitlines()[0].decode("latin-1").isprintable()


def _first_line(heard: bytes) -> str:
    return heard.splitlines()[0].decode("ascii", "replace")[:60]
