"""`qwp` as a person starts it, for the tests of every ring."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

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


def programs_on_path(folder: Path) -> dict[str, str]:
    """Lay out the commands as an installation does, in a folder, and return an environment that has it on its PATH."""
    commands = {
        "qwp": "main",
        "kubectl-qwp": "main",
        "kubectl_complete-qwp": "complete_for_kubectl",
    }
    for name, function in commands.items():
        program = folder / name
        program.write_text(
            f"#!{sys.executable}\nfrom queueworkers.cli import {function}\n{function}()\n", encoding="utf-8"
        )
        program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
