"""What the jobs themselves say happened to them, held against what was pushed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

START, FAIL, END = "start", "fail", "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs that were pushed with one command; they are called PREFIX-1, PREFIX-2, …"""

    prefix: str
    count: int
    milliseconds: int
    queue: str = "default"
    failures: int = 0
    """How many attempts of each job fail before one succeeds."""
    delay_seconds: int = 0

    def identities(self) -> list[str]:
        """Name every job of the batch."""
        return [f"{self.prefix}-{number}" for number in range(1, self.count + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line that a running job wrote: what happened, to which job, in which pod."""

    event: str
    job: str
    worker: str
    at: float
    """When, in seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is wrong; nothing, when every list is empty."""

    done: int
    lost: tuple[str, ...]
    """Never came to an end."""
    done_twice: tuple[str, ...]
    """Came to an end more than once."""
    wrong_attempts: tuple[str, ...]
    """Was begun, or failed, more or less often than it was meant to be: begun and cut off, mostly."""
    strangers: tuple[str, ...]
    """Wrote in the ledger, yet nobody had pushed it."""

    @property
    def clean(self) -> bool:
        """True when every job was done exactly once, and no attempt was wasted."""
        return not (self.lost or self.done_twice or self.wrong_attempts or self.strangers)


def audit(batches: Sequence[Batch], entries: Iterable[Entry]) -> Audit:
    """
    Compare the ledger with the jobs that were pushed.

    A job that is meant to fail *n* times is begun *n* + 1 times and ends once.
    """
    seen = Counter((entry.job, entry.event) for entry in entries)
    failures = {identity: batch.failures for batch in batches for identity in batch.identities()}
    wrong_attempts = [
        job
        for job, wanted in failures.items()
        if seen[job, END] == 1 and (seen[job, START], seen[job, FAIL]) != (wanted + 1, wanted)
    ]
    return Audit(
        done=sum(1 for job in failures if seen[job, END] == 1),
        lost=tuple(job for job in failures if not seen[job, END]),
        done_twice=tuple(job for job in failures if seen[job, END] > 1),
        wrong_attempts=tuple(wrong_attempts),
        strangers=tuple(sorted({job for job, _ in seen} - failures.keys())),
    )


def count_done(entries: Iterable[Entry]) -> int:
    """Count the jobs that came to an end."""
    return len({entry.job for entry in entries if entry.event == END})


def busy_workers(entries: Iterable[Entry]) -> frozenset[str]:
    """Name the pods whose latest line is the beginning of a job: they have it in hand."""
    latest = {entry.worker: entry.event for entry in entries}
    return frozenset(worker for worker, event in latest.items() if event == START)


def parse_stream(printed: str) -> list[Entry]:
    """
    Read what `redis-cli XRANGE` prints when nobody watches: one string a line.

    Each entry is its id, which no field's value looks like, and then fields and
    values by turns; a value is never empty.
    """
    entries: list[Entry] = []
    lines = iter(printed.splitlines())
    for _ in lines:
        fields = {next(lines): next(lines) for _ in range(_FIELDS)}
        entries.append(
            Entry(
                event=fields["event"],
                job=fields["job"],
                worker=fields["worker"],
                at=float(fields["at"]),
            )
        )
    return entries


# event, job, queue, attempt, worker, pid, at: as tests/images/laravel/src/Ledger.php writes them.
_FIELDS = 7
