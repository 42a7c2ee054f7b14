from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from apiserver.custom_pools import READY, STREAM, custom
from apiserver.pools import REMOVED, pool
from queueworkers.api.redis import host_seen_from
from queueworkers.api.spec import InvalidSpec, QueueWorkerPoolSpec, parse_spec
from queueworkers.frameworks import FRAMEWORKS


def parsed(**changes: Any) -> QueueWorkerPoolSpec:
    """A working spec with a few fields changed, by their paths."""
    spec = parse_spec(pool({path.replace("__", "."): value for path, value in changes.items()})["spec"])
    assert isinstance(spec, QueueWorkerPoolSpec), spec
    return spec


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"image": REMOVED}, "spec.image: field required.", id="missing"),
        pytest.param(
            {"framework": "Symfony"},
            "spec.framework: must be one of Laravel, ThinkPHP, Custom.",
            id="unknown-framework",
        ),
        pytest.param(
            {"queues": ["high", "a,b"]},
            "spec.queues[1]: a queue has a name without spaces, commas or quotes: give each queue as an item of "
            "its own.",
            id="in-a-list",
        ),
        pytest.param(
            {"scaling.mode": "auto"},
            "spec.scaling.mode: input should be 'Auto', 'Recommend' or 'Manual'.",
            id="nested-enum",
        ),
        pytest.param(
            {"scaling.behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601}}},
            "spec.scaling.behavior.scaleDown.stabilizationWindowSeconds: input should be less than or equal to 3600.",
            id="deep-bound",
        ),
        pytest.param(
            {"restart.maxSurge": "200%"},
            "spec.restart.maxSurge: must be a number of workers from 1 on, or a share from 1% to 100%.",
            id="int-or-string",
        ),
        pytest.param(
            {"restart.at": "2026-11-23T09:30:00"},
            "spec.restart.at: input should have timezone info.",
            id="a-moment-without-a-zone",
        ),
        pytest.param(
            {"restart.schedule": "0 4 30 2 *"},
            "spec.restart.schedule: schedule never comes: a range ends before it begins, or no month has that day.",
            id="a-schedule-that-never-comes",
        ),
        pytest.param(
            {"restart.schedule": "0 4 * * 5-1"},
            "spec.restart.schedule: schedule never comes: a range ends before it begins, or no month has that day.",
            id="a-week-backwards",
        ),
        pytest.param(
            {"restart.timeZone": "Europe/Atlantis"},
            "spec.restart.timeZone: timeZone is not in the time zone database: give a name such as Europe/Berlin.",
            id="a-time-zone-nowhere",
        ),
        pytest.param(
            {"restart.timeZone": "Europe"},
            "spec.restart.timeZone: timeZone is not in the time zone database: give a name such as Europe/Berlin.",
            id="a-continent",
        ),
        pytest.param(
            {"maxJob": 1}, "spec.maxJob: extra inputs are not permitted.", id="a-field-that-does-not-exist"
        ),
    ],
)
def test_a_spec_that_cannot_be_read_says_why(changes: dict[str, Any], sentence: str) -> None:
    """One sentence for each problem, beginning with the field."""
    assert parse_spec(pool(changes)["spec"]) == InvalidSpec(problems=(sentence,))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"redis.password": "hunter2"}, id="in-a-field-that-does-not-exist"),
        pytest.param({"redis.prefix": "hunter2 hunter2"}, id="in-a-text"),
        pytest.param({"redis.host": "redis://:hunter2@redis"}, id="in-a-url"),
        pytest.param({"redis.port": "hunter2"}, id="in-a-number"),
        pytest.param({"redis.passwordSecretRef": "hunter2"}, id="in-place-of-a-reference"),
        pytest.param({"redis.tls": {"verify": "hunter2"}}, id="in-an-enum"),
        pytest.param({"restart.at": "hunter2"}, id="in-a-moment"),
        pytest.param({"restart.maxSurge": "hunter2"}, id="in-a-share"),
        pytest.param({"framework": "hunter2"}, id="in-the-framework"),
        pytest.param({"env": "hunter2"}, id="in-place-of-a-list"),
    ],
)
def test_what_a_field_holds_is_not_repeated(changes: dict[str, Any]) -> None:
    """It may be a secret in the wrong place, and conditions are for everyone to read."""
    refused = parse_spec(pool(changes)["spec"])

    assert isinstance(refused, InvalidSpec)
    assert "hunter2" not in str(refused)
    assert "hunter2" not in repr(refused)


def test_every_problem_is_named_at_once() -> None:
    """Nobody should have to correct a pool field by field."""
    refused = parse_spec({})

    assert str(refused) == (
        "spec.framework: field required. spec.image: field required. "
        "spec.queues: field required. spec.redis: field required."
    )


