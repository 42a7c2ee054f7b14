"""
The decision: what should be, given what is.

Numbers and reasons only; the sentences are made in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from queueworkers.api.spec import OnPause, ScalingMode
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.leaving import SEEN_GONE_WITHIN, count_holding, next_holding_at
from queueworkers.domain.manifests import render_revision
from queueworkers.domain.notices import count_held
from queueworkers.domain.restarts import Restart, decide_restart
from queueworkers.domain.rollout import Phase, Rollout, Wish, decide_rollout
from queueworkers.domain.scaling import (
    History,
    Limiter,
    Step,
    cool_down,
    hold,
    limit,
    recommend,
    stabilise,
)
from queueworkers.domain.triggers import restart_requests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec, ScalingSpec
    from queueworkers.domain.identity import PoolIdentity
    from queueworkers.domain.observation import Observation
    from queueworkers.domain.workers import PodTrouble, Workers
    from queueworkers.frameworks.base import Hold


class Basis(StrEnum):
    """What the number of workers was decided on."""

    BACKLOG = "Backlog"
    UNKNOWN = "BacklogUnknown"
    SUSPENDED = "Suspended"
    PINNED = "Pinned"
    RECOMMEND_ONLY = "RecommendOnly"
    CONFLICT = "ScalingConflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about one pool now."""

    basis: Basis
    replicas: int
    """Workers to ask for; where *hands_off*, what they are, or what a Deployment that is not there yet begins with."""
    hands_off: bool
    """True where somebody else sets the number and it must not be written."""
    recommended: int | None
    """Workers the backlog asks for, before any limit; ``None`` when it is not known."""
    holding: int
    """Workers that leave and hold a job each, for which nobody is kept."""
    holds: Mapping[str, Hold]
    """Queues whose waiting jobs ask for nobody, and why."""
    limiter: Limiter
    wish: Wish
    """Which template the workers should be of, and the restart that it carries."""
    rollout: Rollout
    scheduled_at: datetime | None
    """Since when the schedule of restarts is what it is; ``None`` where there is none."""
    history: History
    """To be given to the next decision."""
    revisit_at: datetime | None
    """When the passing of time alone may change this decision."""


def decide(
    pool: PoolIdentity,
    spec: QueueWorkerPoolSpec,
    observation: Observation,
    history: History,
    *,
    now: datetime,
) -> Decision:
    """
    Decide how many workers a pool should have, of which template, and whether old ones may be replaced.

    Without a reading the number stays what it is; only the user's own bounds
    still move it.
    """
    workers = observation.workers
    current = observation.current
    holding = count_holding(workers.pods, now=now) if workers else 0
    wish = _wish(pool, spec, observation, now=now)
    rollout = follow_rollout(spec, wish, observation, now=now)
    holds = observation.holds if spec.scaling.on_pause is OnPause.HOLD else {}
    recommended, history = _follow(spec.scaling, observation, history, holding=holding, holds=holds, now=now)
    basis = _basis(spec, observation)
    hands_off = basis in {Basis.RECOMMEND_ONLY, Basis.CONFLICT}
    if hands_off:
        step = Step(replicas=current if workers else spec.scaling.min_replicas)
    else:
        step = _step(spec.scaling, basis, recommended, history, current=current, holding=holding, now=now)
        if rollout.phase is Phase.STOPPED and basis in {Basis.BACKLOG, Basis.UNKNOWN}:
            step = hold(step, current=current)
    return Decision(
        basis=basis,
        replicas=step.replicas,
        hands_off=hands_off,
        recommended=recommended,
        holding=holding,
        holds=holds,
        limiter=step.limiter,
        wish=wish,
        rollout=rollout,
        scheduled_at=_scheduled_at(spec, workers, now=now),
        history=history,
        revisit_at=min(
            filter(
                None,
                (
                    step.revisit_at,
                    wish.restart.revisit_at,
                    rollout.revisit_at,
                    next_holding_at(workers.pods, now=now) if workers else None,
                ),
            ),
            default=None,
        ),
    )


def _restart(spec: QueueWorkerPoolSpec, observation: Observation, *, now: datetime) -> Restart:
    workers = observation.workers
    done_at = workers.restart_marker if workers else None
    requests = restart_requests(
        spec.restart,
        annotated_at=observation.restart_annotation,
        signalled_at=observation.signalled_at,
        last_at=done_at,
        started_at=workers.created_at if workers else None,
        scheduled_at=_scheduled_at(spec, workers, now=now),
        now=now,
    )
    return decide_restart(requests, done_at=done_at, now=now)


