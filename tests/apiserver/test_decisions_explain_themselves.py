"""Why a pool has as many workers as it has: in its status, in its Events and from a command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from math import ceil
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import push, quick_pool

if TYPE_CHECKING:
    from pathlib import Path

    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")

WAIT = {"waitSeconds": 30, "maxReplicas": 40}


def qwp(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, with the cluster's kubeconfig."""
    return subprocess.run(
        [sys.executable, "-m", "queueworkers.cli", *arguments],
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_wait_in_seconds_is_met_in_one_step(namespace: Namespace, redis: RedisServer) -> None:
    """
    Nothing is known of the jobs yet, so one is taken to last a second, and a boot five.

    300 of them within the 25 s that are left after a boot, each worker's last one begun at the
    end of it: 300 / 26, which is 12.  (Nobody takes them here, so it does not stay at that.)
    """
    namespace.apply_pool("orders", quick_pool(redis, scaling=WAIT))
    namespace.wait_for_reason("orders", "Idle")

    push(redis, 300)

    def scaled() -> list[str]:
        return [note for reason, note in namespace.events("orders") if reason == "ScaledUp"]

    namespace.wait("it scales", lambda: bool(scaled()))
    found = re.fullmatch(
        r"0→(\d+): 300 ready, oldest at least \ds, 300 jobs of 1s to begin within (\d+)s,"
        r" where a worker boots in 5s, ask for (\d+), max 40",
        scaled()[0],
    )
    assert found, scaled()
    workers, within, asked = map(int, found.groups())
    assert within > 20
    # What is left is told in whole seconds.
    assert ceil(300 / (within + 0.5 - 5 + 1)) <= workers == asked <= ceil(300 / (within - 0.5 - 5 + 1))


def test_the_command_tells_inputs_and_every_limit(namespace: Namespace, redis: RedisServer) -> None:
    """What it prints is what the status holds, whoever asks."""
    namespace.apply_pool("orders", quick_pool(redis, scaling={"maxReplicas": 3}))
    push(redis, 100)
    namespace.wait_for_reason("orders", "AtMaxReplicas")

    told = qwp(namespace.cluster, "explain", "orders", "-n", namespace.name)

    assert told.returncode == 0, told.stderr
    assert (
        "3 workers: 100 waiting and 0 in hand, at 10 per worker, ask for 10; maxReplicas allows 3."
        in told.stdout
    )
    assert [line.split() for line in told.stdout.splitlines()[-3:]] == [
        ["the", "backlog", "asks", "for", "10"],
        ["after", "Maximum", "3"],
        ["so", "3"],
    ]
    decision = json.loads(
        qwp(namespace.cluster, "explain", "orders", "-n", namespace.name, "-o", "json").stdout
    )
    assert decision == namespace.status("orders")["decision"]
    assert {"name": "waiting jobs", "value": "100"} in decision["inputs"]


def test_a_pool_that_is_not_there_is_named(namespace: Namespace) -> None:
    """And the command ends with an error."""
    told = qwp(namespace.cluster, "explain", "odrers", "-n", namespace.name)

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == f'qwp: there is no pool "odrers" in namespace "{namespace.name}"\n'


def test_a_file_serves_as_well_as_a_cluster(namespace: Namespace, redis: RedisServer, tmp_path: Path) -> None:
    """For who may read the pool and nothing else, or has it from a colleague."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")
    (tmp_path / "pool.yaml").write_text(namespace.kubectl("get", "qwp", "orders", "-o", "yaml"))

    told = qwp(namespace.cluster, "explain", "-f", str(tmp_path / "pool.yaml"))

    assert "0 waiting and 0 in hand" in told.stdout


def test_a_pool_does_not_grow_into_a_failure(namespace: Namespace, redis: RedisServer) -> None:
    """Workers for which there is no node are asked for once; more of them would wait beside the first."""
    spec = quick_pool(redis, scaling={"backlogPerWorker": 1})
    spec["podTemplate"]["spec"]["nodeSelector"] = {"type": "of-which-there-is-none"}
    namespace.apply_pool("orders", spec)
    push(redis, 3)
    namespace.wait_for_reason("orders", "Unschedulable")

    push(redis, 20)
    namespace.wait("the jobs are seen", lambda: namespace.status("orders")["backlog"]["waiting"] == 23)

    status = namespace.status("orders")
    assert (status["recommendedReplicas"], status["desiredReplicas"]) == (23, 3)
    assert "none is added while orders-workers-" in status["explanation"]
    assert "is Unschedulable" in status["explanation"]
    assert namespace.deployment("orders")["spec"]["replicas"] == 3
