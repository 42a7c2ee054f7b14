"""A stuck loop is told by another thread, what only takes time is not ready, and a standby is."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from queueworkers.telemetry.health import BEAT_SECONDS, STUCK_SECONDS, Preparation, Pulse, stale_watches


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell it."""
        return self.now


async def test_a_loop_that_turns_is_alive_and_tells_how_late_it_is() -> None:
    """Whoever blocks it for a fifth of a second is seen."""
    late: list[float] = []
    clock = Clock()
    with Pulse(late.append, monotonic=clock) as pulse:
        clock.now += BEAT_SECONDS + 0.2
        await asyncio.sleep(BEAT_SECONDS * 1.2)
        clock.now += BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS * 1.2)
        assert pulse.trouble() is None

    assert late[:2] == [pytest.approx(0.2), pytest.approx(0.0)]


async def test_a_stuck_loop_is_told_by_another_thread_with_the_line_that_it_is_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once in the log, at every question in the answer, and no more when it turns again."""
    caplog.set_level(logging.ERROR, logger="queueworkers")
    clock = Clock()
    told: list[str | None] = []
    with Pulse(lambda _late: None, monotonic=clock) as pulse:
        done = threading.Event()

        def ask() -> None:
            clock.now += STUCK_SECONDS + 1
            told.extend((pulse.trouble(), pulse.trouble()))
            done.set()

        threading.Timer(0.05, ask).start()
        blocked_here(done)
        assert told == ["the event loop is stuck since 31 s"] * 2
        (said,) = caplog.messages
        assert "blocked_here" in said
        await asyncio.sleep(BEAT_SECONDS * 1.2)
        assert pulse.trouble() is None


def blocked_here(done: threading.Event) -> None:
    """Do what no coroutine should."""
    assert done.wait(5)


def test_watches_that_are_silent_are_named() -> None:
    """And nothing is said while there is none."""
    assert stale_watches(lambda: ())() is None
    said = stale_watches(lambda: ("pods", "deployments in shop"))()
    assert said == "complete lists show what the watches of pods, deployments in shop do not tell"


@pytest.mark.parametrize(
    ("started", "changing", "ahead", "member", "said"),
    [
        pytest.param(False, (), 0, True, "the pools are being listed", id="start"),
        pytest.param(True, (), 3, True, "3 pools were not looked at yet", id="first-round"),
        pytest.param(True, (), 0, True, None, id="ready-or-standing-by"),
        pytest.param(True, (1, 4), 0, True, "shards 1, 4 are being taken over or given up", id="handover"),
        pytest.param(
            True, (), 0, False, "its Lease as one of the operators could not be renewed", id="unseen"
        ),
    ],
)
def test_readiness_says_what_is_missing(
    *, started: bool, changing: tuple[int, ...], ahead: int, member: bool, said: str | None
) -> None:
    """The first thing that is."""
    preparation = Preparation(
        changing=lambda: changing, not_looked_at=lambda: ahead, is_member=lambda: member
    )
    preparation.started = started
    assert preparation.trouble() == said
