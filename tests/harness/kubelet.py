"""The kubelet of the node that runs real containers."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from harness.binaries import KUBERNETES
from harness.credentials import KUBELET, NODE
from harness.daemon import Daemon
from harness.network import HOST_ADDRESS

if TYPE_CHECKING:
    from harness.credentials import Credentials
    from harness.locations import Locations

# Where the kubelet puts a link to each container's log, whatever its options.
_LOG_LINKS = Path("/var/log/containers")


def write_kubelet_configuration(at: Locations, credentials: Credentials) -> None:
    """Write the kubelet's configuration and the pods' list of name servers."""
    resolver = at.run / "resolv.conf"
    resolver.write_text(f"nameserver {HOST_ADDRESS}\n", encoding="ascii")
    content = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(credentials.authority)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{at.containerd_socket}",
        "clusterDNS": [HOST_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(resolver),
        "podLogsDir": str(at.pod_logs),
        "volumePluginDir": str(at.run / "volume-plugins"),
        "healthzBindAddress": "127.0.0.1",
        "maxPods": 110,
        # A cgroup of its own: a kubelet ends every pod below its root that it
        # does not know, and a second cluster's pods would be among them.
        "cgroupRoot": at.cgroup,
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        # The machine's disk is not the cluster's to judge: no eviction because
        # it is full, and no measuring of it.
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "4s",
        "syncFrequency": "10s",
    }
    (at.run / "kubelet.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def render_kubelet(at: Locations, credentials: Credentials) -> Daemon:
    """The kubelet of node-1."""
    return Daemon(
        "kubelet",
        (
            str(KUBERNETES.program("kubelet")),
            f"--config={at.run / 'kubelet.json'}",
            f"--kubeconfig={credentials.kubeconfig(KUBELET)}",
            f"--root-dir={at.bulk / 'kubelet'}",
            f"--cert-dir={at.bulk / 'kubelet' / 'pki'}",
            f"--hostname-override={NODE}",
            f"--node-ip={HOST_ADDRESS}",
            "--v=2",
        ),
    )


def remove_log_links(at: Locations) -> None:
    """Remove the links that the kubelet leaves outside the cluster's folders."""
    for link in _LOG_LINKS.glob("*.log"):
        with contextlib.suppress(OSError):
            if link.readlink().is_relative_to(at.pod_logs):
                link.unlink()
