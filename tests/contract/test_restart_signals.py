"""The frameworks' own `queue:restart` is noticed wherever their cache may put it, and never costs a backlog."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import counts, endpoint_of, observe_one, pool, push, reading_at
from harness.php import run_artisan
from harness.redis import RedisServer
from queueworkers.backlog.endpoint import RedisEndpoint
from queueworkers.backlog.signals import SignalRequest, signal_places
from queueworkers.domain.identity import PoolKey
from queueworkers.domain.notices import Notices
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.backlog.redis import RedisReader
    from queueworkers.frameworks.base import Framework

VECTORS = Path(__file__).parent.parent / "vectors"
NAME = "illuminate:queue:restart"
SHOP = PoolKey("shop", "pool")


def asked_by(
    key: PoolKey = SHOP,
    *,
    framework: Framework = LARAVEL,
    prefix: str = "",
    database: int = 0,
    cache_prefix: str | None = None,
) -> SignalRequest:
    """What a pool asks, of which this much was declared."""
    restarts = [notice for notice in framework.notices if notice.hold is None]
    places = signal_places(framework, restarts, prefix=prefix, cache_prefix=cache_prefix, database=database)
    return SignalRequest(key, places)


async def signals_of(reader: RedisReader, *requests: SignalRequest) -> Mapping[PoolKey, datetime | None]:
    """When a restart was asked for, as it is known after a backlog was read, as the operator does."""
    await observe_one(reader, pool())
    signals = await reader.observe_signals(requests)
    return {key: notices.restart_at for key, notices in signals.items()}


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
@pytest.mark.parametrize(
    ("env", "declared"),
    [
        pytest.param({}, {"prefix": "laravel_database_"}, id="laravel-8"),
        pytest.param(
            {"REDIS_PREFIX": "shop_database_", "CACHE_PREFIX": "shop_cache_"},
            {"prefix": "shop_database_"},
            id="laravel-10",
        ),
        pytest.param(
            {"REDIS_PREFIX": "my-shop-database-", "CACHE_PREFIX": "my_shop_cache"},
            {"prefix": "my-shop-database-"},
            id="newer-redis-than-cache",
        ),
        pytest.param({"REDIS_PREFIX": ""}, {}, id="no-prefix"),
        pytest.param({"REDIS_PREFIX": "", "CACHE_PREFIX": ""}, {}, id="no-prefix-at-all"),
        pytest.param(
            {"REDIS_PREFIX": "shop:", "CACHE_PREFIX": "shop_cache"},
            {"prefix": "shop:"},
            id="a-name-for-a-prefix",
        ),
        pytest.param(
            {"REDIS_PREFIX": "shop:"}, {"prefix": "shop:"}, id="a-name-for-a-prefix-and-no-name-for-the-app"
        ),
        pytest.param(
            {"REDIS_PREFIX": "p", "CACHE_PREFIX": "kasse"},
            {"prefix": "p", "cache_prefix": "kasse"},
            id="a-cache-prefix-that-is-said",
        ),
        pytest.param({"REDIS_CACHE_DB": "0"}, {"prefix": "laravel_database_"}, id="cache-in-database-0"),
        pytest.param(
            {"REDIS_DB": "5", "REDIS_CACHE_DB": "5"},
            {"prefix": "laravel_database_", "database": 5},
            id="cache-beside-the-queues",
        ),
    ],
)
async def test_laravels_own_command_is_noticed(
    redis_server: RedisServer, env: dict[str, str], declared: dict[str, Any]
) -> None:
    """`php artisan queue:restart`, with what is declared of the application in the pool."""
    application = {"REDIS_HOST": redis_server.address, "REDIS_PORT": str(redis_server.port), **env}
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await signals_of(reader, asked_by(**declared)) == {SHOP: None}

        before = datetime.now(tz=UTC).replace(microsecond=0)
        run_artisan(["queue:restart"], env=application)
        signalled_at = (await signals_of(reader, asked_by(**declared)))[SHOP]

        assert signalled_at is not None
        assert before <= signalled_at <= datetime.now(tz=UTC)


@pytest.mark.parametrize(
    ("key", "declared"),
    [
        pytest.param(
            f"laravel_database_laravel_cache_{NAME}", {"prefix": "laravel_database_"}, id="laravel-11"
        ),
        pytest.param(
            f"my-shop-database-my-shop-cache-{NAME}", {"prefix": "my-shop-database-"}, id="laravel-12"
        ),
        pytest.param(f"shop_database_shop_cache{NAME}", {"prefix": "shop_database_"}, id="8s-config-in-11"),
        pytest.param(f"laravel_cache_{NAME}", {}, id="laravel-11-without-a-prefix"),
        pytest.param(f"kasse{NAME}", {"cache_prefix": "kasse"}, id="a-cache-prefix-that-is-said"),
        pytest.param("think:queue:restart", {"framework": THINKPHP}, id="think"),
        pytest.param(
            "c:think:queue:restart", {"framework": THINKPHP, "cache_prefix": "c:"}, id="think-prefix"
        ),
        pytest.param(
            "think:queue:restart", {"framework": THINKPHP, "database": 3}, id="think-queues-elsewhere"
        ),
    ],
)
async def test_layouts_of_versions_that_are_not_here_are_noticed(
    redis_server: RedisServer, key: str, declared: dict[str, Any]
) -> None:
    """The keys are those of the frameworks' sources; the cache is in database 0 here."""
    then = leave_signal(redis_server, key)
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await signals_of(reader, asked_by(**declared)) == {SHOP: then}


