"""
What metrics tell of one pool, made at the end of a look at it.

Small and frozen: ten thousand of these are kept, and read by another thread than the one that makes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionType
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.clearing import seconds_to_clear
from queueworkers.domain.rollout import UNDER_WAY, ChangeTrigger
from queueworkers.domain.scaling import Limiter
from queueworkers.domain.triggers import RestartTrigger
from queueworkers.telemetry.families import Family, Kind, spell_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from queueworkers.api.status import QueueWorkerPoolStatus, WorkersStatus
    from queueworkers.domain.backlog import QueueBacklog
    from queueworkers.domain.identity import PoolIdentity
    from queueworkers.domain.verdict import Situation

NOTHING: Mapping[str, int] = MappingProxyType({})

JOB_STATES = tuple(spell_label("state", state) for state in ("ready", "due", "expired", "not_due", "in_hand"))
"""Each job is in one of them; the first three together are what waits."""

WORKER_STATES = tuple(spell_label("state", state) for state in ("working", "starting", "waiting", "draining"))

TRIGGERS = frozenset((*RestartTrigger, *ChangeTrigger, "ConfigMap", "Secret"))
"""Values of the label `trigger`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """One queue at the latest reading."""

    label: str
    jobs: tuple[int, ...]
    """As many as `JOB_STATES`."""
    waiting: bool
    oldest_since: float | None
    """Unix seconds; ``None`` where nothing waits, or nobody knows since when."""
    hold: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """One pool at the end of the latest look at it."""

    uid: str
    """Tells two lives of the same name apart: the counts of one do not go on in the other."""
    labels: str
    reason: str | None
    queues: tuple[QueueFigures, ...] = ()
    source_up: bool | None = None
    """``None`` where nobody looked."""
    unknown_reason: str | None = None
    followed_by: str | None = None
    clears_in_seconds: float | None = None
    workers: tuple[int, ...] = ()
    """As many as `WORKER_STATES`, or none where they were not counted yet."""
    desired: int | None = None
    recommended: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    rollout_since: float | None = None
    """When the latest replacement of workers began, in Unix seconds."""
    rolling: bool = False
    exits: tuple[tuple[str, int], ...] = ()
    """Labels and counts."""
    decisions: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    """How often the number of workers was changed, by what decided it."""
    restarts: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    """How often a replacement of workers began, by its trigger."""


def figures_of(
    pool: PoolIdentity,
    status: QueueWorkerPoolStatus,
    situation: Situation | None,
    *,
    workers_before: int,
    told_since: float | None,
    before: PoolFigures | None,
) -> PoolFigures:
    """
    Tell where a pool stands after a look at it, and count what happened in it.

    Args:
        pool: Which one.
        status: What is said of it from now on.
        situation: What was seen and decided; ``None`` where its spec cannot be acted upon.
        workers_before: Workers that were asked for before the look.
        told_since: Since when, in Unix seconds, the status before knew of the latest replacement of workers.
        before: What was told after the look before; counts go on from there.
    """
    if before and before.uid != pool.uid:
        before = None
    ready = status.condition(ConditionType.READY)
    namespace, name = pool.key
    figures = PoolFigures(
        uid=pool.uid,
        labels=f"{spell_label('namespace', namespace)},{spell_label('pool', name)}",
        reason=ready.reason if ready else None,
        workers=_workers(status.workers),
        desired=status.desired_replicas,
        exits=tuple(
            (
                f'exit_code="{each.exit_code}",reason="{"Recycled" if each.recycled else "Crashed"}"',
                each.count,
            )
            for each in status.exits
        ),
        decisions=before.decisions if before else NOTHING,
        restarts=before.restarts if before else NOTHING,
        rollout_since=before.rollout_since if before else told_since,
    )
    return _add(figures, situation, workers_before=workers_before) if situation else figures


def _add(figures: PoolFigures, situation: Situation, *, workers_before: int) -> PoolFigures:
    reading, decision, rollout = situation.observation.reading, situation.decision, situation.rollout
    since = (
        rollout.since.timestamp() // 1 if rollout.since else None
    )  # in whole seconds, as the status tells it
    decisions, restarts = figures.decisions, figures.restarts
    if not (situation.refusal or decision.hands_off or decision.replicas == workers_before):
        decisive = decision.basis if decision.limiter is Limiter.NONE else decision.limiter
        decisions = _one_more(decisions, decisive)
    rolling = rollout.phase in UNDER_WAY
    if rolling and since != figures.rollout_since:
        restarts = _one_more(restarts, _trigger(rollout.trigger))
    figures = replace(
        figures,
        recommended=decision.recommended,
        minimum=decision.sizing.bounds.minimum,
        maximum=decision.sizing.bounds.maximum,
        rollout_since=since,
        rolling=rolling,
        decisions=decisions,
        restarts=restarts,
    )
    if not isinstance(reading, Backlog):
        return replace(figures, source_up=False, unknown_reason=reading.reason)
    workers = situation.observation.workers
    return replace(
        figures,
        source_up=True,
        followed_by=reading.followed_by,
        queues=tuple(_queue(queue, decision.holds.get(queue.name)) for queue in reading.queues),
        clears_in_seconds=seconds_to_clear(
            reading, decision.history.learned, ready=workers.ready if workers else 0
        ),
    )


