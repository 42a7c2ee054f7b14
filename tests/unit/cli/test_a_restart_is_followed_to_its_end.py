"""`qwp restart --wait`: what it makes of the status, and what moment it asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
import pytest

from queueworkers.cli.restart import Duration, End, choose_moment, judge_restart
from unit.cli.seen_pools import NOW, ago, condition, pool

TAKEN_UP = {"lastRestart": {"time": ago(0), "trigger": "Annotation"}}
STOPPED = "1/3 replaced, then it stopped, as new workers fail."


@pytest.mark.parametrize(
    ("told", "end", "words"),
    [
        pytest.param({}, None, "the operator has not taken it up yet", id="never-restarted"),
        pytest.param(
            {"lastRestart": {"time": ago(60)}, "rollout": {"phase": "Complete"}},
            None,
            "the operator has not taken it up yet",
            id="the-one-before-is-complete",
        ),
        pytest.param(
            TAKEN_UP | {"rollout": {"phase": "Replacing", "replaced": 1, "total": 3}},
            None,
            "1 of 3 replaced",
            id="under-way",
        ),
        pytest.param(TAKEN_UP | {"rollout": {"phase": "Complete"}}, End.DONE, "done", id="complete"),
        pytest.param(TAKEN_UP, End.DONE, "done", id="a-pool-without-workers"),
        pytest.param(
            TAKEN_UP
            | {
                "rollout": {"phase": "Stopped", "replaced": 1, "total": 3},
                "conditions": [condition("Progressing", "False", "RolloutStopped", STOPPED)],
            },
            End.NOT_DONE,
            f"Stopped: {STOPPED}",
            id="stopped",
        ),
        pytest.param(
            TAKEN_UP
            | {
                "rollout": {"phase": "Held", "replaced": 0, "total": 3},
                "conditions": [
                    condition("Progressing", "Unknown", "RolloutHeld", "0/3 replaced; it is Hold.")
                ],
            },
            End.NOT_DONE,
            "Held: 0/3 replaced; it is Hold.",
            id="held",
        ),
    ],
)
def test_the_status_says_where_it_is(told: dict[str, Any], end: End | None, words: str) -> None:
    """The restart before is not taken for this one."""
    progress = judge_restart(pool(status=told).status, asked_at=NOW)

    assert (progress.end, progress.words) == (end, words)


def test_a_restart_is_later_than_the_last_one() -> None:
    """Whatever the clock of this machine says; one that is not later would count as carried out."""
    soon = NOW + timedelta(seconds=1)
    assert (
        choose_moment(pool().status, now=NOW)
        == choose_moment(pool().status, now=NOW + timedelta(microseconds=7))
        == soon
    )
    ahead = pool(status={"lastRestart": {"time": ago(-30)}}).status
    assert choose_moment(ahead, now=NOW) == NOW + timedelta(seconds=31)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600)])
def test_durations_are_kubectls(text: str, seconds: float) -> None:
    """A number alone is seconds."""
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "-5s", "1d", "soon"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With one that would be."""
    with pytest.raises(click.BadParameter, match="give one such as 90s, 10m or 1h"):
        Duration().convert(text, None, None)
