"""The frameworks' own restart signals are read beside the backlogs, more slowly, and never at their cost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolKey
from queueworkers.domain.notices import Notices
from queueworkers.frameworks.base import Hold
from unit.domain.given import NOON
from unit.engine.observed import Observed, ready
from unit.engine.virtual_time import virtually

if TYPE_CHECKING:
    from queueworkers.backlog.signals import SignalRequest

HOST = "redis.one"
IGNORING: dict[str, Any] = {"scaling": {"onPause": "Ignore"}}
A = PoolKey("shop", "a")


def test_a_signal_is_told_to_the_pools_that_heed_it() -> None:
    """Once, within seconds; a pool that ignores signals has none."""

    async def scenario() -> tuple[list[tuple[float, str]], list[object]]:
        async with Observed().running() as it:
            it.follow("a")
            it.follow("b", restart={"onSignal": "Ignore"}, **IGNORING)
            await asyncio.sleep(5)
            it.told.clear()
            it.redis.signals[HOST] = NOON
            await asyncio.sleep(20)
            return it.told, [
                it.observer.notices(PoolKey("shop", name)).restart_at for name in ("a", "b", "c")
            ]

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
            return it.observer.notices(A).restart_at

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
            return ready(it.follow("a")), it.observer.notices(A).restart_at

    assert virtually(scenario()) == (7, NOON)


def test_signals_of_all_pools_are_asked_for_together_and_at_leisure() -> None:
    """Every three seconds for a few pools, less often for very many, and not at all where nobody heeds them."""

    async def asked(pools: int, **also: Any) -> list[tuple[float, int]]:
        async with Observed().running() as it:
            for number in range(pools):
                queues = [f"{number}-{queue}" for queue in range(5)]
                it.follow(f"pool-{number}", queues=queues, **also)
            await asyncio.sleep(59.5)
            return it.redis.asked_for_signals

    few, many = virtually(asked(10)), virtually(asked(2000))

    assert {count for _, count in few} == {10}
    assert len(few) == 19
    # With five queues each has 96 places to look at, and 2,000 of them may be in a second.
    assert 0.9 < sum(count for _, count in many) * 96 / (60 * 2_000) <= 1.0
    assert virtually(asked(10, restart={"onSignal": "Ignore"}, **IGNORING)) == []


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


def test_a_pause_is_known_before_the_first_reading_is_told() -> None:
    """Nobody decides about a paused queue without knowing that it is."""

    async def scenario() -> list[object]:
        async with Observed().running() as it:
            it.redis.holds[HOST] = {"default": Hold.PAUSED}
            it.redis.ready[HOST] = 40
            seen: list[object] = []
            it.follow("b")
            await asyncio.sleep(3.5)  # so that it is not the time to ask for everybody's
            it.changed = lambda key: key == A and it.follow("a") and seen.append(it.observer.notices(A).holds)
            it.follow("a")
            await asyncio.sleep(5)
            return seen

    assert virtually(scenario()) == [{"default": Hold.PAUSED}]


def test_after_an_outage_a_pause_is_asked_for_before_the_first_reading_is_told() -> None:
    """Meanwhile what was paused had come to count again."""

    async def scenario() -> list[object]:
        async with Observed().running() as it:
            it.redis.holds[HOST] = {"default": Hold.PAUSED}
            it.follow("a")
            await asyncio.sleep(5)
            it.redis.broken.add(HOST)
            await asyncio.sleep(91.5)  # as above
            forgotten = it.observer.notices(A).holds
            it.redis.broken.clear()
            it.redis.ready[HOST] = 40
            held: list[object] = []
            it.changed = lambda _: (
                isinstance(it.follow("a"), Backlog) and held.append(it.observer.notices(A).holds)
            )
            await asyncio.sleep(5)
            return [forgotten, held[0]]

    assert virtually(scenario()) == [{}, {"default": Hold.PAUSED}]


def test_a_pause_that_nobody_confirms_is_over_after_a_minute() -> None:
    """A cache that cannot be read any more must not keep a pool small for ever; the time of a restart stays."""

    async def scenario() -> list[object]:
        async with Observed().running() as it:
            it.redis.signals[HOST] = NOON
            it.redis.holds[HOST] = {"default": Hold.PAUSED}
            it.follow("a")
            await asyncio.sleep(5)
            it.redis.signals.clear()
            it.redis.holds.clear()
            known = []
            for _ in range(2):
                await asyncio.sleep(40)
                known.append(it.observer.notices(A))
            return known

    assert virtually(scenario()) == [
        Notices(restart_at=NOON, holds={"default": Hold.PAUSED}),
        Notices(restart_at=NOON),
    ]


@pytest.mark.parametrize(
    ("fields", "asked_for"),
    [
        pytest.param({}, {"restart", "down", "paused:redis:default", "queues:paused"}, id="the-newest"),
        pytest.param({"version": "12.40"}, {"restart", "down", "paused:redis:default"}, id="laravel-12.40"),
        pytest.param({"version": "12.39.1"}, {"restart", "down"}, id="before-a-queue-could-be-paused"),
        pytest.param({"version": "8.83"}, {"restart"}, id="before-maintenance-could-be-in-the-cache"),
        pytest.param(
            {"queues": ["a", "b"], "connection": "other", "restart": {"onSignal": "Ignore"}},
            {"down", "paused:other:a", "paused:other:b", "queues:paused"},
            id="restarts-ignored",
        ),
        pytest.param(IGNORING, {"restart"}, id="pauses-ignored"),
        pytest.param({"framework": "ThinkPHP", "retryAfter": 90}, {"restart"}, id="a-framework-without"),
    ],
)
def test_what_is_asked_for(fields: dict[str, Any], asked_for: set[str]) -> None:
    """What the declared version can leave, as far as the pool heeds it, for its own connection and queues."""

    async def scenario() -> SignalRequest:
        async with Observed().running() as it:
            it.follow("a", **fields)
            await asyncio.sleep(4)
            return it.redis.signal_requests[-1]

    request = virtually(scenario())
    names = {key.partition("illuminate:")[2] or key for place in request.places for key in place.keys}
    assert {
        name.removeprefix("queue:").removeprefix("foundation:").removeprefix("think:queue:") for name in names
    } == asked_for
