"""``kioskd send``: commands, and what became of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from daemon.commands import Command, Request, command_types
from daemon.line_reader import LineTooLong, read_lines
from daemon.mqtt.arguments import UsageError, add_broker_arguments, broker_of
from daemon.mqtt.broker import Broker
from daemon.sender import NO_ANSWER, Answer, Sender
from daemon.terminal import one_line, pairs
from daemon.texts import Language, Text, word

DONE_CODE = 0
NOT_DONE_CODE = 1
USAGE_CODE = 2
NO_ANSWER_CODE = 3

FINAL_CODES = {"done": DONE_CODE, "unconfirmed": DONE_CODE, NO_ANSWER: NO_ANSWER_CODE}
"""Everything else that is final was not done."""

MAX_DEADLINE_S = 86_400

AT_ONCE = 100

STATUS_TEXTS = {
    "accepted": Text("已接受", "accepted"),
    "done": Text("已完成", "done"),
    "rejected": Text("被拒绝", "rejected"),
    "failed": Text("失败", "failed"),
    "unconfirmed": Text("已执行，但未得到确认", "done, but not confirmed"),
    "expired": Text("已过期，未执行", "expired, not carried out"),
    NO_ANSWER: Text("没有答复，不知道是否已执行", "no answer: nobody knows whether it was carried out"),
}

DETAILS = {("events/erase", "done"): "beyond-reach"}
"""Details that are always the same: said in the language of the terminal."""

EPILOG = """\
examples:
  kioskd send ticket/take service=general priority=elderly
  kioskd send ticket/call counter=1 ticket=A012
  kioskd send display/show --data '{"display": "counter-1", "text": "A012 请到1号窗口"}'
  kioskd send --batch < commands.jsonl      # {"command": "ticket/take", "data": {"service": "general"}, "id": "…"}

exit code: 0 done, or unconfirmed: as far as anybody can tell; 1 rejected, failed or expired; 2 wrong usage, nothing was
sent; 3 no answer: the command may have been carried out. Send it again with the same --id: it is never done twice.
With --batch the worst of all lines."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``kioskd send``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add_broker_arguments(parser)
    parser.add_argument("command", nargs="?", metavar="NOUN/VERB", help=", ".join(command_types()))
    parser.add_argument("pairs", nargs="*", metavar="NAME=VALUE", help="data of the command")
    parser.add_argument("--data", metavar="JSON", help="data of the command, instead of NAME=VALUE")
    parser.add_argument("--id", help="the command's id; a new one if not given")
    parser.add_argument("--deadline", type=float, default=30.0, metavar="SECONDS", help="default: %(default)g")
    parser.add_argument("--batch", action="store_true", help="read commands from standard input, a JSON object a line")
    parser.add_argument("--json", action="store_true", help="print replies as JSON, one a line; --batch always does")
    parser.add_argument(
        "--no-check", action="store_true", help="send whatever it is; the daemon checks it all the same"
    )


