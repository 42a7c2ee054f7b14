"""The log says once that every pool was looked at that there was at the start."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from queueworkers.domain.identity import PoolKey
from queueworkers.engine.first_round import FirstRound

if TYPE_CHECKING:
    import pytest

FIRST, SECOND, LATER = (PoolKey("shop", name) for name in ("first", "second", "later"))


async def test_it_is_told_once_and_only_when_all_is_known(caplog: pytest.LogCaptureFixture) -> None:
    """A pool whose first reading is under way does not count, nor does one that came later."""
    caplog.set_level(logging.INFO, logger="queueworkers")
    known = {FIRST: True, SECOND: False, LATER: True}

    async def look(key: PoolKey) -> bool:
        return known[key]

    complete: list[None] = []
    first_round = FirstRound(look, pools=(FIRST, SECOND), complete=lambda: complete.append(None))
    for key in (FIRST, LATER, SECOND, FIRST):
        await first_round.look(key)
    assert (caplog.messages, complete) == ([], [])
    assert first_round.ahead == 1
    known[SECOND] = True
    for key in (SECOND, FIRST, SECOND):
        await first_round.look(key)
    assert (caplog.messages, complete) == (["All 2 pools were looked at"], [None])
    assert first_round.ahead == 0
