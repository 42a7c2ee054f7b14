"""An application with queues, as a team runs it: its workers, its jobs, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.php import run_artisan
from ledger.checker import audit, course
from ledger.stream import read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.pools import Namespace
    from harness.redis import RedisServer

POOL = "orders"
PREFIX = "shop_database_"

QUICK_SCALING = {
    "minReplicas": 0,
    "cooldownSeconds": 1,
    "backlogPerWorker": 1,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}
QUICK_RESTART = {"minReadySeconds": 1, "maxSurge": 2}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A Laravel application, with its Redis and the namespace that its workers run in."""

    namespace: Namespace
    redis: RedisServer
    image: str

    @property
    def environment(self) -> dict[str, str]:
        """What the application is configured with, here and in the pods."""
        return {
            "REDIS_HOST": self.redis.address,
            "REDIS_PORT": str(self.redis.port),
            "REDIS_PREFIX": PREFIX,
            "CACHE_PREFIX": "shop_cache",
        }

    def spec(self, *, scaling: Mapping[str, object] | None = None, **more: object) -> Json:
        """A pool that reacts within seconds; *more* replaces whole fields."""
        return {
            "framework": "Laravel",
            "image": self.image,
            "queues": ["high", "default"],
            "sleep": 1,
            "timeout": 20,
            "redis": {"host": self.redis.address, "port": self.redis.port, "prefix": PREFIX},
            "env": [{"name": name, "value": value} for name, value in self.environment.items()],
            "podTemplate": {"spec": {"containers": [{"name": "worker", "imagePullPolicy": "Never"}]}},
            "scaling": {**QUICK_SCALING, **(scaling or {})},
            "restart": QUICK_RESTART,
            **more,
        }

    def push(
        self, count: int, *, ids: str = "job", queue: str = "default", delay: int = 0, milliseconds: int = 0
    ) -> list[str]:
        """Push jobs with Laravel itself, and return their identities."""
        run_artisan(
            [
                "demo:push",
                str(count),
                f"--queue={queue}",
                f"--delay={delay}",
                f"--milliseconds={milliseconds}",
                f"--prefix-id={ids}",
            ],
            env=self.environment,
        )
        return [f"{ids}-{number}" for number in range(1, count + 1)]

    def ledger(self) -> list[dict[str, str]]:
        """Read what the jobs wrote down: which began and ended, when, and in which pod."""
        printed = self.redis.cli("--json", "XRANGE", "ledger:events", "-", "+")
        return [dict(zip(*[iter(fields)] * 2, strict=True)) for _, fields in json.loads(printed or "[]")]

    def count(self, event: str) -> int:
        """Count the jobs that have begun (``start``) or ended (``end``), each time they did."""
        return sum(entry["event"] == event for entry in self.ledger())

    def wait_for_jobs(self, event: str, at_least: int, *, seconds: float = 90) -> None:
        """Wait until so many jobs have begun (``start``) or ended (``end``)."""
        self.namespace.wait(
            f"{at_least} times {event} in the ledger",
            lambda: self.count(event) >= at_least,
            timeout_seconds=seconds,
        )

    def assert_each_done_once(self, jobs: list[str]) -> None:
        """Every job began once and ended once: none lost, none run twice, none cut off."""
        found = audit(dict.fromkeys(jobs, course()), read_ledger(self.redis))
        assert found.clean, "\n".join(map(str, found.findings))

    def workers_of(self, event: str) -> set[str]:
        """Name the pods in which jobs have begun or ended."""
        return {entry["worker"] for entry in self.ledger() if entry["event"] == event}
