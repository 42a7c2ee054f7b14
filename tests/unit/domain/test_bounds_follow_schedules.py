"""The bounds in force are the pool's own, or those of the schedules whose time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from queueworkers.api.scaling import ScalingSpec
from queueworkers.domain.bounds import Bounds, bounds_in_force

BERLIN = "Europe/Berlin"

TEN_MINUTES = timedelta(minutes=10)

SPRING, AUTUMN = (2026, 3, 29), (2026, 10, 25)
"""Berlin's clocks go from 2:00 to 3:00, and from 3:00 back to 2:00."""


def bounds(*schedules: dict[str, Any], at: datetime, **own: Any) -> Bounds:
    """The bounds in force at a moment, of a pool that has 1 to 10 workers otherwise."""
    named = [{"name": f"s{number}", **each} for number, each in enumerate(schedules)]
    scaling = {"minReplicas": 1, "maxReplicas": 10, **own, "schedules": named}
    return bounds_in_force(ScalingSpec.model_validate(scaling), now=at)


def span(start: str, end: str, **fields: Any) -> dict[str, Any]:
    """A schedule with at least five workers."""
    return {"start": start, "end": end, "minReplicas": 5, **fields}


def clock(day: tuple[int, int, int], hour: int, minute: int = 0, *, zone: str = "UTC", fold: int = 0) -> Any:
    """What the clocks of a zone show; *fold* 1 is the second time that they do."""
    return datetime(*day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold)


MONDAY, SATURDAY, SUNDAY = (2026, 11, 23), (2026, 11, 28), (2026, 11, 29)
OFFICE = span("0 8 * * 1-5", "0 18 * * 1-5")


@pytest.mark.parametrize(
    ("at", "minimum", "turns_at"),
    [
        pytest.param(clock(MONDAY, 7, 59), 1, clock(MONDAY, 8), id="before"),
        pytest.param(clock(MONDAY, 8), 5, clock(MONDAY, 18), id="from-its-start-on"),
        pytest.param(
            clock(MONDAY, 17, 59).replace(second=59, microsecond=999_999),
            5,
            clock(MONDAY, 18),
            id="to-the-last",
        ),
        pytest.param(clock(MONDAY, 18), 1, clock((2026, 11, 24), 8), id="not-at-its-end"),
        pytest.param(clock(SATURDAY, 12), 1, clock((2026, 11, 30), 8), id="not-on-another-day"),
    ],
)
def test_from_a_start_until_the_next_end(at: datetime, minimum: int, turns_at: datetime) -> None:
    """The start is within, the end is not, and the pool is looked at when the next of them comes."""
    found = bounds(OFFICE, at=at)

    in_force = "s0" if minimum == 5 else None
    assert found == Bounds(minimum=minimum, maximum=10, schedule=in_force, revisit_at=turns_at)


def test_without_schedules() -> None:
    """The pool's own, for ever."""
    assert bounds(at=clock(MONDAY, 12)) == Bounds(minimum=1, maximum=10)


@pytest.mark.parametrize(
    ("schedules", "own", "expected"),
    [
        pytest.param([{"minReplicas": 5}], {}, (5, 10, "s0"), id="raises-the-minimum"),
        pytest.param([{"maxReplicas": 40}], {}, (1, 40, "s0"), id="raises-the-maximum"),
        pytest.param([{"maxReplicas": 4}], {"minReplicas": 2}, (2, 4, "s0"), id="lowers-the-maximum"),
        pytest.param([{"minReplicas": 0}], {"minReplicas": 2}, (0, 10, "s0"), id="lowers-the-minimum"),
        pytest.param([{"minReplicas": 0, "maxReplicas": 0}], {}, (0, 0, "s0"), id="nobody"),
        pytest.param([{"minReplicas": 5}, {"minReplicas": 3}], {}, (3, 10, "s0, s1"), id="the-later-wins"),
        pytest.param(
            [{"minReplicas": 5, "maxReplicas": 20}, {"maxReplicas": 30}],
            {},
            (5, 30, "s0, s1"),
            id="each-bound-on-its-own",
        ),
        pytest.param(
            [{"minReplicas": 8}, {"minReplicas": 0, "maxReplicas": 3}, {"minReplicas": 6}],
            {},
            (3, 3, "s0, s1, s2"),
            id="the-maximum-holds",
        ),
    ],
)
def test_what_schedules_in_force_say(
    schedules: list[dict[str, Any]], own: dict[str, Any], expected: tuple[int, int, str]
) -> None:
    """Both bounds can be raised and lowered; of several schedules a later one wins, and a maximum above all."""
    times = {"start": "0 8 * * *", "end": "0 18 * * *"}
    found = bounds(*(times | each for each in schedules), at=clock(MONDAY, 12), **own)

    assert (found.minimum, found.maximum, found.schedule) == expected


