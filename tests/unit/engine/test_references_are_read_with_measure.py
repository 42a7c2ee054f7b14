"""ConfigMaps and Secrets are read by name, once for all, never too often, and an error changes nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from queueworkers.api.restart import OnChange, ReferenceKind
from queueworkers.domain.identity import PoolKey
from queueworkers.domain.references import Dependence, Reference
from queueworkers.engine.references import ReferenceObserver
from queueworkers.errors import ApiServerError
from unit.engine.virtual_time import Running, now, virtually

if TYPE_CHECKING:
    from collections.abc import Mapping

FORBIDDEN = ApiServerError(verb="get", path="/configmaps/shop", status=403, message="not allowed")


@dataclass
class LittleNamespaces(Running[ReferenceObserver]):
    """The ConfigMaps of all namespaces, and who was asked to look at their pool again."""

    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    """Digests by namespace and name."""
    error: Exception | None = None
    hanging: bool = False
    asked: list[tuple[float, str, str]] = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.observer = ReferenceObserver(self, changed=lambda key: self.told.append((now(), key.name)))

    async def observe_digest(self, namespace: str, reference: Reference) -> str | None:
        """Name one."""
        self.asked.append((now(), namespace, reference.name))
        if self.hanging:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return self.contents.get((namespace, reference.name))

    def follow(
        self,
        pool: str,
        *names: str,
        namespace: str = "shop",
        carried: Mapping[str, str] | None = None,
        on_change: OnChange = OnChange.RESTART,
    ) -> Mapping[str, str] | None:
        """Follow the ConfigMaps that a pool's workers need, as the reconciler does whenever it looks at it."""
        dependences = tuple(
            Dependence(reference=Reference(ReferenceKind.CONFIG_MAP, name), needed=True, on_change=on_change)
            for name in names
        )
        return self.observer.follow(PoolKey(namespace, pool), dependences, carried or {})


def test_a_new_pool_waits_for_the_first_reading_and_is_woken_by_it() -> None:
    """Made without the digest, its template would be replaced at once by one with it."""

    async def scenario() -> list[object]:
        async with LittleNamespaces({("shop", "env"): "one"}).running() as it:
            seen: list[object] = [it.follow("a", "env")]
            await asyncio.sleep(0.5)
            return [*seen, it.follow("a", "env"), it.told]

    first, second, told = virtually(scenario())

    assert first is None
    assert second == {"ConfigMap/env": "one"}
    assert told == [(0.05, "a")]


def test_what_the_template_carries_is_good_until_something_else_is_known() -> None:
    """An operator that has just started waits for nothing and replaces nobody."""

    async def scenario() -> tuple[object, object]:
        async with LittleNamespaces({("shop", "env"): "two"}).running() as it:
            at_first = it.follow("a", "env", carried={"ConfigMap/env": "one"})
            await asyncio.sleep(1)
            return at_first, it.follow("a", "env", carried={"ConfigMap/env": "one"})

    assert virtually(scenario()) == ({"ConfigMap/env": "one"}, {"ConfigMap/env": "two"})


def test_a_pool_without_references_waits_for_nothing() -> None:
    """And nothing is read for it, nor for what it ignores."""

    async def scenario() -> tuple[object, object, list[object]]:
        async with LittleNamespaces().running() as it:
            nothing = it.follow("a")
            ignored = it.follow("b", "env", on_change=OnChange.IGNORE)
            await asyncio.sleep(30)
            return nothing, ignored, list(it.asked)

    assert virtually(scenario()) == ({}, {}, [])


def test_a_change_is_told_to_every_pool_that_refers_to_it() -> None:
    """Within the interval; the same content again is told to nobody."""

    async def scenario() -> list[tuple[float, str]]:
        async with LittleNamespaces({("shop", "env"): "one", ("other", "env"): "one"}).running() as it:
            it.follow("a", "env")
            it.follow("b", "env")
            it.follow("c", "env", namespace="other")
            await asyncio.sleep(35)
            it.told.clear()
            it.contents["shop", "env"] = "two"
            await asyncio.sleep(35)
            return sorted(it.told, key=lambda each: each[1])

    told = virtually(scenario())

    assert [name for _, name in told] == ["a", "b"]
    assert all(when < 46 for when, _ in told)


def test_many_pools_with_one_config_read_it_once() -> None:
    """Whatever their number; every ten seconds, and no more once the last of them is gone."""

    async def scenario() -> tuple[int, int]:
        async with LittleNamespaces({("shop", "env"): "one"}).running() as it:
            for number in range(100):
                it.follow(f"pool-{number}", "env")
            await asyncio.sleep(60)
            for number in range(100):
                it.observer.forget(PoolKey("shop", f"pool-{number}"))
            before = len(it.asked)
            await asyncio.sleep(60)
            return before, len(it.asked)

    assert virtually(scenario()) == (6, 6)


