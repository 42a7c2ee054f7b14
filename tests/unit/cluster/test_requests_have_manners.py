"""What may go to the API server, and when: measured on a clock that jumps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from queueworkers.cluster.gate import SUBJECT, Gate, Lane
from unit.engine.virtual_time import now, virtually


@dataclass
class Asking:
    """Requests that each take a while, and when each began."""

    max_in_flight: int = 16
    writes_per_second: float = 10.0
    began: dict[Lane, list[float]] = field(default_factory=lambda: {lane: [] for lane in Lane})
    most_at_once: int = 0
    at_once: int = 0

    def __post_init__(self) -> None:
        """Make the gate in the running loop."""
        self.gate = Gate(
            max_in_flight=self.max_in_flight, writes_per_second=self.writes_per_second, clock=now
        )

    async def ask(self, lane: Lane, *, seconds: float = 0.0, answer: str = "yes") -> None:
        """Make one request."""
        entered_at = await self.gate.enter(lane)
        self.began[lane].append(entered_at)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(seconds)
        if answer == "429":
            self.gate.refused(7.0, entered_at=entered_at)
        elif answer == "nobody":
            self.gate.broken(entered_at=entered_at)
        else:
            self.gate.succeeded()
        self.at_once -= 1
        self.gate.leave()

    async def ask_many(self, lane: Lane, count: int, *, seconds: float = 0.0, answer: str = "yes") -> None:
        """Make many side by side."""
        await asyncio.gather(*(self.ask(lane, seconds=seconds, answer=answer) for _ in range(count)))


@pytest.mark.parametrize(
    ("lane", "at_once"),
    [(Lane.SHAPE, 15), (Lane.TELL, 10)],
)
def test_what_can_wait_comes_at_a_pace(lane: Lane, at_once: int) -> None:
    """A burst may be so large, and after that so many come in a second."""

    async def scenario() -> None:
        asking = Asking()
        await asking.ask_many(lane, at_once + 30)
        began = asking.began[lane]
        assert sum(at == 0 for at in began) == at_once
        assert began[-1] == pytest.approx(3.0)

    virtually(scenario())


@pytest.mark.parametrize("lane", [Lane.SCALE, Lane.READ])
def test_numbers_of_workers_and_lists_are_not_paced(lane: Lane) -> None:
    """What somebody waits for goes as soon as a place is free."""

    async def scenario() -> None:
        asking = Asking()
        await asking.ask_many(lane, 500)
        assert asking.began[lane][-1] == 0

    virtually(scenario())


def test_a_number_of_workers_overtakes_all_that_waits() -> None:
    """Behind a thousand status writes, a scale-up goes at once."""

    async def scenario() -> None:
        asking = Asking()
        telling = asyncio.create_task(asking.ask_many(Lane.TELL, 1000, seconds=0.02))
        await asyncio.sleep(5.001)
        await asking.ask(Lane.SCALE)
        assert asking.began[Lane.SCALE] == [pytest.approx(5.001)]
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    virtually(scenario())


def test_what_stands_before_a_number_that_somebody_waits_for_is_hurried() -> None:
    """An Event and a status of the same pool, one after the other; those of others wait on, and so does the next one."""

    async def scenario() -> None:
        asking = Asking()
        others = asyncio.create_task(asking.ask_many(Lane.TELL, 1000))

        async def tell_twice() -> None:
            SUBJECT.set("orders")
            await asking.ask(Lane.TELL)
            await asking.ask(Lane.TELL)

        await asyncio.sleep(5.001)
        telling = asyncio.create_task(tell_twice())
        await asyncio.sleep(1)
        assert not telling.done()
        told = len(asking.began[Lane.TELL])
        asking.gate.hurry("orders")
        await asyncio.sleep(0.01)
        assert telling.done()
        assert len(asking.began[Lane.TELL]) == told + 2
        asking.gate.calm("orders")
        telling = asyncio.create_task(tell_twice())
        await asyncio.sleep(1)
        assert not telling.done()
        for task in (telling, others):
            task.cancel()
        await asyncio.gather(telling, others, return_exceptions=True)

    virtually(scenario())


def test_what_tells_leaves_room_for_what_is_made() -> None:
    """New Deployments find a part of the burst left, however much is told."""

    async def scenario() -> None:
        asking = Asking()
        telling = asyncio.create_task(asking.ask_many(Lane.TELL, 100))
        await asyncio.sleep(1.0)
        await asking.ask_many(Lane.SHAPE, 5)
        assert asking.began[Lane.SHAPE] == [pytest.approx(1.0)] * 5
        await telling

    virtually(scenario())


def test_no_more_than_so_many_at_once() -> None:
    """The rest waits for a place."""

    async def scenario() -> None:
        asking = Asking(max_in_flight=3)
        await asking.ask_many(Lane.READ, 10, seconds=1.0)
        assert asking.most_at_once == 3
        assert asking.began[Lane.READ][-1] == 3.0

    virtually(scenario())


def test_a_429_holds_everything_and_narrows_the_way() -> None:
    """For as long as the API server says nothing goes, and then half as much at once; answers widen it again."""

    async def scenario() -> None:
        asking = Asking(max_in_flight=8)
        await asking.ask_many(Lane.SCALE, 8, seconds=0.5, answer="429")
        asking.most_at_once = 0
        await asking.ask_many(Lane.READ, 8, seconds=0.1)
        assert asking.began[Lane.READ][0] == pytest.approx(7.5)
        assert asking.most_at_once == 4
        for _ in range(30):
            await asking.ask(Lane.READ)
        asking.most_at_once = 0
        await asking.ask_many(Lane.READ, 20, seconds=0.1)
        assert asking.most_at_once == 8

    virtually(scenario())


def test_a_server_that_is_away_is_asked_less_and_less() -> None:
    """Each failure in a row doubles the wait, up to ten seconds; an answer ends it."""

    async def scenario() -> None:
        asking = Asking()
        for _ in range(8):
            await asking.ask(Lane.READ, answer="nobody")
        began = asking.began[Lane.READ]
        waits = [after - before for before, after in pairwise(began)]
        assert waits == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 10])
        await asking.ask(Lane.READ)
        await asking.ask(Lane.READ, answer="nobody")
        asked_at = now()
        await asking.ask(Lane.READ)
        assert asking.began[Lane.READ][-1] - asked_at == pytest.approx(0.25)

    virtually(scenario())


def test_many_that_fail_together_are_one_failure() -> None:
    """A connection that ends under sixteen requests is no reason to wait for an hour."""

    async def scenario() -> None:
        asking = Asking()
        await asking.ask_many(Lane.READ, 16, seconds=0.1, answer="nobody")
        await asking.ask(Lane.READ)
        assert asking.began[Lane.READ][-1] == pytest.approx(0.35)

    virtually(scenario())


def test_one_that_gives_up_waiting_takes_no_place() -> None:
    """A request that is cancelled while it waits, or just as it is let in, blocks nobody."""

    async def scenario() -> None:
        asking = Asking(max_in_flight=1)
        await asking.gate.enter(Lane.READ)
        waiting = [asyncio.create_task(asking.ask(Lane.READ)) for _ in range(2)]
        await asyncio.sleep(0.5)
        waiting[0].cancel()
        await asyncio.sleep(0.5)
        asking.gate.leave()
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert asking.began[Lane.READ] == []
        await asyncio.wait_for(asking.ask(Lane.READ), 1.0)

    virtually(scenario())
