"""`qwp status -w` and `qwp restart --wait` stay, whatever happens meanwhile: on a terminal, against an API server."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click
import pytest

from apiserver.outages import without_api_server
from apiserver.pools_in_use import push, quick_pool
from harness.terminal import qwp_in_a_window
from queueworkers.cli.live import CLEAR_BELOW, TO_THE_TOP

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")

COLUMNS = 160


def test_what_changes_is_drawn_in_its_place(namespace: Namespace, redis: RedisServer) -> None:
    """With colours, until Ctrl-C, which is no error."""
    namespace.apply_pool("orders", quick_pool(redis, scaling={"maxReplicas": 2}))
    namespace.wait_for_reason("orders", "Idle")

    with qwp_in_a_window(namespace, "status", "-w", rows=24, columns=COLUMNS) as window:
        assert TO_THE_TOP in window.read_until(click.style("Idle", fg="green"))
        push(redis, 30)
        picture = window.read_until("maxReplicas allows 2").rpartition(TO_THE_TOP)[2]
        assert "POOL " in picture
        assert CLEAR_BELOW not in picture
        window.running.send_signal(signal.SIGINT)
        assert window.running.wait(timeout=30) == 0


def test_pools_that_have_no_room_are_counted(namespace: Namespace, redis: RedisServer) -> None:
    """A window of six rows has room for two pools and the count."""
    for name in ("first", "second", "third", "fourth"):
        namespace.apply_pool(name, quick_pool(redis))
        namespace.wait_for_reason(name, "Idle")

    with qwp_in_a_window(namespace, "status", "-w", rows=6, columns=COLUMNS) as window:
        picture = window.read_until(CLEAR_BELOW)

    assert [name for name in ("first", "fourth", "second", "third") if name in picture] == ["first", "fourth"]
    assert "5 more lines" in picture


def test_what_was_seen_stays_while_the_api_server_is_away(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """And it says so, until there is something new."""
    namespace.apply_pool("orders", quick_pool(redis))
    namespace.wait_for_reason("orders", "Idle")

    with qwp_in_a_window(namespace, "status", "-w", rows=24, columns=COLUMNS) as window:
        window.read_until(CLEAR_BELOW)
        with without_api_server(installed):
            window.read_until("As it was ")
            assert "orders" in window.read_until(CLEAR_BELOW)
        window.read_until(f"{TO_THE_TOP}POOL", seconds=60)
        assert window.running.poll() is None


def test_a_restart_is_waited_for_over_it(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """It goes on meanwhile, and so does whoever waits for it; new workers take long enough for both to be seen."""
    two = {"minReplicas": 2, "maxReplicas": 2}
    slowly = {"minReadySeconds": 10, "maxSurge": 2}
    namespace.apply_pool("orders", quick_pool(redis, scaling=two, restart=slowly))
    namespace.wait("it works", lambda: namespace.status("orders")["workers"]["working"] == 2)

    with qwp_in_a_window(
        namespace, "restart", "orders", "--wait", "--timeout", "5m", rows=24, columns=COLUMNS
    ) as window:
        window.read_until("asked for a restart")
        with without_api_server(installed):
            window.read_until("not seen, as the API server")
        window.read_until("/orders: done", seconds=240)
        assert window.running.wait(timeout=30) == 0
