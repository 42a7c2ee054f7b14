"""The ACL lines of docs/redis.md allow what the operator asks, and it asks for nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import (
    cluster_endpoint,
    counts,
    endpoint_of,
    pool,
    reading_at,
    sentinel_endpoint,
    trouble,
)
from contract.topologies import RELEASES
from harness.redis import RedisServer
from harness.redis_releases import INSTALLED, REDIS_6
from harness.redis_topologies import RedisCluster, RedisSentinels
from harness.skipping import skipped_where_not_to_be_had
from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog import troubles
from queueworkers.backlog.signals import SignalRequest, signal_places
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolKey
from queueworkers.frameworks.laravel import LARAVEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.backlog.endpoint import Endpoint

DOCUMENTED = Path(__file__).parents[2] / "docs" / "redis.md"
CANARY = "canary-8d3f"
STANDALONE, SENTINEL, WATCHER, CLUSTER = (
    line.replace("PASSWORD", CANARY)
    for line in re.findall(r"```acl\n(.*)\n```", DOCUMENTED.read_text(encoding="utf-8"))
)


@dataclass
class Guarded:
    """Some servers, and the endpoint of the documented user."""

    endpoint: Endpoint
    servers: list[RedisServer]
    """Those that may have refused something."""
    push: Any


def a_name(line: str) -> str:
    """The user of an ACL line."""
    return line.split()[1]


@pytest.fixture(
    params=[
        pytest.param((kind, release), id=f"{kind}-{release.package}-{release.suite or 'here'}")
        for kind in ("standalone", "sentinel", "cluster")
        for release in ((INSTALLED, REDIS_6) if kind == "standalone" else (INSTALLED,))
    ]
)
def guarded(request: pytest.FixtureRequest) -> Iterator[Guarded]:
    """Each shape of Redis with the line that is documented for it."""
    kind, release = request.param
    with skipped_where_not_to_be_had():
        release.command()
    login = {"username": a_name(STANDALONE), "password": CANARY}
    match kind:
        case "standalone":
            with RedisServer(directives=[STANDALONE], release=release) as server:
                yield Guarded(endpoint_of(server, **login), [server], server.cli)
        case "sentinel":
            with RedisSentinels(directives=[SENTINEL], sentinel_directives=[WATCHER]) as servers:
                endpoint = sentinel_endpoint(servers, **login)
                watchers = tuple(
                    replace(each, username=a_name(WATCHER), password=CANARY) for each in endpoint.sentinels
                )
                everybody = [*servers.servers, *servers.sentinels]
                yield Guarded(replace(endpoint, sentinels=watchers), everybody, servers.master.cli)
        case "cluster":
            with RedisCluster(directives=[CLUSTER]) as nodes:
                yield Guarded(cluster_endpoint(nodes, **login), nodes.nodes, nodes.cli)


async def test_the_documented_user_may_do_what_is_needed(guarded: Guarded) -> None:
    """A backlog with its age and its flow, the framework's signals, a walk and the list of connections, and no refusal in the log."""
    for command in (
        ("RPUSH", "shop_queues:{default}", '{"job":"x","id":"1","createdAt":1700000000,"attempts":0}'),
        ("ZADD", "shop_queues:{default}:delayed", "1", "y"),
    ):
        guarded.push(*command)
    guarded.push("SET", "shop_illuminate:queue:restart", "1700000000")
    right, wrong = (
        pool(name, prefix=prefix, queues=("{default}",), ever_seen=False, counts_flow=True)
        for name, prefix in (("right", "shop_"), ("wrong", "wrong_"))
    )
    places = signal_places(
        LARAVEL, LARAVEL.notices, prefix="shop_", cache_prefix="", database=0, queues=right.queues
    )
    signals = SignalRequest(PoolKey("shop", "right"), places, right.queues)
    async with reading_at(guarded.endpoint) as reader:
        readings = await reader.observe([wrong])
        before = (await reader.observe([right]))[right.key]
        guarded.push("RPUSH", "shop_queues:{default}", '{"job":"x","id":"2"}')
        readings |= await reader.observe([right])
        heard = await reader.observe_signals([signals])
        listed = await reader.observe_connections()
    reading = readings[right.key]
    assert counts(reading)["{default}"] == (2, 1, 1, 0, 0)
    assert isinstance(reading, Backlog)
    assert isinstance(before, Backlog)
    (was,), (now,) = before.queues, reading.queues
    assert was.tally
    assert now.tally == replace(was.tally, arrived=1)
    assert reading.oldest
    assert reading.oldest.since.timestamp() == 1
    found = trouble(readings[wrong.key])
    assert found.reason is UnknownReason.QUEUE_NOT_FOUND
    assert "set spec.redis.prefix: shop_" in found.message
    assert heard[signals.key].restart_at
    assert listed
    assert [server.cli("ACL", "LOG") for server in guarded.servers] == [""] * len(guarded.servers)


def test_what_a_refusal_asks_for_is_documented() -> None:
    """The sentence and the page name the same commands."""
    needed = set(troubles.NEEDED_COMMANDS.split())
    for line in (STANDALONE, SENTINEL, CLUSTER):
        assert needed - set(line.split()) <= {"+select"}


def test_every_release_that_is_tested_is_documented() -> None:
    """By its name and the first two parts of its version."""
    text = " ".join(DOCUMENTED.read_text(encoding="utf-8").split())
    tested = re.search(r"tested with (.*?),? each", text)
    assert tested
    for release in RELEASES:
        with skipped_where_not_to_be_had():
            name, _, number = release.version().partition(" ")
        assert name in tested[1]
        # What the machine has may be newer than what the page was written with.
        assert number.rpartition(".")[0] in tested[1] or release is INSTALLED
