"""
The processes of a cluster: started, written down, and ended by their id.

A process id alone is no name, since the kernel uses it again.  Each record
therefore carries the start time too, and a process is ours only while both
agree.  That way a later ``down``, from another process and after any crash,
ends what the cluster started and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_START_TIME_FIELD = 22 - 3  # proc(5) numbers from 1, and two precede the ")".


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """One process, named so that it cannot be mistaken for another."""

    name: str
    pid: int
    start_ticks: int

    def runs(self) -> bool:
        """Tell whether this very process still runs; a zombie does not."""
        return start_ticks_of(self.pid) == self.start_ticks

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process is gone."""
        if self.runs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start_ticks_of(pid: int) -> int | None:
    """When the process started, in the kernel's ticks; None if it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[_START_TIME_FIELD])


def start_process(name: str, argv: Sequence[str], *, record: Path, log: Path) -> StartedProcess:
    """
    Start a daemon and add it to *record*; what it prints is appended to *log*.

    It gets a session of its own, so that a Ctrl-C on the terminal reaches the
    test run only, which then ends its cluster in good order.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = StartedProcess(name, child.pid, start_ticks_of(child.pid) or 0)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(started)) + "\n")
    # The child is waited for by pid, maybe by another process: Popen must not
    # complain that nobody asked for its code.
    child.returncode = 0
    return started


def recorded_processes(record: Path) -> list[StartedProcess]:
    """Every process in *record*, in the order of their start; none if no file."""
    if not record.exists():
        return []
    lines = record.read_text(encoding="utf-8").splitlines()
    return [StartedProcess(**json.loads(line)) for line in lines]


def forget_process(record: Path, process: StartedProcess) -> None:
    """Strike a process that was ended on purpose from *record*."""
    lines = [json.dumps(asdict(each)) for each in recorded_processes(record) if each != process]
    record.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def end_processes(processes: Iterable[StartedProcess], *, grace_seconds: float = 5.0) -> None:
    """Ask each to end, all at once, and kill those that outlast the grace."""
    remaining = list(processes)
    for process in remaining:
        process.send(signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while remaining and time.monotonic() < deadline:
        _reap(remaining)
        remaining = [process for process in remaining if process.runs()]
        time.sleep(0.02)
    for process in remaining:
        process.send(signal.SIGKILL)
    for process in remaining:
        while process.runs():
            _reap([process])
            time.sleep(0.02)


def require_running(process: StartedProcess, *, log: Path) -> None:
    """Raise HarnessError, with the end of its *log*, if the process has died."""
    if process.runs():
        return
    _reap([process])
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    message = f"{process.name} has ended by itself; {log} closes with:\n{tail}"
    raise HarnessError(message)


def _reap(processes: Iterable[StartedProcess]) -> None:
    for process in processes:
        # Not our child, when another process had started it.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
