"""kwok: a node that takes thousands of pods and runs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.binaries import KWOK as MODULE
from harness.credentials import KWOK
from harness.daemon import Daemon

if TYPE_CHECKING:
    from harness.credentials import Credentials

FAKE_NODE = "kwok-1"
BOOTS_FOR = "example.com/boots-for"
"""An annotation of a pod: how long until it is ready, as `3s`; at once without it."""
_ANNOTATION = "kwok.x-k8s.io/node"

# A pod must ask for this node: tolerate the taint and select type=kwok.
FAKE_NODE_MANIFEST = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": FAKE_NODE,
        "annotations": {_ANNOTATION: "fake", "node.alpha.kubernetes.io/ttl": "0"},
        "labels": {
            "type": "kwok",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": FAKE_NODE,
            "kubernetes.io/os": "linux",
        },
    },
    "spec": {"taints": [{"key": _ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
}


def render_fake_node(credentials: Credentials) -> Daemon:
    """kwok, playing the kubelet of nodes that carry its annotation, and of no other."""
    return Daemon(
        "kwok",
        (
            str(MODULE.program("kwok")),
            f"--config={MODULE.folder / 'stages.yaml'}",
            f"--kubeconfig={credentials.kubeconfig(KWOK)}",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={_ANNOTATION}=fake",
            "--cidr=10.245.0.0/16",
            "--node-ip=10.240.0.2",
            "--node-lease-duration-seconds=40",
        ),
    )
