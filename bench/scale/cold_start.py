"""One start of an operator over pools that all are as they should be, and its rest afterwards."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from harness.audit import Audit
from harness.operator_process import USER, OperatorProcess
from harness.progress import wait_until
from measuring import metered_operator
from measuring.lag import read_lags
from measuring.processes import read_cost
from measuring.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from harness.cluster import Cluster
    from measuring.processes import Cost

QUIET_SECONDS = 10.0
"""So long after its last list an operator makes no other one: pages follow each other at once."""

SETTLING_SECONDS = 15.0
"""After which a start is over, the connections and lists that nobody needs any more included."""
START_SECONDS = 1800.0
MOVING_PARTS = (0.01, 0.1)

_ALL_LOOKED_AT = re.compile(rb"All (\d+) pools were looked at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some time of an operator's life."""

    seconds: float
    cores: float
    """Processor time by time."""
    redis_commands: float
    """In a second."""
    redis_connections: int
    lags: tuple[float, ...]
    """Of the event loop, in seconds, one for each beat."""
    writes: int
    """Requests to the API server that were to change something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """What one operator cost from its start on."""

    listed_seconds: float
    """Until pools, Deployments and pods were listed."""
    ready_seconds: float
    """Until every pool was looked at with a reading of its queues."""
    watching_seconds: float
    """Until every kind of object was listed once more, by the watch, and is watched."""
    at_ready: Cost
    at_watching: Cost
    at_rest: Cost
    lags: tuple[float, ...]
    """Until it was ready."""
    requests: Mapping[tuple[str, str], int]
    """To the API server until the end of the rest, by verb and resource."""
    rest: Stretch
    moving: Mapping[float, Stretch]
    """By the part of the queues that moved."""


def moving_pools(pools: int) -> int:
    """Count those of so many pools of which at least one queue moves at some time; they are the first."""
    return ceil(pools * max(MOVING_PARTS))


def measure_cold_start(
    cluster: Cluster, server: redis.Redis, *, pools: int, rest_seconds: float, moving: bool
) -> ColdStart:
    """Start an operator, wait until it is ready, let it rest, and let queues move where *moving*."""
    with tempfile.TemporaryDirectory(prefix="qwp-bench-") as folder:
        lags = Path(folder) / "lags"
        program = ("-P", str(metered_operator.__file__), str(lags))
        audit = Audit(cluster, USER)
        operator = OperatorProcess(cluster, program=program)
        started = time.monotonic()
        try:
            operator.start(within_seconds=START_SECONDS)
            listed = time.monotonic()
            wait_until_ready(operator, pools=pools)
            ready, at_ready = time.monotonic(), read_cost(operator.pid)
            watching, at_watching = wait_until_watching(operator, audit), read_cost(operator.pid)
            time.sleep(SETTLING_SECONDS)
            rest = _measure_stretch(operator, cluster, server, lags, seconds=rest_seconds)
            at_rest = read_cost(operator.pid)
            requests = Counter((each.verb, each.resource) for each in audit.requests())
            stretches = {}
            for part in MOVING_PARTS if moving else ():
                with Traffic(server, pools=pools, part=part):
                    # The first jobs ask for a worker each; what is measured is what comes after.
                    wait_for_rest(cluster, quiet_seconds=0.0, least_seconds=SETTLING_SECONDS)
                    stretches[part] = _measure_stretch(operator, cluster, server, lags, seconds=rest_seconds)
        finally:
            operator.__exit__()
        return ColdStart(
            listed_seconds=listed - started,
            ready_seconds=ready - started,
            watching_seconds=watching - started,
            at_ready=at_ready,
            at_watching=at_watching,
            at_rest=at_rest,
            lags=tuple(read_lags(lags, since=started, until=ready)),
            requests=requests,
            rest=rest,
            moving=stretches,
        )


def wait_until_ready(operator: OperatorProcess, *, pools: int) -> None:
    """Wait for the operator's own word that every pool was looked at."""

    def said() -> bool:
        return _ALL_LOOKED_AT.search(operator.log.read_bytes()) is not None

    wait_until(
        said,
        what=f"the operator has looked at {pools} pools",
        timeout_seconds=START_SECONDS,
        check=operator.require_running,
    )


def wait_until_watching(operator: OperatorProcess, audit: Audit) -> float:
    """Wait until the operator has listed everything for its watches too, and return when it had: before, it is not at rest."""
    lists, at = 0, time.monotonic()
    while time.monotonic() - at < QUIET_SECONDS:
        operator.require_running()
        time.sleep(1.0)
        now = sum(each.verb == "list" for each in audit.requests())
        if now != lists:
            lists, at = now, time.monotonic()
    return at


def wait_for_rest(cluster: Cluster, *, quiet_seconds: float = 5.0, least_seconds: float = 0.0) -> None:
    """Wait until the operator has written nothing for a while."""
    time.sleep(least_seconds)
    while quiet_seconds:
        audit = Audit(cluster, USER)
        time.sleep(quiet_seconds)
        if not any(each.writes for each in audit.requests()):
            return


def _measure_stretch(
    operator: OperatorProcess, cluster: Cluster, server: redis.Redis, lags: Path, *, seconds: float
) -> Stretch:
    audit, cost, commands = Audit(cluster, USER), read_cost(operator.pid), _commands(server)
    began = time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - began
    return Stretch(
        seconds=lasted,
        cores=(read_cost(operator.pid).cpu_seconds - cost.cpu_seconds) / lasted,
        redis_commands=(_commands(server) - commands) / lasted,
        redis_connections=server.info("clients")["connected_clients"] - 1,  # this one's own
        lags=tuple(read_lags(lags, since=began, until=began + lasted)),
        writes=sum(each.writes for each in audit.requests()),
    )


def _commands(server: redis.Redis) -> int:
    processed: int = server.info("stats")["total_commands_processed"]
    return processed
