"""The bench's programs: real processes that die, hang, shout and are killed, and a bench that takes them with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
import tomllib
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulators.bench import broker as bench_broker
from simulators.bench.broker import choose_broker
from simulators.bench.cli import DEFAULT_PORT
from simulators.bench.picture import Picture
from simulators.bench.processes import GRACE_S, Child, NotRunning, child_environment, python_module

Until = Callable[..., Awaitable[None]]
QUICK_S = (0.01,)
ROOT = Path(__file__).parents[1]


def alive(pid: int) -> bool:
    """Whether process `pid` still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def notes(picture: Picture) -> list[Mapping[str, Any]]:
    """What the bench has said so far."""
    with picture.view() as view:
        update = await view.next(1)
    found: list[Mapping[str, Any]] = update["logs"].get("notes", []) if update else []
    return found


@contextlib.asynccontextmanager
async def running(child: Child) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(child.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def script(text: str) -> tuple[str, ...]:
    return sys.executable, "-c", text


SLEEP = script("import time; time.sleep(60)")


# one program


async def test_a_program_that_dies_is_started_again_and_its_last_words_are_shown(until: Until) -> None:
    picture = Picture(settle_s=0)
    dies = script("import sys; print('cannot open the lock', file=sys.stderr); sys.exit(3)")
    child = Child("watch", dies, picture, restart_delays_s=QUICK_S)
    async with running(child):
        await until(lambda: child.state()["starts"] >= 3)
    first = (await notes(picture))[0]
    assert (first["code"], first["name"], first["exit"]) == ("process-died", "watch", 3)
    assert first["errors"] == ["cannot open the lock"]


async def test_even_a_program_that_ends_well_by_itself_is_noted(until: Until) -> None:
    picture = Picture(settle_s=0)
    child = Child("watch", script("pass"), picture, restart_delays_s=QUICK_S)
    async with running(child):
        await until(lambda: child.state()["starts"] >= 2)
    assert [note["exit"] for note in await notes(picture)][:1] == [0]


async def test_a_stopped_program_stays_stopped_until_it_is_started(until: Until) -> None:
    picture = Picture(settle_s=0)
    child = Child("broker", SLEEP, picture, restart_delays_s=QUICK_S)
    async with running(child):
        for end in (child.stop, child.kill):
            await until(lambda: child.state()["phase"] == "running")
            pid = child.pid
            assert pid is not None
            end()
            await until(lambda: child.state()["phase"] == "stopped")
            assert not alive(pid)
            await asyncio.sleep(5 * QUICK_S[0])
            assert child.state()["phase"] == "stopped"
            child.start()
        await until(lambda: child.state()["phase"] == "running")
    assert child.state()["starts"] == 3
    assert await notes(picture) == []


async def test_a_program_that_is_stopped_while_it_starts_does_not_run(until: Until) -> None:
    child = Child("daemon", SLEEP, Picture(), restart_delays_s=QUICK_S)
    async with running(child):
        await asyncio.sleep(0)  # the task has begun, and waits for the process
        child.stop()
        await until(lambda: child.state()["starts"] == 1 and child.state()["phase"] == "stopped")


async def test_a_restart_gives_another_process(until: Until) -> None:
    picture = Picture(settle_s=0)
    child = Child("daemon", SLEEP, picture, restart_delays_s=QUICK_S)
    async with running(child):
        await until(lambda: child.pid)
        before = child.pid
        child.restart()
        await until(lambda: child.pid not in (before, None))
    assert await notes(picture) == []


async def test_a_program_that_ignores_sigterm_is_killed(until: Until) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    heard: list[bytes] = []
    child = Child("daemon", script(deaf), Picture(), on_line=heard.append)
    async with running(child):
        await until(lambda: heard == [b"deaf"])
        pid = child.pid
        assert pid is not None
        began_s = time.monotonic()
    assert GRACE_S <= time.monotonic() - began_s < GRACE_S + 1
    assert not alive(pid)


async def test_lines_go_in_and_come_out(until: Until) -> None:
    heard: list[bytes] = []
    echo = script("import sys\nfor line in sys.stdin: print(line.strip()[::-1])")
    child = Child("send", echo, Picture(), on_line=heard.append)
    with pytest.raises(NotRunning):
        child.write(b"too early")
    async with running(child):
        await until(lambda: child.pid)
        child.write("取号".encode())
        await until(lambda: heard)
    assert heard == ["号取".encode()]
    with pytest.raises(NotRunning):
        child.write(b"too late")


async def test_a_program_that_does_not_read_is_given_no_more(until: Until) -> None:
    child = Child("send", SLEEP, Picture())
    async with running(child):
        await until(lambda: child.pid)
        with pytest.raises(NotRunning):
            _shout(child)


def _shout(child: Child) -> None:
    for _ in range(1000):
        child.write(b"x" * 1000)


async def test_a_line_without_end_is_dropped_and_noted(until: Until) -> None:
    picture = Picture(settle_s=0)
    heard: list[bytes] = []
    child = Child("watch", script("print('x' * 3_000_000); print('short'); input()"), picture, on_line=heard.append)
    async with running(child):
        await until(lambda: heard[-1:] == [b"short"])
    assert {note["code"] for note in await notes(picture)} == {"line-too-long"}
    assert sum(map(len, heard)) < 1_100_000


def test_children_do_not_inherit_what_would_change_their_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSKD_MQTT__HOST", "production.example")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = child_environment()
    assert not [key for key in environment if key.startswith("KIOSKD_")]
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/elsewhere"]


# the broker


async def connack(port: int, level: int) -> bytes:
    """The broker's answer to CONNECT of MQTT 3.1.1 (`level` 4) or 5."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    properties = b"\x00" if level == 5 else b""
    rest = b"\x00\x04MQTT" + bytes([level, 2, 0, 60]) + properties + b"\x00\x05bench"
    writer.write(b"\x10" + bytes([len(rest)]) + rest)
    answer = await asyncio.wait_for(reader.read(64), 5)
    writer.close()
    return answer


async def test_amqtt_takes_the_place_of_a_missing_mosquitto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(bench_broker, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    broker = choose_broker(tmp_path)
    assert (broker.name, broker.speaks_mqtt_5) == ("amqtt", False)
    child = Child("broker", broker.command, Picture())
    async with running(child):
        await until(lambda: listens(broker.port), within_s=20)
        assert (await connack(broker.port, 4))[:4] == b"\x20\x02\x00\x00"
        pid = child.pid
        assert pid is not None
        child.stop()
        await until(lambda: not alive(pid))
    assert child.state()["exit"] == 0


async def test_mosquitto_speaks_both_and_takes_anybody_of_this_machine(tmp_path: Path, until: Until) -> None:
    if bench_broker.find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    broker = choose_broker(tmp_path)
    async with running(Child("broker", broker.command, Picture())):
        await until(lambda: listens(broker.port))
        assert (await connack(broker.port, 4))[:4] == b"\x20\x02\x00\x00"
        assert (await connack(broker.port, 5))[3] == 0


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


# the whole bench


@dataclass(slots=True)
class Started:
    """A ``kioskd bench`` of its own, and what it said."""

    process: asyncio.subprocess.Process
    url: str
    folder: Path
    lines: list[str]

    def state(self, name: str) -> dict[str, Any]:
        """Item `name` as a page that is opened now gets it, or its `logs`; empty when there is no such item."""
        with urllib.request.urlopen(f"{self.url}updates", timeout=10) as stream:  # noqa: S310
            line = next(line for line in stream if line.startswith(b"data: {"))
        update = json.loads(line.removeprefix(b"data: "))
        found: dict[str, Any] = {**update["items"], "logs": update["logs"]}.get(name, {})
        return found

    def pids(self) -> list[int]:
        """Of every program that the bench runs."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8")
        return [int(pid) for pid in listed.split()]

    def connection(self) -> socket.socket:
        """An open page that reads nothing."""
        port = int(self.url.rsplit(":", 1)[1].strip("/"))
        raw = socket.create_connection(("127.0.0.1", port))
        raw.sendall(f"GET /updates HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        return raw


async def bench(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *python_module("daemon", "--language", "en", "bench", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=child_environment(),
    )


async def started(*words: str) -> Started:
    process = await bench(*words)
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(20):
        while not lines or "http://" not in lines[-1]:
            raw = await process.stdout.readline()
            assert raw, lines
            lines.append(raw.decode().rstrip())
    url = re.search(r"http://\S+", lines[-1])
    path = re.search(r"/\S+/kioskd\.toml", "\n".join(lines))
    assert url is not None
    assert path is not None
    return Started(process, url[0], Path(path[0]).parent, lines)


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[Started]]]:
    """Starts benches, and leaves nothing of them behind."""
    made: list[Started] = []

    async def make(*words: str) -> Started:
        made.append(await started("--port", "0", *words))
        return made[-1]

    yield make
    for one in made:
        if one.process.returncode is None:
            one.process.terminate()
        if await one.process.wait() == -signal.SIGKILL:
            shutil.rmtree(one.folder)


