"""Of several waits, some known and some bounded, how long the longest is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.api.conditions import WaitBound
from queueworkers.domain.backlog import Wait, longest
from queueworkers.domain.wording import spell_backlog
from unit.domain.given import NOON, a_backlog, ago

EXACTLY, AT_LEAST, AT_MOST = WaitBound.EXACTLY, WaitBound.AT_LEAST, WaitBound.AT_MOST


@pytest.mark.parametrize(
    ("waits", "all_known", "told"),
    [
        pytest.param([], True, None, id="nothing-waits"),
        pytest.param([], False, None, id="nothing-is-known"),
        pytest.param([(9, EXACTLY), (5, EXACTLY)], True, (9, EXACTLY), id="all-exact"),
        pytest.param([(9, EXACTLY)], False, (9, AT_LEAST), id="another-may-be-older"),
        pytest.param([(9, EXACTLY), (5, AT_LEAST)], True, (9, AT_LEAST), id="a-younger-one-may-be-older"),
        pytest.param([(5, EXACTLY), (9, AT_LEAST)], True, (9, AT_LEAST), id="at-least-the-oldest"),
        pytest.param([(9, AT_MOST), (5, AT_MOST)], True, (9, AT_MOST), id="at-most-the-oldest"),
        pytest.param([(9, AT_MOST)], False, None, id="no-bound-at-all"),
        pytest.param([(9, AT_MOST), (5, EXACTLY)], True, (5, AT_LEAST), id="a-lower-bound-is-sure"),
    ],
)
def test_the_longest(waits, all_known, told):
    """Exactly only where each is; and at most only where nothing says at least."""
    found = longest([Wait(ago(seconds), bound) for seconds, bound in waits], all_known=all_known)
    assert found == (told and Wait(ago(told[0]), told[1]))


@given(
    jobs=st.lists(
        st.tuples(st.integers(0, 100), st.sampled_from(WaitBound), st.integers(0, 50), st.booleans()),
        max_size=5,
    )
)
def test_what_is_told_is_true(jobs):
    """Whatever the jobs' true waits, and however far from them the bounds are."""
    known, all_known = [], True
    for true, bound, off, seen in jobs:
        shown = {EXACTLY: true, AT_LEAST: max(true - off, 0), AT_MOST: true + off}[bound]
        if seen:
            known.append(Wait(ago(shown), bound))
        all_known &= seen
    told = longest(known, all_known=all_known)
    if told is None:
        return
    truth, said = max(true for true, *_ in jobs), (NOON - told.since).total_seconds()
    assert {EXACTLY: said == truth, AT_LEAST: said <= truth, AT_MOST: said >= truth}[told.bound]


@pytest.mark.parametrize(
    ("bound", "words"),
    [(EXACTLY, "oldest 38s"), (AT_LEAST, "oldest at least 38s"), (AT_MOST, "oldest at most 38s")],
)
def test_the_sentence_names_the_bound(bound, words):
    """In Events and logs, where nobody can look up a field."""
    assert spell_backlog(a_backlog(ready=1, oldest=Wait(ago(38), bound)), now=NOON) == f"1 ready, {words}"
