"""How many workers it takes that no job waits for longer than it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.backlog import Backlog, Upcoming, Wait
from queueworkers.domain.crew import Crew
from queueworkers.domain.demand import Demand, demand_of, keep_up, staff
from queueworkers.domain.learning import Arrivals, Learned, QueueFlow
from unit.domain.given import NOON, a_queue, ago

if TYPE_CHECKING:
    from queueworkers.domain.backlog import QueueBacklog

NOBODY = Crew()
BOOT = 5.0


def at_work(count: int, *, starting: int = 0, created_ago: float = 0) -> Crew:
    """Workers that are ready, and some on their way."""
    return Crew(desired=count + starting, ready=count, starting=(ago(created_ago),) * starting)


def a_flow(queue: QueueBacklog, *, job_seconds: float = 2.0, load: float = 0.0, **also: Any) -> QueueFlow:
    """A queue of which a hundred jobs were seen, so that the guess does not matter much."""
    return QueueFlow(
        last=queue,
        worked_seconds=job_seconds * 101 - 1.0,
        ended=100.0,
        quick_load=load,
        slow_load=load,
        **also,
    )


def asked(
    *queues: QueueBacklog,
    crew: Crew = NOBODY,
    waits: tuple[float, ...] = (30.0,),
    holds: tuple[str, ...] = (),
    **flow: Any,
) -> Demand:
    """Ask for workers where every job takes two seconds and a boot five."""
    learned = Learned(
        read_at=NOON,
        flows=tuple(a_flow(queue, **flow) for queue in queues),
        boots=(BOOT,),
    )
    return demand_of(
        Backlog(queues=queues, read_at=NOON),
        crew,
        learned,
        waits=waits if len(waits) == len(queues) else waits * len(queues),
        holds=holds,
        ahead=timedelta(seconds=BOOT),
        now=NOON,
    )


@pytest.mark.parametrize(
    ("ready", "age", "workers"),
    [
        pytest.param(0, 0, 0, id="nothing-waits"),
        pytest.param(1, 0, 1, id="one-job"),
        # A new worker begins jobs for 25 s and one more at the very end: 13.5 of 2 s.
        pytest.param(13, 0, 1, id="as-many-as-one-worker-begins"),
        pytest.param(14, 0, 2, id="one-more-than-that"),
        pytest.param(500, 0, 38, id="a-burst"),
        pytest.param(500, 10, 59, id="that-has-waited-for-ten-seconds"),
        # However late they are, there is a quarter of the wait after the boot to begin them.
        pytest.param(500, 29, 106, id="that-is-nearly-late"),
        pytest.param(500, 600, 106, id="that-is-late-for-long"),
    ],
)
def test_jobs_of_one_age_begin_in_time(ready: int, age: float, workers: int) -> None:
    """From nobody: jobs times two seconds, by what a worker begins after its boot."""
    queue = a_queue(ready=ready, oldest=Wait(ago(age)) if ready else None)
    demand = asked(queue, arrivals=(Arrivals(ago(age), ready),))
    assert demand.replicas == workers


@pytest.mark.parametrize(
    ("crew", "ready", "workers"),
    [
        # Ten idle ones begin 16 jobs each within 30 s.
        pytest.param(at_work(10), 160, 10, id="those-there-are-enough"),
        pytest.param(at_work(10), 100, 7, id="some-of-them-are-enough"),
        pytest.param(at_work(10), 161, 11, id="one-job-too-many"),
        pytest.param(at_work(0, starting=20), 260, 20, id="those-on-their-way-count"),
        pytest.param(at_work(0, starting=20, created_ago=4), 300, 20, id="nearly-there-they-do-more"),
    ],
)
def test_who_is_there_and_who_is_on_the_way_counts(crew: Crew, ready: int, workers: int) -> None:
    """Each for the time that is left after it is ready."""
    queue = a_queue(ready=ready, oldest=Wait(NOON))
    assert asked(queue, crew=crew, arrivals=(Arrivals(NOON, ready),)).for_backlog.replicas == workers


def test_a_burst_that_is_over_before_a_boot_is_not_chased() -> None:
    """Twelve seconds after the jobs should have begun, those at work are done with them before a new one is ready."""
    queue = a_queue(ready=10, oldest=Wait(ago(42)))
    assert asked(queue, crew=at_work(5), arrivals=(Arrivals(ago(42), 10),)).for_backlog.replicas <= 5


def test_jobs_that_came_one_after_the_other_have_time_one_after_the_other() -> None:
    """A queue that is 29 s long because jobs come all the time is no emergency: each of its jobs has its own time."""
    steady = tuple(Arrivals(ago(age), 5) for age in range(28, -1, -1))
    queue = a_queue(ready=145, oldest=Wait(ago(28)))
    crew = at_work(10)

    told_apart = asked(queue, crew=crew, arrivals=steady)
    all_old = asked(queue, crew=crew, arrivals=(Arrivals(ago(28), 145),))

    assert told_apart.for_backlog.replicas <= 10 < all_old.for_backlog.replicas


def test_of_unknown_ages_only_the_oldest_is_known() -> None:
    """Then they are taken to have come evenly, and not all at once."""
    queue = a_queue(ready=100, oldest=Wait(ago(20)))
    evenly, at_once = asked(queue), asked(queue, arrivals=(Arrivals(ago(20), 100),))
    young = asked(queue, arrivals=(Arrivals(NOON, 100),))
    assert young.replicas < evenly.replicas <= at_once.replicas


def test_a_later_queue_waits_for_the_earlier_ones() -> None:
    """What arrives in them meanwhile is taken first as well."""
    low = a_queue("low", ready=50, oldest=Wait(NOON))
    empty = a_queue("high")
    behind = asked(a_queue("high", ready=200, oldest=Wait(NOON)), low)

    assert behind.for_backlog.replicas > asked(empty, low).for_backlog.replicas
    assert behind.for_backlog.queue == "low"
    assert asked(empty, low, load=4.0).for_backlog.replicas > asked(empty, low).for_backlog.replicas


def test_each_queue_may_have_a_wait_of_its_own() -> None:
    """The urgent one asks for more, the patient one for fewer."""
    queue = a_queue(ready=300, oldest=Wait(NOON))
    urgent, patient = (asked(queue, waits=(seconds,)).replicas for seconds in (10.0, 300.0))
    assert (patient, urgent) == (3, 86)


def test_held_queues_ask_for_nobody() -> None:
    """Neither for what waits in them nor for what will."""
    soon = (Upcoming(at=ago(-2), jobs=100),)
    queue = a_queue(ready=300, oldest=Wait(NOON), upcoming=soon)
    assert asked(queue, holds=("default",), load=3.0).replicas == 0


@pytest.mark.parametrize(
    ("ahead", "workers"),
    [
        pytest.param(3, 8, id="before-a-worker-would-be-ready"),
        pytest.param(5, 8, id="when-it-would-be-ready"),
        pytest.param(6, 0, id="later: there is time"),
    ],
)
def test_delayed_jobs_are_met_when_they_fall_due(ahead: float, workers: int) -> None:
    """A boot ahead, and not earlier."""
    queue = a_queue(delayed=120, upcoming=(Upcoming(at=NOON + timedelta(seconds=ahead), jobs=120),))
    assert asked(queue).replicas == workers


def test_time_before_jobs_fall_due_is_no_time_for_them() -> None:
    """A worker that idles until then has the wait, and no more."""
    soon = a_queue(delayed=170, upcoming=(Upcoming(at=NOON + timedelta(seconds=5), jobs=170),))
    assert asked(soon, crew=at_work(10)).for_backlog.replicas == 11


def test_who_leaves_is_not_there() -> None:
    """A job in the hands of a worker that leaves keeps nobody of those that stay from working."""
    queue = a_queue(ready=150, reserved=10, oldest=Wait(NOON))
    staying = at_work(10)
    idle = asked(queue, crew=replace(staying, holding=10), arrivals=(Arrivals(NOON, 150),))
    busy = asked(queue, crew=staying, arrivals=(Arrivals(NOON, 150),))
    assert idle.for_backlog.replicas == 10
    assert busy.for_backlog.replicas >= idle.for_backlog.replicas


@pytest.mark.parametrize(
    ("load", "job_seconds", "wait_seconds", "workers"),
    [
        pytest.param(0, 1, 30, 0, id="nothing-arrives"),
        pytest.param(0.5, 1, 30, 1, id="half-a-worker"),
        pytest.param(10.0, 1, 30, 11, id="with-time-to-wait-one-more-is-enough"),
        # Of 10 erlangs, 0.0573 wait at all with 16 servers and 0.0309 with 17.
        pytest.param(10.0, 1, 1e-9, 17, id="without-time-to-wait"),
        # 0.0883 wait for more than half a job with 21, 0.0376 with 22.
        pytest.param(18.0, 60, 30, 22, id="jobs-longer-than-the-wait"),
    ],
)
def test_what_arrives_by_chance_needs_some_to_spare(
    load: float, job_seconds: float, wait_seconds: float, workers: int
) -> None:
    """By Erlang's formula, so that one job in twenty waits too long."""
    assert staff(load, job_seconds=job_seconds, wait_seconds=wait_seconds) == workers


