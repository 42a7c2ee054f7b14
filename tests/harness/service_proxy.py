"""kube-proxy, which makes the addresses of Services lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.binaries import KUBERNETES
from harness.credentials import NODE, SERVICE_PROXY
from harness.daemon import Daemon

if TYPE_CHECKING:
    from harness.credentials import Credentials


def render_service_proxy(credentials: Credentials) -> Daemon:
    """kube-proxy with nftables, whose rules stay in the cluster's namespace."""
    return Daemon(
        "kube-proxy",
        (
            str(KUBERNETES.program("kube-proxy")),
            f"--kubeconfig={credentials.kubeconfig(SERVICE_PROXY)}",
            f"--hostname-override={NODE}",
            "--proxy-mode=nftables",
            "--metrics-bind-address=127.0.0.1:10249",
            "--healthz-bind-address=127.0.0.1:10256",
            # The limits of connection tracking belong to the whole machine,
            # and cannot be set from a namespace.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
        ),
    )
