"""A broker that does, on purpose, what a good one does not, or says what mosquitto never says.

Packets are written by hand after MQTT 5 section 3 and MQTT 3.1.1 section 3.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14
ACCEPTED = bytes.fromhex("2003 00 00 00")

Packet = tuple[int, bytes]
"""Type, and all that follows the fixed header."""


class ScriptedBroker:
    """Answers each CONNECT with the next of `connacks` (bytes, or None to hang up), every SUBSCRIBE properly, and
    notes the rest. With `acknowledging` it acknowledges every PUBLISH.
    """

    def __init__(self, *connacks: bytes | None, acknowledging: bool = False) -> None:
        self._connacks = deque(connacks)
        self._acknowledging = acknowledging
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.versions: list[int] = []
        self.packets: list[Packet] = []
        self.port = 0

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while self._answer(*await read_packet(reader), writer):
                pass
        writer.close()

    def _answer(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if kind == CONNECT:
            self.versions.append(body[6])
            connack = self._connacks.popleft() if len(self._connacks) > 1 else self._connacks[0]
            if connack is None:
                return False
            writer.write(connack)
        elif kind == SUBSCRIBE:
            writer.write(b"\x90\x04" + body[:2] + b"\x00\x01")
        elif kind == PINGREQ:
            self.packets.append((kind, body))
            writer.write(b"\xd0\x00")
        else:
            self.packets.append((kind, body))
            if kind == PUBLISH and self._acknowledging:
                self.acknowledge(packet_id(body))
        return True

    def send(self, data: bytes) -> None:
        self._writers[-1].write(data)

    def acknowledge(self, number: int, code: bytes = b"") -> None:
        body = number.to_bytes(2) + code
        self.send(bytes([PUBACK << 4, len(body)]) + body)

    def of(self, kind: int) -> list[bytes]:
        return [body for found, body in self.packets if found == kind]

    async def close(self) -> None:
        """Hear the client out, which has gone by now."""
        async with asyncio.timeout(5):
            await asyncio.gather(*self._tasks)


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    kind = (await reader.readexactly(1))[0] >> 4
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return kind, await reader.readexactly(length)


def packet_id(publish: bytes) -> int:
    topic = int.from_bytes(publish[:2])
    return int.from_bytes(publish[2 + topic : 4 + topic])
