"""Where a cluster keeps its things."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

# The name ends up in a namespace, in cgroups and in socket paths, of which
# the kernel takes 107 characters.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


def cache_directory() -> Path:
    """
    The directory that outlives clusters: binaries, and each cluster's bulk.

    ``QWP_CACHE`` names it; otherwise it follows the XDG base directories.
    """
    if named := os.environ.get("QWP_CACHE"):
        return Path(named).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "queue-worker-operator"


@dataclass(frozen=True, slots=True)
class Locations:
    """
    Every path that belongs to the cluster called *name*.

    ``run`` holds what must be short or must not survive a reboot: sockets,
    tokens, the record of started processes.  ``bulk`` holds what may be large.
    ``logs`` outlives the cluster, until the next one of that name starts: a
    failed run is read after it has been taken down.
    """

    name: str

    def __post_init__(self) -> None:
        """Refuse a name that could not be a namespace or part of a socket path."""
        if not _NAME.fullmatch(self.name):
            message = (
                f"cluster name {self.name!r}: at most 20 of a-z, 0-9 and '-', "
                "with a letter or digit at both ends"
            )
            raise HarnessError(message)

    @property
    def label(self) -> str:
        """What this cluster is called in the machine's own lists."""
        return f"qwp-{self.name}"

    @property
    def run(self) -> Path:
        """Short-lived state."""
        return Path("/run") / self.label

    @property
    def bulk(self) -> Path:
        """Images, volumes, the etcd store and logs."""
        return cache_directory() / "clusters" / self.name

    @property
    def logs(self) -> Path:
        """One file for each daemon, and the audit log."""
        return self.bulk / "logs"

    @property
    def pod_logs(self) -> Path:
        """What the containers print."""
        return self.logs / "pods"

    @property
    def audit_log(self) -> Path:
        """One JSON line for each request that the apiserver has answered."""
        return self.logs / "audit.log"

    @property
    def network(self) -> Path:
        """The network namespace, as ``ip netns`` names it."""
        return Path("/run/netns") / self.label

    @property
    def started(self) -> Path:
        """The record of started processes."""
        return self.run / "started.jsonl"

    @property
    def summary(self) -> Path:
        """What another process must know to use this cluster."""
        return self.run / "cluster.json"

    @property
    def credentials(self) -> Path:
        """Certificates, keys, tokens and kubeconfigs."""
        return self.run / "credentials"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd listens."""
        return self.run / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """The cgroup, below each hierarchy's root, that holds every pod."""
        return f"/{self.label}"


def known_clusters() -> list[Locations]:
    """Every cluster with state on this machine, running or left over."""
    return [
        Locations(path.name.removeprefix("qwp-"))
        for path in sorted(Path("/run").glob("qwp-*"))
        if path.is_dir()
    ]
