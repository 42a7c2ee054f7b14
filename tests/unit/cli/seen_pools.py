"""Pools as the API server tells them, for the commands' tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from queueworkers.cli.access import SeenPool, see

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def ago(seconds: int) -> str:
    """Write the moment so many seconds before `NOW`, as the API server does."""
    return f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    """Make one condition."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(600),
    }


BUSY: dict[str, Any] = {
    "observedGeneration": 3,
    "replicas": 4,
    "readyReplicas": 3,
    "desiredReplicas": 3,
    "explanation": "3 workers: 415 waiting and 6 in hand, at 10 per worker, ask for 43; maxReplicas allows 3.",
    "conditions": [
        condition(
            "Ready",
            "True",
            "AtMaxReplicas",
            "3 workers: 415 waiting and 6 in hand, at 10 per worker, ask for 43; maxReplicas allows 3.",
        ),
        condition("BacklogKnown", "True", "BacklogRead"),
        condition(
            "ScalingLimited",
            "True",
            "TooManyReplicas",
            "3 workers: 415 waiting and 6 in hand, at 10 per worker, ask for 43; maxReplicas allows 3.",
        ),
        condition("StopsGracefully", "False", "PcntlMissing", "PHP lacks pcntl, so jobs are cut off."),
    ],
    "summary": {"queues": "high,default", "workers": "3/3", "status": "AtMaxReplicas", "range": "0-3"},
    "backlog": {
        "waiting": 415,
        "ready": 412,
        "delayed": 9,
        "due": 3,
        "reserved": 6,
        "expired": 0,
        "observedTime": ago(2),
    },
    "queues": [
        {
            "name": "high",
            "ready": 0,
            "delayed": 0,
            "due": 0,
            "reserved": 2,
            "expired": 0,
            "hold": "Paused",
        },
        {
            "name": "default",
            "ready": 412,
            "delayed": 9,
            "due": 3,
            "reserved": 4,
            "expired": 0,
            "oldestJobTime": ago(38),
            "oldestJobWaits": "AtLeast",
        },
    ],
    "oldestJobTime": ago(38),
    "oldestJobWaits": "AtLeast",
    "workers": {"working": 3, "starting": 0, "waiting": 0, "draining": 1, "surge": 0},
    "rollout": {"phase": "Complete", "trigger": "Annotation", "sinceTime": ago(7200)},
    "exits": [
        {
            "exitCode": 12,
            "count": 4,
            "meaning": "it used more memory than allowed",
            "recycled": True,
            "lastTime": ago(300),
        },
        {"exitCode": 255, "count": 1, "recycled": False, "lastTime": ago(3600)},
    ],
    "source": {
        "address": "redis:6379/0 shop_database_",
        "followedBy": "Push",
        "evictionPolicy": "allkeys-lru",
    },
}


def pool(name: str = "orders", status: dict[str, Any] | None = None, **spec: Any) -> SeenPool:
    """Make a pool as it was read; without *status*, one that the operator has not looked at."""
    return see({"metadata": {"namespace": "shop", "name": name}, "spec": spec, "status": status or {}})
