"""Commands on their way in: checked, matched against the ids already seen, carried out once, answered.

Order of the checks: what costs least and trusts least comes first. A refusal is counted and answered, and has
no effect. An id is used up by its first command that was carried out or refused by a rule; the same again gets
the same answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol, TypeVar

from pydantic import ValidationError

from daemon.clock import Clock
from daemon.commands import MAX_PAYLOAD_BYTES, Command, Refusal, Reply, Request, Status, command_types
from daemon.database import Transaction
from daemon.hall import Effect, Hall
from daemon.journal import Seen, find_command, live_commands, settle_command, take_command, unanswered
from daemon.model import ID_PATTERN, Model
from daemon.refused import Refused
from daemon.store import Store, StoreError

log = logging.getLogger(__name__)

UNIDENTIFIED = "unidentified"
"""The id in the reply to what carries none that can be read."""

MAX_AT_WORK = 200
"""Commands being carried out at one moment; more are refused as busy."""

KNOWN_MAX = 10_000
"""Ids kept in memory until their deadlines; more commands are refused as busy."""

FAULTS_MAX = 5
"""Faults named in one refusal."""


class Message(Protocol):
    """A command as it came from the broker. `topic` is relative to the root: ``command/ticket/take``."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retained(self) -> bool: ...


Answer = Callable[[Reply], None]

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Order:
    """A command that passed every check that needs no store."""

    request: Request
    command: Command
    fingerprint: str


