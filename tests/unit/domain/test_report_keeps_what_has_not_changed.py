"""The status of a pool, written so that it can be compared with the one before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.spec import InvalidSpec
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.domain.backlog import Backlog, UnknownBacklog, Wait
from queueworkers.domain.report import report_invalid
from unit.domain.given import (
    NOON,
    POOL,
    UNKNOWN,
    a_backlog,
    a_queue,
    ago,
    some_workers,
    told,
    watched,
)


def condition(status: QueueWorkerPoolStatus, kind: str) -> tuple[str, str, datetime]:
    """Take a condition's status, reason and transition time."""
    (found,) = (each for each in status.conditions if each.type == kind)
    return found.status, found.reason, found.last_transition_time


def test_the_same_situation_gives_the_same_status() -> None:
    """At rest there is nothing to write, an hour later either."""
    first = told()

    assert told(previous=first, now=ago(-3600)) == first
    assert QueueWorkerPoolStatus.model_validate(first.to_wire()) == first


def test_every_condition_is_there_from_the_first_look_on() -> None:
    """And says which generation it is about: `kubectl wait` needs both."""
    conditions = told(generation=7).conditions

    assert {each.type for each in conditions} == {
        "Ready",
        "BacklogKnown",
        "ScalingActive",
        "ScalingLimited",
        "Progressing",
        "StopsGracefully",
    }
    assert {each.observed_generation for each in conditions} == {7}


def test_a_transition_time_changes_with_the_status_alone() -> None:
    """Not with the reason, not with the message, and not with the generation."""
    first = told(UNKNOWN)
    other = UnknownBacklog(reason=UnknownReason.CONNECTION_FAILED, message="Refused.")

    second = told(other, previous=first, now=ago(-60), generation=2)
    third = told(previous=second, now=ago(-120))

    assert condition(first, "BacklogKnown") == ("False", "TimedOut", NOON)
    assert condition(second, "BacklogKnown") == ("False", "ConnectionFailed", NOON)
    assert condition(third, "BacklogKnown") == ("True", "BacklogRead", ago(-120))


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        pytest.param(UNKNOWN, "False", id="not-read"),
        pytest.param(
            UnknownBacklog(reason=UnknownReason.QUEUE_NOT_FOUND, message="none"), "Unknown", id="doubtful"
        ),
        pytest.param(a_backlog(), "True", id="read"),
    ],
)
def test_a_backlog_is_known_or_not_or_doubtful(reading: Any, expected: str) -> None:
    """A queue without any key may be new, or looked for in the wrong place."""
    assert condition(told(reading), "BacklogKnown")[0] == expected


def test_what_is_not_known_is_absent() -> None:
    """Also when it was known before: an old count is no count."""
    known = told(a_backlog(ready=5, oldest=Wait(ago(9))))

    wire = told(UNKNOWN, previous=known).to_wire()

    assert not {"backlog", "oldestJobTime", "recommendedReplicas"} & wire.keys()
    assert wire["queues"] == []
    assert wire["desiredReplicas"] == 1


def test_counts_are_told_by_queue_and_together() -> None:
    """Waiting is what a worker could begin now."""
    reading = Backlog(
        queues=(
            a_queue("high", ready=2, oldest=Wait(ago(38))),
            a_queue("low", ready=1, delayed=5, due=2, reserved=4, expired=1, oldest=Wait(ago(9))),
        ),
        read_at=NOON,
    )

    wire = told(reading).to_wire()

    assert wire["backlog"] == {
        "waiting": 6,
        "ready": 3,
        "delayed": 5,
        "due": 2,
        "reserved": 4,
        "expired": 1,
        "observedTime": "2026-11-23T12:00:00Z",
    }
    assert [(queue["name"], queue["ready"]) for queue in wire["queues"]] == [("high", 2), ("low", 1)]
    assert wire["oldestJobTime"] == "2026-11-23T11:59:22Z"


@pytest.mark.parametrize(
    ("reading", "workers", "scaling", "expected"),
    [
        pytest.param(a_backlog(ready=500), 10, {}, ("True", "TooManyReplicas"), id="above-the-maximum"),
        pytest.param(a_backlog(), 1, {}, ("True", "TooFewReplicas"), id="below-the-minimum"),
        pytest.param(a_backlog(ready=50), 5, {}, ("False", "DesiredWithinRange"), id="within"),
    ],
)
def test_only_a_bound_is_a_limit(reading: Any, workers: int, scaling: Any, expected: Any) -> None:
    """A window or a cooldown takes its time, but it forbids nothing."""
    assert condition(told(reading, workers=workers, scaling=scaling), "ScalingLimited")[:2] == expected


@pytest.mark.parametrize(
    ("workers", "scaling"),
    [pytest.param(5, {}, id="a-window"), pytest.param(1, {"minReplicas": 0}, id="a-cooldown")],
)
def test_what_takes_its_time_is_not_limited(workers: int, scaling: dict[str, Any]) -> None:
    """It comes and goes with every reading of a busy queue."""
    held = told(a_backlog(), workers=workers, scaling=scaling, history=watched(5))

    assert held.desired_replicas == workers
    assert condition(held, "ScalingLimited")[:2] == ("False", "DesiredWithinRange")


