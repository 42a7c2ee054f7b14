"""
Restarting workers: one request, one rollout, however often it is seen.

A restart is a moment in time.  It is written into the pod template, and the
Deployment controller replaces the workers.  Because the template keeps the
latest moment it was given, repeating a request, forgetting it, or crashing
half-way changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from queueworkers.domain.triggers import RestartTrigger

__all__ = ["RESTART_ANNOTATION", "Restart", "RestartTrigger", "decide_restart", "parse_moment"]

RESTART_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
"""On the pool: `kubectl annotate qwp/NAME kubectl.kubernetes.io/restartedAt="$(date -Is)"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The restart that the pod template must carry."""

    marker: datetime | None
    """The latest restart so far; ``None`` when there never was one."""
    trigger: RestartTrigger | None
    """Who asked for *marker*, where it is new; ``None`` when the template has it already."""
    revisit_at: datetime | None
    """When a restart that was asked for in advance falls due."""


def parse_moment(text: str | None) -> datetime | None:
    """
    Read a moment as RFC 3339 writes it; ``None`` for anything else.

    That is a time without its zone, too, and one at the rims of the calendar
    that has no equal in UTC, in which it will be told.
    """
    try:
        moment = datetime.fromisoformat(text) if text else None
        if moment is None or moment.tzinfo is None:
            return None
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def decide_restart(
    *,
    annotated_at: datetime | None,
    requested_at: datetime | None,
    done_at: datetime | None,
    now: datetime,
) -> Restart:
    """
    Choose the restart that the workers should have had by *now*.

    Args:
        annotated_at: From the annotation on the pool.
        requested_at: From `spec.restart.at`; in the future it waits for its time.
        done_at: What the template carries; a request that is not later is done.
        now: Timezone-aware.
    """
    requests = {
        RestartTrigger.ANNOTATION: annotated_at,
        RestartTrigger.SPEC: requested_at,
    }
    due = {
        trigger: at for trigger, at in requests.items() if at and at <= now and (not done_at or at > done_at)
    }
    ahead = [at for at in requests.values() if at and at > now]
    trigger = max(due, key=lambda trigger: due[trigger], default=None)
    return Restart(
        marker=due[trigger] if trigger else done_at,
        trigger=trigger,
        revisit_at=min(ahead, default=None),
    )
