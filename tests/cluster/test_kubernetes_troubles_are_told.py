"""What keeps workers from running is one word in `kubectl get qwp`, and a sentence in `kubectl describe`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cluster.shop import POOL
from cluster.terminal import describe, status_word
from harness.php import laravel_image_name
from harness.pools import Namespace, pool
from harness.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.cluster import Cluster
    from harness.php import ImageVariant

pytestmark = pytest.mark.usefixtures("operator")

Json = dict[str, Any]

NODE_LABEL = "queueworkers.io/test-of-troubles"
IMAGE = laravel_image_name()
LISTEN = "foreach ([SIGTERM, SIGCONT] as $signal) pcntl_signal($signal, function () { exit(0); });"
RUN = ("php", "-r", f"pcntl_async_signals(true); {LISTEN} while (true) sleep(1);")
"""A worker that has nothing to do, and is there at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that goes wrong, how it is to be told, and how it ends."""

    what: str
    """It, in words."""
    status: str
    """The word in the column STATUS."""
    says: tuple[str, ...]
    """What the sentence must name."""
    heal: Callable[[Namespace, Json], None]
    """End it; is given the spec that was applied."""
    spec: Mapping[str, object] = field(default_factory=dict)
    """Fields of the pool that lead to it, or meet it."""
    objects: tuple[Mapping[str, Any], ...] = ()
    """What is there before the pool."""
    redis: Mapping[str, object] = field(default_factory=dict)
    """How a Redis with a password is asked; without it, one that has none is."""
    backlog_reason: str = ""
    """The reason of `BacklogKnown`, where the trouble is the backlog's."""


def pod(**spec: object) -> Json:
    """A `podTemplate` of the tests' worker, which is never pulled."""
    worker = {"name": "worker", "imagePullPolicy": "Never", **spec.pop("worker", {})}  # type: ignore[dict-item]
    return {"spec": {"containers": [worker], **spec}}


def correct(**fields: object) -> Callable[[Namespace, Json], None]:
    """The trouble ends when the pool is corrected."""
    return lambda namespace, spec: namespace.apply_pool(POOL, {**spec, **fields})


def create(*objects: Mapping[str, Any]) -> Callable[[Namespace, Json], None]:
    """The trouble ends when something is created, or raised."""
    return lambda namespace, _: namespace.apply(*objects)


def delete(kind: str, name: str) -> Callable[[Namespace, Json], None]:
    """The trouble ends when something is taken away."""
    return lambda namespace, _: namespace.kubectl("delete", kind, name) and None


def label_the_node(namespace: Namespace, _: Json) -> None:
    """The trouble ends when there is such a node."""
    nodes = namespace.cluster.kubectl_json("get", "nodes", "--selector=type!=kwok")["items"]
    namespace.cluster.run_kubectl("label", "node", nodes[0]["metadata"]["name"], f"{NODE_LABEL}=yes")


def secret(name: str, **values: str) -> Json:
    """A Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def config_map(name: str, **values: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": values}


def quota(**hard: str) -> Json:
    """A ResourceQuota named `tight`."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight"},
        "spec": {"hard": {name.replace("_", "."): value for name, value in hard.items()}},
    }


LIMIT_RANGE = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
}
FOREIGN_LABELS = {"app": "somebody-elses"}
FOREIGN_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": f"{POOL}-workers"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": FOREIGN_LABELS},
        "template": {
            "metadata": {"labels": FOREIGN_LABELS},
            "spec": {"containers": [{"name": "theirs", "image": IMAGE}]},
        },
    },
}

PASSWORD = "letmein-d41d8"
PASSWORD_REF = {"passwordSecretRef": {"name": "redis", "key": "password"}}

