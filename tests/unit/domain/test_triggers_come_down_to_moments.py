"""A schedule, an age, a signal and a wish are moments; which of them concern the workers is told here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queueworkers.api.restart import RestartSpec
from queueworkers.domain.restarts import decide_restart
from queueworkers.domain.triggers import RestartTrigger, moments_around, restart_requests
from unit.domain.given import NOON, ago

DAY = timedelta(days=1)
LONG_AGO = NOON - 100 * DAY
FOUR = NOON - timedelta(hours=8)
"""Four in the morning."""

A, P, S, E, G = (
    RestartTrigger.ANNOTATION,
    RestartTrigger.SPEC,
    RestartTrigger.SCHEDULE,
    RestartTrigger.AGE,
    RestartTrigger.SIGNAL,
)


def requests(spec: dict[str, Any] | None = None, **facts: Any) -> list[tuple[RestartTrigger, datetime]]:
    """What asks for a restart at noon, of workers that are a hundred days old when nothing else is given."""
    nothing = dict.fromkeys(("annotated_at", "signalled_at", "last_at", "scheduled_at"))
    found = restart_requests(
        RestartSpec.model_validate(spec or {}),
        **{**nothing, "started_at": LONG_AGO, "now": NOON, **facts},
    )
    return sorted((request.trigger, request.at) for request in found)


EVERY_FOUR = {"schedule": "0 4 * * *"}


@pytest.mark.parametrize(
    ("spec", "facts", "expected"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({}, {"annotated_at": ago(5)}, [(A, ago(5))], id="annotation"),
        pytest.param({}, {"annotated_at": ago(-5)}, [(A, ago(-5))], id="annotation-ahead"),
        pytest.param({"at": FOUR.isoformat()}, {}, [(P, FOUR)], id="spec"),
        pytest.param({}, {"annotated_at": LONG_AGO - DAY}, [], id="older-than-the-workers"),
        pytest.param({}, {"annotated_at": LONG_AGO}, [], id="as-old-as-the-workers"),
        pytest.param({}, {"annotated_at": ago(5), "last_at": ago(5)}, [(A, ago(5))], id="done-and-named"),
        pytest.param({}, {"annotated_at": ago(5), "started_at": None}, [], id="no-workers-yet"),
        pytest.param(
            {}, {"annotated_at": ago(-5), "started_at": None}, [(A, ago(-5))], id="no-workers-yet-and-ahead"
        ),
        # --- a schedule ---
        pytest.param(EVERY_FOUR, {}, [(S, FOUR), (S, FOUR + DAY)], id="every-morning"),
        pytest.param(EVERY_FOUR, {"now": FOUR}, [(S, FOUR), (S, FOUR + DAY)], id="at-that-moment"),
        pytest.param(
            EVERY_FOUR,
            {"now": FOUR - timedelta(microseconds=1)},
            [(S, FOUR - DAY), (S, FOUR)],
            id="just-before-that-moment",
        ),
        pytest.param(
            EVERY_FOUR, {"started_at": FOUR + DAY / 24}, [(S, FOUR + DAY)], id="workers-of-this-morning"
        ),
        pytest.param(EVERY_FOUR, {"started_at": None}, [(S, FOUR + DAY)], id="no-workers-and-a-schedule"),
        pytest.param(EVERY_FOUR, {"scheduled_at": ago(60)}, [(S, FOUR + DAY)], id="given-a-minute-ago"),
        pytest.param(
            EVERY_FOUR, {"scheduled_at": FOUR - DAY}, [(S, FOUR), (S, FOUR + DAY)], id="given-yesterday"
        ),
        pytest.param(
            {**EVERY_FOUR, "timeZone": "Asia/Shanghai"},
            {},
            [(S, FOUR - DAY / 3), (S, FOUR + 2 * DAY / 3)],
            id="where-it-is-eight-hours-later",
        ),
        # --- an age ---
        pytest.param(
            {"everySeconds": 3600},
            {"last_at": ago(60)},
            [(E, ago(60 - 3600)), (E, ago(60 - 7200))],
            id="young",
        ),
        pytest.param(
            {"everySeconds": 3600}, {"last_at": ago(3600)}, [(E, NOON), (E, ago(-3600))], id="just-old-enough"
        ),
        pytest.param(
            {"everySeconds": 3600},
            {"started_at": ago(4000)},
            [(E, ago(400)), (E, ago(-3200))],
            id="never-restarted",
        ),
        pytest.param(
            {"everySeconds": 3600},
            {"last_at": ago(36_060)},
            [(E, ago(60)), (E, ago(-3540))],
            id="missed-ten-times-is-once",
        ),
        pytest.param(
            {"everySeconds": 3600},
            {"last_at": LONG_AGO, "started_at": ago(60)},
            [(E, ago(60 - 3600)), (E, ago(60 - 7200))],
            id="a-new-deployment",
        ),
        pytest.param(
            {"everySeconds": 3600},
            {"started_at": None},
            [(E, ago(-3600)), (E, ago(-7200))],
            id="no-workers-to-age",
        ),
        # --- the framework's signal ---
        pytest.param({}, {"signalled_at": ago(30)}, [(G, ago(30))], id="signal"),
        pytest.param({}, {"signalled_at": ago(-30)}, [(G, ago(-30))], id="signal-of-a-clock-that-is-ahead"),
        pytest.param({}, {"signalled_at": ago(600)}, [], id="signal-of-old"),
        pytest.param({"onSignal": "Ignore"}, {"signalled_at": ago(30)}, [], id="signal-ignored"),
        pytest.param(
            {}, {"signalled_at": ago(30), "started_at": ago(20)}, [], id="signal-before-the-workers"
        ),
    ],
)
def test_requests_of_a_pool(
    spec: dict[str, Any], facts: dict[str, Any], expected: list[tuple[RestartTrigger, datetime]]
) -> None:
    """Whoever is started later than a moment needs no restart for it; what lies ahead is told as well."""
    assert requests(spec, **facts) == sorted(expected)


def test_an_edited_schedule_waits_for_its_next_moment() -> None:
    """From four to ten in the morning, at noon: nothing at once, and ten tomorrow."""
    edited = RestartSpec.model_validate({"schedule": "0 10 * * *"})
    found = restart_requests(
        edited,
        annotated_at=None,
        signalled_at=None,
        last_at=FOUR,
        started_at=LONG_AGO,
        scheduled_at=NOON,
        now=NOON,
    )

    restart = decide_restart(found, done_at=FOUR, now=NOON)

    assert (restart.due, restart.revisit_at) == (False, NOON + timedelta(hours=22))


def test_a_shorter_age_holds_for_workers_that_run() -> None:
    """From a day to an hour: they are older than that, so it is time."""
    found = restart_requests(
        RestartSpec.model_validate({"everySeconds": 3600}),
        annotated_at=None,
        signalled_at=None,
        last_at=FOUR,
        started_at=LONG_AGO,
        scheduled_at=None,
        now=NOON,
    )

    restart = decide_restart(found, done_at=FOUR, now=NOON)

    assert (restart.due, restart.marker, restart.trigger) == (True, NOON, E)


def utc(text: str) -> datetime:
    """Read a moment in UTC, as ``2026-03-29 01:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "time_zone", "now", "last", "following"),
    [
        # In Berlin clocks go from 02:00 to 03:00 at 01:00 UTC of 29 March 2026 …
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-29 01:00",
            "2026-03-29 01:00",
            "2026-03-30 00:30",
            id="a-skipped-time-is-made-up-for",
        ),
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-29 00:59",
            "2026-03-28 01:30",
            "2026-03-29 01:00",
            id="and-not-before",
        ),
        pytest.param(
            "0,30 2,3 * * *",
            "Europe/Berlin",
            "2026-03-29 01:10",
            "2026-03-29 01:00",
            "2026-03-29 01:30",
            id="several-of-them-are-one",
        ),
        # … and from 03:00 back to 02:00 at 01:00 UTC of 25 October 2026.
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25 01:45",
            "2026-10-25 00:30",
            "2026-10-26 01:30",
            id="a-repeated-time-is-the-first",
        ),
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25 01:15",
            "2026-10-25 00:30",
            "2026-10-26 01:30",
            id="a-repeated-time-stays-past-when-clocks-show-less",
        ),
        pytest.param(
            "30 * * * *",
            "Europe/Berlin",
            "2026-10-25 01:45",
            "2026-10-25 01:30",
            "2026-10-25 02:30",
            id="every-hour-is-every-hour",
        ),
        # --- moments far apart ---
        pytest.param(
            "0 0 29 2 *", "UTC", "2026-11-23 12:00", "2024-02-29 00:00", "2028-02-29 00:00", id="leap-days"
        ),
        pytest.param(
            "0 0 29 2 *",
            "UTC",
            "2103-01-01 00:00",
            "2096-02-29 00:00",
            "2104-02-29 00:00",
            id="no-leap-in-2100",
        ),
        pytest.param(
            "15 6 1 1 *", "UTC", "2026-11-23 12:00", "2026-01-01 06:15", "2027-01-01 06:15", id="once-a-year"
        ),
        pytest.param(
            "* * * * *", "UTC", "2026-11-23 12:00", "2026-11-23 12:00", "2026-11-23 12:01", id="every-minute"
        ),
    ],
)
def test_moments_of_a_schedule(schedule: str, time_zone: str, now: str, last: str, following: str) -> None:
    """In the clocks that people look at, and as cron on Debian has it when those are changed."""
    moments = moments_around(utc(now), schedule=schedule, time_zone=time_zone)

    assert (moments.last, moments.next) == (utc(last), utc(following))
