"""
A command as a container's first process, on this machine and without a cluster.

Namespaces of processes and of mounts are all of a container that matters to
signals, exit codes and orphans; the files are those of the PHP image.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.php import laravel_rootfs
from harness.progress import wait_until

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping, Sequence

_HOME = "/var/www"
_PATH = "/usr/local/bin:/usr/bin:/bin"

# /dev is the container's own, with the file that the kubelet reads when a container has ended.
_SET_UP = f"""
mount -t proc proc "$ROOT/proc"
mount -t tmpfs tmpfs "$ROOT/dev"
mknod -m 666 "$ROOT/dev/null" c 1 3
mknod -m 666 "$ROOT/dev/urandom" c 1 9
touch "$ROOT/dev/termination-log"
mount --bind "$TERMINATION_LOG" "$ROOT/dev/termination-log"
exec env -u ROOT -u TERMINATION_LOG chroot "$ROOT" sh -c 'cd {_HOME}; exec "$@"' sh "$@"
"""


@dataclass(frozen=True, slots=True)
class FirstProcess:
    """One that was started, and what it leaves behind."""

    _outer: subprocess.Popen[bytes]
    _folder: Path

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, from outside its namespace as a kubelet does."""
        os.kill(self._pid(), number)

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end and return the exit code."""
        return self._outer.wait(seconds)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._outer.poll() is None

    @property
    def printed(self) -> str:
        """What it and its children have printed."""
        return (self._folder / "log").read_text(errors="replace")

    @property
    def termination_message(self) -> str:
        """What the kubelet would find."""
        return (self._folder / "termination").read_text()

    @property
    def programs(self) -> list[str]:
        """What its children run at present."""
        programs = []
        for child in _children_of(self._pid()):
            # One that has just ended runs nothing.
            with suppress(FileNotFoundError, ProcessLookupError):
                programs += [_program_of(each) for each in (child, *_children_of(child))]
        return programs

    def _pid(self) -> int:
        return _children_of(self._outer.pid)[0]


@contextmanager
def first_process(
    command: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[FirstProcess]:
    """
    Run *command* until the caller is through with it.

    Args:
        command: What the container runs, in the application's home.
        folder: For what it leaves behind.
        env: Its whole environment, beside PATH.
    """
    (folder / "termination").touch()
    own = {"ROOT": str(laravel_rootfs()), "TERMINATION_LOG": str(folder / "termination")}
    with (folder / "log").open("wb") as log:
        outer = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _SET_UP, "sh", *command],
            env={"PATH": f"{_PATH}:/usr/sbin:/sbin", "STORAGE_PATH": "/tmp/storage-0", **(env or {}), **own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        process = FirstProcess(outer, folder)
        wait_until(
            lambda: not process.running or bool(_children_of(outer.pid)),
            what="the first process is there",
            timeout_seconds=10,
        )
        yield process
    finally:
        outer.kill()
        outer.wait()


def _program_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
