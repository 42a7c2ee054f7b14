"""A pool from a file, taken or refused as the API server would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import yaml

from queueworkers.api import rules
from queueworkers.api.base import API_VERSION, KIND
from queueworkers.api.scaling import ScalingMode
from queueworkers.api.spec import InvalidSpec, parse_spec
from queueworkers.errors import QueueWorkersError
from queueworkers.simulation.teams import Circumstances

if TYPE_CHECKING:
    from collections.abc import Callable

    from queueworkers.api.rules import Rule
    from queueworkers.api.scaling import ScalingSpec
    from queueworkers.api.spec import QueueWorkerPoolSpec

FALLBACK_RETRY_AFTER_SECONDS = 90.0
"""Where neither the pool nor its framework says when a claim expires."""


class PoolError(QueueWorkersError):
    """There is no pool that could be simulated; its message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPool:
    """One pool, as far as a simulation is concerned."""

    name: str
    spec: QueueWorkerPoolSpec

    def circumstances(
        self, *, boot_seconds: float, seed: int, failing: tuple[tuple[float, float], ...] = ()
    ) -> Circumstances:
        """Say what this pool's workers meet with."""
        retry_after: float | None = self.spec.effective_retry_after
        if retry_after is None:
            retry_after = FALLBACK_RETRY_AFTER_SECONDS
        return Circumstances(
            boot_seconds=boot_seconds,
            sleep_seconds=self.spec.sleep,
            retry_after_seconds=retry_after or inf,
            failing=failing,
            seed=seed,
        )


def parse_pool(text: str, *, name: str | None = None) -> SimulatedPool:
    """
    Read the pool of that *name* from YAML; without a name there must be one only.

    Raises:
        PoolError: It is not there, or the API server would refuse it, or the backlog does not decide.
    """
    try:
        documents = [each for each in yaml.safe_load_all(text) if isinstance(each, dict)]
    except yaml.YAMLError as error:
        raise PoolError(f"this is not YAML: {' '.join(str(error).split())}") from error
    pools = {
        _name(each): each
        for each in documents
        if each.get("kind") == KIND and each.get("apiVersion") == API_VERSION
    }
    if name is not None and name not in pools:
        raise PoolError(f"no {KIND} is called {name}; there is {', '.join(pools) or 'none'}")
    if name is None and len(pools) != 1:
        found = f"{len(pools)} are ({', '.join(pools)}): name one of them" if pools else "none is"
        raise PoolError(f"one {KIND} of {API_VERSION} is expected, and {found}")
    chosen = name if name is not None else next(iter(pools))
    spec = parse_spec(pools[chosen].get("spec") or {})
    if isinstance(spec, InvalidSpec):
        raise PoolError(str(spec))
    _require(spec)
    return SimulatedPool(name=chosen, spec=spec)


def _name(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


HOLDS: tuple[tuple[Rule, Callable[[ScalingSpec], bool]], ...] = (
    (rules.MIN_WITHIN_MAX, lambda scaling: scaling.min_replicas <= scaling.max_replicas),
    (
        rules.ROOM_FOR_A_SUCCESSOR,
        lambda scaling: scaling.max_concurrent is None or scaling.max_replicas < scaling.max_concurrent,
    ),
    (
        rules.ONE_TARGET,
        lambda scaling: scaling.backlog_per_worker is None or scaling.wait_seconds is None,
    ),
    (
        rules.QUEUE_WAITS_BESIDE_A_WAIT,
        lambda scaling: not scaling.queue_waits or scaling.wait_seconds is not None,
    ),
)
"""The rules between fields that change what a simulation tells; the others have no part in it."""


def _require(spec: QueueWorkerPoolSpec) -> None:
    scaling = spec.scaling
    for rule, holds in HOLDS:
        if not holds(scaling):
            raise PoolError(f"{rule.at}.{rule.field}: {_say(rule, scaling)}.")
    strangers = [each.queue for each in scaling.queue_waits if each.queue not in spec.queues]
    if strangers:
        rule = rules.QUEUE_WAITS_OF_THE_POOL
        raise PoolError(f"{rule.at}.{rule.field}: {rule.says}.")
    if spec.suspend:
        raise PoolError("spec.suspend is true, so there are no workers whatever comes: set it to false.")
    if scaling.mode is ScalingMode.MANUAL or scaling.replicas is not None:
        raise PoolError(
            "spec.scaling.replicas decides, and not the backlog: remove it, and mode Manual;"
            " the policies fixed-mean and fixed-peak show what a fixed number would have done."
        )


def _say(rule: Rule, scaling: ScalingSpec) -> str:
    """Fill the numbers into the sentence of a rule."""
    written = scaling.model_dump(by_alias=True)
    return re.sub(r"<<self\.(\w+)>>", lambda slot: str(written[slot[1]]), rule.says)
