"""What `--stay` left running: written down when it begins, so that any later command can end it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from demo.shop import NAMESPACE
from harness.commands import run
from harness.errors import CommandFailedError
from harness.local_cluster import take_down
from harness.locations import Locations, cache_directory
from harness.processes import StartedProcess, end_processes, start_ticks_of

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = "demo"


@dataclass(slots=True)
class LeftRunning:
    """
    The things of one `--stay`.

    Attributes:
        kubectl: The words that a person types for a kubectl that talks to the cluster.
        teller: The process that tells the story, as long as it does.
        own_cluster: True where the cluster was started for the demonstration and ends with it.
        processes: Redis and the operator.
        folders: What they keep, to be deleted.
        log: Where the operator writes.
    """

    teller: StartedProcess
    kubectl: str = ""
    own_cluster: bool = True
    processes: list[StartedProcess] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    log: str = ""

    @classmethod
    def begin(cls, *, own_cluster: bool) -> LeftRunning:
        """Begin a record; this process tells the story."""
        pid = os.getpid()
        return cls(StartedProcess("teller", pid, start_ticks_of(pid) or 0), own_cluster=own_cluster)

    @staticmethod
    def path() -> Path:
        """The record."""
        return cache_directory() / "demo-left-running.json"

    @classmethod
    def load(cls) -> LeftRunning | None:
        """Read what the last `--stay` wrote; ``None`` when all of that has ended."""
        if not cls.path().exists():
            return None
        record = json.loads(cls.path().read_text(encoding="utf-8"))
        teller = StartedProcess(**record.pop("teller"))
        processes = [StartedProcess(**each) for each in record.pop("processes")]
        return cls(teller, processes=processes, **record)

    def save(self) -> None:
        """Write it down."""
        self.path().parent.mkdir(parents=True, exist_ok=True)
        self.path().write_text(json.dumps(asdict(self)), encoding="utf-8")

    def add_process(self, name: str, pid: int, folder: Path) -> None:
        """Write a process down, and in the record of the cluster too: whoever ends that ends it as well."""
        process = StartedProcess(name, pid, start_ticks_of(pid) or 0)
        self.processes.append(process)
        self.folders.append(str(folder))
        if self.own_cluster:
            with Locations(CLUSTER).started.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(process)) + "\n")

    def runs(self) -> bool:
        """Tell whether there is still something to look at."""
        left = bool(self.processes) and all(process.runs() for process in self.processes)
        return left or self.teller.runs()

    def end(self) -> None:
        """End everything, and forget it; a story that is still told ends too."""
        if self.teller.pid != os.getpid():
            end_processes([self.teller], grace_seconds=20)
        end_processes(self.processes)
        if self.own_cluster:
            take_down(Locations(CLUSTER))
        elif self.kubectl:
            # That cluster is somebody else's, and may be gone.
            with contextlib.suppress(CommandFailedError, FileNotFoundError):
                run([*shlex.split(self.kubectl), "delete", "namespace", NAMESPACE, "--ignore-not-found"])
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        self.path().unlink(missing_ok=True)
