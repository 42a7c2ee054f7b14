"""The comparison says yes only where it holds, and names who is better where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from decisions.goals import judge
from decisions.page import Chapter, write_page
from queueworkers.simulation.optimum import Optimum
from queueworkers.simulation.scenarios import SCENARIOS
from unit.simulation.given import an_outcome

if TYPE_CHECKING:
    from queueworkers.simulation.simulator import Outcome


def outcome(policy: str, *, p95: float, hours: float) -> Outcome:
    """An outcome of which only these two matter."""
    return replace(
        an_outcome(policy), waits=np.full(100, p95), worker_seconds=hours * 3600, worked_seconds=3600.0
    )


def goals(ours: tuple[float, float], *peers: tuple[str, float, float], best: float = 1.0) -> list[bool]:
    """Which of the four hold, at a target of 30 s."""
    outcomes = {
        name: outcome(name, p95=p95, hours=hours) for name, p95, hours in [("operator", *ours), *peers]
    }
    optimum = Optimum(worker_seconds=best * 3600, wait_seconds=30, slot_seconds=1, workers=np.zeros(1))
    return [goal.holds for goal in judge(outcomes, optimum, None, target_seconds=30).goals]


@pytest.mark.parametrize(
    ("ours", "peers", "best", "expected"),
    [
        pytest.param((2.0, 1.0), [("a", 3.0, 2.0)], 0.9, [True, True, True, True], id="better-in-all"),
        pytest.param((2.0, 1.0), [("a", 1.0, 2.0)], 0.9, [False, True, True, True], id="slower-and-cheaper"),
        pytest.param((2.0, 1.5), [("a", 3.0, 2.0)], 1.4, [True, False, False, True], id="not-much-cheaper"),
        pytest.param(
            (2.0, 1.0),
            [("a", 3.0, 2.0), ("b", 40.0, 0.5)],
            0.9,
            [True, True, True, True],
            id="late-and-cheap",
        ),
        pytest.param(
            (2.0, 1.0),
            [("a", 3.0, 2.0), ("b", 29.0, 0.5)],
            0.9,
            [True, True, False, True],
            id="in-time-and-cheap",
        ),
        pytest.param((31.0, 1.0), [("a", 40.0, 9.0)], 0.9, [True, True, False, True], id="late"),
        pytest.param(
            (2.0, 1.0), [("a", 3.0, 2.0)], 0.8, [True, True, True, False], id="far-from-the-optimum"
        ),
    ],
)
def test_each_goal_by_itself(
    ours: tuple[float, float], peers: list[tuple[str, float, float]], best: float, expected: list[bool]
) -> None:
    """Waits and hours of the operator, of its peers, and of the bound."""
    assert goals(ours, *peers, best=best) == expected


def test_the_page_names_who_is_faster_and_what_it_costs() -> None:
    """A row in the summary, a table with the bound, and a sentence for each goal."""
    outcomes = {
        "operator": outcome("operator", p95=3.0, hours=2.0),
        "quick": outcome("quick", p95=1.0, hours=5.0),
    }
    optimum = Optimum(worker_seconds=1.9 * 3600, wait_seconds=30, slot_seconds=1, workers=np.zeros(1))
    clairvoyant = outcome("clairvoyant", p95=30.0, hours=1.95)
    chapter = Chapter(
        scenario=SCENARIOS["steady"],
        jobs=100,
        outcomes=outcomes,
        optimum=optimum,
        clairvoyant=clairvoyant,
        verdict=judge(outcomes, optimum, clairvoyant, target_seconds=30),
    )
    page = write_page([chapter], target=30, most=200, boot=5.0, pictures="comparison")
    assert "| [steady](#steady) | **no** | yes | yes | yes |" in page
    assert "3.0 s; faster are quick (1.0 s for 2.5 times the hours)" in page
    assert "2.00 h, 60% less than quick (5.00 h)" in page
    assert "+5%, where a clairvoyant in whole workers is at +3%: of 2.00 h jobs take 1.00" in page
    assert "| clairvoyant | 30 s | 30 s | 30 s | 30 s | 1.95 |" in page
    assert "| optimum | | | | | 1.90 | | | | |" in page
    assert "![Backlog, workers and waits over time, one row for each policy](comparison/steady.svg)" in page
