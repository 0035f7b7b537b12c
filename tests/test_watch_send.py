"""``kioskd watch`` and ``kioskd send`` as processes, against a real broker and a daemon that only answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import Reply, Request, Status
from daemon.envelope import StoredEvent, seal
from daemon.events import TicketIssued
from daemon.mqtt.broker import Broker, Incoming
from daemon.mqtt.uplink import Uplink
from daemon.send import Printer, faults
from daemon.sender import Sender
from daemon.statuses import KioskStatus
from daemon.terminal import one_line, pairs
from daemon.texts import Language
from daemon.watch import human_line, json_line

ROOT = "kioskd/demo/k1"


class NoEvents:
    """An empty outbox."""

    async def unsent(self, after: int, limit: int) -> list[StoredEvent]:
        return []

    def acknowledged(self, sequences: Any) -> None:
        pass

    def refused(self, sequence: int, reason: str) -> None:
        raise AssertionError(reason)


class Daemon:
    """Answers each command as its service is named: done, failed, or never."""

    def __init__(self, broker: Any) -> None:
        will = KioskStatus(state="offline", boot="b", version="0")
        where = Broker(broker.host, ROOT, "kioskd-demo-k1", port=broker.port)
        self.link = Uplink(where, NoEvents(), will=will, on_command=self.command)
        self.ids: list[str] = []

    def command(self, message: Incoming) -> None:
        request = Request.model_validate_json(message.payload)
        self.ids.append(request.id)
        message.acknowledge()
        service = request.data.get("service")
        if service == "never":
            return
        self.link.replies.send(Reply(id=request.id, status=Status.ACCEPTED), message)
        final = Status(service) if service in tuple(Status) else Status.DONE
        self.link.replies.send(Reply(id=request.id, status=final, data={"ticket": f"t-{service}"}), message)


@pytest.fixture
async def daemon(broker: Any, until: Any) -> AsyncIterator[Daemon]:
    answering = Daemon(broker)
    task = asyncio.create_task(answering.link.run())
    await until(lambda: answering.link.connected)
    yield answering
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def kioskd(*words: str, stdin: str | None = None) -> tuple[int, list[str], str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "--language", "en", *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(stdin.encode() if stdin is not None else None), 20)
    assert process.returncode is not None
    return process.returncode, out.decode().splitlines(), err.decode()


def url(broker: Any) -> str:
    return f"mqtt://{broker.host}:{broker.port}"


@pytest.mark.parametrize(
    ("service", "code", "word"),
    [
        ("general", 0, "done"),
        ("unconfirmed", 0, "not confirmed"),
        ("failed", 1, "failed"),
        ("rejected", 1, "rejected"),
        ("expired", 1, "expired"),
    ],
)
async def test_send_says_what_became_of_it(broker: Any, daemon: Daemon, service: str, code: int, word: str) -> None:
    returned, lines, error = await kioskd("send", "--broker", url(broker), "ticket/take", f"service={service}")
    assert (returned, error) == (code, "")
    assert lines[0] == "accepted"
    assert word in lines[1]
    assert f"ticket=t-{service}" in lines[1]


async def test_send_ends_without_an_answer(broker: Any, daemon: Daemon, capsys: Any) -> None:
    sender = Sender(Broker(broker.host, ROOT, "sender", port=broker.port, session_expiry_s=0), grace_s=0.1)
    printer = Printer("en", as_json=True)
    deadline = datetime.now(UTC) + timedelta(seconds=0.5)
    async with sender.connected():
        async for answer in sender.ask("ticket/take", Request(id="x", deadline=deadline, data={"service": "never"})):
            printer.answer(answer, "ticket/take")
    assert json.loads(capsys.readouterr().out)["status"] == "no-answer"
    assert printer.code == 3
    assert daemon.ids == ["x"]


async def test_a_command_is_asked_again_after_a_cut_with_the_same_id(daemon: Daemon, cutter: Any, until: Any) -> None:
    sender = Sender(Broker(cutter.host, ROOT, "sender", port=cutter.port, session_expiry_s=0))
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    answers: list[Any] = []

    async def ask() -> None:
        request = Request(id="x", deadline=deadline, data={"service": "never"})
        answers.extend([answer async for answer in sender.ask("ticket/take", request)])

    async with sender.connected():
        asking = asyncio.create_task(ask())
        await until(lambda: daemon.ids == ["x"])
        cutter.cut()
        await until(lambda: daemon.ids == ["x", "x"])
        daemon.link.replies.send(Reply(id="x", status=Status.DONE))
        await asking
    assert [answer["status"] for answer in answers] == ["done"]


async def test_send_does_not_send_nonsense() -> None:
    nowhere = ("send", "--broker", "mqtt://127.0.0.1:1")
    for words, expected in (
        (("ticket/tke", "service=a"), "did you mean ticket/take?"),
        (("ticket/take", "servce=a"), "did you mean service?"),
        (("ticket/take", "service"), "expected NAME=VALUE"),
        (("ticket/take", "--data", "[1]"), "expected a JSON object"),
        (("ticket/take", "service=a", "--id", "a b"), "id:"),
        (("ticket/take", "service=a", "--deadline", "0"), "--deadline"),
        ((), "which command?"),
    ):
        code, lines, error = await kioskd(*nowhere, *words)
        assert (code, lines) == (2, []), words
        assert expected in error, words


async def test_a_batch_goes_over_one_connection_and_every_line_is_answered(broker: Any, daemon: Daemon) -> None:
    lines = [
        json.dumps({"command": "ticket/take", "data": {"service": "general"}, "id": "first"}),
        "",
        '{"command": "ticket/take", "data": {"service": 7}, "id": "second"}',
        "no json",
        json.dumps({"command": "ticket/take", "data": {"service": "failed"}, "id": "third"}),
    ]
    code, answers, _ = await kioskd("send", "--broker", url(broker), "--batch", stdin="\n".join(lines))
    assert code == 2
    found = [(answer["id"], answer["status"]) for answer in map(json.loads, answers)]
    assert {entry for entry in found if entry[0] == "first"} == {("first", "accepted"), ("first", "done")}
    assert ("second", "not-sent") in found
    assert (None, "not-sent") in found
    assert ("third", "failed") in found
    assert sorted(daemon.ids) == ["first", "third"]


async def test_a_batch_answers_while_its_input_is_open(broker: Any, daemon: Daemon) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "send", "--broker", url(broker), "--batch",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for name in ("a", "b"):
        process.stdin.write(
            json.dumps({"command": "ticket/take", "data": {"service": name}, "id": name}).encode() + b"\n"
        )
        await process.stdin.drain()
        answers = [json.loads(await asyncio.wait_for(process.stdout.readline(), 10)) for _ in range(2)]
        assert [(answer["id"], answer["status"]) for answer in answers] == [(name, "accepted"), (name, "done")]
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_send_reads_a_batch_from_a_file(broker: Any, daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "commands.jsonl"
    file.write_text('{"command": "ticket/take", "data": {"service": "general"}}', encoding="utf-8")
    with file.open("rb") as lines:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", "send", "--broker", url(broker), "--batch",
            stdin=lines, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["accepted", "done"]


async def watching(broker: Any, *words: str, language: str = "en") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "--language", language, "watch", "--broker", url(broker), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def issued() -> StoredEvent:
    event = TicketIssued(ticket="20261121-A012", number="A012", service="general", ahead=3)
    return seal(event, sequence=1, epoch="e", source=f"/{ROOT}", time=datetime(2026, 11, 21, 9, 30, 5, tzinfo=UTC))


async def test_watch_prints_an_event_a_line_and_ends_after_count(broker: Any, listen: Any, until: Any) -> None:
    publisher, event = listen(), issued()
    process = await watching(broker, "-n", "1")
    ended = asyncio.create_task(process.communicate())
    while not ended.done():  # again and again, as nothing says when it has subscribed
        await asyncio.to_thread(publisher.publish, f"{ROOT}/status", b"not asked for")
        await asyncio.to_thread(publisher.publish, f"{ROOT}/{event.topic}", event.payload)
        await asyncio.sleep(0.05)
    out, _ = await ended
    data = "number=A012 service=general ahead=3 priority=ordinary"
    assert out.decode() == f"09:30:05  ticket.issued  20261121-A012  {data}\n"
    assert process.returncode == 0


async def test_watch_says_why_an_alert_is_open_in_the_language_asked_for(broker: Any, listen: Any) -> None:
    entry = {"alert": "phone-unanswered", "about": "p", "detail": "ring 4", "figures": {"rings": 4, "rings_max": 3}}
    listen().publish(f"{ROOT}/alerts", json.dumps({"open": 1, "alerts": [entry]}).encode(), retain=True)
    process = await watching(broker, "--topic", "alerts", "-n", "1", language="zh-CN")
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    said = "{alert=phone-unanswered about=p detail=第 4 声铃，应在 3 声内接听}"
    assert out.decode().rstrip().endswith(f"alerts  = open=1 alerts={said}")


async def test_watch_all_as_json_through_a_broker_that_dies(broker: Any, listen: Any, until: Any) -> None:
    publisher = listen()
    publisher.publish(f"{ROOT}/status", b'{"state": "online"}', retain=True)
    process = await watching(broker, "--json", "--all")
    assert process.stdout is not None
    first = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    assert first == {"topic": "status", "retained": True, "payload": {"state": "online"}}
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)
    await until(lambda: publisher.subscribed)
    heard = asyncio.create_task(process.stdout.readline())
    while not heard.done():
        await asyncio.to_thread(publisher.publish, f"{ROOT}/command/a/b", b"\xffnot json")
        await asyncio.sleep(0.05)
    assert json.loads(await heard) == {"topic": "command/a/b", "retained": False, "payload": "\ufffdnot json"}
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0


def test_what_comes_over_the_wire_cannot_steer_a_terminal() -> None:
    assert one_line("a\x1b[2Jb\r\n汉") == "a\ufffd[2Jb\ufffd\ufffd汉"
    assert pairs({"a": "\x07", "b": [1, 2], "c": None, "d": True, "e": {"f": "g"}}) == "a=\ufffd b=1,2 d=yes e={f=g}"


def test_every_command_is_known_to_send() -> None:
    assert faults("ticket/take", {"service": "a"}) == []
    assert faults("ticket/take", {}) == ["service: Field required"]
    assert "did you mean display/show?" in faults("display/shwo", {})[0]


async def test_a_password_on_the_command_line_is_refused(tmp_path: Path) -> None:
    code, _, error = await kioskd("watch", "--broker", "mqtt://me:s3cret@host")
    assert code == 2
    assert "--password-file" in error
    assert "s3cret" not in error


CONFIGURATION = """\
hall = "demo"
kiosk = "k1"

