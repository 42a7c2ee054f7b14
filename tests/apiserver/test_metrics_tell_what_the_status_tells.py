"""A real operator at work is scraped as Prometheus does it, and says what the statuses say, and no secret."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apiserver.asked_operator import Told
from apiserver.pools_in_use import push, quick_pool
from harness.operator_process import NAMESPACE
from harness.progress import wait_until
from harness.redis import RedisServer
from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from harness.pools import Namespace


@pytest.fixture
def operator(installed: Cluster) -> Iterator[Told]:
    """The only operator, which tells metrics."""
    told = Told(installed)
    with told.process:
        told.wait_until_ready()
        yield told


def test_every_number_is_that_of_the_status(operator: Told, namespace: Namespace, redis: RedisServer) -> None:
    """Jobs, workers, bounds, reasons, sources; counted decisions and restarts; and the series end with the pool."""
    push(redis, 30)
    namespace.apply_pool("working", quick_pool(redis))
    namespace.apply_pool("broken", {**quick_pool(redis), "redis": {"host": redis.address, "port": 1}})
    namespace.wait_for_reason("working", "Active")
    namespace.wait_for_reason("broken", "BacklogUnknown")
    wait_until(
        lambda: namespace.status("working").get("workers", {}).get("working") == 3,
        what="the status counts its workers",
        timeout_seconds=60,
    )
    status = namespace.status("working")
    scraped = operator.scrape()

    def of(name: str, pool: str = "working", **labels: str) -> float | None:
        return scraped.value(name, namespace=namespace.name, pool=pool, **labels)

    counts = {queue["name"]: queue for queue in status["queues"]}
    assert of("qwp_queue_jobs", queue="default", state="ready") == counts["default"]["ready"] == 30
    assert of("qwp_queue_jobs", queue="high", state="ready") == counts["high"]["ready"] == 0
    assert (of("qwp_queue_oldest_job_age_seconds", queue="default") or 0) > 0
    assert of("qwp_queue_oldest_job_age_seconds", queue="high") == 0
    assert of("qwp_pool_desired_replicas") == status["desiredReplicas"] == 3
    assert of("qwp_pool_recommended_replicas") == status["recommendedReplicas"]
    assert (of("qwp_pool_min_replicas"), of("qwp_pool_max_replicas")) == (0, 50)
    for state in ("working", "starting", "waiting", "draining"):
        assert of("qwp_pool_workers", state=state) == status["workers"][state], state
    assert of("qwp_pool_status", reason="Active") == 1
    assert of("qwp_pool_source_up") == 1
    assert of("qwp_pool_followed", by=status["source"]["followedBy"]) == 1
    assert of("qwp_pool_decisions_total", reason="Backlog") == 1

    assert of("qwp_pool_source_up", "broken") == 0
    assert of("qwp_pool_backlog_unknown", "broken", reason="ConnectionFailed") == 1
    assert of("qwp_queue_jobs", "broken") is None

    # In whole seconds it could be before the workers, where all of this took no longer.
    now = datetime.now(tz=UTC).isoformat(timespec="milliseconds")
    namespace.kubectl("annotate", "qwp/working", f"kubectl.kubernetes.io/restartedAt={now}")
    wait_until(
        lambda: (
            operator.scrape().value("qwp_pool_restarts_total", namespace=namespace.name, trigger="Annotation")
            == 1
        ),
        what="the restart is counted",
        timeout_seconds=60,
    )
    namespace.kubectl("delete", "qwp", "working")
    wait_until(
        lambda: 'pool="working"' not in operator.scrape().text, what="its series end", timeout_seconds=60
    )
    assert operator.scrape().value("qwp_pool_source_up", namespace=namespace.name, pool="broken") == 0


def test_the_operator_tells_of_itself(operator: Told, namespace: Namespace, redis: RedisServer) -> None:
    """All that is declared; and it is alive, ready, and counts what it asks."""
    namespace.apply_pool("empty", quick_pool(redis))
    namespace.wait_for_reason("empty", "Idle")
    wait_until(
        lambda: (operator.scrape().value("qwp_event_loop_lag_seconds_count") or 0) > 0,
        what="its pulse was felt",
        timeout_seconds=10,
    )
    scraped = operator.scrape()

    assert operator.get("/healthz") == (200, "ok\n")
    told = {family.name for family in text_string_to_metric_families(scraped.text)}
    declared = {family.name.removesuffix("_total") for family in (*POOL_FAMILIES, *PROCESS_FAMILIES)}
    assert declared <= told
    assert (scraped.value("qwp_shards"), scraped.value("qwp_shards_held")) == (1, 1)
    for name, labels in (
        ("qwp_pools", {}),
        ("qwp_redis_connections", {}),
        ("qwp_redis_endpoints", {}),
        ("qwp_poll_duration_seconds_count", {}),
        ("qwp_event_loop_lag_seconds_count", {}),
        ("qwp_reconcile_duration_seconds_count", {"outcome": "done"}),
        ("qwp_api_requests_total", {"verb": "apply", "code": "200"}),
        ("qwp_watch_events_total", {"resource": "queueworkerpools"}),
        ("qwp_watch_events_total", {"resource": "deployments"}),
        ("process_resident_memory_bytes", {}),
    ):
        assert (scraped.value(name, **labels) or 0) > 0, name


def test_no_password_shows(operator: Told, namespace: Namespace, cluster: Cluster) -> None:
    """Neither the right one nor a wrong one, nor the names of Secrets."""
    right, wrong = f"canary-{secrets.token_hex(8)}", f"canary-{secrets.token_hex(8)}"
    with RedisServer(address=cluster.host_address, password=right) as guarded:
        for name, password in (("right", right), ("wrong", wrong)):
            namespace.apply(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": f"secret-{name}"},
                    "stringData": {"password": password},
                }
            )
            pool: dict[str, Any] = quick_pool(guarded)
            pool["redis"] = {**pool["redis"], "passwordSecretRef": {"name": f"secret-{name}"}}
            namespace.apply_pool(name, pool)
        namespace.wait_for_reason("right", "Idle")
        namespace.wait_for_reason("wrong", "AuthenticationFailed", kind="BacklogKnown")
        scraped = operator.scrape()
        answers = [scraped.text, operator.get("/healthz")[1], operator.get("/readyz")[1]]

    assert scraped.value(
        "qwp_pool_backlog_unknown", namespace=namespace.name, pool="wrong", reason="AuthenticationFailed"
    )
    assert not [answer for answer in answers if "canary" in answer or "secret-" in answer]


def test_one_that_stands_by_is_ready_and_holds_nothing(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """Over both operators every shard is held once; a pool is told by one of them, and by the other when the first is gone."""
    namespace.apply_pool("shared", quick_pool(redis))
    sharing = f"--lease-namespace={NAMESPACE}"
    first, second = (Told(installed, sharing, f"--identity={name}") for name in ("first", "second"))

    def held(told: Told) -> float | None:
        return told.scrape().value("qwp_shards_held")

    def tells(told: Told) -> bool:
        return told.scrape().value("qwp_pool_source_up", namespace=namespace.name, pool="shared") == 1

    with second.process:
        with first.process:
            first.wait_until_ready()
            second.wait_until_ready()
            wait_until(
                lambda: sorted([held(first) or 0, held(second) or 0]) == [0, 1],
                what="one of them works",
                timeout_seconds=60,
            )
            working, idle = (first, second) if held(first) else (second, first)
            wait_until(lambda: tells(working), what="it tells of the pool", timeout_seconds=60)
            assert idle.get("/readyz") == (200, "ok\n")
            assert idle.get("/healthz") == (200, "ok\n")
            assert not tells(idle)
        wait_until(lambda: tells(second), what="the other one tells of it", timeout_seconds=60)
