"""Several pools keep to one ceiling, by priority, and while others still finish their jobs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from apiserver.pools_in_use import JOB, PREFIX, quick_pool
from harness.watching import ObjectWatch

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.operator_process import OperatorProcess
    from harness.pools import Json, Namespace
    from harness.redis import RedisServer

LINGERS = "example.com/a-job-in-hand"
"""A finalizer: such a pod is asked to leave and stays, as one whose worker has a long job."""

CEILING = 12


class PodWatch(ObjectWatch):
    """The pods of a namespace, and how many of them there ever were at a time."""

    most = 0

    def take(self, line: str) -> None:
        """Follow one change, and count."""
        super().take(line)
        self.most = max(self.most, len(self.all()))


def budget(ceiling: int, name: str = "mysql") -> Json:
    """Make the object that a user writes as YAML."""
    return {
        "apiVersion": "queueworkers.io/v1alpha1",
        "kind": "QueueWorkerBudget",
        "metadata": {"name": name},
        "spec": {"maxReplicas": ceiling},
    }


def member(redis: RedisServer, queue: str, *, priority: int = 0, **scaling: Any) -> Json:
    """Make the spec of a pool with a queue of its own, one worker for each job, that shares the budget mysql."""
    share = {"backlogPerWorker": 1, "budget": {"name": "mysql", "priority": priority}}
    return quick_pool(redis, queues=[queue], scaling={**share, **scaling})


def push(redis: RedisServer, queue: str, count: int) -> None:
    """Push jobs to one queue."""
    redis.cli("RPUSH", f"{PREFIX}queues:{queue}", *(JOB % number for number in range(count)))


def asked(namespace: Namespace, name: str) -> int:
    """How many workers a pool asks for."""
    replicas: int = namespace.deployment(name)["spec"]["replicas"]
    return replicas


def set_finalizers(namespace: Namespace, pod: str, finalizers: list[str]) -> None:
    """Have a pod stay when it is asked to leave, or let it go."""
    patch = json.dumps({"metadata": {"finalizers": finalizers}})
    namespace.kubectl("patch", "pod", pod, "--type=merge", f"--patch={patch}")


def let_go(namespace: Namespace, pods: PodWatch) -> int:
    """Let those go that are asked to leave; return how many there were."""
    leaving = [pod["metadata"]["name"] for pod in pods.all() if "deletionTimestamp" in pod["metadata"]]
    for name in leaving:
        set_finalizers(namespace, name, [])
    return len(leaving)


@pytest.mark.usefixtures("operator")
def test_a_higher_priority_gets_its_share_as_others_leave(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """The lower pool gives back at once, and nobody comes before its workers are gone: never more than the ceiling."""
    namespace.apply(budget(CEILING))
    with PodWatch(installed, f"/api/v1/namespaces/{namespace.name}/pods") as pods:
        namespace.apply_pool("reports", member(redis, "reports"))
        push(redis, "reports", 30)
        namespace.wait_for_replicas("reports", CEILING)
        namespace.wait_for_reason("reports", "BudgetSpent")
        namespace.wait("all of them are there", lambda: len(pods.all()) == CEILING)
        for pod in pods.all():
            set_finalizers(namespace, pod["metadata"]["name"], [LINGERS])

        push(redis, "orders", 8)
        namespace.apply_pool("orders", member(redis, "orders", priority=10))
        namespace.wait_for_replicas("reports", CEILING - 8)
        time.sleep(3)
        assert asked(namespace, "orders") == 0, "a place was taken that was not free yet"
        namespace.wait("eight are let go", lambda: let_go(namespace, pods) == 8)
        namespace.wait_for_replicas("orders", 8)
        namespace.wait_for_reason("orders", "Active")
        said = namespace.wait_for_reason("reports", "BudgetSpent")["message"]
        assert said == (
            "4 workers: 30 waiting and 0 in hand, at 1 per worker, ask for 30; budget mysql leaves 4 of 12;"
            " 8 are due to orders (priority 10)."
        )

        redis.cli("DEL", f"{PREFIX}queues:orders")
        namespace.wait_for_replicas("orders", 0)
        namespace.wait_for_replicas("reports", CEILING)
        namespace.apply(budget(5))
        namespace.wait_for_replicas("reports", 5)
        namespace.wait("nobody lingers", lambda: not let_go(namespace, pods))
    assert pods.most == CEILING


@pytest.mark.usefixtures("operator")
def test_who_has_how_much_is_told(namespace: Namespace, redis: RedisServer) -> None:
    """In the budget's own status and columns; equals share evenly."""
    namespace.apply(budget(5))
    for queue in ("orders", "mails", "reports"):
        push(redis, queue, 4)
        namespace.apply_pool(queue, member(redis, queue, minReplicas=2 if queue == "reports" else 0))
    namespace.wait(
        "it is told", lambda: namespace.get("qwb", "mysql").get("status", {}).get("summary") == "5/5"
    )

    def shares() -> dict[str, int]:
        return {each["name"]: each["share"] for each in namespace.get("qwb", "mysql")["status"]["pools"]}

    namespace.wait("equals share evenly", lambda: shares() == {"mails": 2, "orders": 1, "reports": 2})
    namespace.wait("it is so", lambda: {name: asked(namespace, name) for name in shares()} == shares())
    status = namespace.get("qwb", "mysql")["status"]
    assert (status["used"], status["wanted"], status["members"]) == (5, 12, 3)
    head, row = namespace.kubectl("get", "qwb").splitlines()
    assert head.split() == ["NAME", "USED", "WANTED", "POOLS", "AGE"]
    assert row.split()[:4] == ["mysql", "5/5", "12", "3"]


