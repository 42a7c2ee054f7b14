"""From what a pool's author wrote, with the Secrets that it names, to servers and who is shown to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.backlog.endpoint import ClusterEndpoint, RedisEndpoint, SentinelEndpoint
from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.engine.sources import observe_endpoint, refers_to_secrets
from unit.domain.given import a_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.backlog.endpoint import Endpoint

VALUES = {
    "redis": {"password": b"of-redis\n"},
    "sentinels": {"password": b"of-sentinels"},
    "authority": {"ca.crt": b"AUTHORITY"},
    "client": {"tls.crt": b"CHAIN", "tls.key": b"KEY", "ca.crt": b"another"},
}
SENTINELS = {"masterName": "mymaster", "nodes": [{"host": "s-0"}, {"host": "s-1.other", "port": 5000}]}


class Secrets:
    """Those above, each read as often as it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read one."""
        self.asked.append((namespace, name))
        return VALUES.get(name)


def endpoint(redis: dict[str, Any], secrets: Secrets | None = None) -> Endpoint | UnknownBacklog:
    """What becomes of a source in the namespace ``shop``."""
    return asyncio.run(observe_endpoint(secrets or Secrets(), a_spec(redis=redis).redis, namespace="shop"))


def test_a_host_has_the_port_that_everybody_knows() -> None:
    """Where none is given."""
    found = endpoint({"host": "redis"})
    assert isinstance(found, RedisEndpoint)
    assert (found.host, found.port, found.title) == ("redis.shop.svc", 6379, "Redis at redis.shop.svc:6379")


def test_sentinels_have_a_login_of_their_own() -> None:
    """The password of Redis is never sent to them, nor theirs to Redis."""
    found = endpoint(
        {
            "sentinel": {**SENTINELS, "username": "watcher", "passwordSecretRef": {"name": "sentinels"}},
            "username": "reader",
            "passwordSecretRef": {"name": "redis"},
            "tls": {"caSecretRef": {"name": "authority"}},
        }
    )
    assert isinstance(found, SentinelEndpoint)
    assert (found.master_name, found.username, found.password) == ("mymaster", "reader", "of-redis")
    assert [(each.host, each.port) for each in found.sentinels] == [
        ("s-0.shop.svc", 26379),
        ("s-1.other", 5000),
    ]
    assert {(each.username, each.password) for each in found.sentinels} == {("watcher", "of-sentinels")}
    assert {each.tls for each in (found, *found.sentinels)} == {found.tls}
    assert found.tls
    alone = endpoint({"sentinel": SENTINELS, "passwordSecretRef": {"name": "redis"}})
    assert isinstance(alone, SentinelEndpoint)
    assert {each.password for each in alone.sentinels} == {None}


def test_every_node_of_a_cluster_is_the_same_to_us() -> None:
    """One user, one trust."""
    found = endpoint(
        {
            "cluster": {"nodes": [{"host": "a"}, {"host": "b.example", "port": 7000}]},
            "passwordSecretRef": {"name": "redis"},
            "tls": {},
        }
    )
    assert isinstance(found, ClusterEndpoint)
    assert [(each.host, each.port, each.password) for each in found.seeds] == [
        ("a.shop.svc", 6379, "of-redis"),
        ("b.example", 7000, "of-redis"),
    ]
    assert all(each.tls for each in found.seeds)
    assert found.title == "the Redis Cluster at a.shop.svc:6379"


def test_a_certificate_and_its_key_are_of_one_moment() -> None:
    """The Secret is read once for both: between two readings it may have been renewed."""
    secrets = Secrets()
    tls = {"caSecretRef": {"name": "authority"}, "clientCertificateSecretRef": {"name": "client"}}
    found = endpoint({"host": "redis", "tls": tls}, secrets)
    assert isinstance(found, RedisEndpoint)
    assert found.tls
    assert found.tls.client
    assert (found.tls.client.chain_pem, found.tls.client.key_pem) == ("CHAIN", "KEY")
    assert sorted(secrets.asked) == [("shop", "authority"), ("shop", "client")]


@pytest.mark.parametrize(
    ("redis", "words"),
    [
        pytest.param(
            {"sentinel": {**SENTINELS, "passwordSecretRef": {"name": "gone"}}},
            "There is no Secret gone in namespace shop",
            id="of-the-sentinels",
        ),
        pytest.param(
            {"host": "redis", "tls": {"clientCertificateSecretRef": {"name": "gone"}}},
            "There is no Secret gone in namespace shop",
            id="of-the-client",
        ),
        pytest.param(
            {"host": "redis", "tls": {"clientCertificateSecretRef": {"name": "client", "privateKeyKey": "key.pem"}}},
            "Secret client in namespace shop has no key key.pem",
            id="the-key-of-a-key",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(redis: dict[str, Any], words: str) -> None:
    """Instead of connecting without it."""
    found = endpoint(redis)
    assert isinstance(found, UnknownBacklog)
    assert words in found.message


@pytest.mark.parametrize(
    ("redis", "refers"),
    [
        pytest.param({"host": "redis", "tls": {}}, False, id="to-none"),
        pytest.param({"host": "redis", "passwordSecretRef": {"name": "redis"}}, True, id="password"),
        pytest.param(
            {"sentinel": {**SENTINELS, "passwordSecretRef": {"name": "sentinels"}}}, True, id="sentinels"
        ),
        pytest.param(
            {"host": "redis", "tls": {"clientCertificateSecretRef": {"name": "client"}}}, True, id="certificate"
        ),
    ],
)  # fmt: skip
def test_sources_with_secrets_are_looked_up_again(redis: dict[str, Any], *, refers: bool) -> None:
    """Since nobody says that a Secret was changed."""
    assert refers_to_secrets(a_spec(redis=redis).redis) is refers
