"""
A ceiling that several pools share: `spec` and `status` of a QueueWorkerBudget.

A pool joins with `spec.scaling.budget`; the budget itself names nobody, so that
who may edit a pool needs no right to edit what all share.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from queueworkers.api.base import ApiModel
from queueworkers.api.status import Count, StatusModel, Word

BUDGET_KIND = "QueueWorkerBudget"
BUDGET_PLURAL = "queueworkerbudgets"

MAX_MEMBERS_TOLD = 256
"""So many pools are listed in the status of a budget; all of them count."""


class QueueWorkerBudgetSpec(ApiModel):
    """How many workers the pools that name this budget may have together."""

    max_replicas: Annotated[int, Field(ge=0, le=100_000)]
    """
    The most workers of all pools of this namespace that name this budget, those included that
    finish their last job.  Lowered, workers leave until it holds again, each after its job.
    """


class MemberStatus(StatusModel):
    """What one pool has of the budget."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The pool."""
    priority: int
    """Its `spec.scaling.budget.priority`: higher ones come first."""
    used: Count
    """Workers that it asks for, and others of its that still exist."""
    wanted: Count
    """Workers that it would ask for without a budget."""
    share: Count
    """Workers that are due to it of what there is; it gets them as others leave."""


class QueueWorkerBudgetStatus(StatusModel):
    """Who has how much of the budget.  A field that is absent is not known."""

    observed_generation: Count | None = None
    """The generation of the budget that was acted on."""
    used: Count | None = None
    """Workers of all pools together, those included that finish their last job."""
    wanted: Count | None = None
    """Workers that the pools would ask for without a budget."""
    members: Count | None = None
    """Pools that share it."""
    summary: Word | None = None
    """How much of it is used: 18/20."""
    pools: Annotated[
        tuple[MemberStatus, ...],
        Field(
            max_length=MAX_MEMBERS_TOLD,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """What each pool has, the highest priority first."""

    def to_wire(self) -> dict[str, Any]:
        """Spell the status as JSON, without what is not known."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def parse_budget(raw: Mapping[str, Any]) -> QueueWorkerBudgetSpec | None:
    """
    Read the `spec` of a budget; ``None`` for one that was stored under another version of the CRD.

    Args:
        raw: The object's ``spec``, not the whole object.
    """
    try:
        return QueueWorkerBudgetSpec.model_validate(raw)
    except ValidationError:
        return None
