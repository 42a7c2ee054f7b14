"""Pools share what they can share, and suffer from nothing else's troubles."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.backlog import Tally, UnknownBacklog
from unit.engine.observed import Observed, ready
from unit.engine.virtual_time import virtually

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Reading
    from unit.engine.little_redis import LittleRedis


def test_many_pools_of_one_redis_share_one_connection_and_one_round_trip() -> None:
    """Whatever their number, once all of them are known."""

    async def scenario() -> LittleRedis:
        async with Observed().running() as it:
            for number in range(50):
                it.follow(f"pool-{number}")
            await asyncio.sleep(10)
            return it.redis

    redis = virtually(scenario())

    assert redis.opened == 1
    assert [count for at, _, count in redis.trips if at] == [50] * 10


def test_a_reading_is_told_when_it_changes() -> None:
    """The first one is a change, the same again is none."""

    async def scenario() -> tuple[list[Any], list[int]]:
        async with Observed().running() as it:
            first = it.follow("a")
            assert first is None
            await asyncio.sleep(5.5)
            seen = [ready(it.follow("a"))]
            it.redis.ready["redis.one"] = 7
            await asyncio.sleep(5)
            return it.told, [*seen, ready(it.follow("a"))]

    assert virtually(scenario()) == ([(0, "a"), (6, "a")], [0, 7])


def test_what_came_and_went_is_told_and_rest_is_not() -> None:
    """A hundred readings at rest are one; jobs that came and went between two of them are a change."""
    at_rest = Tally(since=datetime(2026, 11, 21, 12, tzinfo=UTC), arrived=7, taken=7, gaps=1)

    async def scenario() -> tuple[int, list[Any]]:
        async with Observed().running() as it:
            it.redis.tallies["redis.one"] = at_rest
            it.follow("a")
            await asyncio.sleep(100.5)
            readings = len(it.redis.trips)
            it.redis.tallies["redis.one"] = replace(at_rest, arrived=8, taken=8)
            await asyncio.sleep(5)
            return readings, it.told

    readings, told = virtually(scenario())
    assert readings >= 100
    assert [name for _, name in told] == ["a", "a"]


def test_a_hanging_redis_delays_no_other() -> None:
    """Each endpoint has a task of its own."""

    async def scenario() -> tuple[int, Reading | None]:
        async with Observed().running() as it:
            it.redis.hanging.add("redis.bad")
            it.follow("bad", "redis.bad")
            it.follow("good", "redis.good")
            await asyncio.sleep(10.5)
            trips = [host for _, host, _ in it.redis.trips]
            return trips.count("redis.good"), it.follow("bad", "redis.bad")

    assert virtually(scenario()) == (11, None)


def test_a_failing_reader_is_a_backlog_that_is_not_known() -> None:
    """And it is asked again: a bug must not end the reading for ever."""

    async def scenario() -> tuple[Reading | None, Reading | None]:
        async with Observed().running() as it:
            it.redis.broken.add("redis.one")
            it.follow("a")
            await asyncio.sleep(3)
            broken = it.follow("a")
            it.redis.broken.clear()
            await asyncio.sleep(3)
            return broken, it.follow("a")

    broken, mended = virtually(scenario())

    assert isinstance(broken, UnknownBacklog)
    assert ready(mended) == 0


@pytest.mark.parametrize(
    ("others", "open_after"),
    [pytest.param([], [], id="the-last-one"), pytest.param(["b"], ["redis.one"], id="others-stay")],
)
def test_forgetting_the_last_pool_ends_the_connection(others: list[str], open_after: list[str]) -> None:
    """Not before."""

    async def scenario() -> list[str]:
        async with Observed().running() as it:
            for name in ("a", *others):
                it.follow(name)
            await asyncio.sleep(2)
            it.forget("a")
            it.forget("never-followed")
            await asyncio.sleep(1)
            return list(it.redis.open)

    assert virtually(scenario()) == open_after


def test_forgetting_ends_a_connection_that_hangs() -> None:
    """It would hang there for ever, for nobody."""

    async def scenario() -> list[str]:
        async with Observed().running() as it:
            it.redis.hanging.add("redis.one")
            it.follow("a")
            await asyncio.sleep(2)
            assert it.redis.open == ["redis.one"]
            it.forget("a")
            await asyncio.sleep(1)
            return list(it.redis.open)

    assert virtually(scenario()) == []


def test_the_end_closes_every_connection() -> None:
    """Also those that hang."""
    it = Observed()

    async def scenario() -> None:
        async with it.running():
            it.redis.hanging.add("redis.two")
            it.follow("a")
            it.follow("b", "redis.two")
            await asyncio.sleep(2)

    virtually(scenario())

    assert it.redis.opened == 2
    assert it.redis.open == []


def test_a_pool_that_moves_is_read_where_it_is_now() -> None:
    """And there is no reading until the new place has been read."""

    async def scenario() -> tuple[Reading | None, int, list[str]]:
        async with Observed().running() as it:
            it.redis.ready = {"redis.one": 1, "redis.two": 2}
            it.follow("a")
            await asyncio.sleep(2)
            moved = it.follow("a", "redis.two")
            await asyncio.sleep(2)
            return moved, ready(it.follow("a", "redis.two")), list(it.redis.open)

    assert virtually(scenario()) == (None, 2, ["redis.two"])


def test_other_queues_are_another_question() -> None:
    """The old answer is not the answer to it."""

    async def scenario() -> list[Reading | None]:
        async with Observed().running() as it:
            it.follow("a")
            await asyncio.sleep(2)
            return [it.follow("a", queues=["high"]), it.follow("a", queues=["high"])]

    assert virtually(scenario()) == [None, None]


def test_each_pool_is_read_at_its_own_interval() -> None:
    """A shorter one counts at once."""

    async def scenario() -> tuple[int, int]:
        async with Observed().running() as it:
            it.follow("a", every=80)
            await asyncio.sleep(90)
            slow = len(it.redis.trips)
            it.follow("a", every=2)
            await asyncio.sleep(20)
            return slow, len(it.redis.trips) - slow

    slow, fast = virtually(scenario())

    assert slow == 2
    assert 9 <= fast <= 11
