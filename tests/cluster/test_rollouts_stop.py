"""A change that does not work stops at its first workers, the old ones go on, and nothing is lost on any way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cluster.shop import POOL, QUICK_RESTART
from cluster.terminal import columns, status_word

if TYPE_CHECKING:
    from cluster.shop import Shop
    from harness.operator_process import OperatorProcess
    from harness.pools import Namespace

pytestmark = pytest.mark.usefixtures("operator")

WORKERS = 2
SCALING = {"minReplicas": WORKERS, "maxReplicas": 6}
BROKEN = {"command": ["php", "-r", "exit(255);", "--"]}


def test_a_broken_change_stops_and_is_undone(shop: Shop) -> None:
    """The old workers go on alone, the pool does not grow into the failure, and the way back replaces nobody."""
    namespace = shop.namespace
    apply(shop)
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    old = pods(namespace)

    apply(shop, **BROKEN)
    stopped = namespace.wait_for_reason(POOL, "RolloutStopped")
    assert stopped["status"] == "False"
    assert "exit code 255" in stopped["message"]
    assert columns(namespace, POOL)["STATUS"] == f"RolloutStopped 0/{WORKERS}"
    assert namespace.status(POOL)["rollout"]["trigger"] == "Template"

    jobs = shop.push(20, milliseconds=1000)
    namespace.wait(
        "the backlog asks for more", lambda: namespace.status(POOL)["recommendedReplicas"] > WORKERS
    )
    shop.wait_for_jobs("end", len(jobs))
    assert namespace.deployment(POOL)["spec"]["replicas"] == WORKERS
    assert old <= pods(namespace)

    apply(shop, rollout="Undo", **BROKEN)
    namespace.wait_for_reason(POOL, "RolloutUndone")
    namespace.wait("the broken ones are gone", lambda: pods(namespace) == old)
    assert namespace.status(POOL)["rollout"]["phase"] == "Undone"

    apply(shop, rollout="Run", tries=5)
    namespace.wait(
        "every worker is another", lambda: len(pods(namespace)) == WORKERS and not old & pods(namespace)
    )
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    assert namespace.status(POOL)["rollout"]["phase"] == "Complete"
    shop.assert_each_done_once(jobs)
    reasons = [reason for reason, _ in namespace.events(POOL)]
    assert [reasons.count(word) for word in ("RolloutStopped", "RolloutUndone")] == [1, 1]


def test_it_goes_on_when_what_was_missing_is_there(shop: Shop) -> None:
    """Nobody has to touch the pool."""
    namespace = shop.namespace
    apply(shop)
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    old = pods(namespace)

    apply(shop, envFrom=[{"secretRef": {"name": "shop-keys"}}])
    stopped = namespace.wait_for_reason(POOL, "RolloutStopped")
    assert "shop-keys" in stopped["message"]
    assert old <= pods(namespace)

    namespace.kubectl("create", "secret", "generic", "shop-keys", "--from-literal=API_KEY=1")
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing", seconds=120)
    namespace.wait("every worker is another", lambda: not old & pods(namespace))
    namespace.wait(
        "it is told", lambda: any(reason == "RolloutFinished" for reason, _ in namespace.events(POOL))
    )


def test_a_held_rollout_waits_for_its_word(shop: Shop, operator: OperatorProcess) -> None:
    """Whatever becomes of the operator meanwhile; restarts that are asked for wait with it."""
    namespace = shop.namespace
    apply(shop)
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    old = pods(namespace)

    apply(shop, rollout="Hold", tries=5)
    namespace.wait_for_reason(POOL, "RolloutHeld")
    operator.kill()
    operator.start()
    jobs = shop.push(4, milliseconds=300)
    shop.wait_for_jobs("end", len(jobs))
    assert status_word(namespace, POOL) == "RolloutHeld"
    assert old <= pods(namespace)

    apply(shop, rollout="Run", tries=5)
    namespace.wait(
        "every worker is another", lambda: len(pods(namespace)) == WORKERS and not old & pods(namespace)
    )
    shop.assert_each_done_once(jobs)


def apply(shop: Shop, *, rollout: str = "Run", **changes: Any) -> None:
    """Apply the pool with some changes."""
    restart = {**QUICK_RESTART, "rollout": rollout}
    shop.namespace.apply_pool(POOL, shop.spec(scaling=SCALING, restart=restart, **changes))


def pods(namespace: Namespace) -> frozenset[str]:
    """The workers that there are, the leaving ones included."""
    return frozenset(pod["metadata"]["uid"] for pod in namespace.pods(POOL))
