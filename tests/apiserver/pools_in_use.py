"""A pool as the tests of the controller use it, and the jobs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.pools import on_fake_node

if TYPE_CHECKING:
    from harness.redis import RedisServer

PREFIX = "shop_database_"
READY = f"{PREFIX}queues:default"
JOB = '{"job":"X@handle","data":[],"id":"%d","attempts":0}'


def quick_pool(redis: RedisServer, *, scaling: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Make the spec of a pool that reacts within seconds, with workers on the node that runs none."""
    quick = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}, "cooldownSeconds": 1}
    return on_fake_node(
        {
            "framework": "Laravel",
            "image": "registry.example/shop:1",
            "queues": ["high", "default"],
            "redis": {"host": redis.address, "port": redis.port, "prefix": PREFIX},
            "restart": {"minReadySeconds": 0},
            "scaling": {"minReplicas": 0, "maxReplicas": 50, **quick, **(scaling or {})},
            **spec,
        }
    )


def push(redis: RedisServer, count: int) -> None:
    """Push jobs as Laravel writes them."""
    redis.cli("RPUSH", READY, *(JOB % number for number in range(count)))
