"""A complete list is made of pages, and one that fails does not end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from queueworkers.cluster import resync as resync_module
from queueworkers.cluster.inventory import Inventory
from queueworkers.cluster.resync import TRIES, resync
from queueworkers.domain.identity import PoolKey
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from queueworkers.cluster.client import KubernetesApi

PAGES = (("first",), ("second",))


class LittleApi:
    """An API server with two pages of pools and nothing else, which refuses as often as it is told."""

    def __init__(self, *refusals: int, at_page: int = 1) -> None:
        self._refusals = list(refusals)
        self._at_page = at_page
        self.asked: list[int] = []

    async def get(self, path: str) -> dict[str, Any]:
        """Answer with the page that is asked for."""
        if "queueworkerpools" not in path:
            return {"items": [], "metadata": {"resourceVersion": "9"}}
        number = int(parse_qs(urlsplit(path).query).get("continue", ["0"])[0])
        self.asked.append(number)
        if number == self._at_page and self._refusals:
            raise ApiServerError(verb="get", path=path, status=self._refusals.pop(0), message="not now")
        more = {"continue": str(number + 1)} if number + 1 < len(PAGES) else {}
        return {
            "items": [a_raw_pool(name) for name in PAGES[number]],
            "metadata": {"resourceVersion": "9", **more},
        }


def a_raw_pool(name: str) -> dict[str, Any]:
    """A pool as the API server tells it."""
    metadata = {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "5"}
    return {"metadata": metadata, "spec": {}}


async def list_all(api: LittleApi) -> frozenset[PoolKey]:
    """Make the lists, and tell what was news."""
    return await resync(cast("KubernetesApi", api), Inventory(), namespaces=())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync_module, "AGAIN_AFTER_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("refusals", "asked"),
    [
        pytest.param((), [0, 1], id="nothing-fails"),
        pytest.param((0,), [0, 1, 1], id="no-answer-once"),
        pytest.param((503, 429), [0, 1, 1, 1], id="busy-twice"),
        pytest.param((410,), [0, 1, 0, 1], id="too-late-for-the-second-page"),
    ],
)
async def test_all_pages_are_had(refusals: tuple[int, ...], asked: list[int]) -> None:
    """Only a list that came too late begins anew."""
    api = LittleApi(*refusals)
    assert await list_all(api) == {PoolKey("shop", "first"), PoolKey("shop", "second")}
    assert api.asked == asked


@pytest.mark.parametrize(
    "refusals", [pytest.param((403,), id="forbidden"), pytest.param((0,) * TRIES, id="for-ever")]
)
async def test_what_will_not_be_had_is_told(refusals: tuple[int, ...]) -> None:
    """What people must put right is not tried again."""
    with pytest.raises(ApiServerError):
        await list_all(LittleApi(*refusals))
