"""When a process may count on a shard that it took, and when it no longer may."""

from __future__ import annotations

from collections import Counter

from queueworkers.domain.sharding import (
    LAYOUT,
    LEASE_SECONDS,
    MARGIN_SECONDS,
    Act,
    LeaseRecord,
    Share,
    Step,
    member_lease,
    shard_lease,
    shard_of,
)

ME, OTHER = "me", "other"


def a_record(holder: str, version: int, layout: str = "1") -> LeaseRecord:
    """A Lease as it is read."""
    return LeaseRecord(holder=holder, layout=layout, version=str(version))


def agreed(*, layout: str = "1", **shards: LeaseRecord) -> dict[str, LeaseRecord]:
    """The Leases where this process is known, and the division is *layout*."""
    records = {LAYOUT: a_record(ME, 1, layout), member_lease(ME): a_record(ME, 2)}
    return records | {shard_lease(int(name.removeprefix("s"))): record for name, record in shards.items()}


def acts(share: Share, now: float) -> list[Act]:
    """What is to be done, but for saying that one is there."""
    return [step.act for step in share.plan(now) if step.act is not Act.JOIN]


def a_holder() -> Share:
    """A process that took its only shard at 0 and has seen at 1 that all is in order."""
    share = Share(ME, shards=1, layout="1")
    share.observe(agreed(), began=-1.0, now=-0.5)
    (take,) = (step for step in share.plan(-0.5) if step.act is Act.TAKE)
    share.succeeded(take, began=0.0, now=0.5)
    share.observe(agreed(s0=a_record(ME, 3)), began=1.0, now=1.1)
    return share


RENEW = Step(Act.RENEW, shard_lease(0), "3", 0)


def test_a_namespace_keeps_its_shard() -> None:
    """The division is the same in every release: two of them may be at work during an update."""
    assert [shard_of(name, 4) for name in ("shop", "mail", "default", "a")] == [1, 3, 1, 2]


def test_namespaces_are_spread_evenly() -> None:
    """No shard has much more than its part of many namespaces."""
    counts = Counter(shard_of(f"team-{number}", 8) for number in range(8000))
    assert set(counts) == set(range(8))
    assert max(counts.values()) < 1200


def test_nothing_is_counted_on_before_a_later_look() -> None:
    """What was taken is good when a look that began afterwards shows the same division, and not before."""
    share = Share(ME, shards=1, layout="1")
    share.observe(agreed(), began=-1.0, now=-0.5)
    (take,) = (step for step in share.plan(-0.5) if step.act is Act.TAKE)
    share.succeeded(take, began=0.0, now=0.5)
    assert share.seconds_left(0, 0.5) == 0
    share.observe(agreed(s0=a_record(ME, 3)), began=0.4, now=0.6)
    assert share.seconds_left(0, 0.6) == 0
    share.observe(agreed(s0=a_record(ME, 3)), began=0.7, now=0.8)
    assert share.seconds_left(0, 1.0) == LEASE_SECONDS - MARGIN_SECONDS - 1.0
    assert share.kept == {0}


def test_a_look_that_shows_another_division_confirms_nothing() -> None:
    """Somebody divided anew meanwhile: what was taken is given back."""
    share = Share(ME, shards=1, layout="1")
    share.observe(agreed(), began=-1.0, now=-0.5)
    (take,) = (step for step in share.plan(-0.5) if step.act is Act.TAKE)
    share.succeeded(take, began=0.0, now=0.5)
    share.observe(agreed(layout="8", s0=a_record(ME, 3)), began=1.0, now=1.1)
    assert share.seconds_left(0, 1.1) == 0
    assert Act.CLOSE in acts(share, 1.1)


def test_the_time_left_counts_from_when_the_renewal_was_asked_for() -> None:
    """An answer that takes its time does not make the lease longer."""
    share = a_holder()
    share.succeeded(RENEW, began=5.0, now=9.0)
    assert share.seconds_left(0, 9.0) == LEASE_SECONDS - MARGIN_SECONDS - 4.0


def test_a_renewal_that_came_too_late_has_to_be_confirmed() -> None:
    """A process that was stopped in the middle of a renewal counts on nothing when it goes on."""
    share = a_holder()
    share.succeeded(RENEW, began=11.0, now=40.0)
    assert share.seconds_left(0, 40.0) == 0
    share = a_holder()
    share.succeeded(RENEW, began=40.0, now=40.1)
    assert share.seconds_left(0, 40.1) == 0
    share.observe(agreed(s0=a_record(ME, 4)), began=40.2, now=40.3)
    assert share.seconds_left(0, 40.3) > 0


def test_what_somebody_else_has_is_lost() -> None:
    """A look that shows another holder ends it, whatever was thought before."""
    share = a_holder()
    share.observe(agreed(s0=a_record(OTHER, 9)), began=30.0, now=30.1)
    assert share.kept == frozenset()
    assert share.seconds_left(0, 30.1) == 0


def test_another_division_is_waited_for_to_the_last_lease() -> None:
    """A process of another division may have a Lease still, though it no longer says that it is there."""
    share = Share(ME, shards=1, layout="1")
    old = {**agreed(), shard_lease(2): a_record(OTHER, 7, layout="3")}
    share.observe(old, began=0.0, now=0.1)
    assert acts(share, 0.1) == []
    renewed = {**old, member_lease(ME): a_record(ME, 8)}
    share.observe(renewed, began=0.1 + LEASE_SECONDS, now=15.2)
    assert acts(share, 15.2) == [Act.TAKE]


def test_others_are_judged_as_of_the_last_look() -> None:
    """A process that is held up between its look and its decision takes nobody for gone meanwhile."""
    share = Share(ME, shards=1, layout="1")
    share.observe(agreed(s0=a_record(OTHER, 5)), began=0.0, now=0.1)
    assert acts(share, 100.0) == []


def test_what_is_closed_is_renewed_until_its_last_work_is_done() -> None:
    """A shard that is given up stays this process's own as long as something is under way."""
    share = a_holder()
    share.leave()
    assert acts(share, 2.0) == [Act.CLOSE, Act.SWEEP]
    assert share.seconds_left(0, 2.0) > 0
    share.settled(0)
    assert share.seconds_left(0, 2.0) == 0
    assert acts(share, 2.0) == [Act.RELEASE, Act.SWEEP]


def test_what_the_dead_leave_is_cleared_away() -> None:
    """The Lease by which a process said that it is there goes soon after the process."""
    share = Share(ME, shards=1, layout="1")
    records = {**agreed(s0=a_record(OTHER, 5)), member_lease(OTHER): a_record(OTHER, 6)}
    share.observe(records, began=0.0, now=0.1)
    share.observe(records, began=LEASE_SECONDS, now=15.1)
    assert Act.SWEEP not in acts(share, 15.1)
    share.observe(records, began=LEASE_SECONDS + 0.1, now=15.2)
    assert Step(Act.SWEEP, member_lease(OTHER), "6") in share.plan(15.2)


def test_others_believe_in_a_process_as_long_as_its_lease_runs() -> None:
    """Counted from before its last word was sent; and one that has not said anything is not there."""
    share = Share(ME, shards=1, layout="1")
    assert not share.is_member(0.0)
    share.observe({}, began=0.0, now=0.1)
    (join,) = (step for step in share.plan(0.1) if step.act is Act.JOIN)
    share.succeeded(join, began=0.2, now=0.4)
    assert share.is_member(0.1 + LEASE_SECONDS)
    assert not share.is_member(0.2 + LEASE_SECONDS)
