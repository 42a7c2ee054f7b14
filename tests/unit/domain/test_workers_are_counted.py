"""The pods of a pool by what they do, so that what they hold can be reasoned about."""

from __future__ import annotations

from queueworkers.domain.capacity import count_workers, gates_to_open
from queueworkers.domain.workers import TroubleKind
from unit.domain.given import a_pod, a_troubled_pod, ago, some_workers


def test_pods_are_counted_by_what_they_do() -> None:
    """In the middle of a rollout, with a cluster that is nearly full."""
    pods = (
        a_pod("works-1"),
        a_pod("works-2"),
        a_pod("starts", ready=False),
        a_pod("waits", ready=False, gated=True),
        a_troubled_pod(TroubleKind.UNSCHEDULABLE, name="has-no-room"),
        a_troubled_pod(TroubleKind.CRASHING, name="crashes"),
        a_pod("leaves", terminating=True, leaving_since=ago(5)),
    )

    counts = count_workers(pods, desired=4)

    assert counts.model_dump() == {"working": 2, "starting": 2, "waiting": 2, "draining": 1, "surge": 2}


def test_the_newest_template_goes_first_and_the_oldest_pod_of_it() -> None:
    """A worker of an old template would be replaced as soon as it worked."""
    pods = (
        a_pod("works"),
        a_pod("old", gated=True, ready=False, revision="1", created_at=ago(90)),
        a_pod("new-2", gated=True, ready=False, revision="2", created_at=ago(20)),
        a_pod("new-1", gated=True, ready=False, revision="2", created_at=ago(30)),
    )
    workers = some_workers(3, revision="2", pods=pods)

    assert gates_to_open(workers, 2) == ("new-1",)
    assert gates_to_open(workers, 3) == ("new-1", "new-2")
    assert gates_to_open(workers, None) == ("new-1", "new-2", "old")
    assert gates_to_open(workers, 1) == ()
