"""
Where a pool stands, in one word and one sentence: its `Ready` condition.

What a person must act on comes before what only takes time, and that before
what is well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason, ConditionStatus, UnknownReason
from queueworkers.api.restart import RolloutControl
from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.domain.decision import Basis
from queueworkers.domain.rollout import Phase, outdated
from queueworkers.domain.scaling import Limiter
from queueworkers.domain.wording import spell_count
from queueworkers.domain.workers import TroubleKind
from queueworkers.frameworks.base import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.api.status import Condition
    from queueworkers.domain.decision import Decision
    from queueworkers.domain.observation import Observation
    from queueworkers.domain.rollout import Rollout
    from queueworkers.domain.workers import PodTrouble, WorkerPod

TROUBLE_REASONS = MappingProxyType(
    {
        TroubleKind.MISSING_REFERENCE: ConditionReason.MISSING_REFERENCE,
        TroubleKind.IMAGE_PULL_FAILED: ConditionReason.IMAGE_PULL_FAILED,
        TroubleKind.START_REFUSED: ConditionReason.START_REFUSED,
        TroubleKind.CRASHING: ConditionReason.WORKERS_CRASHING,
        TroubleKind.UNSCHEDULABLE: ConditionReason.UNSCHEDULABLE,
    }
)
"""In the order in which they are told: what stops every worker first."""

EXCEEDED_QUOTA = "exceeded quota"
"""In the API server's sentence when a ResourceQuota is used up."""

REFUSALS = MappingProxyType(
    {
        400: ConditionReason.INVALID_POD_TEMPLATE,
        409: ConditionReason.NAME_TAKEN,
        422: ConditionReason.INVALID_POD_TEMPLATE,
    }
)
"""What the API server's HTTP status says about a Deployment that it does not take."""

OUT_OF_MEMORY = "out of memory: the kernel killed it at its container's limit"
"""Said in the place of what its exit code may mean otherwise."""

