"""Looking at the cluster all the time without asking it again and again: two kinds of watches."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from harness.cluster import Cluster

Json = dict[str, Any]

_WATCH_SECONDS = 24 * 3600
_AGAIN_AFTER_SECONDS = 0.2


class Watch:
    """
    A kubectl that watches, and a thread that reads what it prints, from `with` to its end.

    One that the API server or a busy machine ends before is started again.
    """

    def __init__(self, cluster: Cluster, *arguments: str) -> None:
        kubectl = [str(cluster.kubectl), f"--kubeconfig={cluster.kubeconfig}"]
        self._command = cluster.command([*kubectl, *arguments])
        self._over = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to watch."""
        process = self._process = self._start()
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self._over.set()
        if self._process is not None:
            self._process.kill()
        if self._reader is not None:
            self._reader.join()

    def begin(self) -> None:
        """Expect everything that there is to be told anew; called by the thread."""

    def take(self, line: str) -> None:
        """Take one line that kubectl printed; called by the thread."""
        raise NotImplementedError

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _read(self, process: subprocess.Popen[str]) -> None:
        while True:
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    if line.endswith("\n"):  # else it was cut off by the end
                        self.take(line.rstrip("\n"))
            process.wait()
            if self._over.wait(_AGAIN_AFTER_SECONDS):
                return
            self.begin()
            process = self._process = self._start()
            if self._over.is_set():
                process.kill()  # it was not there yet to be killed


class TableWatch(Watch):
    """What `kubectl get … --watch` prints, line by line."""

    def __init__(self, cluster: Cluster, *arguments: str) -> None:
        super().__init__(cluster, "get", *arguments, "--watch")
        self._lines: list[str] = []

    def take(self, line: str) -> None:
        """Keep it until it is asked for."""
        self._lines.append(line)

    def new_lines(self) -> list[str]:
        """Return what was printed since the last time."""
        count = len(self._lines)
        lines, self._lines[:count] = self._lines[:count], []
        return lines


class ObjectWatch(Watch):
    """The objects of one kind as they are now, by name, and each that ever was, by uid."""

    def __init__(self, cluster: Cluster, path: str, *, labels: str = "") -> None:
        # The API server ends a watch after half an hour or so, unless told how long it may be.
        super().__init__(
            cluster, "get", "--raw", f"{path}?watch=1&timeoutSeconds={_WATCH_SECONDS}&labelSelector={labels}"
        )
        self._now: dict[str, Json] = {}
        self.uids_ever: set[str] = set()

    def begin(self) -> None:
        """Forget what may be gone since."""
        self._now = {}

    def take(self, line: str) -> None:
        """Follow one change, as the API server tells it."""
        event = json.loads(line)
        metadata = event["object"].get("metadata", {})
        if event["type"] == "DELETED":
            self._now.pop(metadata["name"], None)
        elif event["type"] in {"ADDED", "MODIFIED"}:
            self.uids_ever.add(metadata["uid"])
            self._now[metadata["name"]] = event["object"]

    def get(self, name: str) -> Json:
        """Return an object; empty when there is none."""
        return self._now.get(name, {})

    def all(self) -> Sequence[Json]:
        """Return all objects."""
        return list(self._now.values())
