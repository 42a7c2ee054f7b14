"""Since when the oldest job waits, from a payload, a score or the first sight."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queueworkers.api.conditions import WaitBound
from queueworkers.backlog.round_trip import Counted, QueueAddress
from queueworkers.backlog.waiting_time import HeadSights, Waiting
from queueworkers.domain.backlog import SeenHead, Wait
from queueworkers.frameworks.base import Spelling
from queueworkers.frameworks.laravel import LARAVEL

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADDRESS = QueueAddress(0, LARAVEL.keys("default", Spelling()), LARAVEL.read_header)


def ago(seconds: float) -> datetime:
    """A moment before `NOW`."""
    return NOW - timedelta(seconds=seconds)


def counted(head: Any = None, **changed: Any) -> Counted:
    """A queue with this job at its head, and nothing else."""
    facts: dict[str, Any] = {
        "ready": 1, "delayed": 0, "due": 0, "reserved": 0, "expired": 0, "due_since": None, "expired_since": None,
    }  # fmt: skip
    return Counted(heads=(json.dumps(head).encode(),) if head else (), **(facts | changed))


def test_first_sight_stays_while_the_head_stays():
    """A payload without a time is as old as our knowledge of it."""
    sights = HeadSights()
    job = counted({"job": "x", "id": "1"})
    assert sights.look(ADDRESS, job, now=ago(60)).oldest.since == ago(60)
    assert sights.look(ADDRESS, job, now=NOW).oldest.since == ago(60)
    assert sights.look(ADDRESS, counted({"job": "x", "id": "2"}), now=NOW).oldest.since == NOW


def test_an_empty_list_forgets_its_head():
    """The same job, pushed again, waits anew."""
    sights = HeadSights()
    job = counted({"job": "x", "id": "1"})
    sights.look(ADDRESS, job, now=ago(60))
    sights.look(ADDRESS, counted(), now=ago(30))
    assert sights.look(ADDRESS, job, now=NOW).oldest.since == NOW


def test_another_reader_goes_on_where_one_ended():
    """As long as the head is the same, and only for a queue that the other has not looked at itself."""
    one, same, moved = HeadSights(), HeadSights(), HeadSights()
    job = counted({"job": "x", "id": "1"})
    seen = one.look(ADDRESS, job, now=ago(59.7))
    assert seen == Waiting(
        Wait(ago(60), WaitBound.AT_LEAST), SeenHead(digest=seen.head.digest, since=ago(60))
    )
    same.take_over(ADDRESS, seen.head)
    assert same.look(ADDRESS, job, now=NOW) == seen
    moved.take_over(ADDRESS, seen.head)
    assert moved.look(ADDRESS, counted({"job": "x", "id": "2"}), now=NOW).oldest.since == NOW


def test_what_was_known_does_not_overrule_what_is_seen():
    """The list was empty meanwhile, so the same job waits anew, whatever was written down before."""
    sights = HeadSights()
    job = counted({"job": "x", "id": "1"})
    known = sights.look(ADDRESS, job, now=ago(60)).head
    sights.look(ADDRESS, counted(), now=ago(30))
    sights.take_over(ADDRESS, known)
    assert sights.look(ADDRESS, job, now=NOW).oldest.since == NOW


@pytest.mark.parametrize(
    "head", [{"job": "x", "id": "canary-5d"}, {"job": "canary-5d"}, {"id": "canary-5d" * 999}]
)
def test_nothing_of_a_job_leaves_but_a_short_digest(head):
    """Whatever an application calls its jobs."""
    seen = HeadSights().look(ADDRESS, counted(head), now=NOW).head
    assert len(seen.digest) == 16
    assert set(seen.digest) <= set("0123456789abcdef")


def test_a_queue_that_tells_its_age_needs_no_memory():
    """Then the next reader is told the same."""
    job = {"job": "x", "id": "1", "createdAt": int(ago(60).timestamp()), "attempts": 0}
    assert HeadSights().look(ADDRESS, counted(job), now=NOW) == Waiting(Wait(ago(60)), None)
    assert HeadSights().look(ADDRESS, counted(), now=NOW) == Waiting(None, None)


def test_a_retried_job_is_not_as_old_as_its_first_push():
    """It was in a worker's hands or in a backoff meanwhile; only what is seen counts."""
    job = {"job": "x", "id": "1", "createdAt": int(ago(3600).timestamp())}
    assert HeadSights().look(ADDRESS, counted({**job, "attempts": 0}), now=NOW).oldest.since == ago(3600)
    assert HeadSights().look(ADDRESS, counted({**job, "attempts": 1}), now=NOW).oldest.since == NOW


def test_a_time_in_the_future_is_now():
    """The application's clock may be ahead of Redis's."""
    job = {"job": "x", "id": "1", "createdAt": int(NOW.timestamp()) + 500}
    assert HeadSights().look(ADDRESS, counted(job), now=NOW).oldest.since == NOW


def test_the_earliest_of_head_due_and_expired():
    """Whatever could have been taken first."""
    job = counted(
        {"job": "x", "id": "1"},
        due=1,
        delayed=1,
        due_since=ago(10).timestamp(),
        reserved=1,
        expired=1,
        expired_since=ago(20).timestamp(),
    )
    assert HeadSights().look(ADDRESS, job, now=NOW).oldest.since == ago(20)


def test_nothing_waits():
    """Jobs that are held back, or in a worker's hands, wait for nobody."""
    empty = counted(ready=0, delayed=3, reserved=2)
    assert HeadSights().look(ADDRESS, empty, now=NOW).oldest is None
