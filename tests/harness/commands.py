"""Running a command to its end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from harness.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_seconds: float | None = None,
) -> str:
    """
    Return what the command printed on standard output.

    Raises:
        CommandFailedError: its exit code is not zero; carries both streams.
        subprocess.TimeoutExpired: it was killed after *timeout_seconds*.
    """
    done = subprocess.run(
        list(argv),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        env=env,
        cwd=cwd,
        timeout=timeout_seconds,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailedError(list(argv), done.returncode, done.stdout + done.stderr)
    return done.stdout
