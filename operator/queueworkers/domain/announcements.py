"""
What is worth an Event: things that changed, with numbers, each said once.

One constructor per Event; together they list every reason there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason, ConditionStatus, ConditionType
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.decision import Basis
from queueworkers.domain.formulas import spell_asked
from queueworkers.domain.restarts import RESTART_ANNOTATION
from queueworkers.domain.rollout import UNDER_WAY, Phase
from queueworkers.domain.scaling import Limiter
from queueworkers.domain.wording import spell_backlog, spell_count, spell_queues
from queueworkers.frameworks.base import Hold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from queueworkers.api.status import Condition, QueueStatus, QueueWorkerPoolStatus, RolloutStatus
    from queueworkers.domain.verdict import Situation

ACTED_UPON = frozenset(
    {
        ConditionReason.APPLY_FAILED,
        ConditionReason.BUDGET_NOT_FOUND,
        ConditionReason.IMAGE_PULL_FAILED,
        ConditionReason.INVALID_POD_TEMPLATE,
        ConditionReason.INVALID_SPEC,
        ConditionReason.MISSING_REFERENCE,
        ConditionReason.NAME_TAKEN,
        ConditionReason.PODS_REFUSED,
        ConditionReason.QUEUE_NOT_FOUND,
        ConditionReason.QUOTA_EXCEEDED,
        ConditionReason.RECYCLING_DELAYED,
        ConditionReason.ROLLOUT_STOPPED,
        ConditionReason.SCALING_CONFLICT,
        ConditionReason.START_REFUSED,
        ConditionReason.UNSCHEDULABLE,
        ConditionReason.WORKERS_CRASHING,
    }
)
"""Reasons of `Ready` that a person must act upon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One Event about a pool."""

    warning: bool
    reason: str
    note: str
    numbers: tuple[tuple[str, int], ...] = ()
    """Those of the note, each by a name: for the log, where programs look for them."""


def announce_scaling(situation: Situation, *, before: int, now: datetime) -> tuple[Announcement, ...]:
    """Say that the number of workers was changed from *before*, and what it was changed for."""
    after = situation.decision.replicas
    if after == before or situation.decision.hands_off:
        return ()
    backlog = spell_backlog(situation.observation.reading, now=now)
    return (
        Announcement(
            warning=False,
            reason="ScaledUp" if after > before else "ScaledDown",
            note=f"{before}→{after}: {backlog}, {_formula(situation)}{_decisive(situation, up=after > before)}",
            numbers=_numbers(situation, before=before),
        ),
    )


def _numbers(situation: Situation, *, before: int) -> tuple[tuple[str, int], ...]:
    """Name what a change of the number of workers was decided from; what is not known is not there."""
    decision, reading = situation.decision, situation.observation.reading
    told = {
        "workers_before": before,
        "workers": decision.replicas,
        "recommended": decision.recommended,
        "min_replicas": decision.sizing.bounds.minimum,
        "max_replicas": decision.sizing.bounds.maximum,
        "waiting": reading.waiting if isinstance(reading, Backlog) else None,
    }
    return tuple((name, number) for name, number in told.items() if number is not None)


def _formula(situation: Situation) -> str:
    """Say how the number follows from the backlog, where it does."""
    asked = situation.decision.sizing.asked
    if asked is None or situation.decision.basis is not Basis.BACKLOG:
        return ""
    return f"{spell_asked(situation.spec.scaling, asked)}, "


def _decisive(situation: Situation, *, up: bool) -> str:
    """Name what set the number, or else the bound ahead."""
    scaling, decision = situation.spec.scaling, situation.decision
    if decision.basis is Basis.SUSPENDED:
        return "spec.suspend"
    if decision.basis is Basis.PINNED:
        return f"spec.scaling.replicas {scaling.replicas}"
    highest = decision.limiter is Limiter.MAXIMUM or (up and decision.limiter is not Limiter.MINIMUM)
    if decision.limiter is Limiter.BUDGET and decision.budget:
        return f"budget {decision.budget.name} {decision.budget.ceiling}"
    bounds = decision.sizing.bounds
    schedule = f" by schedule {bounds.schedule}" if bounds.schedule else ""
    return f"max {bounds.maximum}{schedule}" if highest else f"min {bounds.minimum}{schedule}"


def announce_rollout(situation: Situation, previous: QueueWorkerPoolStatus) -> tuple[Announcement, ...]:
    """Say that workers are to be replaced, how many and why, unless *previous* said so."""
    rollout = situation.rollout
    told = previous.rollout.since_time if previous.rollout else None
    if (
        rollout.phase not in UNDER_WAY
        or rollout.since is None
        or told == rollout.since.replace(microsecond=0)
    ):
        return ()
    count = spell_count(rollout.total, "worker")
    reason, asked = "RolloutStarted", rollout.trigger
    if rollout.is_restart and situation.decision.wish.restart.marker:
        reason = "RestartRequested"
        asked = f"{rollout.trigger} of {situation.decision.wish.restart.marker.isoformat()}"
    return (
        Announcement(
            warning=False,
            reason=reason,
            note=f"{count} to replace, each after its job: {asked}",
            numbers=(("workers", rollout.total),),
        ),
    )


def announce_unreadable_restart(annotation: str | None) -> Announcement:
    """Say that a restart was asked for in a way that cannot be understood."""
    return Announcement(
        warning=True,
        reason="RestartIgnored",
        note=f"{str(annotation)[:100]!r} in {RESTART_ANNOTATION} is not a time with its zone,"
        " such as 2026-11-21T10:00:00Z",
    )


def announce_changes(
    previous: QueueWorkerPoolStatus, current: QueueWorkerPoolStatus
) -> tuple[Announcement, ...]:
    """Say what became of the pool's conditions: a trouble that began, one that ended, a rollout that is done."""
    return (
        *_readiness(previous.condition(ConditionType.READY), current.condition(ConditionType.READY)),
        *_replacement(previous.rollout, current.rollout),
        *_holds(previous.queues, current.queues),
        *_knowledge(
            previous.condition(ConditionType.BACKLOG_KNOWN), current.condition(ConditionType.BACKLOG_KNOWN)
        ),
        *_listening(
            previous.condition(ConditionType.STOPS_GRACEFULLY),
            current.condition(ConditionType.STOPS_GRACEFULLY),
        ),
    )


