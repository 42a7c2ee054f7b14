"""A plan has the jobs, the bursts and the disturbances that a run is to have, and can be had again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan import QUEUES, TRIES, Disturbance, Kind, make_plan

KUBERNETES_GRACE_MILLISECONDS = 30_000

seeds = st.integers(0, 2**32)
PLAIN = (Kind.SCALE, Kind.DELETE_POD)


@given(seed=seeds, jobs=st.integers(1, 5000))
def test_it_has_every_job_once_and_none_that_needs_more_tries(seed: int, jobs: int) -> None:
    """Whatever the number of jobs; some are longer than the grace that Kubernetes gives."""
    plan = make_plan(seed, jobs=jobs)
    planned = [job for each in plan.rounds for job in each.jobs]
    assert plan.jobs == len({job.identity for job in planned}) == jobs
    assert {job.queue for job in planned} <= set(QUEUES)
    assert all(len(job.course) <= TRIES for job in planned)
    assert any(job.milliseconds > KUBERNETES_GRACE_MILLISECONDS for job in planned)


@given(seed=seeds)
def test_every_kind_of_disturbance_comes_up(seed: int) -> None:
    """Also in the shortest run, and in one of 100,000 jobs a hundred of them in all."""
    assert {each.kind for each in _disturbances(seed, 10)} == set(Kind)
    assert {each.kind for each in _disturbances(seed, 10, PLAIN)} == set(PLAIN)


def test_a_long_run_has_a_hundred_disturbances_and_all_sorts_of_jobs() -> None:
    """What the long run promises."""
    plan = make_plan(1, jobs=100_000)
    assert plan.disturbances >= 100
    assert min(Counter(each.kind for each in _disturbances(1, 100_000)).values()) > 5
    sorts = Counter(
        (bool(job.failures), bool(job.releases), bool(job.delay_seconds))
        for each in plan.rounds
        for job in each.jobs
    )
    assert len(sorts) == 4
    assert min(sorts.values()) > 1000


def test_the_same_seed_gives_the_same_plan() -> None:
    """And another seed another one; the jobs are the same whatever disturbs them."""
    assert make_plan(7, jobs=500) == make_plan(7, jobs=500)
    assert make_plan(7, jobs=500) != make_plan(8, jobs=500)
    assert [each.jobs for each in make_plan(7, jobs=500).rounds] == [
        each.jobs for each in make_plan(7, jobs=500, kinds=PLAIN).rounds
    ]


@pytest.mark.parametrize("kinds", [PLAIN, tuple(Kind)])
def test_only_an_operator_is_killed(kinds: tuple[Kind, ...]) -> None:
    """Where there is one, also in the middle of other things."""
    killed = [each for each in _disturbances(3, 20_000, kinds) if each.kind is Kind.KILL_OPERATOR]
    assert bool(killed) == (Kind.KILL_OPERATOR in kinds)


def _disturbances(seed: int, jobs: int, kinds: tuple[Kind, ...] = tuple(Kind)) -> list[Disturbance]:
    return [each for part in make_plan(seed, jobs=jobs, kinds=kinds).rounds for each in part.disturbances]
