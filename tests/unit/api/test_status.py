from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from queueworkers.api.conditions import ConditionReason, ConditionStatus, ConditionType, UnknownReason
from queueworkers.api.reference import reasons
from queueworkers.api.status import (
    BacklogStatus,
    Condition,
    QueueStatus,
    QueueWorkerPoolStatus,
    SummaryStatus,
    format_moment,
)

if TYPE_CHECKING:
    from enum import StrEnum

NOON = datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=UTC)


def test_a_status_is_the_same_after_a_round_trip() -> None:
    """What was written can be read back and compared."""
    status = QueueWorkerPoolStatus(
        observed_generation=3,
        conditions=(
            Condition(
                type=ConditionType.READY,
                status=ConditionStatus.TRUE,
                reason=ConditionReason.ACTIVE,
                last_transition_time=NOON.replace(microsecond=0),
            ),
        ),
        backlog=BacklogStatus(waiting=0, ready=0),
        queues=(QueueStatus(name="default", ready=0),),
        summary=SummaryStatus(queues="default", workers="1/1", range="1-10"),
    )

    assert QueueWorkerPoolStatus.model_validate(status.to_wire()) == status


def test_what_is_not_known_is_absent_and_zero_is_known() -> None:
    """An unread backlog must not look like an empty one."""
    assert "backlog" not in QueueWorkerPoolStatus().to_wire()
    assert QueueWorkerPoolStatus(backlog=BacklogStatus(waiting=0)).to_wire()["backlog"] == {"waiting": 0}


def test_another_versions_fields_are_left_aside() -> None:
    """An operator that is rolled back can still read what its successor wrote."""
    assert QueueWorkerPoolStatus.model_validate({"replicas": 2, "fromTheFuture": {}}).replicas == 2


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(NOON, id="whole-seconds"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=8))), id="in-another-zone"),
    ],
)
def test_a_moment_has_one_spelling(moment: datetime) -> None:
    """Or the same moment would be written twice."""
    assert format_moment(moment) == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("declared_in", [ConditionReason, UnknownReason])
def test_every_reason_says_what_to_do(declared_in: type[StrEnum]) -> None:
    """A reason without a docstring is a riddle."""
    said = reasons(declared_in)

    assert list(said) == [reason.value for reason in declared_in]
    assert all(text.endswith(".") for text in said.values())


def test_names_and_words_are_the_same() -> None:
    """`AT_MAX_REPLICAS` is `AtMaxReplicas`, so that one is found by the other."""
    for word in (*ConditionReason, *ConditionType):
        assert word.name == "".join(f"_{each}" if each.isupper() else each.upper() for each in word).lstrip(
            "_"
        )
