"""The Deployment that a pool is rendered to."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.custom_pools import custom
from queueworkers.domain.manifests import render_replicas
from queueworkers.frameworks.base import PROBE_PATIENCE_SECONDS
from queueworkers.frameworks.php import TELLING_SECONDS
from unit.domain.given import NOON, POOL, a_spec, deployment_of
from unit.domain.pod_security import breaks_baseline, breaks_restricted

if TYPE_CHECKING:
    from datetime import datetime

RESTARTED_AT = "queueworkers.io/restarted-at"
REVISION = "queueworkers.io/revision"


def rendered(*, restarted_at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """Render the smallest pool with these fields."""
    return deployment_of(a_spec(**fields), restarted_at=restarted_at)


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    """Take the pod's spec."""
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def worker_of(deployment: dict[str, Any]) -> dict[str, Any]:
    """Take the worker's container."""
    return next(each for each in pod_of(deployment)["containers"] if each["name"] == "worker")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param(
            {},
            "php artisan queue:work redis --queue=default --memory=128 --timeout=60 --sleep=3",
            id="laravel",
        ),
        pytest.param(
            {"queues": ["high", "default"], "memory": 256, "tries": 3, "backoff": [10, 60], "maxJobs": 500},
            "php artisan queue:work redis --queue=high,default --memory=256 --timeout=60 --sleep=3"
            " --tries=3 --backoff=10,60 --max-jobs=500",
            id="laravel-with-options",
        ),
        pytest.param(
            {"tries": 0},
            "php artisan queue:work redis --queue=default --memory=128 --timeout=60 --sleep=3 --tries=0",
            id="tries-without-end-is-said",
        ),
        pytest.param(
            {"command": ["php", "-d", "memory_limit=-1", "bin/console"], "connection": "redis-long"},
            "php -d memory_limit=-1 bin/console queue:work redis-long"
            " --queue=default --memory=128 --timeout=60 --sleep=3",
            id="a-command-of-ones-own",
        ),
        pytest.param(
            {"framework": "ThinkPHP", "backoff": [5]},
            "php think queue:work redis --queue=default --memory=128 --timeout=60 --sleep=3 --delay=5",
            id="thinkphp",
        ),
    ],
)
def test_a_worker_runs_what_a_person_would_type(fields: dict[str, Any], words: str) -> None:
    """The command line is the framework's own, flag by flag, behind the supervisor that runs it."""
    container = worker_of(rendered(**fields))

    supervisor = container["command"].index("--")
    assert [*container["command"][supervisor + 1 :], *container["args"]] == words.split()
    assert container["command"][0] == "php"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        pytest.param({}, 90, id="timeout-and-half-a-minute"),
        pytest.param({"timeout": 600}, 630, id="a-longer-job"),
        pytest.param({"timeout": 0}, 3600, id="no-timeout"),
        pytest.param({"gracePeriodSeconds": 7200}, 7200, id="as-the-pool-says"),
        pytest.param(
            {"podTemplate": {"spec": {"terminationGracePeriodSeconds": 120}}}, 120, id="as-the-pod-says"
        ),
    ],
)
def test_a_worker_has_time_for_its_job(fields: dict[str, Any], seconds: int) -> None:
    """A job that was begun is finished: the grace period is longer than the longest job."""
    assert pod_of(rendered(**fields))["terminationGracePeriodSeconds"] == seconds


@pytest.mark.parametrize(
    ("fields", "resources"),
    [
        pytest.param(
            {}, {"requests": {"memory": "128Mi"}, "limits": {"memory": "256Mi"}}, id="room-above-memory"
        ),
        pytest.param(
            {"memory": 1000}, {"requests": {"memory": "1000Mi"}, "limits": {"memory": "1564Mi"}}, id="more"
        ),
        pytest.param(
            {"resources": {"limits": {"memory": "1Gi", "cpu": 1}}},
            {"requests": {"memory": "128Mi"}, "limits": {"memory": "1Gi", "cpu": 1}},
            id="the-users-limit-counts",
        ),
        pytest.param({"memory": 0}, {}, id="nothing-to-derive-from"),
        pytest.param(
            {"memory": 0, "resources": {"requests": {"cpu": "100m"}}},
            {"requests": {"cpu": "100m"}},
            id="only-the-users",
        ),
    ],
)
def test_the_kernel_kills_later_than_the_worker_leaves(
    fields: dict[str, Any], resources: dict[str, Any]
) -> None:
    """A worker looks at its memory between jobs only, so its limit leaves room for one more."""
    assert worker_of(rendered(**fields))["resources"] == resources


def test_the_restricted_profile_is_restricted() -> None:
    """A namespace that enforces the standard takes the pods."""
    assert breaks_restricted(pod_of(rendered(security="Restricted"))) == []


def test_the_compatible_profile_is_baseline() -> None:
    """Images that start as root run, and with no more than a `baseline` namespace allows."""
    pod = pod_of(rendered(security="Compatible"))

    assert breaks_baseline(pod) == []
    assert worker_of(rendered())["securityContext"]["allowPrivilegeEscalation"] is False


