"""`qwp logs` against a real kubelet: every line of every worker, and of those that come later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from harness.terminal import run_qwp, start_qwp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cluster.shop import Shop
    from harness.pools import Namespace

pytestmark = pytest.mark.usefixtures("operator")


def logs_by_kubectl(namespace: Namespace, *flags: str) -> Counter[str]:
    """Read the lines of all workers with kubectl, each with its pod in front."""
    return Counter(
        f"{name} {line}"
        for name in names_of_pods(namespace)
        for line in namespace.kubectl("logs", name, "--container=worker", *flags).splitlines()
    )


def names_of_pods(namespace: Namespace) -> Sequence[str]:
    """Name the pods of the pool."""
    return [pod["metadata"]["name"] for pod in namespace.pods(POOL)]


def without(pods: Sequence[str], lines: Iterable[str]) -> Counter[str]:
    """Leave out the lines of some pods."""
    return Counter(line.rstrip() for line in lines if line.split()[0] not in pods)


def scale(shop: Shop, replicas: int) -> None:
    """Have so many workers, and wait until they work."""
    shop.namespace.kubectl("scale", f"qwp/{POOL}", f"--replicas={replicas}")
    shop.namespace.wait(
        f"{replicas} workers work",
        lambda: shop.namespace.status(POOL).get("workers", {}).get("working") == replicas,
        timeout_seconds=90,
    )


def start_pool(shop: Shop, *, replicas: int, **more: object) -> None:
    """Have a pool with so many workers at work."""
    shop.namespace.apply_pool(POOL, shop.spec(scaling={"maxReplicas": 5}, **more))
    scale(shop, replicas)


@contextmanager
def following(namespace: Namespace, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Follow logs meanwhile; the lines come into the list."""
    lines: list[str] = []
    with start_qwp(namespace, "logs", "-f", *arguments) as running:
        reader = threading.Thread(target=lambda: lines.extend(running.stdout or ()))
        reader.start()
        try:
            yield running, lines
        finally:
            running.kill()
            reader.join()


def test_the_logs_of_all_workers_are_written(shop: Shop) -> None:
    """The same lines that kubectl reads pod by pod; of --tail so many for each."""
    namespace = shop.namespace
    start_pool(shop, replicas=2)
    jobs = shop.push(6, milliseconds=300)
    shop.wait_for_jobs("end", len(jobs))

    code, written, complained = run_qwp(namespace, "logs", POOL, "--tail=-1")

    assert (code, complained) == (0, "")
    assert Counter(written.splitlines()) == logs_by_kubectl(namespace)
    assert {line.split()[0] for line in written.splitlines()} == set(names_of_pods(namespace))
    assert sum("Processed" in line for line in written.splitlines()) == len(jobs)

    newest = run_qwp(namespace, "logs", POOL, "--tail=1")[1]
    assert Counter(newest.splitlines()) == logs_by_kubectl(namespace, "--tail=1")

    bare = run_qwp(namespace, "logs", POOL, "--no-prefix", "--timestamps", "--since=1h")[1]
    assert Counter(bare.splitlines()) == Counter(
        line.partition(" ")[2] for line in logs_by_kubectl(namespace, "--timestamps", "--tail=10").elements()
    )

    code, _, complained = run_qwp(namespace, "logs", POOL, "-c", "php")
    assert (code, complained) == (1, 'qwp: no worker has a container "php"; they have: worker\n')


def test_workers_that_come_later_are_followed(shop: Shop) -> None:
    """From their first line on, until Ctrl-C, which ends it without a word."""
    namespace = shop.namespace
    start_pool(shop, replicas=1)
    first = names_of_pods(namespace)

    # --tail is about lines that were there before; of later workers none may be missing.
    with following(namespace, POOL, "--tail=0") as (running, lines):
        jobs = shop.push(40, milliseconds=500)
        namespace.wait("it follows the first one", lambda: bool(lines))
        scale(shop, 3)
        shop.wait_for_jobs("end", len(jobs))
        namespace.wait(
            "all that later workers print is written",
            lambda: without(first, lines) == without(first, logs_by_kubectl(namespace).elements()),
        )
        assert len({line.split()[0] for line in without(first, lines)}) == 2
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=10) == 130
        assert running.stderr
        assert running.stderr.read() == ""


def test_a_crash_is_followed_into_the_next_run(shop: Shop) -> None:
    """The container's next run is another log, and -p is the one before."""
    namespace = shop.namespace
    start_pool(shop, replicas=1, timeout=2, tries=9, retryAfter=600)
    (pod,) = names_of_pods(namespace)

    with following(namespace, POOL) as (_, lines):
        shop.push(1, milliseconds=60_000)
        namespace.wait(
            "the container was started anew",
            lambda: namespace.pods(POOL)[0]["status"]["containerStatuses"][0]["restartCount"] == 1,
            timeout_seconds=60,
        )
        before = run_qwp(namespace, "logs", POOL, "-p", "--tail=-1")[1]
        assert Counter(before.splitlines()) == logs_by_kubectl(namespace, "--previous")
        assert "Processing" in before
        shop.push(1, ids="after")
        shop.wait_for_jobs("end", 1)
        namespace.wait("the next run is followed", lambda: any("Processed" in line for line in lines))
        assert {line.split()[0] for line in lines} == {pod}


def test_nobody_reads_any_more(shop: Shop) -> None:
    """It ends although no worker prints a line, as a program does that the signal ends."""
    namespace = shop.namespace
    start_pool(shop, replicas=1)
    shop.push(1)
    shop.wait_for_jobs("end", 1)
    command = f"{sys.executable} -m queueworkers.cli logs -f {POOL} -n {namespace.name} | head -n 1"

    ended = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        env={**os.environ, "KUBECONFIG": str(namespace.cluster.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert len(ended.stdout.splitlines()) == 1
    assert (ended.returncode, ended.stderr) == (141, "")
