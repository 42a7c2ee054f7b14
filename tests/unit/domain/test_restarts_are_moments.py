"""One request is one rollout, however often and however late it is seen."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from queueworkers.domain.restarts import Restart, decide_restart, parse_moment
from queueworkers.domain.triggers import RestartRequest, RestartRequests, RestartTrigger
from unit.domain.given import NOON, ago

if TYPE_CHECKING:
    from collections.abc import Iterable

ANNOTATION, SPEC = RestartTrigger.ANNOTATION, RestartTrigger.SPEC
EARLIER, EARLY, SOON, LATER = ago(200), ago(100), ago(-100), ago(-200)


def asked(annotated_at: datetime | None, requested_at: datetime | None) -> RestartRequests:
    """What an annotation and the spec ask for."""
    wishes = {ANNOTATION: annotated_at, SPEC: requested_at}
    return tuple(RestartRequest(trigger=trigger, at=at) for trigger, at in wishes.items() if at)


@pytest.mark.parametrize(
    ("annotated_at", "requested_at", "done_at", "marker", "due", "revisit_at"),
    [
        pytest.param(None, None, None, None, None, None, id="never-asked"),
        pytest.param(EARLY, None, None, EARLY, ANNOTATION, None, id="annotation"),
        pytest.param(None, EARLY, None, EARLY, SPEC, None, id="spec"),
        pytest.param(NOON, None, None, NOON, ANNOTATION, None, id="now-is-due"),
        pytest.param(EARLY, None, EARLY, EARLY, None, None, id="done"),
        pytest.param(None, EARLY, EARLY, EARLY, None, None, id="spec-done"),
        pytest.param(EARLIER, None, EARLY, EARLY, None, None, id="older-than-what-was-done"),
        pytest.param(None, None, EARLY, EARLY, None, None, id="request-removed-later"),
        pytest.param(EARLY, None, EARLIER, EARLY, ANNOTATION, None, id="asked-again"),
        pytest.param(SOON, None, None, None, None, SOON, id="in-advance"),
        pytest.param(None, SOON, EARLY, EARLY, None, SOON, id="in-advance-after-an-earlier-one"),
        pytest.param(EARLIER, EARLY, None, EARLY, SPEC, None, id="both-the-later-counts"),
        pytest.param(EARLY, EARLIER, None, EARLY, ANNOTATION, None, id="both-the-other-way-round"),
        pytest.param(EARLIER, EARLY, EARLIER, EARLY, SPEC, None, id="both-one-done"),
        pytest.param(EARLY, SOON, None, EARLY, ANNOTATION, SOON, id="both-one-due"),
        pytest.param(LATER, SOON, EARLY, EARLY, None, SOON, id="both-in-advance-the-nearer-first"),
    ],
)
def test_a_restart_is_the_latest_that_is_due(
    annotated_at: datetime | None,
    requested_at: datetime | None,
    done_at: datetime | None,
    marker: datetime | None,
    due: RestartTrigger | None,
    revisit_at: datetime | None,
) -> None:
    """The template never goes back, and a request that is not later than what it carries is done."""
    restart = decide_restart(asked(annotated_at, requested_at), done_at=done_at, now=NOON)

    by = {annotated_at: ANNOTATION, requested_at: SPEC}.get(marker) if marker else None
    assert restart == Restart(marker=marker, trigger=due or by, due=bool(due), revisit_at=revisit_at)


MOMENTS = (None, EARLIER, EARLY, NOON, SOON, LATER)


def test_what_was_done_is_not_done_again() -> None:
    """After any decision, the same question has the answer that there is nothing new."""
    for annotated_at, requested_at, done_at in itertools.product(MOMENTS, MOMENTS, (None, EARLIER, EARLY)):
        first = decide_restart(asked(annotated_at, requested_at), done_at=done_at, now=NOON)
        again = decide_restart(asked(annotated_at, requested_at), done_at=first.marker, now=NOON)
        assert (again.marker, again.due) == (first.marker, False)


def test_a_request_in_advance_restarts_once_when_its_time_comes() -> None:
    """Looked at every second, it is new in exactly one of them."""
    assert triggers(annotated_at=SOON, requested_at=None) == [(SOON, ANNOTATION)]


def test_two_requests_in_advance_are_two_restarts() -> None:
    """Each at its own time."""
    assert triggers(annotated_at=LATER, requested_at=SOON) == [(SOON, SPEC), (LATER, ANNOTATION)]


def triggers(
    *, annotated_at: datetime | None, requested_at: datetime | None
) -> list[tuple[datetime, RestartTrigger]]:
    """Look every second from noon on; return when there was something new."""
    found, done_at = [], None
    for moment in every_second(300):
        restart = decide_restart(asked(annotated_at, requested_at), done_at=done_at, now=moment)
        if restart.due and restart.trigger:
            found.append((moment, restart.trigger))
        done_at = restart.marker
    return found


def every_second(count: int) -> Iterable[datetime]:
    """Seconds from noon on."""
    return (NOON + timedelta(seconds=second) for second in range(count))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-11-23T12:00:00Z", NOON, id="utc"),
        pytest.param("2026-11-23T12:00:00+00:00", NOON, id="date-Is"),
        pytest.param("2026-11-23T20:00:00+08:00", NOON, id="another-zone"),
        pytest.param("2026-11-23T12:00:00.250Z", NOON + timedelta(milliseconds=250), id="a-fraction"),
        pytest.param(
            "2026-11-23T12:00:00.123456789Z", NOON + timedelta(microseconds=123_456), id="nanoseconds"
        ),
        pytest.param("2026-11-23T12:00:00", None, id="no-zone"),
        pytest.param("2026-11-23", None, id="a-date"),
        pytest.param("now", None, id="a-word"),
        pytest.param("1795435200", None, id="a-number"),
        pytest.param("2026-02-30T12:00:00Z", None, id="no-such-day"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before-the-calendar-begins-in-utc"),
        pytest.param("9999-12-31T23:59:59-01:00", None, id="after-it-ends-in-utc"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_a_moment_has_a_zone_or_is_none(text: str | None, expected: datetime | None) -> None:
    """What cannot be told in UTC is not a moment, and no reason to fail."""
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5, minutes=30))]
)
def test_a_marker_reads_as_it_was_written(zone: timezone) -> None:
    """A marker that came back changed would be another rollout."""
    marker = (NOON + timedelta(microseconds=7)).astimezone(zone)

    assert str(parse_moment(marker.isoformat())) == str(marker)
