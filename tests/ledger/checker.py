"""
What the jobs themselves say happened to them, held against what was to happen.

A worker writes a line when it begins an attempt at a job, and one when the
attempt comes to its outcome: the job has failed, has given itself back, or has
ended.  Redis has answered both before PHP goes on, so a line that is missing
was never reached.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Course = tuple["What", ...]
"""The outcomes of a job's attempts, the first attempt first; an undisturbed job ends with the last."""


class What(StrEnum):
    """What a line says."""

    START = "start"
    FAIL = "fail"
    RELEASE = "release"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line that a running job wrote: what happened, at which attempt at which job, in which worker."""

    what: What
    job: str
    attempt: int
    """Counted by Laravel when a worker takes the job, from 1 on."""
    worker: str
    """The pod."""
    pid: int
    """Of the worker within its pod: always 1 where PHP is the first process."""
    at: float
    """When, in seconds since 1970."""

    def __str__(self) -> str:
        """The line with its worker and time."""
        return f"{self.at:.3f} {self.what} of attempt {self.attempt} in {self.worker}, process {self.pid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One job with which something is wrong, and where to look for the cause."""

    job: str
    sentence: str
    entries: tuple[Entry, ...]
    """All that the job has written, in its order."""

    def __str__(self) -> str:
        """The sentence, and each line with its worker and time."""
        return "\n    ".join((f"{self.job} {self.sentence}", *map(str, self.entries)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What came of the jobs; nothing is wrong when every list of findings is empty."""

    jobs: int
    attempts: int
    """Attempts that were begun."""
    done: int
    """Jobs that came to their end exactly once."""
    lost: tuple[Finding, ...]
    """Never came to their end, and no queue holds them any more."""
    unfinished: tuple[Finding, ...]
    """Never came to their end, and still lie in a queue."""
    run_twice: tuple[Finding, ...]
    """Were begun, or ended, more often than they were to be."""
    cut_off: tuple[Finding, ...]
    """Were taken by a worker that never came to an outcome: nothing but its death explains that."""
    unexplained: tuple[Finding, ...]
    """Wrote what nobody had planned: of a job never pushed, without a start, another outcome."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong; a job may be there more than once."""
        return (*self.lost, *self.unfinished, *self.cut_off, *self.run_twice, *self.unexplained)

    @property
    def clean(self) -> bool:
        """True when every job went its course: each attempt once, to its outcome, and the end at its end."""
        return not self.findings


def course(*, failures: int = 0, releases: int = 0) -> Course:
    """
    Return the course of a job that fails so often, or gives itself back so often, and then ends.

    As tests/images/laravel/src/DemoJob.php counts: while an attempt's number is within both, it fails.
    """
    given_back = max(0, releases - failures)
    return (*[What.FAIL] * failures, *[What.RELEASE] * given_back, What.END)


def audit(
    courses: Mapping[str, Course], entries: Iterable[Entry], *, queued: Collection[str] = frozenset()
) -> Audit:
    """
    Hold the ledger against the courses of all jobs that were pushed.

    It is meant for a moment at which nothing goes on any more: a job in hand
    looks as if it had been cut off.

    Args:
        courses: What was to happen to each job, by its identity.
        entries: What was written, in the order of writing.
        queued: Jobs that still lie in a queue.

    Returns:
        Each wrong job in every list that is true of it: a job that was cut off
        and begun again was also run twice.
    """
    written: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        written[entry.job].append(entry)
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for job in (*courses, *sorted(written.keys() - courses.keys())):
        own = tuple(written[job])
        for verdict, sentence in _verdicts(courses.get(job), own, queued=job in queued):
            found[verdict].append(Finding(job=job, sentence=sentence, entries=own))
    return Audit(
        jobs=len(courses),
        attempts=sum(entry.what is What.START for own in written.values() for entry in own),
        done=sum(Counter(entry.what for entry in written[job])[What.END] == 1 for job in courses),
        lost=tuple(found["lost"]),
        unfinished=tuple(found["unfinished"]),
        run_twice=tuple(found["run twice"]),
        cut_off=tuple(found["cut off"]),
        unexplained=tuple(found["unexplained"]),
    )


def count_ended(entries: Iterable[Entry]) -> int:
    """Count the jobs that came to their end."""
    return len({entry.job for entry in entries if entry.what is What.END})


def busy_workers(entries: Iterable[Entry]) -> frozenset[str]:
    """Name the pods whose latest line is the beginning of an attempt: they have a job in hand."""
    latest = {entry.worker: entry.what for entry in entries}
    return frozenset(worker for worker, what in latest.items() if what is What.START)


def _verdicts(planned: Course | None, entries: Sequence[Entry], *, queued: bool) -> Iterator[tuple[str, str]]:
    """Say everything that is wrong with one job: the list it belongs to, and a sentence."""
    if planned is None:
        yield "unexplained", "was never pushed"
        return
    if not any(entry.what is What.END for entry in entries):
        yield ("unfinished", "still lies in a queue") if queued else ("lost", "never came to its end")
    if abandoned := _abandoned(entries):
        yield "cut off", f"was taken and came to no outcome: attempt {_listed(abandoned)}"
    if repeated := _repeated(planned, entries):
        yield "run twice", f"was not to be begun or brought to an outcome again: attempt {_listed(repeated)}"
    if odd := _odd(planned, entries):
        yield "unexplained", f"wrote what was not planned: attempt {_listed(odd)}"


def _abandoned(entries: Sequence[Entry]) -> set[int]:
    """Attempts that a process began and brought to no outcome, or took and did not even begin."""
    open_starts = Counter[tuple[int, str, int]]()
    for entry in entries:
        open_starts[_place(entry)] += 1 if entry.what is What.START else -1
    cut = {attempt for (attempt, _, _), count in open_starts.items() if count > 0}
    counted = {entry.attempt for entry in entries}
    skipped = set(range(1, max(counted, default=0))) - counted
    return cut | skipped


def _repeated(planned: Course, entries: Sequence[Entry]) -> set[int]:
    """Attempts beyond the course, and those that were begun or came to an outcome more than once."""
    times = Counter((entry.attempt, entry.what is What.START) for entry in entries)
    return {attempt for (attempt, _), count in times.items() if count > 1 or attempt > len(planned)}


def _odd(planned: Course, entries: Sequence[Entry]) -> set[int]:
    """Attempts with an outcome and no start, and those whose outcome is not that of the course."""
    starts = Counter(_place(entry) for entry in entries if entry.what is What.START)
    outcomes = [entry for entry in entries if entry.what is not What.START]
    return {entry.attempt for entry in outcomes if not starts[_place(entry)]} | {
        entry.attempt
        for entry in outcomes
        if entry.attempt <= len(planned) and entry.what is not planned[entry.attempt - 1]
    }


def _place(entry: Entry) -> tuple[int, str, int]:
    return entry.attempt, entry.worker, entry.pid


def _listed(attempts: Iterable[int]) -> str:
    return ", ".join(str(attempt) for attempt in sorted(attempts))
