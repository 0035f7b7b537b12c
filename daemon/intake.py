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
from daemon.database import Transaction
from daemon.effects import Begin, Effect
from daemon.hall import Hall
from daemon.journal import (
    Seen,
    awaited_replies,
    find_command,
    latest_commands,
    settle_command,
    take_command,
    unanswered,
)
from daemon.orders import Message, Order, read_order, readable_id
from daemon.refused import Refused
from daemon.store import Store, StoreError

log = logging.getLogger(__name__)

OPEN_AGAIN_S = 1.0

TURNS_TO_THE_WIRE = 6
"""Turns of the event loop: desk, driver, link. More would only delay the reply, fewer only the board."""

MAX_AT_WORK = 200
"""Commands being carried out at one moment; more are refused as busy."""

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
        self._at_work += 1
        task = self._tasks.create_task(self._carry_out(order, answer))
        task.add_done_callback(partial(self._carried_out, taken))

    def _carried_out(self, taken: Callable[[], None], task: asyncio.Task[None]) -> None:
        self._at_work -= 1
        if not task.cancelled():  # else the broker delivers it again
            taken()

    def _read(self, message: Message) -> Order:
        order = read_order(message, self._types)
        if self._at_work >= MAX_AT_WORK:
            raise Refused(Refusal.BUSY, f"{MAX_AT_WORK} commands are at work")
        return order

    def settled(self, reply: Reply) -> None:
        """A command got its final answer, which is stored: everybody who asked hears it."""
        for answer in self._waiting.pop(reply.id, [self._publish]):
            answer(reply)

    async def _carry_out(self, order: Order, answer: Answer) -> None:
        try:
            await self._once(order, answer)
        except Refused as refused:
            self._refuse(order.request.id, refused, answer)
        except StoreError as error:
            self._refuse(order.request.id, Refused(Refusal.STORE_FAILED, str(error)), answer)

    async def _once(self, order: Order, answer: Answer) -> None:
        if not self._opened:
            await self._learn()
        request, hall = order.request, self._hall()
        if request.deadline < self._clock.now():
            seen = await self._store.transact(lambda change: find_command(change, request.id))
            if seen is None:
                raise Refused(Refusal.EXPIRED, f"the deadline was {request.deadline.isoformat()}")
            self._repeat(seen, order, answer)
            return
        if request.id in self._recording:  # the same was begun a moment ago, and is not in the store yet
            await self._recording[request.id].wait()
        begin = self._to_begin(hall, order)
        if begin is None:
            await self._carry_out_stored(hall, order, answer)
        else:
            await self._carry_out_begun(begin, hall, order, answer)

    async def _carry_out_begun(self, begin: Begin, hall: Hall, order: Order, answer: Answer) -> None:
        command = order.request.id
        recorded = self._recording[command] = asyncio.Event()
        begin(recorded)
        try:
            await _let_it_leave()
            await self._carry_out_stored(hall, order, answer, begun=True)
        except StoreError as error:
            answer(Reply(id=command, status=Status.FAILED, reason=Refusal.STORE_FAILED, detail=str(error)))
        finally:
            recorded.set()
            del self._recording[command]

    async def _carry_out_stored(self, hall: Hall, order: Order, answer: Answer, *, begun: bool = False) -> None:
        try:
            outcome = await self._store.transact(lambda change: _take(change, hall, order))
        except Refused as refused:
            rejection = _rejection(order.request.id, refused)
            await self._store.transact(lambda change: _take_refused(change, order, rejection))
            raise
        if isinstance(outcome, Seen):
            self._repeat(outcome, order, answer)
        else:
            self._follow(outcome, order.request.id, answer, begun=begun)

    def _to_begin(self, hall: Hall, order: Order) -> Begin | None:
        """How to begin what may begin before the commit."""
        command = order.request.id
        if command in self._known or self._store.failing:
            return None
        self._known[command] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return hall.at_once(order.command, order.request)

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


async def _let_it_leave() -> None:
    """Let what was begun reach its wire before the store's thread wakes up and competes for the interpreter."""
    for _ in range(TURNS_TO_THE_WIRE):
        await asyncio.sleep(0)


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


def _after_restart(change: Transaction) -> tuple[list[str], list[Reply]]:
    cut_off = [
        Reply(id=command, status=Status.FAILED, reason=Refusal.INTERRUPTED, detail="kioskd was restarted meanwhile")
        for command in unanswered(change)
    ]
    awaited = awaited_replies(change, AWAITED_MAX)
    for reply in cut_off:
        settle_command(change, reply)
    return latest_commands(change, KNOWN_MAX), awaited + cut_off
