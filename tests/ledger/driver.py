"""Carrying out a plan: jobs are pushed, workers are disturbed, and in the end the ledger is audited."""

from __future__ import annotations

import heapq
import itertools
import json
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.errors import CommandFailedError
from harness.php import run_artisan
from ledger.checker import audit, count_ended
from ledger.stream import Ledger, count_jobs, name_jobs
from ledger.subjects import LIST_KEYS
from ledger.workforce import Workforce

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ledger.checker import Audit, Entry
    from ledger.plan import Disturbance, Job, Kind, Plan, Round
    from ledger.subjects import Subject

_LOOK_SECONDS = 0.5
_TELL_SECONDS = 10.0
_HARDLY_ANY = 0.05
"""The share of a round's jobs that may be left when the next round begins."""
_STUCK_SECONDS = 200.0
"""Without a single line in the ledger.  A job that was cut off is taken again after 90 s and may take 45."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a run came to."""

    subject: str
    seed: int
    found: Audit
    disturbances: Mapping[Kind, int]
    """How often each was done; what was refused is not counted."""
    bursts: int
    workers_started: int
    scalings: int
    rollouts: int
    seconds: float
    """From the first job pushed to the last one done."""
    entries: tuple[Entry, ...]
    """The whole ledger."""


class _StuckError(Exception):
    """Jobs are left and nobody works on them: the rest of the plan would tell nothing."""


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    """Something that is to be done; the earliest comes first, and of two at once the one thought of first."""

    at: float
    """On the monotonic clock."""
    number: int
    what: str = field(compare=False)
    action: Callable[[], object] = field(compare=False)
    takes_back: bool = field(compare=False)


class Driver:
    """
    One run of a plan.

    Args:
        subject: Whose workers take the jobs; the driver deploys them.
        plan: What is done to them.
        tell: Takes a line about how far it is, every few seconds.
    """

    def __init__(self, subject: Subject, plan: Plan, *, tell: Callable[[str], None]) -> None:
        self._subject = subject
        self._plan = plan
        self._tell = tell
        self._ledger = Ledger(subject.shop.redis)
        self._workforce = Workforce(subject)
        self._done: Counter[Kind] = Counter()
        self.journal: list[str] = []
        """What was done so far, and when: in seconds since 1970, and since the beginning."""
        self._agenda: list[_Due] = []
        self._numbers = itertools.count()
        self._begun = self._told = self._moved = time.monotonic()
        self._left = 0

    def run(self) -> Account:
        """Carry the plan out to its end, or until nothing moves any more, and leave nothing disturbed."""
        with ExitStack() as ending:
            ending.enter_context(self._workforce)
            ending.callback(self._take_everything_back)
            self._subject.deploy()
            self._begun = self._told = time.monotonic()
            try:
                for number, each in enumerate(self._plan.rounds, start=1):
                    self._note(f"round {number} of {len(self._plan.rounds)}: {len(each.jobs)} jobs")
                    self._play(each)
                self._work_until(lambda: not self._agenda and not self._left)
            except _StuckError:
                self._note(f"nothing was written for {_STUCK_SECONDS:.0f} s; {self._left} jobs are left")
            return self._account(time.monotonic() - self._begun)

    def _play(self, each: Round) -> None:
        self._push(each.jobs)
        self._attempt("burst", self._subject.burst_begins)
        due = time.monotonic()
        for disturbance in each.disturbances:
            due += disturbance.after_seconds
            self._put_down(due, disturbance.kind, partial(self._disturb, disturbance))
        self._work_until(lambda: time.monotonic() > due and self._left <= _HARDLY_ANY * len(each.jobs))
        self._attempt("end of the burst", self._subject.burst_ends)
        quiet_until = time.monotonic() + each.pause_seconds
        self._work_until(lambda: time.monotonic() > quiet_until)

    def _push(self, jobs: Sequence[Job]) -> None:
        lines = "\n".join(json.dumps(_described(job)) for job in jobs)
        run_artisan(["demo:push-plan"], env=self._subject.shop.environment, stdin=lines)
        self._left += len(jobs)
        self._moved = time.monotonic()

    def _disturb(self, disturbance: Disturbance) -> None:
        take_back = self._subject.ways[disturbance.kind](disturbance.choice)
        self._done[disturbance.kind] += 1
        if take_back is not None:
            due = time.monotonic() + disturbance.lasts_seconds
            self._put_down(due, f"{disturbance.kind}: taken back", take_back, takes_back=True)

    def _put_down(
        self, at: float, what: str, action: Callable[[], object], *, takes_back: bool = False
    ) -> None:
        heapq.heappush(self._agenda, _Due(at, next(self._numbers), what, action, takes_back))

    def _attempt(self, what: str, action: Callable[[], object]) -> None:
        """Do it and note it; what kubectl could not do is noted too, and disturbs nothing."""
        try:
            action()
        except CommandFailedError as error:
            self._note(f"{what}: {error}")
        else:
            self._note(what)

    def _work_until(self, satisfied: Callable[[], bool]) -> None:
        """Follow the agenda until something is so; raises _StuckError when nothing has moved for long."""
        self._look()
        while not satisfied():
            if self._agenda and self._agenda[0].at <= time.monotonic():
                due = heapq.heappop(self._agenda)
                self._attempt(due.what, due.action)
                continue
            if time.monotonic() - self._moved > _STUCK_SECONDS:
                raise _StuckError
            self._look()
            until_due = self._agenda[0].at - time.monotonic() if self._agenda else _LOOK_SECONDS
            time.sleep(min(_LOOK_SECONDS, max(0.0, until_due)))

    def _look(self) -> None:
        self._left = count_jobs(self._subject.shop.redis, LIST_KEYS)
        now = time.monotonic()
        if self._ledger.look() or not self._left:
            self._moved = now
        if now - self._told > _TELL_SECONDS:
            self._told = now
            self._tell(self._progress())

    def _progress(self) -> str:
        return (
            f"{_clock(time.monotonic() - self._begun)}  {count_ended(self._ledger.entries):>7,} of "
            f"{self._plan.jobs:,} jobs done, {self._left:>5,} queued, {self._workforce.running:>2} workers, "
            f"{self._workforce.wanted:>2} wanted, {self._done.total():>3} disturbances"
        )

    def _take_everything_back(self) -> None:
        for due in sorted(self._agenda):
            if due.takes_back:
                self._attempt(due.what, due.action)
        self._agenda.clear()

    def _account(self, seconds: float) -> Account:
        self._ledger.look()
        redis = self._subject.shop.redis
        return Account(
            subject=self._subject.name,
            seed=self._plan.seed,
            found=audit(self._plan.courses, self._ledger.entries, queued=name_jobs(redis, LIST_KEYS)),
            disturbances=dict(self._done),
            bursts=len(self._plan.rounds),
            workers_started=self._workforce.started,
            scalings=self._workforce.scalings,
            rollouts=self._workforce.rollouts,
            seconds=seconds,
            entries=tuple(self._ledger.entries),
        )

    def _note(self, what: str) -> None:
        self.journal.append(f"{time.time():.3f} {_clock(time.monotonic() - self._begun)} {what}")


def _described(job: Job) -> Mapping[str, object]:
    """What tests/images/laravel/src/PushPlanCommand.php reads."""
    return {
        "job": job.identity,
        "queue": job.queue,
        "milliseconds": job.milliseconds,
        "failures": job.failures,
        "releases": job.releases,
        "release_delay_seconds": job.release_delay_seconds,
        "delay_seconds": job.delay_seconds,
    }


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"
