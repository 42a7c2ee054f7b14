"""Everything that a decision is based on, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is, of one pool."""

    reading: Reading
    workers: Workers | None
    """``None`` while the pool has no Deployment."""
    restart_annotation: datetime | None
    """When somebody asked for a restart with `kubectl annotate`, or ``None``."""