def run(arguments: argparse.Namespace) -> int:
    """Send; returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        broker = broker_of(arguments, "send")
        _check_options(broker, arguments.deadline)
        first = None if arguments.batch else _from_arguments(arguments)
    except UsageError as error:
        print(error, file=sys.stderr)
        return USAGE_CODE
    printer = Printer(arguments.language, as_json=arguments.json or arguments.batch)
    work = _one(broker, *first, printer) if first else _batch(broker, arguments, printer)
    try:
        asyncio.run(work)
    except LineTooLong as error:
        print(error, file=sys.stderr)
        return USAGE_CODE
    return printer.code


def _check_options(broker: Broker, deadline_s: float) -> None:
    if any(sign in broker.root for sign in "+#"):
        raise UsageError("--root: one kiosk, without + and #")
    if not 0 < deadline_s <= MAX_DEADLINE_S:
        raise UsageError(f"--deadline: more than 0 and at most {MAX_DEADLINE_S} seconds")


async def _one(broker: Broker, command: str, request: Request, printer: Printer) -> None:
    sender = Sender(broker)
    async with sender.connected():
        await _ask(sender, command, request, printer)


async def _ask(sender: Sender, command: str, request: Request, printer: Printer) -> None:
    async for answer in sender.ask(command, request):
        printer.answer(answer, command)


async def _batch(broker: Broker, arguments: argparse.Namespace, printer: Printer) -> None:
    """Every line of standard input, at most `AT_ONCE` of them without a final reply at a time."""
    sender, room = Sender(broker), asyncio.Semaphore(AT_ONCE)
    tasks: set[asyncio.Task[None]] = set()
    async with sender.connected():
        async for line in read_lines(sys.stdin.fileno()):
            if not line.strip():
                continue
            try:
                command, request = _from_line(line, arguments)
            except UsageError as error:
                printer.usage(line, str(error))
                continue
            await room.acquire()
            task = asyncio.create_task(_ask(sender, command, request, printer))
            task.add_done_callback(lambda _: room.release())
            tasks = {task, *(task for task in tasks if not task.done() or task.exception())}
        await asyncio.gather(*tasks)


# what is sent


def _from_arguments(arguments: argparse.Namespace) -> tuple[str, Request]:
    if arguments.command is None:
        raise UsageError(f"which command? one of {', '.join(command_types())}")
    if arguments.data is not None and arguments.pairs:
        raise UsageError("give the data as NAME=VALUE or as --data, not both")
    data = _json_object(arguments.data, "--data") if arguments.data is not None else _data_of(arguments.pairs)
    return _checked(arguments.command, data, arguments.id, arguments)


def _from_line(line: str, arguments: argparse.Namespace) -> tuple[str, Request]:
    given = _json_object(line, "a line")
    unknown = sorted(set(given) - {"command", "data", "id"})
    if unknown or not isinstance(given.get("command"), str) or not isinstance(given.get("data", {}), dict):
        raise UsageError('a line: expected {"command": "noun/verb", "data": {…}, "id": "…"}, the id being optional')
    return _checked(given["command"], given.get("data", {}), given.get("id"), arguments)


def _data_of(words: Sequence[str]) -> dict[str, Any]:
    data = {}
    for pair in words:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"{pair}: expected NAME=VALUE")
        data[name] = value
    return data


def _json_object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{where}: expected a JSON object")
    return value


def _checked(command: str, data: dict[str, Any], chosen: object, arguments: argparse.Namespace) -> tuple[str, Request]:
    if not arguments.no_check:
        problems = faults(command, data)
        if problems:
            raise UsageError("\n".join(problems))
    if any(sign in command for sign in "+#\0") or not command:
        raise UsageError(f"{command!r} cannot be part of a topic")
    deadline = datetime.now(UTC) + timedelta(seconds=arguments.deadline)
    try:
        return command, Request.model_validate(
            {"id": chosen or secrets.token_hex(8), "deadline": deadline, "data": data}
        )
    except ValidationError as error:
        raise UsageError("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())) from error


def faults(command: str, data: dict[str, Any]) -> list[str]:
    """What the daemon would refuse in `data` as `command`, with the nearest known names."""
    kinds = command_types()
    kind = kinds.get(command)
    if kind is None:
        return [f"{command}: no such command{_nearest(command, list(kinds))}"]
    try:
        kind.model_validate(data)
    except ValidationError as error:
        return [_fault(kind, fault["type"], str(fault["loc"][0]), fault["msg"]) for fault in error.errors()]
    return []


def _fault(kind: type[Command], what: str, name: str, message: str) -> str:
    names = list(kind.model_fields)
    if what == "extra_forbidden":
        return f"{name}: not known here{_nearest(name, names)}"
    return f"{name}: {message}"


def _nearest(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"


# what is printed


class Printer:
    """Prints replies, and remembers the worst for the exit code."""

    def __init__(self, language: Language, *, as_json: bool) -> None:
        self._language = language
        self._as_json = as_json
        self.code = DONE_CODE

    def answer(self, answer: Answer, command: str) -> None:
        """A reply to `command`, or that there was none."""
        if answer.get("status") != "accepted":
            self._worse(FINAL_CODES.get(str(answer.get("status")), NOT_DONE_CODE))
        print(json.dumps(answer, ensure_ascii=False) if self._as_json else self._words(answer, command), flush=True)

    def usage(self, line: str, problem: str) -> None:
        """A line that was not sent; its id is given back, so that whoever wrote it can tell."""
        self._worse(USAGE_CODE)
        print(json.dumps({"id": _id_in(line), "status": "not-sent", "detail": problem}, ensure_ascii=False), flush=True)

    def _words(self, answer: Answer, command: str) -> str:
        status = str(answer.get("status"))
        words = STATUS_TEXTS[status].to(self._language) if status in STATUS_TEXTS else status
        why = " ".join(str(answer[key]) for key in ("reason", "detail") if answer.get(key))
        if (command, status) in DETAILS:
            why = word(DETAILS[command, status], self._language)
        data = answer.get("data")
        shown = pairs(data) if isinstance(data, dict) else ""
        return one_line("  ".join(part for part in (words, why, shown) if part))

    def _worse(self, code: int) -> None:
        self.code = max(self.code, code)


def _id_in(line: str) -> str | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