@pytest.mark.usefixtures("operator")
def test_without_its_budget_a_pool_stays_as_it_is(namespace: Namespace, redis: RedisServer) -> None:
    """It says so, grows when there is one, and keeps its workers when that is gone again."""
    push(redis, "orders", 3)
    namespace.apply_pool("orders", member(redis, "orders"))
    ready = namespace.wait_for_reason("orders", "BudgetNotFound")
    assert ready["status"] == "False"
    assert "There is no QueueWorkerBudget mysql in the pool's namespace" in ready["message"]
    assert asked(namespace, "orders") == 0

    namespace.apply(budget(10))
    namespace.wait_for_replicas("orders", 3)
    namespace.kubectl("delete", "qwb", "mysql")
    namespace.wait_for_reason("orders", "BudgetNotFound")
    push(redis, "orders", 3)
    namespace.wait("the backlog is told", lambda: namespace.status("orders")["backlog"]["waiting"] == 6)
    assert asked(namespace, "orders") == 3


def test_it_holds_over_a_restart_of_the_operator(
    operator: OperatorProcess, installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """What the operator forgot it sees again before anybody grows, whatever came to the queues meanwhile."""
    namespace.apply(budget(CEILING))
    with PodWatch(installed, f"/api/v1/namespaces/{namespace.name}/pods") as pods:
        for queue in ("mails", "reports"):
            push(redis, queue, 4)
            namespace.apply_pool(queue, member(redis, queue))
            namespace.wait_for_replicas(queue, 4)
        operator.stop()
        for queue in ("mails", "reports"):
            push(redis, queue, 20)
        operator.start()
        for queue in ("mails", "reports"):
            namespace.wait_for_replicas(queue, CEILING // 2)
        namespace.wait("all of them are there", lambda: len(pods.all()) == CEILING)
    assert pods.most == CEILING


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param({}, "spec.maxReplicas: Required value", id="without-a-ceiling"),
        pytest.param({"maxReplicas": -1}, "greater than or equal to 0", id="less-than-nobody"),
        pytest.param({"maxReplicas": "12"}, "must be of type integer", id="a-text"),
    ],
)
def test_a_wrong_budget_is_refused(installed: Cluster, spec: dict[str, Any], says: str) -> None:
    """By the API server, with the field that is wrong."""
    tried = {**budget(1), "spec": spec}
    connected = config.new_client_from_config(str(installed.kubeconfig))  # type: ignore[no-untyped-call]
    with pytest.raises(ApiException) as refused:
        client.CustomObjectsApi(connected).create_namespaced_custom_object(
            "queueworkers.io", "v1alpha1", "default", "queueworkerbudgets", tried, dry_run="All"
        )
    assert says in json.loads(refused.value.body)["message"]
