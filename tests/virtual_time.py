"""An event loop whose clock jumps to the next timer as soon as nothing else can happen: hours pass in milliseconds.

Only for what stays within one process: bytes between sockets of this process have arrived by the time they were
written, those through a pty or to another process have not. What would go to a thread is done at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TURN_S = 1e-9
"""What a turn of the loop takes: the loop fires a timer up to so much too early, and whoever then waits for the rest
of it would do so for ever by a clock that stands still.
"""


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing: what is not ready now is waited for by moving the clock."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits, and nothing is to come")
        self.now_s += max(0.0 if ready or timeout is None else timeout, TURN_S)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        done = self.create_future()
        done.set_result(func(*args))
        return done


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