Start = Callable[..., Awaitable[Started]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_everything_within_three_seconds(
    start: Start, until: Until, number: signal.Signals
) -> None:
    one = await start()
    await until(lambda: len(one.pids()) == 4)
    await until(lambda: one.state("process/daemon")["phase"] == "running")
    pids = one.pids()
    page = one.connection()
    began_s = time.monotonic()
    one.process.send_signal(number)
    assert await asyncio.wait_for(one.process.wait(), 3) == 0
    assert time.monotonic() - began_s < 3
    page.close()
    assert [pid for pid in pids if alive(pid)] == []
    assert not one.folder.exists()


async def test_programs_that_hang_do_not_hold_the_bench_back(start: Start, until: Until) -> None:
    one = await start()
    await until(lambda: one.state("topic/status"), within_s=15)
    pids = one.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    one.process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(one.process.wait(), 3) == 0
    assert [pid for pid in pids if alive(pid)] == []


async def test_nothing_outlives_a_bench_that_is_killed(start: Start, until: Until) -> None:
    one = await start()
    await until(lambda: len(one.pids()) == 4)
    pids = one.pids()
    one.process.kill()
    await one.process.wait()
    await until(lambda: not any(map(alive, pids)))


async def test_a_daemon_killed_by_somebody_else_comes_back_with_a_note(start: Start, until: Until) -> None:
    one = await start()
    await until(lambda: one.state("process/daemon")["pid"])
    pid = one.state("process/daemon")["pid"]
    await until(lambda: b"run" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: one.state("process/daemon")["pid"] not in (None, pid))
    note = one.state("logs")["notes"][-1]
    assert (note["code"], note["name"], note["exit"]) == ("process-died", "daemon", -signal.SIGKILL)


async def test_the_page_sees_the_daemons_first_event_and_every_device_ready(start: Start, until: Until) -> None:
    one = await start()
    for name in DEVICES:
        await until(lambda name=name: one.state(f"topic/device/{name}").get("state") == "ready", within_s=15)
    events = [entry for entry in one.state("logs")["messages"] if entry["topic"].startswith("event/")]
    assert events[0]["topic"] == "event/daemon/started"
    assert [int(event["payload"]["sequence"]) for event in events] == list(range(1, len(events) + 1))


DEVICES = ("printer-1", "display-1", "display-2", "panel-1", "panel-2", "phone-1", "phone-2")


async def test_without_a_daemon_the_simulators_wait_for_ones_own(start: Start, until: Until) -> None:
    one = await start("--no-daemon")
    assert "start your own: kioskd run --config" in one.lines[0]
    await until(lambda: len(one.pids()) == 3)
    configuration = tomllib.loads((one.folder / "kioskd.toml").read_text(encoding="utf-8"))
    assert configuration["devices"]["panel-2"]["link"] == f"evdev+unix://{one.folder}/panel-2"
    checked = await asyncio.create_subprocess_exec(
        *python_module("daemon", "check", "--config", str(one.folder / "kioskd.toml")),
        stdout=asyncio.subprocess.DEVNULL,
        env=child_environment(),
    )
    assert await checked.wait() == 0


async def test_a_real_device_keeps_its_own_link(start: Start) -> None:
    link = "serial:///dev/serial/by-id/mine?baud=9600"
    one = await start("--real", f"printer-1={link}", "--language", "en")
    configuration = tomllib.loads((one.folder / "kioskd.toml").read_text(encoding="utf-8"))
    assert configuration["devices"]["printer-1"]["link"] == link
    assert configuration["language"] == "en"
    about = one.state("bench")
    assert "printer-1" not in about["simulators"]
    assert about["devices"]["printer-1"]["link"] == link


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--real", "printer-9=serial:///dev/ttyUSB0"), 2, "no such device; there are: printer-1, display-1"),
        (("--real", "printer-1"), 2, "expected NAME=LINK"),
        (("--hall", "/nowhere/kioskd.toml"), 2, "/nowhere/kioskd.toml"),
        (("--port", "70000"), 2, "expected a port from 0 to 65535"),
    ],
)
async def test_what_cannot_be_put_on_the_bench_is_said(words: tuple[str, ...], code: int, said: str) -> None:
    process = await bench(*words)
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, said in output.decode()) == (code, True), output.decode()


async def test_a_port_that_was_asked_for_and_is_busy_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await bench("--port", str(port))
        output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, output.decode()) == (1, f"kioskd bench: Port {port} is in use\n")


async def test_the_next_port_is_taken_when_the_default_one_is_busy() -> None:
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # somebody else has it already: just as well
            held.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))
        one = await started()
        one.process.terminate()
        assert await asyncio.wait_for(one.process.wait(), 5) == 0
    assert one.lines[0].startswith(f"Port {DEFAULT_PORT} is in use; taking 88")
    assert not one.url.endswith(f":{DEFAULT_PORT}/")
