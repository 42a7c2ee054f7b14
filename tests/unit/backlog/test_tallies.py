"""What two looks at a queue prove, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.backlog.flow import FlowQuestion, FlowSight, Mark, StoreSight, flow_stores, parse_flow
from queueworkers.backlog.round_trip import QueueAddress
from queueworkers.backlog.tallies import QUIET, Passage, Tallies, compare
from queueworkers.backlog.wire import Refusal
from queueworkers.domain.backlog import Tally
from queueworkers.frameworks.base import Spelling
from queueworkers.frameworks.laravel import LARAVEL

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STORES = LARAVEL.keys("default", Spelling())
ADDRESS = QueueAddress(0, STORES, LARAVEL.read_header)


def seen(jobs: int, before: int | None = None, **changed: Any) -> StoreSight:
    """A list of so many jobs, whose mark is behind so many of them."""
    mark = None if before is None else Mark(b"job", before)
    return StoreSight(**({"jobs": jobs, "mark": mark} | changed))


def look(*ready: StoreSight, **changed: Any) -> FlowSight:
    """A queue with these, and nothing beside."""
    facts: dict[str, Any] = {"ready": ready, "due": 0, "expired": 0, "beside": (), "at": 0}
    return FlowSight(**(facts | changed))


@pytest.mark.parametrize(
    ("before", "now", "passage"),
    [
        pytest.param(seen(10, 9), seen(10, 9, found=9), QUIET, id="nothing"),
        pytest.param(seen(10, 9), seen(8, found=6), Passage(1, 3, exact=True), id="three-taken-one-came"),
        pytest.param(seen(10, 9), seen(8, gone=True), Passage(8, 10, exact=False), id="all-went"),
        pytest.param(
            seen(10, 4), seen(8, gone=True), Passage(3, 5, exact=False), id="a-mark-in-the-middle-went"
        ),
        pytest.param(seen(10, 9), seen(8), Passage(0, 2, exact=False), id="not-found-for-certain"),
        pytest.param(seen(10, 9), seen(13, found=12), Passage(3, 0, exact=False), id="pushed-in-front"),
        pytest.param(seen(10, 9), seen(3, found=9), Passage(0, 7, exact=False), id="cut-off-behind"),
        pytest.param(seen(10), seen(7), Passage(0, 3, exact=False), id="no-mark"),
        pytest.param(seen(0), seen(7), Passage(7, 0, exact=False), id="was-empty"),
        pytest.param(seen(0), seen(0), QUIET, id="stays-empty"),
        pytest.param(seen(5, 4), seen(0, gone=True), Passage(0, 0, exact=False), id="void"),
        pytest.param(seen(2, read=100), seen(4, read=130), Passage(32, 30, exact=True), id="stream"),
        pytest.param(seen(2, read=100), seen(4, read=7), Passage(2, 0, exact=False), id="stream-made-anew"),
    ],
)
def test_what_a_list_proves(before: StoreSight, now: StoreSight, passage: Passage):
    """Between two looks at one key."""
    assert compare(look(before), look(now)) == passage


@pytest.mark.parametrize(
    ("before", "now", "passage"),
    [
        pytest.param({"due": 2}, {"due": 5}, Passage(3, 0, exact=True), id="fell-due"),
        pytest.param({"due": 2}, {"due": 1}, Passage(0, 0, exact=False), id="due-went-elsewhere"),
        pytest.param({}, {"expired": 1}, Passage(1, 0, exact=False), id="a-claim-expired"),
        pytest.param(
            {"expired": 1}, {"expired": 0}, Passage(0, 0, exact=False), id="an-expired-claim-was-ended"
        ),
        pytest.param({"expired": 1}, {"expired": 1}, QUIET, id="nobody-takes-an-expired-one"),
    ],
)
def test_what_is_due_or_expired_waits_too(before: dict[str, int], now: dict[str, int], passage: Passage):
    """Beside a list in which nothing happened."""
    assert compare(look(seen(3, 2), **before), look(seen(3, 2, found=2), **now)) == passage


def test_a_due_job_that_is_moved_into_the_list_is_no_arrival():
    """It had arrived when it fell due."""
    assert compare(look(seen(3, 2), due=2), look(seen(5, 4, found=2))) == Passage(0, 0, exact=True)


def test_work_at_an_empty_list_is_a_gap():
    """A job in hand is another one than before: so many more may have gone the same way."""
    before, now = (look(seen(0), beside=((1, latest),)) for latest in (b"100", b"105"))
    assert compare(before, before) == QUIET
    assert compare(before, now) == Passage(0, 0, exact=False)


@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=8),
)
def test_a_list_is_counted_truly(start: int, intervals: list[tuple[int, int]]):
    """Whatever is taken from it and pushed to it between two looks: exactly, or with a gap and not above the truth."""
    jobs = list(range(start))
    following, before = start, look(seen(start, start - 1 if start else None))
    for taken, came in intervals:
        really_taken = min(taken, len(jobs))
        jobs = [*jobs[really_taken:], *range(following, following + came)]
        following += came
        mark = before.ready[0].mark
        marked = following - came - 1
        found = jobs.index(marked) if mark and marked in jobs else None
        count = len(jobs)
        now = look(seen(count, count - 1 if count else None, found=found, gone=bool(mark) and found is None))
        passage = compare(before, now)
        assert 0 <= passage.arrived <= came
        assert 0 <= passage.taken <= really_taken
        if passage.exact and passage != QUIET:
            assert (passage.arrived, passage.taken) == (came, really_taken)
        before = now


def counted(tallies: Tallies, sight: FlowSight, *, seconds: int, wire: int = 1) -> Tally:
    """Count one more look."""
    return tallies.count(ADDRESS, STORES, sight, at=NOON + timedelta(seconds=seconds), wire=wire)


def test_a_count_goes_on_and_keeps_its_name():
    """It begins with the first look, and only grows."""
    tallies = Tallies()
    first = counted(tallies, look(seen(10, 9)), seconds=0)
    assert first == Tally(since=NOON, arrived=0, taken=0, gaps=0)
    assert tallies.question(ADDRESS, STORES) == FlowQuestion(STORES, (Mark(b"job", 9), None, None), 0)
    second = counted(tallies, look(seen(8, 7, found=6)), seconds=5)
    assert second == replace(first, arrived=1, taken=3)
    assert counted(tallies, look(seen(8, 7, found=7)), seconds=10) == second
    assert counted(tallies, look(seen(8, 7, gone=True)), seconds=15) == replace(
        second, arrived=9, taken=11, gaps=1
    )


def test_of_another_server_nothing_is_claimed():
    """It may have lost what was written last; where nothing changed it makes no difference."""
    tallies = Tallies()
    first = counted(tallies, look(seen(10, 9)), seconds=0)
    assert counted(tallies, look(seen(10, 9, found=9)), seconds=5, wire=2) == first
    assert counted(tallies, look(seen(4, 3, found=3)), seconds=5, wire=3) == replace(first, gaps=1)


def test_other_stores_are_another_count():
    """As when a pool is edited so that a key is shared by its queues no longer."""
    tallies = Tallies()
    counted(tallies, look(seen(10, 9)), seconds=0)
    assert tallies.question(ADDRESS, STORES[:1]) == FlowQuestion(STORES[:1], (None,), 0)
    again = tallies.count(ADDRESS, STORES[:1], look(seen(3, 2)), at=NOON + timedelta(seconds=5), wire=1)
    assert again == Tally(since=NOON + timedelta(seconds=5), arrived=0, taken=0, gaps=0)


QUESTION = FlowQuestion(flow_stores(STORES), (Mark(b"old", 4), None, None), 100)


def test_a_reply_is_understood():
    """A mark that is kept is not sent again; what was due by an earlier clock stays due."""
    kept = parse_flow(QUESTION, [[6, 2, None, 2], [5, 1], [3, 2, b"170"]], 90)
    assert kept == FlowSight(
        ready=(StoreSight(jobs=6, found=2, mark=Mark(b"old", 2)),),
        due=1,
        expired=2,
        beside=((5, None), (3, b"170")),
        at=100,
    )
    moved = parse_flow(QUESTION, [[6, -1, b"new", 5], [0, 0], [0, 0, None]], 110)
    assert moved
    assert moved.ready == (StoreSight(jobs=6, gone=True, mark=Mark(b"new", 5)),)
    assert moved.at == 110


any_reply = st.recursive(
    st.none() | st.integers(-9, 9) | st.binary(max_size=4) | st.builds(Refusal, st.text(max_size=9)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(any_reply | st.lists(st.lists(any_reply, max_size=4), min_size=3, max_size=3))
def test_whatever_is_replied_counts_or_is_nothing(reply: Any):
    """A server that is none, or a script that is refused, costs the count and raises nothing."""
    sight = parse_flow(QUESTION, reply, 100)
    if sight:
        assert sight.waiting >= 0
        passage = compare(look(seen(5, 4), beside=sight.beside), sight)
        assert min(passage.arrived, passage.taken) >= 0
