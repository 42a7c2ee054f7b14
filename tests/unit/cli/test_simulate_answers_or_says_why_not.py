"""`qwp simulate`, from its arguments to what is on the screen."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queueworkers.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path("docs/simulate.md").read_text(encoding="utf-8")

POOL = """
apiVersion: queueworkers.io/v1alpha1
kind: QueueWorkerPool
metadata: {name: shop}
spec:
  framework: Laravel
  image: registry.example/shop:1
  queues: [high, default]
  redis: {host: redis}
  scaling: {minReplicas: 0, maxReplicas: 20, waitSeconds: 30}
"""

TRACE = "time,queue,seconds,count\n0,default,1.5,40\n20,high,0.5,5\n"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run it on a pool and a trace, and return its status and what it wrote."""

    def run_it(*arguments: str, pool: str = POOL, trace: str = TRACE) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "pool.yaml").write_text(pool)
        (tmp_path / "trace.csv").write_text(trace)
        monkeypatch.setattr(sys, "argv", ["qwp", "simulate", "pool.yaml", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return run_it


def test_the_page_shows_what_is_written(run: Callable[..., tuple[int, str, str]]) -> None:
    """The command on it, given the pool on it, to the letter."""
    pool = re.search(r"```yaml pool.yaml\n(.*?)```", PAGE, re.DOTALL)
    shown = re.search(r"\$ qwp simulate pool.yaml ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
    assert pool
    assert shown

    assert run(*shlex.split(shown[1]), pool=pool[1]) == (0, shown[2], "")


def test_a_trace_is_answered_with_a_table_and_a_chart(run: Callable[..., tuple[int, str, str]]) -> None:
    """One row for each policy, the bound, and their backlogs and workers over time."""
    status, out, err = run("--arrivals", "trace.csv")
    assert (status, err) == (0, "")
    assert out.startswith("45 jobs of 1.4 s on average, from 2026-01-05 00:00\n\npolicy")
    rows = out.split("\n\n")[1].splitlines()
    assert [row.split()[0] for row in rows[1:]] == [
        "operator",
        "keda-30s",
        "keda-1s",
        "keda-default",
        "horizon-time",
        "horizon-size",
        "fixed-peak",
        "fixed-mean",
        "optimum",
    ]
    assert "backlog, 40 at most" in out


def test_a_program_gets_numbers(run: Callable[..., tuple[int, str, str]]) -> None:
    """JSON with the units in the names; the operator starts its workers at once, and they wait for a boot only."""
    status, out, _ = run("--arrivals", "trace.csv", "-o", "json", "--policies", "operator,fixed-mean,optimum")
    answer = json.loads(out)
    assert status == 0
    assert answer["jobs"] == 45
    operator, fixed, optimum = answer["policies"]
    assert operator["policy"] == "operator"
    assert 1 <= operator["waitSeconds"]["p50"] <= operator["waitSeconds"]["max"] <= 30
    assert operator["jobsNotStarted"] == fixed["jobsCut"] == 0
    assert 0 < optimum["workerHours"] < operator["workerHours"]


def test_the_same_seed_answers_the_same(run: Callable[..., tuple[int, str, str]]) -> None:
    """Run twice, it says the same; with another seed it does not."""
    arguments = ("--scenario", "delayed-batches", "--policies", "operator", "-o", "json")
    assert run(*arguments) == run(*arguments)
    assert run(*arguments) != run(*arguments, "--seed", "2")


@pytest.mark.parametrize(("name", "begins"), [("wave.svg", b"<svg "), ("wave.PNG", b"\x89PNG")])
def test_a_picture_is_drawn(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, name: str, begins: bytes
) -> None:
    """SVG or PNG, by its name."""
    status, _, _ = run("--arrivals", "trace.csv", "--policies", "operator,keda-1s", "--picture", name)
    assert status == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say what comes, once: --arrivals TRACE.csv, or --scenario NAME."),
        (("--arrivals", "trace.csv", "--scenario", "steady"), "Say what comes, once"),
        (("--scenario", "list"), "burst-from-zero  Nothing, then 500 jobs at once"),
        (("--arrivals", "no.csv"), "File 'no.csv' does not exist"),
        (("--scenario", "steady", "--policies", "best"), "best: the policies are operator, keda-30s"),
        (("--scenario", "steady", "--boot-seconds", "-1"), "-1.0 is not in the range"),
    ],
)
def test_wrong_arguments_are_told(
    run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], sentence: str
) -> None:
    """Status 2, and what would be right."""
    status, _, err = run(*arguments)
    assert status == 2
    assert sentence in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--picture", "wave.jpg"), "qwp: wave.jpg: the name of a picture ends in .svg or .png"),
        (("--picture", "none/wave.svg"), "qwp: none/wave.svg: No such file or directory"),
        (("--pool-name", "mail"), "qwp: no QueueWorkerPool is called mail; there is shop"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], sentence: str
) -> None:
    """Status 1, and a sentence instead of a trace of calls."""
    status, _, err = run("--arrivals", "trace.csv", "--policies", "fixed-mean", *arguments)
    assert status == 1
    assert err.strip() == sentence


