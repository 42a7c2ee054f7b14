"""The application of the demonstration: a Laravel shop that pushes jobs, and the Redis that holds them."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.errors import CommandFailedError
from ledger.checker import course

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.cluster import Cluster
    from harness.redis import RedisServer
    from ledger.checker import Course

NAMESPACE = "qwp-demo"
WEBSITE = "website"
SETTINGS = "shop"
PREFIX = "shop_database_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs that are pushed with one command; they are called PREFIX-1, PREFIX-2, …"""

    prefix: str
    count: int
    milliseconds: int
    queue: str = "default"
    failures: int = 0
    """How many attempts of each job fail before one succeeds."""
    delay_seconds: int = 0

    def courses(self) -> Mapping[str, Course]:
        """Say what is to happen to each job, by its identity."""
        each = course(failures=self.failures)
        return {f"{self.prefix}-{number}": each for number in range(1, self.count + 1)}


def settings_secret(redis: RedisServer) -> dict[str, Any]:
    """Make the Secret that both the website and the workers take their environment from."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SETTINGS},
        "stringData": {
            "REDIS_HOST": redis.address,
            "REDIS_PORT": str(redis.port),
            "REDIS_PASSWORD": redis.password or "",
            "REDIS_PREFIX": PREFIX,
        },
    }


def website(image: str) -> dict[str, Any]:
    """Make the pod that stands for the shop's website: it has PHP and the code, and waits to be told to push."""
    labels = {"app": WEBSITE}
    container = {
        "name": WEBSITE,
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["sleep", "infinity"],
        "envFrom": [{"secretRef": {"name": SETTINGS}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": WEBSITE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                # `sleep` as the first process of a container does not hear SIGTERM.
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }


def push_arguments(batch: Batch) -> list[str]:
    """What follows `php artisan` to push a batch."""
    given = {
        "queue": batch.queue,
        "milliseconds": batch.milliseconds,
        "fail-times": batch.failures,
        "delay": batch.delay_seconds,
        "prefix-id": batch.prefix,
    }
    return ["demo:push", str(batch.count), *(f"--{name}={value}" for name, value in given.items() if value)]


@dataclass(slots=True)
class Push:
    """A push that goes on in the website's pod."""

    batches: Sequence[Batch]
    began_at: float | None = None
    """On the monotonic clock: when the shop was about to start its first command."""
    failure: str = ""
    finished: threading.Event = field(default_factory=threading.Event)

    def require_no_failure(self) -> None:
        """Raise when the shop could not push."""
        if self.failure:
            raise CommandFailedError(["php", "artisan", "demo:push"], 1, self.failure)


def push(cluster: Cluster, batches: Sequence[Batch]) -> Push:
    """Have the website push batches, one after the other, and return at once."""
    going_on = Push(batches)
    threading.Thread(target=_push, args=(cluster, going_on), daemon=True).start()
    return going_on


def _push(cluster: Cluster, going_on: Push) -> None:
    commands = [" ".join(["php", "artisan", *push_arguments(batch)]) for batch in going_on.batches]
    script = " && ".join(["echo now", *commands])
    argv = [str(cluster.kubectl), f"--kubeconfig={cluster.kubeconfig}", f"--namespace={NAMESPACE}"]
    process = subprocess.Popen(
        cluster.command([*argv, "exec", f"deployment/{WEBSITE}", "--", "sh", "-c", script]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    going_on.began_at = time.monotonic()
    said = first + process.stdout.read()
    if process.wait() != 0:
        going_on.failure = said
    going_on.finished.set()
