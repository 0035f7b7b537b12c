"""What a simulated ESC/POS printer says of itself: asked from behind its buffer, and of its own accord."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from drivers.printer import escpos_protocol as protocol
from drivers.printer import escpos_status_protocol as statuses
from drivers.printer.escpos_status_protocol import PrinterStatus
from simulators.escpos_model import INFO_BYTES, INFO_TEXTS, EscposModel, selected

MAX_UNKNOWN = 50


class Answers:
    """The answers of a printer of `model`, on their way to `send`. A command that `model` lacks is unknown to it."""

    def __init__(self, model: EscposModel, send: Callable[[bytes], None]) -> None:
        self.model = model
        self.status = PrinterStatus()
        self.drawer_kicks = 0
        self.unknown_commands: deque[str] = deque(maxlen=MAX_UNKNOWN)
        self._send = send
        self._asb_items = 0
        self._offline_response = False

    def forget(self) -> None:
        """Power-off: nobody has asked to be told anything."""
        self._asb_items = 0
        self._offline_response = False

    def tell_change(self, before: PrinterStatus) -> None:
        """Tell whoever asked to be told that the status is not `before` any more."""
        if self._offline_response and self.status.offline and not before.offline:
            self._send(protocol.encode_offline(b""))
        if selected(before, self._asb_items) != selected(self.status, self._asb_items):
            self._send(statuses.encode_asb(self.status))

    # --- what the engine asks for ----------------------------------------------------------------------------------

    def answer_paper(self, n: int) -> None:
        """GS r."""
        if not self.model.gs_r:
            self.unknown(b"\x1dr")
        elif n in (1, 0x31):
            self._send(statuses.encode_paper(self.status))
        elif n in (2, 0x32):
            self._send(bytes((int(self.status.drawer_high),)))

    def answer_info(self, n: int) -> None:
        """GS I."""
        if not self.model.info:
            self.unknown(b"\x1dI")
        elif n in INFO_TEXTS:
            self._send(protocol.encode_information(INFO_TEXTS[n]))
        elif n in INFO_BYTES or n - 0x30 in INFO_BYTES:
            self._send(bytes((INFO_BYTES[n & 0x0F],)))

    def answer_sized_h(self, arguments: bytes) -> None:
        """GS ( H: arguments with their length in front."""
        function = arguments[2:4]
        if not self.model.process_id:
            self.unknown(b"\x1d(H")
        elif function == b"\x30\x30" and len(arguments) == 8:
            self._send(protocol.encode_process_id(arguments[4:]))
        elif function == b"\x31\x30" and len(arguments) == 5:
            self._offline_response = arguments[4] != 0
        else:
            self.unknown(b"\x1d(H" + function)

    def set_asb(self, items: int) -> None:
        """GS a."""
        if not self.model.asb:
            self.unknown(b"\x1da")
            return
        self._asb_items = items
        if items:
            self._send(statuses.encode_asb(self.status))

    def kick_drawer(self) -> None:
        self.drawer_kicks += 1

    def unknown(self, command: bytes) -> None:
        self.unknown_commands.append(command.hex(" "))
