"""When jobs came and how long each took: what a simulation is fed with."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
"""Where a trace counts seconds and names no day: a Monday, midnight."""

COLUMNS = ("time", "queue", "seconds", "delay", "count")
REQUIRED = COLUMNS[:3]

MOST_JOBS = 20_000_000
"""More would not fit into the memory of an ordinary machine."""


class TraceError(QueueWorkersError):
    """A trace cannot be read; its message says where and what to change."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrivals:
    """
    The jobs of one queue, in the order in which workers may take them.

    All times are seconds since the trace began.
    """

    queue: str
    pushed_at: NDArray[np.float64]
    available_at: NDArray[np.float64]
    """When the first worker may take it: when it was pushed, or falls due.  Ascending."""
    seconds: NDArray[np.float64]
    """How long a worker has each job in hand."""

    @classmethod
    def of(
        cls,
        queue: str,
        pushed_at: Sequence[float] | NDArray[np.float64],
        seconds: float | Sequence[float] | NDArray[np.float64],
        delay: float | Sequence[float] | NDArray[np.float64] = 0.0,
    ) -> Arrivals:
        """Put jobs in order; *seconds* and *delay* are one number for all, or one for each."""
        pushed = np.asarray(pushed_at, dtype=np.float64)
        available = pushed + np.asarray(delay, dtype=np.float64)
        order = np.argsort(available, kind="stable")
        took = np.broadcast_to(np.asarray(seconds, dtype=np.float64), pushed.shape)
        return cls(queue=queue, pushed_at=pushed[order], available_at=available[order], seconds=took[order])

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """What came to a pool's queues during a time."""

    began: datetime
    lasts_seconds: float
    queues: tuple[Arrivals, ...]
    """The most urgent first."""

    @property
    def jobs(self) -> int:
        """All jobs of all queues."""
        return sum(map(len, self.queues))

    @property
    def mean_seconds(self) -> float:
        """How long a job takes on average; 0 where there is none."""
        return sum(float(each.seconds.sum()) for each in self.queues) / self.jobs if self.jobs else 0.0

    def ordered(self, names: Sequence[str]) -> Trace:
        """
        Give the queues the order of *names*; one that nothing came to is empty.

        Raises:
            TraceError: Jobs came to a queue that is not among *names*.
        """
        by_name = {each.queue: each for each in self.queues}
        strangers = sorted(set(by_name) - set(names))
        if strangers:
            raise TraceError(
                f"jobs came to {', '.join(strangers)}, and the pool serves {', '.join(names)}:"
                " leave those lines out, or add the queue to spec.queues"
            )
        return Trace(
            began=self.began,
            lasts_seconds=self.lasts_seconds,
            queues=tuple(by_name.get(name) or Arrivals.of(name, [], []) for name in names),
        )


def parse_trace(lines: Iterable[str]) -> Trace:
    """
    Read a trace from CSV with a header.

    Columns, in any order: `time` (ISO 8601 with its zone, or seconds), `queue`,
    `seconds` (in a worker's hands), and where wanted `delay` (seconds from
    the push until it falls due) and `count` (as many such jobs at once).
    Lines need not be in the order of time.

    Raises:
        TraceError: The first line that cannot be read, by its number.
    """
    rows = csv.reader(lines)
    header = [name.strip().lower() for name in next(rows, [])]
    _check_header(header)
    taken: dict[str, list[tuple[float, float, float]]] = {}
    dated, jobs = None, 0
    for row in rows:
        if not row or row == [""]:
            continue
        line = _Line(rows.line_num, header, row)
        moment, has_date = line.moment()
        if dated is not None and has_date is not dated:
            raise line.refuse("time is a date here and seconds before: use one of them in the whole file")
        dated = has_date
        count = line.count()
        jobs += count
        if jobs > MOST_JOBS:
            raise line.refuse(f"there are more than {MOST_JOBS:,} jobs: take a shorter time")
        job = (moment, line.number("seconds"), line.number("delay"))
        taken.setdefault(line.queue(), []).extend([job] * count)
    if not taken:
        raise TraceError("no job is in the trace: it has a header and nothing else")
    return _assemble(taken, dated=bool(dated))


def _check_header(header: Sequence[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in header]
    if unknown or missing or len(set(header)) < len(header):
        raise TraceError(
            f"line 1: the header must name {', '.join(REQUIRED)}, and may name {' and '.join(COLUMNS[3:])},"
            f" each once; it is {','.join(header) or 'empty'}"
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a trace, and how to complain about it."""

    number_of_line: int
    header: Sequence[str]
    row: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.row) != len(self.header):
            raise self.refuse(f"{len(self.row)} fields, where the header names {len(self.header)}")

    def refuse(self, why: str) -> TraceError:
        return TraceError(f"line {self.number_of_line}: {why}")

    def field(self, name: str) -> str:
        return self.row[self.header.index(name)].strip() if name in self.header else ""

    def queue(self) -> str:
        name = self.field("queue")
        if not name:
            raise self.refuse("queue is empty")
        return name

    def number(self, name: str) -> float:
        """Read seconds, at least 0; a column that is left out is 0."""
        text = self.field(name)
        if not text and name not in REQUIRED:
            return 0.0
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise self.refuse(f"{name} must be seconds, 0 or more, and is {text!r}")
        return value

    def count(self) -> int:
        text = self.field("count")
        if not text:
            return 1
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
            raise self.refuse(f"count must be a whole number from 1 to {MOST_JOBS:,}, and is {text!r}")
        return int(text)

    def moment(self) -> tuple[float, bool]:
        """Read the time as seconds, and whether it was a date."""
        text = self.field("time")
        try:
            seconds = float(text)
        except ValueError:
            pass
        else:
            if math.isfinite(seconds):
                return seconds, False
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self.refuse(
                f"time must be seconds, or a date with its zone such as 2026-11-17T09:30:00Z, and is {text!r}"
            )
        return moment.timestamp(), True


def _assemble(taken: Mapping[str, Sequence[tuple[float, float, float]]], *, dated: bool) -> Trace:
    arrays = {queue: np.array(jobs, dtype=np.float64) for queue, jobs in taken.items()}
    first = min(float(jobs[:, 0].min()) for jobs in arrays.values())
    began = datetime.fromtimestamp(first, tz=UTC) if dated else BEGAN + timedelta(seconds=first)
    queues = tuple(
        Arrivals.of(queue, jobs[:, 0] - first, jobs[:, 1], jobs[:, 2]) for queue, jobs in arrays.items()
    )
    last = max(float(each.available_at[-1]) for each in queues)
    return Trace(began=began, lasts_seconds=last + 1.0, queues=queues)
