"""
What is known of the cluster: pools, their Deployments, their pods.

Filled by watch events, by complete lists and by the answers to our own
writes; read by the reconciler without asking the API server.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from queueworkers.api.scaling import named_budget
from queueworkers.cluster.packing import Packer
from queueworkers.cluster.reading import parse_pod, replica_owners
from queueworkers.domain.identity import POOL_LABEL, BudgetKey, PoolKey

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from queueworkers.cluster.packing import Packed
    from queueworkers.domain.exits import ContainerEnd
    from queueworkers.domain.workers import WorkerPod

Item = TypeVar("Item")
Key = TypeVar("Key", bound="PoolKey | BudgetKey")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveObject:
    """An object as the API server last told it, without the bulk of its managed fields."""

    uid: str
    """Tells two lives of the same name apart."""
    deleting: bool
    """True once its deletion was asked for."""
    controller: str | None
    """The ``uid`` of the controlling owner."""
    replica_owners: frozenset[str]
    """Field managers of ``spec.replicas``, from the managed fields."""
    budget: str | None
    """The budget that a pool names."""
    packed: Packed

    @property
    def content(self) -> Mapping[str, Any]:
        """The object itself; read anew each time, so ask once."""
        content: dict[str, Any] = self.packed.unpack()
        return content

    def belongs_to(self, uid: str) -> bool:
        """Tell whether the object with *uid* is the controlling owner."""
        return self.controller == uid


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item]):
    uid: str
    version: int
    item: Item
    heard: bool
    """Whether a watch or a list told it; until then only an answer to a write of our own did."""


class Shelf(Generic[Key, Item]):
    """
    Objects of one kind, by the pool or budget that they belong to and by name.

    Events, lists and answers arrive in any order; an older version never
    replaces a newer one of the same object.

    Args:
        owner_of: Names the pool or budget of an object; ``None`` when it is not one of ours.
        read: Takes from an object what is worth keeping.
    """

    def __init__(
        self,
        owner_of: Callable[[Mapping[str, Any]], Key | None],
        read: Callable[[Mapping[str, Any]], Item],
    ) -> None:
        self._owner_of = owner_of
        self._read = read
        self._entries: defaultdict[Key, dict[str, _Entry[Item]]] = defaultdict(dict)

    def of(self, key: Key) -> tuple[Item, ...]:
        """Return the objects of an owner, in no order."""
        return tuple(entry.item for entry in self._entries.get(key, {}).values())

    def all(self) -> Iterator[tuple[Key, Item]]:
        """Go through everything there is, each with its owner."""
        for key, entries in self._entries.items():
            for entry in entries.values():
                yield key, entry.item

    def put(self, raw: Mapping[str, Any]) -> None:
        """Take over an object as the API server answered with it to a request of our own."""
        key = self._owner_of(raw)
        if key is not None:
            self._take(key, raw, heard=False)

    def hear(self, raw: Mapping[str, Any]) -> Key | None:
        """Take over what a watch or a list tells; return its owner if neither has told that much before."""
        key = self._owner_of(raw)
        return key if key is not None and self._take(key, raw, heard=True) else None

    def _take(self, key: Key, raw: Mapping[str, Any], *, heard: bool) -> bool:
        """Keep what is newer, and tell whether it is news."""
        name, uid, version = _address(raw)
        known = self._entries[key].get(name)
        if known is None or known.uid != uid or known.version < version:
            self._entries[key][name] = _Entry(uid, version, self._read(raw), heard)
            return True
        if known.version == version and heard and not known.heard:
            # Whoever wrote it has not looked at it since.
            self._entries[key][name] = _Entry(uid, version, known.item, heard)
            return True
        return False

    def drop(self, raw: Mapping[str, Any]) -> Key | None:
        """Forget an object that is gone, unless another of its name has come since; return its owner."""
        key = self._owner_of(raw)
        if key is not None:
            name, uid, _ = _address(raw)
            known = self._entries.get(key, {}).get(name)
            if known and known.uid == uid:
                self._forget(key, name)
        return key

    def keep(self, listed: Container[tuple[Key, str]], *, as_of: int) -> frozenset[Key]:
        """
        Forget what is older than a complete list and not in it.

        A watch that had to start anew does not report what vanished meanwhile;
        this is how it is noticed.

        Args:
            listed: The owner and name of every object there was.
            as_of: The list's own version; an object that is newer came after it.

        Returns:
            The owners of which something had vanished.
        """
        vanished = [
            (key, name)
            for key, entries in self._entries.items()
            for name, entry in entries.items()
            if entry.version <= as_of and (key, name) not in listed
        ]
        for key, name in vanished:
            self._forget(key, name)
        return frozenset(key for key, _ in vanished)

    def address(self, raw: Mapping[str, Any]) -> tuple[Key, str] | None:
        """Name an object by its owner and its own name; ``None`` when it is not one of ours."""
        key = self._owner_of(raw)
        return None if key is None else (key, raw["metadata"]["name"])

    def keep_only(self, keeps: Callable[[str], bool]) -> None:
        """Forget what is not in the namespaces that *keeps* names."""
        for key in [key for key in self._entries if not keeps(key.namespace)]:
            del self._entries[key]

    def _forget(self, key: Key, name: str) -> None:
        del self._entries[key][name]
        if not self._entries[key]:
            del self._entries[key]


ENDS_KEPT = 1000
"""Of each pool: a pod may be gone before anybody looks at how its containers ended."""


class PodShelf(Shelf[PoolKey, "WorkerPod"]):
    """The workers' pods, and the latest ends of their containers, those of pods that are gone included."""

    def __init__(self, owner_of: Callable[[Mapping[str, Any]], PoolKey | None]) -> None:
        super().__init__(owner_of, self._read_and_note)
        self._ends: defaultdict[PoolKey, dict[str, ContainerEnd]] = defaultdict(dict)

    def ends_of(self, key: PoolKey) -> tuple[ContainerEnd, ...]:
        """Return the ends of a pool's containers, in the order in which they were heard of."""
        return tuple(self._ends.get(key, {}).values())

    def drop(self, raw: Mapping[str, Any]) -> PoolKey | None:
        """Forget a pod that is gone, but not how it ended; return its pool."""
        self._read_and_note(raw)
        return super().drop(raw)

    def forget_ends(self, key: PoolKey) -> None:
        """Forget how the workers of a pool ended that is gone itself."""
        self._ends.pop(key, None)

    def _read_and_note(self, raw: Mapping[str, Any]) -> WorkerPod:
        pod, key = parse_pod(raw), self._owner_of(raw)
        if key and pod.ends:
            known = self._ends[key]
            for end in pod.ends:
                known.setdefault(end.container, end)
            for oldest in list(known)[: max(len(known) - ENDS_KEPT, 0)]:
                del known[oldest]
        return pod