TROUBLES = [
    Trouble(
        what="an image that is not there and never pulled",
        spec={"image": "local/absent:1"},
        status="ImagePullFailed",
        says=("1 of 1 pod, such as orders-workers-", "local/absent:1"),
        heal=correct(image=IMAGE),
    ),
    Trouble(
        what="an image that cannot be pulled",
        spec={"image": "127.0.0.1:9/absent:1", "podTemplate": {}},
        status="ImagePullFailed",
        says=("127.0.0.1:9/absent:1",),
        heal=correct(image=IMAGE, podTemplate=pod()),
    ),
    Trouble(
        what="a worker that ends with 1 at boot",
        spec={"command": ["sh", "-c", "exit 1"]},
        status="WorkersCrashing",
        says=("last exit code 1 (an uncaught exception, often at boot)",),
        heal=correct(command=RUN),
    ),
    Trouble(
        what="a worker that ends with 255 at boot",
        spec={"command": ["sh", "-c", "exit 255"]},
        status="WorkersCrashing",
        says=("last exit code 255 (a PHP fatal error, such as memory_limit)",),
        heal=correct(command=RUN),
    ),
    Trouble(
        what="a worker that takes more memory than it may",
        spec={"command": ["php", "-d", "memory_limit=-1", "-r", "str_repeat('x', 900 << 20); sleep(9);"]},
        status="WorkersCrashing",
        says=("last exit code 137 (out of memory: the kernel killed it at its container's limit)",),
        heal=correct(command=RUN),
    ),
    Trouble(
        what="a command that is not in the image",
        spec={"command": ["/no/such/program"]},
        status="WorkersCrashing",
        says=("last exit code 127 (the worker's command cannot be started)",),
        heal=correct(command=RUN),
    ),
    Trouble(
        what="a PHP that is not in the image",
        spec={"command": ["/no/such/php", "artisan"]},
        status="StartRefused",
        says=("/no/such/php", "no such file or directory"),
        heal=correct(command=RUN),
    ),
    Trouble(
        what="a Secret that is missing",
        spec={"envFrom": [{"secretRef": {"name": "shop-env"}}]},
        status="MissingReference",
        says=('secret "shop-env" not found',),
        heal=create(secret("shop-env", APP_KEY="x")),
    ),
    Trouble(
        what="a Secret that is missing for a volume",
        spec={
            "podTemplate": pod(
                volumes=[{"name": "dotenv", "secret": {"secretName": "shop-dotenv"}}],
                worker={"volumeMounts": [{"name": "dotenv", "mountPath": "/dotenv"}]},
            )
        },
        status="MissingReference",
        says=('secret "shop-dotenv" not found',),
        heal=create(secret("shop-dotenv", APP_KEY="x")),
    ),
    Trouble(
        what="a ConfigMap that is missing",
        spec={"envFrom": [{"configMapRef": {"name": "shop-env"}}]},
        status="MissingReference",
        says=('configmap "shop-env" not found',),
        heal=create(config_map("shop-env", APP_ENV="production")),
    ),
    Trouble(
        what="a key that is missing in a ConfigMap",
        objects=(config_map("shop-env", OTHER="x"),),
        spec={
            "env": [
                {
                    "name": "APP_ENV",
                    "valueFrom": {"configMapKeyRef": {"name": "shop-env", "key": "APP_ENV"}},
                }
            ]
        },
        status="MissingReference",
        says=("couldn't find key APP_ENV in ConfigMap", "shop-env"),
        heal=create(config_map("shop-env", APP_ENV="production")),
    ),
    Trouble(
        what="more resources than any node has",
        spec={"resources": {"requests": {"cpu": "1000"}}},
        status="Unschedulable",
        says=("0/", "nodes are available", "Insufficient cpu"),
        heal=correct(resources={}),
    ),
    Trouble(
        what="a node that nobody has",
        spec={"podTemplate": pod(nodeSelector={NODE_LABEL: "yes"})},
        status="Unschedulable",
        says=("didn't match Pod's node affinity/selector",),
        heal=label_the_node,
    ),
    Trouble(
        what="a quota on pods",
        objects=(quota(pods="0"),),
        status="QuotaExceeded",
        says=("exceeded quota: tight", "requested: pods=1"),
        heal=delete("resourcequota", "tight"),
    ),
    Trouble(
        what="a quota on memory",
        objects=(quota(limits_memory="128Mi"),),
        status="QuotaExceeded",
        says=("exceeded quota: tight", "requested: limits.memory=256Mi, used: limits.memory=0"),
        heal=create(quota(limits_memory="1Gi")),
    ),
    Trouble(
        what="a limit on containers",
        objects=(LIMIT_RANGE,),
        status="PodsRefused",
        says=("maximum memory usage per Container is 64Mi, but limit is 256Mi",),
        heal=correct(memory=16, resources={"limits": {"memory": "64Mi"}}),
    ),
    Trouble(
        what="a service account that is missing",
        spec={"podTemplate": pod(serviceAccountName="shop")},
        status="PodsRefused",
        says=('serviceaccount "shop" not found',),
        heal=create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop"}}),
    ),
    Trouble(
        what="a pod template that makes no valid pod",
        spec={"podTemplate": pod(worker={"volumeMounts": [{"name": "none", "mountPath": "/none"}]})},
        status="InvalidPodTemplate",
        says=('volumeMounts[0].name: Not found: "none"',),
        heal=correct(podTemplate=pod()),
    ),
    Trouble(
        what="a Deployment of somebody else's with the name",
        objects=(FOREIGN_DEPLOYMENT,),
        status="NameTaken",
        says=("Deployment orders-workers exists and does not belong to this pool", "another name"),
        heal=delete("deployment", f"{POOL}-workers"),
    ),
    Trouble(
        what="a Secret with Redis's password that is missing",
        redis=PASSWORD_REF,
        status="BacklogUnknown",
        backlog_reason="SecretNotFound",
        says=("There is no Secret redis in namespace", "create it"),
        heal=create(secret("redis", password=PASSWORD)),
    ),
    Trouble(
        what="a key that is missing in the Secret with Redis's password",
        objects=(secret("redis", other="x"),),
        redis=PASSWORD_REF,
        status="BacklogUnknown",
        backlog_reason="SecretKeyNotFound",
        says=("Secret redis in namespace", "has no key password", "add it"),
        heal=create(secret("redis", password=PASSWORD)),
    ),
    Trouble(
        what="a wrong password for Redis",
        objects=(secret("redis", password="wrong"),),
        redis=PASSWORD_REF,
        status="BacklogUnknown",
        backlog_reason="AuthenticationFailed",
        says=("password",),
        heal=create(secret("redis", password=PASSWORD)),
    ),
]


