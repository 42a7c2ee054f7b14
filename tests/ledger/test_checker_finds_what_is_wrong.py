"""The checker calls a clean ledger clean, and finds and names everything that is wrong with another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checker import Course, Entry, What, audit, busy_workers, count_ended, course

if TYPE_CHECKING:
    import random

COURSES = {"a": course(), "b": course(failures=1), "c": course(releases=2)}
"""Three jobs: one that ends, one that fails first, one that gives itself back twice."""
GOOD = (
    "start a 1", "start b 1", "end a 1", "fail b 1", "start c 1", "release c 1", "start b 2",
    "start c 2", "end b 2", "release c 2", "start c 3", "end c 3",
)  # fmt: skip


def entries(*lines: str) -> list[Entry]:
    """Make entries from `what job attempt`, each a second after the other, or `what job attempt worker`."""
    made = []
    for number, line in enumerate(lines):
        what, job, attempt, worker = [*line.split(), "w"][:4]
        made.append(
            Entry(what=What(what), job=job, attempt=int(attempt), worker=worker, pid=1, at=float(number))
        )
    return made


def wrong(*lines: str, queued: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Name what is wrong with a ledger of `COURSES`: lists of jobs by sort."""
    found = audit(COURSES, entries(*lines), queued=queued)
    sorts = {
        "lost": found.lost,
        "unfinished": found.unfinished,
        "cut off": found.cut_off,
        "run twice": found.run_twice,
        "unexplained": found.unexplained,
    }
    named = {sort: [finding.job for finding in findings] for sort, findings in sorts.items() if findings}
    assert found.clean == (not named)
    return named


def without(line: str) -> tuple[str, ...]:
    """Leave a line out."""
    return tuple(each for each in GOOD if each != line)


def test_nothing_is_wrong_when_every_job_goes_its_course() -> None:
    """A job that fails or gives itself back is begun once more each time, and ends once."""
    found = audit(COURSES, entries(*GOOD))
    assert found.clean
    assert (found.jobs, found.attempts, found.done) == (3, 6, 3)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            without("end b 2"), {"lost": ["b"], "cut off": ["b"]}, id="a worker was killed in a last attempt"
        ),
        pytest.param(
            tuple(line for line in GOOD if " c 3" not in line), {"lost": ["c"]}, id="a job never came back"
        ),
        pytest.param(
            tuple(line for line in GOOD if " b 1" not in line),
            {"cut off": ["b"]},
            id="a worker was killed after it had taken a job, before it began",
        ),
        pytest.param(
            (*without("end a 1"), "start a 2 v", "end a 2 v"),
            {"cut off": ["a"], "run twice": ["a"]},
            id="a job was cut off and done by another worker",
        ),
        pytest.param(
            (*GOOD, "start a 2", "end a 2"), {"run twice": ["a"]}, id="a job was done and not taken away"
        ),
        pytest.param((*GOOD, "start a 1 v", "end a 1 v"), {"run twice": ["a"]}, id="two workers had one job"),
        pytest.param(
            (*without("end a 1"), "end a 1 v"),
            {"cut off": ["a"], "unexplained": ["a"]},
            id="a worker ended what another had begun",
        ),
        pytest.param(
            (*without("fail b 1"), "end b 1"),
            {"unexplained": ["b"]},
            id="an attempt ended that was to fail",
        ),
        pytest.param((*GOOD, "start d 1", "end d 1"), {"unexplained": ["d"]}, id="a job that nobody pushed"),
    ],
)
def test_what_is_wrong_is_named(lines: tuple[str, ...], expected: dict[str, list[str]]) -> None:
    """Each way to go wrong has its list; a job is in all that are true of it."""
    assert wrong(*lines) == expected


def test_a_job_that_lies_in_a_queue_is_unfinished_and_not_lost() -> None:
    """The queue itself says where it is."""
    assert wrong(*(line for line in GOOD if " c 3" not in line), queued=frozenset({"c"})) == {
        "unfinished": ["c"]
    }


