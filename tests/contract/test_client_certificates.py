"""A server that asks for a client certificate is shown one, in every shape of Redis; what is wrong with it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contract.asking import (
    cluster_endpoint,
    counts,
    endpoint_of,
    observe_one,
    pool,
    reading_at,
    sentinel_endpoint,
    trouble,
)
from harness.redis import RedisServer, make_certificates
from harness.redis_topologies import RedisCluster, RedisSentinels
from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.endpoint import ClientCertificate, TlsTrust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.redis import Certificates
    from queueworkers.backlog.endpoint import Endpoint

ASKING = "tls-auth-clients yes"
QUEUE = "queues:{default}"


def certificate_of(made: Certificates) -> ClientCertificate:
    """The client certificate among *made*, with its key."""
    return ClientCertificate(chain_pem=made.client.read_text(), key_pem=made.client_key.read_text())


def trust(certificates: Certificates, client: ClientCertificate | None) -> TlsTrust:
    """Full trust in *certificates*, and what is shown."""
    return TlsTrust(
        ca_pem=certificates.authority.read_text(),
        verify_certificate=True,
        verify_name=True,
        server_name=None,
        client=client,
    )


def with_trust(endpoint: Endpoint, tls: TlsTrust) -> Endpoint:
    """The same place, seen over *tls* everywhere."""
    if hasattr(endpoint, "sentinels"):
        watchers = tuple(replace(each, tls=tls) for each in endpoint.sentinels)
        return replace(endpoint, tls=tls, sentinels=watchers)
    if hasattr(endpoint, "seeds"):
        return replace(endpoint, seeds=tuple(replace(each, tls=tls) for each in endpoint.seeds))
    return replace(endpoint, tls=tls)


@pytest.fixture(params=["standalone", "sentinel", "cluster"])
def asking(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Endpoint]:
    """Each shape of Redis where every server asks for a certificate, with two jobs."""
    job = ("RPUSH", QUEUE, "x", "y")
    match request.param:
        case "standalone":
            with RedisServer(certificates=certificates, directives=[ASKING]) as server:
                server.cli(*job)
                yield endpoint_of(server)
        case "sentinel":
            with RedisSentinels(
                certificates=certificates, directives=[ASKING], sentinel_directives=[ASKING]
            ) as servers:
                servers.master.cli(*job)
                yield sentinel_endpoint(servers)
        case "cluster":
            with RedisCluster(certificates=certificates, directives=[ASKING]) as nodes:
                nodes.cli(*job)
                yield cluster_endpoint(nodes)


async def test_what_is_shown_decides(asking: Endpoint, certificates: Certificates, tmp_path: Path) -> None:
    """The right one reads; none, one of another authority and one that is no pair are told, each with what to correct."""
    foreign = make_certificates(tmp_path)
    right = certificate_of(certificates)
    cases = {
        "asks for a client certificate: name the Secret": None,
        "refuses the client certificate, which was signed by an authority that it does not know": certificate_of(
            foreign
        ),
        "cannot be used: its key belongs to another certificate": replace(
            right, key_pem=foreign.client_key.read_text()
        ),
        "cannot be used: it is no certificate and key in PEM form": replace(right, chain_pem="ü"),
        "cannot be used: it is no certificate and key in PEM form ": replace(right, key_pem=""),
    }
    request = pool(queues=("{default}",), clustered=True)
    for words, shown in cases.items():
        async with reading_at(with_trust(asking, trust(certificates, shown))) as reader:
            found = trouble(await observe_one(reader, request))
        assert found.reason is UnknownReason.TLS_FAILED, words
        assert words.strip() in found.message
        assert "spec.redis.tls.clientCertificateSecretRef" in found.message
    async with reading_at(with_trust(asking, trust(certificates, right))) as reader:
        assert counts(await observe_one(reader, request))["{default}"][0] == 2


def test_a_private_key_shows_nowhere(certificates: Certificates) -> None:
    """As a password: not in the endpoint, and so in no log line."""
    shown = trust(certificates, certificate_of(certificates))
    with_key = repr(shown) + str(shown)
    assert "PRIVATE KEY" not in with_key
    assert "BEGIN CERTIFICATE" in with_key
