"""How long jobs and boots take, and how much work arrives, from one reading to the next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from queueworkers.domain.backlog import Backlog, Tally
from queueworkers.domain.crew import Boot, Crew
from queueworkers.domain.learning import GUESSED_JOB_SECONDS, JOBS_REMEMBERED, Learned, QueueFlow
from unit.domain.given import NOON, a_queue, ago


def told(arrived: int, taken: int, gaps: int = 0, *, since: float = 3600) -> Tally:
    """What has come and gone since somebody began to count."""
    return Tally(since=ago(since), arrived=arrived, taken=taken, gaps=gaps)


def after(learned: Learned, second: float, *, workers: int = 10, **queue: Any) -> Learned:
    """Learn from a reading so many seconds after noon."""
    return learned.see_backlog(
        Backlog(queues=(a_queue(**queue),), read_at=NOON + timedelta(seconds=second)),
        Crew(desired=workers, ready=workers),
        slow_seconds=30,
        every_seconds=1,
    )


def flow_of(learned: Learned) -> QueueFlow:
    """The one queue's."""
    (flow,) = learned.flows
    return flow


def saturated(seconds: int, *, in_hand: int = 10, per_second: int = 5) -> Learned:
    """A queue that never empties, of which so many jobs are taken each second, and as many arrive."""
    learned = Learned()
    for second in range(seconds + 1):
        done = second * per_second
        learned = after(learned, second, ready=100, reserved=in_hand, tally=told(100 + done, done))
    return learned


def test_nothing_is_learned_from_the_first_sight() -> None:
    """But that so many are busy now; how long a job takes is a guess."""
    flow = flow_of(after(Learned(), 0, ready=40, reserved=3))
    assert (flow.job_seconds, flow.load) == (GUESSED_JOB_SECONDS, 3.0)


def test_a_reading_teaches_once() -> None:
    """The same one may be decided upon many times, as pods come and go meanwhile."""
    learned = saturated(10)
    again = after(learned, 10, ready=3, reserved=1, tally=told(1, 1))
    assert again == learned


def test_what_was_worked_by_what_ended_is_a_job() -> None:
    """Ten busy and five ended each second: two seconds each."""
    assert flow_of(saturated(100)).job_seconds == pytest.approx(2.0, rel=0.01)


def test_jobs_that_have_not_ended_yet_show_that_they_take_long() -> None:
    """After ten seconds in which none of ten ended, a job takes more than that."""
    assert flow_of(saturated(10, per_second=0)).job_seconds > 10
    assert flow_of(saturated(1, per_second=0)).job_seconds < 2


def test_only_the_latest_jobs_count() -> None:
    """Jobs may change; some hundred of the new kind are enough."""
    learned = saturated(200)
    for second in range(201, 401):
        done = 1000 + (second - 200) * 20
        learned = after(learned, second, ready=100, reserved=10, tally=told(100 + done, done))
    assert flow_of(learned).job_seconds == pytest.approx(0.5, rel=0.02)
    assert flow_of(learned).ended <= JOBS_REMEMBERED


@pytest.mark.parametrize(
    "second_reading",
    [
        pytest.param({"ready": 5, "tally": told(200, 150, gaps=1)}, id="more-may-have-come-and-gone"),
        pytest.param({"ready": 0, "tally": told(200, 200)}, id="somebody-may-have-idled"),
        pytest.param({"ready": 5, "tally": told(10, 5, since=1)}, id="counting-began-anew"),
        pytest.param({"ready": 5, "tally": None}, id="nobody-counts"),
    ],
)
def test_how_long_a_job_takes_is_only_learned_from_what_was_seen_whole(
    second_reading: dict[str, Any],
) -> None:
    """An estimate that is too low or too high for good is worse than none."""
    learned = after(Learned(), 0, ready=50, reserved=10, tally=told(100, 50))
    learned = after(learned, 1, reserved=10, **second_reading)
    assert (flow_of(learned).worked_seconds, flow_of(learned).ended) == (0.0, 0.0)


