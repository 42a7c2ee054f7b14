"""
The Leases by which several operators share the namespaces, and the rounds in which one keeps its part.

What is to be done is decided in `queueworkers.domain.sharding`; here it is asked of the API server.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from queueworkers.api.base import GROUP
from queueworkers.cluster import paths
from queueworkers.cluster.gate import Lane
from queueworkers.domain.sharding import LEASE_SECONDS, Act, LeaseRecord, Share, Step, shard_of
from queueworkers.errors import ApiServerError, ConflictError, NotFoundError, NotPreparedError

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Mapping, Sequence

    from queueworkers.cluster.client import KubernetesApi

LEASE_LABEL = f"{GROUP}/operators"
"""On every Lease of the operators; its value is the same, and only there to be selected."""

LAYOUT_ANNOTATION = f"{GROUP}/layout"

LOOK_SECONDS = 1.0
"""Between two looks at the Leases: so soon is seen that one was given up, or has run out."""

LEAVE_SECONDS = 8.0
"""How long the end of a process waits for its work and its Leases; what is left then runs out by itself."""

logger = logging.getLogger(__name__)


def monotonic() -> float:
    """
    Tell the seconds since the machine was started, its sleep included.

    `time.monotonic` stands still on Linux while the machine is suspended, and the Leases of others do not.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeaseStore:
    """
    Reads and writes the operators' Leases of one namespace.

    Args:
        api: A connection of its own: a renewal must not wait behind the work that it is for.
        namespace: Where the Leases are.
        identity: Whom to name as the holder.
        layout: How this process divides the namespaces.
    """

    def __init__(self, api: KubernetesApi, namespace: str, *, identity: str, layout: str) -> None:
        self._api = api
        self._namespace = namespace
        self._identity = identity
        self._layout = layout
        self._raws: dict[str, Mapping[str, Any]] = {}

    async def observe(self) -> dict[str, LeaseRecord]:
        """List all of them, as they are at one moment."""
        raws, _ = await self._api.list(paths.leases(self._namespace), labels=f"{LEASE_LABEL}=true")
        self._raws = {raw["metadata"]["name"]: raw for raw in raws}
        return {name: _parse(raw) for name, raw in self._raws.items()}

    async def apply(self, step: Step) -> None:
        """
        Do one step over the version that it names.

        Raises:
            ConflictError: It is not that version any more.
            ApiServerError: As the API server says.
        """
        path = paths.lease(self._namespace, step.lease)
        if step.act is Act.SWEEP:
            await self._api.delete(path, version=step.version or "", lane=Lane.SCALE)
        elif step.version is None:
            await self._api.create(paths.leases(self._namespace), self._render(step), lane=Lane.SCALE)
        else:
            await self._api.replace(path, self._render(step), lane=Lane.SCALE)

    def _render(self, step: Step) -> dict[str, Any]:
        before = self._raws.get(step.lease, {})
        spec = before.get("spec", {})
        now = datetime.now(tz=UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        again = spec.get("holderIdentity") == self._identity
        metadata = {
            "name": step.lease,
            "namespace": self._namespace,
            "labels": {LEASE_LABEL: "true"},
            "annotations": {LAYOUT_ANNOTATION: self._layout},
        }
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata | ({"resourceVersion": step.version} if step.version else {}),
            "spec": {
                "holderIdentity": "" if step.act is Act.RELEASE else self._identity,
                "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": spec.get("acquireTime") if again else now,
                "renewTime": now,
                "leaseTransitions": spec.get("leaseTransitions", 0) + (not again if before else 0),
            },
        }


class Ground(Protocol):
    """What a process works on, shard by shard."""

    async def gain(self, shards: Collection[int]) -> None:
        """Get to know everything in some shards; `ApiServerError` where that failed."""

    def look_at(self, shards: Collection[int]) -> None:
        """Have everything in some shards looked at."""

    async def close(self, shards: Collection[int]) -> None:
        """Begin nothing more for some shards, and return when nothing is under way."""

    def lose(self, shards: Collection[int]) -> None:
        """Forget everything about some shards: they are somebody else's."""


class Alone:
    """The only operator: everything is its own, and there are no Leases."""

    def seconds_left(self, _namespace: str | None) -> float:
        """Permit every write for ever."""
        return inf

    def is_member(self) -> bool:
        """There is nobody else to believe it."""
        return True

    async def start(self, ground: Ground) -> None:
        """Get to know everything, and have it looked at."""
        await ground.gain((0,))
        ground.look_at((0,))

    async def run(self, _ground: Ground) -> None:
        """There is nothing to keep."""

    async def leave(self) -> None:
        """There is nothing to give up."""


