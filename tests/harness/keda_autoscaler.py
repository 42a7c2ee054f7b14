"""
KEDA beside the operator: its own programs, on the same control plane, for comparisons.

Its metrics reach the HorizontalPodAutoscalers of kube-controller-manager as in any cluster, through
an API of its adapter that the apiserver passes requests on to.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from harness.binaries import KEDA, build_programs, required_module
from harness.credentials import KEDA as KEDA_USER
from harness.credentials import Credentials
from harness.errors import CommandFailedError
from harness.locations import Locations
from harness.network import HOST_ADDRESS
from harness.processes import end_processes, require_running, start_process
from harness.progress import wait_until
from harness.redis import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.cluster import Cluster
    from harness.processes import StartedProcess

NAMESPACE = "keda"
_SERVICE = "keda-metrics-apiserver"
_ADAPTER_PORT = 6444
_GRPC = "localhost:9666"
_METRICS_API = "/apis/external.metrics.k8s.io/v1beta1"
_START_SECONDS = 90.0

# KEDA's defaults of 20 requests a second slow it down from about a hundred objects on; like the
# cluster's own controllers, it is let off them here.
_UNTHROTTLED = ("--kube-api-qps=500", "--kube-api-burst=1000")


class KedaAutoscaler:
    """
    KEDA's operator and its metrics adapter, from `with` to its end.

    Args:
        cluster: One of this machine's.
        logs: Where `keda-operator.log` and `keda-adapter.log` are written.
    """

    def __init__(self, cluster: Cluster, *, logs: Path) -> None:
        self._cluster = cluster
        self._logs = logs
        self._kubeconfig = Credentials(cluster.folder).kubeconfig(KEDA_USER)
        self._processes: list[StartedProcess] = []
        self._folders = ExitStack()

    @staticmethod
    def prepare() -> None:
        """
        Build it where that was not done yet: some minutes, and a gigabyte of downloads.

        Raises:
            HarnessError: its sources cannot be had from here.
        """
        build_programs(KEDA)

    def __enter__(self) -> Self:
        """Start it, and return when its metrics are served."""
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what it was told to scale stays as it is."""
        end_processes(self._processes)
        self._folders.close()

    def _start(self) -> None:
        self._apply_definitions()
        certificates = self._make_certificates()
        self._apply(*_render_metrics_api(certificates))
        self._run(
            "operator",
            f"--cert-dir={certificates}",
            "--metrics-bind-address=0",
            *_UNTHROTTLED,
        )
        self._run(
            "adapter",
            f"--cert-dir={certificates}",
            f"--tls-cert-file={certificates / 'tls.crt'}",
            f"--tls-private-key-file={certificates / 'tls.key'}",
            f"--client-ca-file={certificates / 'ca.crt'}",
            f"--lister-kubeconfig={self._kubeconfig}",
            f"--authentication-kubeconfig={self._kubeconfig}",
            f"--authorization-kubeconfig={self._kubeconfig}",
            f"--bind-address={HOST_ADDRESS}",
            f"--secure-port={_ADAPTER_PORT}",
            f"--metrics-service-address={_GRPC}",
            "--port=8082",
            *_UNTHROTTLED,
        )
        self._wait("KEDA's metrics are served", partial(self._answers, _METRICS_API))

    def _apply_definitions(self) -> None:
        sources = required_module(KEDA, "github.com/kedacore/keda/v2")
        self._cluster.run_kubectl("apply", "--server-side", "--filename", str(sources / "config/crd/bases"))
        self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for plural in ("scaledobjects", "triggerauthentications"):
            self._wait(f"{plural} are served", partial(self._answers, f"/apis/keda.sh/v1alpha1/{plural}"))

    def _make_certificates(self) -> Path:
        """One certificate for both: they speak to each other, and each wants to see the other's."""
        folder = Path(tempfile.mkdtemp(prefix="qwp-keda-"))
        self._folders.callback(shutil.rmtree, folder, ignore_errors=True)
        names = ("localhost", HOST_ADDRESS, f"{_SERVICE}.{NAMESPACE}.svc")
        made = make_certificates(folder / "made", names=names)
        for path, name in (
            (made.authority, "ca.crt"),
            (made.server, "tls.crt"),
            (made.server_key, "tls.key"),
        ):
            shutil.copy(path, folder / name)
        return folder

    def _run(self, name: str, *arguments: str) -> None:
        environment = {
            "KUBECONFIG": str(self._kubeconfig),
            "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
            "POD_NAMESPACE": NAMESPACE,
            "WATCH_NAMESPACE": "",
        }
        words = [f"{key}={value}" for key, value in environment.items()]
        command = ["env", *words, str(KEDA.program(name)), *arguments]
        log = self._logs / f"keda-{name}.log"
        log.unlink(missing_ok=True)
        # In the cluster's own record, so that it ends with the cluster at the latest.
        record = Locations(self._cluster.name).started
        self._processes.append(
            start_process(f"keda-{name}", self._cluster.command(command), record=record, log=log)
        )

    def _wait(self, what: str, satisfied: Callable[[], bool]) -> None:
        wait_until(satisfied, what=what, timeout_seconds=_START_SECONDS, check=self._require_running)

    def _require_running(self) -> None:
        for process in self._processes:
            require_running(process, log=self._logs / f"{process.name}.log")

    def _answers(self, path: str) -> bool:
        try:
            self._cluster.run_kubectl("get", "--raw", path)
        except CommandFailedError:
            return False
        return True

    def _apply(self, *objects: dict[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self._cluster.run_kubectl("apply", "--filename=-", input=json.dumps(listed))


def _render_metrics_api(certificates: Path) -> tuple[dict[str, Any], ...]:
    """A further API, behind a Service without a selector: its one address is that of this machine."""
    named = {"name": _SERVICE, "namespace": NAMESPACE}
    return (
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": named,
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": _ADAPTER_PORT}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**named, "labels": {"kubernetes.io/service-name": _SERVICE}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [HOST_ADDRESS], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": _ADAPTER_PORT, "protocol": "TCP"}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
            "spec": {
                "group": "external.metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": {"name": _SERVICE, "namespace": NAMESPACE},
                "caBundle": base64.b64encode((certificates / "ca.crt").read_bytes()).decode(),
            },
        },
    )
