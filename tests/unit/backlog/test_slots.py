"""Which node has which key, as the nodes of a cluster tell it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.backlog.slots import Redirection, parse_redirection, parse_slots, slot_of
from queueworkers.backlog.wire import NotRedisError, Refusal

A, B = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def told(*ranges: tuple[int, int, tuple[str | None, int]]) -> list[object]:
    """A reply to `CLUSTER SLOTS`, with a replica behind each master."""
    return [
        [first, last, [None if host is None else host.encode(), port, b"id"], [b"10.0.0.9", 6379, b"id"]]
        for first, last, (host, port) in ranges
    ]


@pytest.mark.parametrize(
    ("keys", "slot"),
    [
        pytest.param(["foo"], 12182, id="as-in-the-specification"),
        pytest.param(["{user1000}.following", "{user1000}.followers"], 3443, id="braces"),
        pytest.param(["queues:{default}", "queues:{default}:delayed", "queues:{default}:reserved"], 5718, id="a-queue"),
        pytest.param(["queues:default", "queues:default:delayed"], None, id="without-braces"),
        pytest.param(["foo{}{bar}", "foo"], None, id="empty-braces-count-for-nothing"),
        pytest.param([], 0, id="no-keys-are-anywhere"),
    ],
)  # fmt: skip
def test_keys_are_in_one_slot_or_not(keys: list[str], slot: int | None) -> None:
    """By what stands in the first braces, if anything does."""
    assert slot_of(keys) == slot


@given(st.text())
def test_every_name_has_a_slot(key: str) -> None:
    """Whatever somebody calls a queue."""
    found = slot_of([key])
    assert found is not None
    assert 0 <= found < 16_384


def test_each_slot_has_its_owner_and_gaps_have_none() -> None:
    """Both ends of a range belong to it; ranges may come in any order."""
    slots = parse_slots(told((200, 16_383, B), (0, 99, A), (100, 100, B)), host="seed")
    assert [slots.owner(slot) for slot in (0, 99, 100, 101, 199, 200, 16_383)] == [A, A, B, None, None, B, B]
    assert slots.masters == {A, B}
    assert parse_slots([], host="seed").owner(0) is None


@pytest.mark.parametrize("unknown", [None, "", "?"])
def test_a_node_that_does_not_know_its_address_is_where_it_was_asked(unknown: str | None) -> None:
    """The port counts all the same."""
    assert parse_slots(told((0, 1, (unknown, 7000))), host="seed").owner(0) == ("seed", 7000)


@pytest.mark.parametrize("reply", [None, 7, b"text", [1], [[0]], [[b"x", 1, [b"h", 1]]], [[0, 1, []]]])
def test_what_is_no_list_of_slots_is_no_redis(reply: object) -> None:
    """A cluster that nobody understands is told, not guessed at."""
    with pytest.raises(NotRedisError):
        parse_slots(reply, host="seed")


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (Refusal("MOVED 3999 10.0.0.2:6379"), Redirection(B, only_now=False)),
        (Refusal("ASK 3999 10.0.0.2:6379"), Redirection(B, only_now=True)),
        (Refusal("MOVED 3999 2001:db8::1:6379"), Redirection(("2001:db8::1", 6379), only_now=False)),
        (Refusal("MOVED 3999 :6379"), Redirection(("asked", 6379), only_now=False)),
        (Refusal("MOVED somewhere"), None),
        (Refusal("WRONGTYPE Operation"), None),
        (b"MOVED 3999 10.0.0.2:6379", None),
        (3, None),
    ],
)
def test_redirections_are_read(reply: object, found: Redirection | None) -> None:
    """A node says who has a key, and whether for good."""
    assert parse_redirection(reply, host="asked") == found
