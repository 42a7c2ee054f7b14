"""The frameworks' own restart signals are read beside the backlogs, more slowly, and never at their cost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from queueworkers.domain.identity import PoolKey
from unit.domain.given import NOON
from unit.engine.observed import Observed, ready
from unit.engine.virtual_time import virtually

HOST = "redis.one"
A = PoolKey("shop", "a")


def test_a_signal_is_told_to_the_pools_that_heed_it() -> None:
    """Once, within seconds; a pool that ignores signals has none."""

    async def scenario() -> tuple[list[tuple[float, str]], list[object]]:
        async with Observed().running() as it:
            it.follow("a")
            it.follow("b", restart={"onSignal": "Ignore"})
            await asyncio.sleep(5)
            it.told.clear()
            it.redis.signals[HOST] = NOON
            await asyncio.sleep(20)
            return it.told, [it.observer.signalled_at(PoolKey("shop", name)) for name in ("a", "b", "c")]

    told, signalled_at = virtually(scenario())

    assert told == [(6.0, "a")]
    assert signalled_at == [NOON, None, None]


def test_what_is_not_known_at_present_stays_as_it_was() -> None:
    """A Redis that does not answer has not taken a signal back."""

    async def scenario() -> object:
        async with Observed().running() as it:
            it.redis.signals[HOST] = NOON
            it.follow("a")
            await asyncio.sleep(5)
            it.redis.signals.clear()
            await asyncio.sleep(20)
            return it.observer.signalled_at(A)

    assert virtually(scenario()) == NOON


def test_a_failure_at_signals_is_none_of_the_backlog() -> None:
    """The reader fails at everything; afterwards both are read again."""

    async def scenario() -> tuple[int, object]:
        async with Observed().running() as it:
            it.redis.broken.add(HOST)
            it.follow("a")
            await asyncio.sleep(5)
            it.redis.broken.clear()
            it.redis.ready[HOST] = 7
            it.redis.signals[HOST] = NOON
            await asyncio.sleep(5)
            return ready(it.follow("a")), it.observer.signalled_at(A)

    assert virtually(scenario()) == (7, NOON)


def test_signals_of_all_pools_are_asked_for_together_and_at_leisure() -> None:
    """Every three seconds for a few pools, less often for very many, and not at all where nobody heeds them."""

    async def asked(pools: int, **restart: str) -> list[tuple[float, int]]:
        async with Observed().running() as it:
            for number in range(pools):
                it.follow(f"pool-{number}", restart=restart)
            await asyncio.sleep(59.5)
            return it.redis.asked_for_signals

    few, many = virtually(asked(10)), virtually(asked(2000))

    assert {count for _, count in few[1:]} == {10}
    assert len(few) == 20
    assert {count for _, count in many[1:]} == {2000}
    assert len(many) <= 8
    assert virtually(asked(10, onSignal="Ignore")) == []


def test_a_later_signal_is_another() -> None:
    """Each is told."""

    async def scenario() -> list[str]:
        async with Observed().running() as it:
            it.follow("a")
            for minutes in range(3):
                it.redis.signals[HOST] = NOON + timedelta(minutes=minutes)
                await asyncio.sleep(5)
                it.follow("a")
            return [name for _, name in it.told]

    # The first is told beside the first reading.
    assert len(virtually(scenario())) == 4
