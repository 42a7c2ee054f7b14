"""Queues that somebody paused, and an application in maintenance mode: no growth, and it is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from queueworkers.domain.announcements import announce_changes
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.pacing import due_in
from queueworkers.domain.report import report
from queueworkers.domain.verdict import judge
from queueworkers.frameworks.base import Hold
from unit.domain.given import (
    NOON,
    NOTHING,
    POOL,
    UNKNOWN,
    a_queue,
    a_spec,
    ago,
    an_observation,
    situation_of,
    watched,
)

PAUSED, MAINTENANCE = Hold.PAUSED, Hold.MAINTENANCE
BOTH = Backlog(
    queues=(
        a_queue("emails", ready=30, delayed=9, due=9, reserved=1, expired=1),
        a_queue("default", ready=25),
    ),
    read_at=NOON,
)


def held(holds: dict[str, Hold], *, reading: Any = BOTH, workers: int = 1, **fields: Any) -> Any:
    """What is to be said of a pool of two queues, of which some are held."""
    spec = a_spec(**{"queues": ["emails", "default"], **fields})
    observation = an_observation(reading, workers=workers, holds=holds)
    return situation_of(spec, observation, history=watched(active_at=ago(900)))


def said(holds: dict[str, Hold], **given: Any) -> Any:
    """The status of such a pool."""
    return report(POOL, held(holds, **given), generation=1, previous=NOTHING, now=NOON)


@pytest.mark.parametrize(
    ("holds", "recommended", "replicas"),
    [
        pytest.param({}, 7, 7, id="nothing-is-held"),
        pytest.param({"emails": PAUSED}, 3, 3, id="the-other-queue-counts"),
        pytest.param({"emails": PAUSED, "default": PAUSED}, 0, 1, id="both-paused"),
        pytest.param({"emails": MAINTENANCE, "default": MAINTENANCE}, 0, 1, id="maintenance"),
    ],
)
def test_jobs_that_nobody_takes_ask_for_nobody(
    holds: dict[str, Hold], recommended: int, replicas: int
) -> None:
    """Ready, due and expired ones; the minimum stays."""
    decision = held(holds).decision
    assert (decision.recommended, decision.replicas) == (recommended, replicas)


def test_a_pool_may_choose_to_grow_all_the_same() -> None:
    """Where the notice is not this application's, or workers should be there when it ends."""
    situation = held({"emails": PAUSED}, scaling={"onPause": "Ignore"})
    assert (situation.decision.replicas, situation.decision.holds) == (7, {})


def test_a_job_in_hand_keeps_its_worker() -> None:
    """It was begun before the pause, and is ended."""
    reading = Backlog(queues=(a_queue("emails", ready=40, reserved=3),), read_at=NOON)
    situation = held({"emails": PAUSED}, reading=reading, workers=5, queues=["emails"])
    assert situation.decision.recommended == 3


def test_workers_leave_a_paused_queue_as_they_leave_an_empty_one() -> None:
    """After the same window and cooldown, and come back when it goes on."""
    quick = {"minReplicas": 0, "cooldownSeconds": 60}
    paused = {"emails": PAUSED, "default": PAUSED}
    assert held(paused, workers=5, scaling=quick).decision.replicas == 0
    assert held({}, workers=0, scaling=quick).decision.replicas == 7


@pytest.mark.parametrize(
    ("holds", "explanation"),
    [
        pytest.param(
            {"emails": PAUSED},
            "3 workers: 25 waiting and 0 in hand, at 10 per worker, ask for 3;"
            " queue emails is paused, so 40 waiting jobs do not count.",
            id="one",
        ),
        pytest.param(
            {"emails": PAUSED, "default": PAUSED},
            "1 worker: 0 waiting and 0 in hand, at 10 per worker, ask for 0;"
            " queues default and emails are paused, so 65 waiting jobs do not count; minReplicas keeps 1.",
            id="two",
        ),
        pytest.param(
            {"emails": MAINTENANCE, "default": MAINTENANCE},
            "1 worker: 0 waiting and 0 in hand, at 10 per worker, ask for 0;"
            " the application is in maintenance mode, so 65 waiting jobs do not count; minReplicas keeps 1.",
            id="maintenance",
        ),
    ],
)
def test_it_is_explained(holds: dict[str, Hold], explanation: str) -> None:
    """Which queues, and how many jobs wait in them."""
    assert said(holds).explanation == explanation


