"""
Restarting workers: one request, one rollout, however often it is seen.

A restart is a moment in time.  It is written into the pod template, and the
workers are replaced.  Because the template keeps the latest moment it was
given, repeating a request, forgetting it, or crashing half-way changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queueworkers.domain.triggers import RestartRequests, RestartTrigger

RESTART_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
"""On the pool: `kubectl annotate qwp/NAME kubectl.kubernetes.io/restartedAt="$(date -Is)"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The restart that the pod template must carry."""

    marker: datetime | None
    """The latest restart so far; ``None`` when there never was one."""
    trigger: RestartTrigger | None
    """Who asked for *marker*, as far as that can still be told."""
    due: bool
    """True when *marker* is new; false when the template has it already."""
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


def decide_restart(requests: RestartRequests, *, done_at: datetime | None, now: datetime) -> Restart:
    """
    Choose the restart that the workers should have had by *now*.

    Args:
        requests: All that is known, done, due or ahead.
        done_at: What the template carries; a request that is not later is done.
        now: Timezone-aware.
    """
    due = max(
        (request for request in requests if request.at <= now and (not done_at or request.at > done_at)),
        key=lambda request: request.at,
        default=None,
    )
    named = due or next((request for request in requests if request.at == done_at), None)
    return Restart(
        marker=due.at if due else done_at,
        trigger=named.trigger if named else None,
        due=due is not None,
        revisit_at=min((request.at for request in requests if request.at > now), default=None),
    )
