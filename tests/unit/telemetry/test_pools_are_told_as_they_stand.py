"""What metrics tell of a pool is what its status tells, and ends with the pool."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from queueworkers.domain.backlog import Backlog, Wait
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.report import report
from queueworkers.domain.rollout import ChangeTrigger, Phase
from queueworkers.domain.verdict import refusal_of
from queueworkers.telemetry.figures import JOB_STATES
from queueworkers.telemetry.pools import SLICE_SAMPLES, PoolBook
from unit.domain.given import (
    NOON,
    NOTHING,
    POOL,
    UNKNOWN,
    a_backlog,
    a_queue,
    a_situation,
    ago,
    some_workers,
)

if TYPE_CHECKING:
    from queueworkers.api.status import QueueWorkerPoolStatus
    from queueworkers.domain.verdict import Situation

Series = dict[str, float]


def note(
    book: PoolBook,
    situation: Situation,
    *,
    pool: PoolIdentity = POOL,
    workers_before: int = 1,
    told: QueueWorkerPoolStatus = NOTHING,
) -> QueueWorkerPoolStatus:
    """Look at a pool at noon."""
    status = report(pool, situation, generation=1, previous=told, now=NOON)
    book.saw(pool, status, situation, workers_before=workers_before, told=told)
    return status


def told(book: PoolBook, *, at: float = NOON.timestamp()) -> Series:
    """Read what is written down as Prometheus does: every sample by its name and labels, namespace and pool left out."""
    series: Series = {}
    for family in text_string_to_metric_families("".join(book.pages(now=at))):
        for sample in family.samples:
            labels = [
                f"{name}={value}"
                for name, value in sample.labels.items()
                if (name, value) not in {("namespace", "shop"), ("pool", "default")}
            ]
            identity = " ".join([sample.name, *labels])
            assert identity not in series, "a sample is told twice"
            series[identity] = sample.value
    return series


def test_jobs_are_in_one_state_each() -> None:
    """Due jobs are among the delayed of the status, and expired ones among the reserved; here they are not."""
    book = PoolBook()
    queues = (
        a_queue("high", ready=3, delayed=7, due=2, reserved=5, expired=1, oldest=Wait(ago(90))),
        a_queue("low"),
    )
    note(book, a_situation(Backlog(queues=queues, read_at=NOON), 1, queues=["high", "low"]))

    found = told(book, at=NOON.timestamp() + 30)

    states = {"ready": 3, "due": 2, "expired": 1, "not_due": 5, "in_hand": 4}
    assert {state: found[f"qwp_queue_jobs queue=high state={state}"] for state in states} == states
    assert sum(states.values()) == 3 + 7 + 5
    assert len(JOB_STATES) == len(states)
    assert found["qwp_queue_oldest_job_age_seconds queue=high"] == 120, "ages go on while nobody looks"
    assert found["qwp_queue_oldest_job_age_seconds queue=low"] == 0


def test_what_is_not_known_is_absent() -> None:
    """A backlog that cannot be read is no empty one; neither is a wait that nobody knows."""
    book = PoolBook()
    note(book, a_situation(UNKNOWN, 2))
    unknown = told(book)
    note(book, a_situation(a_backlog(ready=3), 2))
    ageless = told(book)

    assert not [name for name in unknown if name.startswith("qwp_queue")]
    assert "qwp_pool_recommended_replicas" not in unknown
    assert unknown["qwp_pool_source_up"] == 0
    assert unknown["qwp_pool_backlog_unknown reason=TimedOut"] == 1
    assert unknown["qwp_pool_desired_replicas"] == 2
    assert "qwp_queue_oldest_job_age_seconds queue=default" not in ageless
    assert ageless["qwp_pool_source_up"] == 1
    assert "qwp_pool_backlog_unknown reason=TimedOut" not in ageless


def test_numbers_are_those_of_the_status() -> None:
    """Bounds, numbers, workers by state, and the reason of Ready."""
    book = PoolBook()
    status = note(book, a_situation(a_backlog(ready=90), 3, scaling={"minReplicas": 1, "maxReplicas": 6}))
    found = told(book)

    assert found["qwp_pool_desired_replicas"] == status.desired_replicas == 6
    assert found["qwp_pool_recommended_replicas"] == status.recommended_replicas
    assert (found["qwp_pool_min_replicas"], found["qwp_pool_max_replicas"]) == (1, 6)
    assert status.workers is not None
    assert found["qwp_pool_workers state=working"] == status.workers.working == 3
    ready = status.conditions[0]
    assert found[f"qwp_pool_status reason={ready.reason}"] == 1


def test_a_change_of_the_number_is_counted_by_what_decided_it() -> None:
    """A look that changes nothing counts nothing, and one that was refused did not happen."""
    book = PoolBook()
    limited = a_situation(a_backlog(ready=90), 3, scaling={"minReplicas": 1, "maxReplicas": 6})
    note(book, limited, workers_before=3)
    note(book, limited, workers_before=6)
    refused = refusal_of(status=403, message="exceeded quota")
    note(book, replace(limited, refusal=refused), workers_before=3)
    note(book, a_situation(a_backlog(ready=20), 1), workers_before=1)

    counted = {name: value for name, value in told(book).items() if "decisions" in name}
    assert counted == {
        "qwp_pool_decisions_total reason=Maximum": 1,
        "qwp_pool_decisions_total reason=Backlog": 1,
    }


def rolling(trigger: str, *, since: float, phase: Phase = Phase.REPLACING) -> Situation:
    """The latest replacement of workers began so many seconds ago."""
    situation = a_situation(a_backlog(), 2)
    rollout = replace(situation.rollout, phase=phase, trigger=trigger, since=ago(since))
    return replace(situation, rollout=rollout)


def test_a_replacement_is_counted_once_and_names_no_secret() -> None:
    """Not again at each look, not what a process before this one told, and of what changed only its kind."""
    book = PoolBook()
    before = note(PoolBook(), rolling("Signal", since=60))
    note(book, rolling("Signal", since=60), told=before)
    assert not [name for name in told(book) if "restarts" in name]
    for _ in range(2):
        note(book, rolling("Secret shop-credentials", since=30))
    note(book, rolling(ChangeTrigger.IMAGE, since=10))
    found = told(book)

    assert found["qwp_pool_restarts_total trigger=Secret"] == 1
    assert found["qwp_pool_restarts_total trigger=Image"] == 1
    assert found["qwp_pool_rollout_start_timestamp_seconds"] == ago(10).timestamp()
    assert "shop-credentials" not in "".join(book.pages(now=0.0))
    note(book, rolling(ChangeTrigger.IMAGE, since=10, phase=Phase.COMPLETE))
    assert "qwp_pool_rollout_start_timestamp_seconds" not in told(book)


def test_series_end_with_the_pool_and_counts_with_its_life() -> None:
    """One that is deleted is told no more; one of its name that comes later counts from zero."""
    book = PoolBook()
    note(book, a_situation(a_backlog(ready=20), 1), workers_before=1)
    note(book, a_situation(a_backlog(), 1), pool=replace(POOL, uid="9999"), workers_before=1)
    assert not [name for name in told(book) if "decisions" in name]
    book.forget(POOL.key)
    assert told(book) == {}
    assert len(book) == 0


def test_series_of_a_pool_are_bounded() -> None:
    """Whatever happens to a pool with one queue for a long time, it has no more than a few dozen."""
    book = PoolBook()
    for number in range(300):
        note(book, rolling(f"ConfigMap settings-{number}", since=number), workers_before=number)
        note(book, a_situation(a_backlog(ready=number * 7 % 91), number % 7), workers_before=number)
        note(book, a_situation(UNKNOWN, number % 7), workers_before=number)

    assert len(told(book)) < 40


def test_many_pools_are_written_in_slices_with_each_name_once() -> None:
    """No slice is long, the samples of a name stand together, and no pool is left out."""
    book = PoolBook()
    situation = a_situation(a_backlog(ready=4), some_workers(2))
    pools = SLICE_SAMPLES + 1
    for number in range(pools):
        note(book, situation, pool=PoolIdentity(key=PoolKey("many", f"pool-{number}"), uid=str(number)))
    pages = list(book.pages(now=NOON.timestamp()))
    text = "".join(pages)

    assert max(page.count("\n") for page in pages) <= SLICE_SAMPLES
    assert text.count("# TYPE qwp_queue_jobs gauge") == 1
    assert text.count("qwp_pool_desired_replicas{") == pools
    assert {len(list(family.samples)) % pools for family in text_string_to_metric_families(text)} == {0}
