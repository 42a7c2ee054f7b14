"""etcd, the apiserver, the controller manager and the scheduler."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.binaries import ETCD, KUBERNETES
from harness.credentials import AGGREGATOR_NAME, CONTROLLER_MANAGER, ISSUER, SCHEDULER
from harness.daemon import Daemon
from harness.network import HOST_ADDRESS, SERVICE_SUBNET

if TYPE_CHECKING:
    from harness.credentials import Credentials
    from harness.locations import Locations

# One line for each answered request: who, with which program, did what to
# which object, and how it ended.  Tests count the operator's writes in it.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted", "Panic"],
    "rules": [
        {
            "level": "Request",
            "resources": [
                {"group": "queueworkers.io", "resources": ["queueworkerpools/status"]},
            ],
        },
        {"level": "Metadata"},
    ],
}

# Clients' limits on themselves, which in a cluster of one user protect nobody:
# with the default of 20 requests a second, 200 pods take half a minute.
_UNTHROTTLED = ("--kube-api-qps=500", "--kube-api-burst=1000")


def render_etcd(at: Locations) -> Daemon:
    """The store; it may lose its last writes in a power cut, and is fast for it."""
    return Daemon(
        "etcd",
        (
            str(ETCD.program("etcd")),
            f"--data-dir={at.bulk / 'etcd'}",
            "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ),
    )


def write_audit_policy(at: Locations) -> None:
    """Write the policy that the apiserver is started with."""
    (at.run / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY), encoding="utf-8")


def render_apiserver(at: Locations, credentials: Credentials) -> Daemon:
    """The apiserver, with the admission plugins that it has by default."""
    return Daemon(
        "kube-apiserver",
        (
            str(KUBERNETES.program("kube-apiserver")),
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={HOST_ADDRESS}",
            "--secure-port=6443",
            f"--tls-cert-file={credentials.server}",
            f"--tls-private-key-file={credentials.server.with_suffix('.key')}",
            f"--token-auth-file={credentials.tokens}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--service-cluster-ip-range={SERVICE_SUBNET}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={credentials.service_account_key.with_suffix('.pub')}",
            f"--service-account-signing-key-file={credentials.service_account_key}",
            f"--kubelet-client-certificate={credentials.kubelet_client}",
            f"--kubelet-client-key={credentials.kubelet_client.with_suffix('.key')}",
            "--kubelet-preferred-address-types=InternalIP",
            *_render_aggregation(credentials),
            f"--audit-policy-file={at.run / 'audit-policy.json'}",
            f"--audit-log-path={at.audit_log}",
            # By default the log is cut at 100 MB, and a test's count with it.
            "--audit-log-maxsize=10000",
            "--shutdown-delay-duration=0s",
        ),
    )


def _render_aggregation(credentials: Credentials) -> tuple[str, ...]:
    """How the apiserver passes requests on to servers of further APIs, such as metrics, and says for whom."""
    return (
        f"--requestheader-client-ca-file={credentials.authority}",
        f"--requestheader-allowed-names={AGGREGATOR_NAME}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={credentials.aggregator}",
        f"--proxy-client-key-file={credentials.aggregator.with_suffix('.key')}",
        # To the addresses behind a Service, as there need be no kube-proxy.
        "--enable-aggregator-routing=true",
    )


def render_controller_manager(credentials: Credentials) -> Daemon:
    """Every controller that runs by default."""
    kubeconfig = credentials.kubeconfig(CONTROLLER_MANAGER)
    return Daemon(
        "kube-controller-manager",
        (
            str(KUBERNETES.program("kube-controller-manager")),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            *_UNTHROTTLED,
            # Each controller gets a name of its own in the audit log.
            "--use-service-account-credentials=true",
            f"--root-ca-file={credentials.authority}",
            f"--service-account-private-key-file={credentials.service_account_key}",
        ),
    )


def render_scheduler(credentials: Credentials) -> Daemon:
    """The standard scheduler."""
    kubeconfig = credentials.kubeconfig(SCHEDULER)
    return Daemon(
        "kube-scheduler",
        (
            str(KUBERNETES.program("kube-scheduler")),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            *_UNTHROTTLED,
        ),
    )
