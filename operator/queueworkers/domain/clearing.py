"""How long workers will be busy with what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Backlog
    from queueworkers.domain.learning import Learned


def seconds_to_clear(backlog: Backlog, learned: Learned, *, ready: int) -> float | None:
    """
    Tell for how many seconds *ready* workers are busy with the jobs that wait now, if no other one came.

    Args:
        backlog: The latest reading.
        learned: How long a job of each queue takes.
        ready: Workers that take jobs.

    Returns:
        0 where nothing waits; ``None`` where nobody works, or where no job of a queue that has some was seen to
        end: a guess would look like a measurement.
    """
    waiting = [queue for queue in backlog.queues if queue.waiting]
    if not waiting:
        return 0.0
    flows = [learned.flow(queue.name) for queue in waiting]
    if not ready or any(flow is None or not flow.ended for flow in flows):
        return None
    work = sum(queue.waiting * flow.job_seconds for queue, flow in zip(waiting, flows, strict=True) if flow)
    return work / ready
