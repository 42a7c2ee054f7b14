"""Where Redis tells of changes, a pool is read when there is one, and nearly never otherwise."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolKey
from queueworkers.engine.observer import RESTLESS_READINGS_PER_SECOND
from queueworkers.engine.rhythm import GATHER_SECONDS
from queueworkers.engine.sweep import (
    NET_QUEUES_PER_SECOND,
    NET_SECONDS,
    PROBE_SECONDS,
    PROBES_PER_SECOND,
)
from unit.domain.given import NOON
from unit.engine.observed import Observed, ready
from unit.engine.virtual_time import now, virtually

if TYPE_CHECKING:
    from collections.abc import Collection

HOST = "redis.one"


def wake(it: Observed, names: Collection[str] | None) -> None:
    """Tell of changes, as the reader does."""
    it.redis.wakes[HOST](None if names is None else {PoolKey("shop", name) for name in names})


def test_an_hour_of_rest_costs_a_reading_a_minute_or_two() -> None:
    """For the net, and a word now and then to find out whether the server is still there."""

    async def scenario() -> tuple[int, int]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.follow("a")
            await asyncio.sleep(3600)
            return len(it.redis.trips), len(it.redis.probes)

    trips, probes = virtually(scenario())
    assert trips <= 3600 / NET_SECONDS + 1
    assert abs(probes - 3600 / PROBE_SECONDS) < 2


def test_very_many_pools_at_rest_cost_no_more_than_many() -> None:
    """Each is read less often, wherever it is, and each server is asked less often whether it is there."""

    async def rates(pools: int) -> tuple[float, float]:
        async with Observed().running() as it:
            it.redis.telling = True
            for number in range(pools):
                it.follow(f"pool-{number}", f"redis.{number % 1000}")
            await asyncio.sleep(300)
            it.redis.trips.clear()
            it.redis.probes.clear()
            await asyncio.sleep(300)
            return sum(count for _, _, count in it.redis.trips) / 300, len(it.redis.probes) / 300

    # One queue each.
    read, probes = virtually(rates(6000))
    assert read == pytest.approx(NET_QUEUES_PER_SECOND, rel=0.3)
    assert probes == pytest.approx(PROBES_PER_SECOND, rel=0.3)


def test_a_change_is_read_within_hundredths_of_a_second() -> None:
    """And no pool that was not named."""

    async def scenario() -> tuple[list[tuple[float, str]], int, int]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.follow("a")
            it.follow("b")
            await asyncio.sleep(15)
            it.redis.trips.clear()
            it.told.clear()
            it.redis.ready[HOST] = 7
            wake(it, ["a", "never-followed"])
            await asyncio.sleep(0.1)
            return it.told, len(it.redis.trips), ready(it.follow("a"))

    told, trips, waiting = virtually(scenario())
    assert [(at < 15.02, name) for at, name in told] == [(True, "a")]
    assert (trips, waiting) == (1, 7)


def test_jobs_that_come_are_told_apart_from_all_else() -> None:
    """Somebody waits for workers then; nobody does when jobs are done, or a Redis is away."""

    async def scenario() -> list[list[str]]:
        waited_for = []
        async with Observed().running() as it:
            it.redis.telling = True
            it.follow("a")
            await asyncio.sleep(15)
            for jobs in (7, 3, 8):
                it.redis.ready[HOST] = jobs
                it.waited_for.clear()
                it.told.clear()
                wake(it, ["a"])
                await asyncio.sleep(15)
                assert [name for _, name in it.told] == ["a"]
                waited_for.append(list(it.waited_for))
            it.told.clear()
            it.redis.broken.add(HOST)
            await asyncio.sleep(NET_SECONDS)
            assert [name for _, name in it.told] == ["a"]
            waited_for.append(it.waited_for[1:])
        return waited_for

    assert virtually(scenario()) == [["a"], [], ["a"], []]


def test_a_queue_that_never_rests_is_read_twice_a_second_at_most() -> None:
    """However many changes are told, and nobody else waits for it."""

    async def scenario() -> tuple[int, list[tuple[float, str]]]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.follow("busy")
            it.follow("calm")
            await asyncio.sleep(10)
            it.redis.trips.clear()
            it.told.clear()
            for number in range(10_000):
                wake(it, ["busy"])
                if number == 5_000:
                    it.redis.ready[HOST] = 1
                    wake(it, ["calm"])
                await asyncio.sleep(0.001)
            return len(it.redis.trips), [each for each in it.told if each[1] == "calm"]

    trips, calm = virtually(scenario())
    assert trips <= 2 * 10 + 2
    assert len(calm) == 1
    assert 15.0 <= calm[0][0] < 15.02


def test_a_thousand_that_never_rest_delay_nobody_who_does() -> None:
    """They take turns; each has one in some seconds."""

    async def scenario() -> tuple[list[int], float, set[str]]:
        async with Observed().running() as it:
            it.redis.telling = True
            names = [f"pool-{number}" for number in range(1000)]
            for name in names:
                it.follow(name)
            for number in range(10):
                it.follow(f"elsewhere-{number}", "redis.two")
            it.follow("calm")
            await asyncio.sleep(10)
            it.redis.trips.clear()
            read: list[int] = []
            for second in range(20):
                before = sum(pools for _, _, pools in it.redis.trips)
                for tenth in range(10):
                    wake(it, names)
                    if (second, tenth) == (15, 0):
                        it.told.clear()
                        it.redis.ready[HOST] = 1
                        wake(it, ["calm"])
                    await asyncio.sleep(0.1)
                read.append(sum(pools for _, _, pools in it.redis.trips) - before)
            calm = next(at for at, name in it.told if name == "calm") - 25.0
            return read[10:15], calm, {name for _, name in it.told}

    read, calm, told = virtually(scenario())
    # And a few for the net.
    assert max(read) <= 2 * RESTLESS_READINGS_PER_SECOND
    assert 0 < calm < 0.1
    assert len(told) == 1001


def test_what_is_read_for_the_net_delays_no_change() -> None:
    """All of them at once would be half a second in which nothing else is read."""
    it_takes = 0.001

    async def scenario() -> list[float]:
        async with Observed().running() as it:
            it.redis.telling = True
            names = [f"pool-{number}" for number in range(500)]
            for name in names:
                it.follow(name)
            await asyncio.sleep(NET_SECONDS - 1)
            it.redis.pool_seconds = it_takes
            delays = []
            for number, name in enumerate(names[:20]):
                it.told.clear()
                it.redis.ready[HOST] = number + 1
                began = now()
                wake(it, [name])
                await asyncio.sleep(0.1)
                delays += [at - began for at, told in it.told if told == name]
            return delays

    delays = virtually(scenario())
    assert len(delays) == 20
    # Those that are read just now, and the next ones, of which it is one.
    assert max(delays) < GATHER_SECONDS + 2 * 25 * it_takes


def test_a_change_during_a_reading_is_another_reading() -> None:
    """What was under way may have missed it."""

    async def scenario() -> tuple[int, int]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.follow("a")
            await asyncio.sleep(10)
            it.redis.trips.clear()
            wake(it, ["a"])
            it.redis.during = lambda: wake(it, ["a"])
            await asyncio.sleep(1)
            return len(it.redis.trips), ready(it.follow("a"))

    trips, _ = virtually(scenario())
    assert trips == 2


def test_any_change_may_be_all() -> None:
    """After FLUSHALL, and when nothing more will be told."""

    async def scenario() -> int:
        async with Observed().running() as it:
            it.redis.telling = True
            for number in range(500):
                it.follow(f"pool-{number}")
            await asyncio.sleep(10)
            it.redis.trips.clear()
            wake(it, None)
            await asyncio.sleep(1)
            return sum(pools for _, _, pools in it.redis.trips)

    assert virtually(scenario()) == 500


def test_what_time_alone_changes_is_read_at_that_time() -> None:
    """A claim ends, and nobody writes anything."""

    async def scenario() -> list[float]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.redis.turns_at = NOON + timedelta(seconds=17)
            it.follow("a")
            await asyncio.sleep(0.5)
            it.redis.turns_at = None
            await asyncio.sleep(29)
            return [at for at, _, _ in it.redis.trips]

    first, second = virtually(scenario())
    assert 17.0 < second - first < 17.1


def test_a_reading_tells_how_old_it_is() -> None:
    """Whoever decides upon it later knows what has fallen due since."""

    async def scenario() -> list[float]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.redis.pool_seconds = 0.25
            it.follow("a")
            ages = []
            for _ in range(2):
                await asyncio.sleep(7)
                reading = it.follow("a")
                assert isinstance(reading, Backlog)
                ages.append(reading.age.total_seconds())
            return ages

    # It is as old as the question: what came after that may not be in it.
    assert virtually(scenario()) == pytest.approx([7.0, 14.0], abs=0.01)


def test_a_pool_that_is_forgotten_is_told_of_no_more() -> None:
    """The reader need not remember its keys."""

    async def scenario() -> tuple[list[str], int]:
        async with Observed().running() as it:
            it.redis.telling = True
            it.follow("a")
            it.follow("b")
            await asyncio.sleep(1)
            it.forget("a")
            it.redis.trips.clear()
            wake(it, ["a"])
            await asyncio.sleep(5)
            return it.redis.forgotten, len(it.redis.trips)

    assert virtually(scenario()) == (["a"], 0)


def test_an_interval_that_is_edited_counts_at_once() -> None:
    """Where changes have to be looked for."""

    async def scenario() -> int:
        async with Observed().running() as it:
            it.follow("a", every=300)
            await asyncio.sleep(10)
            it.follow("a", every=1)
            await asyncio.sleep(10)
            return len(it.redis.trips)

    assert 10 <= virtually(scenario()) <= 12
