"""`qwp doctor`: what it finds in a pool's spec and in what the operator says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from queueworkers.cli.doctor import BY_HAND, Weight, describe_findings, examine, spell_findings
from unit.cli.seen_pools import BUSY, condition, pool

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")

WELL: dict[str, Any] = {
    "framework": "Laravel",
    "image": "registry.example/shop:1",
    "queues": ["high", "default"],
    "redis": {"host": "redis"},
}


def test_a_pool_that_is_well_has_no_finding() -> None:
    """With the defaults: 60 s for a job, 90 until it is handed on, and a grace above both."""
    assert not examine(pool(**WELL))


@pytest.mark.parametrize(
    ("change", "field", "weight", "words"),
    [
        pytest.param({"timeout": 90}, "spec.timeout", Weight.WRONG, "set spec.timeout below 90", id="equal"),
        pytest.param(
            {"timeout": 60, "retryAfter": 30}, "spec.timeout", Weight.WRONG, "above 60", id="retried-too-soon"
        ),
        pytest.param({"timeout": 0}, "spec.timeout", Weight.DOUBTFUL, "below 90", id="no-timeout"),
        pytest.param(
            {"gracePeriodSeconds": 64},
            "spec.gracePeriodSeconds",
            Weight.WRONG,
            "set it to 65",
            id="short-grace",
        ),
        pytest.param({"queues": []}, "spec.queues", Weight.WRONG, "at least 1", id="no-longer-valid"),
    ],
)
def test_times_stand_in_order(change: dict[str, Any], field: str, weight: Weight, words: str) -> None:
    """The sentence has the value to set."""
    (found,) = examine(pool(**WELL | change))

    assert (found.field, found.weight) == (field, weight)
    assert words in found.sentence


def limited_to(memory: str) -> dict[str, Any]:
    """Set the worker's limit where the API server does not hold it against `memory`."""
    worker = {"name": "worker", "resources": {"limits": {"memory": memory}}}
    return {"podTemplate": {"spec": {"containers": [worker]}}}


@pytest.mark.parametrize(
    ("change", "weight"),
    [
        pytest.param(limited_to("128Mi"), Weight.WRONG, id="killed-before-it-ends-itself"),
        pytest.param(limited_to("134217728"), Weight.WRONG, id="in-bytes"),
        pytest.param({"resources": {"limits": {"memory": "150Mi"}}}, Weight.DOUBTFUL, id="tight"),
    ],
)
def test_a_limit_that_kills_workers_is_found(change: dict[str, Any], weight: Weight) -> None:
    """Wherever it is set; what would be enough is what a pool has without it."""
    (found,) = examine(pool(**WELL | {"memory": 128} | change))

    assert (found.field, found.weight) == ("resources.limits.memory", weight)
    assert "set the limit to 256Mi" in found.sentence


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"memory": 128} | limited_to("1Gi"), id="roomy"),
        pytest.param({"memory": 0} | limited_to("64Mi"), id="no-limit-of-its-own"),
    ],
)
def test_a_limit_that_leaves_room_is_none(change: dict[str, Any]) -> None:
    """Nor is one that the worker has nothing to hold against."""
    assert not examine(pool(**WELL | change))


@pytest.mark.parametrize(
    ("told", "field", "weight"),
    [
        pytest.param(
            condition("ScalingLimited", "True", "TooManyReplicas", "maxReplicas allows 3."),
            "spec.scaling.maxReplicas",
            Weight.DOUBTFUL,
            id="maximum",
        ),
        pytest.param(
            condition("ScalingLimited", "True", "BudgetSpent", "budget mysql leaves 3."),
            "spec.scaling.budget",
            Weight.DOUBTFUL,
            id="budget",
        ),
        pytest.param(
            condition("BacklogKnown", "False", "QueueNotFound", "No key."),
            "spec.redis.prefix",
            Weight.DOUBTFUL,
            id="prefix",
        ),
        pytest.param(
            condition("BacklogKnown", "False", "ConnectionFailed", "No answer."),
            "spec.redis",
            Weight.WRONG,
            id="redis",
        ),
        pytest.param(
            condition("StopsGracefully", "False", "PcntlMissing", "No pcntl."),
            "StopsGracefully",
            Weight.WRONG,
            id="deaf",
        ),
        pytest.param(
            condition("Ready", "False", "ImagePullFailed", "No image."), "Ready", Weight.WRONG, id="no-image"
        ),
    ],
)
def test_the_operators_own_findings_are_passed_on(told: dict[str, Any], field: str, weight: Weight) -> None:
    """With the reason to search for and its sentence."""
    (found,) = examine(pool(status={"conditions": [told]}, **WELL))

    assert (found.field, found.weight) == (field, weight)
    assert found.sentence == f"{told['reason']}: {told['message']}"


def test_what_only_takes_time_is_no_finding() -> None:
    """Nor is what has one cause told twice."""
    starting = condition("Ready", "False", "Starting", "0 of 2 workers ready.")
    assert not examine(pool(status={"conditions": [starting]}, **WELL))
    unread = [
        condition("Ready", "False", "BacklogUnknown", "No answer. 2 workers."),
        condition("BacklogKnown", "False", "TimedOut", "No answer."),
    ]
    assert len(examine(pool(status={"conditions": unread}, **WELL))) == 1


def test_an_operator_that_is_away_is_noticed() -> None:
    """By the generation that nobody acted on."""
    seen = pool(**WELL)
    seen.raw["metadata"]["generation"] = 1

    assert [each.field for each in examine(seen)] == ["status.observedGeneration"]


def test_jobs_that_went_back_are_doubtful() -> None:
    """Their worker was lost, or retry_after is too short for them."""
    (found,) = examine(pool(status={"backlog": {"expired": 2}}, **WELL))

    assert (found.field, found.weight) == ("spec.retryAfter", Weight.DOUBTFUL)
    assert found.sentence.startswith("2 jobs went back to the queue")


def test_findings_are_written_with_the_line_to_change() -> None:
    """And with what is to be looked for by hand."""
    ill = pool(status=BUSY, **WELL | {"timeout": 120})
    written = [click.unstyle(line) for line in spell_findings([ill, pool("mails", **WELL)])]

    assert "\n".join(written) in PAGE
    assert [each["field"] for each in describe_findings([ill])["findings"]] == [
        "spec.timeout",
        "spec.scaling.maxReplicas",
        "StopsGracefully",
        "maxmemory-policy",
        "status.exits",
    ]


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        ("noeviction", []),
        ("volatile-lru", []),
        ("allkeys-lfu", ["maxmemory-policy"]),
        ("allkeys-random", ["maxmemory-policy"]),
    ],
)
def test_a_redis_that_drops_jobs_is_wrong(policy: str, fields: list[str]) -> None:
    """Jobs have no time to live, so what goes by it leaves them alone; and what is known is not to be looked for."""
    seen = pool(status={"source": {"evictionPolicy": policy}}, **WELL)
    assert [each.field for each in examine(seen)] == fields
    assert BY_HAND not in spell_findings([seen])
    assert BY_HAND in spell_findings([seen, pool("mails", **WELL)])
