"""Pools that declare their queues themselves: more of what `pools` has, to try on an API server."""

from __future__ import annotations

from typing import Any

import pytest

READY = {"key": "$(queue)", "type": "List", "jobs": "Ready"}
DELAYED = {"key": "later", "type": "SortedSet", "jobs": "Delayed", "scoresPerSecond": 1}
STREAM = {"key": "$(queue)", "type": "Stream", "jobs": "Ready", "group": "workers"}


def custom(*keys: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Change a working pool into one of some other worker, with *keys*, or one list."""
    return {
        "framework": "Custom",
        "command": ["node", "worker.js"],
        "custom": {"keys": list(keys) or [READY]},
        **changes,
    }


def _does_nothing(option: str, value: Any) -> Any:
    return pytest.param(
        custom(**{option: value}),
        f"spec.{option}",
        f"{option} is an option of queue:work and does nothing for Custom: remove it, and put what your worker has in its place into command",
        id=f"custom-{option}",
    )


WRONG_CUSTOM = [
    pytest.param(
        {"framework": "Custom", "custom": {"keys": [READY]}},
        "spec.command",
        "Custom has no command line of its own: give the whole one in command, such as [node, worker.js]",
        id="custom-without-a-command",
    ),
    pytest.param(
        {"framework": "Custom", "command": ["node"]},
        "spec.custom",
        "Custom does not know how the queues are stored: name their keys in custom.keys",
        id="custom-without-keys",
    ),
    pytest.param(
        {"custom": {"keys": [READY]}},
        "spec.custom",
        "custom is for the framework Custom, and how Laravel stores its queues is known: remove custom, or correct framework",
        id="keys-of-a-known-framework",
    ),
    pytest.param(
        custom(restart={"afterCrash": "AtOnce"}),
        "spec.restart.afterCrash",
        "afterCrash AtOnce is for workers that PHP runs, as a supervisor in PHP starts them again: remove it",
        id="custom-at-once-without-php",
    ),
    pytest.param(
        custom(command=["bin/php-worker"], restart={"afterCrash": "AtOnce"}),
        "spec.restart.afterCrash",
        "afterCrash AtOnce is for workers that PHP runs, as a supervisor in PHP starts them again: remove it",
        id="custom-at-once-with-php-in-a-name",
    ),
    pytest.param(
        custom(command=["bin/php", "worker.php"], restart={"afterCrash": "AtOnce"}),
        "spec.restart.afterCrash",
        "afterCrash AtOnce is for workers that PHP runs, as a supervisor in PHP starts them again: remove it",
        id="custom-at-once-with-php-that-is-not-found",
    ),
    pytest.param(custom(custom={}), "spec.custom.keys", "Required value", id="custom-is-empty"),
    pytest.param(custom(custom={"keys": []}), "spec.custom.keys", "at least 1 items", id="custom-no-keys"),
    _does_nothing("memory", 256),
    _does_nothing("tries", 3),
    _does_nothing("backoff", [5]),
    _does_nothing("sleep", 1),
    _does_nothing("rest", 1),
    _does_nothing("maxJobs", 100),
    _does_nothing("maxTime", 100),
    _does_nothing("connection", "amqp"),
    pytest.param(
        custom(retryAfter=90),
        "spec.retryAfter",
        "retryAfter does nothing for Custom, where scores say when a job is handed to another worker: remove it, and see scoresPerSecond and expiresAfterSeconds in custom.keys",
        id="custom-retryAfter",
    ),
    pytest.param(
        custom(version="5.4"),
        "spec.version",
        "version says nothing about Custom: remove it",
        id="custom-version",
    ),
    pytest.param(
        custom(timeout=60, gracePeriodSeconds=10),
        "spec.gracePeriodSeconds",
        "gracePeriodSeconds (10 s) must be at least 65 s",
        id="custom-grace-below-timeout",
    ),
    pytest.param(
        custom({**READY, "key": "jobs"}),
        "spec.custom.keys",
        "no key names a queue, so 2 queues would be one and the same: write $(queue) where the queue's name stands in a key, or name one queue only",
        id="several-queues-under-one-key",
    ),
    pytest.param(
        custom({**READY, "jobs": "Reserved"}),
        "spec.custom.keys",
        "no key says which jobs wait for a worker: name the one from which workers take, with jobs Ready, or a sorted set of Delayed ones with scoresPerSecond",
        id="nothing-waits",
    ),
    pytest.param(
        custom(READY, {**READY, "jobs": "Reserved"}),
        "spec.custom.keys",
        "a key is named twice, so its jobs would count twice: remove one of the two; only a stream has Ready and Reserved jobs under one key",
        id="a-key-twice",
    ),
    pytest.param(
        custom({**DELAYED, "key": "$(queue)", "jobs": "Ready"}),
        "spec.custom.keys[0].scoresPerSecond",
        "scoresPerSecond is for a SortedSet whose scores are times until which its jobs are Delayed or Reserved, and this is a SortedSet of Ready ones: remove it, or correct type or jobs; those whose time has come count as waiting",
        id="ready-jobs-with-times",
    ),
    pytest.param(
        custom({**READY, "scoresPerSecond": 1000}),
        "spec.custom.keys[0].scoresPerSecond",
        "and this is a List of Ready ones",
        id="a-list-with-scores",
    ),
    pytest.param(
        custom(READY, {**DELAYED, "expiresAfterSeconds": 60}),
        "spec.custom.keys[1].expiresAfterSeconds",
        "expiresAfterSeconds counts from the score of a Reserved job: give scoresPerSecond too, and jobs Reserved, or remove it",
        id="delayed-jobs-expire",
    ),
    pytest.param(
        custom({"key": "$(queue)", "type": "Stream", "jobs": "Ready"}),
        "spec.custom.keys[0].group",
        "a Stream needs the group of consumers that the workers are, and nothing else has one: give group, or remove it; this is a Stream",
        id="a-stream-without-a-group",
    ),
    pytest.param(
        custom({**READY, "group": "workers"}),
        "spec.custom.keys[0].group",
        "this is a List",
        id="a-list-with-a-group",
    ),
    pytest.param(
        custom(READY, {**STREAM, "key": "later", "jobs": "Delayed"}),
        "spec.custom.keys[1].jobs",
        "a Stream holds nothing back: its jobs are Ready, which the group has not got, or Reserved, which are not acknowledged; jobs that are held back are in a SortedSet",
        id="a-stream-of-delayed-jobs",
    ),
    pytest.param(
        custom({**STREAM, "takenFrom": "Tail"}),
        "spec.custom.keys[0].takenFrom",
        "takenFrom is the end of a List of Ready jobs, and this is a Stream of Ready ones: remove it",
        id="the-end-of-a-stream",
    ),
    pytest.param(
        custom({**READY, "type": "Hash"}),
        "spec.custom.keys[0].type",
        'supported values: "List", "SortedSet", "Stream"',
        id="a-hash",
    ),
]

RIGHT_CUSTOM = [
    pytest.param(
        custom(command=["/usr/bin/php8.3", "bin/console"], restart={"afterCrash": "AtOnce"}),
        id="custom-at-once",
    ),
    pytest.param(
        custom(command=["sh", "-c", "exec php bin/console"], restart={"afterCrash": "AtOnce"}),
        id="custom-at-once-in-a-shell",
    ),
    pytest.param(custom(), id="custom"),
    pytest.param(custom(READY, DELAYED, STREAM | {"key": "s"}, timeout=0), id="custom-of-every-kind"),
    pytest.param(custom(STREAM, STREAM | {"jobs": "Reserved"}, timeout=2), id="a-stream-twice"),
    pytest.param(custom({**DELAYED, "key": "$(queue)"}, memory=0, sleep=0), id="due-by-score"),
    pytest.param(
        custom(
            {**READY, "takenFrom": "Tail"},
            {**READY, "key": "$(queue)\x06\x163", "takenFrom": "Tail"},
            {
                "key": "unacked",
                "type": "SortedSet",
                "jobs": "Reserved",
                "scoresPerSecond": 1,
                "expiresAfterSeconds": 3600,
            },
        ),
        id="control-characters-in-a-key",
    ),
    pytest.param(custom({**READY, "key": "jobs"}, queues=["one"]), id="one-queue-under-one-key"),
    pytest.param(custom(**{"resources.limits": {"memory": "64Mi"}}), id="custom-with-little-memory"),
]
