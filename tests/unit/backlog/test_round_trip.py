"""One question about many queues: its commands, and what replies to it can mean."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.backlog.counting import STREAM_SCRIPT, STREAM_SHA1, count_commands
from queueworkers.backlog.edges import EDGES_SCRIPT
from queueworkers.backlog.round_trip import Counted, QueueAddress, Refused, RoundTrip
from queueworkers.backlog.waiting_time import HeadSights
from queueworkers.backlog.wire import NotRedisError, Refusal
from queueworkers.frameworks.base import JobState, QueueStore, Spelling, StoreKind
from queueworkers.frameworks.custom import CUSTOM
from queueworkers.frameworks.laravel import LARAVEL

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

any_reply = st.recursive(
    st.none()
    | st.integers(-(2**63), 2**63)
    | st.binary(max_size=20)
    | st.sampled_from([b"nan", b"inf", b"-inf", b"1e999", b"9" * 5000])
    | st.builds(Refusal, st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


def address(queue: str = "default", database: int = 0) -> QueueAddress:
    """A Laravel queue without a prefix."""
    return QueueAddress(database, LARAVEL.keys(queue, Spelling()), LARAVEL.read_header)


def test_commands_of_one_queue():
    """Plain commands count, in the order in which jobs move; one script looks at the edges."""
    trip = RoundTrip([address()], now=100, database=0)
    sha1 = hashlib.sha1(EDGES_SCRIPT.encode()).hexdigest()
    assert trip.commands == [
        ("TIME",),
        ("EVAL", EDGES_SCRIPT, 0),
        ("ZCARD", b"queues:default:delayed"),
        ("ZCOUNT", b"queues:default:delayed", "-inf", 100),
        ("LLEN", b"queues:default"),
        ("ZCARD", b"queues:default:reserved"),
        ("ZCOUNT", b"queues:default:reserved", "-inf", 100),
        (
            "EVALSHA",
            sha1,
            3,
            b"queues:default",
            b"queues:default:delayed",
            b"queues:default:reserved",
            262144,
            8388608,
            24,
            *("list", "0", ""),
            *("zset", "100", 5),
            *("zset", "100", 0),
        ),
    ]


def test_each_database_is_selected_once():
    """Whatever the order of the queues."""
    trip = RoundTrip([address(str(n), n % 3) for n in range(9)], now=1, database=2)
    assert [command for command in trip.commands if command[0] == "SELECT"] == [
        ("SELECT", 0),
        ("SELECT", 1),
        ("SELECT", 2),
    ]


def test_what_was_counted():
    """Each reply finds its place."""
    trip = RoundTrip([address()], now=100, database=0)
    edges = [b"job", [b"90", b"160", 2, 0, 1], [b"80.5", b"150"]]
    answer = trip.parse([[b"100", b"500000"], 0, 5, 2, 3, 4, 1, edges])
    assert answer.server_time == 100.5
    assert answer.findings[address()] == Counted(
        ready=3,
        delayed=5,
        due=2,
        reserved=4,
        expired=1,
        heads=(b"job",),
        due_since=90.0,
        expired_since=80.5,
        upcoming=((160.0, 2), (170.0, 1)),
        turns_at=150.0,
    )


@pytest.mark.parametrize(
    ("counts", "edges", "turns_at"),
    [
        pytest.param((0, 0, 3, 0, 0), [b"job", None, None], None, id="only-jobs-that-wait"),
        pytest.param((2, 2, 0, 1, 1), [None, b"90", b"90"], None, id="all-are-due-and-expired"),
        pytest.param((2, 0, 0, 0, 0), [None, [None, b"130", 2], None], 130.0, id="soon-due"),
        pytest.param((2, 0, 0, 0, 0), [None, [None, b"1115"], None], 1000.0, id="due-later-than-is-in-sight"),
        pytest.param(
            (2, 0, 0, 1, 0), [None, [None, b"130", 2], [None, b"120"]], 120.0, id="a-claim-ends-first"
        ),
        pytest.param(
            (2, 0, 0, 1, 0), [None, [None, b"130", 2], None], 0.0, id="a-claim-of-which-nothing-is-known"
        ),
        pytest.param((2, 0, 0, 0, 0), Refusal("NOPERM"), 0.0, id="nothing-is-known"),
        pytest.param((2, 0, 0, 0, 0), [None, [None, b"inf"], None], None, id="never-due"),
    ],
)
def test_when_time_alone_changes_the_counts(counts, edges, turns_at):
    """The earliest moment, as early as what falls due comes into sight; at any time where nobody knows."""
    answer = RoundTrip([address()], now=100, database=0).parse([[b"100", b"0"], 0, *counts, edges])
    assert answer.findings[address()].turns_at == turns_at


@pytest.mark.parametrize(
    ("answer", "named", "told"),
    [
        pytest.param(b"OK", 0, True, id="keys-that-do-not-exist-are-told-of-too"),
        pytest.param(Refusal("NOPERM"), 3, False, id="the-user-may-not-listen"),
        pytest.param(b"OK", Refusal("NOPERM"), False, id="the-user-may-not-see-a-key"),
    ],
)
def test_a_server_that_listens_is_given_the_keys_before_they_are_counted(answer, named, told):
    """So that what happens after the count is told of; whether it will be is part of the answer."""
    trip = RoundTrip([address()], now=100, database=0, listening=True)
    assert trip.commands[2:4] == [
        ("CLIENT", "CACHING", "YES"),
        ("EXISTS", b"queues:default", b"queues:default:delayed", b"queues:default:reserved"),
    ]
    found = trip.parse([[b"100", b"0"], 0, answer, named, 0, 0, 3, 0, 0, [b"job", None, None]])
    assert (address() in found.told) is told
    assert found.findings[address()].ready == 3


@pytest.mark.parametrize(
    ("at", "databases", "selects"),
    [(0, [0], []), (0, [0, 1], [1]), (1, [0, 1], [0, 1]), (1, [0], [0])],
)
def test_nobody_is_asked_to_select_where_it_is(at, databases, selects):
    """The database at hand comes without SELECT only when it comes first."""
    trip = RoundTrip([address(database=number) for number in databases], now=1, database=at)
    assert [command[1] for command in trip.commands if command[0] == "SELECT"] == selects


@pytest.mark.parametrize("edges", [None, Refusal("NOPERM"), [], [None] * 3, [1, 7, [None]], b"x", 7])
def test_edges_that_are_missing_cost_the_age_only(edges):
    """Without the script, or with an answer that makes no sense, the counts stand."""
    answer = RoundTrip([address()], now=1, database=0).parse([Refusal("NOPERM"), 0, 1, 1, 1, 1, 1, edges])
    found = answer.findings[address()]
    assert isinstance(found, Counted)
    assert (found.total, found.heads, found.due_since, found.expired_since) == (3, (), None, None)
    assert found.heads_unseen
    assert answer.server_time is None


def test_refused_database_discards_what_follows():
    """After a refused SELECT the counts are another database's, and must not be believed."""
    trip = RoundTrip([address(database=0), address(database=7)], now=1, database=0)
    counts = [1, 1, 1, 1, 1, None]
    answer = trip.parse([[b"1", b"0"], 0, *counts, Refusal("ERR DB index is out of range"), *counts])
    assert isinstance(answer.findings[address(database=0)], Counted)
    assert answer.findings[address(database=7)] == Refused(Refusal("ERR DB index is out of range"))
    assert answer.database == 0


