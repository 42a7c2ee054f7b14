"""How many connections queues are read over is told as the servers see it, and a reading is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from contract.asking import pool
from contract.topologies import started, topologies
from harness.redis_releases import INSTALLED
from queueworkers.telemetry.process import Instruments
from queueworkers.telemetry.readings import TimedReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.topologies import Topology


@pytest.fixture(params=topologies((INSTALLED,)))
def shape(request: pytest.FixtureRequest) -> Iterator[Topology]:
    """Every shape."""
    release, kind = request.param
    with started(release, kind) as one:
        yield one


def told(instruments: Instruments, name: str) -> float:
    """Read one sample."""
    samples = [
        sample
        for family in text_string_to_metric_families(instruments.page())
        for sample in family.samples
        if sample.name == name
    ]
    (sample,) = samples
    return sample.value


async def test_connections_come_and_go_with_the_reader(shape: Topology) -> None:
    """One to a server or a master, one to each master of a cluster that has a queue; none before and after."""
    instruments = Instruments()
    queues = ("{a}", "{b}", "{c}", "{d}", "{e}", "{f}")
    reader = TimedReader(shape.endpoint, instruments)
    assert told(instruments, "qwp_redis_connections") == 0
    await reader.observe([pool("many", queues=queues)])
    assert told(instruments, "qwp_redis_connections") == (3 if shape.clustered else 1)
    await reader.observe([pool("many", queues=queues)])
    await reader.close()
    assert told(instruments, "qwp_redis_connections") == 0
    assert told(instruments, "qwp_poll_duration_seconds_count") == 2