class LeaseKeeper:
    """
    Keeps one process's part of the shards.

    Args:
        store: Where the Leases are.
        share: What this process has, and is due to have.
        shards: Into how many the namespaces are divided.
    """

    def __init__(self, store: LeaseStore, share: Share, *, shards: int) -> None:
        self._store = store
        self._share = share
        self._shards = shards
        self._kept: frozenset[int] = frozenset()
        self._beside: set[asyncio.Task[None]] = set()
        self._stirred = asyncio.Event()
        self._left = asyncio.Event()
        self._leaving = False

    def seconds_left(self, namespace: str | None) -> float:
        """Tell for how long this process certainly is the only one to write in a namespace."""
        if namespace is None:
            return 0.0
        return self._share.seconds_left(shard_of(namespace, self._shards), monotonic())

    def is_member(self) -> bool:
        """Tell whether the other operators believe that this one is there."""
        return self._share.is_member(monotonic())

    async def start(self, _ground: Ground) -> None:
        """
        See that the Leases can be used.

        Raises:
            NotPreparedError: They cannot; the message says what to do.
        """
        try:
            await self._store.observe()
        except ApiServerError as error:
            raise NotPreparedError(
                f"the operators' Leases cannot be used: {error}. The operator needs the rights of deploy/ in the"
                " namespace that --lease-namespace names"
            ) from error

    async def run(self, ground: Ground) -> None:
        """Keep the part for ever; after `leave`, until nothing is left of it."""
        while not (self._leaving and not self._share.has_any):
            began = monotonic()
            try:
                changed = await self._round(ground)
            except ApiServerError as error:
                changed = False
                logger.warning("Leases not looked at: %s", error)
            if not changed:
                await self._wait(LOOK_SECONDS - (monotonic() - began))
        self._left.set()

    async def leave(self) -> None:
        """Give up everything in good order, for at most `LEAVE_SECONDS`: what is left then runs out by itself."""
        self._leaving = True
        self._share.leave()
        self._stirred.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._left.wait()

    async def _round(self, ground: Ground) -> bool:
        """Look, and do what is to be done; tell whether the next look should follow at once."""
        began = monotonic()
        records = await self._store.observe()
        self._share.observe(records, began=began, now=monotonic())
        self._hand_over(ground)
        steps = self._share.plan(monotonic())
        closing = [step.shard for step in steps if step.act is Act.CLOSE and step.shard is not None]
        if closing:
            self._do_beside(self._close(ground, closing))
        outcomes = await asyncio.gather(*(self._do(step) for step in steps if step.act is not Act.CLOSE))
        self._hand_over(ground)
        return any(outcomes)

    async def _do(self, step: Step) -> bool:
        """Do one step; tell whether it changed more than a time."""
        began = monotonic()
        try:
            await self._store.apply(step)
        except (ConflictError, NotFoundError):
            return (
                step.act is Act.TAKE
            )  # somebody was faster; the next look shows who, and what else there is
        except ApiServerError as error:
            logger.warning("Lease %s: %s", step.lease, error)
            return False
        self._share.succeeded(step, began=began, now=monotonic())
        if step.act in {Act.TAKE, Act.RELEASE, Act.LAY_OUT}:
            logger.info("Lease %s: %s", step.lease, step.act.value)
        return step.version is None or step.act in {Act.TAKE, Act.RELEASE, Act.LAY_OUT}

    def _hand_over(self, ground: Ground) -> None:
        before, self._kept = self._kept, self._share.kept
        if lost := before - self._kept:
            logger.info("Looking no more after shards %s", _listed(lost))
            ground.lose(lost)
        if gained := self._kept - before:
            logger.info("Taking over shards %s of %d", _listed(gained), self._shards)
            self._do_beside(self._gain(ground, gained))

    async def _gain(self, ground: Ground, shards: frozenset[int]) -> None:
        while shards := shards & self._kept:
            try:
                await ground.gain(shards)
            except ApiServerError as error:
                logger.warning("Shards %s wait for their pools to be listed: %s", _listed(shards), error)
                await asyncio.sleep(LOOK_SECONDS)
            else:
                ground.look_at(shards)
                logger.info("Looking after shards %s", _listed(shards))
                return

    async def _close(self, ground: Ground, shards: Sequence[int]) -> None:
        await ground.close(shards)
        for shard in shards:
            self._share.settled(shard)
        self._stirred.set()

    def _do_beside(self, doing: Coroutine[Any, Any, None]) -> None:
        """Do what may take longer than a renewal can wait."""
        task = asyncio.create_task(doing)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._stirred.wait()
        except TimeoutError:
            return
        self._stirred.clear()


def _parse(raw: Mapping[str, Any]) -> LeaseRecord:
    spec, metadata = raw.get("spec", {}), raw["metadata"]
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        layout=metadata.get("annotations", {}).get(LAYOUT_ANNOTATION, ""),
        version=metadata["resourceVersion"],
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
    )


def _listed(shards: Collection[int]) -> str:
    return ", ".join(map(str, sorted(shards)))
