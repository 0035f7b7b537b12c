"""The receive buffer of a simulated printer: bytes wait in it for the print engine, and are lost when it is full."""

from __future__ import annotations

from dataclasses import replace

from simulators.escpos_parser import MAX_COMMAND_BYTES, Instruction, TextMode, read_instruction

BUSY_BELOW_BYTES = 16
READY_ABOVE_BYTES = 26
"""TM-T88 technical manual: BUSY with 16 or fewer bytes free, ready again with 26; at 0 free bytes data is lost."""

WINDOW_BYTES = 64
"""What is looked at for the next command before a longer one is looked for in the whole buffer."""


class ReceiveBuffer:
    """First in, first out. The data of one long command under way does not count against `size_bytes`:
    a printer uses it up as it comes in."""

    def __init__(self, size_bytes: int) -> None:
        self.busy = False
        self.size_bytes = size_bytes
        self._bytes = bytearray()
        self._starved = True

    def __len__(self) -> int:
        return len(self._bytes)

    def put(self, data: bytes) -> bytes:
        """Take what there is room for; what is left over."""
        size = MAX_COMMAND_BYTES + WINDOW_BYTES if self._starved else self.size_bytes
        room = max(size - len(self._bytes), 0)
        self._bytes += data[:room]
        return data[room:]

    def take(self, mode: TextMode) -> Instruction | None:
        """The next whole command, or None until more has come in."""
        found = read_instruction(bytes(self._bytes[:WINDOW_BYTES]), mode)
        if found is None and len(self._bytes) > WINDOW_BYTES:
            found = read_instruction(bytes(self._bytes), mode)
        self._starved = found is None
        if found is None:
            return None
        instruction, length = found
        del self._bytes[:length]
        return instruction

    def ends_inside_command(self, mode: TextMode) -> bool:
        """Whether what comes in next is data of a command begun, when the buffer is read from `mode` on."""
        rest = bytes(self._bytes)
        while rest:
            found = read_instruction(rest, mode)
            if found is None:
                return True
            instruction, length = found
            if instruction.name in ("FS &", "FS ."):
                mode = replace(mode, double_byte=instruction.name == "FS &")
            rest = rest[length:]
        return False

    def hold(self) -> None:
        """The engine is at work or stopped: what comes in has to wait."""
        self._starved = False

    def clear(self) -> None:
        """Forget everything."""
        self._bytes.clear()
        self._starved = True

    def busy_changed(self) -> bool:
        """Whether `busy` is not what it was at the last call."""
        free = self.size_bytes - (0 if self._starved else len(self._bytes))
        was = self.busy
        self.busy = free < READY_ABOVE_BYTES if was else free <= BUSY_BELOW_BYTES
        return self.busy != was
