"""``kioskd simulate`` as a real process: a device that a real driver finds, run from standard input."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import serial

from drivers.device import Condition
from drivers.link.serial import open_serial
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.phone.capability import PhoneEvent, Ring
from drivers.phone.modem import ModemOptions, ModemPhone

MAIN = """
import argparse, sys
from simulators import cli
parser = argparse.ArgumentParser(prog="kioskd simulate")
parser.add_argument("--language", default="en")
cli.add_arguments(parser)
sys.exit(cli.run(parser.parse_args()))
"""
AT_A_TERMINAL = "import fcntl, os, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
"""Makes standard input the controlling terminal, as a login does."""
ROOT = Path(__file__).parent.parent
DEADLINE_S = 10


class Simulation:
    """A running ``kioskd simulate``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            return (await self.process.stdout.readline()).decode().rstrip("\n")

    async def until(self, text: str) -> str:
        while text not in (line := await self.line()):
            assert line, f"ended before it said {text!r}"
        return line

    async def item(self, kind: str) -> dict[str, Any]:
        while (item := json.loads(await self.line()))["type"] != kind:
            pass
        assert isinstance(item, dict)
        return item

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")

    async def end(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


@asynccontextmanager
async def simulate(
    *arguments: str, stdin: int = asyncio.subprocess.PIPE, main: str = MAIN
) -> AsyncIterator[Simulation]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", main, *arguments, stdin=stdin, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Simulation(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def fails(*arguments: str) -> tuple[int, str]:
    async with simulate(*arguments, stdin=asyncio.subprocess.DEVNULL) as simulation:
        code = await simulation.end()
        assert simulation.process.stderr is not None
        return code, (await simulation.process.stderr.read()).decode()


@pytest.mark.parametrize("option", ["--pty", "--tcp"])
async def test_a_real_driver_counts_the_rings_typed_in(option: str, tmp_path: Path) -> None:
    place = str(tmp_path / "modem") if option == "--pty" else "0"
    async with simulate("modem", option, place, "--json") as simulation:
        link_url = parse_link((await simulation.item("serving"))["link"])
        link = await (open_serial(link_url) if link_url.scheme == "serial" else open_tcp(link_url))
        conditions: list[Condition] = []
        events: asyncio.Queue[PhoneEvent] = asyncio.Queue()
        driver = ModemPhone(ModemOptions(), conditions.append, events.put_nowait)
        serving = asyncio.create_task(driver.serve(link))
        try:
            assert (await simulation.item("state"))["changed"]["mode"] == "data"
            while (await simulation.item("state"))["changed"].get("mode") != "voice":
                pass
            simulation.tell("ring 1")
            async with asyncio.timeout(DEADLINE_S):
                ring = await events.get()
            assert isinstance(ring, Ring)
            assert ring.count == 1
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            link.close()


async def test_pyserial_talks_to_it(tmp_path: Path) -> None:
    path = tmp_path / "modem"
    async with simulate("modem", "--pty", str(path)) as simulation:
        await simulation.until("Ctrl-C ends")
        with serial.Serial(str(path), timeout=DEADLINE_S) as port:
            port.write(b"ATE0\r")
            assert await asyncio.to_thread(port.read_until, b"OK\r\n") == b"ATE0\r\r\nOK\r\n"


async def test_says_what_to_configure_and_what_it_is_not(tmp_path: Path) -> None:
    async with simulate("modem", "--pty", str(tmp_path / "modem")) as simulation:
        assert await simulation.until("driver =") == '  driver = "modem"'
        assert await simulation.line() == f'  link = "serial://{tmp_path / "modem"}"'
        assert "Not imitated: the RI, DCD" in await simulation.line()


async def test_two_that_were_given_no_place_do_not_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    async with simulate("modem", "--json") as one, simulate("keypad", "--json") as other:
        assert (await one.item("serving"))["link"] == f"serial://{tmp_path}/kioskd-modem"
        assert (await other.item("serving"))["link"] == f"evdev+unix://{tmp_path}/kioskd-keypad"
        async with simulate("modem", "--json") as third:
            assert (await third.item("serving"))["link"] == f"serial://{tmp_path}/kioskd-modem-2"


async def test_help_commands_and_mistakes(tmp_path: Path) -> None:
    async with simulate("modem", "--pty", str(tmp_path / "modem")) as simulation:
        simulation.tell("help")
        assert "lift the receiver" in await simulation.until("pick-up")
        await simulation.until("end the simulator")
        simulation.tell("pick-up")
        assert await simulation.until("off_hook") == "off_hook=true"
        simulation.tell("")
        simulation.tell("ring many")
        assert "from 1 to 1000" in await simulation.line()
        simulation.tell("dance")
        assert "unknown command 'dance'; known: " in await simulation.line()
        simulation.tell("cut")
        simulation.tell("state")
        await simulation.until("ringing=false")
        assert not (tmp_path / "modem").exists()
        simulation.tell("quit")
        assert await simulation.end() == 0


async def test_a_printer_shows_its_paper(tmp_path: Path) -> None:
    async with simulate("escpos", "--pty", str(tmp_path / "printer")) as simulation:
        await simulation.until("driver =")
        link = await open_serial(parse_link(f"serial://{tmp_path}/printer"))
        await link.write(b"A012\n")
        await simulation.until("A012")
        simulation.tell(f"png {tmp_path}/roll.png\npng\npng {tmp_path}/no/roll.png\nhelp")
        assert "expected the file" in await simulation.until("expected")
        assert "No such file" in await simulation.until("No such")
        assert "picture of the paper" in await simulation.until("png FILE")
        link.close()
    assert (tmp_path / "roll.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    async with simulate("modem", "--pty", str(tmp_path / "modem")) as simulation:
        await simulation.until("ringing")
        assert (tmp_path / "modem").is_symlink()
        simulation.process.send_signal(number)
        assert await simulation.end() == 0
        assert not (tmp_path / "modem").is_symlink()


async def test_the_end_of_a_pipe_ends_nothing(tmp_path: Path) -> None:
    async with simulate("modem", "--tcp", "0", "--json") as simulation:
        simulation.tell("pick-up")
        assert simulation.process.stdin is not None
        simulation.process.stdin.close()
        url = parse_link((await simulation.item("serving"))["link"])
        while not (await simulation.item("state"))["changed"].get("off_hook"):
            pass
        for _ in range(2):  # it still lets hosts in, one after another
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(b"ATE0\r")
            assert (await asyncio.wait_for(reader.readuntil(b"OK\r\n"), DEADLINE_S)).endswith(b"\r\nOK\r\n")
            writer.close()
        simulation.process.send_signal(signal.SIGINT)
        assert await simulation.end() == 0


async def test_the_end_of_the_input_ends_it_where_that_is_wanted(tmp_path: Path) -> None:
    script = tmp_path / "commands"
    script.write_text("pick-up\nhang-up")
    with script.open("rb") as file:
        arguments = ("modem", "--pty", str(tmp_path / "modem"), "--until-eof")
        async with simulate(*arguments, stdin=file.fileno()) as simulation:
            assert await simulation.end() == 0


@pytest.mark.parametrize("key", [b"\x04", b"\x03"], ids=["Ctrl-D", "Ctrl-C"])
async def test_a_key_at_a_terminal_ends_it(key: bytes, tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    try:
        arguments = ("modem", "--pty", str(tmp_path / "modem"))
        async with simulate(*arguments, stdin=terminal, main=AT_A_TERMINAL + MAIN) as simulation:
            await simulation.until("ringing")
            os.write(keyboard, b"pick-up\n")
            assert await simulation.line() == "off_hook=true"
            os.write(keyboard, key)
            assert await simulation.end() == 0
    finally:
        os.close(keyboard)
        os.close(terminal)


async def test_a_real_serial_port_with_the_host_at_its_other_end(tmp_path: Path) -> None:
    host, port = pty.openpty()
    try:
        async with simulate("modem", "--serial", os.ttyname(port), "--baud", "115200") as simulation:
            assert "?baud=115200" in await simulation.until("link =")
            await simulation.until("ringing")
            os.write(host, b"ATE0\r")
            heard = b""
            while not heard.endswith(b"OK\r\n"):
                heard += await asyncio.wait_for(asyncio.to_thread(os.read, host, 100), DEADLINE_S)
            assert heard == b"ATE0\r\r\nOK\r\n"
    finally:
        os.close(host)
        os.close(port)


async def test_a_port_in_use_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, complaint = await fails("modem", "--tcp", str(port))
        assert code == 1
        assert complaint == (
            f"kioskd simulate: 127.0.0.1:{port} is in use: choose another port, or find who has it with ss -ltnp\n"
        )
        code, complaint = await fails("modem", "--tcp", f"localhost:{port}", "--language", "zh-CN")
        assert code == 1
        assert f"localhost:{port} 已被占用" in complaint


async def test_a_path_that_cannot_be_had(tmp_path: Path) -> None:
    code, complaint = await fails("modem", "--pty", str(tmp_path / "missing" / "modem"))
    assert (code, "create the directory first" in complaint) == (1, True)
    mine = tmp_path / "mine"
    mine.write_text("kept")
    code, complaint = await fails("modem", "--pty", str(mine))
    assert (code, "choose another path" in complaint) == (1, True)
    assert mine.read_text() == "kept"
    code, complaint = await fails("modem", "--serial", str(tmp_path / "ttyUSB9"))
    assert (code, "no such directory or device" in complaint) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("modem", "--tcp", "http"), "expected a port from 0 to 65535, or host:port"),
        (("modem", "--tcp", "70000"), "expected a port from 0 to 65535, or host:port"),
        (("modem", "--baud", "12"), "expected a rate from 50"),
        (("fax",), "invalid choice: 'fax'"),
        (("modem", "--pty", "a", "--tcp", "1"), "not allowed with"),
        (("keypad", "--tcp", "1"), "keypad cannot be served on --tcp; it can on --unix, --uinput"),
        (("modem", "--unix", "a"), "modem cannot be served on --unix; it can on --pty, --tcp, --serial"),
    ],
)
async def test_wrong_usage_is_2(arguments: tuple[str, ...], hint: str) -> None:
    code, complaint = await fails(*arguments)
    assert code == 2
    assert hint in complaint
