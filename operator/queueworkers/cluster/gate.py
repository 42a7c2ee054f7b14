"""
When a request may go to the API server: what is urgent before what only tells, and never more than it can take.

Three limits, and all requests of the process obey them:

- so many in flight at once, and fewer after a 429: half of them, then one more with each round of answers (as TCP does);
- after a 429 nothing for as long as the API server says; after a connection that failed, longer each time;
- a budget of writes per second for what can wait.  A number of workers never waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

FIRST_HOLD_SECONDS = 0.25
LAST_HOLD_SECONDS = 10.0

RETRY_AFTER_SECONDS = 1.0
"""After a 429 that does not say how long; those of the API server itself say one second."""

LONGEST_RETRY_AFTER_SECONDS = 60.0


class Lane(IntEnum):
    """What a request is for; the first of them go first."""

    SCALE = 0
    """How many workers there are, and which: what somebody waits for."""
    READ = 1
    SHAPE = 2
    """Deployments as they are made or changed."""
    TELL = 3
    """Status and Events."""


RESERVE = {Lane.SHAPE: 0.25, Lane.TELL: 0.5}
"""The part of a burst that each lane leaves to those before it; the others are not paced."""


SUBJECT: ContextVar[Hashable | None] = ContextVar("subject", default=None)
"""Whom the requests of a task are about."""


class Pace:
    """
    A budget of writes: *per_second* on average, and twice as many at once.

    Whoever is not paced uses it up all the same, down to nothing, so that the others leave room.
    """

    def __init__(self, per_second: float, *, now: float) -> None:
        self._per_second = per_second
        self._burst = max(2 * per_second, 2.0)
        self._left = self._burst
        self._as_of = now

    def wait_seconds(self, lane: Lane, now: float) -> float:
        """Tell how long a lane has to wait; 0 when it may go."""
        if lane not in RESERVE:
            return 0.0
        self._refill(now)
        missing = RESERVE[lane] * self._burst + 1.0 - self._left
        # What floating-point arithmetic leaves over would wait for ever for nothing.
        return missing / self._per_second if missing > 1e-6 else 0.0  # noqa: PLR2004

    def use(self, lane: Lane, now: float) -> None:
        """Count one request of a lane."""
        if lane is not Lane.READ:
            self._refill(now)
            self._left = max(self._left - 1.0, 0.0)

    def _refill(self, now: float) -> None:
        self._left = min(self._left + (now - self._as_of) * self._per_second, self._burst)
        self._as_of = now


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A request that waits."""

    subject: Hashable | None
    entered_at: asyncio.Future[float]


class Gate:
    """
    Lets requests through, one lane after the other.

    Args:
        max_in_flight: Requests at once.
        writes_per_second: Of what can wait.
        clock: Seconds that never go back.
    """

    def __init__(self, *, max_in_flight: int, writes_per_second: float, clock: Callable[[], float]) -> None:
        self._most = float(max_in_flight)
        self._window = float(max_in_flight)
        self._in_flight = 0
        self._clock = clock
        self._pace = Pace(writes_per_second, now=clock())
        self._waiting: dict[Lane, deque[_Turn]] = {lane: deque() for lane in Lane}
        self._hurried: set[Hashable | None] = set()
        self._held_until = float("-inf")
        self._held_at = float("-inf")
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, lane: Lane) -> float:
        """Wait for a turn, and return when it came; `leave` has to follow."""
        turn = _Turn(SUBJECT.get(), asyncio.get_running_loop().create_future())
        self._waiting[Lane.SCALE if turn.subject in self._hurried else lane].append(turn)
        self._let_in()
        try:
            return await turn.entered_at
        except asyncio.CancelledError:
            if turn.entered_at.done() and not turn.entered_at.cancelled():
                self.leave()
            raise

    def hurry(self, subject: Hashable) -> None:
        """
        Let everything about one subject go first, until `calm`.

        What only tells where it stood a moment ago must not delay what somebody
        waits for now, and that has to come after it.
        """
        self._hurried.add(subject)
        for lane in RESERVE:
            waiting = self._waiting[lane]
            self._waiting[Lane.SCALE].extend(turn for turn in waiting if turn.subject == subject)
            self._waiting[lane] = deque(turn for turn in waiting if turn.subject != subject)
        self._let_in()

    def calm(self, subject: Hashable) -> None:
        """Let what comes from now on about one subject wait like everything else."""
        self._hurried.discard(subject)

    def leave(self) -> None:
        """Make room for the next one."""
        self._in_flight -= 1
        self._let_in()

    def succeeded(self) -> None:
        """Note an answer: the API server is there, and has room."""
        self._failures = 0
        self._window = min(self._window + 1.0 / self._window, self._most)

    def refused(self, retry_after_seconds: float | None, *, entered_at: float) -> None:
        """Note a 429: everything waits, and fewer come at once."""
        seconds = min(retry_after_seconds or RETRY_AFTER_SECONDS, LONGEST_RETRY_AFTER_SECONDS)
        if entered_at >= self._held_at:  # else it went out before the last one was heard
            self._window = max(self._window / 2, 1.0)
        self._hold(seconds)

    def broken(self, *, entered_at: float) -> None:
        """Note that there was no API server to answer: wait, longer each time."""
        if entered_at >= self._held_at:
            self._failures += 1
            self._hold(min(FIRST_HOLD_SECONDS * 2.0 ** (self._failures - 1), LAST_HOLD_SECONDS))

    def _hold(self, seconds: float) -> None:
        now = self._clock()
        self._held_at = now
        self._held_until = max(self._held_until, now + seconds)

    def _let_in(self) -> None:
        """Let in whoever may go, and see to it that this happens again when the next one may."""
        now = self._clock()
        if now < self._held_until:
            self._again(self._held_until - now)
            return
        waits = []
        for lane, queue in self._waiting.items():
            while queue and self._in_flight < int(self._window):
                if queue[0].entered_at.done():  # whoever waited was cancelled
                    queue.popleft()
                elif wait := self._pace.wait_seconds(lane, now):
                    waits.append(wait)
                    break
                else:
                    self._pace.use(lane, now)
                    self._in_flight += 1
                    queue.popleft().entered_at.set_result(now)
        if waits:
            self._again(min(waits))

    def _again(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if (
            self._timer is not None
            and not self._timer.cancelled()
            and loop.time() < self._timer.when() <= due
        ):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due, self._let_in)