@pytest.mark.parametrize(
    ("current", "workers"),
    [
        pytest.param(0, 10, id="from-nobody-to-what-is-surely-needed"),
        pytest.param(9, 10, id="too-few"),
        pytest.param(10, 10, id="may-be-right"),
        pytest.param(11, 11, id="is-right"),
        pytest.param(12, 11, id="too-many"),
    ],
)
def test_a_number_that_may_be_right_stays(current: int, workers: int) -> None:
    """Ten busy, measured over 30 s of jobs that take two: known to 0.6."""
    assert keep_up(10.0, current=current, job_seconds=2.0, wait_seconds=30.0) == workers


def test_each_clock_is_asked_about_its_own() -> None:
    """Redis says how old jobs are and when they fall due, the cluster for how long workers have been starting."""
    hour = timedelta(hours=1)
    queue = a_queue(ready=200, oldest=Wait(ago(10) + hour), upcoming=(Upcoming(at=ago(-3) + hour, jobs=10),))
    crew = at_work(0, starting=8, created_ago=4)
    learned = Learned(read_at=NOON, flows=(a_flow(queue),), boots=(BOOT,))
    here = replace(queue, oldest=Wait(ago(10)), upcoming=(Upcoming(at=ago(-3), jobs=10),))

    elsewhere, at_home = (
        demand_of(
            Backlog(queues=(each,), read_at=read_at),
            crew,
            learned,
            waits=(30.0,),
            holds=(),
            ahead=timedelta(seconds=BOOT),
            now=NOON,
        ).for_backlog.replicas
        for each, read_at in ((queue, NOON + hour), (here, NOON))
    )

    assert elsewhere == at_home
