"""The end of the demonstration tells what is wrong, and nothing where nothing is."""

from __future__ import annotations

from demo.shop import Batch
from demo.summary import Figures, complaints, summarise
from ledger.checker import Entry, What, audit

COURSES = Batch(prefix="a", count=2, milliseconds=10, failures=1).courses()


def entry(what: What, job: str, attempt: int) -> Entry:
    """Make a line of one worker."""
    return Entry(what=what, job=job, attempt=attempt, worker="w", pid=1, at=0.0)


WHOLE = [
    entry(what, job, attempt)
    for job in COURSES
    for attempt, outcome in ((1, What.FAIL), (2, What.END))
    for what in (What.START, outcome)
]


def test_nothing_is_said_when_every_job_was_done_once() -> None:
    """The jobs of a batch fail as often as they are told to, and end."""
    assert list(COURSES) == ["a-1", "a-2"]
    assert not complaints(audit(COURSES, WHOLE))


def test_what_is_wrong_is_counted_and_named() -> None:
    """A job that was cut off in its last attempt is lost as well, and each of both is a sentence and a row."""
    found = audit(COURSES, WHOLE[:-1])
    assert len(complaints(found)) == 2
    assert all("1 jobs" in sentence and "a-2" in sentence for sentence in complaints(found))
    rows = dict(line.rsplit(maxsplit=1) for line in summarise(Figures(), found).splitlines())
    assert (rows["   lost"], rows["   cut off"], rows["   run twice"]) == ("1", "1", "0")
