"""Several operators share the pools by Leases: each pool is one's, whatever happens to the others."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import push, quick_pool
from harness.audit import Audit
from harness.operator_process import NAMESPACE, USER, OperatorProcess
from harness.pools import Namespace
from harness.progress import wait_until
from queueworkers.cluster.leases import LEASE_LABEL
from queueworkers.domain.sharding import shard_lease, shard_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from harness.redis import RedisServer

SHARDS = 4
FAIL_OVER_SECONDS = 20.0
HAND_OVER_SECONDS = 3.0
JOIN_SECONDS = 15.0
"""Long for what takes two looks of a second each."""


def an_operator(cluster: Cluster, name: str, *, shards: int = SHARDS) -> OperatorProcess:
    """Make one of those that share."""
    return OperatorProcess(
        cluster, f"--lease-namespace={NAMESPACE}", f"--shards={shards}", f"--identity={name}"
    )


def holders(cluster: Cluster, *, shards: int = SHARDS) -> list[str]:
    """Tell who has each shard; empty where nobody has."""
    found = cluster.kubectl_json("get", "leases", f"--namespace={NAMESPACE}")["items"]
    names = {lease["metadata"]["name"]: lease["spec"].get("holderIdentity", "") for lease in found}
    return [names.get(shard_lease(shard), "").partition("_")[0] for shard in range(shards)]


def wait_for_holders(
    cluster: Cluster, *numbers: int, among: str, within_seconds: float, shards: int = SHARDS
) -> float:
    """Wait until the operators of these one-letter names have so many shards each, in any order; tell how long."""
    began_at = time.monotonic()

    def shared_out() -> bool:
        now = holders(cluster, shards=shards)
        return sorted(now.count(name) for name in among) == sorted(numbers)

    wait_until(
        shared_out,
        what=f"{among} have {numbers} shards",
        timeout_seconds=within_seconds,
        interval_seconds=0.2,
    )
    return time.monotonic() - began_at


def require_one_writer(audit: Audit, spaces: list[Namespace], *, shards: int = SHARDS) -> dict[str, set[str]]:
    """
    See that whoever wrote for a pool had its shard at that moment, by the API server's own order of events.

    Returns:
        Who wrote in each namespace.
    """
    names = {space.name: shard_lease(shard_of(space.name, shards)) for space in spaces}
    holder: dict[str, str] = {}
    writers: defaultdict[str, set[str]] = defaultdict(set)
    for request in sorted(audit.requests(), key=lambda each: each.answered_at):
        if not request.writes or not 200 <= request.status < 300:
            continue
        if request.resource == "leases":
            holder[request.name] = request.agent
        elif request.namespace in names:
            assert holder.get(names[request.namespace]) == request.agent, (request, holder)
            writers[request.namespace].add(request.agent)
    return writers


@pytest.fixture(autouse=True)
def _nobody_was_there(installed: Cluster) -> None:
    """Begin without what operators left that a test before has killed: their Leases would be waited for."""
    installed.run_kubectl("delete", "leases", f"--namespace={NAMESPACE}", f"--selector={LEASE_LABEL}")


@pytest.fixture
def spaces(installed: Cluster) -> Iterator[list[Namespace]]:
    """A namespace in each shard."""
    found: dict[int, str] = {}
    while len(found) < SHARDS:
        name = f"test-{secrets.token_hex(4)}"
        found.setdefault(shard_of(name, SHARDS), name)
    made = [Namespace(installed, name) for _, name in sorted(found.items())]
    for space in made:
        installed.run_kubectl("create", "namespace", space.name)
    yield made
    for space in made:
        space.delete()


def apply_pools(spaces: list[Namespace], redis: RedisServer) -> None:
    """Apply a pool in each."""
    for space in spaces:
        space.apply_pool("orders", quick_pool(redis, scaling={"minReplicas": 1, "backlogPerWorker": 5}))


def settle(spaces: list[Namespace], replicas: int) -> None:
    """Wait until each pool has so many workers, and all is said of them."""
    for space in spaces:
        space.wait_for_replicas("orders", replicas)
        space.wait_for_reason("orders", "Complete", kind="Progressing")


def test_the_survivor_takes_over_all_and_changes_nothing(
    installed: Cluster, spaces: list[Namespace], redis: RedisServer
) -> None:
    """Of two operators one is killed; the other has all within 20 s, writes nothing for that, and follows the backlog."""
    audit = Audit(installed, USER)
    with an_operator(installed, "a") as first, an_operator(installed, "b"):
        # Before, the first has them all, and would be seen to write in each.
        wait_for_holders(installed, 2, 2, among="ab", within_seconds=JOIN_SECONDS)
        apply_pools(spaces, redis)
        settle(spaces, 1)
        time.sleep(6)  # the last numbers are told at the pace of numbers
        at_rest = Audit(installed, USER)
        first.kill()
        wait_for_holders(installed, SHARDS, among="b", within_seconds=FAIL_OVER_SECONDS)
        time.sleep(5)
        assert [each for space in spaces for each in at_rest.writes(space.name)] == []
        push(redis, 30)
        settle(spaces, 6)
    writers = require_one_writer(audit, spaces)
    assert sorted(len(writers[space.name]) for space in spaces) == [1, 1, 2, 2]


def test_one_that_was_stopped_writes_nothing_for_what_it_lost(
    installed: Cluster, spaces: list[Namespace], redis: RedisServer
) -> None:
    """An operator stands still for longer than a lease, with work to do, and writes only what is its own when it goes on."""
    audit = Audit(installed, USER)
    with an_operator(installed, "a") as first, an_operator(installed, "b"):
        apply_pools(spaces, redis)
        wait_for_holders(installed, 2, 2, among="ab", within_seconds=JOIN_SECONDS)
        settle(spaces, 1)
        first.pause()
        push(redis, 30)
        wait_for_holders(installed, SHARDS, among="b", within_seconds=FAIL_OVER_SECONDS)
        settle(spaces, 6)
        push(redis, 20)
        first.resume()
        settle(spaces, 10)
        wait_for_holders(installed, 2, 2, among="ab", within_seconds=JOIN_SECONDS)
        push(redis, 20)
        settle(spaces, 14)
    require_one_writer(audit, spaces)


def test_who_comes_gets_a_part_and_who_leaves_gives_it_up_at_once(
    installed: Cluster, spaces: list[Namespace], redis: RedisServer
) -> None:
    """A third operator is given one of four shards; one that ends in good order is followed within 3 s."""
    audit = Audit(installed, USER)
    with ExitStack() as running:
        first = running.enter_context(an_operator(installed, "a"))
        running.enter_context(an_operator(installed, "b"))
        apply_pools(spaces, redis)
        wait_for_holders(installed, 2, 2, among="ab", within_seconds=JOIN_SECONDS)
        settle(spaces, 1)
        running.enter_context(an_operator(installed, "c"))
        wait_for_holders(installed, 2, 1, 1, among="abc", within_seconds=JOIN_SECONDS)
        push(redis, 30)
        settle(spaces, 6)
        first.stop()
        wait_for_holders(installed, 2, 2, among="bc", within_seconds=HAND_OVER_SECONDS)
        push(redis, 20)
        settle(spaces, 10)
    require_one_writer(audit, spaces)


def test_one_leads_and_the_other_stands_by(
    installed: Cluster, namespace: Namespace, redis: RedisServer
) -> None:
    """With one shard it is the election of a leader: the second one follows the first within 20 s, and then it leads."""
    audit = Audit(installed, USER)
    with an_operator(installed, "a", shards=1) as first:
        wait_for_holders(installed, 1, among="a", within_seconds=JOIN_SECONDS, shards=1)
        with an_operator(installed, "b", shards=1):
            apply_pools([namespace], redis)
            settle([namespace], 1)
            assert holders(installed, shards=1) == ["a"]
            killed_at = time.monotonic()
            first.kill()
            push(redis, 30)
            namespace.wait_for_replicas("orders", 6, seconds=FAIL_OVER_SECONDS)
            print(f"the job was seen {time.monotonic() - killed_at:.1f} s after the leader was killed")
    writers = require_one_writer(audit, [namespace], shards=1)
    assert len(writers[namespace.name]) == 2


def test_operators_that_divide_otherwise_do_not_work_side_by_side(
    installed: Cluster, spaces: list[Namespace], redis: RedisServer
) -> None:
    """One with another number of shards stands by as long as those of the number before are there."""
    audit = Audit(installed, USER)
    with an_operator(installed, "a") as first:
        wait_for_holders(installed, SHARDS, among="a", within_seconds=JOIN_SECONDS)
        with an_operator(installed, "b", shards=3):
            apply_pools(spaces, redis)
            settle(spaces, 1)
            assert holders(installed) == ["a"] * SHARDS
            first.stop()
            wait_for_holders(installed, 3, among="b", within_seconds=10, shards=3)
            push(redis, 30)
            settle(spaces, 6)
    writers = {agent for request in audit.requests() if request.writes for agent in [request.agent]}
    assert len(writers) == 2
