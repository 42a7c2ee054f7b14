"""
Ends a cluster whose owner has died without doing so itself.

A test run can be killed at any moment, and then nothing of its own runs any
more.  The guardian is a process beside it that waits for its end.
"""

from __future__ import annotations

import os
import select
import sys

from harness.local_cluster import take_down
from harness.locations import Locations


def guard(name: str, owner_pid: int) -> None:
    """Return when the owner is gone and the cluster that it left behind is too."""
    try:
        descriptor = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        pass
    else:
        select.select([descriptor], [], [])
        os.close(descriptor)
    take_down(Locations(name), only_if_owned_by=owner_pid)


if __name__ == "__main__":
    guard(sys.argv[1], int(sys.argv[2]))