class Intake:
    """The one way in for commands. Lives in the event loop.

    `publish` sends a reply to ``reply/{id}``; `on_refused` is called after each refusal was counted.
    """

    def __init__(
        self,
        hall: Callable[[], Hall],
        store: Store,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        publish: Answer,
        on_refused: Callable[[], None],
    ) -> None:
        self._hall = hall
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._publish = publish
        self._on_refused = on_refused
        self._types = command_types()
        self._known: dict[str, datetime] = {}
        self._waiting: dict[str, list[Answer]] = {}
        self._at_work = 0
        self.refused = 0

    async def open(self) -> None:
        """Learn the ids of before the restart; what was cut off then is answered as interrupted."""
        self._known, cut_off = await self._store.keep(_after_restart)
        for reply in cut_off:
            self.settled(reply)

    def receive(self, message: Message, answer: Answer, taken: Callable[[], None]) -> None:
        """Take a command from the broker. `taken` is called once it need not be delivered again."""
        try:
            order = self._read(message)
        except Refused as refused:
            self._refuse(_readable_id(message.payload), refused, answer)
            taken()
            return
        self._at_work += 1
        self._tasks.create_task(self._carry_out(order, answer, taken))

    def settled(self, reply: Reply) -> None:
        """A command got its final answer, which is stored: everybody who asked hears it."""
        for answer in self._waiting.pop(reply.id, [self._publish]):
            answer(reply)

    def _read(self, message: Message) -> Order:
        if message.retained:
            raise Refused(Refusal.RETAINED, "a retained command would be carried out again at each restart")
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            raise Refused(Refusal.TOO_LARGE, f"{len(message.payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
        name = message.topic.removeprefix("command/")
        kind = self._types.get(name)
        if kind is None:
            near = get_close_matches(name, self._types, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Refused(Refusal.UNKNOWN_COMMAND, f"no command {name[:80]!r}{hint}")
        request = _parse(Request, _json(message.payload))
        command = _parse(kind, request.data)
        if self._at_work >= MAX_AT_WORK:
            raise Refused(Refusal.BUSY, f"{MAX_AT_WORK} commands are at work")
        body = json.dumps([name, request.data], sort_keys=True).encode()
        return Order(request, command, hashlib.sha256(body).hexdigest())

    async def _carry_out(self, order: Order, answer: Answer, taken: Callable[[], None]) -> None:
        try:
            await self._once(order, answer)
        except Refused as refused:
            self._refuse(order.request.id, refused, answer)
        except StoreError as error:
            self._refuse(order.request.id, Refused(Refusal.STORE_FAILED, str(error)), answer)
        finally:
            self._at_work -= 1
            taken()

    async def _once(self, order: Order, answer: Answer) -> None:
        request, hall = order.request, self._hall()
        if request.deadline < self._clock.now():
            seen = await self._store.transact(lambda change: find_command(change, request.id))
            if seen is None:
                raise Refused(Refusal.EXPIRED, f"the deadline was {request.deadline.isoformat()}")
            self._repeat(seen, order, answer)
            return
        begin = None if request.id in self._known else hall.at_once(order.command, request)
        self._remember(request)
        if begin is not None:
            self._waiting[request.id] = [answer]
            begin()
        try:
            outcome = await self._store.transact(lambda change: _take(change, hall, order))
        except Refused as refused:
            rejection = _rejection(request.id, refused)
            await self._store.transact(lambda change: _take_refused(change, order, rejection))
            raise
        if isinstance(outcome, Seen):
            self._repeat(outcome, order, answer)
        else:
            self._follow(outcome, request.id, answer)

    def _follow(self, effect: Effect, command: str, answer: Answer) -> None:
        answer(Reply(id=command, status=Status.ACCEPTED, data=dict(effect.data)))
        if effect.final:
            answer(Reply(id=command, status=Status.DONE, data=dict(effect.data)))
        else:
            self._waiting.setdefault(command, [answer])
        effect.after()

    def _repeat(self, seen: Seen, order: Order, answer: Answer) -> None:
        command = order.request.id
        if seen.fingerprint != order.fingerprint:
            raise Refused(Refusal.ID_REUSED, "this id was used for another command: choose a new one for each")
        if seen.reply is not None:
            answer(seen.reply)
        else:
            answer(Reply(id=command, status=Status.ACCEPTED))
            self._waiting.setdefault(command, []).append(answer)

    def _remember(self, request: Request) -> None:
        if len(self._known) >= KNOWN_MAX:
            now = self._clock.now()
            self._known = {known: deadline for known, deadline in self._known.items() if deadline >= now}
        if len(self._known) >= KNOWN_MAX:
            raise Refused(Refusal.BUSY, f"{KNOWN_MAX} commands are before their deadlines")
        self._known[request.id] = request.deadline

    def _refuse(self, command: str, refused: Refused, answer: Answer) -> None:
        self.refused += 1
        self._on_refused()
        log.info("command %s refused: %s", command, refused)
        answer(_rejection(command, refused))


def _rejection(command: str, refused: Refused) -> Reply:
    status = Status.EXPIRED if refused.reason is Refusal.EXPIRED else Status.REJECTED
    return Reply(id=command, status=status, reason=refused.reason, detail=refused.detail)


def _take(change: Transaction, hall: Hall, order: Order) -> Seen | Effect:
    request = order.request
    seen = find_command(change, request.id)
    if seen is not None:
        return seen
    take_command(change, request.id, order.fingerprint, request.deadline)
    effect = hall.prepare(change, order.command, request)
    if effect.final:
        settle_command(change, Reply(id=request.id, status=Status.DONE, data=dict(effect.data)))
    return effect


def _take_refused(change: Transaction, order: Order, reply: Reply) -> None:
    take_command(change, order.request.id, order.fingerprint, order.request.deadline)
    settle_command(change, reply)


def _after_restart(change: Transaction) -> tuple[dict[str, datetime], list[Reply]]:
    cut_off = [
        Reply(id=command, status=Status.FAILED, reason=Refusal.INTERRUPTED, detail="kioskd was restarted meanwhile")
        for command in unanswered(change)
    ]
    for reply in cut_off:
        settle_command(change, reply)
    return live_commands(change), cut_off


def _json(payload: bytes) -> object:
    try:
        return json.loads(payload.decode())
    except UnicodeDecodeError as error:
        raise Refused(Refusal.NOT_UTF8, f"byte {error.start} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise Refused(Refusal.NOT_JSON, str(error)) from error


def _parse(model: type[M], value: object) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        words = [f"{'.'.join(map(str, fault['loc'])) or 'payload'}: {fault['msg']}" for fault in faults]
        raise Refused(Refusal.INVALID, "; ".join(words[:FAULTS_MAX])) from error


def _readable_id(payload: bytes) -> str:
    """The id of a command that was refused for something else, so that its sender hears of it."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return UNIDENTIFIED
    try:
        value = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return UNIDENTIFIED
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and re.fullmatch(ID_PATTERN, found) else UNIDENTIFIED
