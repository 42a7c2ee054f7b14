"""Recognising a queue that is written elsewhere, among keys that only look alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.backlog.endpoint import PoolRequest, RedisEndpoint
from queueworkers.backlog.siblings import Sibling, explain_missing, find_siblings
from queueworkers.domain.identity import PoolKey
from queueworkers.frameworks.base import Spelling, list_with_sets
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

ENDPOINT = RedisEndpoint(host="redis", port=6379)


def pool(**changed: Any) -> PoolRequest:
    """A Laravel pool without a prefix in database 0."""
    facts: dict[str, Any] = {
        "key": PoolKey("shop", "pool"), "framework": LARAVEL, "spelling": Spelling(), "queues": ("default",),
        "database": 0, "ever_seen": False,
    }  # fmt: skip
    return PoolRequest(**(facts | changed))


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        pytest.param({0: ["a_queues:default"]}, ["a_queues:default"], id="list"),
        pytest.param({0: ["a_queues:default:delayed"]}, ["a_queues:default"], id="delayed"),
        pytest.param({0: ["a_queues:default:reserved", "a_queues:default"]}, ["a_queues:default"], id="once"),
        pytest.param({0: ["a_queues:default:notify"]}, [], id="notify"),
        pytest.param({0: ["a_queues:defaults", "queues:x:default", "default"]}, [], id="alike"),
        pytest.param({0: ["queues:default"]}, [], id="its-own-key"),
        pytest.param({3: ["queues:default"], 1: ["a_queues:default"]}, ["queues:default", "a_queues:default"], id="nearest-first"),
        pytest.param({0: ["{queues:default}:reserved"]}, ["{queues:default}"], id="other-framework"),
    ],
)  # fmt: skip
def test_siblings(keys, found):
    """Other places of a queue of that name, the one with the fewest changes first."""
    assert [each.ready for each in find_siblings(pool(), keys, claimed=())] == found


def test_what_other_pools_hold_is_no_evidence():
    """A queue that another pool reads is not this one's."""
    assert find_siblings(pool(), {0: ["a_queues:default"]}, claimed={(0, "a_queues:default")}) == []


@given(
    framework=st.sampled_from([LARAVEL, THINKPHP]),
    prefix=st.text(alphabet="ab_:*[]?\\", max_size=6),
    database=st.integers(0, 15),
    version=st.sampled_from([None, (1, 1), (3, 0, 4), (3, 0, 9)]),
)
def test_following_the_advice_finds_the_queue(framework, prefix, database, version):
    """Whatever an application writes, it is found from a pool that declares nothing right, or is not missing."""
    written = framework.keys("default", Spelling(prefix=prefix, version=version))[0].key
    found = find_siblings(pool(), {database: [written]}, claimed=())
    if (written, database) == ("queues:default", 0):
        assert found == []
        return
    assert [(each.ready, each.database) for each in found] == [(written, database)]
    advice = " and ".join(found[0].advice)
    assert (f"set spec.redis.database: {database}" in advice) is (database != 0)
    assert ("spec.redis.prefix" in advice) is bool(found[0].prefix)
    assert written in explain_missing(pool(), found[0], ENDPOINT).message


def test_strange_keys_are_printed_harmlessly():
    """A key is whatever somebody wrote; the sentence has no control characters."""
    stores = list_with_sets("\x1b[31m\udcff_queues:default")
    strange = Sibling(database=0, stores=stores, prefix="\x1b", advice=("x",), jobs=1)
    assert explain_missing(pool(), strange, ENDPOINT).message.isprintable()
