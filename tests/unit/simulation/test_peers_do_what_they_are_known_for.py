"""The models of other systems against what was measured of the real ones, and what their documentation says."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from queueworkers.simulation.policies.horizon import Horizon, Strategy
from queueworkers.simulation.policies.keda import Keda, ScaledObject
from queueworkers.simulation.simulator import simulate
from queueworkers.simulation.teams import Circumstances
from unit.simulation.given import a_trace, jobs

if TYPE_CHECKING:
    from queueworkers.simulation.simulator import Outcome

STUCK = Circumstances(boot_seconds=3_000.0, boot_spread=0.0)
"""Nobody comes up, so that 500 jobs stay 500 jobs, as when it was measured."""

AT = 100.0


def ramp(poll_seconds: float, *, poll_phase: float, sync_phase: float) -> dict[int, float]:
    """Seconds from a burst of 500 jobs until each number of workers was asked for, at 10 jobs per worker."""
    scaled = ScaledObject(list_length=10, polling_interval_seconds=poll_seconds)
    keda = Keda(scaled, poll_phase=poll_phase, sync_phase=sync_phase)
    outcome = simulate(a_trace(jobs([AT] * 500, 1.0), lasts=600), keda, STUCK)
    return {replicas: at - AT for at, replicas in outcome.changes}


def phases(poll_seconds: float) -> list[float]:
    """When all 50 were asked for, over all moments at which the two loops may be."""
    return [
        ramp(poll_seconds, poll_phase=poll / 5, sync_phase=sync / 15)[50]
        for poll in range(5)
        for sync in range(15)
    ]


def test_keda_ramps_as_an_hpa_does() -> None:
    """From zero one worker, then 4, and twice as many in each sync up to the 50 that the backlog asks for."""
    asked = ramp(1.0, poll_phase=0.5, sync_phase=0.5)
    assert list(asked) == [1, 4, 8, 16, 32, 50]
    times = list(asked.values())
    assert all(later - earlier == pytest.approx(15.0) for earlier, later in pairwise(times[1:]))


@pytest.mark.parametrize(
    ("poll_seconds", "measured"), [pytest.param(1.0, 64, id="1s"), pytest.param(30.0, 92, id="30s")]
)
def test_keda_takes_as_long_as_was_measured(poll_seconds: float, measured: int) -> None:
    """
    500 jobs at 10 per worker, on a real cluster: 64 s at a poll of 1 s, 92 s at 30 s.

    How far the two loops were when the jobs came is not known, so every phase
    is tried: the model takes four syncs after the first one, and what was
    measured lies within what it can take.  Another ramp, one sync shorter or
    longer, would leave that range at the poll of 1 s.
    """
    taken = phases(poll_seconds)
    assert min(taken) == pytest.approx(60.0, abs=4.0)
    assert max(taken) == pytest.approx(75.0 + poll_seconds, abs=8.0)
    assert min(taken) <= measured <= max(taken)
    assert min(abs(each - measured) for each in taken) <= 1.0


def test_keda_keeps_workers_for_its_window_and_its_cooldown() -> None:
    """A pool that is done stays for 300 s at its size, and goes to zero 300 s after the list was last seen with a job."""
    scaled = ScaledObject(list_length=10, polling_interval_seconds=1)
    circumstances = Circumstances(boot_seconds=2.0, boot_spread=0.0)
    outcome = simulate(a_trace(jobs([AT] * 300, 1.0), lasts=800), Keda(scaled), circumstances)
    (done_at,) = [at for at, replicas in outcome.changes if replicas == 0]
    last_taken = AT + max(outcome.waits)
    assert done_at - last_taken == pytest.approx(300.0, abs=3.0)
    assert max(replicas for at, replicas in outcome.changes if at > last_taken) <= 30


def test_an_hpa_goes_back_after_five_minutes() -> None:
    """The greatest recommendation of the last 300 s holds, although the jobs are done after one."""
    scaled = ScaledObject(list_length=10, polling_interval_seconds=1, min_replica_count=1)
    circumstances = Circumstances(boot_seconds=2.0, boot_spread=0.0)
    outcome = simulate(a_trace(jobs([AT] * 300, 1.0), lasts=800), Keda(scaled), circumstances)
    assert max(outcome.waits) < 70
    falls = [later[0] for earlier, later in pairwise(outcome.changes) if later[1] < earlier[1]]
    assert 300 <= falls[0] - AT <= 300 + 2 * 15


def test_keda_within_its_tolerance_changes_nothing() -> None:
    """43 jobs at 10 for each of 4 workers are 7.5 % too many: none is added; 45 add one."""
    for waiting, expected in ((43, []), (45, [5])):
        scaled = ScaledObject(list_length=10, polling_interval_seconds=1, min_replica_count=4)
        stuck = jobs([0.0] * 4 + [AT] * waiting, 900.0)  # four of them are in hand
        outcome = simulate(a_trace(stuck, lasts=200), Keda(scaled), STUCK)
        assert [replicas for at, replicas in outcome.changes if at < 200] == expected


def test_keda_does_not_see_delayed_jobs() -> None:
    """With nobody there to move due jobs into the list, its length stays 0 and nobody is ever asked for."""
    outcome = simulate(
        a_trace(jobs([10.0] * 50, 1.0, delay=30.0), lasts=600), Keda(ScaledObject()), Circumstances()
    )
    assert outcome.changes == ()
    assert outcome.not_started == 50


def with_horizon(strategy: Strategy, *, processes: int = 10) -> Outcome:
    """Two queues of which one has nine times the jobs."""
    trace = a_trace(jobs([AT] * 900, 2.0, queue="many"), jobs([AT] * 100, 2.0, queue="few"), lasts=200)
    return simulate(trace, Horizon(strategy, max_processes=processes), Circumstances(boot_seconds=5.0))


@pytest.mark.parametrize("strategy", Strategy)
def test_horizon_moves_one_process_each_three_seconds(strategy: Strategy) -> None:
    """The defaults: at most one process more or less for each queue, every 3 s, and never above the maximum."""
    outcome = with_horizon(strategy)
    numbers = [2, *(replicas for _, replicas in outcome.changes)]
    assert all(abs(later - earlier) <= 2 for earlier, later in pairwise(numbers))
    assert all(later[0] - earlier[0] >= 3.0 - 1e-9 for earlier, later in pairwise(outcome.changes))
    assert max(numbers) == 10


def test_horizon_never_rests() -> None:
    """One process for each queue is the least, whether there is anything to do or not."""
    outcome = simulate(
        a_trace(jobs([], [], queue="a"), jobs([], [], queue="b"), lasts=100),
        Horizon(Strategy.TIME, max_processes=10),
        Circumstances(),
    )
    assert outcome.worker_seconds == pytest.approx(2 * 1000.0)
    assert outcome.changes == ()


def test_horizons_strategies_weigh_by_jobs_or_by_time() -> None:
    """Ten quick jobs beside ten slow ones: by time, the quick ones get less than by size, and wait for longer."""
    trace = a_trace(jobs([10.0] * 400, 0.1, queue="quick"), jobs([10.0] * 400, 10.0, queue="slow"), lasts=60)
    waits = {
        strategy: simulate(trace, Horizon(strategy, max_processes=20), Circumstances()).waits
        for strategy in Strategy
    }
    assert waits[Strategy.TIME][:400].mean() > 1.5 * waits[Strategy.SIZE][:400].mean()
