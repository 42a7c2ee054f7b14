"""What the status says of the heads of lists goes back to who reads them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.domain.backlog import SeenHead, Wait
from queueworkers.domain.pool import Pool
from queueworkers.engine.observer import BacklogObserver
from unit.domain.given import NOTHING, POOL, a_backlog, a_spec, ago, told
from unit.engine.little_redis import LittleReader, LittleRedis, LittleSecrets
from unit.engine.virtual_time import virtually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.backlog.endpoint import PoolRequest, RedisEndpoint
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.identity import PoolKey

HEAD = SeenHead(digest="5f70bf18a0860070", since=ago(90))


class Noting(LittleReader):
    """Remembers what it was asked."""

    def __init__(self, redis: LittleRedis, endpoint: RedisEndpoint, asked: list[PoolRequest]) -> None:
        super().__init__(redis, endpoint)
        redis.open.append(self.name)
        self._asked = asked

    async def observe(self, requests: Sequence[PoolRequest]) -> Mapping[PoolKey, Reading]:
        """Note, and read."""
        self._asked.extend(requests)
        return await super().observe(requests)


def asked_for(*, status: QueueWorkerPoolStatus = NOTHING, **fields: Any) -> PoolRequest:
    """What the reader is asked on behalf of a pool of which the API server has this *status*."""
    pool = Pool(identity=POOL, generation=1, spec={}, status=status, restart_annotation=None, deleting=False)
    asked: list[PoolRequest] = []

    async def scenario() -> None:
        redis = LittleRedis()
        observer = BacklogObserver(
            LittleSecrets(),
            connect=lambda endpoint, _: Noting(redis, endpoint, asked),
            changed=lambda _: None,
            jobs_came=lambda _: None,
        )
        observer.follow(pool, a_spec(**fields))
        running = asyncio.create_task(observer.run())
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtually(scenario())
    return asked[0]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        pytest.param("redis", {"default": HEAD}, id="where-it-was-seen"),
        pytest.param("elsewhere", {}, id="not-where-the-pool-has-moved-to"),
    ],
)
def test_what_was_seen_is_handed_on(host: str, known: dict[str, SeenHead]) -> None:
    """By way of the API server, letter for letter; a list elsewhere has a head of its own."""
    stored = told(a_backlog(ready=1, oldest=Wait(HEAD.since), head=HEAD)).to_wire()
    request = asked_for(status=QueueWorkerPoolStatus.model_validate(stored), redis={"host": host})

    assert dict(request.known_heads) == known


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        pytest.param({}, True, id="by-default"),
        pytest.param({"retryAfter": 90}, True, id="after-some-time"),
        pytest.param({"version": "5.4", "retryAfter": 0}, False, id="never"),
    ],
)
def test_whether_claims_end_is_handed_on(fields: dict[str, Any], *, end: bool) -> None:
    """Where they do not, no score of a reserved job means anything."""
    assert asked_for(**fields).claims_end is end


@pytest.mark.parametrize(
    ("scaling", "wanted"),
    [
        pytest.param({}, False, id="by-default"),
        pytest.param({"backlogPerWorker": 5}, False, id="in-jobs"),
        pytest.param({"waitSeconds": 30}, True, id="in-seconds"),
    ],
)
def test_flow_is_asked_for_where_it_is_needed(scaling: dict[str, Any], *, wanted: bool) -> None:
    """A target in jobs needs no rates, and costs no server what they cost."""
    assert asked_for(scaling=scaling).counts_flow is wanted
