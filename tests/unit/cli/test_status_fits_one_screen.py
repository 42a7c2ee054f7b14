"""`qwp status` and `qwp queues`: what they write about pools as the operator tells them."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from queueworkers.cli.access import Selection
from queueworkers.cli.queues import describe_queues, spell_queues
from queueworkers.cli.screen import wants_colour
from queueworkers.cli.status import describe_pools, spell_pool, spell_pools
from unit.cli.seen_pools import BUSY, NOW, ago, condition, pool

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")


def test_each_pool_is_a_line_of_figures_and_a_sentence() -> None:
    """What is not known is a dash, and a pool that nobody looked at says so."""
    pools = [pool(status=BUSY), pool("mails")]
    written = [click.unstyle(line) for line in spell_pools(pools, Selection(), now=NOW)]

    assert "\n".join(written) in PAGE
    assert written == [
        "POOL     WORKERS   RANGE   READY   DUE   DELAYED   RESERVED   EXPIRED   OLDEST   STATUS",
        "orders   3/3       0-3     412     3     9         6          0         >=38s    AtMaxReplicas",
        "  3 workers: 415 waiting and 6 in hand, at 10 per worker, ask for 43; maxReplicas allows 3.",
        "mails    -         -       -       -     -         -          -         -        -",
        "  The operator has not looked at this pool yet: is it running?",
    ]


def test_one_pool_is_told_as_a_whole() -> None:
    """Its workers, its rollout, its queues, its exits, and what a person must see to."""
    written = [click.unstyle(line) for line in spell_pool(pool(status=BUSY), now=NOW)]

    assert "\n".join(written) in PAGE
    assert written == [
        "shop/orders  AtMaxReplicas",
        "3 workers: 415 waiting and 6 in hand, at 10 per worker, ask for 43; maxReplicas allows 3.",
        "",
        "Workers   3 working, 1 draining; bounds 0-3",
        "Rollout   Complete, began with Annotation 2h ago",
        "Backlog   415 waiting, oldest >=38s; last told 2s ago",
        "Source    redis:6379/0 shop_database_, followed by Push",
        "",
        "QUEUE     READY   DELAYED   DUE   RESERVED   EXPIRED   OLDEST   HOLD",
        "high      0       0         0     2          0         -        Paused",
        "default   412     9         3     4          0         >=38s",
        "",
        "EXIT   COUNT     LAST   MEANING",
        "12     4 times   5m     it used more memory than allowed (by design)",
        "255    1 time    60m    a crash",
        "",
        "PcntlMissing  PHP lacks pcntl, so jobs are cut off.",
    ]


def test_a_backlog_that_is_not_known_is_not_zero() -> None:
    """And the sentence that Ready has already is not written twice."""
    sentence = "redis:6379 refuses the connection."
    told = {
        "conditions": [
            condition("Ready", "False", "BacklogUnknown", f"{sentence} 2 workers: the backlog is not known."),
            condition("BacklogKnown", "False", "ConnectionFailed", sentence),
        ],
    }
    written = [click.unstyle(line) for line in spell_pool(pool(status=told), now=NOW)]

    assert "Backlog   not known" in written
    assert sum(sentence in line for line in written) == 1


@pytest.mark.parametrize(
    ("status", "reason", "colour"),
    [
        pytest.param("True", "Active", "green", id="well"),
        pytest.param("False", "RollingRestart", "yellow", id="takes-time"),
        pytest.param("False", "WorkersCrashing", "red", id="wants-a-person"),
    ],
)
def test_colour_says_whether_a_person_must_act(status: str, reason: str, colour: str) -> None:
    """Only the word has it."""
    told = {"conditions": [condition("Ready", status, reason, "So it is.")], "summary": {"status": reason}}

    assert next(spell_pool(pool(status=told), now=NOW)) == f"shop/orders  {click.style(reason, fg=colour)}"


def test_no_colour_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: set to anything but nothing."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert wants_colour() is False
    monkeypatch.setenv("NO_COLOR", "")
    assert wants_colour() is None


def test_programs_get_the_status_as_the_reference_has_it() -> None:
    """What is not known is left out."""
    assert describe_pools([pool(status=BUSY), pool("mails")]) == {
        "pools": [
            {"namespace": "shop", "name": "orders", "status": BUSY},
            {"namespace": "shop", "name": "mails", "status": {"conditions": [], "queues": [], "exits": []}},
        ]
    }


def test_queues_name_their_pool() -> None:
    """With its namespace where several are asked for."""
    assert list(spell_queues([pool(status=BUSY), pool("mails")], everywhere=True, now=NOW)) == [
        "POOL          QUEUE     READY   DELAYED   DUE   RESERVED   EXPIRED   OLDEST   HOLD",
        "shop/orders   high      0       0         0     2          0         -        Paused",
        "shop/orders   default   412     9         3     4          0         >=38s",
    ]
    written = list(spell_queues([pool(status=BUSY)], everywhere=False, now=NOW))
    assert "\n".join(written) in PAGE
    assert [line.split()[:2] for line in written] == [
        ["POOL", "QUEUE"],
        ["orders", "high"],
        ["orders", "default"],
    ]
    assert list(spell_queues([pool("mails")], everywhere=False, now=NOW)) == [
        "No queue was read yet: `qwp status` says why."
    ]


def test_queues_for_a_program_say_whose_they_are() -> None:
    """Each with the fields that the status has of it."""
    first, second = describe_queues([pool(status=BUSY)])["queues"]

    assert (first["pool"], first["name"], first["hold"]) == ("orders", "high", "Paused")
    assert second["oldestJobTime"] == ago(38)
