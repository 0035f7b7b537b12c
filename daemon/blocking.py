"""A blocking call that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable


async def call_in_thread(call: Callable[[], None], *, within_s: float, too_late: Callable[[], None]) -> None:
    """Run `call` in a thread; raises what it raises of OSError and ValueError, and TimeoutError after `within_s`.

    When the caller has gone by the time it returns, `too_late` is called in the event loop to tidy up. The thread is
    a daemon: asyncio's own pool would hold up the end of the process until a dead name server has timed out.
    """
    loop = asyncio.get_running_loop()
    returned: asyncio.Future[OSError | ValueError | None] = loop.create_future()

    def settle(error: OSError | ValueError | None) -> None:
        if not returned.done():
            returned.set_result(error)
        else:
            too_late()

    def run() -> None:
        error: OSError | ValueError | None = None
        try:
            call()
        except (OSError, ValueError) as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the event loop is closed: the process is ending
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="blocking-call", daemon=True).start()
    async with asyncio.timeout(within_s):
        error = await returned
    if error is not None:
        raise error
