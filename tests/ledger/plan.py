"""What a run does, worked out beforehand: the same seed gives the same jobs and the same disturbances."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from ledger.checker import course

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ledger.checker import Course

QUEUES = ("high", "default", "low")
TRIES = 3
"""No job needs more attempts, and one that loses an attempt may need more than it has."""

_JOBS_IN_A_ROUND = 1400
_FEWEST_ROUNDS = 6
_JOBS_PER_DISTURBANCE = 700
_FEWEST_DISTURBANCES = 14
_FEWEST_LONG_JOBS = 6
_JOBS_PER_LONG_JOB = 1000


class Kind(StrEnum):
    """What may happen to workers and their operator; the words stand in the report."""

    BOUNDS = "other bounds"
    SCALE = "kubectl scale"
    ANNOTATE = "restart by annotation"
    RESTART_AT = "restart by spec.restart.at"
    ROLLOUT_RESTART = "kubectl rollout restart"
    OPTION = "another option"
    ENVIRONMENT = "another environment"
    SUSPEND = "suspend, resume"
    DELETE_POD = "kubectl delete pod"
    KILL_OPERATOR = "operator: SIGKILL"
    FREEZE_OPERATOR = "operator: SIGSTOP, SIGCONT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job and all that it does."""

    identity: str
    queue: str
    milliseconds: int
    failures: int = 0
    """How many of its attempts fail before one succeeds."""
    releases: int = 0
    """How many of its attempts give it back."""
    release_delay_seconds: int = 0
    delay_seconds: int = 0
    """How long it is held back at first."""

    @property
    def course(self) -> Course:
        """The outcomes that its attempts must have."""
        return course(failures=self.failures, releases=self.releases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One thing that is done while jobs are being worked on."""

    kind: Kind
    after_seconds: float
    """After the one before it, or after the jobs of its round were pushed."""
    lasts_seconds: float
    """Until it is taken back, where it can be: resumed, let go of, started again."""
    choice: float
    """At least 0 and below 1: which worker, how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A burst of jobs, what disturbs the work on them, and a pause."""

    jobs: tuple[Job, ...]
    disturbances: tuple[Disturbance, ...]
    pause_seconds: float
    """From the moment at which hardly a job is left to the next burst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run."""

    seed: int
    rounds: tuple[Round, ...]

    @property
    def jobs(self) -> int:
        """How many jobs are pushed."""
        return sum(len(each.jobs) for each in self.rounds)

    @property
    def disturbances(self) -> int:
        """How many disturbances there are; bursts and pauses are not among them."""
        return sum(len(each.disturbances) for each in self.rounds)

    @property
    def courses(self) -> Mapping[str, Course]:
        """What is to happen to each job."""
        return {job.identity: job.course for each in self.rounds for job in each.jobs}


def make_plan(seed: int, *, jobs: int, kinds: Sequence[Kind] = tuple(Kind)) -> Plan:
    """
    Work out a run.

    Bursts are of different sizes.  The kinds are dealt like cards, the whole
    deck before a card comes again, so that each comes up; an operator is also
    killed within the next seconds after some of the others, in the middle of
    what they set going.

    Args:
        seed: The same one gives the same plan.
        jobs: How many in all, at least one.
        kinds: Disturbances that there shall be.
    """
    # Apart, so that the jobs are the same whatever disturbs them.
    sizes, lengths, cards = (random.Random(f"{seed} {part}") for part in ("sizes", "lengths", "cards"))
    bursts = _split(jobs, max(_FEWEST_ROUNDS, round(jobs / _JOBS_IN_A_ROUND)), sizes)
    dealt = _deal(kinds, max(_FEWEST_DISTURBANCES, math.ceil(jobs / _JOBS_PER_DISTURBANCE)), cards)
    all_jobs = _make_jobs(jobs, lengths)
    rounds = []
    for number, size in enumerate(bursts):
        hand = dealt[number * len(dealt) // len(bursts) : (number + 1) * len(dealt) // len(bursts)]
        rounds.append(
            Round(
                jobs=tuple(next(all_jobs) for _ in range(size)),
                disturbances=tuple(_disturb(hand, cards, killing=Kind.KILL_OPERATOR in kinds)),
                pause_seconds=sizes.uniform(0, 6),
            )
        )
    return Plan(seed=seed, rounds=tuple(rounds))


def _split(jobs: int, bursts: int, source: random.Random) -> Sequence[int]:
    """Cut so many jobs into bursts, the largest of which has some ten times the jobs of the smallest."""
    weights = [source.uniform(0.2, 2) for _ in range(bursts)]
    cuts = [round(jobs * sum(weights[:number]) / sum(weights)) for number in range(bursts + 1)]
    return [end - begin for begin, end in pairwise(cuts)]


def _make_jobs(count: int, source: random.Random) -> Iterator[Job]:
    """
    Make jobs of every sort: most take milliseconds, some seconds, a few longer than a pod's default grace.

    Long ones are spread evenly, as one is enough to tell whether its worker was waited for.
    """
    long = max(_FEWEST_LONG_JOBS, count // _JOBS_PER_LONG_JOB)
    for number in range(1, count + 1):
        identity, queue = f"job-{number}", source.choice(QUEUES)
        if number * long // count != (number - 1) * long // count:
            yield Job(identity=identity, queue=queue, milliseconds=source.randint(35_000, 45_000))
            continue
        milliseconds = source.randint(0, 30) if source.random() < 0.975 else source.randint(200, 3000)
        yield _vary(Job(identity=identity, queue=queue, milliseconds=milliseconds), source)


def _vary(job: Job, source: random.Random) -> Job:
    """Let one job in ten fail, give itself back, or wait until later; no job has more than TRIES attempts."""
    identity, queue, milliseconds = job.identity, job.queue, job.milliseconds
    drawn = source.random()
    times = 1 if source.random() < 0.75 else TRIES - 1
    if drawn < 0.04:
        return Job(identity=identity, queue=queue, milliseconds=milliseconds, failures=times)
    if drawn < 0.06:
        return Job(
            identity=identity,
            queue=queue,
            milliseconds=milliseconds,
            releases=times,
            release_delay_seconds=source.randint(0, 4),
        )
    if drawn < 0.10:
        return Job(
            identity=identity, queue=queue, milliseconds=milliseconds, delay_seconds=source.randint(1, 10)
        )
    return job


def _deal(kinds: Sequence[Kind], count: int, source: random.Random) -> Sequence[Kind]:
    """Deal the whole deck again and again, shuffled anew each time."""
    dealt: list[Kind] = []
    while len(dealt) < count:
        dealt += source.sample(kinds, len(kinds))
    return dealt[:count]


def _disturb(hand: Sequence[Kind], source: random.Random, *, killing: bool) -> Iterator[Disturbance]:
    for kind in hand:
        yield Disturbance(
            kind=kind,
            after_seconds=source.uniform(1.5, 8),
            lasts_seconds=source.uniform(0.5, 6),
            choice=source.random(),
        )
        if killing and kind is not Kind.KILL_OPERATOR and source.random() < 0.3:
            yield Disturbance(
                kind=Kind.KILL_OPERATOR,
                after_seconds=source.uniform(0, 2.5),
                lasts_seconds=source.uniform(0, 4),
                choice=source.random(),
            )
