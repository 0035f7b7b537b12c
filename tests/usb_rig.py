"""What the tests of USB printer links share: simulated devices over USB/IP, reached through pyusb, without a kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from drivers.device import DeviceError
from drivers.link.url import LinkUrl, parse_link
from drivers.link.usb import open_usb
from drivers.link.usb_link import UsbLink
from simulators.device import Command, Wire
from simulators.stage import Stage
from simulators.usbip_endpoint import UsbIpEndpoint
from tests.usbip_backend import UsbIpBackend

ANY = parse_link("usb://1209:0002")
PATIENCE_S = 5.0
PACKET_BYTES = 64
ROOT = Path(__file__).parent.parent


class Recorder:
    """A device that keeps what it is sent, and says what it is told to say."""

    KIND: ClassVar[str] = "printer"
    DOES_NOT_IMITATE: ClassVar[str] = "everything"
    one_way = False

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.received = bytearray()
        self.status = {"paper_end": False, "offline": False, "error": False}
        self.wire: Wire | None = None

    def attach(self, wire: Wire) -> None:
        self.wire = wire

    def detach(self) -> None:
        self.wire = None

    def receive(self, data: bytes) -> None:
        self.received += data

    def say(self, data: bytes) -> None:
        assert self.wire is not None
        self.wire.send(data)

    def close(self) -> None:
        """Nothing runs."""

    @property
    def commands(self) -> Mapping[str, Command]:
        return {}

    def state(self) -> Mapping[str, Any]:
        return {"status": self.status, "model": {"one_way": self.one_way}}


class Bench:
    """Devices, each on a bus of its own, and the backend that finds them."""

    def __init__(self, serials: tuple[str, ...], *, kernel_driver: bool) -> None:
        self.devices = [Recorder() for _ in serials]
        self.endpoints = [UsbIpEndpoint(port=0, serial=serial) for serial in serials]
        self.stages = [Stage(*pair) for pair in zip(self.devices, self.endpoints, strict=True)]
        for stage in self.stages:
            stage.restore()
        addresses = [("127.0.0.1", endpoint.port) for endpoint in self.endpoints]
        self.backend = UsbIpBackend(*addresses, kernel_driver=kernel_driver)

    @property
    def device(self) -> Recorder:
        return self.devices[0]

    @property
    def stage(self) -> Stage:
        return self.stages[0]

    @asynccontextmanager
    async def link(self, url: LinkUrl = ANY, stall_s: float = PATIENCE_S) -> AsyncIterator[UsbLink]:
        link = await open_usb(url, self.backend, stall_s=stall_s)
        try:
            yield link
        finally:
            link.close()
            await until(lambda: self.backend.opened == 0)


@asynccontextmanager
async def bench(*serials: str, kernel_driver: bool = False) -> AsyncIterator[Bench]:
    it = Bench(serials or ("A",), kernel_driver=kernel_driver)
    try:
        yield it
    finally:
        for stage in it.stages:
            await stage.__aexit__()
        await asyncio.to_thread(it.backend.detach_all)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.002)


async def fails(url: LinkUrl, it: Bench) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await open_usb(url, it.backend)
    assert it.backend.opened == 0
    return caught.value
