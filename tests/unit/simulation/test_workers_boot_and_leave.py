"""Who leaves, who comes up, and what that costs."""

from __future__ import annotations

import pytest

from queueworkers.simulation.simulator import simulate
from queueworkers.simulation.teams import Circumstances
from unit.simulation.given import Scripted, a_trace, jobs

CALM = Circumstances(boot_seconds=5.0, boot_spread=0.0, sleep_seconds=0.0)


def test_idle_workers_leave_before_busy_ones() -> None:
    """Four workers, two of them busy: at two, no job is cut although nobody gets any grace."""
    policy = Scripted((20.0, 2), begin=4, idle_first=True, grace=0.0)
    outcome = simulate(a_trace(jobs([10.0, 10.0], 60.0), lasts=100), policy, CALM)
    assert outcome.jobs_cut == 0


def test_without_a_deletion_cost_anybody_leaves() -> None:
    """The same with whoever the ReplicaSet controller picks: over many seeds it hits busy ones about half the time."""
    cut = 0
    for seed in range(40):
        policy = Scripted((20.0, 2), begin=4, idle_first=False, grace=0.0)
        circumstances = Circumstances(boot_spread=0.0, sleep_seconds=0.0, seed=seed)
        cut += simulate(a_trace(jobs([10.0, 10.0], 60.0), lasts=100), policy, circumstances).jobs_cut
    assert 25 <= cut <= 55


def test_workers_that_are_not_ready_leave_first() -> None:
    """A scale-down while new ones boot takes the new ones."""
    policy = Scripted((10.0, 6), (12.0, 2), begin=2, grace=0.0)
    outcome = simulate(a_trace(jobs([0.0, 0.0], 60.0), lasts=100), policy, CALM)
    assert outcome.jobs_cut == 0
    assert outcome.worker_seconds == pytest.approx(2 * 1000.0 + 4 * 2.0)


def test_workers_do_not_come_up_while_they_fail() -> None:
    """Failed at 25 s, again after 10 s of back-off and a boot at 40 s, and up 20 s and a boot later."""
    policy = Scripted((20.0, 1))
    failing = Circumstances(boot_seconds=5.0, boot_spread=0.0, sleep_seconds=0.0, failing=((0.0, 60.0),))
    outcome = simulate(a_trace(jobs([20.0], 1.0), lasts=200), policy, failing)
    assert outcome.waits.tolist() == pytest.approx([25 + 15 + 25 - 20])


def test_boots_differ_and_keep_their_median() -> None:
    """The median of many boots is what was asked for."""
    ready: list[float] = []

    policy = Scripted((0.0, 1_001))
    policy.watch = lambda now, team: ready.extend(w.ready_at for w in team.ready) if now == 60.0 else None
    simulate(a_trace(jobs([0.0], 1.0), lasts=100), policy, Circumstances(boot_seconds=8.0))
    assert len(ready) == 1_001
    assert sorted(ready)[500] == pytest.approx(8.0, rel=0.05)
    assert max(ready) > 10.0


def test_boots_that_were_measured_are_run_again() -> None:
    """The first two take as long as they did, whatever is said of the others."""
    ready: list[float] = []
    policy = Scripted((10.0, 1), (30.0, 3))
    policy.watch = lambda now, team: ready.extend(w.ready_at for w in team.ready) if now == 60.0 else None
    circumstances = Circumstances(boot_seconds=5.0, boot_spread=0.0, boots=(12.0, 7.0))
    simulate(a_trace(jobs([0.0], 1.0), lasts=100), policy, circumstances)
    assert sorted(ready) == [10 + 12, 30 + 5, 30 + 7]
