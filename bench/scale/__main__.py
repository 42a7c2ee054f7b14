"""Fill a real API server with pools, start an operator over them again and again, and print what it costs."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from harness.cluster import start_cluster
from harness.network import HOST_ADDRESS
from harness.operator_process import OperatorProcess, install
from harness.progress import say, wait_until
from harness.redis import RedisServer
from measuring.machine import describe_machine
from measuring.pools import (
    NAMESPACES,
    count_deployments,
    count_pools,
    create_pools,
    name_of,
    namespace_of,
)
from scale.cold_start import (
    START_SECONDS,
    measure_cold_start,
    moving_pools,
    wait_for_rest,
    wait_until_ready,
)
from scale.page import format_figures, write_page
from scale.profile import format_profile, profile_start

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from scale.cold_start import ColdStart
    from scale.profile import Profile

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks/scale.md"
SIZES = (100, 1_000, 10_000)
MOST_PROFILED = 1_000
"""A profiler makes everything several times as long, and says the same of ten times as many."""
STARTS = 3
REST_SECONDS = 60.0
CLEARING_SECONDS = 300.0
IN_A_HURRY = ("--reconcilers=64", "--requests-in-flight=64", "--writes-per-second=2000")
"""How operators are started that only make what will be measured, one namespace after the other."""
REDIS_PORT = 6379
"""The same each time: pools that an earlier run has left name it."""


def main() -> None:
    """Measure one size after the other, each in the cluster that holds the smaller one already."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    measured: dict[int, list[ColdStart]] = {}
    profile: Profile | None = None
    with start_cluster("bench-scale", nodes=()) as cluster:
        cluster.enter_network()
        install(cluster)
        with RedisServer(address=HOST_ADDRESS, port=REDIS_PORT) as server:
            client = redis.Redis(host=server.address, port=server.port)
            machine = describe_machine(client)
            sizes = sorted(options.sizes or SIZES)
            for pools in sizes:
                fill(cluster, pools)
                measured[pools] = [
                    measure_cold_start(
                        cluster,
                        client,
                        pools=pools,
                        rest_seconds=options.rest_seconds,
                        moving=number == 0 and not options.no_traffic,
                    )
                    for number in reversed(range(options.starts))
                ]
                print(format_figures(measured), flush=True)
                if options.profile and pools <= MOST_PROFILED:
                    profile = profile_start(cluster, pools=pools)
                    print(format_profile(profile), flush=True)
                if not options.no_traffic and pools != sizes[-1]:
                    delete_moved(cluster, pools)
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(write_page(measured, profile, machine=machine), encoding="utf-8")


def fill(cluster: Cluster, pools: int) -> None:
    """Have so many pools, each as it should be: with its Deployment and its status."""
    began = time.monotonic()
    there = asyncio.run(count_pools(cluster.kubeconfig))
    if there > pools:
        sys.exit(f"this cluster has {there} pools already, more than {pools}")
    asyncio.run(create_pools(cluster.kubeconfig, range(pools), redis=(HOST_ADDRESS, REDIS_PORT)))
    say(f"{pools} pools exist after {time.monotonic() - began:.0f} s")
    if asyncio.run(count_deployments(cluster.kubeconfig)) == pools:
        return
    for number in range(NAMESPACES):
        operator = OperatorProcess(cluster, *IN_A_HURRY, f"--namespaces={namespace_of(number)}")
        try:
            operator.start(within_seconds=START_SECONDS)
            wait_until_ready(operator, pools=pools // NAMESPACES)
            wait_for_rest(cluster)
        finally:
            operator.__exit__()
    say(f"{pools} pools are as they should be after {time.monotonic() - began:.0f} s")


def delete_moved(cluster: Cluster, pools: int) -> None:
    """
    Delete the pools whose queues moved; they are made anew with the next size.

    They have workers, and keep them for some minutes: they would not be at rest.
    """
    for space in range(NAMESPACES):
        moved = [name_of(number) for number in range(space, moving_pools(pools), NAMESPACES)]
        cluster.run_kubectl("delete", "qwp", f"--namespace={namespace_of(space)}", *moved)
    wait_until(
        lambda: asyncio.run(count_deployments(cluster.kubeconfig)) == pools - moving_pools(pools),
        what="the Deployments of what moved are gone",
        timeout_seconds=CLEARING_SECONDS,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, help="numbers of pools (default: 100 1000 10000)")
    parser.add_argument("--starts", type=int, default=STARTS, help="cold starts of each size (default: 3)")
    parser.add_argument("--rest-seconds", type=float, default=REST_SECONDS, help="to watch it at rest")
    parser.add_argument("--no-traffic", action="store_true", help="leave out what moving queues cost")
    parser.add_argument("--no-profile", dest="profile", action="store_false", help="leave out the profiles")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} too")
    return parser


if __name__ == "__main__":
    main()