def _scheduled_at(spec: QueueWorkerPoolSpec, workers: Workers | None, *, now: datetime) -> datetime | None:
    """One that was given or edited just now counts from now on: nobody expects a restart for a time gone by."""
    schedule = spec.restart.named_schedule
    if schedule is None:
        return None
    known = workers.schedule_since if workers and workers.schedule == schedule else None
    return known or now


def _wish(pool: PoolIdentity, spec: QueueWorkerPoolSpec, observation: Observation, *, now: datetime) -> Wish:
    restart = _restart(spec, observation, now=now)
    return Wish(
        revision=render_revision(pool, spec, restarted_at=restart.marker, references=observation.references),
        restart=restart,
        control=spec.restart.rollout,
        undo_to=observation.undo_to,
    )


def follow_rollout(
    spec: QueueWorkerPoolSpec, wish: Wish, observation: Observation, *, now: datetime
) -> Rollout:
    """Decide which template the workers have, and tell how far their replacement is."""

    def recycles(trouble: PodTrouble) -> bool:
        return spec.framework_declared.recycles(trouble.exit_code)

    return decide_rollout(wish, observation.workers, told=observation.told_phase, recycles=recycles, now=now)


def _follow(
    scaling: ScalingSpec,
    observation: Observation,
    history: History,
    *,
    holding: int,
    holds: Mapping[str, Hold],
    now: datetime,
) -> tuple[int | None, History]:
    """Turn a reading into a recommendation and remember it, whoever sets the number at present."""
    if not isinstance(observation.reading, Backlog):
        return None, history
    recommended = recommend(
        observation.reading,
        backlog_per_worker=scaling.backlog_per_worker,
        current=observation.current,
        holding=holding,
        held=count_held(observation.reading, holds),
    )
    longest = max(_down_window(scaling, holding=holding), _up_window(scaling))
    return recommended, history.remember(recommended, now=now, window=longest)


def _down_window(scaling: ScalingSpec, *, holding: int) -> timedelta:
    """
    Tell how long a lower need must have lasted.

    A worker that leaves ends its job before its pod is seen to be gone: for a
    moment it seems to hold a job that is really somebody else's.
    """
    window = timedelta(seconds=scaling.behavior.scale_down.stabilization_window_seconds)
    return max(window, SEEN_GONE_WITHIN) if holding else window


def _up_window(scaling: ScalingSpec) -> timedelta:
    return timedelta(seconds=scaling.behavior.scale_up.stabilization_window_seconds)


def _basis(spec: QueueWorkerPoolSpec, observation: Observation) -> Basis:
    if spec.suspend:
        return Basis.SUSPENDED
    if observation.workers and observation.workers.foreign_autoscaler:
        return Basis.CONFLICT
    if spec.scaling.mode is ScalingMode.RECOMMEND:
        return Basis.RECOMMEND_ONLY
    if spec.scaling.replicas is not None:
        return Basis.PINNED
    return Basis.BACKLOG if isinstance(observation.reading, Backlog) else Basis.UNKNOWN


def _step(
    scaling: ScalingSpec,
    basis: Basis,
    recommended: int | None,
    history: History,
    *,
    current: int,
    holding: int,
    now: datetime,
) -> Step:
    match basis:
        case Basis.SUSPENDED:
            return Step(replicas=0)
        case Basis.PINNED if scaling.replicas is not None:
            return Step(replicas=scaling.replicas)
    if recommended is None:
        return limit(Step(replicas=current), minimum=scaling.min_replicas, maximum=scaling.max_replicas)
    within = limit(Step(replicas=recommended), minimum=scaling.min_replicas, maximum=scaling.max_replicas)
    if within.replicas == current:
        return within  # the bounds keep the number: there is nothing for a window to hold
    step = stabilise(
        recommended,
        current=current,
        history=history,
        now=now,
        down_window=_down_window(scaling, holding=holding),
        up_window=_up_window(scaling),
    )
    if not scaling.min_replicas:
        cooldown = timedelta(seconds=scaling.cooldown_seconds)
        step = cool_down(step, current=current, history=history, now=now, cooldown=cooldown)
    return limit(step, minimum=scaling.min_replicas, maximum=scaling.max_replicas)
