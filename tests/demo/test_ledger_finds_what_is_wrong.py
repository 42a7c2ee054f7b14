"""The check at the end of the demonstration can fail."""

from __future__ import annotations

import pytest

from demo.ledger import Audit, Batch, Entry, audit, busy_workers, parse_stream
from demo.summary import complaints

BATCHES = (
    Batch(prefix="a", count=2, milliseconds=10),
    Batch(prefix="b", count=1, milliseconds=10, failures=1),
)
GOOD = ("start a-1", "end a-1", "start a-2", "start b-1", "fail b-1", "end a-2", "start b-1", "end b-1")


def entries(*lines: str) -> list[Entry]:
    """Make entries of one worker from `event job`."""
    return [Entry(event=event, job=job, worker="w", at=0.0) for event, job in map(str.split, lines)]


def test_nothing_is_wrong_when_every_job_was_done_once() -> None:
    """A job that is meant to fail once is begun twice and ends once."""
    found = audit(BATCHES, entries(*GOOD))
    assert found == Audit(done=3, lost=(), done_twice=(), wrong_attempts=(), strangers=())
    assert found.clean
    assert not complaints(found)


@pytest.mark.parametrize(
    ("lines", "field", "named"),
    [
        pytest.param(GOOD[:-1], "lost", ("b-1",), id="a job never ended"),
        pytest.param((*GOOD, "start a-2", "end a-2"), "done_twice", ("a-2",), id="a job ended twice"),
        pytest.param(
            ("start a-1", *GOOD), "wrong_attempts", ("a-1",), id="a job was cut off and begun again"
        ),
        pytest.param(
            GOOD[:4] + GOOD[5:], "wrong_attempts", ("b-1",), id="a job did not fail as it was meant to"
        ),
        pytest.param((*GOOD, "start c-1"), "strangers", ("c-1",), id="a job that nobody pushed"),
    ],
)
def test_what_is_wrong_is_named(lines: tuple[str, ...], field: str, named: tuple[str, ...]) -> None:
    """Each way to fail has its own list, and a sentence."""
    found = audit(BATCHES, entries(*lines))
    assert getattr(found, field) == named
    assert not found.clean
    assert named[0] in "".join(complaints(found))


def test_a_worker_is_busy_between_a_start_and_what_follows() -> None:
    """The latest line decides."""
    assert busy_workers(entries(*GOOD)) == frozenset()
    assert busy_workers(entries(*GOOD[:3])) == {"w"}


def test_a_stream_is_read_as_redis_cli_prints_it() -> None:
    """One string a line: the id, then fields and values."""
    fields = [
        "event",
        "end",
        "job",
        "a-1",
        "queue",
        "high",
        "attempt",
        "1",
        "worker",
        "pod-1",
        "pid",
        "7",
        "at",
        "12.5",
    ]
    printed = "\n".join(["1-0", *fields, "2-0", *fields])
    assert parse_stream(printed) == [Entry(event="end", job="a-1", worker="pod-1", at=12.5)] * 2
    assert parse_stream("") == []
