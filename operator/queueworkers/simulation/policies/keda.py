"""
KEDA with the HorizontalPodAutoscaler that it makes, for a Redis list.

It follows, without their code:

- KEDA 2.x, ``pkg/scaling/executor/scale_scaledobjects.go`` (from zero to one
  and back to zero at each poll) and ``pkg/scalers/redis_scaler.go`` (the
  length of a list, and nothing else of the queue);
- Kubernetes, ``pkg/controller/podautoscaler/horizontal.go`` and
  ``replica_calculator.go`` (one sync each 15 s, an average value for an external
  metric, the tolerance, the greatest recommendation of the last five minutes, at
  most twice as many pods as before or 4 in one sync), as they are when no
  `behavior` is given.

Several queues are several triggers, of which the one that asks for the most wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

from queueworkers.simulation.teams import Circumstances, Manners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.teams import Team

SYNC_SECONDS = 15.0
TOLERANCE = 0.1
DOWNSCALE_WINDOW_SECONDS = 300.0
"""Defaults of kube-controller-manager."""

UP_FACTOR, UP_LEAST = 2, 4
"""``scaleUpLimitFactor`` and ``scaleUpLimitMinimum``: what one sync may come to at most."""

POD_GRACE_SECONDS = 30.0
"""`terminationGracePeriodSeconds` of a pod that says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledObject:
    """The settings, with KEDA's names and defaults."""

    list_length: float = 5.0
    """Jobs per pod.  KEDA calls it an average value."""
    polling_interval_seconds: float = 30.0
    cooldown_period_seconds: float = 300.0
    min_replica_count: int = 0
    max_replica_count: int = 100


class Keda:
    """
    The two loops, each at its own pace.

    Args:
        scaled: Its settings.
        name: What the tables call it.
        poll_phase: When the first poll comes, as a part of its interval; one half is the average.
        sync_phase: The same for the HorizontalPodAutoscaler.
    """

    manners = Manners(idle_first=False, grace_seconds=POD_GRACE_SECONDS)

    def __init__(
        self, scaled: ScaledObject, *, name: str = "keda", poll_phase: float = 0.5, sync_phase: float = 0.5
    ) -> None:
        self.name = name
        self._scaled = scaled
        self._poll_at = poll_phase * scaled.polling_interval_seconds
        self._sync_at = sync_phase * SYNC_SECONDS
        self._active_at = -inf
        self._recommendations: list[tuple[float, int]] = []

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Meet with everything as it is."""
        return circumstances

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """Let everybody serve all queues."""
        return (lines,)

    def begin(self, team: Team) -> int:  # noqa: ARG002 - there is one team only
        """Begin at rest."""
        return self._scaled.min_replica_count

    def next_look(self, now: float) -> float:
        """Look when either loop comes round."""
        return max(min(self._poll_at, self._sync_at), now)

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:
        """Do what the loops do that have come round."""
        (team,) = teams
        lengths = _list_lengths(team, now)
        replicas = team.desired
        if now >= self._poll_at:
            self._poll_at += self._scaled.polling_interval_seconds
            replicas = self._poll(replicas, active=any(lengths), now=now)
        if now >= self._sync_at:
            self._sync_at += SYNC_SECONDS
            if replicas:  # an HPA leaves alone what is at zero
                replicas = self._sync(replicas, lengths, now=now)
        return (replicas,)

    def _poll(self, replicas: int, *, active: bool, now: float) -> int:
        if active:
            self._active_at = now
            return replicas or max(self._scaled.min_replica_count, 1)
        cooled = now - self._active_at > self._scaled.cooldown_period_seconds
        return 0 if cooled and not self._scaled.min_replica_count else replicas

    def _sync(self, replicas: int, lengths: Sequence[int], *, now: float) -> int:
        wanted = max(self._from_metric(replicas, length) for length in lengths)
        recent = [(at, asked) for at, asked in self._recommendations if at > now - DOWNSCALE_WINDOW_SECONDS]
        self._recommendations = [*recent, (now, wanted)]
        stabilised = max(asked for _, asked in self._recommendations)
        highest = min(max(UP_FACTOR * replicas, UP_LEAST), self._scaled.max_replica_count)
        return min(max(stabilised, self._scaled.min_replica_count, 1), highest)

    def _from_metric(self, replicas: int, length: int) -> int:
        ratio = length / (self._scaled.list_length * replicas)
        return replicas if abs(1 - ratio) <= TOLERANCE else ceil(length / self._scaled.list_length)


def _list_lengths(team: Team, now: float) -> list[int]:
    """Read what `LLEN` says: due jobs are not in the list before a worker has moved them."""
    asked_at = team.asked_at(now) if any(line.has_delayed for line in team.lines) else now
    return [line.waiting(now) - line.due(now, asked_at=asked_at) - line.expired(now) for line in team.lines]
