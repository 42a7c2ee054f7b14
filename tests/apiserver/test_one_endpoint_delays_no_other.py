"""Servers that hang, crawl or refuse cost only their own pools."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from apiserver.pools_in_use import push, quick_pool
from harness.operator_process import OperatorProcess
from harness.pools import pool
from harness.redis import RedisServer

if TYPE_CHECKING:
    from typing import Self

    from harness.cluster import Cluster
    from harness.pools import Namespace

OF_EACH_KIND = 4
POOLS_OF_EACH = 3

REACTION_SECONDS = 5.0
"""Far below the two seconds for each of eight servers in a row, with time for `kubectl` on a busy machine."""


class BadServer:
    """
    A server that takes connections and never gives a whole answer, from `with` to its end.

    Args:
        address: Where it listens.
        crawls: Send a byte now and then; otherwise nothing at all.
    """

    def __init__(self, address: str, *, crawls: bool) -> None:
        self._crawls = crawls
        self._over = threading.Event()
        self._listener = socket.create_server((address, 0), backlog=64)
        self._listener.settimeout(0.2)
        self.address, self.port = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Begin to take connections."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all of them."""
        self._over.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with ExitStack() as connections:
            taken: list[socket.socket] = []
            while not self._over.is_set():
                with suppress(TimeoutError):
                    taken.append(connections.enter_context(self._listener.accept()[0]))
                for connection in taken if self._crawls else ():
                    try:
                        connection.send(b"*")
                    except OSError:
                        taken.remove(connection)
                        break


def test_bad_servers_delay_no_pool_of_a_good_one(installed: Cluster, namespace: Namespace) -> None:
    """Of sixteen servers four hang, four crawl and four refuse; a job at each of the others finds workers at once."""
    address = installed.host_address
    with ExitStack() as running:
        good = [running.enter_context(RedisServer(address=address)) for _ in range(OF_EACH_KIND)]
        bad = [
            (server.address, server.port)
            for crawls in (False, True)
            for server in [
                running.enter_context(BadServer(address, crawls=crawls)) for _ in range(OF_EACH_KIND)
            ]
        ]
        bad += [(address, port) for port in range(1, OF_EACH_KIND + 1)]
        scaling = {"backlogPerWorker": 5}
        pools = [
            pool(
                f"bad-{server}-{number}",
                {**quick_pool(good[0]), "redis": {"host": host, "port": port, "prefix": "shop_database_"}},
            )
            for server, (host, port) in enumerate(bad)
            for number in range(POOLS_OF_EACH)
        ]
        pools += [pool(f"good-{n}", quick_pool(server, scaling=scaling)) for n, server in enumerate(good)]
        namespace.apply(*pools)
        running.enter_context(OperatorProcess(installed))
        for each in pools:
            name = each["metadata"]["name"]
            namespace.wait_for_reason(
                name, "BacklogUnknown" if name.startswith("bad") else "Idle", seconds=90
            )
        for number, server in enumerate(good):
            push(server, 20)
            pushed_at = time.monotonic()
            namespace.wait_for_replicas(f"good-{number}", 4, seconds=REACTION_SECONDS)
            print(f"good-{number}: {time.monotonic() - pushed_at:.1f} s")
