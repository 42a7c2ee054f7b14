"""
The programs that come from Debian packages.

They are used as programs only: each daemon of a cluster runs as a child of
the harness with configuration and state of its own, so the packages' services
are never started.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# An ordinary user's PATH often lacks these on Debian.
SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
PLUGIN_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin")

# Debian asks this program before it starts a service; 101 means "you may not".
_SERVICE_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_SERVICES = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, and the one program of it that shows that it is there."""

    name: str
    program: str
    purpose: str
    directories: tuple[str, ...] = ()


PACKAGES = (
    Package("containerd", "containerd", "runs the node's containers"),
    Package("containerd", "ctr", "loads images"),
    Package("runc", "runc", "makes each container"),
    Package("containernetworking-plugins", "ptp", "gives pods addresses", PLUGIN_DIRECTORIES),
    Package("nftables", "nft", "kube-proxy's Services"),
    Package("iproute2", "ip", "network namespaces"),
    Package("util-linux", "nsenter", "commands inside the namespace"),
    Package("mount", "mount", "the kubelet's volumes"),
    Package("openssl", "openssl", "the cluster's certificates"),
    Package("busybox-static", "busybox", "the pause image and the smallest test image"),
    Package("redis-server", "redis-server", "the queues under test"),
    Package("debootstrap", "debootstrap", "the file system of the PHP images"),
    Package("redis-tools", "redis-cli", "looking into the queues under test"),
)


def program(name: str, directories: Sequence[str] = ()) -> str | None:
    """The path of a program, looked for where root would; None when absent."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES, *directories])
    return shutil.which(name, path=path)


def missing_packages() -> list[Package]:
    """The packages whose program is not there, whoever may have brought it."""
    return [package for package in PACKAGES if not program(package.program, package.directories)]


def install_packages() -> None:
    """
    Install what is missing with apt-get, without starting any service.

    Raises:
        HarnessError: something is missing and cannot be installed from here.
    """
    missing = missing_packages()
    if not missing:
        return
    for package in missing:
        say(f"missing: {package.program} ({package.purpose}), from Debian's {package.name}")
    apt = _apt_command(missing)
    names = sorted({package.name for package in missing})
    say(f"apt-get install {' '.join(names)}")
    with _services_not_started(apt):
        run([*apt, "apt-get", "update"])
        run([*apt, "apt-get", "install", "-y", "--no-install-recommends", *names])
    if still := missing_packages():
        raise HarnessError(f"installed, yet not found: {', '.join(p.program for p in still)}")


def _apt_command(missing: Sequence[Package]) -> list[str]:
    """What goes in front of apt-get: the environment, and sudo where needed."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if shutil.which("apt-get"):
        if os.geteuid() == 0:
            return quiet
        with contextlib.suppress(CommandFailedError, FileNotFoundError):
            run(["sudo", "-n", "true"])
            return ["sudo", "-n", *quiet]
    programs = ", ".join(sorted({package.program for package in missing}))
    raise HarnessError(
        f"these programs are missing and cannot be installed from here: {programs}. "
        "Install them (on Debian or Ubuntu as root: apt-get install "
        f"{' '.join(sorted({package.name for package in missing}))}), or name an existing "
        "cluster with QWP_KUBECONFIG (tests/harness/README.md)."
    )


@contextlib.contextmanager
def _services_not_started(apt: Sequence[str]) -> Iterator[None]:
    """Keep the packages' services from starting; a policy of the machine's own stays."""
    if _SERVICE_POLICY.exists():
        yield
        return
    run([*apt, "tee", str(_SERVICE_POLICY)], stdin=_NO_SERVICES)
    try:
        run([*apt, "chmod", "755", str(_SERVICE_POLICY)])
        yield
    finally:
        run([*apt, "rm", "-f", str(_SERVICE_POLICY)])