def test_one_that_is_over_says_nothing() -> None:
    """Only those whose time it is count, and the next turn of any of them is told."""
    found = bounds(OFFICE, span("0 20 * * *", "0 22 * * *", maxReplicas=50), at=clock(MONDAY, 19))

    assert found == Bounds(minimum=1, maximum=10, revisit_at=clock(MONDAY, 20))


@pytest.mark.parametrize(
    ("at", "in_force"),
    [
        pytest.param(clock(MONDAY, 23), True, id="in-the-evening"),
        pytest.param(clock(MONDAY, 3), True, id="in-the-night"),
        pytest.param(clock(MONDAY, 6), False, id="in-the-morning"),
    ],
)
def test_over_midnight(at: datetime, in_force: bool) -> None:  # noqa: FBT001 -- a row of the table
    """A night belongs to the evening that it began in."""
    assert (bounds(span("0 22 * * *", "0 6 * * *"), at=at).schedule is not None) is in_force


def test_one_span_follows_the_other() -> None:
    """Where it starts and ends at one moment, it begins anew, as there is no end after that."""
    weekly = span("0 8 * * *", "0 8 * * 0")

    assert bounds(weekly, at=clock(SUNDAY, 8)).schedule == "s0"


def test_before_the_first_start() -> None:
    """What has never begun is not in force, even if it has ended."""
    leap = span("0 0 29 2 *", "0 0 * * *")

    assert bounds(leap, at=datetime(2026, 11, 23, tzinfo=UTC)).schedule is None


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        # The hour from two to three is skipped, or shown twice.
        pytest.param(SPRING, "0 1 * * *", "0 4 * * *", 2, id="spring-around-it"),
        pytest.param(SPRING, "0 1 * * *", "30 2 * * *", 1, id="spring-ends-within"),
        pytest.param(SPRING, "30 2 * * *", "0 4 * * *", 1, id="spring-starts-within"),
        pytest.param(SPRING, "10 2 * * *", "50 2 * * *", 0, id="spring-within"),
        pytest.param(SPRING, "30 2 * * *", "0 3 * * *", 0, id="spring-until-it-is-over"),
        pytest.param(SPRING, "30 2 * * *", "0 2 * * *", 23, id="spring-all-day-but-within"),
        pytest.param(SPRING, "0 2 * * *", "0 3 * * *", 0, id="spring-that-hour"),
        pytest.param(AUTUMN, "0 1 * * *", "0 4 * * *", 4, id="autumn-around-it"),
        pytest.param(AUTUMN, "0 1 * * *", "30 2 * * *", 1.5, id="autumn-ends-within-the-first-time"),
        pytest.param(AUTUMN, "30 2 * * *", "0 4 * * *", 2.5, id="autumn-starts-within-the-first-time"),
        pytest.param(AUTUMN, "10 2 * * *", "40 2 * * *", 0.5, id="autumn-once"),
        pytest.param(AUTUMN, "0 2 * * *", "0 3 * * *", 2, id="autumn-that-hour"),
    ],
)
def test_over_a_change_of_the_clocks(day: tuple[int, int, int], start: str, end: str, hours: float) -> None:
    """A span lasts until its end is shown, an hour less or more; one that is skipped does not happen."""
    first = clock(day, 0, 30, zone=BERLIN)
    last = first + timedelta(days=1)  # the same clock time, on a day of 23 or 25 hours
    passed = (last.astimezone(UTC) - first.astimezone(UTC)) // TEN_MINUTES

    lasted = sum(
        bounds(span(start, end, timeZone=BERLIN), at=first.astimezone(UTC) + tens * TEN_MINUTES).schedule
        is not None
        for tens in range(passed)
    )

    assert lasted == hours * 6


def test_where_the_clocks_never_change() -> None:
    """In Shanghai eight in the morning is midnight in UTC, all the year."""
    office = span("0 8 * * *", "0 18 * * *", timeZone="Asia/Shanghai")
    for day in (SPRING, AUTUMN, MONDAY):
        found = bounds(office, at=clock(day, 0))
        assert (found.schedule, found.revisit_at) == ("s0", clock(day, 10))
        assert bounds(office, at=clock(day, 0) - timedelta(seconds=1)).schedule is None