def test_a_pool_stored_before_there_were_defaults_is_read() -> None:
    """Fields that are absent or were begun are filled in here too."""
    spec = parsed(scaling__behavior={"scaleDown": {}}, redis__tls={})

    assert spec.scaling.max_replicas == 10
    assert spec.scaling.behavior.scale_up.stabilization_window_seconds == 0
    assert spec.redis.tls is not None
    assert spec.redis.tls.verify == "Full"


def test_a_spec_never_changes() -> None:
    """Whoever holds it may rely on it."""
    with pytest.raises(ValidationError, match="frozen"):
        parsed().memory = 1  # type: ignore[misc]


def test_worker_options_are_the_spec_in_the_words_of_the_command_line() -> None:
    """Every option arrives, and what was not given stays so."""
    options = parsed(queues=["a", "b"], memory=256, backoff=[1, 2], maxJobs=5, maxTime=6).worker_options()

    assert (options.queues, options.memory, options.backoff) == (("a", "b"), 256, (1, 2))
    assert (options.max_jobs, options.max_time, options.tries) == (5, 6, None)
    assert (options.connection, options.timeout, options.sleep, options.rest) == ("redis", 60, 3, 0)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        pytest.param({}, 90, id="timeout-and-margin"),
        pytest.param({"timeout": 600, "retryAfter": 900}, 630, id="follows-the-timeout"),
        pytest.param({"timeout": 0, "retryAfter": 900}, 3600, id="without-a-timeout"),
        pytest.param({"gracePeriodSeconds": 70}, 70, id="given"),
        pytest.param(
            {"podTemplate": {"spec": {"terminationGracePeriodSeconds": 80}}}, 80, id="given-in-the-pod"
        ),
        pytest.param({"podTemplate": {"metadata": {}}}, 90, id="a-pod-that-says-nothing"),
    ],
)
def test_the_grace_period_covers_the_longest_job(changes: dict[str, Any], seconds: int) -> None:
    """What the pool says, else what its pod says, else the timeout and a margin."""
    assert parsed(**changes).effective_grace_period_seconds == seconds


@pytest.mark.parametrize("name", ["Laravel", "ThinkPHP"])
def test_what_is_not_said_is_the_frameworks(name: str) -> None:
    """Its console command, its retry_after; the newest version."""
    spec = parsed(framework=name)
    framework = FRAMEWORKS[name]

    assert spec.framework_declared is framework
    assert spec.console == framework.console
    assert framework.default_retry_after
    assert framework.default_tries
    assert spec.effective_retry_after == framework.default_retry_after.at(None)
    assert spec.effective_tries == framework.default_tries.at(None)
    assert spec.version_tuple is None


def test_a_pool_of_no_known_framework_says_all_itself() -> None:
    """Its command is the whole command line; how often a job is tried, and for how long, is the broker's to know."""
    spec = parsed(**custom(READY, STREAM | {"jobs": "Reserved"}, READY | {"key": "b"}))

    assert spec.console == ("node", "worker.js")
    assert (spec.effective_retry_after, spec.effective_tries) == (None, None)
    assert spec.custom
    assert [store.jobs for store in spec.custom.stores] == ["Ready", "Ready", "Reserved"]


@pytest.mark.parametrize("missing", ["command", "custom"])
def test_a_pool_that_was_stored_without_them_is_not_acted_upon(missing: str) -> None:
    """A queue without keys would look as if it were empty."""
    raw = pool(custom())["spec"]
    del raw[missing]

    assert parse_spec(raw) == InvalidSpec(
        problems=("spec: give command and custom for the framework Custom.",)
    )


def test_what_is_said_wins() -> None:
    """Over the framework's own."""
    spec = parsed(version="3.0.4", command=["tini", "--", "php", "think"], retryAfter=7, tries=0)

    assert spec.version_tuple == (3, 0, 4)
    assert spec.console == ("tini", "--", "php", "think")
    assert (spec.effective_retry_after, spec.effective_tries) == (7, 0)
    assert parsed(version="5.4", retryAfter=0).effective_retry_after == 0


@pytest.mark.parametrize(
    ("host", "seen"),
    [
        pytest.param("redis", "redis.shop.svc", id="a-service-of-the-pools-namespace"),
        pytest.param("redis.other", "redis.other", id="a-service-elsewhere"),
        pytest.param("redis.example.com", "redis.example.com", id="a-full-name"),
        pytest.param("10.0.0.7", "10.0.0.7", id="ipv4"),
        pytest.param("2001:db8::1", "2001:db8::1", id="ipv6"),
        pytest.param("localhost", "localhost", id="localhost"),
    ],
)
def test_a_short_host_is_the_pools_own_wherever_it_is_read(host: str, seen: str) -> None:
    """The operator must not find another namespace's Redis under the same name."""
    assert host_seen_from("shop", host) == seen
