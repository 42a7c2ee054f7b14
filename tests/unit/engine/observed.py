"""An observer of backlogs in a little world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.pool import Pool
from queueworkers.engine.observer import BacklogObserver
from unit.domain.given import a_spec
from unit.engine.little_redis import LittleRedis, LittleSecrets
from unit.engine.virtual_time import Running, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from queueworkers.domain.backlog import Reading


class Observed(Running[BacklogObserver]):
    """An observer, what it told, and the world it looks at."""

    def __init__(self, **secrets: str) -> None:
        self.redis = LittleRedis()
        self.secrets = LittleSecrets({name: {"password": value.encode()} for name, value in secrets.items()})
        self.told: list[tuple[float, str]] = []
        self.waited_for: list[str] = []
        """Pools of which it told that more jobs wait."""
        self.changed: Callable[[PoolKey], object] = lambda _: None
        """What else is to happen whenever it tells of a pool."""
        self.observer = BacklogObserver(
            self.secrets, connect=self.redis.connect, changed=self._note, jobs_came=self._note_jobs
        )

    def _note(self, key: PoolKey) -> None:
        self.told.append((now(), key.name))
        self.changed(key)

    def _note_jobs(self, key: PoolKey) -> None:
        self.waited_for.append(key.name)
        self._note(key)

    def follow(
        self,
        name: str,
        host: str = "redis.one",
        *,
        secret: str = "",
        every: int = 1,
        scaling: dict[str, Any] | None = None,
        **also: Any,
    ) -> Reading | None:
        """Follow a pool, as the reconciler does whenever it looks at one."""
        reference = {"passwordSecretRef": {"name": secret}} if secret else {}
        key = PoolKey("shop", name)
        pool = Pool(
            identity=PoolIdentity(key=key, uid=name),
            generation=1,
            spec={},
            status=QueueWorkerPoolStatus(),
            restart_annotation=None,
            deleting=False,
        )
        spec = a_spec(
            redis={"host": host, **reference},
            scaling={"pollingIntervalSeconds": every, **(scaling or {})},
            **also,
        )
        return self.observer.follow(pool, spec)

    def forget(self, name: str) -> None:
        """Forget a pool."""
        self.observer.forget(PoolKey("shop", name))


def ready(reading: Reading | None) -> int:
    """Take the number of jobs."""
    assert isinstance(reading, Backlog), reading
    return reading.waiting
