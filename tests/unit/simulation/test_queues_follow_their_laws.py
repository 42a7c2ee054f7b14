"""The simulation against closed forms: where mathematics knows the answer, it gives the same."""

from __future__ import annotations

from math import exp, factorial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from queueworkers.simulation.simulator import AFTERWARDS_SECONDS, simulate
from queueworkers.simulation.teams import Circumstances
from unit.simulation.given import AT_ONCE, Scripted, a_trace, jobs, with_fixed

if TYPE_CHECKING:
    from queueworkers.simulation.teams import Team


def erlang_c(load: float, workers: int) -> float:
    """How likely a job has to wait (A. K. Erlang, 1917)."""
    busy = load**workers / factorial(workers) * workers / (workers - load)
    return busy / (sum(load**k / factorial(k) for k in range(workers)) + busy)


@pytest.mark.parametrize(("workers", "load"), [(1, 0.5), (4, 3.0), (12, 10.0)])
def test_random_jobs_wait_as_erlang_says(workers: int, load: float) -> None:
    """Poisson arrivals and exponential jobs: the mean wait and the share that waits are Erlang's, within 6 %."""
    random = np.random.default_rng(7)
    count = 400_000
    at = np.cumsum(random.exponential(1.0 / load, count))
    outcome = with_fixed(workers, a_trace(jobs(at, random.exponential(1.0, count)), lasts=float(at[-1])))
    has_to_wait = erlang_c(load, workers)
    assert np.mean(outcome.waits) == pytest.approx(has_to_wait / (workers - load), rel=0.06)
    assert np.mean(outcome.waits > 0) == pytest.approx(has_to_wait, rel=0.06)
    longer = has_to_wait * exp(-(workers - load) * 0.5)
    assert np.mean(outcome.waits > 0.5) == pytest.approx(longer, rel=0.06)


def test_regular_jobs_wait_by_turns() -> None:
    """One job a second of three seconds each and two workers: the queue grows by one third of what comes."""
    outcome = with_fixed(2, a_trace(jobs(range(300), 3.0), lasts=300))
    assert outcome.waits[:6].tolist() == pytest.approx([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])
    assert outcome.waits[-1] == pytest.approx(149.0)


def test_a_burst_is_done_in_rounds() -> None:
    """Ten jobs at once, four workers, two seconds each: four begin at once, four after 2 s, two after 4 s."""
    outcome = with_fixed(4, a_trace(jobs([5.0] * 10, 2.0), lasts=10))
    assert sorted(outcome.waits.tolist()) == pytest.approx([0.0] * 4 + [2.0] * 4 + [4.0] * 2)
    assert outcome.wait_percentile(50) == pytest.approx(2.0)
    assert outcome.wait_percentile(100) == pytest.approx(4.0)


def test_an_urgent_queue_goes_first() -> None:
    """One worker: what waits in the first queue begins before what has been waiting longer in the second."""
    trace = a_trace(jobs([2.0, 2.0], 1.0, queue="high"), jobs([0.0, 0.5], 3.0, queue="low"), lasts=10)
    outcome = with_fixed(1, trace)
    assert outcome.waits.tolist() == pytest.approx([1.0, 2.0, 0.0, 4.5])


def test_an_idle_worker_finds_a_job_when_it_asks_again() -> None:
    """A worker that found nothing at 0 s and sleeps 3 s finds a job of 4 s at 6 s."""
    outcome = with_fixed(1, a_trace(jobs([4.0], 1.0), lasts=10), Circumstances(sleep_seconds=3.0))
    assert outcome.waits.tolist() == pytest.approx([2.0])


def test_worker_hours_add_up() -> None:
    """A boot, work, idleness and the end of the last job are all paid for."""
    policy = Scripted((10.0, 2), (50.0, 0))
    circumstances = Circumstances(boot_seconds=5.0, boot_spread=0.0, sleep_seconds=0.0)
    outcome = simulate(a_trace(jobs([0.0, 48.0], 4.0), lasts=100), policy, circumstances)
    assert outcome.waits.tolist() == pytest.approx([15.0, 0.0])
    assert outcome.worker_seconds == pytest.approx(40.0 + 42.0)  # the busy one leaves at 52 s
    assert outcome.changes == ((10.0, 2), (50.0, 0))


