"""Everything that the page shows, and who looks at it. Bounded: a slow viewer skips what is old, and is told so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

KEPT_ENTRIES: Mapping[str, int] = {"messages": 500, "wire": 400, "notes": 100}
"""The logs, and how many entries each keeps: what MQTT carried, what the wires carried, what the bench has to say."""

SETTLE_S = 0.04
"""Changes that come together make one update: a roll of paper moves line by line."""


class Picture:
    """Named items that have a present value, and logs of what happened."""

    def __init__(self, *, settle_s: float = SETTLE_S) -> None:
        self._settle_s = settle_s
        self._items: dict[str, Callable[[], Any]] = {}
        self._logs = {name: _Log(kept) for name, kept in KEPT_ENTRIES.items()}
        self._views: set[View] = set()
        self.closed = False

    def provide(self, name: str, read: Callable[[], Any]) -> None:
        """Item `name` is whatever `read` gives when somebody looks."""
        self._items[name] = read
        self.changed(name)

    def put(self, name: str, value: Any) -> None:
        """Item `name` is `value` from now on."""
        self.provide(name, lambda: value)

    def drop(self, name: str) -> None:
        """There is no item `name` any more; viewers get None for it."""
        if self._items.pop(name, None) is not None:
            self.changed(name)

    def changed(self, name: str) -> None:
        """Item `name` may have another value now."""
        for view in self._views:
            view.touch(name)

    def add(self, log: str, entry: Mapping[str, Any]) -> None:
        """`entry` happened now."""
        self._logs[log].add(entry)
        for view in self._views:
            view.wake()

    def note(self, code: str, **values: Any) -> None:
        """Something that the bench itself has to say. `code` is a key of the page's words."""
        self.add("notes", {"code": code, **values})

    @property
    def viewers(self) -> int:
        return len(self._views)

    @contextmanager
    def view(self) -> Iterator[View]:
        """A new viewer, who first gets everything there is."""
        view = View(self, self._items, self._logs, self._settle_s)
        self._views.add(view)
        try:
            yield view
        finally:
            self._views.discard(view)

    def close(self) -> None:
        """Send every viewer away."""
        self.closed = True
        for view in self._views:
            view.wake()


class _Log:
    """The last entries of a log, each with a number that counts all of them."""

    def __init__(self, kept: int) -> None:
        self.entries: deque[Mapping[str, Any]] = deque(maxlen=kept)
        self.last = 0

    def add(self, entry: Mapping[str, Any]) -> None:
        self.last += 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.entries.append({"n": self.last, "at": at, **entry})

    def since(self, number: int) -> list[Mapping[str, Any]]:
        new = min(self.last - number, len(self.entries))
        return list(self.entries)[len(self.entries) - new :]


class View:
    """What one viewer has not seen yet: names and numbers only, however slow the viewer is."""

    def __init__(
        self, picture: Picture, items: Mapping[str, Callable[[], Any]], logs: Mapping[str, _Log], settle_s: float
    ) -> None:
        self._picture = picture
        self._items = items
        self._logs = logs
        self._settle_s = settle_s
        self._stale = set(items)
        self._seen = dict.fromkeys(logs, 0)
        self._woken = asyncio.Event()
        self._first = True
        self.wake()

    def touch(self, name: str) -> None:
        """Item `name` has to be sent again."""
        self._stale.add(name)
        self.wake()

    def wake(self) -> None:
        """There is something to send."""
        self._woken.set()

    async def next(self, timeout_s: float) -> Mapping[str, Any] | None:
        """The next update; None when nothing changed in `timeout_s`, or the picture was closed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return None
        if not self._first and not self._picture.closed:
            await asyncio.sleep(self._settle_s)
        self._woken.clear()
        return None if self._picture.closed else self._update()

    def _update(self) -> Mapping[str, Any]:
        names, self._stale = self._stale, set()
        items = {name: self._items[name]() if name in self._items else None for name in sorted(names)}
        logs = {name: entries for name, log in self._logs.items() if (entries := log.since(self._seen[name]))}
        self._seen = {name: log.last for name, log in self._logs.items()}
        first, self._first = self._first, False
        return {"first": first, "items": items, "logs": logs}
