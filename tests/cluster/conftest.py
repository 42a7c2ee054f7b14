"""A shop with real Laravel workers, for the tests of this ring."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cluster.shop import Shop
from harness.binaries import HELM_3, HELM_4
from harness.helm import Helm
from harness.operator_image import REPOSITORY, operator_archive, operator_image_tag
from harness.php import ImageVariant, laravel_archive, laravel_image, laravel_rootfs

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is needed before any test moves this process into a network without a way out."""
    if session.config.option.collectonly or os.geteuid() != 0:
        return
    needed = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if "laravel_images" in needed:
        laravel_rootfs()
        for variant in ImageVariant:
            laravel_archive(variant)
    if "operator_image" in needed:
        Helm.build(HELM_3)
        Helm.build(HELM_4)
        operator_archive()


@pytest.fixture(scope="session")
def laravel_images(cluster: Cluster) -> dict[ImageVariant, str]:
    """The names of Laravel's images; pods say ``imagePullPolicy: Never``."""
    return {variant: laravel_image(cluster, variant) for variant in ImageVariant}


@pytest.fixture(scope="session")
def operator_image(cluster: Cluster) -> dict[str, str]:
    """The operator's image, as the chart's values name it."""
    cluster.load_image(operator_archive())
    return {"repository": REPOSITORY, "tag": operator_image_tag(), "pullPolicy": "Never"}


@pytest.fixture
def shop(namespace: Namespace, redis: RedisServer, laravel_images: dict[ImageVariant, str]) -> Shop:
    """An application of the test's own: a namespace, a Redis and the ordinary image."""
    return Shop(namespace=namespace, redis=redis, image=laravel_images[ImageVariant.ROOT])
