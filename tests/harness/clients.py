"""
Real clients of other queues, each installed once into the cache: Celery, RQ, BullMQ, Symfony Messenger, Sidekiq.

What they run is in ``tests/clients``: the Python ones in an environment of
their own, BullMQ beside its locked modules, the others in a Debian that has them
as packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.commands import run
from harness.errors import HarnessError
from harness.made_once import made_once
from harness.php import bootstrap_debian
from harness.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CLIENTS = Path(__file__).parent.parent / "clients"

PYTHON_CLIENTS = _CLIENTS / "python"
"""Where the modules are that Celery's and RQ's workers import."""

DEBIAN_CLIENTS = "/srv/clients"
"""Where Messenger's and Sidekiq's scripts are to those who run in their Debian."""

_PACKAGES = (
    "php-cli",
    "php-redis",
    "php-symfony-messenger",
    "php-symfony-redis-messenger",
    "ruby-sidekiq",
)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def python_client(*arguments: str) -> list[str]:
    """Return the command line of a Python that has Celery and RQ; *arguments* as after ``python``."""
    lock = _CLIENTS / "python" / "requirements.txt"

    def install(directory: Path) -> None:
        say("installing Celery and RQ")
        run([sys.executable, "-m", "venv", str(directory / "venv")])
        pip = [str(directory / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        run([*pip, "--disable-pip-version-check", "--require-hashes", "-r", str(lock)], timeout_seconds=300)

    return [
        str(made_once(f"clients-python-{_digest(lock)}", install) / "venv" / "bin" / "python"),
        *arguments,
    ]


def missing_node() -> str | None:
    """Say why BullMQ cannot run here; ``None`` where it can."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"there is no {' and no '.join(missing)} here" if missing else None


def bullmq_client(*arguments: str) -> list[str]:
    """
    Return the command line of BullMQ's client, as described in ``client.mjs``.

    Raises:
        HarnessError: it cannot run here.
    """
    if missing := missing_node():
        raise HarnessError(missing)
    source = _CLIENTS / "bullmq"

    def install(directory: Path) -> None:
        say("installing BullMQ")
        for file in source.iterdir():
            if file.is_file():
                shutil.copy(file, directory)
        # Not `ci`, which wants a lock with the optional packages of every platform that a registry may or may not have.
        run(
            [
                "npm",
                "install",
                "--prefix",
                str(directory),
                "--ignore-scripts",
                "--omit=optional",
                "--no-audit",
            ],
            timeout_seconds=300,
        )

    digest = _digest(*sorted(file for file in source.iterdir() if file.is_file()))
    return ["node", str(made_once(f"clients-bullmq-{digest}", install) / "client.mjs"), *arguments]


def debian_client(script: str, *arguments: str) -> list[str]:
    """
    Return the command line that runs a script of ``tests/clients/debian`` where PHP, Ruby and the clients are.

    It is named as it is there, such as ``messenger.php``; a name without an ending is a program of that Debian.
    """
    if os.geteuid() != 0:
        raise HarnessError("chroot needs root")

    def bootstrap(directory: Path) -> None:
        say("debootstrap of PHP, Ruby and what they need for Messenger and Sidekiq: two minutes, once")
        bootstrap_debian(directory / "root", _PACKAGES)

    names = hashlib.sha256(repr(_PACKAGES).encode()).hexdigest()[:16]
    root = made_once(f"clients-debian-{names}", bootstrap) / "root"
    scripts = root / DEBIAN_CLIENTS.lstrip("/")
    scripts.mkdir(exist_ok=True)
    for file in (_CLIENTS / "debian").iterdir():
        shutil.copy(file, scripts)
    interpreter = {".php": "php", ".rb": "ruby"}.get(Path(script).suffix)
    program = [script] if interpreter is None else [interpreter, f"{DEBIAN_CLIENTS}/{script}"]
    return ["chroot", str(root), *program, *arguments]


def run_client(command: Sequence[str], *, env: Mapping[str, str] = _NOTHING) -> str:
    """Run a client to its end and return what it printed."""
    return run(command, env={**_environment(), **env}, timeout_seconds=60)


def start_client(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] = _NOTHING
) -> subprocess.Popen[bytes]:
    """Start a worker and return at once; what it prints is in *log*.  The caller ends its whole process group."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env={**_environment(), **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _environment() -> dict[str, str]:
    return {
        "PATH": f"{os.environ.get('PATH', '')}:{_PATH}",
        "PYTHONPATH": str(PYTHON_CLIENTS),
        "HOME": "/tmp",
    }


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
