"""The operator runs in pods that Helm makes of the Dockerfile's image and the chart, and workers outlive all that becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from harness.helm import Helm
from harness.helm_release import TAKING_OVER, Release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.shop import Shop

WORKERS = 2
LONG_MILLISECONDS = 15_000
"""A job that is in hand while the operator's pods are replaced."""


@pytest.fixture(params=TAKING_OVER, ids=lambda module: module.name)
def release(request: pytest.FixtureRequest, operator_image: dict[str, str], shop: Shop) -> Iterator[Release]:
    """An installation in the shop's own namespace, by each release of Helm, which looks after the whole cluster."""
    cluster = shop.namespace.cluster
    helm = Helm.build(request.param)
    made = Release(helm=helm, cluster=cluster, name="operator", namespace=shop.namespace.name)
    try:
        # kubectl has made the definitions for the tests of this ring.
        made.install({"image": operator_image}, *TAKING_OVER[request.param])
        yield made
    finally:
        made.uninstall()


def workers(shop: Shop) -> set[tuple[str, int]]:
    """Name each pod, with how often its worker was started again."""
    return {
        (pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["restartCount"])
        for pod in shop.namespace.pods(POOL)
    }


def test_workers_live_through_all_that_becomes_of_the_release(
    release: Release, operator_image: dict[str, str], shop: Shop
) -> None:
    """Installed, upgraded, rolled back, tested, uninstalled: every job is done once, by workers of which none is restarted."""
    namespace = shop.namespace
    assert len(release.pods()) == 2

    namespace.apply_pool(POOL, shop.spec(scaling={"minReplicas": WORKERS, "maxReplicas": WORKERS}))
    jobs = shop.push(4, ids="first")
    shop.wait_for_jobs("end", len(jobs))
    namespace.wait("the workers are ready", lambda: namespace.status(POOL)["readyReplicas"] == WORKERS)
    before = workers(shop)
    assert len(before) == WORKERS

    for change, ids in (
        (lambda: release.upgrade({"image": operator_image, "logLevel": "debug"}), "upgraded"),
        (release.rollback, "rolled-back"),
    ):
        pods = release.pods()
        jobs += shop.push(WORKERS, ids=ids, milliseconds=LONG_MILLISECONDS)
        shop.wait_for_jobs("start", len(jobs))
        change()
        namespace.wait("no old pod of the operator is left", lambda gone=pods: not gone & release.pods())
        shop.wait_for_jobs("end", len(jobs))
        assert workers(shop) == before

    assert f"The operator says of {namespace.name}/operator-queue-worker-operator-test: " in release.test()

    # The operator that was rolled back to is at work.
    namespace.apply_pool(POOL, shop.spec(scaling={"minReplicas": WORKERS + 1, "maxReplicas": WORKERS + 1}))
    namespace.wait("there is another worker", lambda: namespace.status(POOL)["readyReplicas"] == WORKERS + 1)
    assert before < workers(shop)
    before = workers(shop)

    release.uninstall()
    jobs += shop.push(WORKERS + 1, ids="left-alone")
    shop.wait_for_jobs("end", len(jobs))
    assert workers(shop) == before
    assert namespace.get("qwp", POOL)
    shop.assert_each_done_once(jobs)
