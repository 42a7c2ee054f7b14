"""A pool whose Redis speaks TLS, with the certificate authority in a Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiserver.pools_in_use import push, quick_pool
from harness.redis import RedisServer, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.cluster import Cluster
    from harness.pools import Namespace

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def redis(cluster: Cluster, tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that speaks nothing but TLS."""
    certificates = make_certificates(tmp_path / "own", names=[cluster.host_address])
    with RedisServer(
        address=cluster.host_address, certificates=certificates, directives=["tls-auth-clients no"]
    ) as server:
        yield server


def authority_secret(name: str, authority: Path) -> dict[str, Any]:
    """Make a Secret with a certificate authority."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"ca.crt": authority.read_text(encoding="utf-8")},
    }


def test_the_authority_decides(namespace: Namespace, redis: RedisServer, tmp_path: Path) -> None:
    """A certificate of another authority is refused with a sentence; the right one is read with."""
    assert redis.certificates is not None
    foreign = make_certificates(tmp_path / "foreign")
    namespace.apply(
        authority_secret("right", redis.certificates.authority),
        authority_secret("foreign", foreign.authority),
    )
    push(redis, 20)
    pool = quick_pool(redis)
    pool["redis"] = {**pool["redis"], "tls": {"caSecretRef": {"name": "foreign"}}}
    namespace.apply_pool("orders", pool)
    refused = namespace.wait_for_reason("orders", "TLSFailed", kind="BacklogKnown")
    assert "certificate" in refused["message"]

    pool["redis"]["tls"] = {"caSecretRef": {"name": "right"}}
    namespace.apply_pool("orders", pool)
    namespace.wait_for_replicas("orders", 2)
    namespace.wait_for_reason("orders", "BacklogRead", kind="BacklogKnown")
