"""`qwp logs`: which logs there are, and how their lines are written."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from queueworkers.cli import qwp
from queueworkers.cli.logs import Run, Scribe, Wanted, find_runs
from queueworkers.errors import QueueWorkersError
from unit.cli.seen_pools import ago

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")

FIRST = Run(namespace="shop", pod="orders-workers-765dfd9fd4-4mxdz", container_id="containerd://1")
SECOND = Run(namespace="shop", pod="orders-workers-765dfd9fd4-m9t27", container_id="containerd://2")

JOB = r"App\Jobs\ShipOrder"
WRITTEN = (
    (FIRST, [rf"[2026-11-23 09:29:56][fkv6gfwDoltKRz0l] Processing: {JOB}".encode()]),
    (SECOND, [rf"[2026-11-23 09:29:56][j68mbVKpJyi3kICz] Processing: {JOB}".encode()]),
    (
        FIRST,
        [
            rf"[2026-11-23 09:29:57][fkv6gfwDoltKRz0l] Processed:  {JOB}".encode(),
            rf"[2026-11-23 09:29:57][HkYGtxlsznCafyQ3] Processing: {JOB}".encode(),
        ],
    ),
)


def write(*, named: bool = True, coloured: bool = False, everywhere: bool = False) -> str:
    """Write what two workers print."""
    out = BytesIO()
    scribe = Scribe(out, named=named, coloured=coloured, everywhere=everywhere)
    for run, lines in WRITTEN:
        scribe.write(run, lines)
    return out.getvalue().decode()


def a_pod(
    name: str, age: int, *statuses: dict[str, Any], containers: tuple[str, ...] = ("worker",)
) -> dict[str, Any]:
    """Make a pod that is so many seconds old."""
    return {
        "metadata": {"namespace": "shop", "name": name, "creationTimestamp": ago(age)},
        "spec": {"containers": [{"name": each} for each in containers]},
        "status": {"containerStatuses": list(statuses)},
    }


def runs(*pods: dict[str, Any], container: str = "worker", previous: bool = False) -> list[tuple[str, str]]:
    """Name the runs that are found."""
    return [(run.pod, run.container_id) for run in find_runs(pods, container, previous=previous)]


def test_each_line_has_its_pod() -> None:
    """As the page shows it."""
    written = write()

    assert written.strip() in PAGE
    assert [line.split()[0] for line in written.splitlines()] == [
        FIRST.pod,
        SECOND.pod,
        FIRST.pod,
        FIRST.pod,
    ]


def test_a_pod_has_its_colour_and_its_namespace() -> None:
    """Another colour than its neighbour, the same for all its lines, and not on the line itself."""
    coloured = write(coloured=True, everywhere=True).splitlines()

    fronts = [line.partition(" ")[0] for line in coloured]
    assert [click.unstyle(front) for front in fronts[:2]] == [f"shop/{FIRST.pod}", f"shop/{SECOND.pod}"]
    assert fronts[0] == fronts[2] == fronts[3]
    assert fronts[0].partition("shop")[0] != fronts[1].partition("shop")[0]
    assert [line.partition(" ")[2] for line in coloured] == write(named=False).splitlines()


def test_what_a_worker_prints_stays_as_it_is() -> None:
    """Colours of its own, bytes that are no text, and white space too."""
    out = BytesIO()
    Scribe(out, named=False, coloured=False, everywhere=False).write(
        FIRST, [b"\x1b[31mred\x1b[0m \xff  ", b""]
    )

    assert out.getvalue() == b"\x1b[31mred\x1b[0m \xff  \n\n"


def test_the_oldest_pod_is_first_and_what_never_ran_is_left_out() -> None:
    """A container has a log once it has run, be it over or not."""
    assert runs(
        a_pod("young", 10, {"name": "worker", "containerID": "c1"}),
        a_pod("waiting", 15, {"name": "worker", "state": {"waiting": {"reason": "ContainerCreating"}}}),
        a_pod("pending", 20),
        a_pod("old", 30, {"name": "worker", "containerID": "c2", "state": {"terminated": {"exitCode": 1}}}),
    ) == [("old", "c2"), ("young", "c1")]


def test_the_run_before_has_a_log_of_its_own() -> None:
    """Where there was one."""
    ended = {"terminated": {"exitCode": 255, "containerID": "c1"}}
    pods = (
        a_pod("w-1", 30, {"name": "worker", "containerID": "c2", "lastState": ended}),
        a_pod("w-2", 20, {"name": "worker", "containerID": "c3", "lastState": {}}),
    )

    assert runs(*pods, previous=True) == [("w-1", "c1")]
    assert runs(*pods) == [("w-1", "c2"), ("w-2", "c3")]


def test_a_container_that_no_worker_has_is_refused() -> None:
    """With the names of those that there are; where there is no pod, nobody knows them."""
    both = ("worker", "proxy")
    pods = (
        a_pod(
            "w-1",
            30,
            {"name": "worker", "containerID": "c1"},
            {"name": "proxy", "containerID": "c2"},
            containers=both,
        ),
        a_pod("w-2", 20, {"name": "worker", "containerID": "c3"}),
    )

    assert runs(*pods, container="proxy") == [("w-1", "c2")]
    with pytest.raises(QueueWorkersError, match='no worker has a container "php"; they have: worker, proxy'):
        runs(*pods, container="php")
    assert runs(container="php") == []


def test_what_came_later_is_asked_for_as_a_whole() -> None:
    """How far back to go is about what was there before."""
    wanted = Wanted(container="worker", previous=False, timestamps=True, tail_lines=5, since_seconds=600.0)

    later = {"container": "worker", "follow": "true", "timestamps": "true"}
    assert wanted.query_whole(follow=True) == later
    assert wanted.query(follow=True) == {**later, "tailLines": "5", "sinceSeconds": "600"}


def test_flags_that_exclude_each_other_are_refused() -> None:
    """Before any cluster is asked."""
    answer = CliRunner().invoke(qwp, ["logs", "orders", "-f", "-p"])

    assert answer.exit_code == 2
    assert "-p is about runs that have ended, -f about those to come" in answer.output
