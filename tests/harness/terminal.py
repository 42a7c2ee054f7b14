"""`qwp` as a person starts it, for the tests of every ring."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.pools import Namespace


def start_qwp(namespace: Namespace, *arguments: str) -> subprocess.Popen[str]:
    """Start the command as a person does, with the cluster's kubeconfig."""
    return subprocess.Popen(
        # So that it hears Ctrl-C where this process was told not to, as one in the background is.
        [
            *["env", "--default-signal=INT"],
            sys.executable,
            "-m",
            "queueworkers.cli",
            *arguments,
            "-n",
            namespace.name,
        ],
        env={**os.environ, "KUBECONFIG": str(namespace.cluster.kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_qwp(namespace: Namespace, *arguments: str) -> tuple[int, str, str]:
    """Run it, and return its status and what it wrote."""
    running = start_qwp(namespace, *arguments)
    written, complained = running.communicate(timeout=90)
    return running.returncode, written, complained