def test_a_change_of_the_number_has_a_time() -> None:
    """The first number is none."""
    first = told(a_backlog(ready=15), workers=2)
    second = told(a_backlog(ready=45), workers=2, previous=first, now=ago(-60))
    third = told(a_backlog(ready=44), workers=5, previous=second, now=ago(-90))

    assert [each.last_scale_time for each in (first, second, third)] == [None, ago(-60), ago(-60)]


@pytest.mark.parametrize(
    ("marker", "annotation", "spec_at", "expected"),
    [
        pytest.param(None, None, None, None, id="never"),
        pytest.param(None, ago(9), None, (ago(9), "Annotation"), id="new"),
        pytest.param(ago(9), ago(9), None, (ago(9), "Annotation"), id="applied-but-not-told"),
        pytest.param(ago(9), ago(90), ago(9), (ago(9), "Spec"), id="applied-but-not-told-by-spec"),
        pytest.param(ago(9), None, None, (ago(9), None), id="request-removed-before-it-was-told"),
    ],
)
def test_the_last_restart_is_what_the_workers_carry(
    marker: Any, annotation: Any, spec_at: Any, expected: Any
) -> None:
    """Told also when the operator was stopped between doing and telling."""
    restart = {"restart": {"at": spec_at.isoformat()}} if spec_at else {}

    status = told(workers=some_workers(1, restart_marker=marker), restart_annotation=annotation, **restart)

    found = status.last_restart
    assert (found and (found.time, found.trigger)) == expected


def test_a_restart_that_was_told_stays_told() -> None:
    """Who asked for it is not forgotten when the request is removed."""
    done = some_workers(1, restart_marker=ago(9) + timedelta(microseconds=5))
    first = told(workers=done, restart_annotation=ago(9) + timedelta(microseconds=5))

    second = told(workers=done, previous=first)

    assert second.last_restart == first.last_restart
    assert second.last_restart is not None
    assert second.last_restart.trigger == "Annotation"


def test_a_first_job_is_remembered_for_its_address() -> None:
    """An empty queue has no keys, so only memory tells it from one that is looked for in the wrong place."""
    seen = told(a_backlog(ready=1))
    empty = told(previous=seen, now=ago(-60))
    moved = told(previous=empty, redis={"host": "redis", "prefix": "shop_"})

    assert [each.source and each.source.first_job_time for each in (told(), seen, empty, moved)] == [
        None,
        NOON,
        NOON,
        None,
    ]
    assert moved.source
    assert moved.source.address == "redis.shop.svc:6379/0 shop_"


@pytest.mark.parametrize(
    ("redis", "address"),
    [
        pytest.param({"host": "10.0.0.7", "port": 6380, "database": 2}, "10.0.0.7:6380/2", id="host"),
        pytest.param(
            {"sentinel": {"masterName": "main", "nodes": [{"host": "s-0"}, {"host": "s.other"}]}, "prefix": "shop_"},
            "main by Sentinel s-0.shop.svc:26379,s.other:26379/0 shop_",
            id="sentinel",
        ),
        pytest.param(
            {"cluster": {"nodes": [{"host": f"n-{number}"} for number in range(5)]}},
            "cluster n-0.shop.svc:6379,n-1.shop.svc:6379,n-2.shop.svc:6379 and 2 more/0",
            id="cluster",
        ),
    ],
)  # fmt: skip
def test_the_address_is_that_of_the_place(redis: dict[str, Any], address: str) -> None:
    """Not of the server that just now has the queues: after a fail-over they are the same queues."""
    source = told(redis=redis).source
    assert source
    assert source.address == address


def test_an_invalid_spec_is_said_and_the_rest_is_kept() -> None:
    """Workers go on while their pool cannot be read."""
    before = told(a_backlog(ready=5))
    invalid = InvalidSpec(problems=("spec.framework: must be one of Laravel, ThinkPHP.",))

    after = report_invalid(POOL, invalid, generation=2, previous=before, now=NOON)

    assert condition(after, "Ready") == ("False", "InvalidSpec", NOON)
    assert (after.observed_generation, after.desired_replicas) == (2, before.desired_replicas)


@pytest.mark.parametrize(
    ("fields", "tries"),
    [
        pytest.param({}, 1, id="laravel"),
        pytest.param({"version": "5.8.38"}, 0, id="an-older-laravel"),
        pytest.param({"version": "5.8.38", "tries": 3}, 3, id="said"),
        pytest.param({"framework": "ThinkPHP", "retryAfter": 90}, 0, id="think"),
        pytest.param(
            {"framework": "ThinkPHP", "retryAfter": 90, "tries": 0}, 0, id="without-end-and-said-so"
        ),
    ],
)
def test_how_often_a_job_is_tried_is_told(fields: dict[str, Any], tries: int) -> None:
    """What holds when nobody said anything is not the same everywhere, and without end may come as a surprise."""
    assert told(**fields).tries == tries
