"""A worker's pod as the kubelet alone would run it, to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.shop import Json, Shop


def without_supervisor(template: Json, *, grace_seconds: int = 1) -> Json:
    """The same pod as the kubelet alone would run and end it."""
    (worker,) = template["spec"]["containers"]
    console = worker["command"][worker["command"].index("--") + 1 :]
    bare = {key: value for key, value in worker.items() if key not in {"lifecycle", "startupProbe"}}
    bare["command"] = console
    return {**template["spec"], "containers": [bare], "terminationGracePeriodSeconds": grace_seconds}


def start_alone(shop: Shop, spec: Json) -> None:
    """Run a pod that belongs to nobody."""
    shop.namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": spec})
