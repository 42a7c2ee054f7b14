"""
Pools to try on an API server: what is wrong with one, and what it must say.

Each is a working pool with a few fields changed, written as
``{"scaling.minReplicas": 5}``; `REMOVED` takes a field away.
"""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest

from apiserver.custom_pools import RIGHT_CUSTOM, WRONG_CUSTOM

REMOVED: Final = object()

WORKING_SPEC: dict[str, Any] = {
    "framework": "Laravel",
    "image": "registry.example/shop:2.4.1",
    "queues": ["high", "default"],
    "redis": {"host": "redis"},
}


def pool(changes: dict[str, Any], *, name: str = "tried") -> dict[str, Any]:
    """Make a pool that differs from a working one by *changes* to its spec."""
    spec = copy.deepcopy(WORKING_SPEC)
    for path, value in changes.items():
        *parents, last = path.split(".")
        node = spec
        for part in parents:
            node = node.setdefault(part, {})
        if value is REMOVED:
            del node[last]
        else:
            node[last] = value
    return {
        "apiVersion": "queueworkers.io/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": name},
        "spec": spec,
    }


def worker_container(**fields: Any) -> dict[str, Any]:
    """Change the worker's container through the pod template."""
    return {"podTemplate.spec": {"containers": [{"name": "worker", **fields}]}}


THINKPHP = {"framework": "ThinkPHP", "retryAfter": 90}
"""Changes that make a working pool of ThinkPHP's."""

SENTINELS: dict[str, Any] = {
    "masterName": "mymaster",
    "nodes": [{"host": "sentinel-0"}, {"host": "sentinel-1"}],
}
CLUSTER: dict[str, Any] = {"nodes": [{"host": "redis-cluster", "port": 7000}]}


def schedule(**fields: Any) -> dict[str, Any]:
    """Make a schedule of working days that differs by *fields*."""
    return {"name": "office", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "minReplicas": 4, **fields}


SCHEDULES = "spec.scaling.schedules"

WRONG_SCHEDULES: list[tuple[str, list[dict[str, Any]], dict[str, Any], str, str]] = [
    (
        "of-one-name",
        [schedule(), schedule(start="0 9 * * *")],
        {},
        SCHEDULES,
        "two schedules have one name, and the status tells by its name which is in force: give each a name of its own",
    ),
    (
        "that-change-nothing",
        [{"name": "office", "start": "0 8 * * *", "end": "0 18 * * *"}],
        {},
        f"{SCHEDULES}[0].minReplicas",
        "schedule office changes nothing: give minReplicas, maxReplicas or both",
    ),
    (
        "that-last-no-time",
        [schedule(start="0 8 * * *", end="0 8 * * *")],
        {},
        f"{SCHEDULES}[0].end",
        (
            "schedule office ends when it starts (0 8 * * *): give end another time, or remove the schedule and change the "
            "pool's own bounds"
        ),
    ),
    (
        "upside-down",
        [schedule(minReplicas=5, maxReplicas=4)],
        {},
        f"{SCHEDULES}[0].minReplicas",
        "minReplicas (5) must not be above maxReplicas (4) in schedule office: lower minReplicas or raise maxReplicas",
    ),
    (
        "above-the-pools-own-maximum",
        [schedule(minReplicas=5)],
        {"scaling.maxReplicas": 4},
        SCHEDULES,
        (
            "a schedule's minReplicas is above the pool's own maxReplicas (4), which holds where the schedule gives none: "
            "give the schedule a maxReplicas too, or lower its minReplicas"
        ),
    ),
    (
        "below-the-pools-own-minimum",
        [{"name": "night", "start": "0 22 * * *", "end": "0 6 * * *", "maxReplicas": 1}],
        {"scaling.minReplicas": 2},
        SCHEDULES,
        (
            "a schedule's maxReplicas is below the pool's own minReplicas (2), which holds where the schedule gives none: "
            "give the schedule a minReplicas too, or raise its maxReplicas"
        ),
    ),
    (
        "without-room-for-a-successor",
        [schedule(maxReplicas=20)],
        {"scaling.maxConcurrent": 20},
        SCHEDULES,
        (
            "a schedule's maxReplicas must be below maxConcurrent (20), as a worker is only replaced when its successor "
            "works: raise maxConcurrent or lower the schedule's maxReplicas"
        ),
    ),
    (
        "in-words",
        [schedule(start="every morning")],
        {},
        f"{SCHEDULES}[0].start",
        "schedule has the five fields of cron: minute, hour, day of the month, month, day of the week, such as",
    ),
    (
        "in-no-time-zone",
        [schedule(timeZone="Europe/Atlantis")],
        {},
        f"{SCHEDULES}[0].timeZone",
        "timeZone is not in the time zone database: give a name such as Europe/Berlin",
    ),
    (
        "with-a-shouted-name",
        [schedule(name="OFFICE")],
        {},
        f"{SCHEDULES}[0].name",
        "the name of a schedule has lower-case letters, digits and - only, such as office-hours",
    ),
    ("that-never-end", [{"name": "a", "start": "0 8 * * *"}], {}, f"{SCHEDULES}[0].end", "Required value"),
]
"""A name, schedules, what else the pool says, and the field and the sentence that refuse it."""

