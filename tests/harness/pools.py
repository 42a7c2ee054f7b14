"""What a user does with pools, for tests: apply, look, wait."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import CommandFailedError
from harness.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.cluster import Cluster

API_VERSION = "queueworkers.io/v1alpha1"

Json = dict[str, Any]

WAIT_SECONDS = 60.0
"""Long for a cluster that has two cores and much to do; what is waited for takes a second or two."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace of a test's own, and the pools in it."""

    cluster: Cluster
    name: str

    @classmethod
    def create(cls, cluster: Cluster) -> Namespace:
        """Make one whose name nobody else has."""
        name = f"test-{secrets.token_hex(4)}"
        cluster.run_kubectl("create", "namespace", name)
        return cls(cluster, name)

    def delete(self) -> None:
        """Ask for its end; the cluster sees to it in its own time."""
        self.cluster.run_kubectl("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        """Run kubectl in this namespace and return what it prints."""
        return self.cluster.run_kubectl(f"--namespace={self.name}", *arguments, input=input)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects as `kubectl apply` does."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--filename=-", input=json.dumps(listed))

    def apply_pool(self, name: str, spec: Mapping[str, Any]) -> None:
        """Apply a pool."""
        self.apply(pool(name, spec))

    def get(self, kind: str, name: str) -> Json:
        """Read one object."""
        read: Json = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return read

    def find(self, kind: str, name: str) -> Json | None:
        """Read one object, if there is one."""
        answer = self.kubectl("get", kind, name, "--output=json", "--ignore-not-found")
        return json.loads(answer) if answer else None

    def list_all(self, kind: str, labels: str = "") -> list[Json]:
        """Read all objects of a kind."""
        items: list[Json] = json.loads(self.kubectl("get", kind, f"--selector={labels}", "--output=json"))[
            "items"
        ]
        return items

    def status(self, name: str) -> Json:
        """Read what the operator says of a pool; empty when it has said nothing yet."""
        status: Json = self.get("qwp", name).get("status", {})
        return status

    def condition(self, name: str, kind: str) -> Json:
        """Read one condition of a pool; empty when it has none yet."""
        conditions = self.status(name).get("conditions", ())
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def pods(self, pool_name: str) -> list[Json]:
        """Read the workers of a pool, leaving ones included."""
        return self.list_all("pods", f"queueworkers.io/pool={pool_name}")

    def deployment(self, pool_name: str) -> Json:
        """Read the Deployment of a pool."""
        return self.get("deployment", f"{pool_name}-workers")

    def events(self, pool_name: str) -> list[tuple[str, str]]:
        """Read what `kubectl describe` would tell of a pool's past: reasons and notes, oldest first."""
        found = [
            event
            for event in self.list_all("events.events.k8s.io")
            if event["regarding"].get("name") == pool_name
        ]
        found.sort(key=lambda event: event["eventTime"] or "")
        return [(event["reason"], event["note"]) for event in found]

    def wait(
        self,
        what: str,
        satisfied: Callable[[], bool],
        *,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> None:
        """
        Return as soon as something is so; an object or a field that is not there yet is not an error.

        Raises:
            TimeoutError: it did not become so; with what the pools of the namespace said last.
        """

        def look() -> bool:
            try:
                return satisfied()
            except (CommandFailedError, KeyError):
                return False

        try:
            wait_until(look, what=what, timeout_seconds=timeout_seconds, interval_seconds=0.2)
        except TimeoutError as error:
            raise TimeoutError(
                f"{error}\n{self.kubectl('get', 'qwp,deployments,pods', '--output=wide')}"
            ) from None

    def wait_for_reason(
        self, name: str, reason: str, *, kind: str = "Ready", seconds: float = WAIT_SECONDS
    ) -> Json:
        """Wait until a condition of a pool has a reason, and return the condition."""
        self.wait(
            f"{kind} of pool {name} has reason {reason}",
            lambda: self.condition(name, kind).get("reason") == reason,
            timeout_seconds=seconds,
        )
        return self.condition(name, kind)

    def wait_for_replicas(self, name: str, replicas: int, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until so many workers are asked for."""
        self.wait(
            f"{replicas} workers are asked for in pool {name}",
            lambda: self.deployment(name)["spec"]["replicas"] == replicas,
            timeout_seconds=seconds,
        )


def pool(name: str, spec: Mapping[str, Any]) -> Json:
    """Make the object that a user writes as YAML."""
    return {
        "apiVersion": API_VERSION,
        "kind": "QueueWorkerPool",
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def on_fake_node(spec: Mapping[str, Any]) -> Json:
    """Have a pool's workers on the node that takes thousands of pods and runs none."""
    return {
        **spec,
        "podTemplate": {
            "spec": {
                "nodeSelector": {"type": "kwok"},
                "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
            }
        },
    }
