"""When which number of workers was asked for, as the API server tells those that watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_PAGE = 500
_WATCH_SECONDS = 24 * 3600


class Target(NamedTuple):
    """A Deployment."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Where the API server keeps it."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.name}"


@dataclass(slots=True)
class Sightings:
    """The numbers that were asked for in one Deployment, from some moment on."""

    seen: list[tuple[int, int]] = field(default_factory=list)
    """When, in nanoseconds of the monotonic clock, and how many; only changes."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def first_above(self, fewer: int) -> int | None:
        """Tell when there were first more than so many, in nanoseconds; ``None`` when there never were."""
        return next((at for at, replicas in self.seen if replicas > fewer), None)

    def note(self, at: int, replicas: int) -> None:
        """Add one."""
        self.seen.append((at, replicas))
        self.changed.set()

    async def above(self, fewer: int) -> int:
        """Wait until there are more than so many, and tell since when, in nanoseconds."""
        while (at := self.first_above(fewer)) is None:
            self.changed.clear()
            await self.changed.wait()
        return at


class ApiServer:
    """
    A connection to the API server for one who measures: with nothing between the socket and the clock.

    Args:
        kubeconfig: As the harness writes them, with a token.
    """

    def __init__(self, kubeconfig: Path) -> None:
        content = json.loads(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._session = aiohttp.ClientSession(
            cluster["server"],
            headers={"Authorization": f"Bearer {user['token']}"},
            connector=aiohttp.TCPConnector(
                ssl=ssl.create_default_context(cafile=cluster["certificate-authority"])
            ),
            timeout=aiohttp.ClientTimeout(),
            read_bufsize=2**24,
            raise_for_status=True,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the connection."""
        await self._session.close()

    async def get(self, path: str, **query: str) -> Any:
        """Read one object, or a collection."""
        async with self._session.get(path, params=query) as answer:
            return json.loads(await answer.read())

    async def create(self, path: str, body: Any) -> None:
        """Create one object."""
        async with self._session.post(path, json=body) as answer:
            await answer.read()

    async def delete(self, path: str) -> None:
        """Delete one object."""
        async with self._session.delete(path) as answer:
            await answer.read()

    async def scale(self, target: Target, replicas: int) -> None:
        """Ask for so many workers, in the fewest bytes and steps that there are."""
        async with self._session.patch(
            target.path,
            data=b'{"spec":{"replicas":%d}}' % replicas,
            headers={"Content-Type": "application/merge-patch+json"},
        ) as answer:
            await answer.read()

    async def apply_scale(self, target: Target, replicas: int) -> None:
        """Ask for so many workers in the way of this operator: applied on the server's side."""
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": target.name},
            "spec": {"replicas": replicas},
        }
        async with self._session.patch(
            target.path,
            params={"fieldManager": "bench", "force": "true"},
            data=json.dumps(body),
            headers={"Content-Type": "application/apply-patch+yaml"},
        ) as answer:
            await answer.read()

    async def lines(self, path: str, **query: str) -> AsyncIterator[tuple[int, bytes]]:
        """Read a watch: each line, with the moment at which its last byte was there."""
        async with self._session.get(path, params=query) as answer:
            while line := await answer.content.readline():
                yield time.monotonic_ns(), line


class ReplicasWatch:
    """The number of workers that each Deployment of a cluster asks for, always."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._now: dict[Target, int] = {}
        self._pods: dict[Target, int] = {}
        self._followed: dict[Target, Sightings] = {}
        self._task: asyncio.Task[None] | None = None
        self.heard_at = time.monotonic()
        """When anything was last told of any of them."""

    async def __aenter__(self) -> Self:
        version = await self._list()
        self._task = asyncio.create_task(self._watch(version))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def count(self) -> int:
        """Count the Deployments."""
        return len(self._now)

    def count_in(self, namespace: str) -> int:
        """Count those of one namespace."""
        return sum(target.namespace == namespace for target in self._now)

    def is_idle(self, target: Target) -> bool:
        """Tell whether it exists, asks for no worker and has none."""
        return self._now.get(target) == 0 and not self._pods[target]

    @contextlib.contextmanager
    def following(self, target: Target) -> Iterator[Sightings]:
        """Note what is asked for in one of them."""
        sightings = self._followed[target] = Sightings()
        try:
            yield sightings
        finally:
            del self._followed[target]

    def check(self) -> None:
        """Raise what ended the watch, if it has ended."""
        if self._task is not None and self._task.done():
            self._task.result()
            raise ConnectionError("the API server has ended the watch of the Deployments")

    async def _list(self) -> str:
        self._now.clear()
        query = {"limit": str(_PAGE)}
        while True:
            page = await self._server.get("/apis/apps/v1/deployments", **query)
            for each in page["items"]:
                self._take(0, each)
            if not page["metadata"].get("continue"):
                return str(page["metadata"]["resourceVersion"])
            query["continue"] = page["metadata"]["continue"]

    async def _watch(self, version: str) -> None:
        """Watch, and begin anew where the API server ends it between two pushes: a thousand deletions are too fast for it."""
        while True:
            async for at, line in self._server.lines(
                "/apis/apps/v1/deployments",
                watch="1",
                resourceVersion=version,
                timeoutSeconds=str(_WATCH_SECONDS),
            ):
                event = json.loads(line)
                self.heard_at = time.monotonic()
                if event["type"] == "ERROR":
                    break
                if event["type"] == "DELETED":
                    self._now.pop(_target_of(event["object"]), None)
                else:
                    self._take(at, event["object"])
            if self._followed:
                return
            version = await self._list()

    def _take(self, at: int, deployment: Any) -> None:
        target, replicas = _target_of(deployment), deployment["spec"]["replicas"]
        if replicas != self._now.get(target) and target in self._followed:
            self._followed[target].note(at, replicas)
        self._now[target] = replicas
        self._pods[target] = deployment.get("status", {}).get("replicas", 0)


def _target_of(deployment: Any) -> Target:
    metadata = deployment["metadata"]
    return Target(metadata["namespace"], metadata["name"])
