"""
Whatever happens to Redis: the workers stay, the pool says what is wrong, and goes on when it is over.

The troubles are made on a real Redis; how each of them reads is told in the
contract tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.pools_in_use import JOB, PREFIX, READY, push, quick_pool
from harness.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.cluster import Cluster
    from harness.pools import Namespace

pytestmark = pytest.mark.usefixtures("operator")

CANARY = "canary-7c1d9b"
WORKERS = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong with a Redis, and how it ends."""

    begin: Callable[[RedisServer], object]
    end: Callable[[RedisServer], object]
    reason: str
    words: str


def deny(redis: RedisServer) -> None:
    """Let the user read nothing any more."""
    redis.cli("ACL", "SETUSER", "default", "resetkeys")
    redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def change_password(redis: RedisServer) -> None:
    """Ask everybody for another password."""
    redis.cli("CONFIG", "SET", "requirepass", "another")
    redis.cli("-a", "another", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def spoil(redis: RedisServer) -> None:
    """Put something else where the queue was, in a way that nobody sees it empty in between."""
    redis.cli("COPY", READY, "kept")
    redis.cli("SET", READY, "not a list")


def mend(redis: RedisServer) -> None:
    """Put the queue back, in one step too."""
    redis.cli("RENAME", "kept", READY)


def load(redis: RedisServer) -> None:
    """Keep the queue, and start anew with much to load."""
    redis.restart_loading(8)


TROUBLES = [
    pytest.param(
        Trouble(RedisServer.kill, RedisServer.start, "ConnectionFailed", "refuses the connection"),
        id="down",
    ),
    pytest.param(
        Trouble(RedisServer.pause, RedisServer.resume, "TimedOut", "did not answer within"),
        id="slow",
    ),
    pytest.param(Trouble(load, lambda _: None, "Loading", "loading"), id="loading"),
    pytest.param(
        Trouble(
            change_password,
            lambda redis: redis.cli("-a", "another", "CONFIG", "SET", "requirepass", CANARY),
            "AuthenticationFailed",
            "password",
        ),
        id="password-changed",
    ),
    pytest.param(
        Trouble(
            deny, lambda redis: redis.cli("ACL", "SETUSER", "default", "allkeys"), "PermissionDenied", "may"
        ),
        id="may-not-read",
    ),
    pytest.param(Trouble(spoil, mend, "WrongKeyType", READY), id="wrong-type"),
]


@pytest.fixture
def redis(cluster: Cluster) -> Iterator[RedisServer]:
    """A Redis that asks for a password."""
    with RedisServer(address=cluster.host_address, password=CANARY) as server:
        yield server


def guarded_pool(redis: RedisServer, **spec: Any) -> dict[str, Any]:
    """Make a pool that reads with the password of a Secret."""
    pool = quick_pool(redis, **spec)
    pool["redis"] = {**pool["redis"], "passwordSecretRef": {"name": "redis"}}
    return pool


def secret(password: str) -> dict[str, Any]:
    """Make the Secret that the pool names."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "redis"},
        "stringData": {"password": password},
    }


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_pool_holds_tells_and_heals(namespace: Namespace, redis: RedisServer, trouble: Trouble) -> None:
    """The number of workers stays, the backlog is absent instead of 0, and the password is nowhere."""
    namespace.apply(secret(CANARY))
    push(redis, WORKERS * 10)
    redis.cli("SAVE")
    namespace.apply_pool("orders", guarded_pool(redis))
    namespace.wait_for_reason("orders", "Active")

    trouble.begin(redis)
    known = namespace.wait_for_reason("orders", trouble.reason, kind="BacklogKnown")
    assert known["status"] == "False"
    assert trouble.words in known["message"]
    status = namespace.status("orders")
    assert "backlog" not in status
    assert "oldestJobTime" not in status
    row = namespace.kubectl("get", "qwp", "orders", "--no-headers")
    assert "BacklogUnknown" in row
    assert namespace.deployment("orders")["spec"]["replicas"] == WORKERS
    described = namespace.kubectl("describe", "qwp", "orders")
    assert trouble.reason in described
    assert CANARY not in described

    trouble.end(redis)
    namespace.wait_for_reason("orders", "Active")
    assert namespace.deployment("orders")["spec"]["replicas"] == WORKERS
    assert namespace.status("orders")["backlog"]["waiting"] == WORKERS * 10
    assert any(reason == "BacklogUnknown" for reason, _ in namespace.events("orders"))


def test_a_wrong_database_is_not_an_empty_queue(namespace: Namespace, redis: RedisServer) -> None:
    """A queue whose keys never existed is not told as 0; the database that has them is named."""
    namespace.apply(secret(CANARY))
    redis.cli("RPUSH", READY, JOB % 1, database=1)
    namespace.apply_pool("orders", guarded_pool(redis))
    ready = namespace.wait_for_reason("orders", "QueueNotFound")
    assert "database 1" in ready["message"]
    assert "backlog" not in namespace.status("orders")
    assert namespace.condition("orders", "BacklogKnown")["status"] == "Unknown"

    spec = guarded_pool(redis)
    spec["redis"]["database"] = 1
    namespace.apply_pool("orders", spec)
    namespace.wait_for_replicas("orders", 1)


def test_a_wrong_prefix_is_named(namespace: Namespace, redis: RedisServer) -> None:
    """The prefix that does hold the queue is in the message."""
    namespace.apply(secret(CANARY))
    push(redis, 5)
    spec = guarded_pool(redis)
    spec["redis"]["prefix"] = "shop-database-"
    namespace.apply_pool("orders", spec)
    assert PREFIX in namespace.wait_for_reason("orders", "QueueNotFound")["message"]


def test_a_missing_secret_is_told_and_picked_up(namespace: Namespace, redis: RedisServer) -> None:
    """A password that is not there yet, and a wrong one, are told apart; the right one is picked up by itself."""
    push(redis, 10)
    namespace.apply_pool("orders", guarded_pool(redis))
    missing = namespace.wait_for_reason("orders", "SecretNotFound", kind="BacklogKnown")
    assert "Secret redis" in missing["message"]
    namespace.apply(secret("wrong"))
    namespace.wait_for_reason("orders", "AuthenticationFailed", kind="BacklogKnown")
    namespace.apply(secret(CANARY))
    namespace.wait_for_reason("orders", "Active")


def test_one_pools_trouble_is_its_own(namespace: Namespace, redis: RedisServer) -> None:
    """A pool on a dead endpoint does not keep another from following its backlog."""
    namespace.apply(secret(CANARY))
    broken = guarded_pool(redis)
    broken["redis"] = {"host": redis.address, "port": 1}
    namespace.apply_pool("broken", broken)
    namespace.wait_for_reason("broken", "ConnectionFailed", kind="BacklogKnown")
    namespace.apply_pool("orders", guarded_pool(redis))
    push(redis, 20)
    namespace.wait_for_replicas("orders", 2)
