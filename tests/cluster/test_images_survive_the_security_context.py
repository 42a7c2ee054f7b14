"""The profile `Compatible` takes from a container what ordinary PHP images can do without, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from cluster.terminal import describe, status_word
from harness.php import ImageVariant
from queueworkers.domain.manifests import IMAGE_CAPABILITIES

if TYPE_CHECKING:
    from cluster.shop import Json, Shop

pytestmark = pytest.mark.usefixtures("operator")

ENTRYPOINTS = {
    "CHOWN": "chown -R root:root storage && chown -R www-data:www-data storage",
    "DAC_OVERRIDE": "touch storage/written-at-boot",
    "FOWNER": "chmod 775 storage",
    "KILL": (
        "setpriv --reuid=33 --clear-groups sleep 60 & "
        "until grep -q '^Uid:.33' /proc/$!/status; do sleep 0.1; done; "
        "kill -TERM $! && ! wait $!"
    ),
    "SETGID": "setpriv --regid=33 --clear-groups true",
    "SETUID": "setpriv --reuid=33 true",
}
"""What ordinary images do at boot, each with the one capability of root's that it needs."""

ENFORCE_RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


def booting_with(shop: Shop, *steps: str, capabilities: tuple[str, ...] | None = None) -> Json:
    """A pool whose image does *steps* before it becomes the worker."""
    script = " && ".join(["set -e", *(f"{{ {step}; }}" for step in steps), 'exec php artisan "$@"'])
    spec = shop.spec(command=["sh", "-c", script, "entrypoint"], scaling={"minReplicas": 1})
    worker = spec["podTemplate"]["spec"]["containers"][0]
    if capabilities is not None:
        worker["securityContext"] = {"capabilities": {"add": list(capabilities)}}
    return spec


def test_an_ordinary_image_works(shop: Shop) -> None:
    """An image that runs as root, as most do, and writes where only www-data may, does its jobs."""
    shop.namespace.apply_pool(POOL, shop.spec())
    jobs = shop.push(1)
    shop.wait_for_jobs("end", 1)
    shop.assert_each_done_once(jobs)


def test_ordinary_entrypoints_work(shop: Shop) -> None:
    """An entrypoint that does all that ordinary ones do reaches its worker."""
    assert set(ENTRYPOINTS) == set(IMAGE_CAPABILITIES)
    shop.namespace.apply_pool(POOL, booting_with(shop, *ENTRYPOINTS.values()))
    jobs = shop.push(1)
    shop.wait_for_jobs("end", 1)
    shop.assert_each_done_once(jobs)


@pytest.mark.parametrize("missing", IMAGE_CAPABILITIES)
def test_each_capability_is_needed(shop: Shop, missing: str) -> None:
    """Without any one of them an ordinary entrypoint fails, and the pool says that its workers crash."""
    fewer = tuple(each for each in IMAGE_CAPABILITIES if each != missing)
    shop.namespace.apply_pool(POOL, booting_with(shop, ENTRYPOINTS[missing], capabilities=fewer))
    condition = shop.namespace.wait_for_reason(POOL, "WorkersCrashing")
    assert "last exit code" in condition["message"]
    assert shop.count("start") == 0


def test_an_image_with_a_user_works_where_restricted_is_enforced(
    shop: Shop, laravel_images: dict[ImageVariant, str]
) -> None:
    """Under `Restricted` an image that names its user passes the Pod Security Standard of that name."""
    namespace = shop.namespace
    namespace.cluster.run_kubectl("label", "namespace", namespace.name, ENFORCE_RESTRICTED)
    image = laravel_images[ImageVariant.RESTRICTED]
    namespace.apply_pool(POOL, shop.spec(image=image, security="Restricted"))
    jobs = shop.push(2)
    shop.wait_for_jobs("end", 2)
    shop.assert_each_done_once(jobs)


def test_a_namespace_that_enforces_restricted_refuses_compatible(shop: Shop) -> None:
    """The pool says what Pod Security objects to; with `security: Restricted` its pods are let in."""
    namespace = shop.namespace
    namespace.cluster.run_kubectl("label", "namespace", namespace.name, ENFORCE_RESTRICTED)
    spec = shop.spec(scaling={"minReplicas": 1})
    namespace.apply_pool(POOL, spec)
    condition = namespace.wait_for_reason(POOL, "PodsRefused")
    assert 'violates PodSecurity "restricted:latest"' in condition["message"]
    assert "runAsNonRoot != true" in condition["message"]
    assert status_word(namespace, POOL) == "PodsRefused"
    namespace.wait("it is told", lambda: "Warning PodsRefused " in describe(namespace, POOL))

    namespace.apply_pool(POOL, {**spec, "security": "Restricted"})
    namespace.wait("a pod is let in", lambda: len(namespace.pods(POOL)) == 1)


def test_an_image_that_runs_as_root_is_refused_under_restricted(
    shop: Shop, laravel_images: dict[ImageVariant, str]
) -> None:
    """The kubelet's sentence is passed on: it says what is wrong with the image; another one heals it."""
    namespace = shop.namespace
    spec = shop.spec(security="Restricted", scaling={"minReplicas": 1})
    namespace.apply_pool(POOL, spec)
    condition = namespace.wait_for_reason(POOL, "StartRefused")
    assert "container has runAsNonRoot and image will run as root" in condition["message"]
    assert status_word(namespace, POOL) == "StartRefused"
    namespace.wait("it is told", lambda: "Warning StartRefused " in describe(namespace, POOL))

    namespace.apply_pool(POOL, {**spec, "image": laravel_images[ImageVariant.RESTRICTED]})
    namespace.wait_for_reason(POOL, "Active")
