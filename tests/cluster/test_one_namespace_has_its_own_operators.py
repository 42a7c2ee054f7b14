"""Operators that are installed for one namespace serve it, may do nothing elsewhere, and follow each other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL, Shop
from harness.binaries import HELM_3
from harness.helm import Helm
from harness.helm_release import Release
from harness.php import ImageVariant
from harness.pools import Namespace
from queueworkers.domain.sharding import shard_lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from harness.redis import RedisServer

FAIL_OVER_SECONDS = 20.0
"""What docs/operators.md promises."""
SLACK_SECONDS = 10.0
"""For a machine with two cores, on which the kubelet starts the killed one again meanwhile."""
KILLED = 128 + 9
"""The exit code of what ended by SIGKILL, and so had no time to give up its Lease."""


@pytest.fixture(scope="module")
def watched(installed: Cluster) -> Iterator[Namespace]:
    """The namespace that is looked after."""
    made = Namespace.create(installed)
    yield made
    made.delete()


@pytest.fixture(scope="module")
def apart(installed: Cluster) -> Iterator[Namespace]:
    """The namespace that the operators run in; they do not look after it."""
    made = Namespace.create(installed)
    yield made
    made.delete()


@pytest.fixture(scope="module")
def release(operator_image: dict[str, str], watched: Namespace, apart: Namespace) -> Iterator[Release]:
    """Two operators, with nothing of the cluster's: somebody else has applied the definitions."""
    made = Release(helm=Helm.build(HELM_3), cluster=apart.cluster, name="team", namespace=apart.name)
    values = {
        "image": operator_image,
        "watchNamespaces": [watched.name],
        "crds": {"enabled": False},
        "rbac": {"aggregate": False},
    }
    try:
        made.install(values)
        yield made
    finally:
        made.uninstall()


@pytest.fixture
def shop(watched: Namespace, redis: RedisServer, laravel_images: dict[ImageVariant, str]) -> Iterator[Shop]:
    """An application in the namespace that is looked after, which leaves nothing to the next."""
    yield Shop(namespace=watched, redis=redis, image=laravel_images[ImageVariant.ROOT])
    watched.kubectl("delete", "qwp", POOL, "--cascade=foreground", "--ignore-not-found", "--timeout=60s")


def leader(release: Release) -> str:
    """Tell who looks after the pools, as the Lease of the only shard has it; empty when nobody does."""
    lease = release.cluster.kubectl_json("get", "lease", shard_lease(0), f"--namespace={release.namespace}")
    holder: str = lease["spec"].get("holderIdentity", "")
    return holder


def test_its_pool_is_served_and_one_elsewhere_is_left_alone(
    release: Release, apart: Namespace, shop: Shop
) -> None:
    """Jobs are done and `helm test` passes; a pool beside the operators gets neither a Deployment nor a status."""
    spec = shop.spec(scaling={"minReplicas": 1})
    apart.apply_pool(POOL, spec)
    shop.namespace.apply_pool(POOL, spec)
    jobs = shop.push(3)
    shop.wait_for_jobs("end", len(jobs))
    shop.assert_each_done_once(jobs)
    assert f"The operator says of {shop.namespace.name}/team-queue-worker-operator-test: " in release.test()

    # Those who would have looked at it had all that time to do so.
    assert apart.find("deployment", f"{POOL}-workers") is None
    assert apart.status(POOL) == {}


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        pytest.param("watch", "queueworkerpools.queueworkers.io", id="watch-pools"),
        pytest.param("patch", "deployments.apps", id="patch-deployments"),
        pytest.param("list", "pods", id="list-pods"),
        pytest.param("get", "secrets", id="get-secrets"),
    ],
)
def test_what_it_may_do_there_it_may_not_do_elsewhere(
    release: Release, watched: Namespace, apart: Namespace, verb: str, resource: str
) -> None:
    """Not even in the namespace that its pods are in."""
    assert release.operator_may(verb, resource, watched.name), f"may not {verb} {resource} where it works"
    assert not release.operator_may(verb, resource, apart.name), f"may {verb} {resource} beside it"
    assert not release.operator_may(verb, resource, "default"), f"may {verb} {resource} elsewhere"


def test_nothing_of_the_cluster_belongs_to_it(release: Release, watched: Namespace, apart: Namespace) -> None:
    """No ClusterRole and no ClusterRoleBinding: its Roles are in those two namespaces."""
    own = f"--selector=app.kubernetes.io/instance={release.name}"
    found = release.cluster.kubectl_json("get", "clusterroles,clusterrolebindings", own)
    assert [each["metadata"]["name"] for each in found["items"]] == []
    roles = release.cluster.kubectl_json("get", "roles", "--all-namespaces", own)["items"]
    assert {role["metadata"]["namespace"] for role in roles} == {watched.name, apart.name}


def test_another_follows_when_the_leader_is_killed(release: Release, shop: Shop) -> None:
    """Its Lease has to run out; jobs that come meanwhile have their workers within 20 s, and are done once."""
    if release.cluster.kill_container is None:
        pytest.skip("the containers of an existing cluster are not ours to kill")
    namespace = shop.namespace
    namespace.apply_pool(POOL, shop.spec(scaling={"maxReplicas": 3}))
    namespace.wait_for_reason(POOL, "Idle")
    before = leader(release)
    pod = before.partition("_")[0]
    assert pod in release.pods(), f"the Lease names {before!r}, which is none of the operator's pods"

    killed_at = time.monotonic()
    release.kill(pod)
    jobs = shop.push(3, ids="orphaned", milliseconds=3000)
    try:
        namespace.wait_for_replicas(POOL, 3, seconds=FAIL_OVER_SECONDS + SLACK_SECONDS)
    except TimeoutError as error:
        pytest.fail(f"{before} was killed, and the Lease names {leader(release) or 'nobody'} now: {error}")
    waited_seconds = time.monotonic() - killed_at
    after = leader(release)
    said = f"{waited_seconds:.1f} s after {before} was killed, {after} had scaled its pool"
    print(said)
    assert waited_seconds <= FAIL_OVER_SECONDS + SLACK_SECONDS, said
    assert after not in {before, ""}, said

    namespace.wait(f"{pod} is ready again", lambda: is_back_after_a_kill(release, pod))
    shop.wait_for_jobs("end", len(jobs))
    shop.assert_each_done_once(jobs)


def is_back_after_a_kill(release: Release, pod: str) -> bool:
    """Tell whether the kubelet has started an operator again; what it says of the end before must be the kill."""
    container = release.container(pod)
    ended = container["lastState"]["terminated"]["exitCode"]
    assert ended == KILLED, f"{pod} ended with {ended}, in an order of its own"
    return bool(container["ready"])
