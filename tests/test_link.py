"""Links: URLs and their options, and the serial and TCP lines themselves, over real ptys and sockets."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link.catalog import SCHEMES
from drivers.link.serial import SerialOptions, open_serial, serial_options
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp, tcp_options
from drivers.link.url import LinkUrl, LinkUrlError, parse_link
from tests.harness import until

DEADLINE_S = 30.0
STALL_S = 0.2


# URLs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0?baud=19200&parity=E",
            LinkUrl(
                "serial",
                "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0",
                options={"baud": "19200", "parity": "E"},
            ),
        ),
        ("tcp://10.0.0.9:9100", LinkUrl("tcp", host="10.0.0.9", port=9100)),
        ("tcp://[fe80::1]:9100", LinkUrl("tcp", host="fe80::1", port=9100)),
        ("evdev:///dev/input/by-path/x-event-kbd", LinkUrl("evdev", "/dev/input/by-path/x-event-kbd")),
        ("evdev+unix:///run/kioskd/%E9%94%AE.sock", LinkUrl("evdev+unix", "/run/kioskd/键.sock")),
    ],
)
def test_parses_a_link_and_writes_it_again(text: str, expected: LinkUrl) -> None:
    assert parse_link(text) == expected
    assert str(expected) == text


@given(
    st.sampled_from(sorted(SCHEMES)),
    st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=30),
    st.dictionaries(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
        st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=12),
        max_size=3,
    ),
)
def test_every_link_survives_being_written_down(scheme: str, name: str, options: dict[str, str]) -> None:
    link = LinkUrl(scheme, f"/dev/{name}", options=options)
    assert parse_link(str(link)) == link


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected scheme://"),
        ("/dev/ttyUSB0", "expected scheme://"),
        ("serial:/dev/ttyUSB0", "expected scheme://"),
        ("tcp://10.0.0.9:port", "Port could not be cast"),
        ("tcp://10.0.0.9:99999", "Port out of range"),
        ("tcp://[::1:9100", "Invalid IPv6 URL"),
        ("tcp://me:secret@10.0.0.9:9100", "no user, password or fragment"),
        ("serial:///dev/ttyUSB0#1", "no user, password or fragment"),
        ("serial:///dev/ttyUSB0?baud", "bad query field"),
        ("serial:///dev/ttyUSB0?baud=1&baud=2", "given twice"),
        ("serial:///dev/tty%00USB0", "no control characters"),
        ("serial:///dev/tty\nUSB0", "no control characters"),
        (" serial:///dev/ttyUSB0", "no control characters, and no blanks"),
    ],
)
def test_what_is_no_link_is_refused_in_words(text: str, expected: str) -> None:
    with pytest.raises(LinkUrlError, match=expected):
        parse_link(text)


@given(st.text(max_size=40))
def test_any_text_is_a_link_or_a_named_error(text: str) -> None:
    try:
        link = parse_link(text)
    except LinkUrlError:
        return
    assert link.scheme


# Options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serial:///dev/x?bauds=9600", "did you mean 'baud'"),
        ("serial:///dev/x?pariti=N", "did you mean 'parity'"),
        ("serial:///dev/x?speed_of_line=1", "known: baud, bits, parity, stop, flow, dtr"),
        ("serial:///dev/x?baud=fast", "baud=fast: expected a whole number from 50 to 4000000"),
        ("serial:///dev/x?baud=49", "from 50"),
        ("serial:///dev/x?baud=-9600", "expected a whole number"),
        ("serial:///dev/x?baud=٩٦٠٠", "expected a whole number"),
        pytest.param(f"serial:///dev/x?baud={'9' * 5000}", "expected a whole number", id="5000 digits"),
        ("serial:///dev/x?bits=9", "from 7 to 8"),
        ("serial:///dev/x?parity=X", "expected one of N, E, O"),
        ("serial:///dev/x?stop=3", "from 1 to 2"),
        ("serial:///dev/x?flow=dsrdtr", "expected one of none, rtscts, xonxoff"),
        ("serial:///dev/x?dtr=yes", "expected one of on, off"),
        ("serial://dev/ttyUSB0", "three slashes"),
        ("serial:///", "three slashes"),
        ("tcp://10.0.0.9", "expected tcp://host:port"),
        ("tcp://:9100", "expected tcp://host:port"),
        ("tcp://10.0.0.9:9100/path", "expected tcp://host:port"),
        ("tcp://10.0.0.9:9100?conect_s=1", "did you mean 'connect_s'"),
        ("tcp://10.0.0.9:9100?connect_s=0", "from 1 to 60"),
        ("evdev://dev/input/event0", "three slashes"),
        ("evdev:///", "three slashes"),
        ("evdev:///dev/input/event0?grab=no", "no option 'grab' \\(known: none\\)"),
        ("evdev+unix://run/keys", "three slashes"),
        ("evdev+unix:///" + "x" * 107, "at most 107 bytes"),
        ("evdev+unix:///run/keys?x=1", "no option 'x'"),
    ],
)
def test_a_wrong_option_says_what_was_expected(text: str, expected: str) -> None:
    link = parse_link(text)
    check = SCHEMES[link.scheme][1]
    with pytest.raises(LinkUrlError, match=expected):
        check(link)


def test_serial_options_and_their_defaults() -> None:
    assert serial_options(parse_link("serial:///dev/x")) == SerialOptions(9600, 8, "N", 1, "none", True)
    text = "serial:///dev/x?baud=115200&bits=7&parity=E&stop=2&flow=xonxoff&dtr=off"
    assert serial_options(parse_link(text)) == SerialOptions(115200, 7, "E", 2, "xonxoff", False)


def test_tcp_time_out() -> None:
    assert tcp_options(parse_link("tcp://h:1")) == 5
    assert tcp_options(parse_link("tcp://h:1?connect_s=30")) == 30


# Lines: the same behaviour over a pty and over TCP


@dataclass
class Line:
    """An open link and the raw descriptor at its far end."""

    link: DescriptorLink
    far: int
    hang_up: Callable[[], None]

    async def receive(self, size: int) -> bytes:
        """The next `size` bytes at the far end."""
        data = b""
        async with asyncio.timeout(DEADLINE_S):
            while len(data) < size:
                try:
                    data += os.read(self.far, size - len(data))
                except BlockingIOError:
                    await asyncio.sleep(0.001)
        return data


@pytest.fixture
def stall_s() -> float:
    """How long the lines of a test may make no progress; a test that needs another time parametrises it."""
    return STALL_S


@pytest.fixture(autouse=True)
def _stall(monkeypatch: pytest.MonkeyPatch, stall_s: float) -> None:
    monkeypatch.setattr("drivers.link.serial.STALL_S", stall_s)
    monkeypatch.setattr("drivers.link.tcp.STALL_S", stall_s)


patient = pytest.mark.parametrize("stall_s", [DEADLINE_S])


async def _pty_line() -> Line:
    far, near = pty.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    link = await open_serial(parse_link(f"serial://{os.ttyname(near)}"))
    os.close(near)
    return Line(link, far, lambda: os.close(far))


async def _tcp_line() -> Line:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        link = await open_tcp(parse_link(f"tcp://127.0.0.1:{port}"))
        connection, _ = listener.accept()
    connection.setblocking(False)
    return Line(link, connection.fileno(), connection.close)


@pytest.fixture(params=["pty", "tcp"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    made = await (_pty_line() if request.param == "pty" else _tcp_line())
    pulled = False

    def hang_up() -> None:
        nonlocal pulled
        if not pulled:
            pulled = True
            hang_up_once()

    hang_up_once, made.hang_up = made.hang_up, hang_up
    yield made
    made.link.close()
    made.hang_up()


EVERY_BYTE = bytes(range(256))


async def test_every_byte_passes_both_ways(line: Line) -> None:
    await line.link.write(EVERY_BYTE)
    assert await line.receive(256) == EVERY_BYTE
    os.write(line.far, EVERY_BYTE)
    got = b""
    async with asyncio.timeout(DEADLINE_S):
        while len(got) < 256:
            got += await line.link.read()
    assert got == EVERY_BYTE


async def test_an_idle_line_is_not_a_lost_one(line: Line) -> None:
    reading = asyncio.create_task(line.link.read())
    assert not (await asyncio.wait([reading], timeout=0.05))[0]
    os.write(line.far, b"!")
    async with asyncio.timeout(DEADLINE_S):
        assert await reading == b"!"


async def test_a_cancelled_read_loses_nothing(line: Line) -> None:
    for number in range(50):
        reading = asyncio.create_task(line.link.read())
        await asyncio.sleep(0)
        os.write(line.far, bytes([number]))
        reading.cancel()  # as the byte arrives
        with pytest.raises(asyncio.CancelledError):
            await reading
        async with asyncio.timeout(DEADLINE_S):
            assert await line.link.read() == bytes([number])


async def test_closing_ends_a_pending_read(line: Line) -> None:
    reading = asyncio.create_task(line.link.read())
    await asyncio.sleep(0)
    line.link.close()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LinkLost, match="closed here"):
            await reading


async def test_closing_twice_is_one_closing(line: Line) -> None:
    line.link.close()
    await until(lambda: _is_closed(line.far), "the end of the line", DEADLINE_S)
    descriptor = os.open(os.devnull, os.O_RDONLY)  # takes the number that has become free
    line.link.close()
    os.close(descriptor)  # would fail, had the second close closed it
    for use in (line.link.read(), line.link.write(b"x"), line.link.drain()):
        with pytest.raises(LinkLost, match="closed here"):
            await use


def _is_closed(far: int) -> bool:
    try:
        return os.read(far, 1) == b""
    except BlockingIOError:
        return False
    except OSError:  # EIO from a pty
        return True


async def test_a_peer_that_goes_ends_a_pending_read(line: Line) -> None:
    reading = asyncio.create_task(line.link.read())
    await asyncio.sleep(0)
    line.hang_up()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LinkLost) as caught:
            await reading
    assert caught.value.reason is Reason.DISCONNECTED


async def test_writing_to_a_peer_that_has_gone_says_so(line: Line) -> None:
    line.hang_up()

    async def write_on() -> None:
        while True:  # TCP learns of it from the answer to the first segment
            await line.link.write(b"x")
            await asyncio.sleep(0.001)

    with pytest.raises(LinkLost) as caught:
        await asyncio.wait_for(write_on(), DEADLINE_S)
    assert caught.value.reason is Reason.DISCONNECTED
    assert caught.value.sent == 0


async def test_a_stalled_peer_is_not_draining_and_the_bytes_taken_are_counted(line: Line) -> None:
    data = os.urandom(8 << 20)
    with pytest.raises(LinkLost) as caught:
        async with asyncio.timeout(DEADLINE_S):
            await line.link.write(data)
    assert caught.value.reason is Reason.NOT_DRAINING
    assert 0 < caught.value.sent < len(data)
    assert await line.receive(caught.value.sent) == data[: caught.value.sent]


@patient
async def test_closing_ends_a_stalled_write_and_the_bytes_taken_are_counted(line: Line) -> None:
    data = bytes(8 << 20)
    writing = asyncio.create_task(line.link.write(data))
    await asyncio.sleep(0.02)
    line.link.close()
    with pytest.raises(LinkLost, match="closed here") as caught:
        await writing
    assert 0 < caught.value.sent < len(data)


async def test_a_slow_peer_is_not_a_stalled_one(line: Line) -> None:
    data = os.urandom(64 << 10)
    writing = asyncio.create_task(line.link.write(data))
    got = b""
    async with asyncio.timeout(DEADLINE_S):
        while len(got) < len(data):
            got += await line.receive(len(data) // 16)
            await asyncio.sleep(STALL_S / 4)
        await writing
    assert got == data


@patient
async def test_two_writers_both_get_through_a_full_line(line: Line) -> None:
    """A status request may be sent while a job waits for room: neither must sleep through the other's wake-up."""
    jobs = [asyncio.create_task(line.link.write(bytes([mark]) * (4 << 20))) for mark in (1, 2)]
    await asyncio.sleep(0.02)
    assert not any(job.done() for job in jobs)
    got = await line.receive(8 << 20)
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*jobs)
    assert (got.count(1), got.count(2)) == (4 << 20, 4 << 20)


