"""An installation of the chart in a cluster, as somebody makes it from a terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.binaries import HELM_3, HELM_4
from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.helm import CHART
from harness.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.cluster import Cluster
    from harness.helm import Helm

_WAIT_SECONDS = 180

TAKING_OVER = MappingProxyType(
    {HELM_3: ("--take-ownership",), HELM_4: ("--take-ownership", "--force-conflicts")}
)
"""How each release of Helm takes over what kubectl has applied: the later one overrules nobody by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release; each call raises CommandFailedError with Helm's sentence when it does not come about."""

    helm: Helm
    cluster: Cluster
    name: str
    namespace: str

    def install(self, values: Mapping[str, Any], *flags: str) -> None:
        """Install it, and wait until its pods are ready."""
        self._run("install", self.name, str(CHART), "--wait", "--values=-", *flags, values=values)

    def upgrade(self, values: Mapping[str, Any]) -> None:
        """Give it other values, and wait until its new pods are ready."""
        self._run("upgrade", self.name, str(CHART), "--wait", "--values=-", values=values)

    def rollback(self) -> None:
        """Go back to the revision before, and wait until its pods are ready."""
        self._run("rollback", self.name, "--wait")

    def test(self) -> str:
        """Run the chart's test, and return what its pod printed, among other things."""
        return self._run("test", self.name, "--logs")

    def uninstall(self) -> None:
        """Take it away, and wait until its pods are gone."""
        # Without --wait: Helm overlooks what is gone at once, now and then, and waits for it until its time is over.
        self._run("uninstall", self.name, "--ignore-not-found")
        wait_until(
            lambda: not self.pods(),
            what=f"no pod of release {self.name} is left",
            timeout_seconds=_WAIT_SECONDS,
        )

    def pods(self) -> set[str]:
        """Name the operator's pods, leaving ones included."""
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=operator"
        found = self.cluster.kubectl_json(
            "get", "pods", f"--namespace={self.namespace}", f"--selector={labels}"
        )
        return {pod["metadata"]["name"] for pod in found["items"]}

    def container(self, pod: str) -> dict[str, Any]:
        """Read what the kubelet says of the only container of one of the operator's pods."""
        found = self.cluster.kubectl_json("get", "pod", pod, f"--namespace={self.namespace}")
        (container,) = found["status"]["containerStatuses"]
        assert isinstance(container, dict)
        return container

    def kill(self, pod: str) -> None:
        """
        End the operator in a pod at once, with no time to give anything up.

        Raises:
            HarnessError: the nodes of an existing cluster are out of reach.
        """
        if self.cluster.kill_container is None:
            raise HarnessError("the containers of an existing cluster cannot be killed from here")
        self.cluster.kill_container(self.container(pod)["containerID"].removeprefix("containerd://"))

    def operator_may(self, verb: str, resource: str, namespace: str) -> bool:
        """Ask the API server whether the operator's service account has a right, by whatever gives it."""
        pod = min(self.pods())
        found = self.cluster.kubectl_json("get", "pod", pod, f"--namespace={self.namespace}")
        user = f"system:serviceaccount:{self.namespace}:{found['spec']['serviceAccountName']}"
        try:
            self.cluster.run_kubectl(
                "auth", "can-i", verb, resource, f"--namespace={namespace}", f"--as={user}"
            )
        except CommandFailedError as error:
            if not error.output.startswith("no"):
                raise
            return False
        return True

    def _run(self, command: str, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        where = (f"--kubeconfig={self.cluster.kubeconfig}", f"--namespace={self.namespace}")
        argv = [str(self.helm.program), command, *arguments, *where, f"--timeout={_WAIT_SECONDS}s"]
        stdin = None if values is None else json.dumps(values)
        return run(self.cluster.command(argv), stdin=stdin, timeout_seconds=_WAIT_SECONDS + 60)
