"""Push jobs, and measure until workers are asked for: a bare client, this operator, KEDA with an HPA."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from harness.cluster import start_cluster
from harness.errors import HarnessError
from harness.keda_autoscaler import KedaAutoscaler
from harness.local_cluster import KWOK_NODE
from harness.locations import Locations
from harness.operator_process import OperatorProcess, install
from harness.redis import RedisServer
from measuring.machine import describe_machine
from reaction.floor import measure_floor
from reaction.operators import measure_operator
from reaction.page import Figures, format_figures, format_reactions, write_page
from reaction.peers import MANY_OBJECTS, MEASURED, measure_keda
from reaction.sightings import ApiServer, ReplicasWatch
from reaction.trials import say

if TYPE_CHECKING:
    from harness.cluster import Cluster

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks/reaction.md"
SIZES = (1, 1_000, 10_000)
REPEATS = 100
CLUSTER = "bench-reaction"


def main() -> None:
    """Measure on a cluster of its own, and print what was measured."""
    options = _parser().parse_args()
    # So that what was started ends too when the bench is ended from outside.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sizes = sorted(options.sizes or SIZES)
    peers = not options.no_peers and _peers_can_be_had()
    with start_cluster(CLUSTER, nodes=(KWOK_NODE,)) as cluster:
        cluster.enter_network()
        install(cluster)
        with RedisServer(address=cluster.host_address) as server:
            client = redis.Redis(host=server.address, port=server.port)
            machine = describe_machine(client)
            figures = asyncio.run(
                measure(cluster, server, client, sizes=sizes, repeats=options.repeats, peers=peers)
            )
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(write_page(figures, machine=machine), encoding="utf-8")


async def measure(
    cluster: Cluster,
    server: RedisServer,
    client: redis.Redis,
    *,
    sizes: list[int],
    repeats: int,
    peers: bool,
) -> Figures:
    """
    Measure one after the other, so that none takes the machine from another.

    KEDA comes first: what ten thousand pools leave behind would slow down its API server.
    """
    async with ApiServer(cluster.kubeconfig) as api, ReplicasWatch(api) as watch:
        figures = Figures(floor=await measure_floor(cluster, server, client, api, watch, repeats=repeats))
        if peers:
            objects = [MEASURED, *(MANY_OBJECTS for _ in range(max(sizes) >= MANY_OBJECTS))]
            with KedaAutoscaler(cluster, logs=Locations(cluster.name).logs):
                async for each in measure_keda(cluster, server, client, api, watch, sizes=objects):
                    figures.peers.append(each)
                    say(format_reactions(each))
        with OperatorProcess(cluster):
            for pools in sizes:
                async for each in measure_operator(
                    cluster, server, client, watch, pools=pools, repeats=repeats
                ):
                    figures.operator.append(each)
                    say(format_reactions(each))
                print(format_figures(figures), flush=True)
    return figures


def _peers_can_be_had() -> bool:
    try:
        KedaAutoscaler.prepare()
    except HarnessError as error:
        say(f"KEDA cannot be built here, so this operator is measured alone: {error}")
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reaction", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, help="numbers of pools (default: 1 1000 10000)")
    parser.add_argument(
        "--repeats",
        type=int,
        default=REPEATS,
        help="pushes of one job; a fifth of it with many jobs, a third of both while queues move",
    )
    parser.add_argument("--no-peers", action="store_true", help="leave KEDA out")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} too")
    return parser


if __name__ == "__main__":
    main()
