"""Whether a pool's workers hear that they are asked to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queueworkers.api.spec import QueueWorkerPoolSpec


def can_listen(spec: QueueWorkerPoolSpec) -> bool:
    """Tell whether the worker of this version of the framework hears a stop at all; the newest does."""
    return spec.version_tuple is None or spec.version_tuple >= spec.framework_declared.listens_since
