"""Numbers and reasons as sentences for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.api.conditions import WaitBound
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.budgets import share_out
from queueworkers.domain.decision import Basis
from queueworkers.domain.formulas import spell_asked
from queueworkers.domain.scaling import Limiter
from queueworkers.frameworks.base import Hold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from queueworkers.api.spec import QueueWorkerPoolSpec, ScalingSpec
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.decision import Decision

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_BOUNDS = {WaitBound.EXACTLY: "", WaitBound.AT_LEAST: "at least ", WaitBound.AT_MOST: "at most "}

MANY = 3
"""More queues than that are counted and not named."""


def spell_age(age: timedelta) -> str:
    """Write an age as `kubectl` does: ``38s``, ``14m``, ``3h``, ``12d``."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= 2 * unit:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def spell_count(count: int, noun: str) -> str:
    """Write a number of things: ``1 worker``, ``2 workers``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def spell_backlog(reading: Reading, *, now: datetime) -> str:
    """
    Write what a decision saw: ``412 ready, 3 due, 6 in hand, oldest 38s``.

    Zero counts but ``ready`` are left out; *now* is the age's other end.
    """
    if isinstance(reading, UnknownBacklog):
        return f"backlog not known ({reading.reason})"
    due = sum(queue.due for queue in reading.queues)
    expired = sum(queue.expired for queue in reading.queues)
    counts = {"due": due, "expired": expired, "in hand": reading.in_hand}
    words = [f"{sum(queue.ready for queue in reading.queues)} ready"]
    words += [f"{count} {name}" for name, count in counts.items() if count]
    if reading.oldest:
        words.append(f"oldest {_BOUNDS[reading.oldest.bound]}{spell_age(now - reading.oldest.since)}")
    return ", ".join(words)


def explain(spec: QueueWorkerPoolSpec, reading: Reading, decision: Decision) -> str:
    """Say in one sentence why there are as many workers as there are."""
    asked = _asked(reading, decision, spec.scaling)
    workers = spell_count(decision.replicas, "worker")
    match decision.basis:
        case Basis.SUSPENDED:
            return "No workers: spec.suspend is true; jobs wait."
        case Basis.PINNED:
            return f"{workers}: spec.scaling.replicas says so; {asked}{_limit(decision)}."
        case Basis.RECOMMEND_ONLY:
            return f"{workers}: mode Recommend leaves the number alone; {asked}."
        case Basis.CONFLICT:
            return f"{workers}: another autoscaler sets the number; {asked}."
        case Basis.UNKNOWN:
            held = _limit(decision) or ", so the number stays"
            return f"{workers}: {asked}{held}."
        case Basis.BACKLOG:
            return f"{workers}: {asked}{_limit(decision)}."


def _asked(reading: Reading, decision: Decision, scaling: ScalingSpec) -> str:
    asked = decision.sizing.asked
    if not isinstance(reading, Backlog) or asked is None:
        return "the backlog is not known"
    with_leavers = min(decision.holding, reading.in_hand)
    of_these = f" ({with_leavers} with workers that leave)" if with_leavers else ""
    soon = f", {asked.upcoming} soon due" if asked.upcoming else ""
    held = reading.waiting - asked.waiting
    return (
        f"{asked.waiting} waiting{soon} and {reading.in_hand} in hand{of_these},"
        f" {spell_asked(scaling, asked)}{_not_counted(held, decision.holds)}"
    )


def _not_counted(held: int, holds: Mapping[str, Hold]) -> str:
    if not holds:
        return ""
    jobs = spell_count(held, "waiting job")
    counts = "does not count" if held == 1 else "do not count"
    if Hold.MAINTENANCE in holds.values():
        return f"; the application is in maintenance mode, so {jobs} {counts}"
    are = "is" if len(holds) == 1 else "are"
    return f"; {spell_queues(sorted(holds))} {are} paused, so {jobs} {counts}"


def spell_queues(queues: Sequence[str]) -> str:
    """Write the names of queues, at least one: ``queue high``, ``queues high and low``; of many only how many."""
    if len(queues) == 1:
        return f"queue {queues[0]}"
    if len(queues) > MANY:
        return spell_count(len(queues), "queue")
    return f"queues {', '.join(queues[:-1])} and {queues[-1]}"


def _limit(decision: Decision) -> str:
    """Say what kept the number from being what the backlog asks for; nothing where nothing did."""
    if decision.limiter is Limiter.BUDGET:
        return f"; {_budget(decision)}"
    bounds = decision.sizing.bounds
    schedule = f" (schedule {bounds.schedule})" if bounds.schedule else ""
    words = {
        Limiter.MAXIMUM: f"maxReplicas allows {bounds.maximum}{schedule}",
        Limiter.MINIMUM: f"minReplicas keeps {bounds.minimum}{schedule}",
        Limiter.STABILISATION: "the stabilization window does not agree yet",
        Limiter.COOLDOWN: f"the last one stays until {_cooldown(decision)}s after the last job",
        Limiter.ROLLOUT: "none is added while the new ones fail",
        Limiter.STEP_UP: f"behavior.scaleUp allows {decision.replicas} for now",
        Limiter.STEP_DOWN: f"behavior.scaleDown keeps {decision.replicas} for now",
        Limiter.TOLERANCE: "a twentieth more or less is not worth a change",
        Limiter.BUSY: "those that have a job in hand stay",
        Limiter.SOON_DUE: "those that are there stay for jobs that fall due soon",
        Limiter.FAILING: f"none is added while {decision.failing}",
    }
    return f"; {words[decision.limiter]}" if decision.limiter in words else ""


def _budget(decision: Decision) -> str:
    """
    Say what the pool's budget leaves it, and to whom the most of the rest is due; nothing where it has none.

    Not what that one has at the moment, which is another number whenever a worker comes or goes.
    """
    budget, claim = decision.budget, decision.claim
    if budget is None or claim is None:
        return ""
    if budget.ceiling is None:
        return f"budget {budget.name} does not exist, so none is added"
    if budget.unseen:
        return f"none is added before all pools of budget {budget.name} were looked at"
    shares = share_out(budget.ceiling, (claim, *budget.others))
    most = max(budget.others, key=lambda other: shares[other.member], default=None)
    rest = f"; {shares[most.member]} are due to {most.member} (priority {most.priority})" if most else ""
    return f"budget {budget.name} leaves {decision.replicas} of {budget.ceiling}{rest}"


def _cooldown(decision: Decision) -> int:
    patience = decision.sizing.patience
    return int(patience.cooldown.total_seconds()) if patience else 0