@patient
async def test_one_writer_that_gives_up_does_not_take_the_other_with_it(line: Line) -> None:
    first, second = (asyncio.create_task(line.link.write(bytes(4 << 20))) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    reading = asyncio.create_task(line.receive(64 << 20))
    async with asyncio.timeout(DEADLINE_S):
        await second
    reading.cancel()


# What only one of them has


@pytest.fixture
def tty_pair() -> Iterator[tuple[int, str]]:
    far, near = pty.openpty()
    tty.setraw(near)
    yield far, os.ttyname(near)
    os.close(near)
    os.close(far)


async def test_a_serial_port_is_for_one_process_alone(tty_pair: tuple[int, str]) -> None:
    url = parse_link(f"serial://{tty_pair[1]}")
    link = await open_serial(url)
    with pytest.raises(DeviceError) as caught:
        await open_serial(url)
    assert caught.value.reason is Reason.BUSY
    link.close()
    (await open_serial(url)).close()


async def test_a_missing_node_is_not_present(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="ttyUSB0") as caught:
        await open_serial(parse_link(f"serial://{tmp_path}/ttyUSB0"))
    assert caught.value.reason is Reason.NOT_PRESENT


async def test_what_is_no_tty_is_the_wrong_device(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", Path("/dev/null")):
        with pytest.raises(DeviceError) as caught:
            await open_serial(parse_link(f"serial://{path}"))
        assert caught.value.reason is Reason.WRONG_DEVICE


async def test_a_parity_that_the_tty_has_not_is_unsupported(tty_pair: tuple[int, str]) -> None:
    # Linux answers EINVAL when nothing but an unsupported setting is asked for, which pyserial passes on bare
    url = parse_link(f"serial://{tty_pair[1]}?bits=7&parity=E")
    (await open_serial(url)).close()
    with pytest.raises(DeviceError) as caught:
        await open_serial(url)
    assert caught.value.reason is Reason.UNSUPPORTED


async def _xoff(far: int, link: DescriptorLink) -> None:
    """Stop the line, and return when it has stopped: what comes behind the XOFF has been read."""
    os.write(far, b"\x13!")
    async with asyncio.timeout(DEADLINE_S):
        assert await link.read() == b"!"


@patient
async def test_xoff_holds_a_write_and_xon_lets_it_go(tty_pair: tuple[int, str]) -> None:
    far, node = tty_pair
    link = await open_serial(parse_link(f"serial://{node}?flow=xonxoff"))
    await _xoff(far, link)
    writing = asyncio.create_task(link.write(b"held"))
    assert not (await asyncio.wait([writing], timeout=0.05))[0]
    os.write(far, b"\x11")
    async with asyncio.timeout(DEADLINE_S):
        await writing
    assert os.read(far, 16) == b"held"
    link.close()


async def test_a_line_held_by_xoff_is_not_draining(tty_pair: tuple[int, str]) -> None:
    far, node = tty_pair
    link = await open_serial(parse_link(f"serial://{node}?flow=xonxoff"))
    await _xoff(far, link)
    with pytest.raises(LinkLost) as caught:
        await link.write(b"held")
    assert (caught.value.reason, caught.value.sent) == (Reason.NOT_DRAINING, 0)
    link.close()


async def test_a_closed_tcp_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DeviceError) as caught:
        await open_tcp(parse_link(f"tcp://127.0.0.1:{port}"))
    assert caught.value.reason is Reason.REFUSED


async def test_a_port_that_never_accepts_is_unreachable() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        full = socket.create_connection(address)  # fills the queue: what comes next gets no answer
        with full, pytest.raises(DeviceError, match="no connection in 1 s") as caught:
            await open_tcp(parse_link(f"tcp://127.0.0.1:{address[1]}?connect_s=1"))
    assert caught.value.reason is Reason.UNREACHABLE


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    with pytest.raises(DeviceError) as caught:
        await open_tcp(parse_link("tcp://printer.invalid:9100"))
    assert caught.value.reason is Reason.UNREACHABLE


async def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        addresses = [(*kind, closed.getsockname()), (*kind, ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
        (await open_tcp(parse_link(f"tcp://two-addresses:{port}"))).close()


async def test_drain_returns_when_the_peer_has_taken_everything() -> None:
    line = await _tcp_line()
    await line.link.write(bytes(100))
    async with asyncio.timeout(DEADLINE_S):
        await line.link.drain()
    assert len(os.read(line.far, 200)) == 100
    line.link.close()
    line.hang_up()


async def test_drain_of_a_stalled_line_ends() -> None:
    line = await _tcp_line()
    with pytest.raises(LinkLost):
        await line.link.write(bytes(8 << 20))
    with pytest.raises(LinkLost) as caught:
        async with asyncio.timeout(DEADLINE_S):
            await line.link.drain()
    assert caught.value.reason is Reason.NOT_DRAINING
    line.link.close()
    line.hang_up()


async def test_a_queue_that_gets_shorter_is_not_stalled() -> None:
    """The kernel asks for more only when a good part of its queue is free: at a low rate that takes many stalls."""
    near = socket.socket()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
    near.setblocking(False)
    far.setblocking(False)
    line = Line(DescriptorLink(near.fileno(), near.close, stall_s=STALL_S), far.fileno(), far.close)
    data = bytes(8 << 20)
    writing = asyncio.create_task(line.link.write(data))
    slowly = 30 * (8 << 10)
    for _ in range(30):
        await line.receive(slowly // 30)
        await asyncio.sleep(STALL_S / 8)
    assert not writing.done()
    await line.receive(len(data) - slowly)
    await writing
    line.link.close()
    line.hang_up()
