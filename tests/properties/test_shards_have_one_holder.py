"""Several processes share the shards, whatever happens to them and to what they ask."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueworkers.domain.sharding import LEASE_SECONDS, Act, LeaseRecord, Share, Step, shard_of

NAMESPACES = [f"team-{number}" for number in range(4)]


@dataclass
class Store:
    """The Leases, as an API server keeps them: each write only over the version that was read."""

    records: dict[str, LeaseRecord] = field(default_factory=dict)
    writes: int = 0

    def write(self, step: Step, identity: str, layout: str) -> bool:
        """Do what a step says; false where somebody else was faster."""
        present = self.records.get(step.lease)
        if (present.version if present else None) != step.version:
            return False
        self.writes += 1
        if step.act is Act.SWEEP:
            self.records.pop(step.lease, None)
        else:
            holder = "" if step.act is Act.RELEASE else identity
            self.records[step.lease] = LeaseRecord(holder=holder, layout=layout, version=str(self.writes))
        return True


class Process:
    """One operator, of which every request may come late, and its answer later, or never."""

    def __init__(self, store: Store, name: str, *, shards: int, offset: float) -> None:
        self.store = store
        self.name = name
        self.shards = shards
        self.offset = offset
        self.layout = str(shards)
        self._shard_of = {namespace: shard_of(namespace, shards) for namespace in NAMESPACES}
        self.share = Share(name, shards=shards, layout=self.layout)
        self._stage = "look"
        self._steps: list[Step] = []
        self._looked: tuple[float, dict[str, LeaseRecord]] | None = None
        self._asked: tuple[float, Step, bool] | None = None

    def now(self, time: float) -> float:
        """Tell the time by this process's own clock."""
        return time + self.offset

    def advance(self, time: float, *, heard: bool = True) -> None:
        """Do the next little thing: ask, reach the store, hear the answer, decide."""
        now = self.now(time)
        if self._stage == "look":
            self._looked = (now, {})
            self._stage = "read"
        elif self._stage == "read" and self._looked:
            self._looked = (self._looked[0], dict(self.store.records))
            self._stage = "hear"
        elif self._stage == "hear" and self._looked:
            self.share.observe(self._looked[1], began=self._looked[0], now=now)
            self._stage = "plan"
        elif self._stage == "plan":
            self._steps = [step for step in self.share.plan(now) if not self._close(step)]
            self._stage = "ask"
        elif self._stage == "ask":
            if self._steps:
                self._asked = (now, self._steps.pop(), False)
                self._stage = "write"
            else:
                self._stage = "look"
        elif self._stage == "write" and self._asked:
            began, step, _ = self._asked
            self._asked = (began, step, self.store.write(step, self.name, self.layout))
            self._stage = "answer"
        elif self._stage == "answer" and self._asked:
            began, step, done = self._asked
            if done and heard:
                self.share.succeeded(step, began=began, now=now)
            self._stage = "ask"

    def round(self, time: float) -> None:
        """Do a whole round at once."""
        self.advance(time)
        while self._stage != "look":
            self.advance(time)

    def works_on(self, namespace: str, time: float) -> bool:
        """Tell whether it may write for a namespace at this moment."""
        return self.share.seconds_left(self._shard_of[namespace], self.now(time)) > 0

    def _close(self, step: Step) -> bool:
        if step.act is not Act.CLOSE or step.shard is None:
            return False
        self.share.settled(step.shard)
        return True


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["steps"] * 5 + ["others"] * 4 + ["all"] * 3 + ["wait"] * 2 + ["deaf", "crash", "leave"]
        ),
        st.integers(0, 2),
        st.floats(0.0, 1.0),
    ),
    min_size=5,
    max_size=60,
)
"""What happens, to which process, and how much of it."""


@dataclass
class Play:
    """Processes that are looked at after every little thing that one of them does."""

    store: Store
    processes: list[Process]
    time: float = 0.0

    def step(self, process: Process, *, seconds: float, heard: bool = True) -> None:
        """Have one do one thing, and see that nobody works where another does."""
        process.advance(self.time, heard=heard)
        self.check()
        self.time += seconds
        self.check()

    def live(self, processes: list[Process], *, seconds: float) -> None:
        """Have some go on for a while."""
        end = self.time + seconds
        while self.time < end:
            for process in processes:
                for _ in range(12):
                    process.advance(self.time)
                    self.time += 0.02
                self.check()
            self.time += 0.5

    def check(self) -> None:
        """At this moment, no namespace has two who may write for it."""
        for namespace in NAMESPACES:
            workers = [each.name for each in self.processes if each.works_on(namespace, self.time)]
            assert len(workers) <= 1, (namespace, workers, self.time)


@given(events=EVENTS, shards=st.tuples(*[st.sampled_from([1, 3, 3])] * 3), offset=st.floats(-1e4, 1e4))
@settings(max_examples=100, deadline=None)
def test_no_namespace_has_two_workers(
    events: list[tuple[str, int, float]], shards: tuple[int, int, int], offset: float
) -> None:
    """Processes pause between any two steps, crash, come, leave and divide differently: never two for one namespace."""
    store = Store()
    processes = [
        Process(store, f"process-{slot}", shards=shards[slot], offset=offset * slot) for slot in range(3)
    ]
    play = Play(store, processes)
    play.live(processes, seconds=3.0)
    for number, (kind, slot, amount) in enumerate(events):
        process = processes[slot]
        if kind == "steps":
            for _ in range(round(amount * 10)):
                play.step(process, seconds=amount / 50)
        elif kind == "others":
            play.live([each for each in processes if each is not process], seconds=amount * 25)
        elif kind == "all":
            play.live(processes, seconds=amount * 6)
        elif kind == "wait":
            play.time += amount * 20
        elif kind == "deaf":
            play.step(process, seconds=amount, heard=False)
        elif kind == "leave":
            process.share.leave()
        elif kind == "crash":
            processes[slot] = Process(store, f"process-{3 + number}", shards=shards[slot], offset=offset)
        play.check()


