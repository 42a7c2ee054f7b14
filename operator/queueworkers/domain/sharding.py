"""
Which process looks after which namespaces: decided by each for itself, from Leases that all see.

All pools of a namespace are one shard's, as they share its budgets.  A shard is
a Lease; whoever holds it works on its namespaces.  The choice of one leader among
several processes is the case of one shard.

What keeps two from working on one namespace:

- A holder counts from the moment *before* it asked for its last renewal, everybody else from
  the moment *after* they first saw it.  So a holder is unsure of its Lease before anybody else
  may take it, however far the clocks of machines are apart: no time is compared with one of another machine.
- A Lease is written only as the version that was read; of two who take it, one is refused.
- What was taken, or renewed too late, is good only after a look that began later shows that the
  processes agree into how many shards the namespaces are divided.  Whoever changes that takes nothing before
  a look that began later shows no Lease of the division before.  Of the two, one sees the other.

All times are seconds of the process's own clock, which never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

LEASE_SECONDS = 15
"""For so long after its last renewal nobody else takes a Lease; as client-go has it."""

RENEW_SECONDS = 5.0
"""Between two renewals: one or two may fail."""

MARGIN_SECONDS = 3.0
"""A holder stops writing so long before others may: for what is on its way to the API server."""

PREFIX = "queue-worker-operator"
LAYOUT = f"{PREFIX}-layout"


def shard_of(namespace: str, shards: int) -> int:
    """Tell to which of so many shards a namespace belongs; the same in every process and release."""
    return int.from_bytes(sha256(namespace.encode()).digest()[:8], "big") % shards


def shard_lease(number: int) -> str:
    """Name the Lease of a shard."""
    return f"{PREFIX}-shard-{number}"


def member_lease(identity: str) -> str:
    """Name the Lease by which a process says that it is there; an identity may hold what a name may not."""
    return f"{PREFIX}-member-{sha256(identity.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """A Lease as it was read."""

    holder: str
    """Empty when it was given up."""
    layout: str
    """How its writer divides the namespaces; only processes that do it alike work side by side."""
    version: str
    """Another one after each write."""
    seconds: float = LEASE_SECONDS


class Act(Enum):
    """What may be done with a Lease."""

    JOIN = "join"
    """Say that this process is there."""
    LAY_OUT = "lay out"
    """Say how the namespaces are divided from now on."""
    TAKE = "take"
    RENEW = "renew"
    CLOSE = "close"
    """Begin no more work on a shard, and say when the last of it is done; nothing is written."""
    RELEASE = "release"
    SWEEP = "sweep"
    """Delete the Lease of a process that is gone."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do now."""

    act: Act
    lease: str
    version: str | None
    """The version that it is written over; ``None`` where there is no such Lease."""
    shard: int | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    record: LeaseRecord
    since: float

    def lapsed(self, now: float) -> bool:
        return now >= self.since + self.record.seconds

    def live(self, now: float) -> bool:
        return bool(self.record.holder) and not self.lapsed(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tenure:
    """A shard that this process has."""

    renewed_at: float
    """When the last renewal that came through was asked for."""
    written_at: float
    """When it was answered."""
    confirmed: bool
    """Shown by a later look to be in order, and renewed in time ever since."""
    kept: bool
    """Was confirmed once, and nobody else had the shard since."""

    @property
    def certain_until(self) -> float:
        return self.renewed_at + LEASE_SECONDS - MARGIN_SECONDS


class Share:
    """
    What one process has of the shards, and what it is to do next.

    Does no I/O: told what was seen and what came of each step, and when.  To be
    asked in rounds: `observe` a complete list, do what `plan` says.

    Args:
        identity: This process; no other one has the same, and none that was before.
        shards: Into how many the namespaces are divided.
        layout: The same text in all processes that divide alike.
    """

    def __init__(self, identity: str, *, shards: int, layout: str) -> None:
        self._identity = identity
        self._shards = shards
        self._layout = layout
        self._seen: dict[str, _Seen] = {}
        self._tenures: dict[int, _Tenure] = {}
        self._closing: set[int] = set()
        self._settled: set[int] = set()
        self._looked_at = float("-inf")
        self._joined_at = float("-inf")
        self._leaving = False

    # --- what it has ---

    def seconds_left(self, shard: int, now: float) -> float:
        """Tell for how long this process certainly is the only one to work on a shard; 0 when it is not."""
        tenure = self._tenures.get(shard)
        if tenure is None or not tenure.confirmed or shard in self._settled:
            return 0.0
        return max(tenure.certain_until - now, 0.0)

    @property
    def kept(self) -> frozenset[int]:
        """The shards of which this process knows everything: had ever since they were confirmed."""
        return frozenset(shard for shard, tenure in self._tenures.items() if tenure.kept)

    def is_member(self, now: float) -> bool:
        """Tell whether the others believe that this process is there."""
        return now < self._joined_at + LEASE_SECONDS

    @property
    def has_any(self) -> bool:
        """Tell whether there is anything to give up."""
        return bool(self._tenures)

    # --- what it hears ---

    def observe(self, records: Mapping[str, LeaseRecord], *, began: float, now: float) -> None:
        """Take over a complete list of the Leases, asked for at *began* and answered *now*."""
        self._seen = {
            name: known if (known := self._seen.get(name)) and known.record == record else _Seen(record, now)
            for name, record in records.items()
        }
        # What the list shows was so at some moment after it was asked for: others are judged as of then, however
        # long this process is held up before it acts.
        self._looked_at = began
        agreed = self._agreed()
        for shard, tenure in list(self._tenures.items()):
            record = records.get(shard_lease(shard))
            if record is None or record.holder != self._identity:
                self._drop(shard)
            elif agreed and began >= tenure.written_at and now < tenure.certain_until:
                self._tenures[shard] = replace(tenure, confirmed=True, kept=True)

    def succeeded(self, step: Step, *, began: float, now: float) -> None:
        """Note that a step was done, asked for at *began* and answered *now*."""
        if step.act is Act.JOIN:
            self._joined_at = began
        elif step.act is Act.RELEASE and step.shard is not None:
            self._drop(step.shard)
        elif step.act in {Act.TAKE, Act.RENEW} and step.shard is not None:
            before = self._tenures.get(step.shard)
            in_time = before is not None and before.confirmed and now < before.certain_until
            self._tenures[step.shard] = _Tenure(
                renewed_at=began,
                written_at=now,
                confirmed=in_time,
                kept=before is not None and before.kept,
            )

    def settled(self, shard: int) -> None:
        """Note that the last work on a shard that is closed is done: from now on nothing may be written for it."""
        if shard in self._closing:
            self._settled.add(shard)

    def leave(self) -> None:
        """Give up everything from now on, as this process is to end."""
        self._leaving = True

    # --- what it decides ---

    def plan(self, now: float) -> tuple[Step, ...]:
        """Say what is to be done now, in any order."""
        if self._leaving:
            return (*self._give_up(list(self._tenures)), *self._depart())
        if not self._agreed():
            return (*self._join(now), *self._give_up(list(self._tenures)), *self._lay_out())
        return (*self._join(now), *self._hold(now), *self._sweep())

    def _agreed(self) -> bool:
        layout = self._seen.get(LAYOUT)
        return layout is not None and layout.record.layout == self._layout

    def _join(self, now: float) -> Iterator[Step]:
        own = member_lease(self._identity)
        if own not in self._seen or now >= self._joined_at + RENEW_SECONDS:
            yield self._step(Act.JOIN, own)

    def _depart(self) -> Iterator[Step]:
        own = member_lease(self._identity)
        if own in self._seen:
            yield self._step(Act.SWEEP, own)

    def _lay_out(self) -> Iterator[Step]:
        """Divide anew when nobody is there any more who divides as it was."""
        present = self._seen.get(LAYOUT)
        if present is None or not any(
            seen.record.layout == present.record.layout for seen in self._members()
        ):
            yield self._step(Act.LAY_OUT, LAYOUT)

    def _hold(self, now: float) -> Iterator[Step]:
        """Renew what is due to this process, take what it lacks, and give up what is due to others."""
        mine = sorted(set(self._tenures) - self._closing)
        due = self._due(mine)
        if len(mine) > due:
            yield from self._give_up(mine[due:])
        yield from self._give_up(self._settled)
        for shard, tenure in self._tenures.items():
            if shard not in self._settled and now >= tenure.renewed_at + RENEW_SECONDS:
                yield self._step(Act.RENEW, shard_lease(shard), shard)
        if len(mine) < due and not self._other_layouts_live():
            for shard in self._free()[: due - len(mine)]:
                yield self._step(Act.TAKE, shard_lease(shard), shard)

    def _give_up(self, shards: Collection[int]) -> Iterator[Step]:
        for shard in sorted(shards):
            if shard in self._settled:
                yield self._step(Act.RELEASE, shard_lease(shard), shard)
            elif shard not in self._closing:
                self._closing.add(shard)
                yield self._step(Act.CLOSE, shard_lease(shard), shard)

    def _due(self, mine: Collection[int]) -> int:
        """
        Count the shards that this process is to have.

        All have the same number, or one more: those who have most already, so
        that as few as possible change hands.
        """
        held = {seen.record.holder: 0 for seen in self._members() if seen.record.layout == self._layout}
        if self._identity not in held:
            return len(mine)  # the others do not know yet that this one is there, or no longer believe it
        for shard in range(self._shards):
            seen = self._seen.get(shard_lease(shard))
            if seen and seen.live(self._looked_at) and seen.record.holder in held:
                held[seen.record.holder] += 1
        order = sorted(held, key=lambda member: (-held[member], member))
        least, more = divmod(self._shards, len(order))
        return least + (order.index(self._identity) < more)

    def _free(self) -> list[int]:
        """List the shards that nobody has, each process in another order, lest all take the same one."""
        free = [
            shard
            for shard in range(self._shards)
            if shard not in self._tenures
            and not ((seen := self._seen.get(shard_lease(shard))) and self._taken(seen))
        ]
        return sorted(free, key=lambda shard: sha256(f"{self._identity} {shard}".encode()).digest())

    def _taken(self, seen: _Seen) -> bool:
        """One that this process took without hearing the answer is free to it."""
        return seen.live(self._looked_at) and seen.record.holder != self._identity

    def _other_layouts_live(self) -> bool:
        return any(
            seen.live(self._looked_at) and seen.record.layout != self._layout
            for name, seen in self._seen.items()
            if name.startswith(f"{PREFIX}-shard-")
        )

    def _members(self) -> list[_Seen]:
        return [seen for name, seen in self._seen.items() if _is_member(name) and seen.live(self._looked_at)]

    def _sweep(self) -> Iterator[Step]:
        """
        Clear away what is left of processes that are gone, lest one that starts keeps a part for them.

        One that was only stopped says again that it is there when it goes on.
        """
        for name, seen in self._seen.items():
            if _is_member(name) and seen.lapsed(self._looked_at):
                yield self._step(Act.SWEEP, name)

    def _step(self, act: Act, lease: str, shard: int | None = None) -> Step:
        seen = self._seen.get(lease)
        return Step(act, lease, seen.record.version if seen else None, shard)

    def _drop(self, shard: int) -> None:
        self._tenures.pop(shard, None)
        self._closing.discard(shard)
        self._settled.discard(shard)


def _is_member(name: str) -> bool:
    return name.startswith(f"{PREFIX}-member-")
