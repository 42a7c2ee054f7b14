"""
The tests that need servers, in two halves side by side: ``python -m harness.side_by_side``.

Most of the time they wait: for a pod to start, a time to come, a job to end.
So two cores have room for both halves, each with a cluster of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.fixtures import CLUSTER_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE_CLUSTER = ("QWP_CLUSTER", "QWP_KUBECONFIG")
"""Settings that name the one cluster to be used, where two operators would undo each other's work."""


@dataclass(frozen=True, slots=True)
class Half:
    """Some folders of tests, for a process of their own."""

    name: str
    """Of its cluster too."""
    folders: tuple[str, ...]


HALVES = (
    Half("containers", ("tests/cluster",)),
    Half("servers", ("tests/contract", "tests/chart", "tests/apiserver")),
)


class Run:
    """One half under way; each line that it prints is passed on with its name before it."""

    def __init__(self, half: Half) -> None:
        self.half = half
        self.failed: list[str] = []
        """Lines that name a test that did not pass."""
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *half.folders],
            env={**os.environ, CLUSTER_NAME: half.name, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._pass_on)
        self._reader.start()

    def _pass_on(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                # In one piece, as the other half prints too.
                sys.stdout.write(f"{self.half.name:>10} | {line.rstrip()}\n")
                sys.stdout.flush()
                if line.startswith(("FAILED ", "ERROR ")):
                    self.failed.append(line.rstrip())

    def interrupt(self) -> None:
        """Have it end what it has started, as at the press of Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        status = self._process.wait()
        self._reader.join()
        minutes = (time.monotonic() - self._began) / 60
        print(
            f"side by side: {' '.join(self.half.folders)}: {'passed' if status == 0 else 'did not pass'}"
            f" after {minutes:.0f} min",
            flush=True,
        )
        return status


def run(halves: Sequence[Half]) -> int:
    """Run them all at once; 0 where all passed."""
    runs = [Run(half) for half in halves]
    try:
        statuses = [each.wait() for each in runs]
    except (KeyboardInterrupt, SystemExit) as end:
        for each in runs:
            # A Ctrl-C came to them from the terminal too, and a second one would cut their clearing up short.
            if isinstance(end, SystemExit):
                each.interrupt()
            each.wait()
        raise
    for each in runs:
        for line in each.failed:
            print(line)
    return max(statuses, key=abs)


def main() -> int:
    """Run the tests of all folders, in one process where there is only one cluster for them."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if any(map(os.environ.get, ONE_CLUSTER)):
        return run([Half("test", tuple(folder for half in HALVES for folder in half.folders))])
    return run(HALVES)


if __name__ == "__main__":
    sys.exit(main())
