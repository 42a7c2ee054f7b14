"""An API server that is away for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster


@contextmanager
def without_api_server(cluster: Cluster) -> Iterator[None]:
    """End the API server for as long as this lasts."""
    if cluster.without_api_server is None:
        pytest.skip("the API server of an existing cluster is not ours to end")
    with cluster.without_api_server():
        yield
