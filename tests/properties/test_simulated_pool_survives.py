"""A pool under arrivals, crashes and outages, stepped second by second and interrupted anywhere."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from properties.simulated_pool import Job, SimulatedPool, Weather
from unit.domain.given import a_spec

STORM_SECONDS = 90
CALM_SECONDS = 8000
"""Long enough for every job, one after the other, and for every window and cooldown."""

SECONDS = st.integers(1, STORM_SECONDS)

DURATIONS = st.one_of(st.integers(1, 20), st.integers(1, 20), st.integers(40, 80))
"""Some jobs go on for so long that a worker which leaves is known to hold one."""

JOBS = st.lists(
    st.builds(lambda second, seconds: Job(from_second=second, seconds=seconds), SECONDS, DURATIONS),
    max_size=80,
)

WEATHERS = st.builds(
    Weather,
    jobs=JOBS,
    outages=st.sets(SECONDS, max_size=40),
    absences=st.sets(SECONDS, max_size=20),
    kills=st.dictionaries(SECONDS, st.integers(0, 2), max_size=20),
    crashes=st.sets(SECONDS, max_size=5),
    restarts=st.dictionaries(SECONDS, st.sampled_from([0, 0, 7, 40]), max_size=4),
)


@st.composite
def pools(draw: st.DrawFn, weathers: st.SearchStrategy[Weather] = WEATHERS) -> SimulatedPool:
    """Any pool that follows its backlog, with waits that a test can live through."""
    minimum = draw(st.integers(0, 3))
    scaling: dict[str, Any] = {
        "minReplicas": minimum,
        "maxReplicas": draw(st.integers(max(minimum, 1), 12)),
        "backlogPerWorker": draw(st.integers(1, 5)),
        "cooldownSeconds": draw(st.sampled_from([0, 30])),
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": draw(st.sampled_from([0, 10, 60]))}},
    }
    return SimulatedPool(spec=a_spec(scaling=scaling), weather=draw(weathers))


def live_through(pool: SimulatedPool, seconds: int) -> None:
    """Step second by second, and check every promise after each."""
    for _ in range(seconds):
        before = pool.desired
        decision = pool.step()
        if decision:
            pool.promises(before, decision)
        at_rest = pool.second > STORM_SECONDS and not pool.work_left()
        if at_rest and decision and decision.revisit_at is None:
            return


@settings(max_examples=50)
@given(pools())
def test_after_any_storm_it_comes_to_rest(pool: SimulatedPool) -> None:
    """Every job is done, every promise was kept in every second, and as few workers remain as are wanted."""
    live_through(pool, STORM_SECONDS + CALM_SECONDS)

    assert pool.done == len(pool.weather.jobs)
    assert pool.desired == pool.spec.scaling.min_replicas


@settings(max_examples=50)
@given(pools())
def test_each_restart_happens_once(pool: SimulatedPool) -> None:
    """Never twice, never backwards, and the latest one always, wherever the operator was killed."""
    live_through(pool, STORM_SECONDS + 100)

    assert pool.rollouts == sorted(set(pool.rollouts))
    assert set(pool.rollouts) <= pool.requested
    if pool.annotation:
        latest_seen = max([pool.annotation, *pool.rollouts])
        assert pool.marker == latest_seen


@settings(max_examples=30)
@given(pools(), st.integers(1, STORM_SECONDS), st.integers(0, 2))
def test_an_operator_that_is_killed_every_second_restarts_once(
    pool: SimulatedPool, asked_at: int, writes: int
) -> None:
    """One request, and an operator that never remembers the second before."""
    pool.exists = True  # a pool that is made later than the request has nobody to replace
    pool.weather.restarts = {asked_at: 0}
    pool.weather.absences = set()
    pool.weather.kills = dict.fromkeys(range(1, STORM_SECONDS + 1), writes)

    live_through(pool, STORM_SECONDS + 30)

    assert pool.rollouts == [pool.moment(asked_at)]


@settings(max_examples=30)
@given(pools(), st.integers(0, 12))
def test_an_outage_holds_what_was_there(pool: SimulatedPool, workers: int) -> None:
    """However long it lasts, and whatever the operator remembers."""
    bounds = pool.spec.scaling
    pool.weather.outages = set(range(1, STORM_SECONDS + 1))
    pool.desired, pool.exists = workers, True

    for _ in range(STORM_SECONDS):
        pool.step()

    assert pool.desired == min(max(workers, bounds.min_replicas), bounds.max_replicas)


@given(st.integers(40, 62), st.integers(1, 20))
def test_jobs_of_workers_that_leave_keep_nobody_and_cost_nobody(new_job_at: int, seconds: int) -> None:
    """Idle workers leave beside two that still hold long jobs; who takes a new job stays when those end theirs."""
    jobs = [Job(from_second=1, seconds=seconds) for seconds in (5, 5, 60, 60)]
    jobs.append(Job(from_second=new_job_at, seconds=seconds))
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    scaling = {"minReplicas": 0, "backlogPerWorker": 1, "cooldownSeconds": 0, "behavior": at_once}
    pool = SimulatedPool(spec=a_spec(scaling=scaling), weather=Weather(jobs=jobs))

    live_through(pool, new_job_at - 1)
    assert pool.desired == 0 or new_job_at < 50
    live_through(pool, STORM_SECONDS)

    assert (pool.done, pool.desired) == (len(jobs), 0)