[mqtt]
host = "{host}"
port = {port}
"""


async def test_the_daemons_own_configuration_names_the_broker(broker: Any, daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "kioskd.toml"
    file.write_text(CONFIGURATION.format(host=broker.host, port=broker.port), encoding="utf-8")
    code, lines, _ = await kioskd("send", "--config", str(file), "ticket/take", "service=general")
    assert (code, lines[0]) == (0, "accepted")
    code, _, error = await kioskd("send", "--config", str(file), "--root", "x", "ticket/take", "service=general")
    assert code == 2
    assert "--root" in error
    code, _, error = await kioskd("watch", "--config", str(tmp_path / "missing.toml"))
    assert code == 2
    assert "missing.toml" in error


@pytest.mark.parametrize(("language", "said"), [("en", "are beyond reach"), ("zh-CN", "已发送给订阅者的事件")])
def test_whoever_has_something_erased_is_told_what_that_does_not_reach(
    capsys: pytest.CaptureFixture[str], language: Language, said: str
) -> None:
    printer, data = Printer(language, as_json=False), {"call": "17", "events": 1}
    printer.answer({"id": "x", "status": "done", "detail": "in English", "data": data}, "events/erase")
    printed = capsys.readouterr().out
    assert said in printed
    assert "in English" not in printed
    assert "call=17 events=1" in printed


async def test_messages_are_in_the_language_asked_for(broker: Any, daemon: Daemon) -> None:
    words = ("--language", "zh-CN", "send", "--broker", url(broker), "ticket/take", "service=general")
    _, lines, _ = await kioskd(*words)
    assert lines[0] == "已接受"


@pytest.mark.parametrize("payload", [b"[" * 600 + b"]" * 600, b'{"a":' * 950 + b"1" + b"}" * 950, b"[" * 100_000])
def test_what_is_nested_deeper_than_anybody_means_is_shown_as_it_came(payload: bytes) -> None:
    """Anybody may publish anything: it does not end the watch."""
    message = Incoming("event/x/y", payload, False, None, None, lambda: None)
    assert human_line(message, "en").endswith(payload.decode())
    assert json.loads(json_line(message))["payload"] == payload.decode()