ROLLING = frozenset({ConditionReason.ROLLING_RESTART, ConditionReason.ROLLING_UPDATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A condition's status, reason and message."""

    status: ConditionStatus
    reason: ConditionReason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The API server did not take the Deployment."""

    reason: ConditionReason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a verdict looks at."""

    spec: QueueWorkerPoolSpec
    observation: Observation
    """After what was decided has been applied."""
    decision: Decision
    rollout: Rollout
    """Where the replacement of workers stands, after what was decided has been applied."""
    refusal: Refusal | None
    explanation: str
    previous_ready: Condition | None = None
    """The last `Ready`, where there was one."""

    @property
    def desired(self) -> int:
        """Workers that there should be; what is asked for where somebody else decides."""
        workers = self.observation.workers
        if self.decision.hands_off and workers:
            return workers.desired
        return self.decision.replicas

    @property
    def enough(self) -> int:
        """Ready workers without which a pool is not ready: the minimum, or the first one."""
        return min(self.desired, max(self.decision.sizing.bounds.minimum, 1))


def judge(situation: Situation) -> Verdict:
    """Find the first thing that is to be said about a pool; the last rule always has one."""
    for rule in RULES:
        verdict = rule(situation)
        if verdict:
            return verdict
    return _well(situation)


def _refused(situation: Situation) -> Verdict | None:
    refusal = situation.refusal
    return _acting(refusal.reason, refusal.message) if refusal else None


def _stopped(situation: Situation) -> Verdict | None:
    """New workers fail and old ones do the work: that says more than what any one pod suffers from."""
    if situation.rollout.phase is not Phase.STOPPED:
        return None
    return replace(judge_progress(situation), status=ConditionStatus.FALSE)


def _troubled(situation: Situation) -> Verdict | None:
    workers = situation.observation.workers
    if workers is None or not situation.desired:
        return None  # without workers to run, what keeps them from running does not matter
    for kind, reason in TROUBLE_REASONS.items():
        found = [
            each for each in workers.troubles if each[1].kind is kind and not _recycles(situation, each[1])
        ]
        if found:
            return _acting(reason, _such_as(situation, found))
    if workers.refusal:
        quota = EXCEEDED_QUOTA in workers.refusal
        reason = ConditionReason.QUOTA_EXCEEDED if quota else ConditionReason.PODS_REFUSED
        return _acting(reason, workers.refusal)
    return None


def _recycling(situation: Situation) -> Verdict | None:
    """An end by design is no crash; it matters only while too few workers are left."""
    workers = situation.observation.workers
    if workers is None or workers.ready >= situation.enough:
        return None
    found = [each for each in workers.troubles if _recycles(situation, each[1])]
    return _acting(ConditionReason.RECYCLING_DELAYED, _such_as(situation, found)) if found else None


def _recycles(situation: Situation, trouble: PodTrouble) -> bool:
    by_design = situation.spec.framework_declared.recycles(trouble.exit_code)
    return trouble.kind is TroubleKind.CRASHING and by_design


def _such_as(situation: Situation, found: Sequence[tuple[WorkerPod, PodTrouble]]) -> str:
    """Count the pods with a trouble, at least one, and tell that of one of them."""
    workers = situation.observation.workers
    pod, trouble = min(found, key=lambda pair: pair[0].name)
    count = f"{len(found)} of {spell_count(len(workers.pods) if workers else 0, 'pod')}"
    return f"{count}, such as {pod.name}: {_trouble(situation.spec, trouble)}"


def _still_crashing(situation: Situation) -> Verdict | None:
    """Between two crashes a worker looks well: only one that stays is no longer crashing."""
    before, workers = situation.previous_ready, situation.observation.workers
    if before is None or before.reason != ConditionReason.WORKERS_CRASHING:
        return None
    if workers is None or not situation.desired or not workers.unproven:
        return None
    return _acting(ConditionReason.WORKERS_CRASHING, before.message)


def refusal_of(*, status: int, message: str) -> Refusal:
    """
    Say in a pool's words why the API server did not take its Deployment.

    Args:
        status: The HTTP status of its answer.
        message: Its own sentence.
    """
    if EXCEEDED_QUOTA in message:
        return Refusal(reason=ConditionReason.QUOTA_EXCEEDED, message=message)
    return Refusal(reason=REFUSALS.get(status, ConditionReason.APPLY_FAILED), message=message)


def _trouble(spec: QueueWorkerPoolSpec, trouble: PodTrouble) -> str:
    if trouble.exit_code is None:
        return trouble.message
    meaning = spec.framework_declared.exit_meanings.get(trouble.exit_code)
    said = OUT_OF_MEMORY if trouble.out_of_memory else meaning.words if meaning else None
    words = f" ({said})" if said else ""
    return f"last exit code {trouble.exit_code}{words}; {trouble.message}"


def _conflicting(situation: Situation) -> Verdict | None:
    workers = situation.observation.workers
    if situation.decision.basis is not Basis.CONFLICT or workers is None:
        return None
    words = (
        f"{workers.foreign_autoscaler} scales the pool's Deployment, so the pool does not: delete it,"
        " or leave the number to it with mode Recommend."
    )
    return _acting(ConditionReason.SCALING_CONFLICT, words)


def _unbudgeted(situation: Situation) -> Verdict | None:
    budget = situation.decision.budget
    if budget is None or budget.ceiling is not None:
        return None
    words = (
        f"There is no QueueWorkerBudget {budget.name} in the pool's namespace, so no worker is added: create it, or"
        f" correct spec.scaling.budget.name. {situation.explanation}"
    )
    return _acting(ConditionReason.BUDGET_NOT_FOUND, words)


def _unread(situation: Situation) -> Verdict | None:
    reading = situation.observation.reading
    if not isinstance(reading, UnknownBacklog) or situation.decision.basis is not Basis.UNKNOWN:
        return None
    if reading.reason is UnknownReason.QUEUE_NOT_FOUND:
        # The workers are as they should be, and the first job will be seen:
        # an application that has not used this queue yet looks the same.
        return _fine(ConditionReason.QUEUE_NOT_FOUND, reading.message)
    return _acting(ConditionReason.BACKLOG_UNKNOWN, f"{reading.message} {situation.explanation}")


def judge_progress(situation: Situation) -> Verdict:
    """Tell what is on its way, whatever else is to be said: the `Progressing` condition."""
    workers, desired = situation.observation.workers, situation.desired
    ready = workers.ready if workers else 0
    replacement = _judge_rollout(situation)
    if replacement:
        return replacement
    if ready < desired:
        return _under_way(ConditionReason.STARTING, f"{ready} of {spell_count(desired, 'worker')} ready.")
    leaving = max(workers.current, len(workers.pods)) - desired if workers else 0
    if leaving > 0:
        words = (
            f"{spell_count(leaving, 'worker')} to finish what they have in hand, then {desired or 'none'}."
        )
        return _under_way(ConditionReason.DRAINING, words)
    return Verdict(
        status=ConditionStatus.FALSE, reason=ConditionReason.COMPLETE, message=f"{ready} of {desired} ready."
    )


def _judge_rollout(situation: Situation) -> Verdict | None:
    rollout = situation.rollout
    began = f" Began with {rollout.trigger} at {rollout.since:%Y-%m-%dT%H:%M:%SZ}." if rollout.since else ""
    match rollout.phase:
        case Phase.REPLACING:
            reason = ConditionReason.ROLLING_RESTART if rollout.is_restart else ConditionReason.ROLLING_UPDATE
            return _under_way(reason, f"{_progress_of(rollout)}; each worker finishes its job first.{began}")
        case Phase.STOPPED:
            return _acting(ConditionReason.ROLLOUT_STOPPED, f"{_failure(situation)}{began}")
        case Phase.HELD:
            status, words = ConditionStatus.UNKNOWN, f"{_progress_of(rollout)}; {_held_by(situation)}.{began}"
            return Verdict(status=status, reason=ConditionReason.ROLLOUT_HELD, message=words)
        case Phase.UNDONE:
            words = (
                f"The workers are those of the revision before ({rollout.revision.image}): correct the pool,"
                " then set spec.restart.rollout to Run."
            )
            return _acting(ConditionReason.ROLLOUT_UNDONE, words)
        case Phase.COMPLETE:
            return None


def _progress_of(rollout: Rollout) -> str:
    return f"{rollout.replaced}/{rollout.total} replaced"


def _failure(situation: Situation) -> str:
    rollout, workers = situation.rollout, situation.observation.workers
    what = "new workers have failed and are watched for a minute"
    if rollout.failing:
        what = f"new workers fail: {_such_as(situation, rollout.failing)}"
    staying = len(outdated(workers)) if workers else 0
    return (
        f"{_progress_of(rollout)}, then it stopped, as {what.rstrip('.')}. {spell_count(staying, 'old worker')}"
        " still at work, none is added. It goes on when the new ones work, or begins anew with a corrected pool;"
        " spec.restart.rollout: Undo goes back."
    )


def _held_by(situation: Situation) -> str:
    control = situation.spec.restart.rollout
    if situation.rollout.from_outside:
        return "somebody paused the Deployment: kubectl rollout resume lets it go on"
    if control is RolloutControl.UNDO:
        return "there is no revision before to go back to: set spec.restart.rollout to Run"
    return "spec.restart.rollout is Hold, so no more are replaced until it is Run"


def _progressing(situation: Situation) -> Verdict | None:
    """Growing beyond the first workers, and shrinking, are a pool's daily life and no reason not to be ready."""
    progress = judge_progress(situation)
    workers = situation.observation.workers
    waits = {
        ConditionReason.STARTING: (workers.ready if workers else 0) < situation.enough,
        ConditionReason.DRAINING: situation.decision.basis is Basis.SUSPENDED,
        ConditionReason.ROLLOUT_HELD: True,
        ConditionReason.ROLLOUT_UNDONE: True,
    }
    if progress.reason in ROLLING or waits.get(progress.reason):
        return replace(progress, status=ConditionStatus.FALSE)
    return None


def _well(situation: Situation) -> Verdict:
    decision = situation.decision
    if decision.basis is Basis.SUSPENDED:
        reason = ConditionReason.SUSPENDED
    elif Hold.MAINTENANCE in decision.holds.values():
        reason = ConditionReason.MAINTENANCE
    elif decision.holds:
        reason = ConditionReason.PAUSED
    elif decision.limiter is Limiter.MAXIMUM:
        reason = ConditionReason.AT_MAX_REPLICAS
    elif decision.limiter is Limiter.BUDGET:
        reason = ConditionReason.BUDGET_SPENT
    elif decision.basis is Basis.PINNED:
        reason = ConditionReason.PINNED
    elif decision.basis is Basis.RECOMMEND_ONLY:
        reason = ConditionReason.RECOMMENDING
    else:
        reason = ConditionReason.ACTIVE if situation.desired else ConditionReason.IDLE
    return _fine(reason, situation.explanation)


def _acting(reason: ConditionReason, message: str) -> Verdict:
    return Verdict(status=ConditionStatus.FALSE, reason=reason, message=message)


def _fine(reason: ConditionReason, message: str) -> Verdict:
    return Verdict(status=ConditionStatus.TRUE, reason=reason, message=message)


def _under_way(reason: ConditionReason, message: str) -> Verdict:
    return Verdict(status=ConditionStatus.TRUE, reason=reason, message=message)


RULES: tuple[Callable[[Situation], Verdict | None], ...] = (
    _refused,
    _stopped,
    _troubled,
    _still_crashing,
    _conflicting,
    _unbudgeted,
    _unread,
    _recycling,
    _progressing,
)
"""The first rule that has something to say wins."""
