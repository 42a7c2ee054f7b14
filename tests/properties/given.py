"""Any pool, any backlog, any history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from queueworkers.domain.backlog import Backlog
from queueworkers.domain.scaling import History, Recommendation
from unit.domain.given import NOON, UNKNOWN, a_queue, a_spec, ago, an_observation, some_workers

if TYPE_CHECKING:
    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.observation import Observation

WORKERS = st.integers(0, 60)
JOBS = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 100_000))


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """Any step limit that lets fifty workers come or go within a few periods, or none."""
    kinds = st.sampled_from([("Pods", 10), ("Pods", 25), ("Percent", 50), ("Percent", 100)])
    return {
        "policies": [
            {"type": kind, "value": value, "periodSeconds": draw(st.sampled_from([15, 60, 300]))}
            for kind, value in draw(st.lists(kinds, max_size=2))
        ],
        "selectPolicy": draw(st.sampled_from(["Max", "Min"])),
    }


@st.composite
def scalings(draw: st.DrawFn) -> dict[str, Any]:
    """Any bounds and windows that the API server accepts, without a mode or a pin."""
    minimum = draw(st.integers(0, 20))
    return {
        "minReplicas": minimum,
        "maxReplicas": draw(st.integers(max(minimum, 1), 50)),
        "backlogPerWorker": draw(st.integers(1, 40)),
        "cooldownSeconds": draw(st.sampled_from([0, 30, 300])),
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": draw(st.sampled_from([0, 0, 15, 120]))}
            | draw(policies()),
            "scaleDown": {"stabilizationWindowSeconds": draw(st.sampled_from([0, 60, 300]))}
            | draw(policies()),
        },
    }


@st.composite
def specs(draw: st.DrawFn) -> QueueWorkerPoolSpec:
    """Any pool: with a pin or without, in any mode, suspended or not."""
    scaling = draw(scalings())
    pin = draw(st.none() | WORKERS)
    mode = draw(st.sampled_from(["Auto", "Auto", "Recommend", *(["Manual"] if pin is not None else [])]))
    pinned = {} if pin is None else {"replicas": pin}
    return a_spec(scaling={**scaling, "mode": mode, **pinned}, suspend=draw(st.booleans()))


@st.composite
def queues(draw: st.DrawFn, name: str = "default") -> Any:
    """Any queue; what is due is delayed, and what is expired was reserved."""
    delayed, reserved = draw(JOBS), draw(JOBS)
    return a_queue(
        name,
        ready=draw(JOBS),
        delayed=delayed,
        due=draw(st.integers(0, delayed)),
        reserved=reserved,
        expired=draw(st.integers(0, reserved)),
    )


@st.composite
def backlogs(draw: st.DrawFn) -> Backlog:
    """Any reading of one to three queues."""
    names = draw(st.integers(1, 3))
    return Backlog(queues=tuple(draw(queues(f"q{number}")) for number in range(names)), read_at=NOON)


@st.composite
def observations(draw: st.DrawFn, reading: Any = None) -> Observation:
    """Any reading or none, and any number of workers, whoever else may scale them."""
    workers = draw(st.none() | WORKERS)
    foreign = draw(st.sampled_from([None, None, None, "HorizontalPodAutoscaler shop"]))
    return an_observation(
        draw(st.just(UNKNOWN) | backlogs()) if reading is None else reading,
        workers=None if workers is None else some_workers(workers, foreign_autoscaler=foreign),
        restart_annotation=draw(st.none() | st.integers(-100, 100).map(ago)),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any past up to noon, watched for long or for a moment."""
    watched = draw(st.integers(0, 900))
    ages = sorted(draw(st.lists(st.integers(0, watched), max_size=6, unique=True)), reverse=True)
    return History(
        watching_since=NOON - timedelta(seconds=watched),
        recommendations=tuple(Recommendation(replicas=draw(WORKERS), until=ago(age)) for age in ages),
        active_at=ago(draw(st.integers(0, watched))) if draw(st.booleans()) else None,
    )