def test_refused_key_is_named():
    """The first command that was refused tells which key it is about."""
    trip = RoundTrip([address()], now=1, database=0)
    edges = [None, None, [b"hash"]]
    answer = trip.parse([[b"1", b"0"], 0, 0, 0, 0, Refusal("WRONGTYPE x"), 0, edges])
    found = answer.findings[address()]
    assert isinstance(found, Refused)
    assert (found.key, found.holds) == ("queues:default:reserved", "a hash and not a sorted set")


def test_a_part_is_never_more_than_the_whole():
    """Others may write between two commands of one question."""
    answer = RoundTrip([address()], now=1, database=0).parse([[b"1", b"0"], 0, 1, 9, 0, 2, 9, None])
    found = answer.findings[address()]
    assert isinstance(found, Counted)
    assert (found.due, found.expired) == (1, 2)


STORES = {
    ("list", "Ready"): (("LLEN", b"k"),),
    ("set", "Ready"): (("ZCARD", b"k"),),
    ("timed", "Delayed"): (("ZCARD", b"k"), ("ZCOUNT", b"k", "-inf", 100_000)),
    ("timed", "Reserved"): (("ZCARD", b"k"), ("ZCOUNT", b"k", "-inf", 40_000)),
    ("stream", "Reserved"): (("EVALSHA", STREAM_SHA1, 1, b"k", b"g", 8388608, 1000),),
}


