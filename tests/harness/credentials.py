"""Who may talk to the cluster: certificates, tokens and kubeconfigs."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.commands import run
from harness.network import HOST_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.locations import Locations

NODE = "node-1"
SERVER = f"https://{HOST_ADDRESS}:6443"
AGGREGATOR_NAME = "aggregator"
"""How the apiserver calls itself where it passes a request on."""
ISSUER = "https://kubernetes.default.svc.cluster.local"

# The first address of the Service subnet is always the apiserver's own Service.
_SERVER_NAMES = (
    f"IP:{HOST_ADDRESS},IP:10.96.0.1,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,"
    "DNS:kubernetes.default,DNS:kubernetes.default.svc,"
    "DNS:kubernetes.default.svc.cluster.local"
)


@dataclass(frozen=True, slots=True)
class User:
    """Someone with a token; the roles of these users come with Kubernetes."""

    file: str
    name: str
    group: str = ""


ADMIN = User("admin", "admin", "system:masters")
CONTROLLER_MANAGER = User("controller-manager", "system:kube-controller-manager")
SCHEDULER = User("scheduler", "system:kube-scheduler")
KUBELET = User("kubelet", f"system:node:{NODE}", "system:nodes")
SERVICE_PROXY = User("service-proxy", "system:kube-proxy")
# Not the admin: the audit log must tell the test from the fake node.
KWOK = User("kwok", "kwok", "system:masters")
DNS = User("dns", "system:dns", "system:masters")
KEDA = User("keda", "keda", "system:masters")
USERS = (ADMIN, CONTROLLER_MANAGER, SCHEDULER, KUBELET, SERVICE_PROXY, KWOK, DNS, KEDA)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files in a cluster's folder of credentials."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that signs the others."""
        return self.folder / "authority.crt"

    @property
    def authority_key(self) -> Path:
        """The authority's private key."""
        return self.folder / "authority.key"

    @property
    def server(self) -> Path:
        """The apiserver's certificate; its key is beside it."""
        return self.folder / "server.crt"

    @property
    def kubelet_client(self) -> Path:
        """What the apiserver shows the kubelet; its key is beside it."""
        return self.folder / "kubelet-client.crt"

    @property
    def aggregator(self) -> Path:
        """What the apiserver shows the servers of further APIs; its key is beside it."""
        return self.folder / "aggregator.crt"

    @property
    def service_account_key(self) -> Path:
        """Signs the tokens of service accounts; its public half is beside it."""
        return self.folder / "service-account.key"

    @property
    def tokens(self) -> Path:
        """The apiserver's list of static tokens."""
        return self.folder / "tokens.csv"

    def kubeconfig(self, user: User) -> Path:
        """The kubeconfig of one of the static users."""
        return self.folder / f"{user.file}.kubeconfig"


def make_credentials(at: Locations) -> Credentials:
    """Make a new authority and everything that it vouches for."""
    made = Credentials(at.credentials)
    made.folder.mkdir(mode=0o700)
    _make_certificate(made.authority, "/CN=test-cluster")
    signed = ["-CA", str(made.authority), "-CAkey", str(made.authority_key)]
    no_authority = ["-addext", "basicConstraints=critical,CA:FALSE"]
    _make_certificate(
        made.server,
        "/CN=kube-apiserver",
        *[*signed, *no_authority, "-addext", f"subjectAltName={_SERVER_NAMES}"],
    )
    for path, subject in (
        (made.kubelet_client, "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        (made.aggregator, f"/CN={AGGREGATOR_NAME}"),
    ):
        _make_certificate(path, subject, *signed, *no_authority, "-addext", "extendedKeyUsage=clientAuth")
    run(
        [
            *["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            *["-out", str(made.service_account_key)],
        ]
    )
    public = made.service_account_key.with_suffix(".pub")
    run(["openssl", "pkey", "-pubout", "-in", str(made.service_account_key), "-out", str(public)])
    tokens = {user: secrets.token_hex(16) for user in USERS}
    made.tokens.write_text(
        "".join(
            f"{token},{user.name},{user.file}{user.group and ',' + user.group}\n"
            for user, token in tokens.items()
        )
    )
    for user, token in tokens.items():
        cluster = {"server": SERVER, "certificate-authority": str(made.authority)}
        write_kubeconfig(made.kubeconfig(user), cluster=cluster, user={"token": token})
    return made


def write_kubeconfig(
    path: Path,
    *,
    cluster: Mapping[str, object],
    user: Mapping[str, object],
    namespace: str = "default",
) -> None:
    """Write a kubeconfig with one context, readable by its owner only."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [
            {
                "name": "test",
                "context": {"cluster": "test", "user": "test", "namespace": namespace},
            }
        ],
        "current-context": "test",
    }
    # JSON is YAML too, and the standard library writes only the former.
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _make_certificate(path: Path, subject: str, *extra: str) -> None:
    run(
        [
            *["openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", subject],
            *["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
            *["-keyout", str(path.with_suffix(".key")), "-out", str(path)],
            *extra,
        ]
    )