def _readiness(before: Condition | None, now: Condition | None) -> tuple[Announcement, ...]:
    if now is None or (before and before.reason == now.reason):
        return ()
    if now.reason in ACTED_UPON:
        return (Announcement(warning=True, reason=now.reason, note=now.message),)
    if before and before.reason in ACTED_UPON:
        return (
            Announcement(warning=False, reason="Recovered", note=f"{before.reason} is over: {now.message}"),
        )
    return ()


def _replacement(before: RolloutStatus | None, now: RolloutStatus | None) -> tuple[Announcement, ...]:
    if before is None or now is None or before.phase not in UNDER_WAY or now.phase in UNDER_WAY:
        return ()
    word = "RolloutUndone" if now.phase == Phase.UNDONE else "RolloutFinished"
    return (Announcement(warning=False, reason=word, note=f"All workers are replaced: {now.trigger}."),)


HOLD_REASONS = MappingProxyType(
    {
        Hold.PAUSED: ("QueuesPaused", "QueuesContinued"),
        Hold.MAINTENANCE: ("MaintenanceBegan", "MaintenanceEnded"),
    }
)
"""What is said when queues begin to be held, and when that is over."""


def _holds(before: Sequence[QueueStatus], now: Sequence[QueueStatus]) -> tuple[Announcement, ...]:
    """Nothing is known of queues that were not read: what was said of them holds."""
    was = {queue.name: queue.hold for queue in before}
    said = []
    for hold, (begins, ends) in HOLD_REASONS.items():
        begun = [queue for queue in now if queue.hold is hold and was.get(queue.name) is not hold]
        ended = [queue for queue in now if queue.hold is not hold and was.get(queue.name) is hold]
        if begun:
            said.append(_about(begins, begun, "ask for no worker until it is over"))
        if ended:
            said.append(_about(ends, ended, "count again"))
    return tuple(said)


def _about(reason: str, queues: Sequence[QueueStatus], what: str) -> Announcement:
    names = [queue.name for queue in queues]
    waiting = sum((queue.ready or 0) + (queue.due or 0) + (queue.expired or 0) for queue in queues)
    note = f"{spell_queues(names)}: {spell_count(waiting, 'waiting job')} {what}"
    return Announcement(warning=False, reason=reason, note=note, numbers=(("waiting", waiting),))


def _knowledge(before: Condition | None, now: Condition | None) -> tuple[Announcement, ...]:
    if now is None or (before and (before.status, before.reason) == (now.status, now.reason)):
        return ()
    if now.status == ConditionStatus.FALSE:
        return (Announcement(warning=True, reason="BacklogUnknown", note=f"{now.reason}: {now.message}"),)
    if now.status == ConditionStatus.TRUE and before and before.status == ConditionStatus.FALSE:
        return (Announcement(warning=False, reason="BacklogKnown", note=f"{before.reason} is over."),)
    return ()


def _listening(before: Condition | None, now: Condition | None) -> tuple[Announcement, ...]:
    if now is None or (before and before.reason == now.reason) or now.status != ConditionStatus.FALSE:
        return ()
    return (Announcement(warning=True, reason=now.reason, note=now.message),)
