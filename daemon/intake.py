"""Commands on their way in: checked, matched against the ids already seen, carried out once, answered.

A refusal is counted and answered, and has no effect. An id is used up by its first command that was carried out or
refused by a rule; the same again gets the same answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from daemon.clock import Clock
from daemon.commands import Refusal, Reply, Status, command_types
from daemon.hall.effects import Effect
from daemon.hall.hall import Hall
from daemon.orders import Message, Order, read_order, readable_id
from daemon.refused import Refused
from daemon.store.database import Transaction
from daemon.store.journal import (
    Seen,
    awaited_replies,
    find_command,
    latest_commands,
    settle_command,
    take_command,
    unanswered,
)
from daemon.store.store import Store, StoreError

log = logging.getLogger(__name__)

OPEN_AGAIN_S = 1.0

MAX_AT_WORK = 200
"""Commands being carried out at one moment; more are refused as busy."""

MAX_AT_WORK_BYTES = 2 << 20
"""The same in bytes: a fee list is as large as hundreds of other commands."""

KNOWN_MAX = 10_000
"""The latest ids are known without asking the store, so that what is shown at once is not shown at each repetition."""

AWAITED_MAX = 500
"""Answers sent again after a restart."""

REPEATS_MAX = 20
"""How often the same command may be repeated while it is at work, each to be answered; more are refused as busy."""

Answer = Callable[[Reply], None]


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
        self._opened = False
        self._known: dict[str, None] = {}  # a set that keeps its order
        self._recording: dict[str, asyncio.Event] = {}
        self._waiting: dict[str, list[Answer]] = {}
        self._at_work = 0
        self._at_work_bytes = 0
        self.refused = 0

    async def open(self) -> None:
        """Learn the ids of before the restart; what was cut off then is answered as interrupted.

        Answers that may still be awaited are sent again: nobody knows whether they got out. A store that does not work
        yet is asked for as long as it takes; commands are refused meanwhile.
        """
        while not self._opened:
            try:
                await self._learn()
            except StoreError as error:
                log.warning("the commands of before the restart cannot be read yet: %s", error)
                await asyncio.sleep(OPEN_AGAIN_S)

    async def _learn(self) -> None:
        known, replies = await self._store.transact(_after_restart)
        self._opened = True
        self._known = dict.fromkeys(known) | self._known
        for reply in replies:
            self.settled(reply)

    def receive(self, message: Message, answer: Answer, taken: Callable[[], None]) -> None:
        """Take a command from the broker. `taken` is called once it need not be delivered again."""
        try:
            order = self._read(message)
        except Refused as refused:
            self._refuse(readable_id(message.payload), refused, answer)
            taken()
            return
        size = len(message.payload)
        self._at_work += 1
        self._at_work_bytes += size
        hall = self._hall()
        recorded = self._begin_at_once(hall, order)
        task = self._tasks.create_task(self._carry_out(hall, order, answer, recorded))
        task.add_done_callback(partial(self._carried_out, taken, size))

    def _carried_out(self, taken: Callable[[], None], size: int, task: asyncio.Task[None]) -> None:
        self._at_work -= 1
        self._at_work_bytes -= size
        if not task.cancelled():  # else the broker delivers it again
            taken()

    def _read(self, message: Message) -> Order:
        order = read_order(message, self._types)
        if self._at_work >= MAX_AT_WORK:
            raise Refused(Refusal.BUSY, f"{MAX_AT_WORK} commands are at work")
        if self._at_work_bytes + len(message.payload) > MAX_AT_WORK_BYTES:
            raise Refused(Refusal.BUSY, f"commands of {self._at_work_bytes} bytes are at work")
        return order

    def settled(self, reply: Reply) -> None:
        """A command got its final answer, which is stored: everybody who asked hears it."""
        for answer in self._waiting.pop(reply.id, [self._publish]):
            answer(reply)

    def told(self, reply: Reply) -> None:
        """How far a command is that has no final answer yet: everybody who asked hears it."""
        for answer in self._waiting.get(reply.id, ()):
            answer(reply)

    def _begin_at_once(self, hall: Hall, order: Order) -> asyncio.Event | None:
        """Begin what may begin before its commit, and is asked for the first time; None when it is not so."""
        request = order.request
        if not self._opened or self._store.failing or request.deadline < self._clock.now() or request.id in self._known:
            return None
        self._known[request.id] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        begin = hall.at_once(order.command, request)
        if begin is None:
            return None
        recorded = self._recording[request.id] = asyncio.Event()
        begin(recorded)
        return recorded

    async def _carry_out(self, hall: Hall, order: Order, answer: Answer, recorded: asyncio.Event | None) -> None:
        try:
            if recorded is None:
                await self._once(hall, order, answer)
            else:
                await self._record(recorded, hall, order, answer)
        except Refused as refused:
            self._refuse(order.request.id, refused, answer)
        except StoreError as error:
            self._refuse(order.request.id, Refused(Refusal.STORE_FAILED, str(error)), answer)

    async def _once(self, hall: Hall, order: Order, answer: Answer) -> None:
        if not self._opened:
            await self._learn()
        request = order.request
        if request.deadline < self._clock.now():
            seen = await self._store.transact(lambda change: find_command(change, request.id))
            if seen is None:
                raise Refused(Refusal.EXPIRED, f"the deadline was {request.deadline.isoformat()}")
            self._repeat(seen, order, answer)
            return
        if request.id in self._recording:  # the same was begun a moment ago, and is not in the store yet
            await self._recording[request.id].wait()
        await self._carry_out_stored(hall, order, answer)

    async def _record(self, recorded: asyncio.Event, hall: Hall, order: Order, answer: Answer) -> None:
        """Put into the store what has begun."""
        command = order.request.id
        try:
            await self._carry_out_stored(hall, order, answer, begun=True)
        except StoreError as error:
            answer(Reply(id=command, status=Status.FAILED, reason=Refusal.STORE_FAILED, detail=str(error)))
        finally:
            recorded.set()
            del self._recording[command]

    async def _carry_out_stored(self, hall: Hall, order: Order, answer: Answer, *, begun: bool = False) -> None:
        try:
            outcome = await self._store.transact(lambda change: take_order(change, hall, order))
        except Refused as refused:
            rejection = _rejection(order.request.id, refused)
            await self._store.transact(lambda change: take_refusal(change, order, rejection))
            raise
        if isinstance(outcome, Seen):
            self._repeat(outcome, order, answer)
        else:
            self._follow(outcome, order.request.id, answer, begun=begun)

    def _follow(self, effect: Effect, command: str, answer: Answer, *, begun: bool) -> None:
        answer(Reply(id=command, status=Status.ACCEPTED, data=dict(effect.data)))
        if effect.final:
            answer(Reply(id=command, status=Status.DONE, data=dict(effect.data)))
        else:
            self._waiting[command] = [answer]
        if not begun:
            effect.after()

    def _repeat(self, seen: Seen, order: Order, answer: Answer) -> None:
        command = order.request.id
        if seen.fingerprint != order.fingerprint:
            raise Refused(Refusal.ID_REUSED, "this id was used for another command: choose a new one for each")
        if seen.reply is not None:
            answer(seen.reply)
        else:
            answers = self._waiting.setdefault(command, [])
            if len(answers) >= REPEATS_MAX:
                raise Refused(Refusal.BUSY, f"repeated {REPEATS_MAX} times already while it is at work")
            answers.append(answer)
            answer(Reply(id=command, status=Status.ACCEPTED))

    def _refuse(self, command: str, refused: Refused, answer: Answer) -> None:
        self.refused += 1
        self._on_refused()
        log.info("command %s refused: %s", command, refused)
        answer(_rejection(command, refused))


def _rejection(command: str, refused: Refused) -> Reply:
    status = Status.EXPIRED if refused.reason is Refusal.EXPIRED else Status.REJECTED
    return Reply(id=command, status=status, reason=refused.reason, detail=refused.detail, data=refused.data)


def take_order(change: Transaction, hall: Hall, order: Order) -> Seen | Effect:
    """Carry an order out, unless its id was seen before: then what is known of it. Raises Refused."""
    request = order.request
    seen = find_command(change, request.id)
    if seen is not None:
        return seen
    take_command(change, request.id, order.fingerprint, request.deadline)
    effect = hall.prepare(change, order.command, request)
    if effect.final:
        settle_command(change, Reply(id=request.id, status=Status.DONE, data=dict(effect.data)))
    return effect


def take_refusal(change: Transaction, order: Order, reply: Reply) -> None:
    """An order was refused by a rule: its id is used, and the same again gets the same answer."""
    take_command(change, order.request.id, order.fingerprint, order.request.deadline)
    settle_command(change, reply)


def _after_restart(change: Transaction) -> tuple[list[str], list[Reply]]:
    cut_off = [
        Reply(id=command, status=Status.FAILED, reason=Refusal.INTERRUPTED, detail="kioskd was restarted meanwhile")
        for command in unanswered(change)
    ]
    awaited = awaited_replies(change, AWAITED_MAX)
    for reply in cut_off:
        settle_command(change, reply)
    return latest_commands(change, KNOWN_MAX), awaited + cut_off
