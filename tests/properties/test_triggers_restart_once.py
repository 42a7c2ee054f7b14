"""Whatever asks for a restart, in whatever order, and however often the operator ends: one request, one restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from queueworkers.api.restart import RestartSpec, parse_schedule
from queueworkers.domain.restarts import decide_restart
from queueworkers.domain.triggers import moments_around, restart_requests
from unit.domain.given import NOON

if TYPE_CHECKING:
    from queueworkers.domain.triggers import RestartRequests

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
]
"""With clocks that change by an hour, by half an hour, at midnight, the other way round, and never."""

FIXED = st.tuples(st.integers(0, 59), st.integers(0, 23)).map("{0[0]} {0[1]} * * *".format)
SCHEDULES = st.one_of(
    FIXED,
    st.sampled_from(
        [
            "*/15 * * * *",
            "30 * * * *",
            "0 */2 * * *",
            "15,45 1-3 * * *",
            "* 2 * * *",
            "30 2 * * 0",
            "0 0 L * *",
            "59 0,2,3,23 * * *",
            "0 3 1 * *",
        ]
    ),
)
MINUTES_OF_A_YEAR = st.integers(0, 366 * 24 * 60)


@given(schedule=SCHEDULES, zone=st.sampled_from(ZONES), minute=MINUTES_OF_A_YEAR, seconds=st.integers(0, 59))
def test_moments_are_the_same_from_wherever_one_looks(
    schedule: str, zone: str, minute: int, seconds: int
) -> None:
    """A moment with two spellings would be two restarts, and clocks that change would be a way to get there."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute, seconds=seconds)

    def around(moment: datetime) -> tuple[datetime | None, datetime | None]:
        found = moments_around(moment, schedule=schedule, time_zone=zone)
        return found.last, found.next

    last, following = around(now)

    assert last is not None
    assert following is not None
    assert last <= now < following
    assert around(last) == around(following - timedelta(microseconds=1)) == (last, following)
    assert around(last - timedelta(microseconds=1))[1] == last
    assert around(following)[0] == following


@given(schedule=FIXED, zone=st.sampled_from(ZONES), minute=MINUTES_OF_A_YEAR)
def test_a_daily_moment_comes_once_a_day(schedule: str, zone: str, minute: int) -> None:
    """Also on the days on which clocks skip it or show it twice."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    found = moments_around(now, schedule=schedule, time_zone=zone)
    assert found.last is not None
    assert found.next is not None
    assert timedelta(hours=22) < found.next - found.last < timedelta(hours=26)


FIELDS = [
    "*",
    "*/7",
    "0",
    "5",
    "5-3",
    "1-5/2",
    "L",
    "LW",
    "31",
    "30",
    "29",
    "2",
    "FEB",
    "sun",
    "5L",
    "5#5",
    "7",
]


@given(st.lists(st.sampled_from(FIELDS), min_size=5, max_size=5).map(" ".join))
def test_what_is_taken_for_a_schedule_is_one(schedule: str) -> None:
    """What the models accept has a next moment; what they do not is refused in no other way than with a sentence."""
    try:
        spec = RestartSpec(schedule=schedule)
    except ValueError:
        return
    assert spec.schedule is not None
    assert moments_around(NOON, schedule=parse_schedule(spec.schedule), time_zone="UTC").next is not None


@dataclass(kw_only=True)
class Restarted:
    """A pool that is restarted, and an operator that remembers nothing from one look to the next."""

    spec: RestartSpec
    started_at: datetime = NOON
    annotated_at: datetime | None = None
    signalled_at: datetime | None = None
    carried: datetime | None = None
    restarts: list[datetime] = field(default_factory=list)

    def look(self, now: datetime, *, killed: bool) -> None:
        """Decide, and write what was decided, unless the operator ends before it."""
        restart = decide_restart(self._requests(now), done_at=self.carried, now=now)
        if restart.due and restart.marker and not killed:
            self.carried = restart.marker
            self.restarts.append(self.carried)

    def due(self, now: datetime) -> set[datetime]:
        """Every moment up to now that anything asks for."""
        return {request.at for request in self._requests(now) if request.at <= now}

    def _requests(self, now: datetime) -> RestartRequests:
        return restart_requests(
            self.spec,
            annotated_at=self.annotated_at,
            signalled_at=self.signalled_at,
            last_at=self.carried,
            started_at=self.started_at,
            scheduled_at=self.started_at,
            now=now,
        )


LOOKS = st.lists(st.tuples(st.integers(1, 5000), st.booleans()), min_size=1, max_size=40)
"""After how many seconds, and whether the operator is killed before it writes."""


@given(
    looks=LOOKS,
    schedule=st.none() | FIXED,
    every=st.none() | st.integers(600, 20_000),
    wishes=st.dictionaries(st.integers(0, 39), st.tuples(st.booleans(), st.integers(-300, 300)), max_size=5),
)
def test_one_request_is_one_restart(
    looks: list[tuple[int, bool]],
    schedule: str | None,
    every: int | None,
    wishes: dict[int, tuple[bool, int]],
) -> None:
    """The template goes forward only, never for nothing, and in the end it has had the latest of all requests."""
    pool = Restarted(spec=RestartSpec(schedule=schedule, every_seconds=every))
    now = NOON
    asked: set[datetime] = set()
    for number, (seconds, killed) in enumerate(looks):
        now += timedelta(seconds=seconds)
        if number in wishes:
            by_signal, ahead = wishes[number]
            wished = now + timedelta(seconds=min(ahead, 60) if by_signal else ahead)
            if by_signal:
                pool.signalled_at = wished
            else:
                pool.annotated_at = wished
        asked |= pool.due(now)
        pool.look(now, killed=killed)
        pool.look(now, killed=False)
        done = len(pool.restarts)
        pool.look(now, killed=False)
        assert len(pool.restarts) == done, "the same look twice was two restarts"
        assert all(pool.carried is not None and moment <= pool.carried for moment in pool.due(now))
    assert pool.restarts == sorted(set(pool.restarts))
    assert set(pool.restarts) <= asked


@given(looks=LOOKS, every=st.integers(600, 20_000))
def test_workers_reach_their_age_no_more_often_than_time_allows(
    looks: list[tuple[int, bool]], every: int
) -> None:
    """However long nobody looked, what was missed is one restart."""
    pool = Restarted(spec=RestartSpec(every_seconds=every))
    now = NOON
    for seconds, killed in looks:
        now += timedelta(seconds=seconds)
        pool.look(now, killed=killed)
    passed = int((now - NOON).total_seconds())
    assert len(pool.restarts) <= passed // every
    assert all((moment - NOON) % timedelta(seconds=every) == timedelta(0) for moment in pool.restarts)
