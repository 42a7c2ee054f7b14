"""Policies limit a step as those of a HorizontalPodAutoscaler do, and say when more is allowed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from queueworkers.api.scaling import ScalingBehavior
from queueworkers.domain.scaling import Change, Limiter, Step
from queueworkers.domain.step_limits import limit_step, longest_period
from unit.domain.given import NOON, ago, watched


def pods(value: int, period: int = 60) -> dict[str, Any]:
    """A policy of so many workers."""
    return {"type": "Pods", "value": value, "periodSeconds": period}


def percent(value: int, period: int = 60) -> dict[str, Any]:
    """A policy of so many hundredths."""
    return {"type": "Percent", "value": value, "periodSeconds": period}


def behavior(*policies: dict[str, Any], select: str = "Max") -> ScalingBehavior:
    """The same policies for both directions."""
    rules = {"policies": policies, "selectPolicy": select}
    return ScalingBehavior.model_validate({"scaleUp": rules, "scaleDown": rules})


def limited(
    current: int, wanted: int, rules: ScalingBehavior, *changes: tuple[float, int, int], **also: Any
) -> Step:
    """Limit at noon a step from *current* to *wanted* after changes so many seconds ago."""
    return limit_step(
        Step(replicas=wanted, **also),
        current=current,
        changes=[Change(at=ago(seconds), before=before, after=after) for seconds, before, after in changes],
        behavior=rules,
        now=NOON,
    )


@pytest.mark.parametrize(
    ("current", "wanted", "policies", "select", "allowed"),
    [
        # --- up ---
        pytest.param(5, 100, [pods(4)], "Max", 9, id="up-by-pods"),
        pytest.param(5, 8, [pods(4)], "Max", 8, id="up-by-less-than-allowed"),
        pytest.param(5, 100, [percent(100)], "Max", 10, id="up-to-twice"),
        pytest.param(5, 100, [percent(50)], "Max", 8, id="up-rounds-up"),
        pytest.param(1, 100, [percent(1)], "Max", 2, id="up-by-one-at-least"),
        pytest.param(100, 200, [percent(10)], "Max", 110, id="up-by-an-exact-share"),
        pytest.param(5, 100, [pods(4), percent(200)], "Max", 15, id="up-by-the-larger"),
        pytest.param(5, 100, [pods(4), percent(200)], "Min", 9, id="up-by-the-smaller"),
        pytest.param(5, 100, [pods(4)], "Disabled", 5, id="never-up"),
        pytest.param(0, 100, [pods(4)], "Max", 4, id="from-zero-by-pods"),
        pytest.param(0, 100, [percent(100)], "Max", 1, id="from-zero-by-a-share-of-nothing"),
        pytest.param(0, 100, [percent(100), pods(4)], "Min", 1, id="from-zero-by-the-smaller"),
        # --- down ---
        pytest.param(100, 5, [pods(4)], "Max", 96, id="down-by-pods"),
        pytest.param(100, 98, [pods(4)], "Max", 98, id="down-by-less-than-allowed"),
        pytest.param(5, 0, [percent(50)], "Max", 2, id="down-rounds-down"),
        pytest.param(1, 0, [percent(1)], "Max", 0, id="down-by-one-at-least"),
        pytest.param(100, 0, [percent(10)], "Max", 90, id="down-by-an-exact-share"),
        pytest.param(100, 0, [percent(100)], "Max", 0, id="down-by-all"),
        pytest.param(100, 0, [percent(200)], "Max", 0, id="down-by-more-than-all"),
        pytest.param(100, 0, [pods(4), percent(10)], "Max", 90, id="down-by-the-larger"),
        pytest.param(100, 0, [pods(4), percent(10)], "Min", 96, id="down-by-the-smaller"),
        pytest.param(5, 0, [pods(4)], "Disabled", 5, id="never-down"),
        # --- neither ---
        pytest.param(5, 5, [pods(1)], "Max", 5, id="no-step"),
        pytest.param(5, 100, [], "Max", 100, id="up-without-policies"),
        pytest.param(100, 0, [], "Min", 0, id="down-without-policies"),
        pytest.param(5, 100, [], "Disabled", 5, id="never-up-and-no-policies"),
    ],
)
def test_one_step(
    current: int, wanted: int, policies: list[dict[str, Any]], select: str, allowed: int
) -> None:
    """A step goes as far as its policies allow, and says so only where they held it."""
    step = limited(current, wanted, behavior(*policies, select=select))

    direction = Limiter.STEP_UP if wanted > current else Limiter.STEP_DOWN
    assert step.replicas == allowed
    assert step.limiter is (Limiter.NONE if allowed == wanted else direction)


@pytest.mark.parametrize(
    ("current", "wanted", "policies", "changes", "allowed", "again_in"),
    [
        pytest.param(9, 100, [pods(4)], [(30, 5, 9)], 9, 30, id="the-period-is-used-up"),
        pytest.param(7, 100, [pods(4)], [(30, 5, 7)], 9, 30, id="half-of-it-is-left"),
        pytest.param(9, 100, [pods(4)], [(60, 5, 9)], 13, 60, id="the-period-is-over"),
        pytest.param(9, 100, [pods(4)], [(59, 5, 7), (20, 7, 9)], 9, 1, id="the-oldest-leaves-first"),
        pytest.param(10, 100, [percent(100)], [(30, 5, 10)], 10, 30, id="a-share-of-what-was-there"),
        pytest.param(1, 100, [percent(100)], [(30, 0, 1)], 1, 30, id="one-from-zero-for-a-period"),
        pytest.param(
            9, 100, [pods(4), pods(10, 120)], [(100, 1, 5), (30, 5, 9)], 11, 20, id="each-period-on-its-own"
        ),
        pytest.param(4, 100, [pods(4)], [(30, 9, 4)], 13, 30, id="up-again-after-down"),
        pytest.param(20, 100, [pods(4)], [(30, 5, 20)], 20, 30, id="a-bound-went-beyond-the-policy"),
        pytest.param(2, 100, [pods(4)], [(30, 2, 6), (1, 2, 6)], 6, 30, id="the-cluster-refused-it-twice"),
        pytest.param(96, 5, [pods(4)], [(30, 100, 96)], 96, 30, id="down-the-period-is-used-up"),
        pytest.param(90, 5, [percent(10)], [(30, 100, 90)], 90, 30, id="down-a-share-of-what-was-there"),
        pytest.param(12, 0, [pods(4)], [(30, 5, 12)], 1, 30, id="down-again-after-up"),
    ],
)
def test_steps_within_a_period(
    current: int,
    wanted: int,
    policies: list[dict[str, Any]],
    changes: list[tuple[float, int, int]],
    allowed: int,
    again_in: float,
) -> None:
    """A period counts from the number that it began with, and the pool is looked at when it lets more through."""
    step = limited(current, wanted, behavior(*policies), *changes)

    assert (step.replicas, step.revisit_at) == (allowed, ago(-again_in))


def test_the_strictest_policy_says_when() -> None:
    """That another one would let more through in ten seconds changes nothing."""
    rules = behavior(pods(4, 300), pods(10, 15), select="Min")

    assert limited(9, 99, rules, (290, 1, 5), (5, 5, 9)).revisit_at == ago(-10)
    assert limited(9, 99, rules, (100, 5, 9), (5, 9, 9)).revisit_at == ago(-200)


def test_what_is_disabled_is_not_looked_at_again() -> None:
    """Time changes nothing about it."""
    assert limited(5, 9, behavior(pods(4), select="Disabled"), (30, 1, 5)).revisit_at is None


def test_an_earlier_look_stays() -> None:
    """A window that ends before the period does is not forgotten."""
    assert limited(5, 99, behavior(pods(4)), revisit_at=ago(-10)).revisit_at == ago(-10)


def test_a_pool_climbs_at_its_pace() -> None:
    """Four every minute: from 0 to 20 in five steps, none of them early, as they are noted in between."""
    rules, history, current, now, seen = behavior(pods(4)), watched(), 0, NOON, []
    while current < 20:
        step = limit_step(
            Step(replicas=20), current=current, changes=history.changes, behavior=rules, now=now
        )
        history = history.note_change(
            before=current, after=step.replicas, now=now, kept=longest_period(rules)
        )
        current = step.replicas
        seen.append(((now - NOON).total_seconds(), current))
        now = step.revisit_at or now

    assert seen == [(0, 4), (60, 8), (120, 12), (180, 16), (240, 20)]


def test_changes_are_remembered_as_long_as_they_count() -> None:
    """No longer than the longest period, and not at all without policies."""
    history = watched(changes=(Change(at=ago(60), before=1, after=2), Change(at=ago(59), before=2, after=3)))
    kept = timedelta(seconds=60)

    assert longest_period(behavior(pods(1, 30), percent(1, 60))) == kept
    assert history.note_change(before=3, after=3, now=NOON, kept=kept).changes == history.changes[1:]
    assert history.note_change(before=3, after=5, now=NOON, kept=kept).changes == (
        history.changes[1],
        Change(at=NOON, before=3, after=5),
    )
    assert history.note_change(before=3, after=5, now=NOON, kept=longest_period(behavior())).changes == ()
