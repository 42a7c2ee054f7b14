"""Pools, backlogs and workers as tests begin with them, each with what the test is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.spec import QueueWorkerPoolSpec, parse_spec
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.domain.backlog import Backlog, QueueBacklog, UnknownBacklog
from queueworkers.domain.decision import Decision, decide
from queueworkers.domain.exits import Exits
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.manifests import render_deployment, render_revision
from queueworkers.domain.observation import Observation
from queueworkers.domain.report import report
from queueworkers.domain.rollout import Phase, Rollout
from queueworkers.domain.scaling import History
from queueworkers.domain.verdict import Situation
from queueworkers.domain.wording import explain
from queueworkers.domain.workers import PodTrouble, WorkerPod, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
"""The moment at which most tests decide."""

POOL = PoolIdentity(key=PoolKey("shop", "default"), uid="6f1c")

UNKNOWN = UnknownBacklog(
    reason=UnknownReason.TIMED_OUT, message="Redis redis:6379 did not answer within 2 s."
)


NOTHING = QueueWorkerPoolStatus()
"""What was said of a new pool."""

NO_EXITS = Exits()


def ago(seconds: float) -> datetime:
    """So many seconds before noon; negative ones are after it."""
    return NOON - timedelta(seconds=seconds)


def watched(seconds: float = 86_400, **also: Any) -> History:
    """The history of a pool that was watched for so long."""
    return History(watching_since=ago(seconds), **also)


def a_spec(*, scaling: dict[str, Any] | None = None, **fields: Any) -> QueueWorkerPoolSpec:
    """The smallest pool, and what the test adds; fields as on the wire."""
    raw = {
        "framework": "Laravel",
        "image": "registry.example/shop:2.4.1",
        "queues": ["default"],
        "redis": {"host": "redis"},
        "scaling": scaling or {},
        **fields,
    }
    spec = parse_spec(raw)
    assert isinstance(spec, QueueWorkerPoolSpec), str(spec)
    return spec


def a_queue(name: str = "default", **counts: Any) -> QueueBacklog:
    """A queue that holds nothing but what is given."""
    empty = {"ready": 0, "delayed": 0, "due": 0, "reserved": 0, "expired": 0, "oldest": None}
    return QueueBacklog(name=name, **{**empty, **counts})


def a_backlog(*, read_at: datetime = NOON, **counts: Any) -> Backlog:
    """A reading of one queue."""
    return Backlog(queues=(a_queue(**counts),), read_at=read_at)


def a_pod(name: str = "default-workers-1", **facts: Any) -> WorkerPod:
    """A pod that works."""
    usual = {"created_at": ago(600), "ready": True, "terminating": False, "trouble": None}
    return WorkerPod(name=name, **{**usual, **facts})


def a_troubled_pod(
    kind: Any, message: str = "so it says", *, name: str = "w-1", exit_code: int | None = None
) -> WorkerPod:
    """A pod that cannot work."""
    return a_pod(name, ready=False, trouble=PodTrouble(kind=kind, message=message, exit_code=exit_code))


def some_workers(desired: int, **facts: Any) -> Workers:
    """A Deployment with all of its *desired* workers up to date and at work."""
    usual: dict[str, Any] = {
        "created_at": ago(86_400),
        "generation": 1,
        "observed_generation": 1,
        "desired": desired,
        "current": desired,
        "ready": desired,
        "updated": desired,
        "available": desired,
        "restart_marker": None,
        "revision": None,
        "image": "registry.example/shop:2.4.1",
        "references": {},
        "restarted_outside_at": None,
        "paused": False,
        "rollout_trigger": None,
        "rollout_since": None,
        "rollout_stopped_at": None,
        "schedule": None,
        "schedule_since": None,
        "foreign_autoscaler": None,
        "refusal": None,
        "pods": tuple(a_pod(f"w-{number}") for number in range(desired)),
    }
    return Workers(**{**usual, **facts})


def up_to_date(spec: QueueWorkerPoolSpec, observation: Observation) -> Observation:
    """Give workers of no particular revision the one that *spec* and their own restart marker make."""
    workers = observation.workers
    if workers is None or workers.revision is not None:
        return observation
    made = render_revision(
        POOL, spec, restarted_at=workers.restart_marker, references=workers.references
    ).name
    pods = tuple(replace(pod, revision=pod.revision or made) for pod in workers.pods)
    return replace(observation, workers=replace(workers, revision=made, pods=pods))


def deployment_of(
    spec: QueueWorkerPoolSpec,
    *,
    restarted_at: datetime | None = None,
    references: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Render the Deployment of a pool that is new."""
    revision = render_revision(POOL, spec, restarted_at=restarted_at, references=references)
    return render_deployment(POOL, spec, Rollout(revision=revision, phase=Phase.COMPLETE), scheduled_at=None)


def decided(
    spec: QueueWorkerPoolSpec, observation: Observation, history: History, *, now: datetime
) -> Decision:
    """Decide about workers that are as the spec says, unless the test says otherwise."""
    return decide(POOL, spec, up_to_date(spec, observation), history, now=now)


def an_observation(reading: Any = None, *, workers: Workers | int | None = 1, **also: Any) -> Observation:
    """What is seen of a pool: nothing to do and one worker, when nothing else is given."""
    seen = some_workers(workers) if isinstance(workers, int) else workers
    return Observation(
        reading=a_backlog() if reading is None else reading,
        workers=seen,
        **{"restart_annotation": None, **also},
    )


def a_situation(
    reading: Any, workers: Workers | int | None, *, history: History | None = None, **fields: Any
) -> Situation:
    """What is to be said of a pool with these fields at noon."""
    return situation_of(a_spec(**fields), an_observation(reading, workers=workers), history=history)


def situation_of(
    spec: QueueWorkerPoolSpec,
    observation: Observation,
    *,
    now: datetime = NOON,
    history: History | None = None,
    **also: Any,
) -> Situation:
    """Decide, and gather what is to be said."""
    observation = up_to_date(spec, observation)
    decision = decide(POOL, spec, observation, history or watched(), now=now)
    return Situation(
        spec=spec,
        observation=observation,
        decision=decision,
        rollout=decision.rollout,
        explanation=explain(spec, observation.reading, decision),
        **{"refusal": None, **also},
    )


def told(
    reading: Any = None,
    *,
    workers: Workers | int | None = 1,
    previous: QueueWorkerPoolStatus = NOTHING,
    now: datetime = NOON,
    restart_annotation: datetime | None = None,
    generation: int = 1,
    history: History | None = None,
    exits: Exits = NO_EXITS,
    **fields: Any,
) -> QueueWorkerPoolStatus:
    """What is said of a pool at a moment."""
    spec = a_spec(**fields)
    observation = an_observation(
        reading,
        workers=workers,
        restart_annotation=restart_annotation,
        exits=exits,
        told_phase=previous.rollout.phase if previous.rollout else None,
    )
    situation = situation_of(spec, observation, now=now, history=history)
    return report(POOL, situation, generation=generation, previous=previous, now=now)
