"""The workers as a decision on their number sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.crew import Boot, Crew, see_crew
from queueworkers.domain.scaling import Limiter
from queueworkers.domain.workers import PodTrouble, TroubleKind
from unit.domain.given import (
    NOON,
    a_backlog,
    a_pod,
    a_spec,
    ago,
    an_observation,
    decided,
    some_workers,
    watched,
)

if TYPE_CHECKING:
    from queueworkers.domain.workers import WorkerPod


def seen(*pods: WorkerPod, desired: int | None = None, **facts: Any) -> Crew:
    """Look at some pods; a worker that ends with 12 ends by design."""
    ready = sum(pod.ready for pod in pods)
    workers = some_workers(len(pods) if desired is None else desired, pods=pods, ready=ready, **facts)
    return see_crew(workers, recycles=lambda trouble: trouble.exit_code == 12, now=NOON)


def in_trouble(kind: TroubleKind, *, created: float = 5, exit_code: int | None = None) -> WorkerPod:
    """A pod that does not get to work."""
    trouble = PodTrouble(kind=kind, message="so it says", exit_code=exit_code)
    return a_pod("w-new", ready=False, created_at=ago(created), trouble=trouble)


def test_without_a_deployment_there_is_nobody() -> None:
    """And nothing fails."""
    assert see_crew(None, recycles=lambda _: False, now=NOON) == Crew()


def test_those_on_their_way_are_told_from_those_that_are_there() -> None:
    """A pod that waits for its place, that leaves, or that is in trouble is neither."""
    crew = seen(
        a_pod("ready", created_at=ago(60), ready_since=ago(57)),
        a_pod("young", ready=False, created_at=ago(2)),
        a_pod("gated", ready=False, gated=True),
        a_pod("leaving", ready=False, terminating=True, leaving_since=ago(1)),
        in_trouble(TroubleKind.CRASHING),
    )
    assert (crew.ready, crew.starting) == (1, (ago(2),))
    assert crew.booted == (Boot(created_at=ago(60), ready_at=ago(57)),)


def test_a_worker_that_came_back_has_not_booted() -> None:
    """Its readiness is of its second life."""
    assert seen(a_pod(ready_since=ago(3), crashed=True)).booted == ()


@pytest.mark.parametrize(
    ("pods", "fails"),
    [
        pytest.param((in_trouble(TroubleKind.CRASHING),), True, id="nobody-works"),
        pytest.param((a_pod(created_at=ago(600)), in_trouble(TroubleKind.CRASHING)), True, id="the-newest"),
        pytest.param(
            (a_pod(created_at=ago(2)), in_trouble(TroubleKind.CRASHING)), False, id="a-younger-one-works"
        ),
        pytest.param(
            (a_pod(created_at=ago(5)), in_trouble(TroubleKind.CRASHING)), False, id="one-of-its-batch-works"
        ),
        pytest.param(
            (a_pod(created_at=ago(2)), in_trouble(TroubleKind.UNSCHEDULABLE)), True, id="no-room-for-more"
        ),
        pytest.param((in_trouble(TroubleKind.CRASHING, exit_code=12),), False, id="ended-by-design"),
        pytest.param((a_pod(),), False, id="all-is-well"),
    ],
)
def test_new_workers_that_do_not_come_up_are_a_failure(pods: tuple[WorkerPod, ...], fails: bool) -> None:  # noqa: FBT001
    """One that a bad job ends again and again is not: others would help."""
    assert (seen(*pods).failing is not None) == fails


def test_a_refusal_of_pods_is_a_failure() -> None:
    """As by a quota: what is asked for beyond it does not come."""
    assert seen(a_pod(), refusal="exceeded quota: compute").failing == (
        "the API server refuses more: exceeded quota: compute"
    )


def test_no_worker_is_added_while_the_newest_fail() -> None:
    """The sentence names the pod, and fewer are still allowed."""
    pods = (a_pod("w-0"), in_trouble(TroubleKind.IMAGE_PULL_FAILED))
    workers = some_workers(2, pods=pods, ready=1)
    spec = a_spec(scaling={"backlogPerWorker": 1})

    grown = decided(spec, an_observation(a_backlog(ready=8), workers=workers), watched(), now=NOON)
    shrunk = decided(spec, an_observation(a_backlog(ready=1), workers=workers), watched(), now=NOON)

    assert (grown.replicas, grown.limiter) == (2, Limiter.FAILING)
    assert grown.failing == "w-new is ImagePullFailed: so it says"
    assert shrunk.replicas == 1
