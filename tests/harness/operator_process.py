"""The operator as a process of its own, with the rights that it has in a cluster and no more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from harness.errors import CommandFailedError, HarnessError
from harness.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.cluster import Cluster

PROJECT = Path(__file__).resolve().parents[2]
SERVICE_ACCOUNT = "queue-worker-operator"
NAMESPACE = "queue-worker-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
"""How the API server's audit log calls the operator."""

_READY = b"Looking after"
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0


def install(cluster: Cluster) -> None:
    """Make the cluster know pools, budgets and the operator's service account, as a user would."""
    cluster.run_kubectl("apply", "--server-side", "--filename", str(PROJECT / "crds"))
    for plural in ("queueworkerpools", "queueworkerbudgets"):
        wait_until(
            partial(_serves, cluster, plural),
            what=f"the API server serves {plural}",
            timeout_seconds=30,
        )
    cluster.run_kubectl("apply", "--filename", str(PROJECT / "deploy"))


def _serves(cluster: Cluster, plural: str) -> bool:
    """Ask for them; `kubectl wait` gives up where a CRD has no conditions at all yet."""
    try:
        cluster.run_kubectl("get", "--raw", f"/apis/queueworkers.io/v1alpha1/{plural}")
    except CommandFailedError:
        return False
    return True


class OperatorProcess:
    """
    One operator that looks after a cluster from this machine.

    Of those that do not share the pools by Leases only one runs at a time: two
    would undo each other's writes.

    Args:
        cluster: Where `install` was called.
        arguments: Further flags.
        log: What it prints is appended to; a file of its own when not given.
        program: What Python is to run, where it is not just the operator.
    """

    _alone: ClassVar[set[str]] = set()
    """Names of clusters in which one runs that thinks it is the only one."""

    def __init__(
        self,
        cluster: Cluster,
        *arguments: str,
        log: Path | None = None,
        program: Sequence[str] = ("-m", "queueworkers"),
    ) -> None:
        self._cluster = cluster
        self._arguments = arguments
        self._program = tuple(program)
        self._own = Path(tempfile.mkdtemp(prefix="qwp-operator-"))
        self.log = log or self._own / "operator.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it; nothing is left behind when it does not start."""
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Stop it, as the end of its pod would."""
        self.stop()
        shutil.rmtree(self._own, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The operator's process id."""
        if self._process is None:
            raise HarnessError("the operator does not run: call start() first")
        return self._process.pid

    def start(self, *, within_seconds: float = _START_SECONDS) -> Self:
        """Start it and wait until it looks after the cluster."""
        if not self._shares:
            if self._cluster.name in self._alone:
                raise HarnessError("another operator runs in this cluster: stop it first, or let both share")
            self._alone.add(self._cluster.name)
        started_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._cluster.command(self._command()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=_environment(),
            )
        wait_until(
            lambda: _READY in self.log.read_bytes()[started_at:],
            what="the operator looks after the cluster",
            timeout_seconds=within_seconds,
            check=self.require_running,
        )
        return self

    def stop(self) -> None:
        """Let it end in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen operator go on."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def _shares(self) -> bool:
        return any(each.startswith("--lease-namespace") for each in self._arguments)

    def _command(self) -> Sequence[str]:
        kubeconfig = self._cluster.kubeconfig_for(SERVICE_ACCOUNT, NAMESPACE)
        return [sys.executable, *self._program, f"--kubeconfig={kubeconfig}", *self._arguments]

    def require_running(self) -> None:
        """Raise HarnessError, with the end of its log, if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise HarnessError(f"the operator ended: {self.log.read_text(encoding='utf-8')[-2000:]}")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if not self._shares:
            self._alone.discard(self._cluster.name)
        process.send_signal(number)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise HarnessError(f"the operator did not end within {_STOP_SECONDS:.0f} s") from error


def _environment() -> dict[str, str]:
    # Several operators share this machine's ports; whoever wants metrics gives --metrics-port.
    return {
        "QWP_METRICS_PORT": "0",
        **os.environ,
        "PYTHONPATH": str(PROJECT / "operator"),
        "PYTHONUNBUFFERED": "1",
    }
