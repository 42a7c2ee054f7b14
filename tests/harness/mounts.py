"""Deleting folders that something may be mounted in."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.commands import run


def unmount_below(*folders: Path) -> None:
    """Unmount everything below these folders, the latest mount first."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split()[1].encode().decode("unicode_escape") for line in mounts]
    for point in reversed(points):
        if any(Path(point).is_relative_to(folder) for folder in folders):
            # Lazily: a mount that is still in use goes away with its last user.
            run(["umount", "--lazy", point])


def delete_folder(folder: Path) -> None:
    """
    Delete a folder, and never what is mounted in it.

    An interrupted debootstrap leaves /proc behind, through which a deletion
    would reach the machine's own.
    """
    unmount_below(folder)
    shutil.rmtree(folder, ignore_errors=True)
