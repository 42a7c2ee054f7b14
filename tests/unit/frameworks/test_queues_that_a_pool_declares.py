"""What becomes of the keys that a pool declares itself, and what their jobs tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.frameworks.base import AfterCrash, JobState, QueueStore, Spelling, StoreKind
from queueworkers.frameworks.custom import CUSTOM

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def declared(key: str) -> Spelling:
    """A list, under a prefix."""
    store = QueueStore(key=key, kind=StoreKind.LIST, jobs=JobState.READY)
    return Spelling(prefix="shop:", declared=(store,))


@pytest.mark.parametrize(
    ("key", "complete"),
    [
        pytest.param("$(queue)", "shop:mails", id="the-queue-alone"),
        pytest.param("bull:$(queue):wait", "shop:bull:mails:wait", id="within"),
        pytest.param("$(queue)\x06\x163", "shop:mails\x06\x163", id="control-characters"),
        pytest.param("{$(queue)}:$(queue)", "shop:{mails}:mails", id="a-slot-of-a-cluster"),
        pytest.param("schedule", "shop:schedule", id="of-all-queues"),
        pytest.param(
            "$(Queue) $queue {queue}", "shop:$(Queue) $queue {queue}", id="nothing-else-is-replaced"
        ),
    ],
)
def test_a_key_names_the_queue_where_it_says_so(key, complete):
    """The prefix goes in front, whatever the key."""
    (store,) = CUSTOM.keys("mails", declared(key))
    assert store.key == complete


@pytest.mark.parametrize(
    ("value", "available_at"),
    [
        pytest.param(NOON.timestamp(), NOON, id="seconds-with-a-fraction"),
        pytest.param(int(NOON.timestamp()), NOON, id="seconds"),
        pytest.param(int(NOON.timestamp()) * 1000, NOON, id="milliseconds"),
        pytest.param(str(int(NOON.timestamp())), NOON, id="text"),
        pytest.param(True, None, id="boolean"),
        pytest.param(None, None, id="null"),
        pytest.param(10**400, None, id="beyond-all-time"),
        pytest.param(-1e400, None, id="infinite"),
        pytest.param({"a": 1}, None, id="object"),
    ],
)
def test_since_when_a_job_waits(value, available_at):
    """Where its payload says when it was enqueued, in seconds or milliseconds."""
    header = CUSTOM.read_header(json.dumps({"class": "Mail", "enqueued_at": value}).encode())
    assert header
    assert header.available_at == available_at


@given(payload=st.binary(max_size=200) | st.just(b"[" * 200_000) | st.just(b'{"a":' * 50_000))
def test_no_bytes_break_anything(payload):
    """What lies in a list need not be JSON."""
    CUSTOM.read_header(payload)


def test_nothing_is_added_to_a_command_that_runs_something_else():
    """Neither a first process, nor a hook, nor arguments."""
    command = ("node", "worker.js")
    assert (
        CUSTOM.first_process(command, meanings=CUSTOM.exit_meanings, after_crash=AfterCrash.AT_ONCE)
        == command
    )
    assert CUSTOM.before_leaving(command) is None
    assert CUSTOM.startup_probe is None
    assert CUSTOM.notices == ()


def test_a_worker_that_php_runs_is_supervised():
    """Those of Symfony end by design too."""
    command = ("php8.3", "bin/console", "messenger:consume", "async", "--limit=100")
    run = CUSTOM.first_process(command, meanings=CUSTOM.exit_meanings, after_crash=AfterCrash.BACK_OFF)
    assert (run[0], run[-6:]) == ("php8.3", ("--", *command))
    hook = CUSTOM.before_leaving(command)
    assert hook
    assert hook[0] == "php8.3"


@pytest.mark.parametrize(
    ("code", "recycles"), [(0, True), (1, False), (12, False), (137, False), (143, False)]
)
def test_only_an_end_without_complaint_is_by_design(code, recycles):
    """What other codes mean is not known, so they are crashes."""
    assert CUSTOM.recycles(code) is recycles
