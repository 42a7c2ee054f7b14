"""`spec.custom`: where the jobs of other workers are."""

from typing import Annotated

from pydantic import Field

from queueworkers.api.base import DAY, ApiModel
from queueworkers.frameworks.base import JobState, ListEnd, QueueStore, StoreKind


class CustomKey(ApiModel):
    """A key that holds jobs, all of them in the same state."""

    key: Annotated[str, Field(min_length=1, max_length=512)]
    """
    The Redis key, without `spec.redis.prefix`, which goes in front.  `$(queue)` stands for the
    name of a queue; a key without it is shared by all queues and counted once, with the first.
    Control characters can be written in double quotes, as in "\\x06".
    """
    type: StoreKind
    """What the key holds: List, SortedSet or Stream."""
    jobs: JobState
    """
    What its jobs wait for.  Ready: a worker may take them now.  Delayed: they are held back;
    those whose time has come count as waiting.  Reserved: a worker has taken them; those whose
    time is over count as waiting again.  Of a stream, what the group has not got is Ready, and
    what its consumers have not acknowledged is Reserved.
    """
    scores_per_second: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """
    Says that the scores of a sorted set are times since 1970, and how far they run in a second:
    1 for seconds, 1000 for milliseconds.  When not given scores are no times, and all members
    count as what `jobs` says.
    """
    expires_after_seconds: Annotated[int, Field(ge=0, le=30 * DAY)] = 0
    """
    How long after its score a Reserved job is handed to another worker, where the score is when
    it was taken.  0: the score is when that happens.
    """
    group: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The group of consumers that the workers of a stream are."""
    taken_from: ListEnd = ListEnd.HEAD
    """
    The end of a list from which workers take.  Head: jobs are added by RPUSH and taken by LPOP.
    Tail: they are added by LPUSH and taken by RPOP or BRPOP.  Only the age of the oldest job
    depends on it.
    """

    def as_store(self) -> QueueStore:
        """Say the same in the words that everything else understands."""
        return QueueStore(
            key=self.key,
            kind=self.type,
            jobs=self.jobs,
            scores_per_second=self.scores_per_second,
            expires_after_seconds=self.expires_after_seconds,
            taken_from=self.taken_from,
            group=self.group,
        )


class CustomQueues(ApiModel):
    """How the queues of other workers are stored."""

    keys: Annotated[tuple[CustomKey, ...], Field(min_length=1, max_length=32)]
    """Every key that holds jobs."""

    @property
    def stores(self) -> tuple[QueueStore, ...]:
        """The keys as they are declared, those first that workers take from."""
        return tuple(
            sorted(
                (each.as_store() for each in self.keys), key=lambda store: store.jobs is not JobState.READY
            )
        )
