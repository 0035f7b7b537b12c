"""Device nodes are opened and closed in threads of their own: either may hold its caller for tens of seconds.

Linux closes a serial port when the driver has sent what it holds, or after 30 s, which only root may shorten
(``closing_wait``), and whoever opens the port meanwhile waits for that. To open one takes half a dozen requests to its
adapter, each of which waits 5 s for one that does not answer. An input device that sleeps is woken first.
Sources, in Linux: drivers/tty/tty_port.c, drivers/tty/tty_io.c, drivers/usb/serial/ftdi_sio.c, drivers/hid/usbhid.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from drivers.device import DeviceError, Reason

T = TypeVar("T")

OPEN_S = 20.0
"""How long a device may take to be opened."""

_opening: dict[str, Future[Any]] = {}
_closing: dict[str, Future[Any]] = {}
"""What has not returned yet, by node: a call that never does takes no second thread with it."""


async def open_node(path: str, call: Callable[[], T], close: Callable[[T], None]) -> tuple[T, Callable[[], None]]:
    """What `call` opens, and how to give it back: to be called once, it returns at once, and `close` runs in a thread.

    Raises the DeviceError of `call`, or one after OPEN_S. What is open later than that, or when nobody wants it any
    more, is closed. A node that is still being closed is opened after that.
    """
    node = _real(path)
    for calls, reason in ((_closing, Reason.NOT_DRAINING), (_opening, Reason.NO_ANSWER)):
        before = calls.get(node)
        if before is not None and not await _returns(before):
            raise _slow(reason, path)
    opening = _start(_opening, node, partial(_outcome, call))
    try:
        in_time = await _returns(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(partial(_give_back, node, close))
        raise
    if not in_time:
        opening.add_done_callback(partial(_give_back, node, close))
        raise _slow(Reason.NO_ANSWER, path)
    opened = opening.result()
    if isinstance(opened, DeviceError):
        raise opened
    return opened, partial(_close, node, partial(close, opened))


def _real(path: str) -> str:
    """The node itself: links to it may come to lead to another while this one is closed."""
    return os.path.realpath(path)


async def _returns(call: Future[Any]) -> bool:
    """Whether `call` returns within OPEN_S."""
    returned = asyncio.wrap_future(call)
    try:
        return bool((await asyncio.wait([returned], timeout=OPEN_S))[0])
    finally:
        returned.cancel()  # the call goes on; the event loop may have ended when it returns


def _slow(reason: Reason, path: str) -> DeviceError:
    return DeviceError(reason, f"{path}: not open after {OPEN_S:g} s, the system still waits for the device")


def _outcome(call: Callable[[], T]) -> T | DeviceError:
    try:
        return call()
    except DeviceError as error:
        return error


def _give_back(node: str, close: Callable[[T], None], opening: Future[T | DeviceError]) -> None:
    """Nobody waits for it any more."""
    opened = opening.result()
    if not isinstance(opened, DeviceError):
        _close(node, partial(close, opened))


def _close(node: str, call: Callable[[], None]) -> None:
    _start(_closing, node, call).add_done_callback(Future.result)  # what it raised is then logged


def _start(calls: dict[str, Future[Any]], node: str, call: Callable[[], T]) -> Future[T]:
    """Begin `call` in a thread, which is a daemon: it must not hold up the end of the process."""
    returned: Future[T] = Future()
    returned.set_running_or_notify_cancel()
    returned.add_done_callback(partial(_forget, calls, node))
    calls[node] = returned
    threading.Thread(target=_run, args=(call, returned), name=f"node {node}", daemon=True).start()
    return returned


def _run(call: Callable[[], T], returned: Future[T]) -> None:
    try:
        returned.set_result(call())
    except BaseException as error:  # noqa: BLE001 - a bug: raised by whoever asks for the result
        returned.set_exception(error)


def _forget(calls: dict[str, Future[Any]], node: str, returned: Future[Any]) -> None:
    if calls.get(node) is returned:
        del calls[node]