def test_a_worker_gets_nothing_of_the_cluster() -> None:
    """Neither a token of the API server nor REDIS_PORT=tcp://… from a Service that is called redis."""
    pod = pod_of(rendered())

    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)


def test_the_pod_template_is_merged_into_the_worker() -> None:
    """What the user adds stands beside what the operator needs."""
    deployment = rendered(
        env=[{"name": "APP_ENV", "value": "production"}],
        podTemplate={
            "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}, "labels": {"team": "shop"}},
            "spec": {
                "serviceAccountName": "shop",
                "automountServiceAccountToken": True,
                "volumes": [{"name": "cache", "emptyDir": {}}],
                "containers": [
                    {"name": "log", "image": "busybox:1"},
                    {
                        "name": "worker",
                        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                        "env": [{"name": "APP_DEBUG", "value": "0"}, {"name": "APP_ENV", "value": "staging"}],
                    },
                ],
            },
        },
    )

    template, worker = deployment["spec"]["template"], worker_of(deployment)
    assert [container["name"] for container in template["spec"]["containers"]] == ["worker", "log"]
    assert worker["image"] == "registry.example/shop:2.4.1"
    assert worker["volumeMounts"] == [{"name": "cache", "mountPath": "/cache"}]
    assert {each["name"]: each["value"] for each in worker["env"]} == {"APP_ENV": "staging", "APP_DEBUG": "0"}
    assert template["spec"]["serviceAccountName"] == "shop"
    assert template["spec"]["automountServiceAccountToken"] is True
    assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
    assert template["metadata"]["labels"]["team"] == "shop"


def test_a_ceiling_gates_every_pod() -> None:
    """Beside the gates of the user's own; the number itself is no part of the template, so it changes without a rollout."""
    theirs = {"spec": {"schedulingGates": [{"name": "example.com/quota"}]}}
    gates = [{"name": "example.com/quota"}, {"name": "queueworkers.io/max-concurrent"}]

    eleven, twelve = (
        rendered(podTemplate=theirs, scaling={"maxReplicas": 5, "maxConcurrent": ceiling})
        for ceiling in (11, 12)
    )

    assert pod_of(eleven)["schedulingGates"] == gates
    assert eleven["spec"]["template"] == twelve["spec"]["template"]
    assert "schedulingGates" not in pod_of(rendered())


@pytest.mark.parametrize("program", ["php", "/opt/php/bin/php8.3"])
def test_the_hook_and_the_probe_run_the_workers_own_php(program: str) -> None:
    """What sees to the worker's life and end, and what tells that it is ready, are run as the pool runs PHP."""
    worker = worker_of(rendered(command=[program, "artisan"]))
    commands = [worker["lifecycle"]["preStop"]["exec"]["command"], worker["startupProbe"]["exec"]["command"]]
    assert [command[:2] for command in commands] == [[program, "-r"]] * 2
    assert worker["command"][0] == program


def test_a_worker_of_which_nothing_is_known_is_left_alone() -> None:
    """Its pool's command is all that runs: no first process, no arguments, no hook, no probe, no limits."""
    deployment = rendered(**custom(resources={"limits": {"memory": "64Mi"}}, timeout=90))
    worker = worker_of(deployment)
    assert worker["command"] == ["node", "worker.js"]
    assert not {"args", "lifecycle", "startupProbe"} & set(worker)
    assert worker["resources"] == {"limits": {"memory": "64Mi"}}
    assert pod_of(deployment)["terminationGracePeriodSeconds"] == 120


def test_there_is_no_probe_that_could_not_succeed() -> None:
    """A worker whose probe waits in vain would be ready late."""
    assert "startupProbe" not in worker_of(rendered(framework="ThinkPHP", version="2.0.4"))


def test_php_that_hides_in_a_script_is_found_by_its_name() -> None:
    """What runs beside the worker has to call it somehow."""
    worker = worker_of(rendered(command=["/entrypoint.sh"]))
    commands = [worker["command"], worker["startupProbe"]["exec"]["command"]]
    assert [command[0] for command in commands] == ["php", "php"]


@pytest.mark.parametrize("framework", ["Laravel", "ThinkPHP"])
def test_what_runs_in_the_container_is_left_as_it_is_written(framework: str) -> None:
    """Kubernetes replaces $(NAME) and $$ in a container's command; no code of ours has any."""
    command = worker_of(rendered(framework=framework))["command"]
    assert not [word for word in command if "$(" in word or "$$" in word]


def test_a_startup_probe_of_the_users_own_takes_the_place_of_ours() -> None:
    """The user knows better when the worker is up."""
    probe = {"exec": {"command": ["true"]}}
    own = {"spec": {"containers": [{"name": "worker", "startupProbe": probe}]}}
    assert worker_of(rendered(podTemplate=own))["startupProbe"] == probe


