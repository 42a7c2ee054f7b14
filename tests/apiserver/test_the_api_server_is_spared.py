"""What the operator asks of the API server, when there is very much to do or the API server has no room."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import push, quick_pool
from harness.audit import Audit
from harness.operator_process import NAMESPACE, SERVICE_ACCOUNT, USER, OperatorProcess
from harness.pools import Namespace, pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.audit import Request
    from harness.cluster import Cluster
    from harness.redis import RedisServer

POOLS = 60
WRITES_PER_SECOND = 10

REACTION_SECONDS = 4.0
"""A second until the backlog is read, and the rest for a machine of two cores with an API server on it."""

HEARD_SECONDS = 1.5
"""So long after it was sent, a 429 has been heard by everybody in the operator, however busy that is."""

SILENT_SECONDS = 0.8
"""For so long nothing is received where nothing was sent for a second."""

ROOM = "operator-without-room"


def moment(text: str) -> float:
    """Read a time of the audit log, in seconds since 1970."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


@pytest.fixture
def no_room(installed: Cluster) -> Iterator[None]:
    """Have the API server answer 429 to what the operator asks beyond one request at a time."""
    level = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": ROOM},
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": 1,
                "borrowingLimitPercent": 0,
                "limitResponse": {"type": "Reject"},
            },
        },
    }
    schema = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": ROOM},
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": {"name": ROOM},
            "rules": [
                {
                    "subjects": [
                        {
                            "kind": "ServiceAccount",
                            "serviceAccount": {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
                        }
                    ],
                    "resourceRules": [
                        {
                            "verbs": ["create", "patch", "get"],
                            "apiGroups": ["*"],
                            "resources": ["*"],
                            "namespaces": ["*"],
                        }
                    ],
                }
            ],
        },
    }
    objects = {"apiVersion": "v1", "kind": "List", "items": [level, schema]}
    installed.run_kubectl("apply", "--filename=-", input=json.dumps(objects))
    time.sleep(2)  # the API server takes it up within a second
    yield
    installed.run_kubectl("delete", "flowschema", ROOM)
    installed.run_kubectl("delete", "prioritylevelconfiguration", ROOM)


def of_the_operator(requests: Sequence[Request]) -> list[Request]:
    """Leave out the watches, which another client makes."""
    return [each for each in requests if each.agent.startswith("queue-worker-operator/")]


@pytest.mark.usefixtures("no_room")
def test_a_429_is_heeded_by_all_and_everything_is_done(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """An API server with room for very little answers 429; nothing is asked for a second, and all pools get their workers."""
    audit = Audit(installed, USER)
    names = [f"pool-{number}" for number in range(40)]
    namespace.apply(*(pool(name, quick_pool(redis, scaling={"minReplicas": 1})) for name in names))
    with OperatorProcess(installed):
        for name in names:
            namespace.wait_for_replicas(name, 1)
        namespace.wait(
            "all pools are told of",
            lambda: all(each.get("status") for each in namespace.list_all("qwp")),
        )
    asked = of_the_operator(audit.requests())
    refused = [each for each in asked if each.status == 429]
    print(f"{len(refused)} of {len(asked)} requests were refused")
    assert refused
    received = [*sorted(moment(each.received_at) for each in asked), inf]
    silences = [(begin, end) for begin, end in pairwise(received) if end - begin > SILENT_SECONDS]
    for refusal in refused:
        refused_at = moment(refusal.answered_at)
        assert any(end > refused_at and begin < refused_at + HEARD_SECONDS for begin, end in silences), (
            refusal
        )


def test_a_number_of_workers_does_not_wait_for_many_new_pools(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """While very many new pools wait for their turn to be written, jobs in another one find workers at once."""
    quiet = {**quick_pool(redis, scaling={"minReplicas": 1}), "queues": ["nothing"]}
    with OperatorProcess(installed):
        namespace.apply_pool("busy", quick_pool(redis, scaling={"minReplicas": 1, "backlogPerWorker": 5}))
        namespace.wait_for_reason("busy", "Complete", kind="Progressing")
    namespace.apply(*(pool(f"new-{number}", quiet) for number in range(POOLS)))
    audit = Audit(installed, USER)
    with OperatorProcess(installed, f"--writes-per-second={WRITES_PER_SECOND}"):
        namespace.wait("the first of them are made", lambda: len(namespace.list_all("deployments")) > 10)
        push(redis, 50)
        pushed_at = time.time()
        namespace.wait_for_replicas("busy", 10)
        there = len(namespace.list_all("deployments")) - 1
        namespace.wait(
            "all of them have workers",
            lambda: len(namespace.list_all("deployments")) == POOLS + 1,
            timeout_seconds=120,
        )
    written = [each for each in of_the_operator(audit.requests()) if each.writes]
    patches = [
        moment(each.answered_at) - pushed_at
        for each in written
        if (each.resource, each.name) == ("deployments", "busy-workers")
    ]
    moments = [moment(each.answered_at) for each in written]
    seconds = max(moments) - min(moments)
    print(
        f"patched after {patches} s, with {there} of {POOLS} made; {len(written)} writes in {seconds:.0f} s"
    )
    assert there < POOLS * 0.8, "the others were done before: this shows nothing"
    assert patches[0] < REACTION_SECONDS
    assert len(written) <= (seconds + 2) * WRITES_PER_SECOND
