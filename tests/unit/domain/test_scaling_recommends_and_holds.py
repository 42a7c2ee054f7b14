"""The stages between a backlog and a number of workers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.crew import Crew
from queueworkers.domain.scaling import (
    History,
    Limiter,
    Recommendation,
    Step,
    cool_down,
    count_busy,
    limit,
    recommend,
    stabilise,
)
from unit.domain.given import NOON, a_backlog, ago, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE = timedelta(minutes=1)
NONE = timedelta(0)


def in_force(*entries: tuple[int, float]) -> tuple[Recommendation, ...]:
    """Recommendations as pairs: how many workers, and how many seconds ago that ended."""
    return tuple(Recommendation(replicas=replicas, until=ago(seconds)) for replicas, seconds in entries)


@pytest.mark.parametrize(
    ("counts", "per_worker", "current", "expected"),
    [
        pytest.param({}, 10, 5, 0, id="nothing-to-do"),
        pytest.param({"ready": 1}, 10, 0, 1, id="one-job-needs-a-worker"),
        pytest.param({"ready": 10}, 10, 0, 1, id="a-full-share"),
        pytest.param({"ready": 11}, 10, 0, 2, id="one-more-than-a-share"),
        pytest.param({"ready": 412}, 10, 0, 42, id="rounded-up"),
        pytest.param({"delayed": 7}, 1, 3, 0, id="delayed-is-a-forecast"),
        pytest.param({"delayed": 7, "due": 2}, 1, 0, 2, id="due-is-work"),
        pytest.param({"reserved": 4, "expired": 4}, 1, 0, 4, id="expired-is-work"),
        pytest.param({"reserved": 4}, 10, 4, 4, id="a-job-in-hand-keeps-its-worker"),
        pytest.param({"reserved": 4}, 10, 2, 2, id="busy-workers-are-no-more-than-there-are"),
        pytest.param({"reserved": 4, "expired": 3}, 10, 4, 1, id="an-expired-job-is-in-nobodys-hand"),
        pytest.param({"reserved": 4, "ready": 60}, 10, 4, 7, id="waiting-and-in-hand-together"),
    ],
)
def test_a_backlog_asks_for_workers(
    counts: dict[str, int], per_worker: int, current: int, expected: int
) -> None:
    """Work is what waits and what is in hand, and nobody who is busy is sent away."""
    backlog = a_backlog(**counts)
    busy = count_busy(backlog, Crew(desired=current))
    assert recommend(backlog.waiting, busy, backlog_per_worker=per_worker) == expected


@pytest.mark.parametrize(
    ("in_hand", "holding", "current", "expected"),
    [
        pytest.param(3, 3, 3, 0, id="all-in-the-hands-of-those-that-leave"),
        pytest.param(5, 3, 3, 2, id="two-of-those-that-stay-are-busy-too"),
        pytest.param(9, 3, 3, 3, id="more-than-anybody-here-can-hold"),
        pytest.param(1, 3, 3, 0, id="some-have-ended-theirs"),
    ],
)
def test_nobody_is_kept_beside_those_that_leave(
    in_hand: int, holding: int, current: int, expected: int
) -> None:
    """After a restart in the middle of long jobs there is nothing to do for the successors."""
    backlog = a_backlog(reserved=in_hand)
    busy = count_busy(backlog, Crew(desired=current, holding=holding))
    assert recommend(backlog.waiting, busy, backlog_per_worker=1) == expected


@pytest.mark.parametrize(
    ("recommended", "current", "earlier", "watching", "windows", "expected"),
    [
        pytest.param(2, 5, [(2, 0)], 999, (60, 0), Step(replicas=2), id="down-when-all-agree"),
        pytest.param(
            2,
            5,
            [(4, 30), (2, 0)],
            999,
            (60, 0),
            Step(replicas=4, limiter=Limiter.STABILISATION, revisit_at=ago(-30)),
            id="down-to-the-largest-of-the-window",
        ),
        pytest.param(
            2,
            5,
            [(4, 50), (9, 20), (2, 0)],
            999,
            (60, 0),
            Step(replicas=5, limiter=Limiter.STABILISATION, revisit_at=ago(-10)),
            id="never-up-while-going-down",
        ),
        pytest.param(2, 5, [(4, 60), (2, 0)], 999, (60, 0), Step(replicas=2), id="the-oldest-instant-is-out"),
        pytest.param(2, 5, [(9, 1), (2, 0)], 5, (0, 0), Step(replicas=2), id="no-window-no-wait"),
        pytest.param(
            2,
            5,
            [(2, 0)],
            59,
            (60, 0),
            Step(replicas=5, limiter=Limiter.STABILISATION, revisit_at=ago(-1)),
            id="nothing-watched-for-a-whole-window-holds",
        ),
        pytest.param(2, 5, [(2, 0)], 60, (60, 0), Step(replicas=2), id="watched-for-just-the-window"),
        pytest.param(5, 5, [(9, 1)], 1, (60, 60), Step(replicas=5), id="enough-is-enough"),
        pytest.param(9, 2, [(2, 1), (9, 0)], 1, (60, 0), Step(replicas=9), id="up-at-once"),
        pytest.param(
            9,
            2,
            [(6, 20), (9, 0)],
            999,
            (0, 30),
            Step(replicas=6, limiter=Limiter.STABILISATION, revisit_at=ago(-10)),
            id="up-to-the-smallest-of-the-window",
        ),
        pytest.param(
            9,
            2,
            [(1, 20), (9, 0)],
            999,
            (0, 30),
            Step(replicas=2, limiter=Limiter.STABILISATION, revisit_at=ago(-10)),
            id="never-down-while-going-up",
        ),
        pytest.param(
            9,
            2,
            [(9, 0)],
            10,
            (0, 30),
            Step(replicas=2, limiter=Limiter.STABILISATION, revisit_at=ago(-20)),
            id="up-needs-a-watched-window-too",
        ),
    ],
)
def test_a_change_waits_for_its_window(
    recommended: int,
    current: int,
    earlier: Sequence[tuple[int, float]],
    watching: float,
    windows: tuple[int, int],
    expected: Step,
) -> None:
    """Down takes the largest of its window, up the smallest of its own, and both say when to look again."""
    down, up = (timedelta(seconds=seconds) for seconds in windows)

    step = stabilise(
        recommended,
        current=current,
        history=watched(watching, recommendations=in_force(*earlier)),
        now=NOON,
        down_window=down,
        up_window=up,
    )

    assert step == expected


def test_a_recommendation_stays_in_force_until_it_is_replaced() -> None:
    """Ten quiet minutes are not ten minutes of a lower need: an unchanged reading is not decided upon."""
    history = watched().remember(8, active=True, now=ago(600), window=MINUTE)

    history = history.remember(1, active=True, now=NOON, window=MINUTE)

    assert history.recommendations == in_force((8, 0), (1, 0))


def test_what_ended_before_the_window_is_forgotten() -> None:
    """The history of a busy pool does not grow for ever."""
    history = watched()
    for second in range(600):
        history = history.remember(second, active=second > 0, now=ago(600 - second), window=MINUTE)

    assert len(history.recommendations) <= 61
    assert min(entry.until for entry in history.recommendations) > ago(61)


def test_the_same_recommendation_takes_one_place() -> None:
    """An hour of the same need is one entry, in force until now."""
    history = watched()
    for second in range(3600, -1, -1):
        history = history.remember(3, active=True, now=ago(second), window=MINUTE)

    assert history.recommendations == in_force((3, 0))


@pytest.mark.parametrize(
    ("readings", "active_at"),
    [
        pytest.param([(0, 0)], None, id="never-any-work"),
        pytest.param([(2, 0)], ago(0), id="work-now"),
        pytest.param([(2, 90), (0, 30), (0, 0)], ago(30), id="until-the-reading-that-shows-its-end"),
        pytest.param([(1, 3600), (0, 0)], ago(0), id="an-hour-in-one-hand"),
    ],
)
def test_work_lasts_until_a_reading_says_otherwise(readings: list[tuple[int, float]], active_at: Any) -> None:
    """The cooldown begins at the end of the last job, not when it was taken."""
    history = watched()
    for recommended, seconds in readings:
        history = history.remember(recommended, active=recommended > 0, now=ago(seconds), window=MINUTE)

    assert history.active_at == active_at


@pytest.mark.parametrize(
    ("step", "current", "history", "expected"),
    [
        pytest.param(Step(replicas=2), 5, watched(1), Step(replicas=2), id="not-to-zero"),
        pytest.param(Step(replicas=0), 0, watched(1), Step(replicas=0), id="already-at-zero"),
        pytest.param(
            Step(replicas=0),
            5,
            watched(active_at=ago(100)),
            Step(replicas=1, limiter=Limiter.COOLDOWN, revisit_at=ago(-200)),
            id="the-last-one-stays",
        ),
        pytest.param(Step(replicas=0), 1, watched(active_at=ago(300)), Step(replicas=0), id="just-over"),
        pytest.param(
            Step(replicas=0),
            1,
            watched(299),
            Step(replicas=1, limiter=Limiter.COOLDOWN, revisit_at=ago(-1)),
            id="before-the-operators-start-nobody-knows",
        ),
        pytest.param(Step(replicas=0), 1, watched(300), Step(replicas=0), id="watched-for-a-whole-cooldown"),
    ],
)
def test_the_last_worker_leaves_after_the_cooldown(
    step: Step, current: int, history: History, expected: Step
) -> None:
    """Only the step to zero waits, and it says until when."""
    assert (
        cool_down(step, current=current, history=history, now=NOON, cooldown=timedelta(minutes=5)) == expected
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(Step(replicas=3), Step(replicas=3), id="within"),
        pytest.param(Step(replicas=10), Step(replicas=10), id="at-the-maximum-is-within"),
        pytest.param(Step(replicas=2), Step(replicas=2), id="at-the-minimum-is-within"),
        pytest.param(Step(replicas=11), Step(replicas=10, limiter=Limiter.MAXIMUM), id="above"),
        pytest.param(Step(replicas=1), Step(replicas=2, limiter=Limiter.MINIMUM), id="below"),
        pytest.param(
            Step(replicas=11, limiter=Limiter.STABILISATION, revisit_at=NOON),
            Step(replicas=10, limiter=Limiter.MAXIMUM, revisit_at=NOON),
            id="a-bound-outranks-a-window",
        ),
    ],
)
def test_bounds_have_the_last_word(step: Step, expected: Step) -> None:
    """Whatever was found before, the user's bounds hold."""
    assert limit(step, minimum=2, maximum=10) == expected
