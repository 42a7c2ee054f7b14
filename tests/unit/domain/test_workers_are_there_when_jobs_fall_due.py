"""Workers are asked for a boot before delayed jobs fall due, and stay until then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.backlog import Backlog, Upcoming
from queueworkers.domain.crew import Crew
from queueworkers.domain.learning import Learned
from queueworkers.domain.replicas import decide_replicas
from queueworkers.domain.scaling import Limiter
from unit.domain.given import NOON, a_queue, a_spec, watched

if TYPE_CHECKING:
    from queueworkers.domain.replicas import Sizing

TARGETS = pytest.mark.parametrize(
    "target",
    [
        pytest.param({"backlogPerWorker": 10}, id="jobs-per-worker"),
        pytest.param({"waitSeconds": 1}, id="a-wait"),
    ],
)
"""By each, thirty jobs that fall due together ask for several workers."""


def sized(
    target: dict[str, int],
    *,
    due_in: float,
    workers: int = 0,
    boot: float = 4.0,
    read_ago: float = 0.0,
) -> Sizing:
    """Decide for thirty jobs that fall due together, where nothing makes a worker stay that is not needed."""
    spec = a_spec(
        scaling={
            "minReplicas": 0,
            "cooldownSeconds": 0,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            **target,
        }
    )
    queue = a_queue(delayed=30, upcoming=(Upcoming(at=NOON + timedelta(seconds=due_in), jobs=30),))
    return decide_replicas(
        spec.scaling,
        Backlog(queues=(queue,), read_at=NOON - timedelta(seconds=read_ago), age=timedelta(seconds=read_ago)),
        Crew(desired=workers, ready=workers),
        watched(learned=Learned(boots=(boot,))),
        now=NOON,
    )


@TARGETS
@pytest.mark.parametrize("read_ago", [0.0, 0.9, 30.0])
def test_they_are_asked_for_a_boot_before(target: dict[str, Any], read_ago: float) -> None:
    """However old the reading is that tells of the jobs."""
    early, late = (sized(target, due_in=due_in, read_ago=read_ago) for due_in in (4.1, 4.0))
    assert early.replicas == 0
    assert early.revisit_at == NOON + timedelta(seconds=0.1)
    assert late.replicas > 1


@TARGETS
def test_who_was_quicker_than_was_guessed_stays(target: dict[str, Any]) -> None:
    """They were asked for five seconds before, booted in half of one, and are not let go to be asked for again."""
    needed = sized(target, due_in=0.5, boot=0.5).replicas
    kept = sized(target, due_in=5.0, boot=0.5, workers=needed)
    assert (kept.replicas, kept.limiter) == (needed, Limiter.SOON_DUE)
    assert sized(target, due_in=5.1, boot=0.5, workers=needed).replicas == 0


@TARGETS
def test_nobody_is_kept_beyond_the_need_or_asked_for_too_early(target: dict[str, Any]) -> None:
    """No more than the jobs need stay; and none come before it is time."""
    needed = sized(target, due_in=0.5, boot=0.5).replicas
    assert sized(target, due_in=3.0, boot=0.5, workers=needed + 5).replicas == needed
    assert sized(target, due_in=3.0, boot=0.5, workers=needed - 1).replicas == needed - 1
