"""A ScaledObject on Redis lists and its Deployment are a pool, with nothing of either lost."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from queueworkers.importing.keda import import_keda
from queueworkers.importing.source import Answers, UnreadableSourceError
from unit.importing.given import KNOWING_NOTHING, comments_of, file, pools_of, written

SAYING = Answers(retry_after=7200)
"""The files tell the rest."""


def worker(*, command: list[str] | None = None, env: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Make a Deployment."""
    container = {"name": "w", "image": "shop:1", "command": command, "env": env or []}
    return {
        "kind": "Deployment",
        "metadata": {"name": "w"},
        "spec": {
            "template": {"spec": {"containers": [{key: each for key, each in container.items() if each}]}}
        },
    }


def scaled(*triggers: dict[str, Any], kind: str = "redis", **spec: Any) -> dict[str, Any]:
    """Make a ScaledObject with *triggers* of a *kind*, given by their metadata."""
    listed = [{"type": kind, "metadata": each} for each in triggers]
    return {
        "kind": "ScaledObject",
        "metadata": {"name": "s"},
        "spec": {"scaleTargetRef": {"name": "w"}, "triggers": listed, **spec},
    }


def imported(*objects: dict[str, Any], answers: Answers = SAYING) -> tuple[dict[str, Any], str]:
    """Import objects that make one pool, and return its spec and all comments."""
    made = import_keda([written("k.yaml", yaml.safe_dump_all(objects))], answers)
    (spec,) = pools_of(made).values()
    return spec, comments_of(made)


WORK = ["php", "artisan", "queue:work", "--queue=a"]
PLACE = {"address": "redis:6380", "listName": "p_queues:a"}


def test_a_scaled_object_with_its_deployment() -> None:
    """The command line gives the worker's options, the trigger the Redis, and the pod template all else."""
    made = import_keda([file("keda.yaml")], SAYING)
    (draft,) = made.pools
    spec = pools_of(made)["shop-worker"]
    assert (draft.namespace, spec["command"]) == ("shop", ["php", "/srv/artisan"])
    assert (spec["queues"], spec["tries"], spec["timeout"], spec["memory"]) == (
        ["high", "default"],
        3,
        120,
        256,
    )
    assert spec["gracePeriodSeconds"] == 300
    assert spec["redis"] == {
        "host": "redis.data.svc",
        "port": 6379,
        "database": 2,
        "prefix": "shop_database_",
        "username": "worker",
        "passwordSecretRef": {"name": "redis-login", "key": "password"},
        "tls": {},
    }
    assert spec["scaling"] == {
        "minReplicas": 1,
        "maxReplicas": 20,
        "backlogPerWorker": 5,
        "pollingIntervalSeconds": 5,
        "cooldownSeconds": 120,
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": 120,
                "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
            }
        },
    }
    pod = spec["podTemplate"]["spec"]
    assert [each["name"] for each in pod["containers"]] == ["worker", "exporter"]
    assert set(pod["containers"][0]) == {"name", "workingDir", "volumeMounts", "livenessProbe"}
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert pod["automountServiceAccountToken"] is True
    comments = comments_of(made)
    for part in (
        "TO DO: env DB_PASSWORD: secrets do not belong into a pool",
        "lifecycle.preStop",
        "Deployment strategy",
        "--stop-when-empty",
        "idleReplicaCount: 0",
        "fallback",
        "restoreToOriginalReplicaCount",
        "autoscaling.keda.sh/paused: true",
        "triggers[0] activationListLength: 3",
        "triggers[1] name: urgent",
        "Europe/Berlin",
        "resources.limits.memory: 256Mi: the kernel would kill a worker",
        "Service shop in keda.yaml",
    ):
        assert part in comments, part
    assert "hunter2" not in made.render()


@pytest.mark.parametrize(
    ("metadata", "redis"),
    [
        pytest.param(PLACE, {"host": "redis", "port": 6380, "prefix": "p_"}, id="an-address"),
        pytest.param(
            {"host": "r", "port": "1", "listName": "queues:a"},
            {"host": "r", "port": 1, "prefix": ""},
            id="host-and-port",
        ),
        pytest.param(
            {"addressFromEnv": "ADDRESS", "passwordFromEnv": "PASSWORD", "listName": "queues:a"},
            {"host": "::1", "port": 6379, "prefix": "", "passwordSecretRef": {"name": "redis", "key": "p"}},
            id="from-the-containers-variables",
        ),
        pytest.param(
            PLACE | {"enableTLS": "true", "unsafeSsl": "true"},
            {"host": "redis", "port": 6380, "prefix": "p_", "tls": {"verify": "Insecure"}},
            id="tls-unchecked",
        ),
    ],
)
def test_the_place_is_found_wherever_it_is_said(metadata: dict[str, str], redis: dict[str, Any]) -> None:
    """In the trigger, or in variables of the container that it names."""
    env = [
        {"name": "ADDRESS", "value": "[::1]:6379"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "p"}}},
    ]
    spec, comments = imported(worker(command=WORK, env=env), scaled(metadata))
    assert spec["redis"] == redis
    assert "TO DO" not in comments


