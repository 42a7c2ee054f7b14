"""An event loop whose clock jumps to the next timer, so that hours pass without waiting."""

from __future__ import annotations

import asyncio
import selectors
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from typing import Self

Result = TypeVar("Result")


class NothingWillHappenError(AssertionError):
    """Every task waits for something that no timer and nobody else brings."""


class _JumpingSelector(selectors.SelectSelector):
    """Passes the time that it is asked to wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Look once; where nothing came, the whole *timeout* has passed."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise NothingWillHappenError
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that starts at 0 seconds."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Tell the virtual time."""
        return self._jumping.now

    def pass_time(self, seconds: float) -> None:
        """Let time pass in which nobody has a turn."""
        self._jumping.now += seconds


class Runnable(Protocol):
    """What goes on until it is cancelled."""

    async def run(self) -> None:
        """Go on."""


Observer = TypeVar("Observer", bound=Runnable)


class Running(Generic[Observer]):
    """A little world with an observer that runs for as long as a test looks at it."""

    observer: Observer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Let the observer run."""
        task = asyncio.create_task(self.observer.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def virtually(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Run a scenario on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)


def now() -> float:
    """Tell the virtual time of the running loop."""
    return asyncio.get_running_loop().time()
