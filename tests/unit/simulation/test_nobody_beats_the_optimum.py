"""The bound is one: known answers, and no policy that keeps the target pays less."""

from __future__ import annotations

import numpy as np
import pytest

from queueworkers.simulation.optimum import Optimum, find_optimum
from queueworkers.simulation.policies.clairvoyant import plan, run_clairvoyant
from queueworkers.simulation.policies.fixed import Fixed
from queueworkers.simulation.simulator import AFTERWARDS_SECONDS, simulate
from queueworkers.simulation.teams import Circumstances
from unit.simulation.given import Scripted, a_trace, jobs

CALM = Circumstances(boot_seconds=5.0, boot_spread=0.0, sleep_seconds=0.0)


def test_what_is_steady_takes_its_own_work() -> None:
    """Two jobs a second of 3 s each for 1,000 s are 6,000 worker-seconds, and a boot for each of some six workers."""
    optimum = find_optimum(
        a_trace(jobs(np.arange(0, 1000, 0.5), 3.0), lasts=1000), CALM, waits=[10.0], minimum=0, maximum=50
    )
    assert optimum is not None
    assert optimum.worker_seconds == pytest.approx(6_000 + 6 * 5.0, rel=0.01)


def test_a_burst_takes_its_work_and_its_boots() -> None:
    """
    600 jobs of 1 s within 10 s.

    The last of them may begin after 10 s, so some 55 workers are needed (they
    do 600 seconds' worth in 11 s), and each boots for 5 s.
    """
    optimum = find_optimum(
        a_trace(jobs([500.0] * 600, 1.0), lasts=1000), CALM, waits=[10.0], minimum=0, maximum=500
    )
    assert optimum is not None
    least = 600 + 5.0 * 600 / 11.0
    assert 0.8 * least <= optimum.worker_seconds <= least * 1.001


def test_the_least_number_of_workers_is_paid_for() -> None:
    """With nothing to do it is the minimum, for the whole time."""
    optimum = find_optimum(a_trace(jobs([1.0], 0.1), lasts=100), CALM, waits=[10.0], minimum=3, maximum=5)
    assert optimum is not None
    assert optimum.worker_seconds == pytest.approx(3 * (100 + AFTERWARDS_SECONDS), rel=0.001)


def test_too_few_workers_cannot_keep_the_target() -> None:
    """Ten workers do not begin 600 jobs of a second within ten."""
    trace = a_trace(jobs([500.0] * 600, 1.0), lasts=1000)
    assert find_optimum(trace, CALM, waits=[10.0], minimum=0, maximum=10) is None


def test_who_cannot_boot_must_be_there_before() -> None:
    """While nobody comes up, workers for what comes then are paid for from before."""
    trace = a_trace(jobs([900.0] * 300, 1.0), lasts=1000)
    failing = Circumstances(boot_seconds=5.0, boot_spread=0.0, failing=((300.0, 1000.0),))
    free = find_optimum(trace, CALM, waits=[30.0], minimum=0, maximum=100)
    bound = find_optimum(trace, failing, waits=[30.0], minimum=0, maximum=100)
    assert free is not None
    assert bound is not None
    assert bound.worker_seconds > 10 * free.worker_seconds


@pytest.mark.parametrize("seed", range(6))
def test_nobody_who_keeps_the_target_pays_less(seed: int) -> None:
    """Fixed numbers and numbers that change as somebody knows beforehand, on random jobs with pauses."""
    random = np.random.default_rng(seed)
    at = np.sort(np.concatenate([random.uniform(100, 200, 400), random.uniform(600, 620, 200)]))
    trace = a_trace(jobs(at, random.exponential(1.5, 600)), lasts=800)
    tried = 0
    for workers in (4, 8, 12, 20, 40):
        policies = (
            Fixed(workers),
            Scripted((95.0, workers), (260.0, 0), (595.0, 2 * workers), (680.0, 0)),
        )
        for policy in policies:
            outcome = simulate(trace, policy, CALM)
            longest = max(outcome.wait_percentile(100), 0.5)
            bound = find_optimum(trace, CALM, waits=[longest], minimum=0, maximum=200)
            assert bound is not None
            assert bound.worker_seconds <= outcome.worker_seconds
            tried += 1
    assert tried == 10


def test_a_clairvoyant_comes_near_the_bound() -> None:
    """With whole workers and boots that differ, knowing all jobs before is enough to come within a fifth of it."""
    random = np.random.default_rng(1)
    at = np.sort(random.uniform(100, 1000, 4_000))
    trace = a_trace(jobs(at, random.exponential(1.5, 4_000)), lasts=1000)
    circumstances = Circumstances(boot_seconds=5.0)
    bound = find_optimum(trace, circumstances, waits=[20.0], minimum=0, maximum=200)
    assert bound is not None
    reached = run_clairvoyant(trace, circumstances, bound)
    assert reached is not None
    assert reached.wait_percentile(95) <= 20.0
    assert bound.worker_seconds <= reached.worker_seconds <= 1.2 * bound.worker_seconds


def test_a_plan_asks_a_boot_earlier() -> None:
    """Two workers from 20 s on, and half a one more from 40 s on: asked for 6.5 s before, in whole slots."""
    bound = Optimum(
        worker_seconds=1.0,
        wait_seconds=30.0,
        slot_seconds=2.0,
        workers=np.array([0.0] * 10 + [2.0] * 10 + [2.5] * 5 + [0.0] * 5),
    )
    assert plan(bound, boot_seconds=5.0, margin=0.0) == [(0.0, 0), (12.0, 2), (32.0, 3), (50.0, 0)]
    assert plan(bound, boot_seconds=5.0, margin=0.25)[1] == (12.0, 3)
