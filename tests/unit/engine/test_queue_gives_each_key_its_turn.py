"""The queue of pools to look at."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from queueworkers.engine.queue import KeyedQueue, retry_delay
from queueworkers.errors import ApiServerError
from unit.engine.virtual_time import now, virtually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Handled = list[tuple[float, str]]


@asynccontextmanager
async def workers(
    queue: KeyedQueue[str], handle: Callable[[str], Awaitable[None]], count: int = 1
) -> AsyncIterator[None]:
    """Have so many workers at it."""
    tasks = [asyncio.create_task(queue.work(handle)) for _ in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Diary:
    """A handler that takes some time and writes down when it was given what."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.entries: Handled = []
        self._seconds = seconds

    async def handle(self, key: str) -> None:
        """Note it."""
        self.entries.append((now(), key))
        await asyncio.sleep(self._seconds)


def test_a_key_that_waits_is_in_the_queue_once() -> None:
    """A hundred events of one pool are one look at it."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary()
        for _ in range(100):
            queue.add("a")
        queue.add("b")
        async with workers(queue, diary.handle):
            await asyncio.sleep(10)
        return diary.entries

    assert virtually(scenario()) == [(0, "a"), (0, "b")]


def test_an_urgent_key_overtakes_the_others_and_itself() -> None:
    """A pool for whose workers somebody waits does not stand behind hundreds that are new; and is one look still."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary(seconds=1)
        for key in "abc":
            queue.add(key)
        queue.add("c", urgent=True)
        queue.add("d", urgent=True)
        queue.add("d")
        async with workers(queue, diary.handle):
            await asyncio.sleep(10)
        return diary.entries

    assert virtually(scenario()) == [(0, "c"), (1, "d"), (2, "a"), (3, "b")]


def test_a_key_that_becomes_urgent_in_work_comes_next() -> None:
    """And still not twice at a time."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary(seconds=2)
        async with workers(queue, diary.handle):
            queue.add("a")
            await asyncio.sleep(1)
            queue.add("b")
            queue.add("a")
            queue.add("a", urgent=True)
            await asyncio.sleep(20)
        return diary.entries

    assert virtually(scenario()) == [(0, "a"), (2, "a"), (4, "b")]


def test_what_is_being_worked_on_can_be_waited_for() -> None:
    """And what is not concerned is not waited for."""

    async def scenario() -> list[float]:
        queue, diary = KeyedQueue[str](), Diary(seconds=3)
        ended = []
        async with workers(queue, diary.handle, count=2):
            queue.add("a")
            queue.add("b")
            await asyncio.sleep(1)
            await queue.settle(lambda key: key == "c")
            ended.append(now())
            await queue.settle(lambda key: key == "a")
            ended.append(now())
        return ended

    assert virtually(scenario()) == [1, 3]


def test_a_key_added_while_in_work_comes_again() -> None:
    """What happened meanwhile may not have been seen."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary(seconds=5)
        async with workers(queue, diary.handle, count=3):
            queue.add("a")
            await asyncio.sleep(1)
            queue.add("a")
            queue.add("a")
            await asyncio.sleep(20)
        return diary.entries

    assert virtually(scenario()) == [(0, "a"), (5, "a")]


def test_no_key_is_worked_on_twice_at_a_time() -> None:
    """With many workers, many keys and events without end."""
    in_work, most = Counter[str](), Counter[str]()

    async def handle(key: str) -> None:
        in_work[key] += 1
        most[key] = max(most[key], in_work[key])
        await asyncio.sleep(0.7)
        in_work[key] -= 1

    async def scenario() -> None:
        queue = KeyedQueue[str]()
        async with workers(queue, handle, count=8):
            for step in range(200):
                queue.add("abcd"[step % 4])
                queue.add_later("abcd"[step % 3], seconds=step % 5 / 10)
                await asyncio.sleep(0.1)

    virtually(scenario())

    assert most == Counter("abcd")


def test_different_keys_are_worked_on_side_by_side() -> None:
    """A slow pool holds up nobody but itself."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary(seconds=60)
        for key in "abc":
            queue.add(key)
        async with workers(queue, diary.handle, count=2):
            await asyncio.sleep(100)
        return diary.entries

    assert virtually(scenario()) == [(0, "a"), (0, "b"), (60, "c")]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        pytest.param([5.0], [5], id="one"),
        pytest.param([5.0, 3.0, 9.0], [3], id="the-earliest-wins"),
        pytest.param([-2.0], [0], id="the-past-is-now"),
        pytest.param([3.0, None], [0], id="now-makes-later-needless"),
        pytest.param([None, 3.0], [0, 3], id="later-is-besides-now"),
    ],
)
def test_the_earliest_wish_counts(wishes: list[float | None], expected: list[float]) -> None:
    """Whoever looks early sees everything; a later look would be for nothing."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary()
        async with workers(queue, diary.handle):
            for seconds in wishes:
                if seconds is None:
                    queue.add("a")
                else:
                    queue.add_later("a", seconds=seconds)
            await asyncio.sleep(60)
        return diary.entries

    assert virtually(scenario()) == [(seconds, "a") for seconds in expected]


def test_a_forgotten_key_does_not_come_by_itself() -> None:
    """The pool is gone, and its timers with it."""

    async def scenario() -> Handled:
        queue, diary = KeyedQueue[str](), Diary()
        async with workers(queue, diary.handle):
            queue.add_later("a", seconds=5)
            queue.forget("a")
            await asyncio.sleep(60)
        return diary.entries

    assert virtually(scenario()) == []


