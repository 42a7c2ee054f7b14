"""A watch is stale when complete lists show, again and again, what it does not tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from queueworkers.cluster.inventory import Inventory
from queueworkers.cluster.resync import resync
from queueworkers.cluster.watches import STALE_SECONDS, Watches

if TYPE_CHECKING:
    from queueworkers.cluster.client import KubernetesApi


class Suspicion:
    """Watches, and a time that the test moves."""

    def __init__(self, *namespaces: str) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self.watches = Watches(namespaces, counted=self.told.append, monotonic=lambda: self.now)

    def after(self, seconds: float) -> Watches:
        """Let time pass."""
        self.now += seconds
        return self.watches


def test_silence_that_two_lists_find_news_in_is_stale() -> None:
    """One list may merely have been faster; so may two that follow each other closely."""
    one = Suspicion()
    one.watches.missed("pods", None)
    assert one.after(10 * STALE_SECONDS).stale() == ()
    two = Suspicion()
    two.watches.missed("pods", None)
    two.after(STALE_SECONDS - 1).missed("pods", None)
    assert two.watches.stale() == ()
    two.after(2).missed("pods", None)
    assert two.watches.stale() == ("pods",)


def test_whatever_a_watch_tells_clears_it_and_no_other() -> None:
    """That of another resource may be silent all the same."""
    case = Suspicion()
    for _ in range(2):
        case.watches.missed("pods", None)
        case.watches.missed("deployments", None)
        case.after(STALE_SECONDS)
    case.watches.told("pods", "shop")
    case.after(0)
    assert case.watches.stale() == ("deployments",)
    assert case.told == ["pods"]


def test_where_namespaces_are_watched_one_by_one_each_is_judged_alone() -> None:
    """A lively one does not hide that another one is silent."""
    case = Suspicion("shop", "blog")
    for _ in range(2):
        case.watches.missed("pods", "shop")
        case.watches.missed("pods", "blog")
        case.after(STALE_SECONDS)
        case.watches.told("pods", "blog")
    assert case.watches.stale() == ("pods in shop",)


def a_pool(version: int) -> dict[str, Any]:
    """A pool as a list has it."""
    metadata = {
        "name": "orders",
        "namespace": "shop",
        "uid": "1",
        "resourceVersion": str(version),
        "generation": 1,
    }
    return {"metadata": metadata, "spec": {}}


class Lists:
    """An API server with one pool, of some version."""

    def __init__(self) -> None:
        self.version = 1

    async def get(self, path: str) -> dict[str, Any]:
        """List a page."""
        items = [a_pool(self.version)] if "/queueworkerpools" in path else []
        page: dict[str, Any] = json.loads(
            json.dumps({"items": items, "metadata": {"resourceVersion": str(self.version)}})
        )
        return page


async def test_a_list_tells_what_a_watch_left_out() -> None:
    """Not what the watch told before, and nothing where it could not have told."""
    api, inventory, case = Lists(), Inventory(), Suspicion()

    async def relist(watches: Watches | None) -> None:
        await resync(cast("KubernetesApi", api), inventory, namespaces=(), watches=watches)

    await relist(None)
    await relist(case.watches)
    inventory.pools.hear(a_pool(2))
    api.version = 2
    await relist(case.after(STALE_SECONDS))
    assert case.after(STALE_SECONDS).stale() == ()
    for version in (3, 4):
        api.version = version
        await relist(case.after(STALE_SECONDS))
    assert case.watches.stale() == ("queueworkerpools",)
