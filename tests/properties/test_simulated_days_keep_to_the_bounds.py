"""Any jobs, any bounds, any boots: what the operator's decision keeps to while time passes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from queueworkers.simulation.policies.operator import Operator
from queueworkers.simulation.simulator import simulate
from queueworkers.simulation.teams import Circumstances
from queueworkers.simulation.traces import BEGAN, Arrivals, Trace
from unit.simulation.given import a_spec

if TYPE_CHECKING:
    from queueworkers.api.spec import QueueWorkerPoolSpec

LASTS = 400.0

IN_GOOD_TIME = 60.0
"""Seconds of work for each worker that there may be, after which there is time left for a rest."""


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Bursts, trickles and delayed jobs in one queue or two."""
    queues = []
    for name in ("high", "low")[: draw(st.integers(1, 2))]:
        at: list[float] = []
        for _ in range(draw(st.integers(0, 3))):
            begins = draw(st.floats(0.0, LASTS - 1))
            count = draw(st.integers(1, 150))
            spread = draw(st.sampled_from([0.0, 1.0, 60.0]))
            at += np.linspace(begins, min(begins + spread, LASTS), count).tolist()
        seconds = draw(st.sampled_from([0.05, 1.0, 8.0]))
        queues.append(Arrivals.of(name, sorted(at), seconds, draw(st.sampled_from([0.0, 0.0, 45.0]))))
    return Trace(began=BEGAN, lasts_seconds=LASTS + 50, queues=tuple(queues))


@st.composite
def specs(draw: st.DrawFn) -> QueueWorkerPoolSpec:
    """Either target, any bounds."""
    minimum = draw(st.integers(0, 4))
    target = draw(st.sampled_from([{"backlogPerWorker": 5}, {"waitSeconds": 5}, {"waitSeconds": 60}]))
    return a_spec(
        ("high", "low"),
        minReplicas=minimum,
        maxReplicas=draw(st.integers(max(minimum, 1), 30)),
        **target,
    )


@st.composite
def circumstances(draw: st.DrawFn) -> Circumstances:
    """Boots of any length, workers that crash, and times in which none comes up."""
    return Circumstances(
        boot_seconds=draw(st.sampled_from([0.5, 5.0, 40.0])),
        failing=draw(st.sampled_from([(), ((50.0, 150.0),)])),
        crash_share=draw(st.sampled_from([0.0, 0.02])),
        seed=draw(st.integers(0, 3)),
    )


@settings(max_examples=25)
@given(trace=traces(), spec=specs(), met=circumstances())
def test_the_number_stays_within_its_bounds(
    trace: Trace, spec: QueueWorkerPoolSpec, met: Circumstances
) -> None:
    """At every moment: at least the minimum, at most the maximum; and a change is one."""
    operator = Operator(spec, began=trace.began)
    outcome = simulate(trace.ordered(spec.queues), operator, met)
    asked = [spec.scaling.min_replicas, *(replicas for _, replicas in outcome.changes)]
    assert all(spec.scaling.min_replicas <= each <= spec.scaling.max_replicas for each in asked)
    assert all(before != after for before, after in pairwise(asked))


@settings(max_examples=25)
@given(trace=traces(), spec=specs(), met=circumstances())
def test_every_job_begins_and_the_pool_comes_to_rest(
    trace: Trace, spec: QueueWorkerPoolSpec, met: Circumstances
) -> None:
    """What can be done in good time is done a quarter of an hour after the last job, and nobody is kept for nothing."""
    work = sum(float(each.seconds.sum()) for each in trace.queues)
    assume(work <= IN_GOOD_TIME * spec.scaling.max_replicas)
    operator = Operator(spec, began=trace.began)
    outcome = simulate(trace.ordered(spec.queues), operator, met)
    assert outcome.not_started == 0
    assert outcome.samples[-1].desired == spec.scaling.min_replicas


@settings(max_examples=25)
@given(trace=traces(), spec=specs(), met=circumstances())
def test_time_that_is_paid_for_is_accounted_for(
    trace: Trace, spec: QueueWorkerPoolSpec, met: Circumstances
) -> None:
    """Boots and jobs are a part of the worker-hours, and these lie between what the bounds allow."""
    operator = Operator(spec, began=trace.began)
    outcome = simulate(trace.ordered(spec.queues), operator, met)
    assert outcome.worker_seconds >= spec.scaling.min_replicas * outcome.lasted_seconds - 1e-6
    if not met.crash_share:
        assert outcome.booted_seconds + outcome.worked_seconds <= outcome.worker_seconds + 1e-6
