"""A pool behind Sentinels, one on a cluster, and one whose client certificate is renewed, under a running operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiserver.pools_in_use import JOB, PREFIX, READY, push, quick_pool
from harness.redis import RedisServer, make_certificates
from harness.redis_topologies import MASTER_NAME, RedisCluster, RedisSentinels

if TYPE_CHECKING:
    from pathlib import Path

    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import Certificates

pytestmark = pytest.mark.usefixtures("operator")

CANARY = "canary-2b6e90"


def secret(name: str, **values: str) -> dict[str, Any]:
    """Make a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def test_workers_stay_through_a_fail_over(namespace: Namespace, cluster: Cluster) -> None:
    """While there is no master nothing is known and nobody leaves; then the new one's backlog counts."""
    namespace.apply(secret("redis", password=CANARY))
    with RedisSentinels(address=cluster.host_address, password=CANARY) as servers:
        pool = quick_pool(servers.master)
        pool["redis"] = {
            "prefix": PREFIX,
            "passwordSecretRef": {"name": "redis"},
            "sentinel": {
                "masterName": MASTER_NAME,
                "nodes": [{"host": each.address, "port": each.port} for each in servers.sentinels],
            },
        }
        namespace.apply_pool("orders", pool)
        push(servers.master, 20)
        servers.master.cli("WAIT", "2", "5000")
        namespace.wait_for_replicas("orders", 2)
        servers.fail_over()
        assert namespace.deployment("orders")["spec"]["replicas"] == 2
        push(servers.master, 10)
        namespace.wait_for_replicas("orders", 3)
        assert namespace.status("orders")["source"]["address"].startswith(f"{MASTER_NAME} by Sentinel ")
        assert CANARY not in namespace.kubectl("describe", "qwp", "orders")


def test_a_cluster_is_read_and_a_name_without_braces_is_told(namespace: Namespace, cluster: Cluster) -> None:
    """The sentence names the queue as it should be, and as soon as it is named so, it is read."""
    with RedisCluster(address=cluster.host_address) as nodes:
        nodes.cli("RPUSH", f"{PREFIX}queues:{{default}}", *(JOB % number for number in range(20)))
        pool = quick_pool(nodes.nodes[0], version="8.83", queues=["default"])
        seed = {"host": nodes.nodes[0].address, "port": nodes.nodes[0].port}
        pool["redis"] = {"prefix": PREFIX, "cluster": {"nodes": [seed]}}
        namespace.apply_pool("orders", pool)
        told = namespace.wait_for_reason("orders", "QueueNotFound", kind="BacklogKnown")
        assert "name the queue {default} in spec.queues" in told["message"]
        namespace.apply_pool("orders", {**pool, "queues": ["{default}"]})
        namespace.wait_for_replicas("orders", 2)
        # From 13.5 on the framework puts the braces itself.
        nodes.cli("RPUSH", f"{PREFIX}queues:{{default}}", *(JOB % number for number in range(20, 30)))
        namespace.apply_pool("orders", {**pool, "version": "13.5"})
        namespace.wait_for_replicas("orders", 3)


def test_a_renewed_client_certificate_is_picked_up(
    namespace: Namespace, cluster: Cluster, tmp_path: Path
) -> None:
    """A Secret as cert-manager keeps it: refused while it is of another authority, used when it is not."""
    own = make_certificates(tmp_path / "own", names=[cluster.host_address])
    namespace.apply(as_cert_manager_writes(make_certificates(tmp_path / "foreign")))
    with RedisServer(
        address=cluster.host_address, certificates=own, directives=["tls-auth-clients yes"]
    ) as redis:
        redis.cli("RPUSH", READY, *(JOB % number for number in range(20)))
        pool = quick_pool(redis)
        namespace.apply(secret("authority", **{"ca.crt": own.authority.read_text(encoding="utf-8")}))
        pool["redis"]["tls"] = {
            "caSecretRef": {"name": "authority"},
            "clientCertificateSecretRef": {"name": "client"},
        }
        namespace.apply_pool("orders", pool)
        refused = namespace.wait_for_reason("orders", "TLSFailed", kind="BacklogKnown")
        assert "refuses the client certificate" in refused["message"]
        namespace.apply(as_cert_manager_writes(own))
        namespace.wait_for_replicas("orders", 2)


def as_cert_manager_writes(made: Certificates) -> dict[str, Any]:
    """Make a Secret of the type that certificates have."""
    values = {"tls.crt": made.client.read_text(), "tls.key": made.client_key.read_text()}
    return {**secret("client", **values), "type": "kubernetes.io/tls"}
