"""`qwp` as a person starts it, for the tests of every ring."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.pools import Namespace


def _command(namespace: Namespace, *arguments: str) -> list[str]:
    return [
        # So that it hears Ctrl-C where this process was told not to, as one in the background is.
        *["env", "--default-signal=INT"],
        *[sys.executable, "-m", "queueworkers.cli", *arguments],
        *["-n", namespace.name],
    ]


def _environment(namespace: Namespace) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(namespace.cluster.kubeconfig)}


def start_qwp(namespace: Namespace, *arguments: str) -> subprocess.Popen[str]:
    """Start the command as a person does, with the cluster's kubeconfig."""
    return subprocess.Popen(
        _command(namespace, *arguments),
        env=_environment(namespace),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(slots=True)
class Window:
    """A terminal in which the command runs."""

    running: subprocess.Popen[bytes]
    _end: int
    _written: str = ""

    def read_until(self, text: str, *, seconds: float = 30) -> str:
        """
        Read on until a text comes, and return everything up to its end that was not read before.

        Raises:
            TimeoutError: it does not come; with what came.
            HarnessError: the command has ended before it came; with what came.
        """
        until = time.monotonic() + seconds
        while text not in self._written:
            if not select.select([self._end], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError(f"no {text!r} within {seconds:.0f} s, but {self._written!r}")
            try:
                self._written += os.read(self._end, 65536).decode()
            except OSError as error:  # How Linux says that nobody writes there any more.
                raise HarnessError(f"no {text!r} to the end, but {self._written!r}") from error
        before, _, self._written = self._written.partition(text)
        return before + text


@contextmanager
def qwp_in_a_window(namespace: Namespace, *arguments: str, rows: int, columns: int) -> Iterator[Window]:
    """Start the command as a person does, in a window of a size, and kill it at the end."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (rows, columns))
    environment = _environment(namespace)
    for name in ("LINES", "COLUMNS", "NO_COLOR"):
        environment.pop(name, None)
    running = subprocess.Popen(
        _command(namespace, *arguments), env=environment, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    try:
        yield Window(running, ours)
    finally:
        running.kill()
        running.wait()
        os.close(ours)


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
