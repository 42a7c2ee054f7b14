"""Signals of many pools are one question, and an answer is understood for what it is about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queueworkers.backlog.signals import SignalPlace, SignalRequest, SignalTrip, latest_signals
from queueworkers.backlog.wire import Refusal
from queueworkers.domain.identity import PoolKey
from queueworkers.domain.notices import Notices
from queueworkers.frameworks.base import Hold
from unit.domain.given import NOON, ago

HERE, THERE = SignalPlace(2, ("here",)), SignalPlace(1, ("there", "over-there"))


def stored(seconds_ago: float) -> bytes:
    """A unix time as it is in Redis."""
    return str(int(ago(seconds_ago).timestamp())).encode()


def test_the_selected_database_comes_first_and_others_are_gone_to() -> None:
    """So that a server which lets nobody leave it is asked there all the same."""
    trip = SignalTrip((THERE, HERE), database=2)

    assert trip.commands == [("MGET", b"here"), ("SELECT", 1), ("MGET", b"there", b"over-there")]

    answer = trip.parse([[stored(5)], b"OK", [None, stored(7)]], now=NOON)
    assert answer.found == {HERE: ago(5), THERE: ago(7)}
    assert (answer.database, answer.refused) == (1, frozenset())


def test_after_a_refused_database_the_answers_are_about_another_one() -> None:
    """They count for nothing, whatever was found."""
    trip = SignalTrip((HERE, THERE), database=2)

    answer = trip.parse([[None], Refusal("ERR DB index is out of range"), [stored(7), stored(7)]], now=NOON)

    assert answer.found == {HERE: None}
    assert (answer.database, answer.refused) == (2, {1})


def test_a_refused_key_is_not_known() -> None:
    """Neither that there was a signal nor that there was none."""
    answer = SignalTrip((HERE,), database=2).parse([Refusal("NOPERM")], now=NOON)

    assert answer.found == {}


def test_a_pool_has_the_latest_of_what_is_known_at_its_places() -> None:
    """One of which nothing is known is left out."""
    one, two, three = (PoolKey("shop", name) for name in ("one", "two", "three"))
    requests = [SignalRequest(one, (HERE, THERE)), SignalRequest(two, (HERE,)), SignalRequest(three, ())]

    assert latest_signals(requests, {HERE: ago(9), THERE: ago(4)}) == {
        one: Notices(restart_at=ago(4)),
        two: Notices(restart_at=ago(9)),
    }
    assert latest_signals(requests, {THERE: None}) == {one: Notices()}


DOWN = SignalPlace(1, ("down",), Hold.MAINTENANCE)
ALL = SignalPlace(1, ("all-paused",), Hold.PAUSED)
HIGH, LOW = (SignalPlace(1, (f"{name}-paused",), Hold.PAUSED, name) for name in ("high", "low"))


def test_of_a_hold_it_is_asked_only_whether_it_is_there() -> None:
    """In maintenance mode the value may be a whole page."""
    trip = SignalTrip((DOWN, HERE), database=1)

    assert trip.commands == [("EXISTS", b"down"), ("SELECT", 2), ("MGET", b"here")]
    assert trip.parse([1, b"OK", [None]], now=NOON).found == {DOWN: NOON, HERE: None}
    assert trip.parse([0, b"OK", [None]], now=NOON).found == {DOWN: None, HERE: None}
    assert trip.parse([Refusal("NOPERM"), b"OK", [None]], now=NOON).found == {HERE: None}


@pytest.mark.parametrize(
    ("there", "holds"),
    [
        pytest.param((), {}, id="none"),
        pytest.param((LOW,), {"low": Hold.PAUSED}, id="one-queue"),
        pytest.param((ALL,), {"high": Hold.PAUSED, "low": Hold.PAUSED}, id="all-queues"),
        pytest.param(
            (DOWN, HIGH), {"high": Hold.MAINTENANCE, "low": Hold.MAINTENANCE}, id="maintenance-says-more"
        ),
    ],
)
def test_which_queues_are_held(there: tuple[SignalPlace, ...], holds: dict[str, Hold]) -> None:
    """The one that a notice names, or all of the pool's."""
    shop = PoolKey("shop", "one")
    places = (DOWN, ALL, HIGH, LOW)
    found = {place: NOON if place in there else None for place in places}

    signals = latest_signals([SignalRequest(shop, places, ("high", "low"))], found)

    assert signals == {shop: Notices(holds=holds)}


def test_a_time_a_little_ahead_is_taken_and_one_far_ahead_is_not() -> None:
    """Clocks differ by seconds; a key may hold anything."""
    trip = SignalTrip((THERE,), database=1)

    answer = trip.parse([[stored(-60), stored(-61)]], now=NOON)

    assert answer.found == {THERE: NOON + timedelta(seconds=60)}