def test_where_nothing_is_in_hand_the_crew_tells() -> None:
    """A store without reserved jobs: while jobs wait, every worker is at work."""
    learned = Learned()
    for second in range(51):
        done = second * 20
        learned = after(learned, second, ready=100, tally=told(100 + done, done))
    (flow,) = learned.flows
    assert flow.job_seconds == pytest.approx(0.5, rel=0.01)


def test_who_is_busy_while_nobody_waits_is_the_load() -> None:
    """Whatever the arrivals and the jobs are."""
    learned = Learned()
    for second in range(200):
        learned = after(learned, second, reserved=4 if second % 2 else 2)
    assert flow_of(learned).load == pytest.approx(3.0, rel=0.1)


def test_where_all_that_waits_is_taken_within_a_reading_who_is_busy_is_the_load() -> None:
    """More may have come and gone than was seen, and those at work have it in hand."""
    learned = Learned()
    for second in range(200):
        learned = after(learned, second, ready=3, reserved=6, tally=told(2 * second, 2 * second, gaps=second))
    assert flow_of(learned).load == pytest.approx(6.0, rel=0.05)


def test_what_arrives_while_jobs_wait_is_the_load_and_not_who_works_them_off() -> None:
    """Forty are busy with a long queue, to which two jobs of two seconds are added each second."""
    learned = saturated(100)
    for second in range(101, 201):
        done = 500 + (second - 100) * 20
        learned = after(learned, second, ready=100, reserved=40, tally=told(600 + 2 * (second - 100), done))
    assert flow_of(learned).load == pytest.approx(4.0, rel=0.1)


def test_a_batch_is_no_rate() -> None:
    """Five hundred jobs at once are believed for some seconds, and soon not at all."""
    learned = after(Learned(), 0, tally=told(0, 0))
    learned = after(learned, 1, ready=500, tally=told(500, 0))
    at_once = flow_of(learned).load
    for second in range(2, 40):
        learned = after(learned, second, ready=500, tally=told(500, 0))
    assert at_once < 500 / 30
    assert flow_of(learned).load < 1


def test_time_without_a_reading_is_time_in_which_nothing_changed() -> None:
    """An idle queue's reading is not told again and again."""
    learned = after(Learned(), 0, reserved=8)
    learned = after(learned, 1, reserved=0)
    learned = after(learned, 61, reserved=0)
    assert flow_of(learned).load < 0.01


def test_arrivals_are_remembered_as_long_as_they_wait() -> None:
    """The youngest that make up what waits, none of them younger than it is."""
    learned = after(Learned(), 0, tally=told(0, 0))
    for second in range(1, 40):
        learned = after(learned, second, ready=12, tally=told(5 * second, 5 * second - 12))
    arrivals = flow_of(learned).arrivals
    assert [each.jobs for each in arrivals] == [5, 5, 5]
    assert [each.at for each in arrivals] == [NOON + timedelta(seconds=second) for second in (36, 37, 38)]


def test_the_boot_in_the_middle_counts() -> None:
    """One that waited for its image, or for a node, says nothing about the others."""
    boots = [Boot(created_at=ago(100 + taken), ready_at=ago(100)) for taken in (2, 3, 90)]
    assert Learned().see_boots(boots).boot_seconds == 3.0
    assert Learned().boot_seconds is None


def test_who_came_back_hours_later_did_not_boot() -> None:
    """Its node was away; the pod had been ready before."""
    assert Learned().see_boots([Boot(created_at=ago(86_400), ready_at=ago(10))]).boot_seconds is None


def test_a_boot_is_learned_from_once() -> None:
    """The pod stays ready, and is seen at every look."""
    slow = Boot(created_at=ago(160), ready_at=ago(100))
    learned = Learned().see_boots([slow])
    for _ in range(20):
        learned = learned.see_boots([slow])
    assert learned.see_boots([Boot(created_at=ago(12), ready_at=ago(10))]).boots == (60.0, 2.0)
