"""Ages, counts and explanations, to the letter."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.backlog import Wait
from queueworkers.domain.wording import spell_age, spell_backlog, spell_count
from unit.domain.given import NOON, UNKNOWN, a_backlog, a_pod, a_situation, ago, some_workers, watched

if TYPE_CHECKING:
    from queueworkers.domain.verdict import Situation


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"),
        (0, "0s"),
        (38.9, "38s"),
        (119, "119s"),
        (120, "2m"),
        (14 * 60, "14m"),
        (119 * 60, "119m"),
        (3 * 3600, "3h"),
        (47 * 3600, "47h"),
        (12 * 86_400, "12d"),
    ],
)
def test_an_age_reads_as_in_kubectl(seconds: float, words: str) -> None:
    """Two of a unit before it is used, and never below zero."""
    assert spell_age(timedelta(seconds=seconds)) == words


def test_one_is_singular() -> None:
    """And none is not."""
    assert [spell_count(count, "worker") for count in (0, 1, 2)] == ["0 workers", "1 worker", "2 workers"]


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        pytest.param(a_backlog(), "0 ready", id="empty"),
        pytest.param(
            a_backlog(ready=412, delayed=9, due=3, reserved=8, expired=2, oldest=Wait(ago(38))),
            "412 ready, 3 due, 2 expired, 6 in hand, oldest 38s",
            id="everything",
        ),
        pytest.param(a_backlog(delayed=9), "0 ready", id="a-forecast-is-left-out"),
        pytest.param(UNKNOWN, "backlog not known (TimedOut)", id="not-known"),
    ],
)
def test_a_backlog_in_words(reading: Any, words: str) -> None:
    """Ready always, the rest where there is some, and no number where none is known."""
    assert spell_backlog(reading, now=NOON) == words


@pytest.mark.parametrize(
    ("situation", "sentence"),
    [
        pytest.param(
            a_situation(a_backlog(ready=40, reserved=2), 1),
            "5 workers: 40 waiting and 2 in hand, at 10 per worker, ask for 5.",
            id="as-asked",
        ),
        pytest.param(
            a_situation(a_backlog(ready=500), 1),
            "10 workers: 500 waiting and 0 in hand, at 10 per worker, ask for 50; maxReplicas allows 10.",
            id="maximum",
        ),
        pytest.param(
            a_situation(a_backlog(), 1),
            "1 worker: 0 waiting and 0 in hand, at 10 per worker, ask for 0; minReplicas keeps 1.",
            id="minimum",
        ),
        pytest.param(
            a_situation(
                a_backlog(reserved=2),
                some_workers(1, pods=(a_pod(terminating=True, leaving_since=ago(40)),)),
            ),
            "1 worker: 0 waiting and 2 in hand (1 with workers that leave), at 10 per worker, ask for 1.",
            id="leavers",
        ),
        pytest.param(
            a_situation(a_backlog(), 3, history=watched(5)),
            "3 workers: 0 waiting and 0 in hand, at 10 per worker, ask for 0;"
            " the stabilization window does not agree yet.",
            id="window",
        ),
        pytest.param(
            a_situation(a_backlog(), 1, scaling={"minReplicas": 0}, history=watched(active_at=ago(200))),
            "1 worker: 0 waiting and 0 in hand, at 10 per worker, ask for 0;"
            " the last one stays until 300s after the last job.",
            id="cooldown",
        ),
        pytest.param(
            a_situation(UNKNOWN, 3), "3 workers: the backlog is not known, so the number stays.", id="unknown"
        ),
        pytest.param(
            a_situation(UNKNOWN, 30),
            "10 workers: the backlog is not known; maxReplicas allows 10.",
            id="unknown-and-bounded",
        ),
        pytest.param(
            a_situation(UNKNOWN, 3, suspend=True),
            "No workers: spec.suspend is true; jobs wait.",
            id="suspended",
        ),
        pytest.param(
            a_situation(UNKNOWN, 3, scaling={"replicas": 7}),
            "7 workers: spec.scaling.replicas says so; the backlog is not known.",
            id="pinned",
        ),
        pytest.param(
            a_situation(a_backlog(ready=11), 0, scaling={"mode": "Recommend"}),
            "0 workers: mode Recommend leaves the number alone;"
            " 11 waiting and 0 in hand, at 10 per worker, ask for 2.",
            id="recommending-to-none",
        ),
        pytest.param(
            a_situation(a_backlog(), some_workers(4, foreign_autoscaler="HorizontalPodAutoscaler shop")),
            "4 workers: another autoscaler sets the number;"
            " 0 waiting and 0 in hand, at 10 per worker, ask for 0.",
            id="conflict",
        ),
    ],
)
def test_a_number_explains_itself(situation: Situation, sentence: str) -> None:
    """One sentence that says how many, why, and what kept it from being otherwise."""
    assert situation.explanation == sentence