WRONG_POLICIES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "a-policy-of-nothing",
        {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 60}]},
        "policies[0].value",
        "greater than or equal to 1",
    ),
    (
        "a-policy-of-an-hour",
        {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 3600}]},
        "policies[0].periodSeconds",
        "less than or equal to 1800",
    ),
    (
        "a-policy-in-containers",
        {"policies": [{"type": "Containers", "value": 1, "periodSeconds": 60}]},
        "policies[0].type",
        'supported values: "Pods", "Percent"',
    ),
    (
        "an-average-of-policies",
        {"selectPolicy": "Average"},
        "selectPolicy",
        'supported values: "Max", "Min", "Disabled"',
    ),
]
"""A name, rules for one direction, and the field and the sentence that refuse them."""

WRONG = [
    # --- what is missing ---
    pytest.param({"framework": REMOVED}, "spec.framework", "Required value", id="no-framework"),
    pytest.param({"image": REMOVED}, "spec.image", "Required value", id="no-image"),
    pytest.param({"queues": REMOVED}, "spec.queues", "Required value", id="no-queues"),
    pytest.param({"redis": REMOVED}, "spec.redis", "Required value", id="no-source"),
    pytest.param(
        {"redis": {}},
        "spec.redis.host",
        "nothing says where the queues are: give host for a standalone Redis or a managed one, sentinel for one that "
        "Sentinels watch, or cluster for a Redis Cluster",
        id="no-place",
    ),
    pytest.param(
        {"redis": {"sentinel": {"masterName": "m", "nodes": []}}},
        "spec.redis.sentinel.nodes",
        "at least 1 items",
        id="no-sentinels",
    ),
    pytest.param(
        {"redis": {"sentinel": {"nodes": [{"host": "s-0"}]}}},
        "spec.redis.sentinel.masterName",
        "Required value",
        id="no-master-name",
    ),
    pytest.param({"redis": {"cluster": {}}}, "spec.redis.cluster.nodes", "Required value", id="no-nodes"),
    pytest.param(
        {"redis.passwordSecretRef": {"key": "password"}},
        "spec.redis.passwordSecretRef.name",
        "Required value",
        id="a-secret-without-a-name",
    ),
    # --- how the worker runs ---
    pytest.param(
        {"framework": "Symfony"},
        "spec.framework",
        'supported values: "Laravel", "ThinkPHP", "Custom"',
        id="an-unknown-framework",
    ),
    pytest.param(
        {"version": "^12.0"},
        "spec.version",
        "version is the installed version in numbers and dots, such as 3.0.4: no v, ^ or *",
        id="a-version-constraint",
    ),
    pytest.param(
        {"image": "shop latest"}, "spec.image", "an image has a name without spaces", id="a-space-in-image"
    ),
    pytest.param({"image": ""}, "spec.image", "an image has a name without spaces", id="an-empty-image"),
    pytest.param({"command": []}, "spec.command", "at least 1 items", id="an-empty-command"),
    pytest.param(
        {"connection": "--once"},
        "spec.connection",
        "not - first, as it would be taken for a flag",
        id="a-flag-for-a-connection",
    ),
    pytest.param(
        {"sleep": 60},
        "spec.sleep",
        "sleep (60 s) must be shorter than timeout (60 s), or a worker that finds no job runs into the timeout while "
        "it sleeps and kills itself: lower sleep or raise timeout",
        id="sleep-as-long-as-timeout",
    ),
    pytest.param(
        {"timeout": 2},
        "spec.sleep",
        "sleep (3 s) must be shorter than timeout (2 s)",
        id="timeout-shorter-than-default-sleep",
    ),
    pytest.param(
        {"timeout": 120, "retryAfter": 120},
        "spec.timeout",
        "timeout (120 s) must be shorter than retryAfter (120 s), or a job that still runs is handed to a second "
        "worker: lower timeout, or raise retry_after in the application's config/queue.php and retryAfter with it",
        id="timeout-as-long-as-retry-after",
    ),
    pytest.param(
        {"timeout": 300},
        "spec.timeout",
        "timeout (300 s) must be shorter than the retry_after of the queue connection, which is 90 s by default in "
        "Laravel, or a job that still runs is handed to a second worker: lower timeout, or raise retry_after in the "
        "application's config/queue.php and say so in retryAfter",
        id="timeout-longer-than-laravels-retry-after",
    ),
    pytest.param(
        {"framework": "ThinkPHP"},
        "spec.timeout",
        "timeout (60 s) must be shorter than the retry_after of the queue connection, which is 60 s by default in "
        "ThinkPHP",
        id="thinkphps-own-defaults-collide",
    ),
    pytest.param(
        {"timeout": 0},
        "spec.retryAfter",
        "timeout 0 lets a job run without limit, yet after retry_after (90 s by default in Laravel) it is handed to a "
        "second worker: give a timeout, or raise retry_after in the application's config/queue.php above your longest "
        "job and say so in retryAfter",
        id="no-timeout-and-nothing-said",
    ),
    pytest.param({"maxJobs": -1}, "spec.maxJobs", "greater than or equal to 0", id="fewer-than-no-jobs"),
    pytest.param(
        {"timeout": 86_401, "retryAfter": 90_000},
        "spec.timeout",
        "less than or equal to 86400",
        id="a-timeout-beyond-a-day",
    ),
    pytest.param({"memory": "128M"}, "spec.memory", "must be of type integer", id="memory-with-a-unit"),
    pytest.param({"sleep": 0.5}, "spec.sleep", "must be of type integer", id="a-fraction-of-a-second"),
    pytest.param({"tries": -1}, "spec.tries", "greater than or equal to 0", id="fewer-than-no-tries"),
    pytest.param({"backoff": 10}, "spec.backoff", "must be of type array", id="backoff-not-a-list"),
    pytest.param({"backoff": [1] * 11}, "spec.backoff", "must have at most 10 items", id="eleven-backoffs"),
    pytest.param(
        {"memory": 256, "resources.limits.memory": "256Mi"},
        "spec.memory",
        "memory (256 MB) must be below resources.limits.memory (256Mi), or the kernel kills a worker in the middle of "
        "a job before the worker ends itself after one: lower memory or raise the limit",
        id="memory-up-to-the-limit",
    ),
    pytest.param(
        {"resources.limits.memory": 1_000_000},
        "spec.memory",
        "memory (128 MB) must be below resources.limits.memory (1000000)",
        id="a-limit-in-bytes",
    ),
    pytest.param(
        {"resources.limits.memory": "lots"},
        "spec.resources.limits.memory",
        "should match",
        id="not-a-quantity",
    ),
    # --- the queues ---
    pytest.param({"queues": []}, "spec.queues", "at least 1 items", id="an-empty-list-of-queues"),
    pytest.param({"queues": "high"}, "spec.queues", "must be of type array", id="queues-not-a-list"),
    pytest.param(
        {"queues": ["high,default"]},
        "spec.queues[0]",
        "a queue has a name without spaces, commas or quotes: give each queue as an item of its own",
        id="two-queues-in-one",
    ),
    pytest.param(
        {"queues": ["high", "my queue"]},
        "spec.queues[1]",
        "a queue has a name without spaces, commas or quotes",
        id="a-space-in-a-queue",
    ),
    pytest.param(
        {"queues": ["high", "default", "high"]},
        "spec.queues",
        "a queue is named twice: remove one of the two, as the order of queues is the order of their urgency",
        id="a-queue-twice",
    ),
    pytest.param({"queues": ["q" * 201]}, "spec.queues[0]", "Too long", id="a-queue-too-long"),
    pytest.param(
        {"queues": [f"q{number}" for number in range(65)]}, "spec.queues", "Too many", id="too-many-queues"
    ),
    # --- what the framework's worker does not know ---
    pytest.param(
        {**THINKPHP, "maxJobs": 100},
        "spec.maxJobs",
        "ThinkPHP's queue:work has no --max-jobs: remove maxJobs",
        id="thinkphp-with-max-jobs",
    ),
    pytest.param(
        {**THINKPHP, "maxTime": 100},
        "spec.maxTime",
        "ThinkPHP's queue:work has no --max-time: remove maxTime",
        id="thinkphp-with-max-time",
    ),
    pytest.param(
        {**THINKPHP, "rest": 1},
        "spec.rest",
        "ThinkPHP's queue:work has no --rest: remove rest",
        id="thinkphp-with-rest",
    ),
    pytest.param(
        {**THINKPHP, "backoff": [1, 5, 10]},
        "spec.backoff",
        "ThinkPHP waits equally long before every attempt: give one value in backoff instead of 3",
        id="thinkphp-with-three-backoffs",
    ),
    # --- what the worker of the declared version does not know ---
    pytest.param(
        {"version": "8.31.5", "rest": 1},
        "spec.rest",
        "Laravel's queue:work has no --rest before 8.32, and version says 8.31.5: remove rest",
        id="rest-before-laravel-8.32",
    ),
    pytest.param(
        {"version": "7.30", "maxJobs": 500},
        "spec.maxJobs",
        "Laravel's queue:work has no --max-jobs before 8.0, and version says 7.30: remove maxJobs",
        id="max-jobs-before-laravel-8",
    ),
    pytest.param(
        {"version": "7", "maxTime": 500},
        "spec.maxTime",
        "Laravel's queue:work has no --max-time before 8.0, and version says 7: remove maxTime",
        id="max-time-before-laravel-8",
    ),
    pytest.param(
        {"version": "5.2.45", "retryAfter": 90, "timeout": 30},
        "spec.timeout",
        "Laravel's queue:work has no --timeout before 5.3, and version says 5.2.45: remove timeout, and say in "
        "gracePeriodSeconds how long a leaving worker may take for its job",
        id="a-timeout-before-laravel-5.3",
    ),
    pytest.param(
        {"version": "5.2"},
        "spec.retryAfter",
        "Laravel's queue:work lets a job run without limit before 5.3, and version says 5.2, yet after retry_after (or "
        "expire, 60 s by default) it is handed to a second worker",
        id="no-timeout-before-laravel-5.3-and-nothing-said",
    ),
    pytest.param(
        {"version": "7.30", "backoff": [1, 5]},
        "spec.backoff",
        "Laravel waits equally long before every attempt before 8.0, and version says 7.30: give one value in backoff "
        "instead of 2",
        id="two-backoffs-before-laravel-8",
    ),
    pytest.param(
        {"version": "13.19.9", "memory": 0},
        "spec.memory",
        "Laravel's queue:work does not take memory 0 for no limit before 13.20, and version says 13.19.9",
        id="memory-unchecked-before-laravel-13.20",
    ),
    pytest.param(
        {**THINKPHP, "memory": 0},
        "spec.memory",
        "ThinkPHP's queue:work does not take memory 0 for no limit, and ends whenever it looks for a job",
        id="thinkphp-with-memory-unchecked",
    ),
    pytest.param(
        {"retryAfter": 0},
        "spec.retryAfter",
        "Laravel takes a retry_after of null for 60 s since 5.5: give the seconds in retryAfter",
        id="an-endless-claim-since-laravel-5.5",
    ),
    pytest.param(
        {**THINKPHP, "version": "3.0.0", "retryAfter": 0},
        "spec.retryAfter",
        "ThinkPHP takes a retry_after of null for 60 s since 3.0",
        id="an-endless-claim-since-think-queue-3",
    ),
    pytest.param(
        {**THINKPHP, "version": "2.0.4", "connection": "queue"},
        "spec.connection",
        "ThinkPHP's queue:work has no argument for a connection before 3.0, and version says 2.0.4: remove connection",
        id="a-connection-before-think-queue-3",
    ),
    pytest.param(
        {**THINKPHP, "version": "1.1.6", "timeout": 61},
        "spec.timeout",
        "ThinkPHP's queue:work has no --timeout before 3.0, and version says 1.1.6: remove timeout",
        id="a-timeout-before-think-queue-3",
    ),
    pytest.param(
        {"framework": "ThinkPHP", "version": "2.0.4"},
        "spec.retryAfter",
        "ThinkPHP's queue:work lets a job run without limit before 3.0, and version says 2.0.4, yet after retry_after "
        "(or expire, 60 s by default) it is handed to a second worker: raise that in the application's configuration "
        "above your longest job and say so in retryAfter, or say 0 there if it is null",
        id="no-timeout-before-think-queue-3-and-nothing-said",
    ),
    *(
        pytest.param(
            {**THINKPHP, "version": version},
            "spec.version",
            f"version is that of topthink/think-queue, of which there is no {version} yet: ThinkPHP 5.0 has 1.x, 5.1 has "
            "2.x, 6 and 8 have 3.x",
            id=f"thinkphps-own-version-{version}",
        )
        for version in ("5.0.24", "5.1", "6.1.4", "8")
    ),
    *(
        pytest.param(
            {"command": command},
            "spec.command",
            "command is what stands before queue:work, such as [php, artisan]: remove queue:work or queue:listen and its "
            "flags there",
            id=f"a-command-with-{name}",
        )
        for name, command in {
            "queue-work": ["php", "artisan", "queue:work"],
            "stop-when-empty": ["sh", "-c", 'php artisan "$@" --stop-when-empty', "sh"],
            "queue-listen-in-a-script": ["sh", "-c", "php artisan queue:listen redis"],
        }.items()
    ),
    # --- leaving, and the pods ---
    pytest.param(
        {"gracePeriodSeconds": 64},
        "spec.gracePeriodSeconds",
        "gracePeriodSeconds (64 s) must be at least 65 s, which is timeout and 5 s, or a worker is killed in the middle "
        "of a job: raise gracePeriodSeconds, remove it, or lower timeout",
        id="grace-within-the-margin",
    ),
    pytest.param(
        {"podTemplate.spec.terminationGracePeriodSeconds": 30},
        "spec.podTemplate.spec.terminationGracePeriodSeconds",
        "terminationGracePeriodSeconds (30 s) must be at least 65 s, which is timeout and 5 s",
        id="grace-of-the-pod-too-short",
    ),
    pytest.param(
        {"gracePeriodSeconds": 90, "podTemplate.spec.terminationGracePeriodSeconds": 91},
        "spec.gracePeriodSeconds",
        "gracePeriodSeconds (90 s) and podTemplate.spec.terminationGracePeriodSeconds (91 s) say the same thing twice: "
        "remove one of them",
        id="grace-said-twice",
    ),
    pytest.param(
        {"podTemplate.spec.restartPolicy": "Never"},
        "spec.podTemplate.spec.restartPolicy",
        "restartPolicy must be Always, not Never: a worker ends by design, for memory, jobs or time, and is started "
        "again; remove restartPolicy",
        id="never-started-again",
    ),
    pytest.param(
        worker_container(image="other"),
        "spec.podTemplate.spec.containers",
        "the container worker gets its image and command line from the pool: remove image, command and args there, and "
        "use spec.image, spec.command and the worker's options",
        id="the-worker-with-another-image",
    ),
    pytest.param(
        worker_container(args=["--once"]),
        "spec.podTemplate.spec.containers",
        "the container worker gets its image and command line from the pool",
        id="the-worker-with-other-arguments",
    ),
    pytest.param(
        {"podTemplate.spec": {"containers": [{"name": "worker"}, {"name": "worker"}]}},
        "spec.podTemplate.spec.containers[1]",
        "Duplicate value",
        id="two-workers-in-a-pod",
    ),
    pytest.param(
        {"podTemplate.spec": {"containers": [{"image": "sidecar"}]}},
        "spec.podTemplate.spec.containers[0].name",
        "Required value",
        id="a-sidecar-without-a-name",
    ),
    pytest.param(
        {"podTemplate.metadata": {"labels": {"queueworkers.io/pool": "other"}}},
        "spec.podTemplate.metadata.labels",
        "labels that begin with queueworkers.io/ are the operator's own, by which it finds the workers: remove them, or "
        "choose another prefix",
        id="the-operators-own-label",
    ),
    pytest.param(
        {"env": [{"value": "x"}]}, "spec.env[0].name", "Required value", id="a-variable-without-a-name"
    ),
    pytest.param(
        {"env": [{"name": "A"}, {"name": "A"}]}, "spec.env[1]", "Duplicate value", id="a-variable-twice"
    ),
    pytest.param(
        {"security": "Privileged"},
        "spec.security",
        'supported values: "Compatible", "Restricted"',
        id="an-unknown-profile",
    ),
    # --- the source ---
    pytest.param(
        {"redis.host": "redis://redis:6379/0"},
        "spec.redis.host",
        "host is a host name or an address, without scheme, user or port: the port goes into spec.redis.port, the "
        "password into a Secret that spec.redis.passwordSecretRef names",
        id="a-url-for-a-host",
    ),
    pytest.param(
        {"redis.host": "redis:6379"},
        "spec.redis.host",
        "the port goes into spec.redis.port",
        id="a-host-with-a-port",
    ),
    pytest.param(
        {"redis.port": 65_536}, "spec.redis.port", "less than or equal to 65535", id="a-port-too-high"
    ),
    *(
        pytest.param(
            {"redis": places},
            "spec.redis",
            "host, sentinel and cluster are three kinds of places, and the queues are in one: keep the one that the "
            "application's own configuration has, and remove the others",
            id=f"two-places-{'-and-'.join(places)}",
        )
        for places in (
            {"host": "redis", "sentinel": SENTINELS},
            {"host": "redis", "cluster": CLUSTER},
            {"sentinel": SENTINELS, "cluster": CLUSTER},
            {"host": "redis", "sentinel": SENTINELS, "cluster": CLUSTER},
        )
    ),
    *(
        pytest.param(
            {"redis": {"port": 6379, **place}},
            "spec.redis.port",
            "port belongs to host: give the ports of Sentinels and of a cluster's nodes in their nodes, and remove port",
            id=f"a-port-beside-{next(iter(place))}",
        )
        for place in ({"sentinel": SENTINELS}, {"cluster": CLUSTER})
    ),
    pytest.param(
        {"redis": {"cluster": CLUSTER, "database": 1}},
        "spec.redis.database",
        "a Redis Cluster has no database 1, only 0: remove database",
        id="a-database-of-a-cluster",
    ),
    pytest.param(
        {"redis": {"cluster": {"nodes": [{"host": "a:7000"}]}}},
        "spec.redis.cluster.nodes[0].host",
        "host is a host name or an address, without scheme, user or port",
        id="a-node-with-its-port",
    ),
    pytest.param(
        {"redis": {"cluster": {"nodes": [{"host": "a"}] * 33}}},
        "spec.redis.cluster.nodes",
        "Too many",
        id="too-many-nodes",
    ),
    pytest.param(
        {"redis": {"sentinel": {**SENTINELS, "masterName": "my master"}}},
        "spec.redis.sentinel.masterName",
        "masterName is the name after `sentinel monitor`: letters, digits, ., - and _ only",
        id="a-master-of-two-words",
    ),
    pytest.param(
        {"redis": {"sentinel": {**SENTINELS, "username": "watcher"}}},
        "spec.redis.sentinel.passwordSecretRef",
        "username watcher needs a password: name the Secret that holds it in passwordSecretRef, or remove username to "
        "read as the default user",
        id="a-sentinels-user-without-a-password",
    ),
    pytest.param(
        {"redis.tls": {"clientCertificateSecretRef": {"certificateKey": "tls.crt"}}},
        "spec.redis.tls.clientCertificateSecretRef.name",
        "Required value",
        id="a-client-certificate-without-a-secret",
    ),
    pytest.param(
        {"redis.database": -1}, "spec.redis.database", "greater than or equal to 0", id="a-database-below-0"
    ),
    pytest.param(
        {"redis.prefix": "shop_*"},
        "spec.redis.prefix",
        "a prefix has no spaces and none of * ? [ ] \\: give the text that the keys begin with, not a pattern",
        id="a-pattern-for-a-prefix",
    ),
    pytest.param(
        {"redis.username": "reader"},
        "spec.redis.passwordSecretRef",
        "username reader needs a password: name the Secret that holds it in passwordSecretRef, or remove username to "
        "read as the default user",
        id="a-user-without-a-password",
    ),
    pytest.param(
        {"redis.passwordSecretRef": {"name": "other/redis"}},
        "spec.redis.passwordSecretRef.name",
        "it is looked for in the pool's own namespace, so give no namespace",
        id="a-secret-of-another-namespace",
    ),
    pytest.param(
        {"redis.tls": {"verify": "Insecure", "caSecretRef": {"name": "authority"}}},
        "spec.redis.tls.verify",
        "verify Insecure checks nothing, so the authority in caSecretRef would not be used: set verify to Full or "
        "CertificateOnly, or remove caSecretRef",
        id="an-authority-for-nothing",
    ),
    pytest.param(
        {"redis.tls": {"serverName": "https://redis"}},
        "spec.redis.tls.serverName",
        "serverName is a host name as in the certificate, without a port or a scheme",
        id="a-url-for-a-server-name",
    ),
    pytest.param(
        {"restart.schedule": "nightly"},
        "spec.restart.schedule",
        "schedule has the five fields of cron: minute, hour, day of the month, month, day of the week, such as",
        id="a-schedule-in-words",
    ),
    *(
        pytest.param(
            {"restart.schedule": schedule},
            "spec.restart.schedule",
            "schedule has the five fields of cron",
            id=f"a-schedule-with-{name}",
        )
        for name, schedule in {
            "a-61st-minute": "61 4 * * *",
            "a-25th-hour": "0 25 * * *",
            "no-day": "0 4 0 * *",
            "a-13th-month": "0 4 * 13 *",
            "an-8th-day-of-the-week": "0 4 * * 8",
            "steps-of-nothing": "*/0 * * * *",
            "seconds": "0 30 4 * * *",
            "a-word": "@daily",
        }.items()
    ),
    pytest.param(
        {"restart.timeZone": "Central European Time"},
        "spec.restart.timeZone",
        "timeZone is a name of the time zone database, such as Europe/Berlin",
        id="a-time-zone-in-words",
    ),
    *(
        pytest.param(
            {"restart.timeZone": zone},
            "spec.restart.timeZone",
            "timeZone is not in the time zone database: give a name such as Europe/Berlin",
            id=f"a-time-zone-that-is-{name}",
        )
        for name, zone in {"nowhere": "Europe/Atlantis", "a-continent": "Europe", "unsaid": "Local"}.items()
    ),
    pytest.param(
        {"restart.cachePrefix": "shop_*"},
        "spec.restart.cachePrefix",
        "give the text that the keys begin with, not a pattern",
        id="a-pattern-for-a-cache-prefix",
    ),
    pytest.param(
        {"restart.everySeconds": 60},
        "spec.restart.everySeconds",
        "greater than or equal to 600",
        id="restarts-all-the-time",
    ),
    pytest.param(
        {"restart.references": [{"kind": "Secret", "name": "a"}, {"kind": "Secret", "name": "a"}]},
        "spec.restart.references[1]",
        "Duplicate value",
        id="a-reference-twice",
    ),
    pytest.param(
        {"restart.references": [{"kind": "Secret", "name": "other/env"}]},
        "spec.restart.references[0].name",
        "the name of a ConfigMap or Secret has lower-case letters, digits, - and . only",
        id="a-reference-elsewhere",
    ),
    # --- how many workers, and when ---
    pytest.param(
        {"scaling.budget": {"name": "shop/mysql"}},
        "spec.scaling.budget.name",
        "the name of a budget has lower-case letters, digits, - and . only; it is looked for in the pool's own "
        "namespace, so give no namespace",
        id="a-budget-elsewhere",
    ),
    pytest.param(
        {"scaling.budget": {"priority": 1}},
        "spec.scaling.budget.name",
        "Required value",
        id="an-unnamed-budget",
    ),
    pytest.param(
        {"scaling.budget": {"name": "mysql", "priority": "high"}},
        "spec.scaling.budget.priority",
        "must be of type integer",
        id="a-priority-in-words",
    ),
    *(
        pytest.param({"scaling.schedules": schedules, **also}, field, says, id=f"schedules-{name}")
        for name, schedules, also, field, says in WRONG_SCHEDULES
    ),
    *(
        pytest.param(
            {f"scaling.behavior.{way}": rules}, f"spec.scaling.behavior.{way}.{field}", says, id=name
        )
        for way in ("scaleUp", "scaleDown")
        for name, rules, field, says in WRONG_POLICIES
    ),
    pytest.param(
        {"scaling.minReplicas": 5, "scaling.maxReplicas": 2},
        "spec.scaling.minReplicas",
        "minReplicas (5) must not be above maxReplicas (2): lower minReplicas or raise maxReplicas",
        id="min-above-max",
    ),
    pytest.param(
        {"scaling.minReplicas": 11},
        "spec.scaling.minReplicas",
        "minReplicas (11) must not be above maxReplicas (10)",
        id="min-above-default-max",
    ),
    pytest.param(
        {"scaling.minReplicas": 0, "scaling.maxReplicas": 0},
        "spec.scaling.maxReplicas",
        "greater than or equal to 1",
        id="at-most-none",
    ),
    pytest.param(
        {"scaling.replicas": -1}, "spec.scaling.replicas", "greater than or equal to 0", id="minus-one"
    ),
    pytest.param(
        {"scaling.maxReplicas": 20, "scaling.maxConcurrent": 20},
        "spec.scaling.maxConcurrent",
        "maxConcurrent (20) must be above maxReplicas (20), as a worker is only replaced when its successor works:"
        " raise maxConcurrent or lower maxReplicas",
        id="no-room-for-a-successor",
    ),
    pytest.param(
        {"scaling.replicas": 40, "scaling.maxConcurrent": 40},
        "spec.scaling.replicas",
        "replicas (40) must be below maxConcurrent (40)",
        id="pinned-at-the-ceiling",
    ),
    pytest.param(
        {"scaling.mode": "Manual"},
        "spec.scaling.replicas",
        "mode Manual needs a number of workers: give replicas, or set mode to Auto",
        id="manual-without-a-number",
    ),
    pytest.param(
        {"scaling.mode": "auto"},
        "spec.scaling.mode",
        'supported values: "Auto", "Recommend", "Manual"',
        id="a-mode-in-lower-case",
    ),
    pytest.param(
        {"scaling.backlogPerWorker": 10, "scaling.waitSeconds": 30},
        "spec.scaling.backlogPerWorker",
        "backlogPerWorker and waitSeconds are two targets, of which a pool has one",
        id="two-targets",
    ),
    pytest.param(
        {"scaling.waitSeconds": 0},
        "spec.scaling.waitSeconds",
        "greater than or equal to 1",
        id="a-wait-of-nothing",
    ),
    pytest.param(
        {"scaling.queueWaits": [{"queue": "default", "waitSeconds": 5}]},
        "spec.scaling.queueWaits",
        "queueWaits are exceptions from waitSeconds, which is not given",
        id="an-exception-from-nothing",
    ),
    pytest.param(
        {"scaling.waitSeconds": 30, "scaling.queueWaits": [{"queue": "hihg", "waitSeconds": 5}]},
        "spec.scaling.queueWaits",
        "queueWaits names a queue that the pool does not serve: name one of queues",
        id="a-wait-of-another-queue",
    ),
    pytest.param(
        {"scaling.pollingIntervalSeconds": 0},
        "spec.scaling.pollingIntervalSeconds",
        "greater than or equal to 1",
        id="polling-without-a-pause",
    ),
    pytest.param(
        {"scaling.behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601}}},
        "spec.scaling.behavior.scaleDown.stabilizationWindowSeconds",
        "less than or equal to 3600",
        id="a-window-beyond-an-hour",
    ),
    # --- replacing workers ---
    pytest.param(
        {"restart.at": "now"},
        "spec.restart.at",
        "at is a moment with its time zone in RFC 3339, such as 2026-11-23T09:30:00Z or 2026-11-23T17:30:00+08:00: "
        "write it so, in quotes",
        id="restart-now",
    ),
    pytest.param(
        {"restart.at": "2026-11-23 09:30:00"},
        "spec.restart.at",
        "at is a moment with its time zone",
        id="no-zone",
    ),
    pytest.param(
        {"restart.at": "2026-02-30T09:30:00Z"},
        "spec.restart",
        "at is a moment with its time zone",
        id="no-such-day",
    ),
    pytest.param(
        {"restart.maxSurge": 0}, "spec.restart.maxSurge", "greater than or equal to 1", id="no-surge"
    ),
    pytest.param({"restart.maxSurge": "0%"}, "spec.restart.maxSurge", "should match", id="no-share-of-surge"),
    pytest.param({"suspend": "yes"}, "spec.suspend", "must be of type boolean", id="suspend-in-words"),
    *WRONG_CUSTOM,
]
"""Changes, the field that is named as wrong, and a part of what is said about it."""

MISSPELLED = [
    pytest.param({"queue": ["high"]}, "spec.queue", id="in-spec"),
    pytest.param({"scaling.minReplica": 1}, "spec.scaling.minReplica", id="in-scaling"),
    pytest.param({"redis.password": "hunter2"}, "spec.redis.password", id="a-password-in-the-open"),
    pytest.param(
        {"redis.passwordSecretRef": {"name": "redis", "namespace": "other"}},
        "spec.redis.passwordSecretRef.namespace",
        id="a-namespace",
    ),
    pytest.param({"podTemplate.metadata": {"name": "x"}}, "spec.podTemplate.metadata.name", id="a-pods-name"),
]
"""Changes with a field that does not exist."""

RIGHT = [
    pytest.param({}, id="the-working-pool"),
    pytest.param({"redis.host": "2001:db8::1"}, id="an-ipv6-address"),
    pytest.param({"redis.host": "10.0.0.7"}, id="an-ipv4-address"),
    pytest.param({"redis": {"sentinel": SENTINELS, "database": 3}}, id="sentinels"),
    pytest.param(
        {
            "redis": {
                "sentinel": {**SENTINELS, "username": "watcher", "passwordSecretRef": {"name": "sentinels"}},
                "passwordSecretRef": {"name": "redis"},
            }
        },
        id="sentinels-with-a-login-of-their-own",
    ),
    pytest.param({"redis": {"cluster": CLUSTER, "database": 0, "tls": {}}}, id="a-cluster"),
    pytest.param(
        {"redis.tls": {"clientCertificateSecretRef": {"name": "redis-client"}}}, id="a-client-certificate"
    ),
    pytest.param({"redis.prefix": "商店:{a}-"}, id="a-prefix-beyond-ascii"),
    pytest.param({"redis.tls": {}}, id="tls-with-the-systems-authorities"),
    pytest.param({"redis.tls": {"verify": "Insecure"}}, id="tls-unchecked"),
    pytest.param({"redis.passwordSecretRef": {"name": "redis", "key": "pass.word"}}, id="a-password-by-key"),
    pytest.param({"queues": ["{orders}", "邮件", "a:b/c"]}, id="queues-beyond-ascii"),
    pytest.param({"queues": [f"{number:0>200}" for number in range(64)]}, id="many-long-queues"),
    pytest.param({"timeout": 0, "retryAfter": 7200}, id="no-timeout-and-said-so"),
    pytest.param({"timeout": 89}, id="timeout-just-below-laravels-retry-after"),
    pytest.param({"gracePeriodSeconds": 65}, id="grace-of-timeout-and-margin"),
    pytest.param({"timeout": 0, "retryAfter": 600, "gracePeriodSeconds": 1}, id="a-grace-without-a-timeout"),
    pytest.param({"podTemplate.spec.terminationGracePeriodSeconds": 300}, id="grace-in-the-pod"),
    pytest.param(THINKPHP, id="thinkphp"),
    pytest.param({**THINKPHP, "backoff": [5], "rest": 0, "maxJobs": 0}, id="thinkphp-with-zeros"),
    pytest.param(
        {"backoff": [1, 5, 10], "rest": 1, "maxJobs": 500, "maxTime": 3600}, id="laravel-with-everything"
    ),
    pytest.param({"memory": 0}, id="memory-unchecked"),
    pytest.param({"version": "13.20", "memory": 0}, id="memory-unchecked-since-13.20"),
    pytest.param({"version": "5.4", "retryAfter": 0}, id="an-endless-claim-before-laravel-5.5"),
    pytest.param({"version": "8.32", "rest": 1, "backoff": [1, 2], "maxJobs": 5}, id="laravel-8.32"),
    pytest.param({"version": "8.100", "rest": 1}, id="a-hundredth-minor-version-is-not-the-tenth"),
    pytest.param({"version": "5.2", "retryAfter": 60, "backoff": [5]}, id="laravel-5.2"),
    pytest.param({"version": "999999.999999.999999.999999"}, id="the-greatest-version"),
    pytest.param(
        {
            **THINKPHP,
            "version": "2.0.4",
            "sleep": 120,
            "gracePeriodSeconds": 10,
            "retryAfter": 30,
            "backoff": [5],
        },
        id="think-queue-2-where-no-timeout-matters",
    ),
    pytest.param(
        {**THINKPHP, "version": "1.1.6", "timeout": 0, "retryAfter": 0}, id="think-queue-1-without-end"
    ),
    pytest.param({**THINKPHP, "version": "3", "connection": "queue", "timeout": 70}, id="think-queue-3"),
    pytest.param({"command": ["sh", "-c", 'exec php artisan "$@"', "sh"]}, id="a-command-with-a-shell"),
    pytest.param(
        {"memory": 256, "resources.limits": {"memory": "0.5Gi", "example.com/gpu": 1}}, id="half-a-gi"
    ),
    pytest.param({"scaling.minReplicas": 0, "scaling.maxReplicas": 1}, id="from-zero"),
    pytest.param({"scaling": {"mode": "Manual", "replicas": 0}}, id="manual-zero"),
    pytest.param({"scaling.replicas": 40}, id="pinned-above-max"),
    pytest.param({"restart": {"at": "2026-11-23T17:30:00.5+08:00", "maxSurge": 3}}, id="restart-in-beijing"),
    pytest.param({"restart.maxSurge": "100%"}, id="a-second-set-of-workers"),
    pytest.param({"scaling.maxConcurrent": 11, "scaling.replicas": 10}, id="room-for-one-successor"),
    pytest.param(
        {"scaling.waitSeconds": 30, "scaling.queueWaits": [{"queue": "default", "waitSeconds": 5}]},
        id="a-wait-for-each-queue",
    ),
    pytest.param(
        {
            "restart": {
                "schedule": "30 4 * * mon-fri",
                "timeZone": "America/Argentina/Buenos_Aires",
                "everySeconds": 86_400,
                "onReferenceChange": "Ignore",
                "references": [
                    {"kind": "Secret", "name": "shop.env"},
                    {"kind": "ConfigMap", "name": "shop.env", "onChange": "Ignore"},
                ],
                "onSignal": "Ignore",
                "cachePrefix": "shop_cache_",
                "rollout": "Hold",
            }
        },
        id="every-trigger-of-a-restart",
    ),
    pytest.param(
        {"restart.schedule": "*/20,7 1-3,22 L,*/5 JAN,3-6/2 5#2,7L,Sun", "restart.timeZone": "Etc/GMT+3"},
        id="all-of-cron",
    ),
    pytest.param(
        {
            "scaling.behavior": {
                way: {
                    "policies": [
                        {"type": "Pods", "value": 4, "periodSeconds": 15},
                        {"type": "Percent", "value": 100, "periodSeconds": 1800},
                    ],
                    "selectPolicy": "Min",
                }
                for way in ("scaleUp", "scaleDown")
            }
        },
        id="steps-as-an-autoscaler-takes-them",
    ),
    pytest.param({"scaling.behavior.scaleDown.selectPolicy": "Disabled"}, id="never-fewer"),
    pytest.param({"scaling.budget": {"name": "mysql", "priority": -5}}, id="a-modest-member-of-a-budget"),
    pytest.param(
        {
            "scaling.schedules": [
                schedule(timeZone="Europe/Berlin"),
                schedule(name="sale", start="0 0 27 11 *", end="0 0 28 11 *", minReplicas=20, maxReplicas=40),
                schedule(name="night", start="0 22 * * *", end="0 6 * * *", minReplicas=0, maxReplicas=0),
            ]
        },
        id="office-sale-and-night",
    ),
    pytest.param(
        worker_container(volumeMounts=[{"name": "v", "mountPath": "/v"}], livenessProbe={"exec": {}}),
        id="the-worker-with-a-volume",
    ),
    pytest.param(
        {"podTemplate.spec": {"containers": [{"name": "exporter", "image": "e", "args": ["-v"]}]}},
        id="a-sidecar",
    ),
    pytest.param(
        {
            "env": [
                {"name": "A", "value": ""},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b"}}},
            ],
            "envFrom": [{"prefix": "X_", "secretRef": {"name": "s"}}],
        },
        id="variables-from-everywhere",
    ),
    *RIGHT_CUSTOM,
]
"""Changes that leave the pool right."""

ODD_VALUES: list[Any] = [
    *[
        "",
        " ",
        "a",
        "a\n",
        "\u00a0",
        "\u2028",
        "\x85",
        "商",
        "x" * 201,
        "-a",
        "a:b",
        "::1",
        "1.2",
        "10%",
        "101%",
    ],
    *["2026-02-30T00:00:00Z", "2026-01-01t00:00:00z", "2026-12-31T23:59:60Z", "2026-01-01T24:00:00Z"],
    *["2026-01-01T00:00:00+14:59", "2026-01-01T00:00:00.123456789Z", "2000-00-00T00:00:00Z"],
    *[
        None,
        True,
        -1,
        0,
        1,
        3.0,
        3.5,
        10**12,
        [],
        {},
        [1],
        ["a"],
        ["\u00a0"],
        [{}],
        [{"name": "a"}],
        {"name": "a"},
    ],
]
"""What somebody, or some program, will one day put into a field."""
