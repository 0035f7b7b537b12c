"""One panel at its counter: bounce, time-out and thanks around the rating rules. Lives in the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from daemon.events import RatingUnsolicited
from daemon.ratings import close_session, session_to_resume, submit
from daemon.settings import Rating
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreError
from drivers.device import DeviceError
from drivers.panel.capability import Panel, Press

log = logging.getLogger(__name__)


class RatingDesk:
    """The ratings given on one panel. Nobody is thanked before the rating is on the disk."""

    def __init__(
        self, panel_name: str, counter: str | None, rating: Rating, store: Store, tasks: asyncio.TaskGroup
    ) -> None:
        self._panel_name = panel_name
        self._counter = counter
        self._rating = rating
        self._store = store
        self._tasks = tasks
        self._panel: Panel | None = None
        self._session: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_at_s: dict[int, float] = {}

    def connect(self, panel: Panel) -> None:
        """Take the panel itself, once its driver is made."""
        self._panel = panel

    def follow(self, counter: str | None, rating: Rating) -> None:
        """The rules from now on, and the counter where the panel stands."""
        self._counter = counter
        self._rating = rating

    async def resume(self) -> None:
        """After a restart: a session whose time is not over goes on, with its whole time again."""
        counter, timeout_s = self._counter, self._rating.timeout_s
        if counter is None:
            return
        session = await self._store.keep(lambda change: session_to_resume(change, counter, timeout_s))
        if session is not None:
            self.opened(session)

    def close(self) -> None:
        """The panel is taken away. Its session is left to whoever serves the counter next."""
        self._end_session()

    def opened(self, session: str) -> None:
        """A session was opened and is stored: invite the visitor, and end it when its time is over."""
        self._end_session()
        loop = asyncio.get_running_loop()
        self._session = session
        self._timer = loop.call_later(self._rating.timeout_s, self._time_out, session, self._counter)
        self._ask(lambda panel: panel.invite())

    def dismissed(self) -> None:
        """The session ended by command, and that is stored."""
        self._end_session()
        self._ask(lambda panel: panel.dismiss())

    def pressed(self, press: Press) -> None:
        """A key went down. Contact bounce of the same key is not a press."""
        last_s = self._last_at_s.get(press.level)
        self._last_at_s[press.level] = press.monotonic_s
        if last_s is not None and press.monotonic_s - last_s < self._rating.bounce_s:
            return
        level, counter, session = press.level, self._counter, self._session
        stored = self._store.begin(lambda change: self._take(change, level, counter, session))
        self._tasks.create_task(self._thank(level, stored))

    def _take(self, transaction: Transaction, level: int, counter: str | None, session: str | None) -> bool:
        if counter is None:
            transaction.emit(RatingUnsolicited(panel=self._panel_name, counter=None, level=level))
            return False
        return submit(transaction, counter, self._panel_name, level, session=session)

    async def _thank(self, level: int, stored: Awaitable[bool]) -> None:
        try:
            rated = await stored
        except StoreError as error:
            log.error("panel %s: a press of %d was not stored: %s", self._panel_name, level, error)
            return
        if rated:
            self._ask(lambda panel: panel.thank())

    def _time_out(self, session: str, counter: str | None) -> None:
        self._end_session()
        if counter is not None:
            self._tasks.create_task(self._lapse(session, counter))

    async def _lapse(self, session: str, counter: str) -> None:
        # kept, however long it takes: an open session would take a stranger's press for its rating
        if await self._store.keep(lambda change: close_session(change, counter, "timed-out", only=session)):
            self._ask(lambda panel: panel.dismiss())

    def _ask(self, what: Callable[[Panel], Awaitable[None]]) -> None:
        if self._panel is not None:
            self._tasks.create_task(self._tell(self._panel, what))

    async def _tell(self, panel: Panel, what: Callable[[Panel], Awaitable[None]]) -> None:
        try:
            await what(panel)
        except DeviceError as error:
            log.info("panel %s could not be told: %s", self._panel_name, error)  # its own status says so, too

    def _end_session(self) -> None:
        self._session = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
