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

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from queueworkers.api.scaling import PolicyType, SelectPolicy
from queueworkers.domain.scaling import Limiter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from queueworkers.api.scaling import (
        ScaleDownBehavior,
        ScaleUpBehavior,
        ScalingBehavior,
        ScalingPolicy,
    )
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
        when a change leaves the period of a policy, as more may be allowed then.
    """
    up = step.replicas > current
    rules = behavior.scale_up if up else behavior.scale_down
    if step.replicas == current or not _limits(rules):
        return step
    if up:
        allowed = min(step.replicas, max(_highest(behavior.scale_up, current, changes, now), current))
    else:
        allowed = max(step.replicas, min(_lowest(behavior.scale_down, current, changes, now), current))
    if allowed == step.replicas:
        return step
    again = () if rules.select_policy is SelectPolicy.DISABLED else _ends(rules.policies, changes, now)
    return replace(
        step,
        replicas=allowed,
        limiter=Limiter.STEP_UP if up else Limiter.STEP_DOWN,
        revisit_at=min(filter(None, (step.revisit_at, *again)), default=None),
    )


def longest_period(behavior: ScalingBehavior) -> timedelta:
    """Tell how far back a policy looks, and how long changes are to be remembered; zero without policies."""
    policies = (*behavior.scale_up.policies, *behavior.scale_down.policies)
    return timedelta(seconds=max((policy.period_seconds for policy in policies), default=0))


def _limits(rules: ScaleUpBehavior | ScaleDownBehavior) -> bool:
    return bool(rules.policies) or rules.select_policy is SelectPolicy.DISABLED


def _highest(rules: ScaleUpBehavior, current: int, changes: Sequence[Change], now: datetime) -> int:
    """Tell how many workers there may be at most; a share is rounded up."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return current
    proposed = []
    for policy in rules.policies:
        start = _at_start(policy, current, changes, now)
        share = max(-(-start * (100 + policy.value) // 100), 1)
        proposed.append(start + policy.value if policy.type is PolicyType.PODS else share)
    return min(proposed) if rules.select_policy is SelectPolicy.MIN else max(proposed)


def _lowest(rules: ScaleDownBehavior, current: int, changes: Sequence[Change], now: datetime) -> int:
    """Tell how many workers there must be at least; what is left of a share is rounded down."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return current
    proposed = []
    for policy in rules.policies:
        start = _at_start(policy, current, changes, now)
        share = start * (100 - policy.value) // 100
        proposed.append(start - policy.value if policy.type is PolicyType.PODS else share)
    return max(proposed) if rules.select_policy is SelectPolicy.MIN else min(proposed)


def _at_start(policy: ScalingPolicy, current: int, changes: Sequence[Change], now: datetime) -> int:
    """
    Tell how many workers were asked for when the period began.

    What the first change within it began with, rather than the sum of all: a
    change that the cluster refused is among them, and a person's own is not.
    """
    since = now - timedelta(seconds=policy.period_seconds)
    return next((change.before for change in changes if change.at > since), current)


def _ends(policies: Iterable[ScalingPolicy], changes: Sequence[Change], now: datetime) -> Iterable[datetime]:
    """Tell when the oldest change within each period leaves it."""
    for policy in policies:
        period = timedelta(seconds=policy.period_seconds)
        oldest = next((change.at for change in changes if change.at > now - period), None)
        # Without a change the whole step is taken now, and is one from then on.
        yield (oldest or now) + period