def test_a_pool_that_is_edited_is_no_longer_told_of_what_it_had() -> None:
    """Each look says anew what a pool depends on."""

    async def scenario() -> tuple[set[str], list[tuple[float, str]]]:
        async with LittleNamespaces({("shop", "old"): "1", ("shop", "new"): "1"}).running() as it:
            it.follow("a", "old")
            await asyncio.sleep(1)
            it.follow("a", "new")
            await asyncio.sleep(1)
            it.told.clear()
            it.asked.clear()
            it.contents["shop", "old"] = "2"
            await asyncio.sleep(60)
            return {name for _, _, name in it.asked}, it.told

    assert virtually(scenario()) == ({"new"}, [])


def test_very_many_are_read_at_a_bounded_rate_and_each_gets_its_turn() -> None:
    """A thousand objects: never more than 20 in a second, and all of them again within a minute or so."""

    async def scenario() -> list[tuple[float, str, str]]:
        async with LittleNamespaces().running() as it:
            for number in range(1000):
                it.follow(f"pool-{number}", f"env-{number}")
            await asyncio.sleep(240)
            return it.asked

    asked = virtually(scenario())
    pauses = [after - before for (before, *_), (after, *_) in pairwise(asked)]
    of_each = Counter(name for _, _, name in asked)

    assert min(pauses) >= 1 / 20 - 1e-6
    assert len(of_each) == 1000
    assert min(of_each.values()) >= 3


def test_a_reading_in_very_many_waits_for_few_others() -> None:
    """There is a reserve: a new pool gets its first reading although everything else is read all the time."""

    async def scenario() -> object:
        async with LittleNamespaces({("shop", "late"): "one"}).running() as it:
            for number in range(1000):
                it.follow(f"pool-{number}", f"env-{number}")
            await asyncio.sleep(300)
            it.follow("late", "late")
            await asyncio.sleep(2.5)
            return it.follow("late", "late")

    assert virtually(scenario()) == {"ConfigMap/late": "one"}


def test_an_error_changes_nothing() -> None:
    """What was known stays known, nobody is told, and it is tried again."""

    async def scenario() -> tuple[object, list[tuple[float, str]], object]:
        async with LittleNamespaces({("shop", "env"): "one"}).running() as it:
            it.follow("a", "env")
            await asyncio.sleep(1)
            it.told.clear()
            it.error = FORBIDDEN
            await asyncio.sleep(60)
            during, told = it.follow("a", "env"), list(it.told)
            it.error = None
            it.contents["shop", "env"] = "two"
            await asyncio.sleep(130)
            return during, told, it.follow("a", "env")

    assert virtually(scenario()) == ({"ConfigMap/env": "one"}, [], {"ConfigMap/env": "two"})


def test_what_cannot_be_read_is_not_waited_for() -> None:
    """A new pool whose ConfigMap the operator may not read has its workers all the same."""

    async def scenario() -> tuple[object, object, list[tuple[float, str]]]:
        async with LittleNamespaces(error=FORBIDDEN).running() as it:
            first = it.follow("a", "env")
            await asyncio.sleep(1)
            return first, it.follow("a", "env"), it.told

    first, then, told = virtually(scenario())

    assert (first, then) == (None, {})
    assert told == [(0.05, "a")]


def test_an_api_server_that_hangs_is_waited_for_three_seconds() -> None:
    """Then the pool is looked at again, and goes on without."""

    async def scenario() -> tuple[object, object, list[tuple[float, str]]]:
        async with LittleNamespaces(hanging=True).running() as it:
            first = it.follow("a", "env")
            await asyncio.sleep(10)
            return first, it.follow("a", "env"), it.told

    assert virtually(scenario()) == (None, {}, [(3.0, "a")])


def test_a_missing_one_is_known_to_be_missing() -> None:
    """The pods themselves say so; when it comes it is a change."""

    async def scenario() -> list[object]:
        async with LittleNamespaces().running() as it:
            it.follow("a", "env")
            await asyncio.sleep(1)
            seen: list[object] = [it.follow("a", "env")]
            it.contents["shop", "env"] = "one"
            await asyncio.sleep(11)
            return [*seen, it.follow("a", "env"), [name for _, name in it.told]]

    assert virtually(scenario()) == [{}, {"ConfigMap/env": "one"}, ["a", "a"]]