def test_a_bad_line_is_told(run: Callable[..., tuple[int, str, str]]) -> None:
    """The line's number and what it should be."""
    status, _, err = run("--arrivals", "trace.csv", trace="time,queue,seconds\n1,default,much\n")
    assert status == 1
    assert err.strip() == "qwp: line 2: seconds must be seconds, 0 or more, and is 'much'"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        pytest.param(
            "waitSeconds: 30",
            "waitSecond: 30",
            "qwp: spec.scaling.waitSecond: extra inputs are not permitted.",
            id="unknown-field",
        ),
        pytest.param(
            "minReplicas: 0",
            "minReplicas: 21",
            "qwp: spec.scaling.minReplicas: minReplicas (21) must not be above maxReplicas (20): "
            "lower minReplicas or raise maxReplicas.",
            id="bounds",
        ),
        pytest.param(
            "waitSeconds: 30",
            "waitSeconds: 30, backlogPerWorker: 5",
            "qwp: spec.scaling.backlogPerWorker: backlogPerWorker and waitSeconds are two targets, of which a pool "
            "has one: remove backlogPerWorker or waitSeconds.",
            id="two-targets",
        ),
        pytest.param(
            "maxReplicas: 20",
            "maxReplicas: 20, maxConcurrent: 20",
            "qwp: spec.scaling.maxConcurrent: maxConcurrent (20) must be above maxReplicas (20), as a worker is only "
            "replaced when its successor works: raise maxConcurrent or lower maxReplicas.",
            id="no-room",
        ),
        pytest.param(
            "maxReplicas: 20",
            "maxReplicas: 20, queueWaits: [{queue: mail, waitSeconds: 5}]",
            "qwp: spec.scaling.queueWaits: queueWaits names a queue that the pool does not serve: name one of queues, "
            "as it is spelled there.",
            id="foreign-queue",
        ),
        pytest.param(
            "maxReplicas: 20",
            "maxReplicas: 20, replicas: 3",
            "qwp: spec.scaling.replicas decides, and not the backlog: remove it, and mode Manual; the policies "
            "fixed-mean and fixed-peak show what a fixed number would have done.",
            id="pinned",
        ),
        pytest.param(
            "redis: {host: redis}",
            "redis: {host: redis}\n  suspend: true",
            "qwp: spec.suspend is true, so there are no workers whatever comes: set it to false.",
            id="suspended",
        ),
        pytest.param("kind: QueueWorkerPool", "kind: Deployment", "none is", id="no-pool"),
        pytest.param("framework: Laravel", "framework: [", "qwp: this is not YAML", id="no-yaml"),
    ],
)
def test_a_pool_that_the_api_server_would_refuse_is_refused(
    run: Callable[..., tuple[int, str, str]], old: str, new: str, sentence: str
) -> None:
    """With the same sentence; and a pool whose backlog decides nothing with one of its own."""
    status, _, err = run("--arrivals", "trace.csv", pool=POOL.replace(old, new))
    assert status == 1
    assert sentence in err


def test_without_the_extra_it_says_what_to_install(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's image has no scipy, and no need for it."""
    monkeypatch.setitem(sys.modules, "scipy", None)
    status, _, err = run("--scenario", "steady")
    assert status == 1
    assert err.strip() == (
        "qwp: a simulation needs scipy, which is not installed: in a checkout, pip install '.[simulate]'"
    )