def everywhere(_namespace: str) -> bool:
    """Keep what is in any namespace: this process is the only one."""
    return True


class Inventory:
    """
    The shelves of everything that is watched.

    Args:
        keeps: Tells whether what is heard of a namespace is this process's to remember, at this moment.
    """

    def __init__(self, keeps: Callable[[str], bool] = everywhere) -> None:
        self.budgets: Shelf[BudgetKey, LiveObject] = Shelf(_within(keeps, _budget_key), _LiveReader())
        self.pools: Shelf[PoolKey, LiveObject] = Shelf(_within(keeps, _own_key), _LiveReader())
        self.deployments: Shelf[PoolKey, LiveObject] = Shelf(_within(keeps, _deployment_owner), _LiveReader())
        self.pods = PodShelf(_within(keeps, _labelled_pool))

    def pool_keys(self) -> Iterator[PoolKey]:
        """List the pools that are known."""
        return (key for key, _ in self.pools.all())

    def budget_keys(self) -> Iterator[BudgetKey]:
        """List the budgets that are known."""
        return (key for key, _ in self.budgets.all())

    def forget_others(self, keeps: Callable[[str], bool]) -> None:
        """Forget everything outside the namespaces that *keeps* names."""
        self.budgets.keep_only(keeps)
        self.pools.keep_only(keeps)
        self.deployments.keep_only(keeps)
        self.pods.keep_only(keeps)

    def pool(self, key: PoolKey) -> LiveObject | None:
        """Return a pool, if there is one."""
        return next(iter(self.pools.of(key)), None)

    def budget(self, key: BudgetKey) -> LiveObject | None:
        """Return a budget, if there is one."""
        return next(iter(self.budgets.of(key)), None)

    def deployment(self, key: PoolKey) -> LiveObject | None:
        """Return the Deployment of a pool, if it is known to exist."""
        return next(iter(self.deployments.of(key)), None)


class _LiveReader:
    """Reads objects of one kind, and packs them."""

    def __init__(self) -> None:
        self._packer = Packer()

    def __call__(self, raw: Mapping[str, Any]) -> LiveObject:
        """Keep an object without its managed fields, which are as large as the rest."""
        metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
        return LiveObject(
            uid=str(metadata["uid"]),
            deleting="deletionTimestamp" in metadata,
            controller=next(
                (each["uid"] for each in metadata.get("ownerReferences", ()) if each.get("controller")), None
            ),
            replica_owners=replica_owners(raw),
            budget=named_budget(raw["spec"]),
            packed=self._packer.pack({**raw, "metadata": metadata}),
        )


def read_live(raw: Mapping[str, Any]) -> LiveObject:
    """Read one object that nothing like it is known of."""
    return _LiveReader()(raw)


def _within(
    keeps: Callable[[str], bool], owner_of: Callable[[Mapping[str, Any]], Key | None]
) -> Callable[[Mapping[str, Any]], Key | None]:
    """Name the owner of what is kept, and nobody for the rest."""

    def owner(raw: Mapping[str, Any]) -> Key | None:
        return owner_of(raw) if keeps(raw["metadata"]["namespace"]) else None

    return owner


def _own_key(raw: Mapping[str, Any]) -> PoolKey:
    return PoolKey(raw["metadata"]["namespace"], raw["metadata"]["name"])


def _budget_key(raw: Mapping[str, Any]) -> BudgetKey:
    return BudgetKey(raw["metadata"]["namespace"], raw["metadata"]["name"])


def _labelled_pool(raw: Mapping[str, Any]) -> PoolKey | None:
    metadata = raw["metadata"]
    name = metadata.get("labels", {}).get(POOL_LABEL)
    return PoolKey(metadata["namespace"], name) if name else None


def _deployment_owner(raw: Mapping[str, Any]) -> PoolKey | None:
    """A label is easily copied to somebody else's Deployment; the name must fit too."""
    key = _labelled_pool(raw)
    return key if key and key.deployment == raw["metadata"]["name"] else None


def _address(raw: Mapping[str, Any]) -> tuple[str, str, int]:
    metadata = raw["metadata"]
    return metadata["name"], metadata["uid"], int(metadata["resourceVersion"])
