"""
What an application's own commands left for its workers.

Somebody who pauses a queue, or takes the application down for maintenance,
does not want its jobs run now: workers that were added for them would wait
beside them.  So the jobs that wait in such a queue are seen and ask for nobody,
until it is over.  Jobs in hand are ended all the same, and keep their workers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from queueworkers.domain.backlog import Backlog
    from queueworkers.frameworks.base import Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What is known; nothing where the cache cannot be read."""

    restart_at: datetime | None = None
    """When the workers were last asked to restart."""
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    """The queues of which they take no jobs at present, and why."""


def count_held(backlog: Backlog, holds: Collection[str]) -> int:
    """Count the jobs that wait in queues of which no worker takes any."""
    return sum(queue.waiting for queue in backlog.queues if queue.name in holds)
