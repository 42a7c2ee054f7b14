"""
The status of a pool: what was seen, what was made of it, and why.

Pure, and stable: the same situation gives the same status, and a condition
keeps its transition time as long as its status stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason, ConditionStatus, ConditionType, UnknownReason
from queueworkers.api.redis import REDIS_PORT, host_seen_from
from queueworkers.api.status import (
    BacklogStatus,
    Condition,
    DecisionInput,
    DecisionStatus,
    DecisionStep,
    ExitStatus,
    HeadStatus,
    QueueStatus,
    QueueWorkerPoolStatus,
    RestartStatus,
    RolloutStatus,
    SourceStatus,
    SummaryStatus,
    WorkersStatus,
)
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.capacity import count_workers
from queueworkers.domain.decision import OUTRANKING, Basis
from queueworkers.domain.exits import Exit, resume_exits
from queueworkers.domain.formulas import list_inputs, spell_target
from queueworkers.domain.identity import POOL_LABEL
from queueworkers.domain.listening import judge_listening
from queueworkers.domain.rollout import UNDER_WAY
from queueworkers.domain.scaling import Limiter
from queueworkers.domain.verdict import ROLLING, judge, judge_progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from queueworkers.api.redis import ClusterNode, RedisSource, SentinelNode
    from queueworkers.api.spec import InvalidSpec, QueueWorkerPoolSpec
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.decision import Decision
    from queueworkers.domain.exits import Exits
    from queueworkers.domain.identity import PoolIdentity
    from queueworkers.domain.verdict import Situation, Verdict
    from queueworkers.frameworks.base import Hold

SHOWN_WITH_PROGRESS = ROLLING | {ConditionReason.ROLLOUT_STOPPED, ConditionReason.ROLLOUT_HELD}
"""Reasons of `Ready` of which a person wants to know how far it is: RollingRestart 3/8."""

_NAMED_NODES = 3
"""So many of a list of servers are named in `status.source`."""


def report(
    pool: PoolIdentity,
    situation: Situation,
    *,
    generation: int,
    previous: QueueWorkerPoolStatus,
    now: datetime,
) -> QueueWorkerPoolStatus:
    """
    Say where a pool stands.

    Args:
        pool: Which one.
        situation: What was seen and decided, after it was applied.
        generation: Of the spec that was acted on.
        previous: What was said before; times of what did not change are kept.
        now: Timezone-aware.
    """
    spec, reading, decision = situation.spec, situation.observation.reading, situation.decision
    workers = situation.observation.workers
    situation = replace(situation, previous_ready=previous.condition(ConditionType.READY))
    ready, progress = judge(situation), judge_progress(situation)
    said = {
        ConditionType.READY: (ready.status, ready.reason, ready.message),
        ConditionType.BACKLOG_KNOWN: _backlog_known(reading),
        ConditionType.SCALING_ACTIVE: _scaling_active(situation),
        ConditionType.SCALING_LIMITED: _scaling_limited(situation),
        ConditionType.PROGRESSING: (progress.status, progress.reason, progress.message),
        ConditionType.STOPS_GRACEFULLY: judge_listening(
            spec, workers, previous=previous.condition(ConditionType.STOPS_GRACEFULLY)
        ),
    }
    desired, ready_workers = situation.desired, workers.ready if workers else 0
    scaled = previous.desired_replicas is not None and previous.desired_replicas != desired
    status = QueueWorkerPoolStatus(
        observed_generation=generation,
        conditions=_conditions(said, previous, generation=generation, now=now),
        replicas=workers.current if workers else 0,
        ready_replicas=ready_workers,
        desired_replicas=desired,
        recommended_replicas=decision.recommended,
        selector=f"{POOL_LABEL}={pool.key.name}",
        explanation=situation.explanation,
        decision=_decision(situation),
        tries=spec.effective_tries,
        last_scale_time=now if scaled else previous.last_scale_time,
        last_restart=_last_restart(situation, previous),
        rollout=_rollout(situation),
        workers=_workers(situation, previous),
        exits=_exits(situation),
        source=_source(pool, spec, reading, previous),
        summary=_summary(situation, ready, ready_workers=ready_workers),
        **_backlog_fields(reading, decision.holds),
    )
    return _as_stored(status)


def report_invalid(
    pool: PoolIdentity,
    invalid: InvalidSpec,
    *,
    generation: int,
    previous: QueueWorkerPoolStatus,
    now: datetime,
) -> QueueWorkerPoolStatus:
    """Say that a pool cannot be acted upon, and keep what was said of its workers."""
    verdicts = {
        ConditionType.READY: (ConditionStatus.FALSE, ConditionReason.INVALID_SPEC, str(invalid)),
    }
    return _as_stored(
        previous.model_copy(
            update={
                "observed_generation": generation,
                "selector": f"{POOL_LABEL}={pool.key.name}",
                "conditions": _conditions(verdicts, previous, generation=generation, now=now),
                "summary": (previous.summary or SummaryStatus()).model_copy(
                    update={"status": ConditionReason.INVALID_SPEC}
                ),
            }
        )
    )


def _as_stored(status: QueueWorkerPoolStatus) -> QueueWorkerPoolStatus:
    """Round as the API server will give it back, so that the same status compares as the same."""
    return QueueWorkerPoolStatus.model_validate(status.to_wire())


Said = tuple[ConditionStatus, str, str]


def _backlog_known(reading: Reading) -> Said:
    if isinstance(reading, Backlog):
        return ConditionStatus.TRUE, ConditionReason.BACKLOG_READ, "Every queue was read."
    doubtful = reading.reason is UnknownReason.QUEUE_NOT_FOUND
    status = ConditionStatus.UNKNOWN if doubtful else ConditionStatus.FALSE
    return status, reading.reason, reading.message


def _scaling_active(situation: Situation) -> Said:
    reasons = {
        Basis.BACKLOG: ConditionReason.ACTIVE,
        Basis.UNKNOWN: ConditionReason.BACKLOG_UNKNOWN,
        Basis.SUSPENDED: ConditionReason.SUSPENDED,
        Basis.PINNED: ConditionReason.PINNED,
        Basis.RECOMMEND_ONLY: ConditionReason.RECOMMENDING,
        Basis.CONFLICT: ConditionReason.SCALING_CONFLICT,
    }
    basis = situation.decision.basis
    status = ConditionStatus.TRUE if basis is Basis.BACKLOG else ConditionStatus.FALSE
    return status, reasons[basis], situation.explanation


def _scaling_limited(situation: Situation) -> Said:
    """Only a bound is a limit; a window merely takes its time, and begins and ends every second."""
    reasons = {
        Limiter.MAXIMUM: ConditionReason.TOO_MANY_REPLICAS,
        Limiter.MINIMUM: ConditionReason.TOO_FEW_REPLICAS,
        Limiter.BUDGET: ConditionReason.BUDGET_SPENT,
    }
    reason = reasons.get(situation.decision.limiter)
    if reason:
        return ConditionStatus.TRUE, reason, situation.explanation
    return ConditionStatus.FALSE, ConditionReason.DESIRED_WITHIN_RANGE, situation.explanation


def _conditions(
    said: Mapping[ConditionType, Said], previous: QueueWorkerPoolStatus, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    before = {condition.type: condition for condition in previous.conditions}
    return tuple(
        Condition(
            type=kind,
            status=status,
            observed_generation=generation,
            last_transition_time=(
                before[kind].last_transition_time if kind in before and before[kind].status == status else now
            ),
            reason=reason,
            message=message,
        )
        for kind, (status, reason, message) in said.items()
    )


def _decision(situation: Situation) -> DecisionStatus:
    """Tell how the number came about; where somebody else sets it, how it would have."""
    reading, decision = situation.observation.reading, situation.decision
    inputs = list_inputs(reading, decision.sizing) if isinstance(reading, Backlog) else ()
    return DecisionStatus(
        target=spell_target(situation.spec.scaling),
        inputs=tuple(DecisionInput(name=name[:128], value=value) for name, value in inputs),
        steps=tuple(DecisionStep(limit=limit, replicas=replicas) for limit, replicas in _steps(decision)),
    )


def _steps(decision: Decision) -> Sequence[tuple[str, int]]:
    """List what each limit came to, and who outranked them all; where nobody was asked, what it would have been."""
    steps: list[tuple[str, int]] = [(step.limiter, step.replicas) for step in decision.sizing.steps]
    last = (decision.basis if decision.basis in OUTRANKING else decision.limiter, decision.replicas)
    return steps if decision.hands_off or steps[-1] == last else [*steps, last]


def _last_restart(situation: Situation, previous: QueueWorkerPoolStatus) -> RestartStatus | None:
    """
    Tell the restart that the workers carry, and who asked for it.

    Not only when it is new: the operator may have ended after it was applied
    and before it was told.
    """
    restart, told = situation.decision.wish.restart, previous.last_restart
    if restart.marker is None:
        return told
    if not restart.due and told and told.time == restart.marker.replace(microsecond=0):
        return told
    return RestartStatus(time=restart.marker, trigger=restart.trigger)


def _source(
    pool: PoolIdentity, spec: QueueWorkerPoolSpec, reading: Reading, previous: QueueWorkerPoolStatus
) -> SourceStatus:
    """Remember for good that a job was seen at this address: a queue that is merely empty has no keys."""
    address = describe_source(pool, spec)
    known = previous.source.first_job_time if previous.source and previous.source.address == address else None
    if known is None and isinstance(reading, Backlog) and reading.seen_any_job:
        known = reading.read_at
    if not isinstance(reading, Backlog):
        return SourceStatus(address=address, first_job_time=known)
    return SourceStatus(
        address=address,
        first_job_time=known,
        followed_by=reading.followed_by,
        eviction_policy=reading.eviction_policy,
    )


def describe_source(pool: PoolIdentity, spec: QueueWorkerPoolSpec) -> str:
    """
    Name where the queues are looked for: servers, database and prefix.

    Which of them is the master, or has the queue, is left out: that changes, and the queues stay the same.
    """
    redis = spec.redis
    return f"{_place(redis, pool.key.namespace)}/{redis.database} {redis.prefix}".rstrip()


def _place(redis: RedisSource, namespace: str) -> str:
    if redis.sentinel:
        return f"{redis.sentinel.master_name} by Sentinel {_listed(redis.sentinel.nodes, namespace)}"
    if redis.cluster:
        return f"cluster {_listed(redis.cluster.nodes, namespace)}"
    return f"{host_seen_from(namespace, redis.host or '')}:{redis.port or REDIS_PORT}"


def _listed(nodes: Sequence[SentinelNode | ClusterNode], namespace: str) -> str:
    names = [f"{host_seen_from(namespace, node.host)}:{node.port}" for node in nodes]
    rest = f" and {len(names) - _NAMED_NODES} more" if len(names) > _NAMED_NODES else ""
    return f"{','.join(names[:_NAMED_NODES])}{rest}"


def _rollout(situation: Situation) -> RolloutStatus | None:
    """Tell of the latest replacement; how far it is only while it is under way, as later the numbers are others."""
    rollout = situation.rollout
    if rollout.since is None:
        return None
    under_way = rollout.phase in UNDER_WAY
    return RolloutStatus(
        phase=rollout.phase,
        trigger=rollout.trigger,
        since_time=rollout.since,
        replaced=rollout.replaced if under_way else None,
        total=rollout.total if under_way else None,
    )


def _workers(situation: Situation, previous: QueueWorkerPoolStatus) -> WorkersStatus | None:
    """Count the pods; as it was told before where the Deployment has more of them than were seen yet."""
    workers = situation.observation.workers
    if workers is None or len(workers.staying) < workers.current:
        return previous.workers
    return count_workers(workers.pods, desired=situation.desired)


def _exits(situation: Situation) -> tuple[ExitStatus, ...]:
    framework = situation.spec.framework_declared
    meanings = framework.exit_meanings
    return tuple(
        ExitStatus(
            exit_code=code,
            count=found.count,
            meaning=meanings[code].words if code in meanings else None,
            recycled=framework.recycles(code),
            last_time=found.last_at,
        )
        for code, found in sorted(situation.observation.exits.by_code.items())
    )


def told_exits(status: QueueWorkerPoolStatus) -> Exits:
    """Go on counting from what was said before."""
    return resume_exits(
        {each.exit_code: Exit(count=each.count, last_at=each.last_time) for each in status.exits}
    )


def _summary(situation: Situation, ready: Verdict, *, ready_workers: int) -> SummaryStatus:
    spec, rollout, held = situation.spec, situation.rollout, len(situation.decision.holds)
    bounds = situation.decision.sizing.bounds
    shown = f" {rollout.replaced}/{rollout.total}" if ready.reason in SHOWN_WITH_PROGRESS else ""
    if ready.reason == ConditionReason.PAUSED and held < len(spec.queues):
        shown = f" {held}/{len(spec.queues)}"
    return SummaryStatus(
        queues=",".join(spec.queues)[:1024],
        workers=f"{ready_workers}/{situation.desired}",
        range=f"{bounds.minimum}-{bounds.maximum}",
        status=f"{ready.reason}{shown}",
    )


def _backlog_fields(reading: Reading, holds: Mapping[str, Hold]) -> dict[str, object]:
    """Give the counts, or nothing at all: what is not known is absent, never 0."""
    if isinstance(reading, UnknownBacklog):
        return {}
    return {
        "backlog": BacklogStatus(
            waiting=reading.waiting,
            ready=sum(queue.ready for queue in reading.queues),
            delayed=sum(queue.delayed for queue in reading.queues),
            due=sum(queue.due for queue in reading.queues),
            reserved=sum(queue.reserved for queue in reading.queues),
            expired=sum(queue.expired for queue in reading.queues),
            observed_time=reading.read_at,
        ),
        "queues": tuple(
            QueueStatus(
                name=queue.name,
                ready=queue.ready,
                delayed=queue.delayed,
                due=queue.due,
                reserved=queue.reserved,
                expired=queue.expired,
                hold=holds.get(queue.name),
                oldest_job_time=queue.oldest and queue.oldest.since,
                oldest_job_waits=queue.oldest and queue.oldest.bound,
                head=(
                    HeadStatus(digest=queue.head.digest, first_seen_time=queue.head.since)
                    if queue.head
                    else None
                ),
            )
            for queue in reading.queues
        ),
        "oldest_job_time": reading.oldest and reading.oldest.since,
        "oldest_job_waits": reading.oldest and reading.oldest.bound,
    }
