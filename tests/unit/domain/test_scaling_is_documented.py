"""The page "How many workers, and why" shows what the operator says, and its sums are the operator's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.cli.access import see
from queueworkers.cli.explain import spell_decision
from queueworkers.domain.backlog import Tally, Wait
from queueworkers.domain.demand import staff
from queueworkers.domain.learning import Arrivals, Learned, QueueFlow
from queueworkers.domain.report import report
from queueworkers.domain.scaling import Limiter
from unit.domain.given import (
    NOON,
    POOL,
    a_backlog,
    a_pod,
    a_queue,
    a_situation,
    ago,
    some_workers,
    watched,
)

PAGE = (Path(__file__).parents[3] / "docs" / "scaling.md").read_text(encoding="utf-8")


def test_the_example_is_what_the_command_prints() -> None:
    """412 jobs of 1.2 s for six workers that are all busy, two seconds after they came."""
    tally = Tally(since=ago(900), arrived=1000, taken=588, gaps=0)
    queue = a_queue(ready=412, reserved=6, tally=tally)
    learned = Learned(
        read_at=ago(1),
        boots=(4.1,),
        flows=(
            QueueFlow(
                last=queue,
                arrivals=(Arrivals(ago(2), 412),),
                worked_seconds=120.0,
                ended=100.0,
                quick_load=4.3,
                slow_load=3.5,
            ),
        ),
    )
    pods = tuple(a_pod(f"w-{number}") for number in range(6))
    situation = a_situation(
        a_backlog(ready=412, reserved=6, tally=tally, oldest=Wait(ago(2))),
        some_workers(6, pods=pods),
        history=watched(learned=learned),
        scaling={"waitSeconds": 30, "maxReplicas": 15, "minReplicas": 0},
    )
    status = report(POOL, situation, generation=1, previous=QueueWorkerPoolStatus(), now=NOON)

    pool = see({"metadata": {"namespace": "shop", "name": "orders"}, "status": status.to_wire()})
    printed = "\n".join(spell_decision(pool))

    assert printed in PAGE


@pytest.mark.parametrize(
    ("wait_seconds", "workers"), [pytest.param(30, 11, id="patient"), pytest.param(1, 14, id="hasty")]
)
def test_the_sum_for_what_arrives_is_right(wait_seconds: int, workers: int) -> None:
    """5 jobs a second of 2 s keep 10 workers busy; the sum for what waits is among those of the demand."""
    assert staff(10.0, job_seconds=2.0, wait_seconds=wait_seconds) == workers
    assert f"{workers}" in PAGE


def test_every_limit_is_explained() -> None:
    """As the status spells it."""
    explained = set(re.findall(r"`([A-Z][A-Za-z]+)`", PAGE))
    assert {limit.value for limit in Limiter if limit is not Limiter.NONE} <= explained
