"""
The pytest fixtures of a real cluster, a real operator and a real Redis.

In a conftest: ``pytest_plugins = ["harness.fixtures"]``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.cluster import Cluster, start_cluster
from harness.operator_process import OperatorProcess, install
from harness.pools import Namespace
from harness.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER_NAME = "QWP_TEST_CLUSTER"
"""Names the cluster that a run starts for itself; two runs at a time need two."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """
    A cluster for the whole run, with this process moved into its network.

    Pods and Services are reached from the test itself.  Nothing outside that
    network is, from then on: there is no way back for a process with threads.
    """
    with start_cluster(os.environ.get(CLUSTER_NAME, "test")) as started:
        started.enter_network()
        yield started


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Cluster:
    """The cluster, with the CRD and the operator's service account; no operator runs."""
    install(cluster)
    return cluster


@pytest.fixture(scope="module")
def operator(installed: Cluster) -> Iterator[OperatorProcess]:
    """An operator that looks after the cluster while the tests of a module run."""
    with OperatorProcess(installed) as running:
        yield running


@pytest.fixture
def namespace(installed: Cluster) -> Iterator[Namespace]:
    """A namespace of the test's own."""
    made = Namespace.create(installed)
    yield made
    made.delete()


@pytest.fixture
def redis(cluster: Cluster) -> Iterator[RedisServer]:
    """A Redis that both this machine and the pods of the cluster reach."""
    with RedisServer(address=cluster.host_address) as server:
        yield server
