"""
A queue of keys that says *look at this one*, never *this happened*.

A key that is added while it waits is in the queue once; one that is added
while it is being worked on comes again afterwards; and no key is ever worked
on twice at a time.  An urgent one goes before all that are not.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

Key = TypeVar("Key", bound="Hashable")

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 120.0

logger = logging.getLogger(__name__)


def retry_delay(failures: int) -> float:
    """Wait after the n-th failure in a row: half a second, doubled each time, two minutes at most."""
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 16), LAST_RETRY_SECONDS)


class KeyedQueue(Generic[Key]):
    """Keys to look at, now or later, each at most once at a time."""

    def __init__(self) -> None:
        self._waiting: asyncio.PriorityQueue[tuple[bool, int, Key]] = asyncio.PriorityQueue()
        self._turns = itertools.count()
        self._dirty: set[Key] = set()
        self._urgent: set[Key] = set()
        self._in_work: set[Key] = set()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._failures: defaultdict[Key, int] = defaultdict(int)
        self._ended = asyncio.Event()
        self._rushing: asyncio.Queue[Key] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        """Keys that are to be looked at, and are not being looked at."""
        return len(self._dirty)

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Have *key* looked at as soon as possible; an urgent one overtakes the others, itself included."""
        timer = self._later.pop(key, None)
        if timer:
            timer.cancel()
        hurries = urgent and key not in self._urgent
        if hurries:
            self._urgent.add(key)
        if key not in self._dirty or hurries:
            self._dirty.add(key)
            if key not in self._in_work:
                self._put(key)

    def is_in_work(self, key: Key) -> bool:
        """Tell whether *key* is being looked at, so that the next look has to wait for the end of this one."""
        return key in self._in_work

    def add_later(self, key: Key, *, seconds: float) -> None:
        """Have *key* looked at after some time, or earlier; the earliest wish counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + max(seconds, 0.0)
        known = self._later.get(key)
        if known and known.when() <= due:
            return
        if known:
            known.cancel()
        self._later[key] = loop.call_at(due, self.add, key)

    def forget(self, key: Key) -> None:
        """Drop the timers and failures of a key that will not come again."""
        timer = self._later.pop(key, None)
        if timer:
            timer.cancel()
        self._failures.pop(key, None)

    async def settle(self, concerns: Callable[[Key], bool]) -> None:
        """Wait until no key of some is being worked on."""
        while any(concerns(key) for key in self._in_work):
            self._ended.clear()
            await self._ended.wait()

    async def work(self, handle: Callable[[Key], Awaitable[None]]) -> None:
        """
        Hand key after key to *handle*, for ever; run several of these side by side.

        A failure is logged and tried again, later each time; it is that key's
        alone.
        """
        while True:
            _, _, key = await self._waiting.get()
            if self._begin(key):
                await self._hand(key, handle)
            # A look that asks nobody anything lets nobody else have a turn, and ten thousand of them take seconds.
            await asyncio.sleep(0)

    async def rush(self, handle: Callable[[Key], Awaitable[None]], *, most: int) -> None:
        """
        Hand each urgent key to *handle* at once, for ever, beside those who `work`.

        They may all wait for something that has time.

        Args:
            handle: As in `work`.
            most: So many side by side; the others go before all that are not urgent.
        """
        places = asyncio.Semaphore(most)
        async with asyncio.TaskGroup() as tasks:
            while True:
                key = await self._rushing.get()
                await places.acquire()
                if self._begin(key):
                    task = tasks.create_task(self._hand(key, handle))
                    task.add_done_callback(lambda _: places.release())
                else:
                    places.release()
                # As above: a hundred that were changed together are not one long look.
                await asyncio.sleep(0)

    def _begin(self, key: Key) -> bool:
        """Take a key into work; False where it has overtaken itself."""
        if key not in self._dirty or key in self._in_work:
            return False
        self._dirty.discard(key)
        self._urgent.discard(key)
        self._in_work.add(key)
        return True

    async def _hand(self, key: Key, handle: Callable[[Key], Awaitable[None]]) -> None:
        try:
            await handle(key)
        except ApiServerError as error:
            self._retry(key, error.retry_after)
            logger.warning("%s: %s; trying again", key, error, extra={"subject": key})
        except Exception:
            # The last line of defence: a bug in one pool must not stop the others.
            self._retry(key, None)
            logger.exception("%s: unexpected failure; trying again", key, extra={"subject": key})
        else:
            self._failures.pop(key, None)
        finally:
            self._in_work.discard(key)
            self._ended.set()
            if key in self._dirty:
                self._put(key)

    def _put(self, key: Key) -> None:
        self._waiting.put_nowait((key not in self._urgent, next(self._turns), key))
        if key in self._urgent:
            self._rushing.put_nowait(key)

    def _retry(self, key: Key, seconds: float | None) -> None:
        self._failures[key] += 1
        self.add_later(key, seconds=seconds or retry_delay(self._failures[key]))
