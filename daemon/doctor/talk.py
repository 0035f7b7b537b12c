"""Tries a device with its own driver, as the daemon would, and finds out why it does not answer."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from daemon.doctor.finding import Finding, Level, found, well
from daemon.explanations import REASONS, STATES, Explanation
from daemon.probe import ask_board, ask_modem, ask_printer
from daemon.settings import Device
from daemon.terminal import one_line
from daemon.texts import Text
from drivers.device import Condition, DeviceError, Reason, State
from drivers.link.catalog import SCHEMES
from drivers.link.stream import Link

PATIENCE_S = 15.0
"""For the first word of a device: drivers give up earlier by themselves."""

SETTLE_S = 0.5
"""A driver reports what it finds out one after the other."""

MILD = (Reason.PAPER_NEAR_END, Reason.FEED_BUTTON)
"""Worth knowing, and no fault."""

RATES = (9600, 115_200, 57_600, 19_200, 38_400, 4800, 2400, 1200)
"""Tried where nothing is understood: the most usual first."""

ASK: dict[str, Callable[[Link], Awaitable[Any]]] = {"escpos": ask_printer, "bx": ask_board, "modem": ask_modem}
"""Drivers whose devices can be asked whether they are there."""


async def try_device(device: Device) -> Condition | DeviceError:
    """What the driver has to say about `device`, over a link opened for this; DeviceError where it got nowhere."""
    open_link, _ = SCHEMES[device.link.scheme]
    reports: asyncio.Queue[Condition] = asyncio.Queue()
    driver = device.entry.make(device.options, reports.put_nowait, lambda _: None)
    try:
        link = await open_link(device.link)
    except DeviceError as error:
        return error
    serving = asyncio.create_task(driver.serve(link))
    try:
        return await _hear(serving, reports)
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        link.close()


async def _hear(serving: asyncio.Task[None], reports: asyncio.Queue[Condition]) -> Condition | DeviceError:
    told: Condition | None = None
    try:
        async with asyncio.timeout(PATIENCE_S) as patience:
            while True:
                listening = asyncio.create_task(reports.get())
                await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
                if listening.done():
                    told = listening.result()
                    patience.reschedule(asyncio.get_running_loop().time() + SETTLE_S)
                    continue
                listening.cancel()
                return _outcome(serving)
    except TimeoutError:
        return told or DeviceError(Reason.NO_ANSWER)


def _outcome(serving: asyncio.Task[None]) -> DeviceError:
    error = serving.exception()
    if isinstance(error, DeviceError):
        return error
    raise error or AssertionError("a driver does not return")


def explain(subject: Text, condition: Condition) -> Iterator[Finding]:
    """A condition in words: one finding for each of its reasons."""
    if condition.state is State.READY:
        yield well(subject, "never-answers" if Reason.NEVER_ANSWERS in condition.reasons else "answers")
        return
    for reason in condition.reasons:
        if reason is not Reason.NEVER_ANSWERS:
            yield _in_words(subject, condition, str(reason), REASONS[reason])
    if not condition.reasons:
        yield _in_words(subject, condition, str(condition.state), STATES[condition.state])


def _in_words(subject: Text, condition: Condition, code: str, why: Explanation) -> Finding:
    detail = f" ({one_line(condition.detail)})" if condition.detail else ""
    what = Text(f"{condition.state}：{why.meaning.zh}{detail}", f"{condition.state}: {why.meaning.en}{detail}")
    mild = condition.state is State.UNKNOWN or code in MILD
    return Finding(Level.NOTE if mild else Level.FAULT, subject, code, what, why.action)


async def look_closer(subject: Text, device: Device, *, rates: bool) -> list[Finding]:
    """Why `device`, whose link opens, is not understood: another address, another baud rate."""
    if device.driver == "bx" and (finding := await _other_address(subject, device)):
        return [finding]
    if rates and device.link.scheme == "serial" and (baud := await _other_rate(device)):
        link = dataclasses.replace(device.link, options={**device.link.options, "baud": str(baud)})
        configured = device.link.options.get("baud", "9600")
        return [found("wrong-baud", subject, baud=baud, configured=configured, link=link)]
    return []


async def _other_address(subject: Text, device: Device) -> Finding | None:
    identity = await _asked(device, ask_board)
    if identity is None:
        return None
    address = dict(identity.options)["address"]
    if address == device.options.address:
        return None
    return found("wrong-address", subject, configured=device.options.address, address=address)


async def _other_rate(device: Device) -> int | None:
    ask = ASK.get(device.driver)
    configured = device.link.options.get("baud", "9600")
    for rate in RATES if ask else ():
        link = dataclasses.replace(device.link, options={**device.link.options, "baud": str(rate)})
        if str(rate) != configured and ask and await _asked(dataclasses.replace(device, link=link), ask):
            return rate
    return None


async def _asked(device: Device, ask: Callable[[Link], Awaitable[Any]]) -> Any:
    open_link, _ = SCHEMES[device.link.scheme]
    try:
        link = await open_link(device.link)
    except DeviceError:
        return None
    try:
        identity = await ask(link)
    except DeviceError:
        return None
    finally:
        link.close()
    return identity if identity and identity.driver == device.driver else None
