"""Queues that somebody paused, and an application in maintenance mode, are known from the very words of the framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import endpoint_of, observe_one, pool, push, reading_at
from queueworkers.backlog.signals import SignalRequest, signal_places
from queueworkers.domain.identity import PoolKey
from queueworkers.frameworks.base import Hold
from queueworkers.frameworks.laravel import LARAVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contract.topologies import Topology
    from harness.redis import RedisServer
    from queueworkers.backlog.redis import RedisReader

VECTORS = Path(__file__).parent.parent / "vectors"
SHOP = PoolKey("shop", "pool")
QUEUES = ("default", "emails")
PAUSED, MAINTENANCE = Hold.PAUSED, Hold.MAINTENANCE
DOWN_KEY = "laravel-database-laravel-cache-illuminate:foundation:down"
DOWN = 'a:5:{s:6:"except";a:0:{}s:8:"redirect";N;s:5:"retry";N;s:6:"status";i:503;s:8:"template";s:%d:"%s";}'


def asked(*, prefix: str = "laravel-database-", connection: str = "redis", **also: Any) -> SignalRequest:
    """What a Laravel pool of two queues asks, unless it is another."""
    facts: dict[str, Any] = {"cache_prefix": None, "database": 0} | also
    places = signal_places(
        LARAVEL, LARAVEL.notices, prefix=prefix, connection=connection, queues=QUEUES, **facts
    )
    return SignalRequest(SHOP, places, QUEUES)


async def holds_of(reader: RedisReader, request: SignalRequest) -> Mapping[str, Hold] | None:
    """The queues that are held; ``None`` where nothing is known."""
    await observe_one(reader, pool())
    notices = (await reader.observe_signals([request])).get(SHOP)
    return notices.holds if notices else None


def recorded(step: str) -> list[list[str]]:
    """What the commands of a step sent to the cache of Laravel 13.26.1."""
    lines = (VECTORS / "laravel-13.26.1.jsonl").read_text().splitlines()
    sent = [each for line in lines if (each := json.loads(line))["db"] == 1 and each["step"] == step]
    return [each["argv"] for each in sent]


async def test_each_recorded_command_is_understood(redis_server: RedisServer) -> None:
    """`queue:pause` of one queue, for a while, and of all; `queue:resume` takes back what it names."""
    pause, everything, for_a_while = recorded("pause")
    resume, resume_everything = recorded("resume")
    both = dict.fromkeys(QUEUES, PAUSED)
    told = [(pause, {"default": PAUSED}), (for_a_while, both), (everything, both), (resume, both)]
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await holds_of(reader, asked()) == {}
        for command, holds in (*told, (resume_everything, {"emails": PAUSED})):
            redis_server.cli(*command, database=1)
            assert await holds_of(reader, asked()) == holds, command


async def test_a_pause_is_seen_on_every_kind_of_redis(topology: Topology) -> None:
    """Behind Sentinels, and on a cluster, where each key is on a node of its own and there is one database."""
    key = "laravel-database-laravel-cache-illuminate:queue:paused:redis:emails"
    request = asked()
    try:
        async with reading_at(topology.endpoint) as reader:
            assert await holds_of(reader, request) == {}
            topology.client.set(key, "b:1;")
            assert await holds_of(reader, request) == {"emails": PAUSED}
            topology.client.set(DOWN_KEY, "a:0:{}")
            assert await holds_of(reader, request) == dict.fromkeys(QUEUES, MAINTENANCE)
            topology.client.delete(key)
            topology.client.delete(DOWN_KEY)
            assert await holds_of(reader, request) == {}
    finally:
        topology.flush()


async def test_a_pause_for_a_while_ends_by_itself(redis_server: RedisServer) -> None:
    """Redis forgets it."""
    key = recorded("pause")[2][1]
    redis_server.cli("PSETEX", key, "60000", "b:1;", database=1)
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await holds_of(reader, asked()) == {"emails": PAUSED}
        redis_server.cli("PEXPIRE", key, "50", database=1)
        redis_server.cli("DEBUG", "SLEEP", "0.06")
        assert await holds_of(reader, asked()) == {}


async def test_another_connection_is_paused_on_its_own(redis_server: RedisServer) -> None:
    """Two connections may have queues of one name; all of them are paused together."""
    redis_server.cli("SET", "laravel_cache:illuminate:queue:paused:other:default", "b:1;")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await holds_of(reader, asked(prefix="")) == {}
        assert await holds_of(reader, asked(prefix="", connection="other")) == {"default": PAUSED}
        redis_server.cli("SET", "laravel_cache:illuminate:queues:paused", "b:1;")
        assert await holds_of(reader, asked(prefix="")) == dict.fromkeys(QUEUES, PAUSED)


@pytest.mark.parametrize("page", [0, 4 * 1024 * 1024])
async def test_maintenance_holds_every_queue(redis_server: RedisServer, page: int) -> None:
    """Whatever page the application shows meanwhile: it is not read."""
    key = "shop_database_shop_cache_illuminate:foundation:down"
    redis_server.cli("SET", key, DOWN % (page, ""), database=1)
    if page:
        redis_server.cli("SETRANGE", key, str(page), "x", database=1)
    request = asked(prefix="shop_database_")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await holds_of(reader, request) == dict.fromkeys(QUEUES, MAINTENANCE)
        redis_server.cli("DEL", key, database=1)
        assert await holds_of(reader, request) == {}


async def test_what_may_not_be_read_is_not_paused(redis_server: RedisServer) -> None:
    """Neither the cache's database nor its keys need be this user's; the backlog is read all the same."""
    push(redis_server)
    redis_server.cli("SET", "laravel_cache_illuminate:queues:paused", "b:1;")
    redis_server.cli("ACL", "SETUSER", "reader", "on", ">secret", "~queues:*", "+@all", "-select")
    async with reading_at(endpoint_of(redis_server, username="reader", password="secret")) as reader:
        assert await holds_of(reader, asked(prefix="")) is None
        assert await holds_of(reader, asked(prefix="queues:")) == {}