def leave_signal(server: RedisServer, key: str, *, seconds_ago: int = 100, database: int = 0) -> datetime:
    """Do what a framework's restart command does."""
    then = int(time.time()) - seconds_ago
    server.cli("SET", key, str(then), database=database)
    return datetime.fromtimestamp(then, tz=UTC)


@pytest.mark.parametrize("version", ["laravel-8.83.26", "laravel-13.26.1"])
def test_what_real_commands_and_workers_use_is_looked_at(version: str) -> None:
    """Each recorded key at which a signal was left or looked for is among those that are read."""
    recorded = [json.loads(line) for line in (VECTORS / f"{version}.jsonl").read_text().splitlines()]
    used = {(each["db"], each["argv"][1]) for each in recorded if each["argv"][1].endswith(NAME)}
    prefix = next(each["argv"][1] for each in recorded if ":default" in each["argv"][1]).partition("queues:")[
        0
    ]
    read = {(place.database, key) for place in asked_by(prefix=prefix).places for key in place.keys}
    assert used
    assert used <= read


@pytest.mark.parametrize(
    ("value", "understood"),
    [
        pytest.param("{}", True, id="raw"),
        pytest.param("i:{};", True, id="serialised-by-the-client"),
        pytest.param("{}000", False, id="milliseconds"),
        pytest.param('s:10:"{}";', False, id="a-serialised-text"),
        pytest.param("-{}", False, id="negative"),
        pytest.param("{} ", False, id="something-behind-it"),
        pytest.param("b:1;", False, id="not-a-time"),
        pytest.param("", False, id="nothing"),
        pytest.param("9" * 12, False, id="in-the-far-future"),
        pytest.param("\u0665" * 10, False, id="other-digits"),
    ],
)
async def test_only_a_time_that_has_been_is_a_signal(
    redis_server: RedisServer, value: str, *, understood: bool
) -> None:
    """Whatever else is at the key, there was no signal."""
    then = int(time.time()) - 100
    redis_server.cli("SET", NAME, value.replace("{}", str(then)))
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = await signals_of(reader, asked_by())
    assert found == {SHOP: datetime.fromtimestamp(then, tz=UTC) if understood else None}


async def test_an_application_with_a_clock_that_is_ahead_is_believed(redis_server: RedisServer) -> None:
    """For a minute; a time beyond that is no time of today."""
    near = leave_signal(redis_server, NAME, seconds_ago=-30)
    leave_signal(redis_server, f"laravel_cache_{NAME}", seconds_ago=-300)
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await signals_of(reader, asked_by()) == {SHOP: near}