def spec_of(redis: RedisServer, trouble: Trouble) -> Json:
    """One worker that does nothing, and the trouble."""
    return {
        "framework": "Laravel",
        "image": IMAGE,
        "command": RUN,
        "queues": ["default"],
        "redis": {"host": redis.address, "port": redis.port, **trouble.redis},
        "scaling": {"minReplicas": 1},
        "podTemplate": pod(),
        **trouble.spec,
    }


@dataclass(frozen=True, slots=True)
class Case:
    """A trouble in a namespace of its own."""

    trouble: Trouble
    namespace: Namespace
    spec: Json

    def heal(self) -> None:
        """End the trouble."""
        self.trouble.heal(self.namespace, self.spec)


Cases = dict[str, Case]


@pytest.fixture(scope="module")
def cases(installed: Cluster, laravel_images: dict[ImageVariant, str]) -> Iterator[Cases]:
    """All troubles at once: most of the time is the kubelet's and the scheduler's, who wait to try again."""
    assert IMAGE in laravel_images.values()
    address = installed.host_address
    with RedisServer(address=address) as redis, RedisServer(address=address, password=PASSWORD) as locked:
        begun = {}
        for trouble in TROUBLES:
            namespace = Namespace.create(installed)
            spec = spec_of(locked if trouble.redis else redis, trouble)
            namespace.apply(*trouble.objects, pool(POOL, spec))
            begun[trouble.what] = Case(trouble, namespace, spec)
        yield begun
        for case in begun.values():
            case.namespace.delete()
    installed.run_kubectl("label", "nodes", "--all", f"{NODE_LABEL}-")


@pytest.fixture(scope="module")
def healed(cases: Cases) -> Cases:
    """All troubles, once each was told, brought to an end."""
    for case in cases.values():
        wait_for_word(case)
        case.heal()
    return cases


def wait_for_word(case: Case) -> None:
    """Wait until the column STATUS names the trouble."""
    word = case.trouble.status
    case.namespace.wait(f"STATUS is {word}", lambda: status_word(case.namespace, POOL) == word)


@pytest.mark.parametrize("what", [trouble.what for trouble in TROUBLES])
def test_a_trouble_is_told(cases: Cases, what: str) -> None:
    """One word in `kubectl get`; the sentence that names it and a Warning in `kubectl describe`."""
    case = cases[what]
    trouble, namespace = case.trouble, case.namespace
    wait_for_word(case)
    namespace.wait("a Warning", lambda: f"Warning {trouble.status} " in describe(namespace, POOL))
    ready, told = namespace.condition(POOL, "Ready"), describe(namespace, POOL)
    assert (ready["status"], ready["reason"]) == ("False", trouble.status)
    for words in trouble.says:
        assert words in ready["message"]
        assert words in told
    assert PASSWORD not in told
    if trouble.backlog_reason:
        assert namespace.condition(POOL, "BacklogKnown")["reason"] == trouble.backlog_reason


def test_what_belongs_to_somebody_else_is_not_touched(cases: Cases) -> None:
    """The Deployment that has the name a pool needs stays as it was made."""
    namespace = next(case.namespace for case in cases.values() if case.trouble.status == "NameTaken")
    wait_for_word(next(case for case in cases.values() if case.trouble.status == "NameTaken"))
    theirs = namespace.deployment(POOL)
    assert theirs["metadata"]["generation"] == 1
    assert "ownerReferences" not in theirs["metadata"]
    assert "labels" not in theirs["metadata"]


@pytest.mark.parametrize("what", [trouble.what for trouble in TROUBLES])
def test_a_trouble_passes(healed: Cases, what: str) -> None:
    """When it ends the pool is ready by itself, its worker works, and its end is told."""
    namespace, trouble = healed[what].namespace, healed[what].trouble
    namespace.wait("the pool is ready", lambda: namespace.condition(POOL, "Ready").get("status") == "True")
    namespace.wait(
        "a worker works", lambda: namespace.deployment(POOL)["status"].get("availableReplicas") == 1
    )
    over = f"{trouble.backlog_reason or trouble.status} is over"
    namespace.wait("its end is told", lambda: over in describe(namespace, POOL))