@pytest.mark.parametrize(
    ("kind", "metadata", "redis"),
    [
        (
            "redis-sentinel",
            {"addresses": "s0:26379,s1:26380", "sentinelMaster": "main", "listName": "queues:a"},
            {
                "prefix": "",
                "sentinel": {
                    "masterName": "main",
                    "nodes": [{"host": "s0", "port": 26379}, {"host": "s1", "port": 26380}],
                },
            },
        ),
        (
            "redis-cluster",
            {"hosts": "c0,c1", "ports": "6379,6380", "listName": "queues:a"},
            {
                "prefix": "",
                "cluster": {"nodes": [{"host": "c0", "port": 6379}, {"host": "c1", "port": 6380}]},
            },
        ),
    ],
)
def test_sentinels_and_clusters_are_places_too(
    kind: str, metadata: dict[str, str], redis: dict[str, Any]
) -> None:
    """By the types of their triggers."""
    spec, _ = imported(worker(command=WORK), scaled(metadata, kind=kind))
    assert spec["redis"] == redis


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x:queues:mail", {"framework": "Laravel", "queues": ["mail"]}),
        ("{queues:mail}", {"framework": "ThinkPHP", "queues": ["mail"]}),
        ("celery", {"framework": "Custom", "queues": ["celery"], "command": ["worker"]}),
    ],
)
def test_a_list_tells_its_framework_where_no_command_does(name: str, expected: dict[str, Any]) -> None:
    """By the frameworks' own names of keys; what the worker's flags were is asked."""
    spec, comments = imported(worker(), scaled({"address": "redis:6379", "listName": name}))
    assert {key: spec[key] for key in expected} == expected
    assert "TO DO" in comments


def test_an_old_think_queue_is_told_by_its_list() -> None:
    """Up to 3.0.4 the name has no braces, so which version is installed is asked."""
    command = ["php", "think", "queue:work", "--queue", "mail"]
    spec, comments = imported(worker(command=command), scaled({"address": "r:1", "listName": "queues:mail"}))
    assert (spec["framework"], spec["version"]) == ("ThinkPHP", "3.0.4")
    assert "which one is installed?" in comments


def test_a_deployment_that_is_not_there_is_asked_for() -> None:
    """The queue and the Redis are known all the same."""
    spec, comments = imported(scaled(PLACE), answers=KNOWING_NOTHING)
    assert (spec["queues"], spec["redis"]["host"]) == (["a"], "redis")
    assert "TO DO: scaleTargetRef Deployment w: it is in none of the files" in comments


def test_a_number_that_somebody_holds_is_kept() -> None:
    """paused-replicas is mode Manual."""
    held = scaled(PLACE)
    held["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "3"}
    spec, _ = imported(worker(command=WORK), held)
    assert (spec["scaling"]["mode"], spec["scaling"]["replicas"]) == ("Manual", 3)


def test_passwords_in_the_open_are_told_nowhere() -> None:
    """They are asked for as a Secret."""
    env = [{"name": "PASSWORD", "value": "hunter2"}]
    _, comments = imported(
        worker(command=WORK, env=env), scaled(PLACE | {"passwordFromEnv": "PASSWORD", "password": "hunter2"})
    )
    assert "TO DO: triggers[0] password: it is in the open" in comments
    assert "hunter2" not in comments


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "k.yaml:1: this is no YAML:"),
        ("kind: ScaledObject\nmetadata: {{ .Values.x }}", "templates of a chart have to be rendered first"),
        ("- 1", "k.yaml:1: this is no object of Kubernetes: it has no kind"),
        (
            "kind: Service\nmetadata: {name: a}",
            "k.yaml: there is no ScaledObject with a trigger of type redis here",
        ),
        (
            "kind: ScaledObject\nmetadata: {name: s}\nspec: {triggers: [{type: kafka}]}",
            "ScaledObject s in k.yaml, line 1: no pool, as no trigger is a Redis list (kafka)",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, says: str) -> None:
    """One sentence, with the file and where in it."""
    with pytest.raises(UnreadableSourceError) as refused:
        import_keda([written("k.yaml", text)], SAYING)
    assert says in str(refused.value)


def test_a_command_that_is_no_list_is_none() -> None:
    """As Kubernetes would not take it; its letters are no words."""
    deployment = worker()
    deployment["metadata"]["labels"] = {"team": "checkout"}
    deployment["spec"]["template"]["spec"]["containers"][0]["command"] = "php artisan queue:work"
    spec, comments = imported(deployment, scaled(PLACE))
    assert (spec["queues"], "command" in spec) == (["a"], False)
    assert "Deployment metadata.labels" in comments