class Failing:
    """A handler that fails on one key, so many times."""

    def __init__(self, error: Exception, *, times: int) -> None:
        self.entries: Handled = []
        self._error, self._times = error, times

    async def handle(self, key: str) -> None:
        """Fail, while it is to."""
        self.entries.append((now(), key))
        if key == "bad" and self._times:
            self._times -= 1
            raise self._error


def refused(retry_after: float | None = None) -> ApiServerError:
    """Make an answer of an API server that is busy."""
    return ApiServerError(verb="apply", path="/x", status=429, message="busy", retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "times", "expected"),
    [
        pytest.param(refused(), 4, [0, 0.5, 1.5, 3.5, 7.5], id="doubled-each-time"),
        pytest.param(refused(retry_after=7.0), 2, [0, 7, 14], id="as-the-api-server-wants"),
        pytest.param(KeyError("a bug"), 2, [0, 0.5, 1.5], id="a-bug"),
    ],
)
def test_a_failing_key_comes_again_later(error: Exception, times: int, expected: list[float]) -> None:
    """Each time a little later, until it succeeds."""

    async def scenario() -> Handled:
        queue, failing = KeyedQueue[str](), Failing(error, times=times)
        queue.add("bad")
        async with workers(queue, failing.handle):
            await asyncio.sleep(600)
        return failing.entries

    assert virtually(scenario()) == [(seconds, "bad") for seconds in expected]


def test_a_failing_key_stops_no_other() -> None:
    """One worker is enough for the others to go on."""

    async def scenario() -> Handled:
        queue, failing = KeyedQueue[str](), Failing(KeyError("a bug"), times=1000)
        async with workers(queue, failing.handle):
            for key in ("bad", "good", "bad", "fine"):
                queue.add(key)
            await asyncio.sleep(0.1)
        return failing.entries

    assert virtually(scenario()) == [(0, "bad"), (0, "good"), (0, "fine")]


def test_a_success_forgives_earlier_failures() -> None:
    """The next failure waits as little as the first."""

    async def scenario() -> Handled:
        queue, failing = KeyedQueue[str](), Failing(refused(), times=3)
        async with workers(queue, failing.handle):
            queue.add("bad")
            await asyncio.sleep(100)
            failing.entries.clear()
            failing._times = 1  # noqa: SLF001 -- the world breaks again
            queue.add("bad")
            await asyncio.sleep(100)
        return failing.entries

    assert virtually(scenario()) == [(100, "bad"), (100.5, "bad")]


def test_the_wait_after_failures_has_an_end() -> None:
    """Two minutes at most, however long it has been failing."""
    waits = [retry_delay(failures) for failures in range(1, 10_000)]

    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits == sorted(waits)
    assert waits[-1] == 120


def test_an_urgent_key_waits_for_nobody_who_waits() -> None:
    """All who work may wait for something that has time; and each key is still in work once at a time."""

    async def scenario() -> tuple[list[float], Counter[str]]:
        queue, diary = KeyedQueue[str](), Diary(seconds=100.0)
        for number in range(20):
            queue.add(f"slow-{number}")
        rushing = asyncio.create_task(queue.rush(diary.handle, most=3))
        try:
            async with workers(queue, diary.handle, count=4):
                await asyncio.sleep(10)
                for key in ("a", "b", "a", "slow-0", "c", "d"):
                    queue.add(key, urgent=True)
                await asyncio.sleep(91)
                begun = [at for at, key in diary.entries if key in {"a", "b", "c"}]
                return begun, Counter(key for _, key in diary.entries)
        finally:
            rushing.cancel()
            await asyncio.gather(rushing, return_exceptions=True)

    begun, times = virtually(scenario())
    assert begun == [10.0] * 3
    # Beyond the most, an urgent key goes before all others as soon as somebody is free; so does one that was in work.
    assert (times["d"], times["slow-0"], times["a"]) == (1, 2, 1)


def test_ten_thousand_looks_that_ask_nobody_anything_let_others_have_a_turn() -> None:
    """As at a start, when no backlog was read yet."""

    async def scenario() -> int:
        queue, handled, turns = KeyedQueue[int](), 0, 0

        async def handle(_key: int) -> None:
            nonlocal handled
            handled += 1

        for number in range(10_000):
            queue.add(number)
        working = asyncio.create_task(queue.work(handle))
        while handled < 10_000:
            turns += 1
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return turns

    assert virtually(scenario()) >= 5_000


def test_urgent_looks_that_ask_nobody_anything_let_others_have_a_turn() -> None:
    """A hundred at once are not one long stretch in which nothing is read and nobody is answered."""

    async def scenario() -> int:
        queue, done = KeyedQueue[str](), list[str]()

        async def look(key: str) -> None:
            done.append(key)

        rushing = asyncio.create_task(queue.rush(look, most=256))
        most_between = 0
        try:
            async with workers(queue, look):
                for number in range(100):
                    queue.add(f"pool-{number}", urgent=True)
                while (before := len(done)) < 100:
                    await asyncio.sleep(0)
                    most_between = max(most_between, len(done) - before)
        finally:
            rushing.cancel()
            await asyncio.gather(rushing, return_exceptions=True)
        return most_between

    assert virtually(scenario()) <= 4
