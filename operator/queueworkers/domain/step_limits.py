"""
How far the number of workers may change at once: the policies of a HorizontalPodAutoscaler.

Someone who knows them there finds them here with the same words and numbers:
``calculateScaleUpLimitWithScalingRules`` and its neighbours in Kubernetes'
``pkg/controller/podautoscaler/horizontal.go``.  Three things differ.  Without
policies there is no limit.  A share of no workers counts as one worker, or a
pool that rests at zero would never wake.  And shares are exact, where there
100 workers and 10 % come to 111, because a computer's 1.1 is a little more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from queueworkers.api.scaling import PolicyType, SelectPolicy
from queueworkers.domain.scaling import Limiter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from queueworkers.api.scaling import ScalingBehavior, ScalingPolicy
    from queueworkers.domain.scaling import Change, Step


def limit_step(
    step: Step, *, current: int, changes: Sequence[Change], behavior: ScalingBehavior, now: datetime
) -> Step:
    """
    Let a change through as far as the policies of its direction allow.

    It never turns round: what may not change stays at *current*.  Every policy
    compares with the number that was asked for when its period began.

    Args:
        step: What is wanted.
        current: Workers asked for at present.
        changes: Earlier changes of that number, the oldest first, at least as long ago as `longest_period`.
        behavior: The policies.
        now: Timezone-aware.

    Returns:
        *step* where nothing limits it; else one that is to be looked at again
        when changes leave the periods of its policies, as more may be allowed then.
    """
    up = step.replicas > current
    rules = behavior.scale_up if up else behavior.scale_down
    disabled = rules.select_policy is SelectPolicy.DISABLED
    if step.replicas == current or not (rules.policies or disabled):
        return step
    reaches = () if disabled else [_reach(each, current, changes, up=up, now=now) for each in rules.policies]
    strictest = rules.select_policy is SelectPolicy.MIN
    distance = (min if strictest else max)((each.distance for each in reaches), default=0)
    allowed = current + distance if up else current - distance
    if abs(step.replicas - current) <= distance:
        return step
    # The strictest has to let more through; of the others whichever does first.
    again = (max if strictest else min)(
        (each.until for each in reaches if not strictest or each.distance == distance), default=None
    )
    return replace(
        step,
        replicas=allowed,
        limiter=Limiter.STEP_UP if up else Limiter.STEP_DOWN,
        revisit_at=min(filter(None, (step.revisit_at, again)), default=None),
    )


def longest_period(behavior: ScalingBehavior) -> timedelta:
    """Tell how far back a policy looks, and how long changes are to be remembered; zero without policies."""
    policies = (*behavior.scale_up.policies, *behavior.scale_down.policies)
    return timedelta(seconds=max((policy.period_seconds for policy in policies), default=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How far one policy lets the number go from here, and until when no further."""

    distance: int
    until: datetime


def _reach(
    policy: ScalingPolicy, current: int, changes: Sequence[Change], *, up: bool, now: datetime
) -> _Reach:
    """
    Compare with what was asked for when the policy's period began.

    That is what the first change within it began with, rather than the sum of
    all: a change that the cluster refused is among them, and a person's own is
    not.  Shares are rounded so that they always come to one worker at least.
    """
    period = timedelta(seconds=policy.period_seconds)
    first = next((change for change in changes if change.at > now - period), None)
    start = first.before if first else current
    if policy.type is PolicyType.PODS:
        furthest = start + policy.value if up else start - policy.value
    elif up:
        furthest = max(-(-start * (100 + policy.value) // 100), 1)
    else:
        furthest = start * (100 - policy.value) // 100
    distance = furthest - current if up else current - max(furthest, 0)
    # Without a change the step that is taken now is the first.
    return _Reach(distance=max(distance, 0), until=(first.at if first else now) + period)
