"""A queue without keys: merely empty, or looked for in the wrong place?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import counts, endpoint_of, observe_one, pool, push, reading_at, trouble
from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog import siblings
from queueworkers.backlog.surroundings import MOST_PREFIXES
from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from harness.redis import RedisServer

LARAVEL_8 = "laravel_database_queues:default"


@pytest.mark.parametrize(
    ("there", "database", "declared", "advice"),
    [
        pytest.param(
            LARAVEL_8,
            0,
            {},
            "it has laravel_database_queues:default (3 jobs): set spec.redis.prefix: laravel_database_",
            id="prefix",
        ),
        pytest.param(
            LARAVEL_8, 1, {"prefix": "laravel_database_"}, "set spec.redis.database: 1", id="database"
        ),
        pytest.param(
            LARAVEL_8,
            1,
            {},
            "set spec.redis.database: 1 and set spec.redis.prefix: laravel_database_",
            id="both",
        ),
        pytest.param("queues:default", 0, {"prefix": "shop_"}, "remove spec.redis.prefix", id="no-prefix"),
        pytest.param(
            "queues:default", 0, {"framework": THINKPHP}, "set spec.version", id="older-think-queue"
        ),
        pytest.param(
            "{queues:default}",
            0,
            {"framework": THINKPHP, "version": (3, 0, 4)},
            "set spec.version",
            id="newer-think-queue",
        ),
        pytest.param("{queues:default}", 0, {}, "set spec.framework: ThinkPHP", id="framework"),
    ],
)
async def test_names_the_right_place(
    redis_server: RedisServer, *, there: str, database: int, declared: dict[str, Any], advice: str
) -> None:
    """Wrong prefix, database, version and framework are each found, with what to change; correcting heals."""
    push(redis_server, there, database=database)
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = trouble(await observe_one(reader, pool(ever_seen=False, **declared)))
    assert found.reason is UnknownReason.QUEUE_NOT_FOUND
    assert "has ever existed in database 0 of Redis at" in found.message
    assert advice in found.message


async def test_one_delayed_job_is_enough(redis_server: RedisServer) -> None:
    """A sibling need not have a list: a job that is held back shows it too."""
    redis_server.cli("ZADD", f"{LARAVEL_8}:delayed", "1", "x")
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = trouble(await observe_one(reader, pool(ever_seen=False)))
    assert "laravel_database_queues:default (1 job)" in found.message


@pytest.mark.parametrize(
    "other",
    [
        "laravel_database_queues:default:notify",
        "queues:defaults",
        "queues:default:high",
        "default",
        "shop_queues:",
    ],
)
async def test_nothing_alike_means_empty(redis_server: RedisServer, other: str) -> None:
    """Keys that are no queue of that name leave an empty queue empty."""
    push(redis_server, other)
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, pool(ever_seen=False)))["default"] == (0, 0, 0, 0, 0)


async def test_other_pools_queues_are_no_evidence(redis_server: RedisServer) -> None:
    """Two applications on one Redis: the busy one's queue does not make the idle one's suspicious."""
    push(redis_server, "busy_queues:default")
    idle, busy = pool("idle", prefix="idle_", ever_seen=False), pool("busy", prefix="busy_", ever_seen=False)
    async with reading_at(endpoint_of(redis_server)) as reader:
        readings = await reader.observe([idle, busy])
    assert counts(readings[idle.key])["default"][0] == 0
    assert counts(readings[busy.key])["default"][0] == 3


async def test_a_stray_queue_is_not_the_mistake_of_many(redis_server: RedisServer) -> None:
    """Where many applications share a Redis it cannot be the right one for all; what only one can mean still counts."""
    push(redis_server, "stray_queues:default")
    push(redis_server, "app0_queues:default", database=1)
    many = [
        pool(f"pool-{number}", prefix=f"app{number}_", ever_seen=False) for number in range(MOST_PREFIXES + 1)
    ]
    async with reading_at(endpoint_of(redis_server)) as reader:
        readings = await reader.observe(many)
        assert [key.name for key, found in readings.items() if isinstance(found, UnknownBacklog)] == [
            "pool-0"
        ]
        assert trouble(readings[many[0].key]).message.endswith("set spec.redis.database: 1.")
    async with reading_at(endpoint_of(redis_server)) as reader:
        few = await reader.observe(many[:5])
    assert all(isinstance(found, UnknownBacklog) for found in few.values())


async def test_seen_once_is_never_suspicious_again(redis_server: RedisServer) -> None:
    """A queue that was worked off is empty, whoever remembers it: the caller or the reader."""
    push(redis_server, LARAVEL_8)
    push(redis_server, "queues:default")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, pool(ever_seen=False)))["default"][0] == 3
        redis_server.cli("DEL", "queues:default")
        assert counts(await observe_one(reader, pool(ever_seen=False)))["default"][0] == 0
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, pool(ever_seen=True)))["default"][0] == 0


async def test_looks_around_once_a_minute(redis_server: RedisServer) -> None:
    """Two hundred suspects cost one walk, and the next one is a minute later."""
    clock = [0.0]
    push(redis_server, LARAVEL_8)
    suspects = [pool(f"pool-{number}", queues=(f"q{number}",), ever_seen=False) for number in range(200)]
    suspects.append(pool(ever_seen=False))
    walks = []
    async with reading_at(endpoint_of(redis_server), monotonic=lambda: clock[0]) as reader:
        for clock[0] in (0.0, 1.0, 59.0, 61.0):
            readings = await reader.observe(suspects)
            assert trouble(readings[suspects[-1].key]).reason is UnknownReason.QUEUE_NOT_FOUND
            walks.append(calls(redis_server, "scan"))
    assert walks == [1, 1, 1, 2]


async def test_the_walk_is_bounded(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among very many keys the walk gives up, and the queue counts as empty."""
    monkeypatch.setattr(siblings, "MAX_STEPS", 2)
    redis_server.cli("EVAL", "for i = 1, 20000 do redis.call('SET', 'x' .. i, i) end", "0")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, pool(ever_seen=False)))["default"][0] == 0
    assert calls(redis_server, "scan") == 2
    assert calls(redis_server, "keys") == 0


async def test_refused_walk_means_empty(redis_server: RedisServer) -> None:
    """Who may count but not walk is told the counts."""
    push(redis_server, LARAVEL_8)
    redis_server.cli("ACL", "SETUSER", "plain", "on", ">p", "~*", "+@all", "-scan", "-info")
    async with reading_at(endpoint_of(redis_server, username="plain", password="p")) as reader:
        assert counts(await observe_one(reader, pool(ever_seen=False)))["default"][0] == 0


def calls(server: RedisServer, command: str) -> int:
    """How often *command* was called since the server started."""
    for line in server.cli("INFO", "commandstats").splitlines():
        if line.startswith(f"cmdstat_{command}:"):
            return int(line.partition("calls=")[2].partition(",")[0])
    return 0