HELD_UP_SECONDS = (5.5, 11.9, 14.0, 16.0)
"""Around a renewal, the end of a holder's own certainty, and the end that the others wait for."""


@pytest.mark.parametrize("others_shards", [3, 1], ids=["divided-alike", "divided-otherwise"])
@pytest.mark.parametrize("age", [0.0, 6.0, 11.0], ids=["as-it-comes", "as-it-renews", "as-a-holder"])
@pytest.mark.parametrize("seconds", HELD_UP_SECONDS)
def test_who_is_held_up_works_where_nobody_else_does(others_shards: int, age: float, seconds: float) -> None:
    """At any step of its own, and a second time a few steps later, while another process lives on."""
    for first in range(36):
        for second in (1, 3, 8):
            store = Store()
            slow = Process(store, "slow", shards=3, offset=-700.0)
            other = Process(store, "other", shards=others_shards, offset=900.0)
            play = Play(store, [slow, other])
            play.live([slow], seconds=age)
            for steps in (first, second, 40):
                for _ in range(steps):
                    play.step(slow, seconds=0.02)
                play.live([other], seconds=seconds)


def settle(processes: list[Process], time: float, *, seconds: float) -> float:
    """Let all go on for a while, each with a round a second."""
    end = time + seconds
    while time < end:
        for process in processes:
            process.round(time)
            time += 1.0 / len(processes)
    return time


def holdings(processes: list[Process], time: float) -> list[list[int]]:
    """List which shards each has."""
    return [
        [shard for shard in range(process.shards) if process.share.seconds_left(shard, process.now(time)) > 0]
        for process in processes
    ]


@given(
    before=st.integers(1, 5),
    leaving=st.integers(0, 5),
    coming=st.integers(0, 5),
    shards=st.integers(1, 12),
)
@settings(max_examples=60, deadline=None)
def test_all_shards_are_shared_out_evenly(before: int, leaving: int, coming: int, shards: int) -> None:
    """However many come and go, soon each shard has somebody and nobody has two more than another."""
    store = Store()
    processes = [Process(store, f"p{number}", shards=shards, offset=number * 1e3) for number in range(before)]
    time = settle(processes, 0.0, seconds=10)
    processes = processes[leaving:]
    processes += [Process(store, f"q{number}", shards=shards, offset=0.0) for number in range(coming)]
    if not processes:
        return
    time = settle(processes, time, seconds=LEASE_SECONDS + 10)
    numbers = [len(each) for each in holdings(processes, time)]
    assert sum(numbers) == shards
    assert max(numbers) - min(numbers) <= 1


def test_one_that_comes_moves_as_few_shards_as_possible() -> None:
    """Two have two each; a third gets one, and only that one changes hands."""
    store = Store()
    processes = [Process(store, name, shards=4, offset=0.0) for name in ("a", "b")]
    time = settle(processes, 0.0, seconds=10)
    before = holdings(processes, time)
    processes.append(Process(store, "0-first-by-name", shards=4, offset=0.0))
    time = settle(processes, time, seconds=10)
    after = holdings(processes, time)
    assert sorted(len(each) for each in before) == [2, 2]
    assert sorted(len(each) for each in after) == [1, 1, 2]
    assert sum(len(set(old) - set(new)) for old, new in zip(before, after, strict=False)) == 1


@pytest.mark.parametrize("shards", [1, 4])
def test_the_dead_are_followed_within_the_lease_and_two_looks(shards: int) -> None:
    """A process that crashes right after a renewal loses its shards to the other in its 15 seconds and two more."""
    store = Store()
    first = Process(store, "a", shards=shards, offset=0.0)
    time = settle([first], 0.0, seconds=6)
    second = Process(store, "b", shards=shards, offset=500.0)
    time = settle([first, second], time, seconds=12)
    time = settle([second], time, seconds=LEASE_SECONDS + 2)
    assert holdings([second], time) == [list(range(shards))]


def test_who_leaves_in_order_is_followed_at_once() -> None:
    """What is released is taken as soon as it is seen: four rounds from the first word to the confirmation."""
    store = Store()
    processes = [Process(store, name, shards=4, offset=0.0) for name in ("a", "b")]
    time = settle(processes, 0.0, seconds=10)
    processes[0].share.leave()
    time = settle(processes, time, seconds=4)
    assert holdings(processes, time) == [[], [0, 1, 2, 3]]


def test_another_division_waits_for_the_last_of_the_one_before() -> None:
    """Processes that divide by eight stand by while one that divides by four is there, and take over when it is gone."""
    store = Store()
    old = Process(store, "old", shards=4, offset=0.0)
    time = settle([old], 0.0, seconds=6)
    new = Process(store, "new", shards=8, offset=0.0)
    time = settle([old, new], time, seconds=30)
    assert holdings([old, new], time) == [[0, 1, 2, 3], []]
    time = settle([new], time, seconds=LEASE_SECONDS + 3)
    assert holdings([new], time) == [list(range(8))]
