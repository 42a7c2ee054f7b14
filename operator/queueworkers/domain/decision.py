"""
The decision: what should be, given what is.

Numbers and reasons only; the sentences are made in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from queueworkers.api.spec import OnPause, ScalingMode
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.budgets import claim_of, limit_to_budget, settle_claim
from queueworkers.domain.crew import see_crew
from queueworkers.domain.leaving import next_holding_at
from queueworkers.domain.manifests import render_revision
from queueworkers.domain.replicas import decide_replicas
from queueworkers.domain.restarts import Restart, decide_restart
from queueworkers.domain.rollout import Phase, Rollout, Wish, decide_rollout
from queueworkers.domain.scaling import Limiter, Step, hold
from queueworkers.domain.triggers import restart_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec, ScalingSpec
    from queueworkers.domain.budgets import Budget, Claim
    from queueworkers.domain.identity import PoolIdentity
    from queueworkers.domain.observation import Observation
    from queueworkers.domain.replicas import Sizing
    from queueworkers.domain.scaling import History
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


OUTRANKING = frozenset({Basis.SUSPENDED, Basis.PINNED})
"""Where the user says the number, whatever the backlog."""

HANDS_OFF = frozenset({Basis.RECOMMEND_ONLY, Basis.CONFLICT})
"""Where somebody else sets the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about one pool now."""

    basis: Basis
    replicas: int
    """Workers to ask for; where *hands_off*, what they are, or what a Deployment that is not there yet begins with."""
    hands_off: bool
    """True where somebody else sets the number and it must not be written."""
    sizing: Sizing
    """What the backlog and the user's bounds come to, whoever decides."""
    failing: str | None
    """What keeps the newest workers from working; ``None`` where nothing does."""
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
    revisit_at: datetime | None
    """When the passing of time alone may change this decision."""
    budget: Budget | None = None
    """What the pool shares with others; ``None`` where it shares nothing."""
    claim: Claim | None = None
    """What it has of that from now on."""

    @property
    def recommended(self) -> int | None:
        """Workers the backlog asks for, before any limit; ``None`` when it is not known."""
        return self.sizing.recommended

    @property
    def history(self) -> History:
        """To be given to the next decision."""
        return self.sizing.history


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
    wish = _wish(pool, spec, observation, now=now)
    rollout = follow_rollout(spec, wish, observation, now=now)
    holds = observation.holds if spec.scaling.on_pause is OnPause.HOLD else {}
    crew = see_crew(workers, recycles=_recycling(spec), now=now)
    sizing = decide_replicas(spec.scaling, observation.reading, crew, history, holds=holds.keys(), now=now)
    basis = _basis(spec, observation)
    step = _settle(spec.scaling, basis, sizing, observation)
    if rollout.phase is Phase.STOPPED and basis in {Basis.BACKLOG, Basis.UNKNOWN}:
        step = hold(step, current=observation.current, limiter=Limiter.ROLLOUT)
    step, claim = _share(pool, basis, sizing, step, observation)
    return Decision(
        basis=basis,
        replicas=step.replicas,
        hands_off=basis in HANDS_OFF,
        sizing=sizing,
        failing=crew.failing,
        holding=crew.holding,
        holds=holds,
        limiter=step.limiter,
        wish=wish,
        rollout=rollout,
        scheduled_at=_scheduled_at(spec, workers, now=now),
        revisit_at=min(
            filter(
                None,
                (
                    step.revisit_at,
                    sizing.asked.revisit_at if sizing.asked and basis not in OUTRANKING else None,
                    sizing.bounds.revisit_at,
                    wish.restart.revisit_at,
                    rollout.revisit_at,
                    next_holding_at(workers.pods, now=now) if workers else None,
                ),
            ),
            default=None,
        ),
        budget=observation.budget,
        claim=claim,
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
    return decide_rollout(
        wish, observation.workers, told=observation.told_phase, recycles=_recycling(spec), now=now
    )


def _recycling(spec: QueueWorkerPoolSpec) -> Callable[[PodTrouble], bool]:
    """Tell which ends of workers are by design."""
    return lambda trouble: spec.framework_declared.recycles(trouble.exit_code)


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


def _settle(scaling: ScalingSpec, basis: Basis, sizing: Sizing, observation: Observation) -> Step:
    """Take the number from who decides it."""
    match basis:
        case Basis.SUSPENDED:
            return Step(replicas=0)
        case Basis.PINNED if scaling.replicas is not None:
            return Step(replicas=scaling.replicas)
        case _ if basis in HANDS_OFF:
            return Step(replicas=observation.current if observation.workers else sizing.bounds.minimum)
    return sizing.step


def _share(
    pool: PoolIdentity, basis: Basis, sizing: Sizing, step: Step, observation: Observation
) -> tuple[Step, Claim | None]:
    """Keep to the budget that the pool shares, if any; where somebody else sets the number, what there is counts."""
    budget, workers = observation.budget, observation.workers
    if budget is None:
        return step, None
    claim = claim_of(
        pool.key.name,
        budget,
        workers,
        minimum=sizing.bounds.minimum,
        wanted=step.replicas,
        movable=basis not in HANDS_OFF or workers is None,
    )
    if claim.movable:
        step = limit_to_budget(step, claim, budget)
    return step, settle_claim(claim, workers, asked=step.replicas)
