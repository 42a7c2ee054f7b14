"""Whoever asks for new workers gets all of them replaced, once, and every job done, once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL, QUICK_RESTART
from cluster.terminal import status_word
from harness.php import run_artisan

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.shop import Shop
    from harness.pools import Namespace

pytestmark = pytest.mark.usefixtures("operator")

WORKERS = 3
THREE_WORKERS = {"minReplicas": WORKERS, "maxReplicas": WORKERS}
ANNOTATION = "kubectl.kubernetes.io/restartedAt"


def annotate(shop: Shop) -> None:
    """Ask as `kubectl rollout restart` would, on the pool."""
    shop.namespace.kubectl("annotate", f"qwp/{POOL}", f"{ANNOTATION}={_now()}")


def ask_in_the_spec(shop: Shop) -> None:
    """Ask declaratively."""
    restart = {**QUICK_RESTART, "at": _now()}
    shop.namespace.apply_pool(POOL, shop.spec(scaling=THREE_WORKERS, restart=restart))


def change_the_environment(shop: Shop) -> None:
    """Deploy another configuration."""
    spec = shop.spec(scaling=THREE_WORKERS)
    spec["env"] = [*spec["env"], {"name": "RELEASE", "value": "2"}]
    shop.namespace.apply_pool(POOL, spec)


def change_an_option(shop: Shop) -> None:
    """Deploy another option of the worker."""
    shop.namespace.apply_pool(POOL, shop.spec(scaling=THREE_WORKERS, tries=5))


def restart_the_deployment(shop: Shop) -> None:
    """Go around the pool, as somebody does who knows Deployments only."""
    shop.namespace.kubectl("rollout", "restart", f"deployment/{POOL}-workers")


def run_the_frameworks_command(shop: Shop) -> None:
    """Deploy as ever; the workers read the same cache, and end by themselves after the job in hand."""
    run_artisan(["queue:restart"], env=shop.environment)


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        pytest.param(annotate, "RollingRestart", id="kubectl annotate"),
        pytest.param(ask_in_the_spec, "RollingRestart", id="spec.restart.at"),
        pytest.param(change_the_environment, "RollingUpdate", id="another environment"),
        pytest.param(change_an_option, "RollingUpdate", id="another worker option"),
        pytest.param(run_the_frameworks_command, "RollingRestart", id="php artisan queue:restart"),
        pytest.param(restart_the_deployment, "RollingUpdate", id="kubectl rollout restart of the Deployment"),
    ],
)
def test_busy_workers_are_replaced_once(shop: Shop, ask: Callable[[Shop], None], word: str) -> None:
    """All pods are replaced exactly once, the screen says so, and no job is lost, cut off or run twice."""
    namespace = shop.namespace
    jobs = [
        job
        for seconds in (1, 8, 5, 4)
        for job in shop.push(WORKERS, ids=f"{seconds}s", milliseconds=seconds * 1000)
    ]
    namespace.apply_pool(POOL, shop.spec(scaling=THREE_WORKERS))
    shop.wait_for_jobs("start", WORKERS)
    namespace.wait("all workers are up", lambda: _settled(namespace))
    before = _pods(namespace)

    ask(shop)
    namespace.wait(f"STATUS is {word}", lambda: status_word(namespace, POOL) == word)
    namespace.wait("every pod is another", lambda: _settled(namespace) and not before & _pods(namespace))
    assert namespace.condition(POOL, "Progressing")["reason"] == "Complete"

    shop.wait_for_jobs("end", len(jobs))
    shop.assert_each_done_once(jobs)
    assert len(_ever_created(namespace)) == 2 * WORKERS
    assert len(shop.workers_of("start")) > WORKERS, "the jobs were over before the restart"


def test_a_request_counts_once(shop: Shop) -> None:
    """The same restart asked for again, and its removal, replace nothing."""
    namespace = shop.namespace
    one = {"minReplicas": 1, "maxReplicas": 1}
    namespace.apply_pool(POOL, shop.spec(scaling=one))
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    asked_at = _now()
    restart = {**QUICK_RESTART, "at": asked_at}
    annotation = f"{ANNOTATION}={asked_at}"
    before = _pods(namespace)
    namespace.kubectl("annotate", f"qwp/{POOL}", annotation)
    namespace.wait("the pod is another", lambda: len(_pods(namespace) - before) == 1 == len(_pods(namespace)))
    replaced = _pods(namespace)

    for again in (
        lambda: namespace.kubectl("annotate", f"qwp/{POOL}", "--overwrite", annotation),
        lambda: namespace.apply_pool(POOL, shop.spec(scaling=one, restart=restart)),
        lambda: namespace.kubectl("annotate", f"qwp/{POOL}", f"{ANNOTATION}-"),
        lambda: namespace.apply_pool(POOL, shop.spec(scaling=one)),
    ):
        again()
        time.sleep(1)
        assert _pods(namespace) == replaced
    assert (
        namespace.status(POOL)["observedGeneration"] == namespace.get("qwp", POOL)["metadata"]["generation"]
    )
    assert [reason for reason, _ in namespace.events(POOL)].count("RestartRequested") == 1
    assert namespace.status(POOL)["lastRestart"]["trigger"] == "Annotation"


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="seconds")


def _pods(namespace: Namespace) -> frozenset[str]:
    """The workers that there are, the leaving ones included."""
    return frozenset(pod["metadata"]["uid"] for pod in namespace.pods(POOL))


def _settled(namespace: Namespace) -> bool:
    """As many pods as there should be, none on its way out, and the pool says that nothing is under way."""
    return (
        len(namespace.pods(POOL)) == WORKERS
        and namespace.condition(POOL, "Progressing").get("reason") == "Complete"
    )


def _ever_created(namespace: Namespace) -> set[str]:
    return {
        event["message"]
        for event in namespace.list_all("events")
        if event["reason"] == "SuccessfulCreate" and event["involvedObject"]["kind"] == "ReplicaSet"
    }
