"""A server is called silent when it was, and not when nobody listened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from queueworkers.backlog.patience import patience
from unit.engine.virtual_time import VirtualLoop, now, virtually

if TYPE_CHECKING:
    from collections.abc import Sequence


def stall(seconds: float) -> None:
    """Be busy: time passes, and nobody has a turn."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.pass_time(seconds)


async def wait(*, answer_after: float, stalls: Sequence[tuple[float, float]] = ()) -> tuple[bool, float]:
    """Wait two seconds for an answer while the loop stalls at some times for some time; tell whether it came, and when."""
    loop = asyncio.get_running_loop()
    for at, seconds in stalls:
        loop.call_later(at, stall, seconds)
    try:
        async with patience(2.0):
            await asyncio.sleep(answer_after)
    except TimeoutError:
        return False, now()
    return True, now()


def test_an_answer_in_time_is_waited_for() -> None:
    """At once, and as late as may be."""
    assert virtually(wait(answer_after=0.0)) == (True, 0.0)
    assert virtually(wait(answer_after=1.9)) == (True, 1.9)


def test_silence_ends_with_the_limit() -> None:
    """A timeout, no cancellation."""
    assert virtually(wait(answer_after=60.0)) == (False, 2.0)


@pytest.mark.parametrize("at", [0.0, 0.2, 1.0, 1.7])
def test_an_answer_during_a_stall_is_taken(at: float) -> None:
    """However long nobody had a turn."""
    assert virtually(wait(answer_after=at + 0.1, stalls=[(at, 7.0)])) == (True, at + 7.0)


def test_many_stalls_do_not_add_up_to_silence() -> None:
    """Each costs a little."""
    stalls = [(0.1 + 1.1 * number, 1.0) for number in range(5)]

    assert virtually(wait(answer_after=4.0, stalls=stalls))[0]


def test_silence_is_silence_although_the_loop_stalled() -> None:
    """Noticed later by what was not waited."""
    came, at = virtually(wait(answer_after=60.0, stalls=[(0.3, 7.0)]))

    assert not came
    assert at == pytest.approx(2.0 + 7.0, abs=0.26)


def test_a_cancellation_is_none_of_its_business() -> None:
    """Who waits can be told to stop waiting."""

    async def scenario() -> bool:
        task = asyncio.create_task(wait(answer_after=60.0))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert virtually(scenario())