def store(kind: str, jobs: str) -> QueueStore:
    """A store under the key `k`."""
    facts = {
        "list": {"kind": StoreKind.LIST},
        "set": {"kind": StoreKind.SORTED_SET},
        "timed": {
            "kind": StoreKind.SORTED_SET,
            "scores_per_second": 1000,
            "expires_after_seconds": 60 * (jobs == "Reserved"),
        },
        "stream": {"kind": StoreKind.STREAM, "group": "g"},
    }[kind]
    return QueueStore(key="k", jobs=JobState(jobs), **facts)


@pytest.mark.parametrize(("kind", "jobs"), STORES)
def test_each_kind_is_counted_in_its_own_way(kind, jobs):
    """At the second 100, in thousandths; what expires a minute after its score has to be a minute older."""
    assert count_commands(store(kind, jobs), 100) == STORES[kind, jobs]


def test_stores_of_one_state_are_summed():
    """And the earliest of their scores counts, in seconds, where it is a time at all."""
    stores = (
        store("list", "Ready"),
        replace(store("set", "Ready"), key="p"),
        store("timed", "Delayed"),
        replace(store("timed", "Delayed"), key="m", scores_per_second=1),
        store("timed", "Reserved"),
        replace(store("list", "Reserved"), key="a"),
    )
    edges = [b"1", None, b"90000", b"-inf", b"20000", None]
    trip = RoundTrip([QueueAddress(0, stores, CUSTOM.read_header)], now=100, database=0)
    (found,) = trip.parse([[b"1", b"0"], 0, 5, 2, 4, 1, 3, 7, 2, 1, 6, edges]).findings.values()
    assert found == Counted(
        ready=10, delayed=9, due=3, reserved=8, expired=1,
        heads=(b"1",), heads_unseen=True, due_since=90.0, expired_since=80.0, turns_at=0.0,
    )  # fmt: skip


def test_a_stream_brings_a_script_of_its_own():
    """And only then; its first entry tells the age, or else the last that was delivered."""
    stream = store("stream", "Ready")
    address_of_stream = QueueAddress(0, (stream, replace(stream, jobs=JobState.RESERVED)), CUSTOM.read_header)
    trip = RoundTrip([address_of_stream, address()], now=1, database=0)
    assert trip.commands[:3] == [("TIME",), ("EVAL", EDGES_SCRIPT, 0), ("EVAL", STREAM_SCRIPT, 0)]
    laravel = [0, 0, 0, 0, 0, None]
    for answer, entries, taken_until in (
        ([5, 2, b"7-0", b"6-0"], (b"7-0",), ()),
        ([5, 2, None, b"6-0"], (), (b"6-0",)),
    ):
        found = trip.parse([[b"1", b"0"], 0, 0, answer, answer, None, *laravel]).findings[address_of_stream]
        assert found == Counted(
            ready=5, delayed=0, due=0, reserved=2, expired=0, entries=entries, taken_until=taken_until
        )


EVERY_KIND = QueueAddress(
    0,
    (
        store("list", "Ready"),
        store("set", "Ready"),
        store("timed", "Delayed"),
        store("stream", "Ready"),
        store("timed", "Reserved"),
        store("stream", "Reserved"),
    ),
    CUSTOM.read_header,
)


@pytest.mark.parametrize("asked", [address(), EVERY_KIND], ids=["laravel", "every-kind"])
@given(replies=st.lists(any_reply, min_size=12, max_size=12))
def test_no_reply_is_taken_for_what_it_is_not(asked, replies):
    """Whatever a server answers is counts, a refusal, or not Redis: never an error of ours, never below zero."""
    trip = RoundTrip([asked], now=1, database=0)
    try:
        answer = trip.parse(replies[: len(trip.commands)])
    except NotRedisError:
        return
    found = answer.findings[asked]
    if isinstance(found, Counted):
        assert min(found.ready, found.delayed, found.due, found.reserved, found.expired) >= 0
        assert found.due <= found.delayed
        assert found.expired <= found.reserved
        HeadSights().look(asked, found, now=NOON)