def test_a_worker_that_outlasts_the_simulation_is_paid_until_its_end() -> None:
    """Asked to leave in the middle of a job of two hours: what comes after the end is nobody's cost."""
    policy = Scripted((50.0, 0), begin=1)
    outcome = simulate(a_trace(jobs([0.0], 7_200.0), lasts=100), policy, AT_ONCE)
    assert outcome.worker_seconds == pytest.approx(100 + AFTERWARDS_SECONDS)
    assert outcome.worked_seconds == pytest.approx(100 + AFTERWARDS_SECONDS)


def test_a_fixed_number_is_paid_for_all_the_time() -> None:
    """Three workers for the whole time, whether there is anything to do or not."""
    outcome = with_fixed(3, a_trace(jobs([1.0], 1.0), lasts=100))
    assert outcome.worker_seconds == pytest.approx(3 * (100 + AFTERWARDS_SECONDS))


def test_every_job_begins_once_whatever_happens() -> None:
    """With crashes, kills and changing numbers of workers: nothing is lost, and what was cut runs again."""
    random = np.random.default_rng(3)
    at = np.sort(random.uniform(0, 600, 2_000))
    steps = [(float(t), int(n)) for t, n in zip(range(0, 700, 7), random.integers(0, 12, 100), strict=True)]
    policy = Scripted(*steps, (700.0, 10), idle_first=False, grace=1.0)
    circumstances = Circumstances(crash_share=0.02, seed=5)
    outcome = simulate(a_trace(jobs(at, random.exponential(2.0, 2_000)), lasts=1_500), policy, circumstances)
    assert outcome.not_started == 0
    assert outcome.jobs_cut > 40
    assert (outcome.waits >= 0).all()


def test_a_killed_job_comes_back_when_its_claim_expires() -> None:
    """A job of 60 s is cut off after the grace period, and runs again 90 s after it was taken."""
    started: list[float] = []

    def watch(now: float, team: Team) -> None:
        if team.busy(now) and (not started or now - started[-1] > 60):
            started.append(now)

    policy = Scripted((10.0, 0), (20.0, 1), begin=1, grace=5.0)
    policy.watch = watch
    outcome = simulate(a_trace(jobs([0.0], 60.0), lasts=300), policy, AT_ONCE)
    assert outcome.jobs_cut == 1
    assert started == [1.0, 91.0]


def test_a_job_that_nobody_takes_waits_until_the_end() -> None:
    """Without workers the wait is not forgotten but counted, and so is the job."""
    outcome = with_fixed(0, a_trace(jobs([10.0], 1.0), lasts=100))
    assert outcome.not_started == 1
    assert outcome.waits.tolist() == pytest.approx([100 + AFTERWARDS_SECONDS - 10])


def test_due_jobs_are_not_in_the_list_before_a_worker_asks() -> None:
    """A delayed job waits from the moment it falls due, and only a worker that asks moves it."""
    seen: dict[float, tuple[int, int, int]] = {}

    def watch(now: float, team: Team) -> None:
        (line,) = team.lines
        seen[now] = line.delayed(now), line.due(now, asked_at=team.asked_at(now)), line.waiting(now)

    policy = Scripted((40.0, 1))
    policy.watch = watch
    trace = a_trace(jobs([10.0, 10.0], 30.0, delay=20.0), lasts=60)
    outcome = simulate(trace, policy, Circumstances(boot_seconds=2.0, boot_spread=0.0))
    assert seen[5.0] == (0, 0, 0)
    assert seen[15.0] == (2, 0, 0)
    assert seen[35.0] == (0, 2, 2)
    assert seen[45.0] == (0, 0, 1)
    assert outcome.waits.tolist() == pytest.approx([12.0, 42.0])


def test_the_same_seed_gives_the_same_run() -> None:
    """Nothing is left to the moment at which it is run."""
    trace = a_trace(jobs(np.linspace(0, 500, 900), 2.0), lasts=500)

    def run(seed: int) -> list[float]:
        policy = Scripted((0.0, 5), (100.0, 2), (200.0, 6), idle_first=False)
        waits: list[float] = simulate(
            trace, policy, Circumstances(crash_share=0.01, seed=seed)
        ).waits.tolist()
        return waits

    assert run(1) == run(1)
    assert run(1) != run(2)
