"""Who is connected to a pool's Redis, and no long waiting for the word."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from queueworkers.domain.identity import PoolKey
from queueworkers.domain.leaving import Connection
from unit.engine.observed import Observed
from unit.engine.virtual_time import now, virtually

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKER = Connection(address="10.0.0.1", idle_seconds=1, command="eval", database=0, blocked=False)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("redis.telling", [WORKER], id="a server that tells"),
        pytest.param("redis.silent", None, id="one that does not"),
        pytest.param("redis.mute", None, id="one that takes for ever"),
    ],
)
def test_the_pool_s_own_server_is_asked(host: str, expected: list[Connection] | None) -> None:
    """Within a second, whatever it does."""

    async def scenario() -> tuple[Sequence[Connection] | None, float]:
        it = Observed()
        it.redis.connections["redis.telling"] = [WORKER]
        it.redis.mute.add("redis.mute")
        async with it.running():
            it.follow("a", host)
            await asyncio.sleep(1.5)
            asked_at = now()
            return await it.observer.observe_connections(PoolKey("shop", "a")), now() - asked_at

    answer, took = virtually(scenario())

    assert answer == expected
    assert took <= 1.0


def test_a_pool_that_is_not_read_has_nobody_to_ask() -> None:
    """Before its first reading, and after it is forgotten."""

    async def scenario() -> list[Sequence[Connection] | None]:
        it = Observed()
        it.redis.connections["redis.one"] = [WORKER]
        async with it.running():
            answers = []
            it.follow("a")
            answers.append(await it.observer.observe_connections(PoolKey("shop", "a")))
            await asyncio.sleep(1.5)
            it.forget("a")
            answers.append(await it.observer.observe_connections(PoolKey("shop", "a")))
            return answers

    assert virtually(scenario()) == [None, None]
