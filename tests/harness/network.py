"""
The network namespace that a cluster lives in.

Enter it with ``nsenter --net=FILE``, never with ``ip netns exec``: the latter
also makes a private mount namespace, and then the volumes that the kubelet
mounts are invisible to containerd.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import TYPE_CHECKING

from harness.commands import run
from harness.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.locations import Locations

# The apiserver's, the node's and the test's own Redis' address.  Loopback
# will not do: the kernel routes no pod's packet to it, and Kubernetes refuses
# it as an endpoint.
HOST_ADDRESS = "10.240.0.1"
POD_SUBNET = "10.244.0.0/24"
SERVICE_SUBNET = "10.96.0.0/16"

_CLONE_NEWNET = 0x40000000
_DEVICE = "qwp0"


def make_network(at: Locations) -> None:
    """Make the namespace, with an address of its own and routing between pods."""
    run(["ip", "netns", "add", at.label])
    for command in (
        "ip link set lo up",
        # A bridge without ports is the one kind of virtual device that every
        # kernel seen so far offers ("dummy" is often missing).
        f"ip link add {_DEVICE} type bridge",
        f"ip address add {HOST_ADDRESS}/24 dev {_DEVICE}",
        f"ip link set {_DEVICE} up",
        # A process on the node looks up the route before the Service address
        # is translated, so there must be one.
        f"ip route add {SERVICE_SUBNET} dev {_DEVICE} src {HOST_ADDRESS}",
    ):
        run(inside(at.network, command.split()))
    # Below /proc/sys/net a process sees the values of its own namespace.
    run(inside(at.network, ["tee", "/proc/sys/net/ipv4/ip_forward"]), stdin="1")


def delete_network(at: Locations) -> None:
    """Delete the namespace, if there is one."""
    if at.network.exists():
        with contextlib.suppress(CommandFailedError):
            run(["ip", "netns", "delete", at.label])


def inside(network: Path | None, argv: Sequence[str]) -> list[str]:
    """Wrap a command line so that it runs in *network*; None leaves it alone."""
    if network is None:
        return list(argv)
    return ["nsenter", f"--net={network}", "--", *argv]


def enter_network(network: Path) -> None:
    """
    Move the calling thread into *network*, with its later threads and children.

    Threads that already run stay where they are, so call this early, from the
    main thread.  There is no way back: let the process end.
    """
    # Python has os.setns only from 3.12 on.
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(network))
    finally:
        os.close(descriptor)
