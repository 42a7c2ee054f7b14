"""Since when the oldest job waits, from a payload, a score or the first sight."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from queueworkers.backlog.round_trip import Counted, QueueAddress
from queueworkers.backlog.waiting_time import HeadSights
from queueworkers.frameworks.laravel import LARAVEL

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADDRESS = QueueAddress(0, LARAVEL.keys("default", prefix="", version=None), LARAVEL.read_header)


def ago(seconds: float) -> datetime:
    """A moment before `NOW`."""
    return NOW - timedelta(seconds=seconds)


def counted(head: Any = None, **changed: Any) -> Counted:
    """A queue with this job at its head, and nothing else."""
    facts: dict[str, Any] = {
        "ready": 1, "delayed": 0, "due": 0, "reserved": 0, "expired": 0, "due_since": None, "expired_since": None,
    }  # fmt: skip
    return Counted(head=json.dumps(head).encode() if head else None, **(facts | changed))


def test_first_sight_stays_while_the_head_stays():
    """A payload without a time is as old as our knowledge of it."""
    sights = HeadSights()
    job = counted({"job": "x", "id": "1"})
    assert sights.oldest_since(ADDRESS, job, now=ago(60)) == ago(60)
    assert sights.oldest_since(ADDRESS, job, now=NOW) == ago(60)
    assert sights.oldest_since(ADDRESS, counted({"job": "x", "id": "2"}), now=NOW) == NOW


def test_an_empty_list_forgets_its_head():
    """The same job, pushed again, waits anew."""
    sights = HeadSights()
    job = counted({"job": "x", "id": "1"})
    sights.oldest_since(ADDRESS, job, now=ago(60))
    sights.oldest_since(ADDRESS, counted(), now=ago(30))
    assert sights.oldest_since(ADDRESS, job, now=NOW) == NOW


def test_a_retried_job_is_not_as_old_as_its_first_push():
    """It was in a worker's hands or in a backoff meanwhile; only what is seen counts."""
    job = {"job": "x", "id": "1", "createdAt": int(ago(3600).timestamp())}
    assert HeadSights().oldest_since(ADDRESS, counted({**job, "attempts": 0}), now=NOW) == ago(3600)
    assert HeadSights().oldest_since(ADDRESS, counted({**job, "attempts": 1}), now=NOW) == NOW


def test_a_time_in_the_future_is_now():
    """The application's clock may be ahead of Redis's."""
    job = {"job": "x", "id": "1", "createdAt": int(NOW.timestamp()) + 500}
    assert HeadSights().oldest_since(ADDRESS, counted(job), now=NOW) == NOW


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
    assert HeadSights().oldest_since(ADDRESS, job, now=NOW) == ago(20)


def test_nothing_waits():
    """Jobs that are held back, or in a worker's hands, wait for nobody."""
    empty = counted(ready=0, delayed=3, reserved=2)
    assert HeadSights().oldest_since(ADDRESS, empty, now=NOW) is None
