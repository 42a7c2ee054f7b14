"""An allowance grants no more than it says, and no less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.engine.allowance import Allowance


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(0, 50)), max_size=40))
def test_never_more_than_the_rate_and_the_burst(steps: list[tuple[float, int]]) -> None:
    """Over any while since the beginning."""
    allowance, now, used = Allowance(rate=10, burst=5), 0.0, 0
    for pause, wanted in steps:
        now += pause
        taken = min(wanted, allowance.available(now))
        allowance.use(taken)
        used += taken
        assert used <= 5 + 10 * now + 1e-6
        assert 0 <= allowance.available(now) <= 5


def test_who_comes_when_told_gets_all_of_the_rate() -> None:
    """And comes no more often than there is something."""
    allowance, now, used, visits = Allowance(rate=10, burst=5), 0.0, 0, 0
    while now < 100.0:
        now = allowance.next_at(now) + 1e-9
        used += allowance.available(now)
        allowance.use(allowance.available(now))
        visits += 1
    assert used == pytest.approx(1005, abs=2)
    assert visits <= used
