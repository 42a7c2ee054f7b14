"""Robots that do what workers do, one for each ready pod of a pool whose node runs none."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import redis

from harness.progress import wait_until
from harness.watching import ObjectWatch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

    from harness.pools import Namespace
    from harness.redis import RedisServer

RETRY_AFTER_SECONDS = 90
"""Far above what a job takes here, so that no claim ever expires."""

WATCHES_APART_SECONDS = 0.5
"""By so much, a pod may be seen before the number that asked for it, which another watch tells."""

# After Laravel's LuaScripts.php, without the moving of delayed and abandoned jobs: there are none.
PUSH = """
redis.call('rpush', KEYS[1], ARGV[1])
redis.call('rpush', KEYS[2], 1)
"""
POP = """
local job = redis.call('lpop', KEYS[1])
local reserved = false
if job ~= false then
    reserved = cjson.decode(job)
    reserved['attempts'] = reserved['attempts'] + 1
    reserved = cjson.encode(reserved)
    redis.call('zadd', KEYS[2], ARGV[1], reserved)
    redis.call('lpop', KEYS[3])
end
return {job, reserved}
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A job that a robot took, by the clock of this machine."""

    began_at: float
    ended_at: float


class Producer:
    """
    An application that pushes jobs, each with the time that it takes, from `with` to its end.

    Args:
        server: Where the queue is.
        key: Its list.
    """

    def __init__(self, server: RedisServer, key: str) -> None:
        self._client = redis.Redis(host=server.address, port=server.port)
        self._key = key
        self.pushed_at: list[float] = []
        """When each job was pushed; its id is its place here."""

    def __enter__(self) -> Self:
        """Be ready to push."""
        return self

    def __exit__(self, *_: object) -> None:
        """Push no more."""
        self._client.close()

    def push(self, seconds: float) -> None:
        """Push one job that keeps a worker busy for so long."""
        now = time.time()
        job = {
            "job": "X@handle",
            "data": {"seconds": seconds},
            "id": str(len(self.pushed_at)),
            "attempts": 0,
            "createdAt": int(now),
        }
        self._client.eval(PUSH, 2, self._key, f"{self._key}:notify", json.dumps(job))
        self.pushed_at.append(now)


@dataclass(slots=True)
class Robot:
    """One worker: its pod, and what it does in it; all times by the clock of this machine."""

    created_at: float
    """When its pod was seen to be there."""
    asked_at: float | None = None
    """When it asked for its first job."""
    gone_at: float | None = None
    """When its pod was gone and its last job had ended."""
    leaves: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Robots(ObjectWatch):
    """
    The workers of the pools of a namespace, from `with` to its end.

    A robot begins when its pod is ready.  Once its pod is asked to leave it ends
    the job that it has in hand and takes no other, as a worker does that drains.

    Args:
        namespace: Where the pods are.
        server: Where their queue is.
        key: The list of that queue.
        sleep_seconds: How long a robot that found nothing waits before it asks again.
    """

    def __init__(self, namespace: Namespace, server: RedisServer, key: str, *, sleep_seconds: float) -> None:
        super().__init__(namespace.cluster, f"/api/v1/namespaces/{namespace.name}/pods")
        self._server = server
        self._key = key
        self._sleep_seconds = sleep_seconds
        self._by_uid: dict[str, Robot] = {}
        self.done: dict[int, Done] = {}
        """The jobs that were taken and ended, by their id."""

    def __exit__(self, *details: object) -> None:
        """Watch no more, and let everybody leave."""
        super().__exit__(*details)
        for robot in self.ever:
            robot.leaves.set()
        for robot in self.ever:
            if robot.thread is not None:
                robot.thread.join()

    @property
    def ever(self) -> list[Robot]:
        """Everyone that ever was."""
        return list(self._by_uid.values())

    def take(self, line: str) -> None:
        """Follow a pod."""
        super().take(line)
        event, now = json.loads(line), time.time()
        pod = event["object"]
        robot = self._by_uid.setdefault(pod["metadata"]["uid"], Robot(created_at=now))
        if event["type"] == "DELETED" or "deletionTimestamp" in pod["metadata"]:
            robot.leaves.set()
            if robot.thread is None and robot.gone_at is None:
                robot.gone_at = now
        elif robot.thread is None and _is_ready(pod):
            robot.thread = threading.Thread(target=self._work, args=(robot,))
            robot.thread.start()

    def _work(self, robot: Robot) -> None:
        with redis.Redis(host=self._server.address, port=self._server.port) as client:
            robot.asked_at = time.time()
            while not robot.leaves.is_set():
                if not self._take_a_job(client):
                    robot.leaves.wait(self._sleep_seconds)
        robot.gone_at = time.time()

    def _take_a_job(self, client: Any) -> bool:
        """Take the next job and end it; tell whether there was one."""
        began_at = time.time()
        notify, reserved = f"{self._key}:notify", f"{self._key}:reserved"
        expires_at = int(began_at) + RETRY_AFTER_SECONDS
        _, taken = client.eval(POP, 3, self._key, reserved, notify, expires_at)
        if taken is None:
            return False
        job = json.loads(taken)
        time.sleep(job["data"]["seconds"])
        client.zrem(reserved, taken)
        self.done[int(job["id"])] = Done(began_at, time.time())
        return True


class WorkersAskedFor(ObjectWatch):
    """How many workers the only pool of a namespace was to have, from `with` to its end."""

    def __init__(self, namespace: Namespace) -> None:
        super().__init__(namespace.cluster, f"/apis/apps/v1/namespaces/{namespace.name}/deployments")
        self.numbers: list[tuple[float, int]] = []
        """Since when it was to have how many; the first is what it began with."""

    def __enter__(self) -> Self:
        """Begin, and wait for the number that there is: the next one may come within hundredths of a second."""
        super().__enter__()
        wait_until(lambda: bool(self.numbers), what="the number of workers is known", timeout_seconds=30)
        return self

    def take(self, line: str) -> None:
        """Note a number that is not the one before."""
        super().take(line)
        replicas = json.loads(line)["object"]["spec"]["replicas"]
        if not self.numbers or self.numbers[-1][1] != replicas:
            self.numbers.append((time.time(), replicas))

    def asked_at(self, created_at: float) -> float:
        """Tell when a worker was asked for whose pod was seen to be there at *created_at*."""
        return max(
            at
            for (_, before), (at, after) in pairwise(self.numbers)
            if after > before and at <= created_at + WATCHES_APART_SECONDS
        )


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
