"""How long a change has to be agreed with, where the user says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.domain.crew import Crew
from queueworkers.domain.learning import Learned
from queueworkers.domain.patience import patience_of
from unit.domain.given import a_spec


def seconds(scaling: dict[str, Any], *boots: float, holding: int = 0) -> tuple[float, float]:
    """Ask for the window of a scale-down and for the cooldown."""
    patience = patience_of(a_spec(scaling=scaling).scaling, Learned(boots=boots), Crew(holding=holding))
    return patience.down_window.total_seconds(), patience.cooldown.total_seconds()


@pytest.mark.parametrize(
    ("boots", "expected"),
    [
        pytest.param((), (60, 300), id="none-was-seen"),
        pytest.param((1.0,), (5, 60), id="quick"),
        pytest.param((12.0,), (12, 120), id="usual"),
        pytest.param((90.0,), (60, 300), id="slow"),
    ],
)
def test_an_idle_worker_is_kept_as_long_as_another_would_boot(
    boots: tuple[float, ...], expected: tuple[float, float]
) -> None:
    """Whoever keeps it for so long never pays more than twice what somebody would who knows the future."""
    assert seconds({}, *boots) == expected


def test_what_the_user_says_counts() -> None:
    """Zero included."""
    said = {"cooldownSeconds": 7, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    assert seconds(said, 20.0) == (0, 7)


@pytest.mark.parametrize(
    ("wait", "cooldown"), [pytest.param(24, 12, id="time-for-two"), pytest.param(23, 120, id="too-little")]
)
def test_the_last_one_may_go_where_there_is_time_to_boot_another(wait: int, cooldown: float) -> None:
    """A job that finds nobody begins in time all the same."""
    assert seconds({"waitSeconds": wait}, 12.0) == (12, cooldown)


def test_a_worker_that_leaves_seems_busy_for_a_moment() -> None:
    """Its job is not taken for one of those that stay."""
    assert seconds({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}, holding=1)[0] == 10
