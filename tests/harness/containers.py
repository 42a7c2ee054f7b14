"""containerd, and the network that it gives to pods."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base_images import PAUSE_IMAGE
from harness.commands import run
from harness.daemon import Daemon
from harness.errors import HarnessError
from harness.network import POD_SUBNET
from harness.packages import PLUGIN_DIRECTORIES, program

if TYPE_CHECKING:
    from harness.locations import Locations

# The namespace, in containerd's own sense, that the kubelet's images and
# containers are in.
_NAMESPACE = "k8s.io"


def render_containerd(at: Locations) -> Daemon:
    """The daemon, with nothing of the machine's own containerd."""
    return Daemon("containerd", ("containerd", "--config", str(at.run / "containerd.toml")))


def write_containerd_configuration(at: Locations) -> None:
    """Write containerd's configuration and its one pod network."""
    networks = at.run / "cni"
    networks.mkdir()
    (networks / "10-pods.conflist").write_text(json.dumps(_pod_network(at)), encoding="utf-8")
    (at.run / "containerd.toml").write_text(
        f"""\
version = 2
root = "{at.bulk / "containerd"}"
state = "{at.run / "containerd"}"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{at.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without privileges over its own score a container cannot get a lower one,
  # and then no sandbox starts at all.
  restrict_oom_score_adj = true
  # So that everything mounted for this cluster is below its own folders.
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_plugin_directory()}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{_snapshotter(at)}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
""",
        encoding="utf-8",
    )


def containerd_answers(at: Locations) -> bool:
    """Tell whether containerd takes requests."""
    answer = subprocess.run([*_ctr(at), "version"], capture_output=True, check=False)
    return answer.returncode == 0


def import_image(at: Locations, archive: Path) -> None:
    """Load a docker-archive; its short name gets ``docker.io/`` in front."""
    run([*_ctr(at), "images", "import", "--snapshotter", _snapshotter(at), str(archive)])


def kill_container(at: Locations, identity: str) -> None:
    """End a container's first process at once, and with it all others; the kubelet starts it again."""
    run([*_ctr(at), "tasks", "kill", "--signal", "SIGKILL", identity])


def forget_pod_addresses(at: Locations) -> None:
    """Remove what libcni keeps, outside the cluster's folders, of pods that are still there."""
    sandboxes = at.bulk / "containerd" / "io.containerd.grpc.v1.cri" / "sandboxes"
    for sandbox in sandboxes.glob("*"):
        for result in Path("/var/lib/cni/results").glob(f"*-{sandbox.name}-*"):
            result.unlink(missing_ok=True)


def _ctr(at: Locations) -> list[str]:
    return ["ctr", "--address", str(at.containerd_socket), "--namespace", _NAMESPACE]


def _pod_network(at: Locations) -> dict[str, object]:
    """
    A point-to-point link for each pod, so that all traffic is routed.

    On a bridge two pods answer each other directly, past the rules that
    translate a Service's address, and connections between them through a
    Service hang unless a kernel module is there to help.
    """
    return {
        "cniVersion": "0.4.0",
        "name": at.label,
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(at.run / "pod-addresses"),
                    "ranges": [[{"subnet": POD_SUBNET}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def _plugin_directory() -> Path:
    plugin = program("ptp", PLUGIN_DIRECTORIES)
    if plugin is None:
        raise HarnessError(f"the CNI plugin ptp is in none of {', '.join(PLUGIN_DIRECTORIES)}")
    return Path(plugin).parent


def _snapshotter(at: Locations) -> str:
    """
    Overlayfs where it can be mounted; otherwise copies of whole images.

    Inside a container, whose own file system is an overlay, it often cannot.
    """
    trial = at.bulk / "overlay-trial"
    layers = [trial / name for name in ("lower", "upper", "work", "merged")]
    for layer in layers:
        layer.mkdir(parents=True, exist_ok=True)
    lower, upper, work, merged = layers
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, str(merged)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        return "native"
    with contextlib.suppress(OSError):
        run(["umount", str(merged)])
    return "overlayfs"
