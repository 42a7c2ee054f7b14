"""Step limits and schedules have their place among what shapes the number of workers, and say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from queueworkers.domain.announcements import announce_scaling
from queueworkers.domain.decision import Basis, Decision
from queueworkers.domain.scaling import Change, Limiter
from unit.domain.given import (
    NOON,
    UNKNOWN,
    a_backlog,
    a_situation,
    a_spec,
    ago,
    an_observation,
    decided,
    some_workers,
    told,
    watched,
)

EVENING = NOON + timedelta(hours=6)
"""When the office hours of the tests end."""

FOUR_A_MINUTE = {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}


def office(**bounds: int) -> list[dict[str, Any]]:
    """A schedule from eight to six, in force at noon, with other bounds."""
    return [{"name": "office", "start": "0 8 * * *", "end": "0 18 * * *", **bounds}]


def decide_at_noon(reading: Any, workers: int | None, history: Any = None, **scaling: Any) -> Decision:
    """Decide about a pool of one to fifty workers."""
    spec = a_spec(scaling={"minReplicas": 1, "maxReplicas": 50, **scaling})
    return decided(spec, an_observation(reading, workers=workers), history or watched(), now=NOON)


def test_a_burst_is_met_in_steps() -> None:
    """Forty are asked for and four come; the next four a minute later."""
    decision = decide_at_noon(a_backlog(ready=400), 1, behavior={"scaleUp": FOUR_A_MINUTE})

    assert (decision.replicas, decision.limiter, decision.revisit_at) == (5, Limiter.STEP_UP, ago(-60))
    assert decision.recommended == 40
    assert decision.history.changes == (Change(at=NOON, before=1, after=5),)


def test_a_lower_need_is_met_in_steps() -> None:
    """Of thirty four leave, once the window agrees; the next four a minute later."""
    decision = decide_at_noon(a_backlog(), 30, behavior={"scaleDown": FOUR_A_MINUTE})

    assert (decision.replicas, decision.limiter, decision.revisit_at) == (26, Limiter.STEP_DOWN, ago(-60))


@pytest.mark.parametrize(
    ("ready", "workers", "scaling", "expected"),
    [
        pytest.param(400, 1, {"minReplicas": 20}, (20, Limiter.MINIMUM), id="a-minimum-outranks-a-step-up"),
        pytest.param(0, 30, {"maxReplicas": 3}, (3, Limiter.MAXIMUM), id="a-maximum-outranks-a-step-down"),
        pytest.param(
            400, 1, {"schedules": office(minReplicas=20)}, (20, Limiter.MINIMUM), id="so-does-a-scheduled-one"
        ),
        pytest.param(
            400, 2, {"schedules": office(maxReplicas=4)}, (4, Limiter.MAXIMUM), id="a-lowered-maximum"
        ),
        pytest.param(
            400,
            2,
            {"schedules": office(minReplicas=0, maxReplicas=0)},
            (0, Limiter.MAXIMUM),
            id="nobody-works",
        ),
        pytest.param(
            400,
            48,
            {"schedules": office(maxReplicas=60), "behavior": {}},
            (48, Limiter.NONE),
            id="a-raised-one",
        ),
        pytest.param(
            0,
            4,
            {"schedules": office(minReplicas=0), "behavior": {}},
            (1, Limiter.COOLDOWN),
            id="the-last-one-cools-down-where-it-may-rest",
        ),
    ],
)
def test_bounds_in_force_outrank_the_rest(
    ready: int, workers: int, scaling: dict[str, Any], expected: tuple[int, Limiter]
) -> None:
    """Whether the pool's own or a schedule's: they are where a step limit, as any other, ends."""
    behavior = {"scaleUp": FOUR_A_MINUTE, "scaleDown": FOUR_A_MINUTE}
    reading = a_backlog(ready=ready, reserved=48 if workers == 48 else 0)
    history = watched(active_at=ago(100)) if expected[1] is Limiter.COOLDOWN else None

    decision = decide_at_noon(reading, workers, history, **{"behavior": behavior, **scaling})

    assert (decision.replicas, decision.limiter) == expected


@pytest.mark.parametrize(
    ("reading", "fields", "basis"),
    [
        pytest.param(a_backlog(ready=30), {}, Basis.BACKLOG, id="by-the-backlog"),
        pytest.param(UNKNOWN, {}, Basis.UNKNOWN, id="without-a-backlog"),
        pytest.param(a_backlog(), {"replicas": 3}, Basis.PINNED, id="pinned"),
        pytest.param(a_backlog(), {"mode": "Recommend"}, Basis.RECOMMEND_ONLY, id="left-alone"),
    ],
)
def test_it_comes_back_when_a_schedule_turns(reading: Any, fields: dict[str, Any], basis: Basis) -> None:
    """The bounds change then, and with them what is said of the pool, whoever decides."""
    decision = decide_at_noon(reading, 3, schedules=office(maxReplicas=20), **fields)

    assert (decision.basis, decision.revisit_at) == (basis, EVENING)


def test_an_unknown_backlog_does_not_keep_a_schedule_from_beginning() -> None:
    """It is the user's own word, as any bound."""
    decision = decide_at_noon(UNKNOWN, 3, schedules=office(minReplicas=7))

    assert (decision.replicas, decision.limiter) == (7, Limiter.MINIMUM)


def test_a_change_that_the_cluster_refuses_is_noted_once() -> None:
    """However often it is tried: the pace counts from the last time."""
    history, scaling = watched(), {"behavior": {"scaleUp": FOUR_A_MINUTE}}
    for _ in range(3):
        decision = decide_at_noon(a_backlog(ready=400), 1, history, **scaling)
        history = decision.history

    assert decision.replicas == 5
    assert history.changes == (Change(at=NOON, before=1, after=5),)


def test_what_is_said_names_what_is_in_force() -> None:
    """The range, the sentence and the Event tell the bounds that hold now, and from which schedule."""
    status = told(
        a_backlog(ready=900), workers=4, scaling={"schedules": office(minReplicas=5, maxReplicas=20)}
    )
    event = announce_scaling(
        a_situation(a_backlog(), 4, scaling={"schedules": office(minReplicas=5)}), before=4, now=NOON
    )

    assert status.summary is not None
    assert status.summary.range == "5-20"
    assert status.explanation == (
        "20 workers: 900 waiting and 0 in hand, at 10 per worker, ask for 90; maxReplicas allows 20 (schedule office)."
    )
    assert [each.note for each in event] == [
        "4→5: 0 ready, at 10 per worker, ask for 0, min 5 by schedule office"
    ]


def test_a_step_is_explained() -> None:
    """With what may be there for now."""
    up = told(a_backlog(ready=80), workers=2, scaling={"behavior": {"scaleUp": FOUR_A_MINUTE}})
    down = told(workers=9, scaling={"behavior": {"scaleDown": FOUR_A_MINUTE}})

    assert up.explanation == (
        "6 workers: 80 waiting and 0 in hand, at 10 per worker, ask for 8; behavior.scaleUp allows 6 for now."
    )
    assert down.explanation == (
        "5 workers: 0 waiting and 0 in hand, at 10 per worker, ask for 0; behavior.scaleDown keeps 5 for now."
    )


def test_a_scheduled_minimum_is_what_makes_a_pool_ready() -> None:
    """Three of five that a schedule wants are not enough, although the pool's own minimum is one."""
    status = told(workers=some_workers(5, ready=3), scaling={"schedules": office(minReplicas=5)})

    assert status.conditions[0].reason == "Starting"