def _queue(queue: QueueBacklog, hold: str | None) -> QueueFigures:
    return QueueFigures(
        label=spell_label("queue", queue.name),
        jobs=(queue.ready, queue.due, queue.expired, queue.delayed - queue.due, queue.in_hand),
        waiting=bool(queue.waiting),
        oldest_since=queue.oldest.since.timestamp() if queue.oldest else None,
        hold=hold,
    )


def _workers(counted: WorkersStatus | None) -> tuple[int, ...]:
    if counted is None:
        return ()
    return tuple(
        count or 0 for count in (counted.working, counted.starting, counted.waiting, counted.draining)
    )


def _trigger(trigger: str | None) -> str:
    """Name what began a replacement; of a ConfigMap or a Secret only that it was one."""
    kind = (trigger or "").partition(" ")[0]
    return kind if kind in TRIGGERS else ChangeTrigger.TEMPLATE


def _one_more(counts: Mapping[str, int], word: str) -> Mapping[str, int]:
    return {**counts, str(word): counts.get(word, 0) + 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFamily(Family):
    """Samples of one name, of every pool."""

    samples: Callable[[PoolFigures, float], Iterator[tuple[str, float]]]
    """Given the figures and the time, in Unix seconds: further labels, with a comma before each, and values."""


def _queue_jobs(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
    for queue in pool.queues:
        for state, count in zip(JOB_STATES, queue.jobs, strict=True):
            yield f",{queue.label},{state}", count


def _oldest(pool: PoolFigures, now: float) -> Iterator[tuple[str, float]]:
    for queue in pool.queues:
        if queue.oldest_since is not None:
            yield f",{queue.label}", round(max(now - queue.oldest_since, 0.0), 3)
        elif not queue.waiting:
            yield f",{queue.label}", 0


def _holds(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
    for queue in pool.queues:
        if queue.hold:
            yield f',{queue.label},by="{queue.hold}"', 1


def _clears(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
    if pool.clears_in_seconds is not None:
        yield "", round(pool.clears_in_seconds, 3)


def _worker_states(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
    if pool.workers:
        for state, count in zip(WORKER_STATES, pool.workers, strict=True):
            yield f",{state}", count


def _number(read: Callable[[PoolFigures], float | None]) -> Callable[..., Iterator[tuple[str, float]]]:
    """Tell one number, where it is known."""

    def tell(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
        number = read(pool)
        if number is not None:
            yield "", number

    return tell


def _word(
    label: str, read: Callable[[PoolFigures], str | None]
) -> Callable[..., Iterator[tuple[str, float]]]:
    """Tell one word, where there is one, as a 1 that has it as a label."""

    def tell(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
        word = read(pool)
        if word is not None:
            yield f',{label}="{word}"', 1

    return tell


def _counts(
    label: str, read: Callable[[PoolFigures], Mapping[str, int]]
) -> Callable[..., Iterator[tuple[str, float]]]:
    """Tell counts of events, by a word for each."""

    def tell(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
        for word, count in read(pool).items():
            yield f',{label}="{word}"', count

    return tell


def _exits(pool: PoolFigures, _now: float) -> Iterator[tuple[str, float]]:
    for labels, count in pool.exits:
        yield f",{labels}", count


POOL = ("namespace", "pool")
QUEUE = (*POOL, "queue")

POOL_FAMILIES = (
    PoolFamily(
        name="qwp_queue_jobs",
        kind=Kind.GAUGE,
        labels=(*QUEUE, "state"),
        says="Jobs of a queue, each in one state: ready, due (delayed until a time that has come), expired (its worker"
        " was lost), not_due (delayed until later), in_hand (of a live worker). The first three wait. Absent while"
        " the backlog is not known.",
        samples=_queue_jobs,
    ),
    PoolFamily(
        name="qwp_queue_oldest_job_age_seconds",
        kind=Kind.GAUGE,
        labels=QUEUE,
        says="How long the oldest waiting job of a queue waits; 0 where none does, absent where that is not known. A"
        " lower bound where status.oldestJobWaits says AtLeast.",
        samples=_oldest,
    ),
    PoolFamily(
        name="qwp_queue_held",
        kind=Kind.GAUGE,
        labels=(*QUEUE, "by"),
        says="1 while the jobs of a queue ask for no worker, by Paused or Maintenance.",
        samples=_holds,
    ),
    PoolFamily(
        name="qwp_pool_time_to_clear_seconds",
        kind=Kind.GAUGE,
        labels=POOL,
        says="How long the ready workers need for the jobs that wait now, by measured job times. Absent where jobs are"
        " not measured (scaling.waitSeconds has them measured), or none was seen to end, or nobody works.",
        samples=_clears,
    ),
    PoolFamily(
        name="qwp_pool_workers",
        kind=Kind.GAUGE,
        labels=(*POOL, "state"),
        says="Worker pods, each in one state: working, starting, waiting (for room, or a place), draining.",
        samples=_worker_states,
    ),
    PoolFamily(
        name="qwp_pool_desired_replicas",
        kind=Kind.GAUGE,
        labels=POOL,
        says="Workers that there should be, after every window and bound.",
        samples=_number(lambda pool: pool.desired),
    ),
    PoolFamily(
        name="qwp_pool_recommended_replicas",
        kind=Kind.GAUGE,
        labels=POOL,
        says="Workers that the backlog asks for, before any window or bound. Absent while it is not known.",
        samples=_number(lambda pool: pool.recommended),
    ),
    PoolFamily(
        name="qwp_pool_min_replicas",
        kind=Kind.GAUGE,
        labels=POOL,
        says="The lower bound in force, that of a schedule included.",
        samples=_number(lambda pool: pool.minimum),
    ),
    PoolFamily(
        name="qwp_pool_max_replicas",
        kind=Kind.GAUGE,
        labels=POOL,
        says="The upper bound in force, that of a schedule included.",
        samples=_number(lambda pool: pool.maximum),
    ),
    PoolFamily(
        name="qwp_pool_source_up",
        kind=Kind.GAUGE,
        labels=POOL,
        says="1 while the backlog could be read, else 0.",
        samples=_number(lambda pool: None if pool.source_up is None else int(pool.source_up)),
    ),
    PoolFamily(
        name="qwp_pool_backlog_unknown",
        kind=Kind.GAUGE,
        labels=(*POOL, "reason"),
        says="1 while the backlog is not known, with the reason of the condition BacklogKnown.",
        samples=_word("reason", lambda pool: pool.unknown_reason),
    ),
    PoolFamily(
        name="qwp_pool_followed",
        kind=Kind.GAUGE,
        labels=(*POOL, "by"),
        says="1 with how changes of the queues become known: by Push (Redis tells) or Poll.",
        samples=_word("by", lambda pool: pool.followed_by),
    ),
    PoolFamily(
        name="qwp_pool_status",
        kind=Kind.GAUGE,
        labels=(*POOL, "reason"),
        says="1 with the reason of the condition Ready, as in the column STATUS.",
        samples=_word("reason", lambda pool: pool.reason),
    ),
    PoolFamily(
        name="qwp_pool_rollout_start_timestamp_seconds",
        kind=Kind.GAUGE,
        labels=POOL,
        says="When the replacement of workers began that is under way, in Unix time; absent while none is.",
        samples=_number(lambda pool: pool.rollout_since if pool.rolling else None),
    ),
    PoolFamily(
        name="qwp_pool_decisions_total",
        kind=Kind.COUNTER,
        labels=(*POOL, "reason"),
        says="Decisions that changed the number of workers, by what decided: the limit in status.decision.steps, or else"
        " Backlog, Suspended or Pinned. Counted since the operator was started.",
        samples=_counts("reason", lambda pool: pool.decisions),
    ),
    PoolFamily(
        name="qwp_pool_restarts_total",
        kind=Kind.COUNTER,
        labels=(*POOL, "trigger"),
        says="Replacements of all workers that began, by trigger. Counted since the operator was started.",
        samples=_counts("trigger", lambda pool: pool.restarts),
    ),
    PoolFamily(
        name="qwp_pool_worker_exits_total",
        kind=Kind.COUNTER,
        labels=(*POOL, "exit_code", "reason"),
        says="Workers that ended and were started again, by exit code and reason: Recycled (by design) or Crashed. As in"
        " status.exits, which outlives the operator.",
        samples=_exits,
    ),
)
"""In the order in which they are shown."""