def test_many_paused_queues_are_counted() -> None:
    """A sentence stays one."""
    names = [f"q{number}" for number in range(5)]
    reading = Backlog(queues=tuple(a_queue(name, ready=0) for name in names), read_at=NOON)
    words = held(dict.fromkeys(names, PAUSED), reading=reading, queues=names).explanation
    assert "; 5 queues are paused, so 0 waiting jobs do not count" in words


@pytest.mark.parametrize(
    ("holds", "given", "reason", "column"),
    [
        pytest.param({"emails": PAUSED}, {"workers": 3}, "Paused", "Paused 1/2", id="one"),
        pytest.param({"emails": PAUSED, "default": PAUSED}, {}, "Paused", "Paused", id="all"),
        pytest.param(
            {"emails": MAINTENANCE, "default": MAINTENANCE},
            {},
            "Maintenance",
            "Maintenance",
            id="maintenance",
        ),
        pytest.param(
            {"emails": PAUSED}, {"suspend": True, "workers": 0}, "Suspended", "Suspended", id="suspended"
        ),
        pytest.param({"emails": PAUSED}, {"workers": 0}, "Starting", "Starting", id="growing-for-the-other"),
        pytest.param(
            {"emails": PAUSED},
            {"workers": 2, "scaling": {"maxReplicas": 2}},
            "Paused",
            "Paused 1/2",
            id="at-the-maximum-for-the-other",
        ),
        pytest.param(
            {"emails": PAUSED},
            {"reading": UNKNOWN},
            "BacklogUnknown",
            "BacklogUnknown",
            id="not-known-either",
        ),
    ],
)
def test_where_it_ranks(holds: dict[str, Hold], given: dict[str, Any], reason: str, column: str) -> None:
    """After what has to be acted upon and what is on its way, before what is as ever."""
    situation = held(holds, **given)
    assert judge(situation).reason == reason
    assert said(holds, **given).summary.status == column


def test_the_status_has_it_by_queue() -> None:
    """And only where it is so; the counts stay what they are."""
    queues = {queue["name"]: queue for queue in said({"emails": PAUSED}).to_wire()["queues"]}
    assert (queues["emails"]["hold"], queues["emails"]["ready"]) == ("Paused", 30)
    assert "hold" not in queues["default"]


def test_it_is_told_at_once() -> None:
    """Even where another reason is told in one word for the pool."""
    before, now = said({"emails": PAUSED}), said({"default": PAUSED})
    wait = due_in(before, now, written_at=ago(1), now=NOON, pace=timedelta(seconds=5))
    assert wait == timedelta(0)


@pytest.mark.parametrize(
    ("before", "now", "events"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(
            {},
            {"emails": PAUSED},
            [("QueuesPaused", "queue emails: 40 waiting jobs ask for no worker until it is over")],
            id="paused",
        ),
        pytest.param({"emails": PAUSED}, {"emails": PAUSED}, [], id="still-paused"),
        pytest.param(
            {"emails": PAUSED, "default": PAUSED},
            {"default": PAUSED},
            [("QueuesContinued", "queue emails: 40 waiting jobs count again")],
            id="one-continued",
        ),
        pytest.param(
            {"emails": PAUSED},
            {"emails": MAINTENANCE, "default": MAINTENANCE},
            [
                ("QueuesContinued", "queue emails: 40 waiting jobs count again"),
                (
                    "MaintenanceBegan",
                    "queues emails and default: 65 waiting jobs ask for no worker until it is over",
                ),
            ],
            id="maintenance-after-a-pause",
        ),
        pytest.param(
            {"emails": MAINTENANCE, "default": MAINTENANCE},
            {},
            [("MaintenanceEnded", "queues emails and default: 65 waiting jobs count again")],
            id="maintenance-over",
        ),
    ],
)
def test_its_beginning_and_its_end_are_events(
    before: dict[str, Hold], now: dict[str, Hold], events: list[tuple[str, str]]
) -> None:
    """Each once, with the queues and what waits in them."""
    announced = announce_changes(said(before), said(now))
    assert [(each.reason, each.note) for each in announced if not each.warning] == events
