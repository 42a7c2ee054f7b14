"""`spec.restart`: when and how running workers are replaced."""

import re
from typing import Annotated

from pydantic import AwareDatetime, Field, PlainValidator, WithJsonSchema

from queueworkers.api.base import ApiModel

PERCENTAGE = r"^([1-9][0-9]?|100)%$"


def parse_surge(value: object) -> int | str:
    """Accept a number of workers from 1 on, or a share of them from ``1%`` to ``100%``."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and re.fullmatch(PERCENTAGE, value):
        return value
    raise ValueError("must be a number of workers from 1 on, or a share from 1% to 100%")


Surge = Annotated[
    int | str,
    PlainValidator(parse_surge),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 1,
            "maximum": 10_000,
            "maxLength": 4,
            "pattern": PERCENTAGE,
        }
    ),
]


Moment = Annotated[AwareDatetime, WithJsonSchema({"type": "string", "maxLength": 40})]
"""
A text to the API server, which a rule looks at more closely.

With the format `date-time` the API server would take a list for a moment, and
read the rims of RFC 3339 (leap seconds, lower case) differently from Python.
"""


class RestartSpec(ApiModel):
    """When and how running workers are replaced by new ones; none is stopped before its successor works."""

    at: Moment | None = None
    """
    Replace every worker started before this moment, one by one and each after its current job:
    `queue:restart` for this pool.  RFC 3339, such as 2026-11-23T09:30:00Z.  A moment in the
    future waits until it has come.
    """
    max_surge: Surge = "25%"
    """
    How many workers more than wanted may run while workers are replaced: a number, or a share
    such as 25%.  Always at least one, as a worker only leaves when its successor works.
    """
    min_ready_seconds: Annotated[int, Field(ge=0, le=600)] = 5
    """
    Seconds that a new worker must have run before it counts as working.  Supervisor's startsecs.
    """
