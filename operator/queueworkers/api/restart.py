"""`spec.restart`: when and how running workers are replaced."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, AwareDatetime, Field, PlainValidator, WithJsonSchema

from queueworkers.api.base import DAY, ApiModel, Text
from queueworkers.api.redis import Prefix
from queueworkers.frameworks.base import AfterCrash

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


_NAMES_OF_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_NAMES_OF_DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"


def _field(value: str, *, also: str = "") -> str:
    """The pattern of one field of cron: values, ranges and steps in a list, and what *also* may stand there."""
    term = rf"(\*|({value})(-({value}))?)(/[1-9][0-9]{{0,2}})?{also}"
    return f"({term})(,({term}))*"


_CRON = " +".join(
    (
        _field("[0-5]?[0-9]"),
        _field("[01]?[0-9]|2[0-3]"),
        _field("0?[1-9]|[12][0-9]|3[01]", also="|L|LW"),
        _field(f"0?[1-9]|1[0-2]|{_NAMES_OF_MONTHS}"),
        _field(f"[0-7]|{_NAMES_OF_DAYS}", also=f"|([0-7]|{_NAMES_OF_DAYS})#[1-5]|[0-7]L"),
    )
)

_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def parse_schedule(value: str) -> str:
    """Accept what has a moment: no range that ends before it begins, no 30 February."""
    try:
        comes = next(CronSim(value, _SOME_DAY), None)
    except CronSimError:
        comes = None
    if comes is None:
        raise ValueError("schedule never comes: a range ends before it begins, or no month has that day")
    return value


Schedule = Annotated[
    str,
    Text(
        pattern=f"^(?i:{_CRON})$",
        says="schedule has the five fields of cron: minute, hour, day of the month, month, day of the week, such as "
        "30 4 * * *",
        max_length=100,
    ),
    AfterValidator(parse_schedule),
]


def parse_time_zone(value: str) -> str:
    """Accept a name that this machine's time zone database knows."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # the last for the name of a folder of it
        raise ValueError(
            "timeZone is not in the time zone database: give a name such as Europe/Berlin"
        ) from None
    return value


TimeZone = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9_+/-]+$",
        says="timeZone is a name of the time zone database, such as Europe/Berlin",
        max_length=64,
    ),
    AfterValidator(parse_time_zone),
]

ReferenceName = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        says="the name of a ConfigMap or Secret has lower-case letters, digits, - and . only",
        max_length=253,
    ),
]


class OnChange(StrEnum):
    """What a change means for the workers."""

    RESTART = "Restart"
    """They are replaced."""
    IGNORE = "Ignore"
    """Nothing: those who start later see it."""


class ReferenceKind(StrEnum):
    """What workers can be configured with."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 -- a kind, not a secret


class RolloutControl(StrEnum):
    """What becomes of a replacement of workers."""

    RUN = "Run"
    """It goes on, as long as the new workers work."""
    HOLD = "Hold"
    """No worker is replaced."""
    UNDO = "Undo"
    """The workers of the revision before come back."""


class ReferenceSpec(ApiModel):
    """What a change of one ConfigMap or Secret means."""

    kind: ReferenceKind
    """ConfigMap or Secret."""
    name: ReferenceName
    """Its name, in the pool's own namespace."""
    on_change: OnChange = OnChange.RESTART
    """Restart replaces the workers when what it holds has changed.  Ignore does not."""


class RestartSpec(ApiModel):
    """When and how running workers are replaced by new ones; none is stopped before its successor works."""

    at: Moment | None = None
    """
    Replace every worker started before this moment, one by one and each after its current job:
    `queue:restart` for this pool.  RFC 3339, such as 2026-11-23T09:30:00Z.  A moment in the
    future waits until it has come.
    """
    schedule: Schedule | None = None
    """
    Replace the workers whenever this schedule says so, as cron writes it: minute, hour, day of
    the month, month, day of the week.  30 4 * * * is every night at half past four.
    """
    time_zone: TimeZone = "UTC"
    """The time zone of `schedule`, such as Europe/Berlin.  A skipped hour of the summer time is made up for."""
    every_seconds: Annotated[int, Field(ge=600, le=30 * DAY)] | None = None
    """Replace the workers so many seconds after the last time, such as 86400 for a day."""
    on_reference_change: OnChange = OnChange.RESTART
    """
    What happens when a ConfigMap or Secret changes from which the workers get environment
    variables or volumes.  Restart replaces them, as a worker reads its configuration only when
    it starts.  Ignore does not.
    """
    references: Annotated[
        tuple[ReferenceSpec, ...],
        Field(
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["kind", "name"],
            },
        ),
    ] = ()
    """
    ConfigMaps and Secrets for which `onReferenceChange` does not hold.  One that the workers do
    not refer to themselves may be named as well, such as one that the application reads.
    """
    on_signal: OnChange = OnChange.RESTART
    """
    What happens when somebody runs `queue:restart` in the application, as deploy scripts do,
    and its cache is on the pool's Redis.  Restart replaces this pool's workers.  Ignore does not.
    """
    cache_prefix: Prefix | None = None
    """
    What the application's cache puts in front of its keys, for `onSignal` and `scaling.onPause` to
    find them: `prefix` in config/cache.php (CACHE_PREFIX).  When not given it is guessed from `spec.redis.prefix`, as
    both are made from APP_NAME by default: shop_database_ goes with shop_cache_.
    """
    after_crash: AfterCrash = AfterCrash.BACK_OFF
    """
    What becomes of a worker that crashed, by an exception at boot, a job that ran too long or a
    fatal error.  BackOff: its container ends, Kubernetes starts it again, each time later up to
    five minutes, and the pool says WorkersCrashing.  AtOnce: it is started again within its
    container a second later, however often, as by Supervisor's autorestart and NativePHP; its log
    tells, and nothing else.  Workers that end by design come back at once in any case.
    """
    rollout: RolloutControl = RolloutControl.RUN
    """
    What becomes of a replacement of workers.  Run: it goes on, and stops by itself while new
    workers crash.  Hold: no worker is replaced until it says Run again, as `kubectl rollout
    pause` does for a Deployment.  Undo: the workers of the revision before come back and stay
    until it says Run again, as after `kubectl rollout undo`.
    """
    max_surge: Surge = "25%"
    """
    How many workers more than wanted may run while workers are replaced: a number, or a share
    such as 25%.  Always at least one, as a worker only leaves when its successor works.
    """
    min_ready_seconds: Annotated[int, Field(ge=0, le=600)] = 5
    """
    Seconds that a new worker must have run before it counts as working, and the pace at which
    workers are replaced.  Supervisor's startsecs.
    """

    @property
    def named_schedule(self) -> str | None:
        """The schedule with its time zone, to tell it from another one; ``None`` where there is none."""
        return f"{self.schedule} {self.time_zone}" if self.schedule else None
