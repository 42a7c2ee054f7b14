"""Everything that a decision is based on, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.domain.exits import Exits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.budgets import Budget
    from queueworkers.domain.rollout import Revision
    from queueworkers.domain.workers import Workers
    from queueworkers.frameworks.base import Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is, of one pool."""

    reading: Reading
    workers: Workers | None
    """``None`` while the pool has no Deployment."""
    restart_annotation: datetime | None
    """When somebody asked for a restart with `kubectl annotate`, or ``None``."""
    signalled_at: datetime | None = None
    """When somebody ran the framework's own `queue:restart`, where its cache can be read."""
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    """The queues of which workers take no jobs at present, and why."""
    references: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Digests of the ConfigMaps and Secrets that the workers refer to, such as ``{"ConfigMap/shop": "3fa9…"}``."""
    undo_to: Revision | None = None
    """The revision of workers to go back to; looked for only where somebody wants to."""
    exits: Exits = field(default_factory=Exits)
    """How often workers ended and came back."""
    told_phase: str | None = None
    """Where the replacement of workers stood when the status was written last."""
    budget: Budget | None = None
    """What the pool shares with others, as far as it is known; ``None`` where it shares nothing."""

    @property
    def current(self) -> int:
        """Workers asked for at present; none before there is a Deployment."""
        return self.workers.desired if self.workers else 0