def test_the_startup_probe_outlasts_its_patience() -> None:
    """A probe that runs out of time or of tries says nothing, and has the worker killed."""
    probe = worker_of(rendered())["startupProbe"]
    assert probe["timeoutSeconds"] > PROBE_PATIENCE_SECONDS
    assert probe["failureThreshold"] > 1000 * TELLING_SECONDS / probe["periodSeconds"]


def test_a_hook_of_the_users_own_takes_the_place_of_ours() -> None:
    """A container has one preStop hook; the user's wins, and other hooks stand beside ours."""
    sleep = {"sleep": {"seconds": 5}}
    own = {"spec": {"containers": [{"name": "worker", "lifecycle": {"preStop": sleep}}]}}
    assert worker_of(rendered(podTemplate=own))["lifecycle"] == {"preStop": sleep}
    after_start = {"exec": {"command": ["true"]}}
    beside = {"spec": {"containers": [{"name": "worker", "lifecycle": {"postStart": after_start}}]}}
    lifecycle = worker_of(rendered(podTemplate=beside))["lifecycle"]
    assert lifecycle["postStart"] == after_start
    assert "exec" in lifecycle["preStop"]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"labels": {"queueworkers.io/pool": "another"}}, id="another-pool"),
        pytest.param({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, id="another-manager"),
        pytest.param({"labels": {"queueworkers.io/pool": None}}, id="removed"),
        pytest.param({"labels": None}, id="all-removed"),
        pytest.param({"$patch": "replace"}, id="replaced"),
        pytest.param(None, id="no-metadata"),
    ],
)
def test_the_selector_always_finds_the_pods(metadata: Any) -> None:
    """Whatever labels the user writes or takes away."""
    deployment = rendered(podTemplate={"metadata": metadata})

    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["app.kubernetes.io/managed-by"] == "queue-worker-operator"


def test_a_restart_changes_the_template_and_nothing_else() -> None:
    """It is a rollout, and the user's annotations stay."""
    fields = {"podTemplate": {"metadata": {"annotations": {"team": "shop"}}}}

    before = rendered(**fields)["spec"]
    after = rendered(restarted_at=NOON, **fields)["spec"]

    annotations = after["template"]["metadata"]["annotations"]
    assert annotations.pop(RESTARTED_AT) == NOON.isoformat()
    assert annotations.pop(REVISION) != before["template"]["metadata"]["annotations"].pop(REVISION)
    assert annotations == {"team": "shop"}
    assert after == before


def test_no_worker_leaves_before_its_successor_works() -> None:
    """A rollout adds first."""
    strategy = rendered(restart={"maxSurge": 3, "minReadySeconds": 20})["spec"]

    assert strategy["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 3},
    }
    assert strategy["minReadySeconds"] == 20


def test_the_number_of_workers_is_another_manifests() -> None:
    """Two field managers, and neither says what is the other's."""
    assert "replicas" not in rendered()["spec"]
    assert render_replicas(POOL, 7) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "default-workers", "namespace": "shop"},
        "spec": {"replicas": 7},
    }


def test_the_deployment_goes_with_its_pool() -> None:
    """The garbage collector removes it, with the operator running or not."""
    (owner,) = rendered()["metadata"]["ownerReferences"]

    assert (owner["kind"], owner["name"], owner["uid"]) == ("QueueWorkerPool", "default", "6f1c")
    assert owner["controller"] is True


def digest_of(deployment: dict[str, Any]) -> str:
    """Take the digest of what is applied."""
    found: str = deployment["metadata"]["annotations"]["queueworkers.io/applied"]
    return found


def test_the_same_pool_has_the_same_digest() -> None:
    """Also when its fields come in another order, as after a restart of the API server."""
    fields = {"env": [{"name": "A", "value": "1"}], "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}
    shuffled = {"resources": {"limits": {"memory": "1Gi", "cpu": 1}}, "env": [{"value": "1", "name": "A"}]}

    assert digest_of(rendered(**fields)) == digest_of(rendered(**shuffled))


CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"image": "registry.example/shop:2.4.2"},
    {"queues": ["high", "default"]},
    {"env": [{"name": "A", "value": "1"}]},
    {"restart": {"minReadySeconds": 6}},
    {"restarted_at": NOON},
    {"restarted_at": NOON + timedelta(microseconds=1)},
)


def test_another_pool_has_another_digest() -> None:
    """So a field that was removed is noticed, which the live object alone cannot show."""
    assert len({digest_of(rendered(**changed)) for changed in CHANGES}) == len(CHANGES)


def test_scaling_does_not_touch_the_template() -> None:
    """A pool that grows must not be rolled out."""
    assert rendered(scaling={"maxReplicas": 99}, suspend=True) == rendered()


def test_rendering_leaves_the_pool_as_it_was() -> None:
    """The spec is shared with whoever reads it next."""
    spec = a_spec(
        podTemplate={"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "worker"}]}}
    )
    before = copy.deepcopy(spec.pod_template)

    json.dumps(deployment_of(spec, restarted_at=NOON))

    assert spec.pod_template == before
