"""What every simulated device has in common: a wire towards its host, and commands a person gives it at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


class CommandError(Exception):
    """A run-time command was not understood; the message says what would be."""


class Wire(Protocol):
    """The device's end of the cable."""

    def send(self, data: bytes) -> None:
        """Send `data` towards the host. What nobody is there to receive is lost, as on a real cable."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person may do to the device or have it do. `usage` names the arguments, `help` says what happens.

    `run` gets the arguments as words; raises CommandError when they are wrong.
    """

    run: Callable[[list[str]], None]
    help: str
    usage: str = ""


class Simulator(Protocol):
    """The far side of a wire. Lives in the event loop; all methods are called there.

    `DOES_NOT_IMITATE` says plainly what a real device does that this one does not.
    `changed` is set by the owner and called after each visible change.
    """

    KIND: ClassVar[str]
    DOES_NOT_IMITATE: ClassVar[str]
    changed: Callable[[], None]

    def attach(self, wire: Wire) -> None:
        """A host is on the line (a pty counts as one from the start)."""
        ...

    def detach(self) -> None:
        """The host hung up or the cable was pulled. Power stays on."""
        ...

    def receive(self, data: bytes) -> None:
        """Bytes from the host, as many as came."""
        ...

    def close(self) -> None:
        """End every timer."""
        ...

    @property
    def commands(self) -> Mapping[str, Command]:
        """The run-time commands by name: actions (press, ring) and the kind's own faults."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What a person would see of the device now, as JSON."""
        ...
