"""How often workers ended and came back, from what their containers left behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.domain.exits import ContainerEnd, Exit, Exits, parse_tally, resume_exits
from queueworkers.domain.report import told_exits
from unit.domain.given import ago, told


def an_end(
    container: str = "c1", *, code: int = 0, seconds: float = 60, leaving: bool = True, message: str = ""
) -> ContainerEnd:
    """The end of a container whose pod was asked to leave."""
    return ContainerEnd(
        container=container, at=ago(seconds), exit_code=code, leaving=leaving, message=message
    )


def counts(exits: Exits) -> dict[int, int]:
    """How often workers ended with each exit code."""
    return {code: found.count for code, found in exits.by_code.items()}


@pytest.mark.parametrize(
    ("message", "tally"),
    [
        pytest.param("started again: 41 x 0, 3 x 12", {0: 41, 12: 3}, id="two codes"),
        pytest.param("started again: 1 x 12", {12: 1}, id="one"),
        pytest.param("some library's last words", {}, id="something else"),
        pytest.param("", {}, id="nothing"),
        pytest.param("started again: -1 x 0", {}, id="no number"),
        pytest.param("started again: 99999999999999999999 x 0", {}, id="too many to be true"),
        pytest.param("oops\nstarted again: 2 x 0", {0: 2}, id="after words of the application's"),
    ],
)
def test_what_a_container_leaves_behind(message, tally):
    """The supervisor's tally is found; anything else that may stand there counts for nothing."""
    assert parse_tally(message) == tally


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param(an_end(), {}, id="a worker that left"),
        pytest.param(an_end(message="started again: 5 x 0"), {0: 5}, id="one that recycled before it left"),
        pytest.param(an_end(code=137), {}, id="one that was killed as it left"),
        pytest.param(an_end(code=137, leaving=False), {137: 1}, id="a crash"),
        pytest.param(an_end(code=1, leaving=False, message="started again: 5 x 0, 2 x 12"), {0: 5, 12: 2, 1: 1}, id="all"),
    ],
)  # fmt: skip
def test_restarts_of_one_container(end, expected):
    """What was started again counts; what left for good does not."""
    assert counts(Exits().follow([end])) == expected


@given(looks=st.lists(st.lists(st.integers(0, 9), max_size=10), max_size=8))
def test_an_end_counts_once_however_often_it_is_met(looks):
    """A container's end is seen again at every look, until it is forgotten for good."""
    exits, met, known = Exits(), set(), []
    for look in looks:
        known += [number for number in look if number not in met]
        met |= set(look)
        exits = exits.follow(
            [an_end(f"c{number}", message="started again: 1 x 0") for number in dict.fromkeys(known)]
        )
    assert sum(counts(exits).values()) == len(met)


def test_the_next_operator_goes_on():
    """What the status tells is counted already; what ended since is new."""
    earlier, later = (
        an_end("c1", seconds=60, message="started again: 2 x 0"),
        an_end("c2", seconds=30, message="started again: 3 x 0"),
    )
    told_before = Exits().follow([earlier]).by_code
    assert counts(resume_exits(told_before).follow([earlier, later])) == {0: 5}


def test_the_status_tells_what_the_codes_mean():
    """In words, and whether it was a crash; and it is read back as it was told."""
    by_code = {
        12: Exit(count=3, last_at=ago(60)),
        137: Exit(count=1, last_at=ago(30)),
        99: Exit(count=1, last_at=ago(30)),
    }
    status = told(exits=Exits(by_code=by_code))
    memory, unknown, killed = status.exits
    assert (memory.exit_code, memory.count, memory.recycled) == (12, 3, True)
    assert "--memory" in (memory.meaning or "")
    assert (killed.exit_code, killed.recycled) == (137, False)
    assert (unknown.meaning, unknown.recycled) == (None, False)
    assert told_exits(status).by_code == by_code