def test_a_finding_tells_where_and_when() -> None:
    """The cause can be looked up: worker, process and time of each line."""
    (finding,) = audit(COURSES, entries(*without("end a 1"))).cut_off
    assert str(finding).splitlines() == [
        "a was taken and came to no outcome: attempt 1",
        "    0.000 start of attempt 1 in w, process 1",
    ]


courses = st.dictionaries(
    st.integers(0, 20).map("job-{}".format),
    st.builds(
        lambda failures, releases: course(failures=failures, releases=releases),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    min_size=1,
)


def clean_ledger(planned: dict[str, Course], source: random.Random) -> list[Entry]:
    """Let every job go its course, in whatever order, each attempt in whatever worker."""
    remaining = {
        job: [
            line
            for attempt, outcome in enumerate(outcomes, 1)
            for line in ((What.START, attempt), (outcome, attempt))
        ]
        for job, outcomes in planned.items()
    }
    workers: dict[str, str] = {}
    written: list[Entry] = []
    while remaining:
        job = source.choice(sorted(remaining))
        what, attempt = remaining[job].pop(0)
        if what is What.START:
            workers[job] = source.choice("uvw")
        written.append(
            Entry(what=what, job=job, attempt=attempt, worker=workers[job], pid=1, at=float(len(written)))
        )
        if not remaining[job]:
            del remaining[job]
    return written


@given(planned=courses, source=st.randoms(use_true_random=False))
def test_any_order_of_right_courses_is_clean(planned: dict[str, Course], source: random.Random) -> None:
    """Neither the order of jobs nor the worker of an attempt matters."""
    found = audit(planned, clean_ledger(planned, source))
    assert found.clean
    assert found.done == found.jobs == len(planned)


@given(planned=courses, source=st.randoms(use_true_random=False), chosen=st.integers(0))
def test_no_line_can_be_missing(planned: dict[str, Course], source: random.Random, chosen: int) -> None:
    """A missing start is unexplained, a missing outcome cuts off, a missing end loses as well; no other job suffers."""
    written = clean_ledger(planned, source)
    gone = written.pop(chosen % len(written))
    found = audit(planned, written)
    assert {finding.job for finding in found.findings} == {gone.job}
    assert bool(found.unexplained) == (gone.what is What.START)
    assert bool(found.cut_off) == (gone.what is not What.START)
    assert bool(found.lost) == (gone.what is What.END)


@given(planned=courses, source=st.randoms(use_true_random=False), chosen=st.integers(0))
def test_no_line_can_come_twice(planned: dict[str, Course], source: random.Random, chosen: int) -> None:
    """An attempt that is begun, or comes to an outcome, for a second time was run twice; no other job suffers."""
    written = clean_ledger(planned, source)
    again = written[chosen % len(written)]
    found = audit(planned, [*written, again])
    assert {finding.job for finding in found.findings} == {again.job}
    assert [finding.job for finding in found.run_twice] == [again.job]


@given(planned=courses, source=st.randoms(use_true_random=False), chosen=st.integers(0))
def test_a_job_that_left_no_line_is_lost(
    planned: dict[str, Course], source: random.Random, chosen: int
) -> None:
    """A job that was pushed and never begun is found as well."""
    gone = sorted(planned)[chosen % len(planned)]
    written = [entry for entry in clean_ledger(planned, source) if entry.job != gone]
    found = audit(planned, written)
    assert [finding.job for finding in found.findings] == [gone]
    assert [finding.job for finding in found.lost] == [gone]


def test_a_worker_is_busy_between_a_start_and_what_follows() -> None:
    """The latest line decides; a job has ended once, however often it says so."""
    assert busy_workers(entries(*GOOD)) == frozenset()
    assert busy_workers(entries(*GOOD[:2])) == {"w"}
    assert count_ended(entries(*GOOD, "end a 1")) == len(COURSES)
