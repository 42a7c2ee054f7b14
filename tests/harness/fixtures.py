"""
The pytest fixture of a real cluster.

In a conftest: ``pytest_plugins = ["harness.fixtures"]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.cluster import Cluster, start_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """
    A cluster for the whole run, with this process moved into its network.

    Pods and Services are reached from the test itself.  Nothing outside that
    network is, from then on: there is no way back for a process with threads.
    """
    with start_cluster("test") as started:
        started.enter_network()
        yield started
