"""A shop with real Laravel workers, for the tests of this ring."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cluster.shop import Shop
from harness.php import ImageVariant, laravel_archive, laravel_image, laravel_rootfs

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what Laravel needs before any test moves this process into a network without a way out."""
    needed = any("laravel_images" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly and os.geteuid() == 0:
        laravel_rootfs()
        for variant in ImageVariant:
            laravel_archive(variant)


@pytest.fixture(scope="session")
def laravel_images(cluster: Cluster) -> dict[ImageVariant, str]:
    """The names of Laravel's images; pods say ``imagePullPolicy: Never``."""
    return {variant: laravel_image(cluster, variant) for variant in ImageVariant}


@pytest.fixture
def shop(namespace: Namespace, redis: RedisServer, laravel_images: dict[ImageVariant, str]) -> Shop:
    """An application of the test's own: a namespace, a Redis and the ordinary image."""
    return Shop(namespace=namespace, redis=redis, image=laravel_images[ImageVariant.ROOT])
