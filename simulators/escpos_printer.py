"""A simulated ESC/POS ticket printer: receive buffer, print engine, sensors, and every way it has to tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

from drivers.printer import escpos_protocol as protocol
from drivers.printer import escpos_status_protocol as statuses
from drivers.printer.escpos_status_protocol import PrinterStatus, Topic
from simulators.device import Command, CommandError, Wire
from simulators.escpos_answers import Answers
from simulators.escpos_buffer import ReceiveBuffer
from simulators.escpos_commands import commands_of
from simulators.escpos_engine import Engine
from simulators.escpos_model import MODELS, RECOVERABLE, EscposModel, with_consequences
from simulators.escpos_paper import Paper
from simulators.escpos_parser import RealTimeFilter

MAX_PLANS = 16


class EscposPrinterSimulator:
    """An 80 mm printer with cutter. `mm_per_s` None prints at once; `flow` is ``xonxoff`` or ``none``.

    `code` is its Chinese font's: gb18030, gbk, gb2312, big5 or utf-8.
    """

    KIND: ClassVar[str] = "printer"
    DOES_NOT_IMITATE: ClassVar[str] = (
        "Written from manuals and never compared with a real printer. No page mode, macros, NV images, user-defined "
        "characters, Star or Citizen commands; no barcode symbols, only their data. How high an image stands among "
        "characters is a guess. A full buffer is told by XOFF, and by the shut window of its network board, never by "
        "DTR. The speed is even; the head does not cool. Power-off leaves the line up."
    )

    def __init__(
        self,
        model: EscposModel = MODELS["full"],
        *,
        code: str = "gb18030",
        columns: int = 48,
        fs_size: bool = False,
        mm_per_s: float | None = 150.0,
        buffer_bytes: int = 4096,
        flow: str = "xonxoff",
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.paper = Paper(columns)
        self.powered = True
        self.discarded = 0
        self.received = 0
        self._answers = Answers(model, self._send)
        self._engine = Engine(self.paper, self._answers, code=code, columns=columns, fs_size=fs_size)
        self._mm_per_s = mm_per_s
        self._flow = flow
        self._wire: Wire | None = None
        self._buffer = ReceiveBuffer(buffer_bytes)
        self._filter = RealTimeFilter()
        self._motor: asyncio.TimerHandle | None = None
        self._blocked: set[str] = set()
        self._plans: list[tuple[int, Callable[[], None]]] = []

    @property
    def model(self) -> EscposModel:
        return self._answers.model

    @model.setter
    def model(self, model: EscposModel) -> None:
        self._answers.model = model

    @property
    def status(self) -> PrinterStatus:
        return self._answers.status

    @property
    def unknown_commands(self) -> Sequence[str]:
        """The latest commands that were not understood, in hexadecimal."""
        return self._answers.unknown_commands

    # --- the wire --------------------------------------------------------------------------------------------------

    def attach(self, wire: Wire) -> None:
        self._wire = wire

    def detach(self) -> None:
        self._wire = None

    def close(self) -> None:
        if self._motor is not None:
            self._motor.cancel()
            self._motor = None

    def receive(self, data: bytes) -> None:
        """Bytes from the host; a planned fault strikes between the two bytes it was planned for."""
        while data:
            until = min((at for at, _ in self._plans), default=self.received + len(data))
            now, data = data[: until - self.received], data[until - self.received :]
            self.received += len(now)
            if now and self.powered:
                self._take(now)
            self._strike()
        self.changed()

    def _strike(self) -> None:
        due = [strike for at, strike in self._plans if at <= self.received]
        self._plans = [plan for plan in self._plans if plan[0] > self.received]
        for strike in due:
            strike()

    def _take(self, data: bytes) -> None:
        for stretch, real_time in self._filter.feed(data):
            if real_time:
                self._real_time(stretch)
            # inside the data of a command the bytes are data as well; between commands they are gone
            if not real_time or self._buffer.ends_inside_command(self._engine.text_mode):
                self._store(stretch)

    def _store(self, data: bytes) -> None:
        while data:
            left = self._buffer.put(data)
            self._pump()
            if len(left) == len(data):
                self.discarded += len(left)
                break
            data = left
        self._tell_flow()

    def _send(self, data: bytes) -> None:
        if self._wire is not None and self.powered and not self.model.one_way:
            self._wire.send(data)

    def _tell_flow(self) -> None:
        if self._buffer.busy_changed() and self._flow == "xonxoff":
            self._send(bytes((protocol.XOFF if self._buffer.busy else protocol.XON,)))

    # --- printing --------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Carry out what is in the buffer until it is empty, the motor runs, or the printer goes offline."""
        while self.powered and self._motor is None and not self.status.offline:
            instruction = self._buffer.take(self._engine.text_mode)
            if instruction is None:
                return
            self._run_motor(self._engine.execute(instruction))
        self._buffer.hold()

    def _run_motor(self, moved_mm: float) -> None:
        if moved_mm and self._mm_per_s is not None:
            self._motor = asyncio.get_running_loop().call_later(moved_mm / self._mm_per_s, self._motor_stopped)

    def _motor_stopped(self) -> None:
        self._motor = None
        self._pump()
        self._tell_flow()
        self.changed()

    # --- status ----------------------------------------------------------------------------------------------------

    def sense(self, **changes: bool) -> None:
        """Change what the sensors say, and tell whoever asked to be told."""
        before = self.status
        self._answers.status = with_consequences(replace(before, **changes))
        if not self.powered:
            return
        self._answers.tell_change(before)
        self._pump()
        self._tell_flow()

    def _real_time(self, command: bytes) -> None:
        kind, n = command[1], command[2]
        if kind == 0x04 and self.model.real_time:
            self._send(statuses.encode_real_time(Topic(n), self.status))
        elif kind == 0x05:
            self._recover(clear=n == 2)
        elif kind == 0x14 and n == 0x01:
            self._answers.kick_drawer()
        elif kind == 0x14 and self.model.clears:
            self.clear_buffers()
            self._send(protocol.BUFFER_CLEARED)

    def clear_buffers(self) -> None:
        self._buffer.clear()
        self._engine.clear_line()
        self._tell_flow()

    def _recover(self, *, clear: bool) -> None:
        """DLE ENQ: acts on a recoverable error alone, once its cause is gone."""
        over = {name: False for name in RECOVERABLE if getattr(self.status, name) and name not in self._blocked}
        if not over or not self.powered:
            return
        if clear:
            self.clear_buffers()
        self.sense(**over)

    # --- run-time commands -----------------------------------------------------------------------------------------

    @property
    def commands(self) -> Mapping[str, Command]:
        return commands_of(self)

    def plan(self, strike: Callable[[], None], after_bytes: int) -> None:
        """Have `strike` happen when so many more bytes have come in."""
        if len(self._plans) >= MAX_PLANS:
            raise CommandError(f"{MAX_PLANS} faults are planned already")
        self._plans.append((self.received + after_bytes, strike))

    @property
    def fault_struck(self) -> bool:
        """Whether every planned fault has happened."""
        return not self._plans

    def end_paper(self) -> None:
        """The roll runs out: what hangs from the printer falls off with its end."""
        self.paper.tear()
        self.sense(paper_near_end=True, paper_end=True)

    def refill(self) -> None:
        """A new roll is put in."""
        self.paper.tear()
        self.sense(paper_near_end=False, paper_end=False)

    def block(self, error: str) -> None:
        """Something jams: `error` is one of `RECOVERABLE`."""
        self._blocked.add(error)
        self.sense(**{error: True})

    def clear(self) -> None:
        """A person takes out what jams and lets the head cool. A recoverable error stays until DLE ENQ."""
        self._blocked.clear()
        self.sense(auto_recoverable_error=False)

    def power_off(self) -> None:
        """Everything volatile is gone; the paper stays as it is."""
        self.powered = False
        self.close()
        self._buffer.clear()
        self._buffer.busy = False
        self._filter.reset()
        self._answers.forget()
        self._engine.power_on()

    def power_on(self) -> None:
        """Start with nothing in any buffer; the sensors tell what is there."""
        if self.powered:
            return
        self.powered = True
        if self._flow == "xonxoff":
            self._send(bytes((protocol.XON,)))
        errors = {name: name in self._blocked for name in RECOVERABLE}
        self.sense(**errors, unrecoverable_error=False, auto_recoverable_error=False)

    def set_code(self, code: str) -> None:
        """Read double-byte text in another code from now on."""
        self._engine.code = code

    def set_speed(self, mm_per_s: float | None) -> None:
        """Move paper at another speed from the next line on; None: at once."""
        self._mm_per_s = mm_per_s

    def set_buffer(self, size_bytes: int) -> None:
        """Have another size of receive buffer from now on."""
        self._buffer.size_bytes = size_bytes
        self._tell_flow()

    # --- what a person sees ----------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        return {**self.front(), "slips": [slip.as_json() for slip in self.paper.slips]}

    def front(self) -> Mapping[str, Any]:
        """The state without the paper."""
        return {
            "powered": self.powered,
            "status": asdict(self.status),
            "model": asdict(self.model),
            "code": self._engine.code,
            "printing": self._motor is not None,
            "mm_per_s": self._mm_per_s,
            "buffer_bytes": self._buffer.size_bytes,
            "buffered_bytes": len(self._buffer),
            "begun_line": self._engine.begun_line,
            "received_bytes": self.received,
            "discarded_bytes": self.discarded,
            "drawer_kicks": self._answers.drawer_kicks,
            "unknown_commands": list(self.unknown_commands),
        }

    def png(self) -> bytes:
        """The roll as a picture; see `simulators.escpos_png`."""
        from simulators.escpos_png import roll_as_png  # noqa: PLC0415 - Pillow, for whoever looks

        return roll_as_png(self.paper.slips, self.paper.columns)

    def printed_text(self) -> str:
        """Every printed line of every slip, one below the other."""
        return "\n".join(line for slip in self.paper.slips for line in slip.lines)