async def test_the_latest_of_several_counts(redis_server: RedisServer) -> None:
    """What an older version of the application left stays in Redis for ever."""
    leave_signal(redis_server, f"laravel_cache:{NAME}", seconds_ago=90_000)
    leave_signal(redis_server, f"laravel_cache_{NAME}", seconds_ago=5_000, database=1)
    latest = leave_signal(redis_server, f"laravel-cache-{NAME}", seconds_ago=50)
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await signals_of(reader, asked_by()) == {SHOP: latest}


async def test_each_pool_has_its_own(redis_server: RedisServer) -> None:
    """The signal of one application is none for another on the same Redis."""
    kasse = PoolKey("shop", "kasse")
    then = leave_signal(redis_server, f"shop_database_shop_cache_{NAME}", database=1)
    async with reading_at(endpoint_of(redis_server)) as reader:
        found = await signals_of(
            reader, asked_by(prefix="shop_database_"), asked_by(kasse, prefix="kasse_database_")
        )
    assert found == {SHOP: then, kasse: None}


async def test_what_is_refused_to_one_pool_is_known_of_the_other(redis_server: RedisServer) -> None:
    """And nothing is known of the first: not even that there was no signal."""
    kasse = PoolKey("shop", "kasse")
    then = leave_signal(redis_server, f"shop_database_shop_cache_{NAME}", database=1)
    redis_server.cli("ACL", "SETUSER", "reader", "on", ">secret", "~shop_*", "~queues:*", "+@all")
    reader_user = endpoint_of(redis_server, username="reader", password="secret")
    async with reading_at(reader_user) as reader:
        found = await signals_of(
            reader, asked_by(prefix="shop_database_"), asked_by(kasse, prefix="kasse_database_")
        )
        assert counts(await observe_one(reader, pool()))["default"][0] == 0
    assert found == {SHOP: then}


async def test_a_server_with_one_database_is_not_asked_for_another_again() -> None:
    """It refuses to go there; what is in the queues' own is known all the same."""
    with RedisServer(databases=1) as server:
        push(server)
        then = leave_signal(server, NAME)
        async with reading_at(endpoint_of(server)) as reader:
            for _ in range(3):
                assert await signals_of(reader, asked_by()) == {SHOP: then}
                assert counts(await observe_one(reader, pool()))["default"][0] == 3
        refused = server.cli("INFO", "commandstats").partition("cmdstat_select:")[2].partition("\n")[0]
    assert "failed_calls=1" in refused


async def test_a_key_of_another_kind_is_no_signal(redis_server: RedisServer) -> None:
    """A list, where a text was expected."""
    redis_server.cli("RPUSH", NAME, "1")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert await signals_of(reader, asked_by()) == {SHOP: None}


async def test_a_huge_value_is_read_once_and_costs_no_backlog(redis_server: RedisServer) -> None:
    """More than a time can be is not listened to, and not asked for again for a while."""
    push(redis_server)
    redis_server.cli("SETRANGE", NAME, str(8 * 1024 * 1024), "x")
    clock = [time.monotonic()]
    async with reading_at(endpoint_of(redis_server), monotonic=lambda: clock[0]) as reader:
        for _ in range(3):
            assert await signals_of(reader, asked_by()) == {}
            assert counts(await observe_one(reader, pool()))["default"][0] == 3
        asked = redis_server.cli("INFO", "commandstats").partition("cmdstat_mget:calls=")[2].partition(",")[0]
        redis_server.cli("DEL", NAME)
        clock[0] += timedelta(minutes=6).total_seconds()
        found = await signals_of(reader, asked_by())
    # The trip has one for each of two databases.
    assert asked == "2"
    assert found == {SHOP: None}


async def test_backlogs_are_read_in_their_own_database_afterwards(redis_server: RedisServer) -> None:
    """Looking into other databases leaves the connection somewhere else."""
    push(redis_server, database=3)
    async with reading_at(endpoint_of(redis_server)) as reader:
        for _ in range(3):
            assert counts(await observe_one(reader, pool(database=3)))["default"][0] == 3
            assert await reader.observe_signals([asked_by(database=3)]) == {SHOP: Notices()}


async def test_without_a_connection_nothing_is_asked() -> None:
    """A Redis that is down has a word of its own already."""
    async with reading_at(RedisEndpoint(host="127.0.0.1", port=1)) as reader:
        assert await reader.observe_signals([asked_by()]) == {}
