"""
The cgroup that holds every pod of a cluster.

It is what makes ending a cluster certain: whatever a container has forked, and
whoever its parent is by now, it is listed here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.locations import Locations

_ROOT = Path("/sys/fs/cgroup")
_V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids", "hugetlb")


def make_cgroup(at: Locations) -> None:
    """Make the cluster's cgroup in every hierarchy, as the kubelet expects it."""
    if (_ROOT / "cgroup.controllers").exists():
        _delegate(_ROOT)
    for cgroup in _cgroups_in_each_hierarchy(at):
        cgroup.mkdir(exist_ok=True)
        # In cgroup v1 a new cpuset is empty, and takes no process until filled.
        for name in ("cpuset.cpus", "cpuset.mems"):
            setting = cgroup / name
            if setting.exists() and not (_ROOT / "cgroup.controllers").exists():
                setting.write_text((cgroup.parent / name).read_text())
        if (cgroup / "cgroup.controllers").exists():
            _delegate(cgroup)


def end_pods(at: Locations, *, timeout_seconds: float = 10.0) -> None:
    """Kill every process of every pod, and return when none is left."""
    deadline = time.monotonic() + timeout_seconds
    while pids := _processes(at):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)


def delete_cgroup(at: Locations) -> None:
    """Delete the cluster's cgroups; those that still hold a process stay."""
    for cgroup in _cgroups_in_each_hierarchy(at):
        if cgroup.exists():
            for folder in _deepest_first(cgroup):
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _cgroups_in_each_hierarchy(at: Locations) -> list[Path]:
    below = at.cgroup.lstrip("/")
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT / below]
    # Several names may lead to one hierarchy: "cpu" is often a link.
    hierarchies = {entry.resolve() for entry in _ROOT.iterdir() if entry.is_dir()}
    return sorted(hierarchy / below for hierarchy in hierarchies)


def _delegate(cgroup: Path) -> None:
    """Cgroup v2: let the children of *cgroup* have limits."""
    for controller in _V2_CONTROLLERS:
        with contextlib.suppress(OSError):
            (cgroup / "cgroup.subtree_control").write_text(f"+{controller}")


def _processes(at: Locations) -> set[int]:
    found: set[int] = set()
    for cgroup in _cgroups_in_each_hierarchy(at):
        for folder in _deepest_first(cgroup) if cgroup.exists() else ():
            with contextlib.suppress(OSError):
                found.update(map(int, (folder / "cgroup.procs").read_text().split()))
    return found


def _deepest_first(cgroup: Path) -> list[Path]:
    return [Path(folder) for folder, _, _ in os.walk(cgroup, topdown=False)]
