"""Who is compared is set up as the pool is, by what its own settings can say."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.simulation.lineup import find_pools_optimum, line_up
from queueworkers.simulation.simulator import Outcome, simulate
from queueworkers.simulation.teams import Circumstances
from unit.simulation.given import a_spec, a_trace, jobs

STUCK = Circumstances(boot_seconds=3_000.0, boot_spread=0.0)
"""Nobody comes up, so what is asked for is what the jobs that came ask for."""


def run(policy: str, *, waiting: int, seconds: float, **scaling: Any) -> Outcome:
    """What a policy asks for when so many jobs come at once, and nobody comes up."""
    trace = a_trace(jobs([50.0] * waiting, seconds), lasts=300)
    return simulate(trace, line_up(a_spec(**scaling), trace)[policy](), STUCK)


def most(outcome: Outcome) -> int:
    """The largest number that was asked for."""
    return max((replicas for _, replicas in outcome.changes), default=0)


@pytest.mark.parametrize(
    ("policy", "scaling", "expected"),
    [
        pytest.param("keda-1s", {}, 40, id="30-s-at-2-s-each-are-15-jobs-per-worker"),
        pytest.param("keda-1s", {"backlogPerWorker": 20}, 30, id="the-pools-own-jobs-per-worker"),
        pytest.param("keda-default", {}, 120, id="its-default-of-5"),
        pytest.param("keda-default", {"maxReplicas": 25}, 25, id="the-pools-maximum"),
        pytest.param("horizon-time", {"maxReplicas": 9}, 9, id="horizons-maximum-is-the-pools"),
    ],
)
def test_peers_are_set_up_as_the_pool(policy: str, scaling: dict[str, Any], expected: int) -> None:
    """600 jobs of 2 s."""
    assert most(run(policy, waiting=600, seconds=2.0, **scaling)) == expected


@pytest.mark.parametrize(
    ("policy", "workers"),
    [("fixed-peak", 20), ("fixed-mean", 2)],
)
def test_fixed_numbers_are_for_the_busiest_minute_or_the_mean(policy: str, workers: int) -> None:
    """600 jobs of 2 s within a minute keep 20 workers busy for it, and 2 for ten."""
    trace = a_trace(jobs([125.0 + number / 12 for number in range(600)], 2.0), lasts=600)
    outcome = simulate(trace, line_up(a_spec(), trace)[policy](), Circumstances())
    assert outcome.worker_seconds == pytest.approx(workers * outcome.lasted_seconds)


def test_the_bound_needs_a_target_in_time() -> None:
    """Without `waitSeconds` nobody said how long a job may wait; with a wait for each queue, each has its own."""
    trace = a_trace(jobs([50.0] * 100, 2.0, queue="high"), jobs([50.0] * 100, 2.0, queue="low"), lasts=300)
    queues = ("high", "low")

    def bound(**scaling: Any) -> float | None:
        optimum = find_pools_optimum(a_spec(queues, **scaling), trace, Circumstances())
        return optimum.worker_seconds if optimum else None

    assert bound(backlogPerWorker=5) is None
    patient, urgent = (
        bound(waitSeconds=60),
        bound(waitSeconds=60, queueWaits=[{"queue": "high", "waitSeconds": 2}]),
    )
    assert patient is not None
    assert urgent is not None
    assert patient < urgent
