"""
Starting and ending a cluster on this machine: the order of things.

Starting always begins by ending what an earlier run under the same name left
behind.  Ending asks nothing of the cluster and trusts only what is on the
machine, so it works on any half-started or half-dead state, and twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base_images import write_base_images
from harness.binaries import ETCD, KUBERNETES, KWOK, build_programs
from harness.cgroups import delete_cgroup, end_pods, make_cgroup
from harness.commands import run
from harness.containers import (
    containerd_answers,
    forget_pod_addresses,
    import_image,
    render_containerd,
    write_containerd_configuration,
)
from harness.control_plane import (
    render_apiserver,
    render_controller_manager,
    render_etcd,
    render_scheduler,
    write_audit_policy,
)
from harness.credentials import ADMIN, NODE, Credentials, make_credentials
from harness.errors import CommandFailedError, HarnessError
from harness.fake_node import FAKE_NODE, FAKE_NODE_MANIFEST, render_fake_node
from harness.kubelet import remove_log_links, render_kubelet, write_kubelet_configuration
from harness.locations import cache_directory
from harness.mounts import unmount_below
from harness.name_server import render_name_server
from harness.network import delete_network, inside, make_network
from harness.packages import SYSTEM_DIRECTORIES, install_packages
from harness.processes import (
    StartedProcess,
    end_processes,
    forget_process,
    recorded_processes,
    require_running,
    start_process,
    start_ticks_of,
)
from harness.progress import say, wait_until
from harness.service_proxy import render_service_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from harness.daemon import Daemon
    from harness.locations import Locations

KUBELET_NODE = "kubelet"
KWOK_NODE = "kwok"


def prepare(nodes: Collection[str] = (KUBELET_NODE, KWOK_NODE)) -> None:
    """Make sure that every program that a cluster needs is on this machine."""
    if unknown := set(nodes) - {KUBELET_NODE, KWOK_NODE}:
        raise HarnessError(f"no such kind of node: {', '.join(sorted(unknown))}")
    install_packages()
    build_programs(ETCD, KUBERNETES, *([KWOK] if KWOK_NODE in nodes else []))


def bring_up(at: Locations, *, nodes: Collection[str], owner_pid: int | None) -> None:
    """
    Start a cluster and return when its nodes take pods.

    Args:
        at: Where it keeps its things.
        nodes: The kinds of nodes it gets.
        owner_pid: The process it belongs to; None when it shall outlive this one.

    Raises:
        HarnessError: not root, a cluster of this name is in use, a program
            cannot be had, or a daemon ended by itself (its last lines are told).
        TimeoutError: something did not become ready.
    """
    if os.geteuid() != 0:
        raise HarnessError(
            "a cluster needs root, for namespaces and containers: run it with sudo, "
            "or name an existing cluster with QWP_KUBECONFIG"
        )
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES])
    prepare(nodes)
    _refuse_if_owned(at)
    with _alone(at):
        _end_everything(at)
        shutil.rmtree(at.logs, ignore_errors=True)
        for folder in (at.run, at.pod_logs):
            folder.mkdir(parents=True)
        _write_summary(at, nodes, owner_pid)
        try:
            if owner_pid is not None:
                _start_guardian(at, owner_pid)
            _Start(at, nodes).everything()
        except BaseException:
            _end_everything(at)
            raise


def take_down(at: Locations, *, only_if_owned_by: int | None = None) -> None:
    """
    End the cluster and remove what it made, but for its logs and the cache.

    Nothing happens when there is none, or when *only_if_owned_by* is a process
    that it does not belong to any more.
    """
    with _alone(at):
        if only_if_owned_by is None or only_if_owned_by == _owner(at).get("pid"):
            _end_everything(at)


def _end_everything(at: Locations) -> None:
    started = recorded_processes(at.started)
    runtime = [process for process in started if process.name == "containerd"]
    # First those that would start things again, then the pods while containerd
    # can still clean up after them, then containerd and its shims.
    others = [process for process in started if process.name not in ("containerd", "guardian")]
    end_processes(others, grace_seconds=2.0)
    end_pods(at)
    if runtime:
        _wait_for_shims(at)
    end_processes([*runtime, *_shims(at)])
    unmount_below(at.run, at.bulk)
    delete_network(at)
    delete_cgroup(at)
    remove_log_links(at)
    forget_pod_addresses(at)
    for part in ("etcd", "kubelet", "containerd", "overlay-trial"):
        shutil.rmtree(at.bulk / part, ignore_errors=True)
    guardians = [process for process in started if process.name == "guardian"]
    shutil.rmtree(at.run, ignore_errors=True)
    end_processes([process for process in guardians if process.pid != os.getpid()])


@contextlib.contextmanager
def _alone(at: Locations) -> Iterator[None]:
    """Keep a start and an end of the same cluster from running at once."""
    with Path(f"{at.run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_up(at: Locations) -> bool:
    """Tell whether every process that was started for the cluster still runs."""
    started = recorded_processes(at.started)
    return bool(started) and all(process.runs() for process in started) and at.summary.exists()


@contextlib.contextmanager
def without_apiserver(at: Locations) -> Iterator[None]:
    """End the apiserver, and nothing else; at the end start one over what etcd has kept, and wait until it answers."""
    credentials = Credentials(at.credentials)
    name = render_apiserver(at, credentials).name
    (process,) = (each for each in recorded_processes(at.started) if each.name == name)
    end_processes([process])
    forget_process(at.started, process)
    try:
        yield
    finally:
        _Start(at, nodes=()).apiserver(credentials)


def kubectl_command(at: Locations) -> list[str]:
    """What to put in front of kubectl's arguments to speak to the cluster as admin."""
    kubeconfig = Credentials(at.credentials).kubeconfig(ADMIN)
    return inside(at.network, [str(KUBERNETES.program("kubectl")), f"--kubeconfig={kubeconfig}"])


@dataclass(frozen=True, slots=True)
class _Start:
    """One start of a cluster, from nothing to nodes that are ready."""

    at: Locations
    nodes: Collection[str]

    def everything(self) -> None:
        """Start each daemon as soon as what it needs is there."""
        at = self.at
        say(f"starting cluster {at.name}")
        make_network(at)
        make_cgroup(at)
        credentials = make_credentials(at)
        _write_kubectl_wrapper(at)
        write_audit_policy(at)
        self._start(render_etcd(at))
        self._start(render_apiserver(at, credentials))
        self._start_node_runtime(credentials)
        self._wait_for_apiserver()
        self._start(render_controller_manager(credentials))
        self._start(render_scheduler(credentials))
        self._start_nodes(credentials)
        self._wait(
            lambda: self._kubectl_succeeds("get", "serviceaccount", "default"),
            "the default service account",
        )
        names = [{KUBELET_NODE: NODE, KWOK_NODE: FAKE_NODE}[kind] for kind in self.nodes]
        self._wait(lambda: all(map(self._node_is_ready, names)), f"nodes {', '.join(names)}")
        say(f"cluster {at.name} is up; {at.run / 'kubectl'} talks to it")

    def apiserver(self, credentials: Credentials) -> None:
        """Start the apiserver alone, over what etcd has."""
        self._start(render_apiserver(self.at, credentials))
        self._wait_for_apiserver()

    def _wait_for_apiserver(self) -> None:
        self._wait(lambda: self._kubectl_succeeds("get", "--raw=/readyz"), "the apiserver")

    def _start_node_runtime(self, credentials: Credentials) -> None:
        """The container runtime and its images need no apiserver: get them ready beside it."""
        if KUBELET_NODE not in self.nodes:
            return
        write_containerd_configuration(self.at)
        write_kubelet_configuration(self.at, credentials)
        self._start(render_containerd(self.at))
        self._wait(lambda: containerd_answers(self.at), "containerd")
        folder = self.at.run / "images"
        folder.mkdir()
        for archive in write_base_images(folder):
            import_image(self.at, archive)
        shutil.rmtree(folder)

    def _start_nodes(self, credentials: Credentials) -> None:
        if KUBELET_NODE in self.nodes:
            self._start(render_kubelet(self.at, credentials))
            self._start(render_service_proxy(credentials))
            self._start(render_name_server(credentials))
        if KWOK_NODE in self.nodes:
            self._start(render_fake_node(credentials))
            manifest = json.dumps(FAKE_NODE_MANIFEST)
            run([*kubectl_command(self.at), "create", "-f", "-"], stdin=manifest)

    def _start(self, daemon: Daemon) -> StartedProcess:
        return start_process(
            daemon.name,
            inside(self.at.network, daemon.argv),
            record=self.at.started,
            log=self.at.logs / f"{daemon.name}.log",
        )

    def _wait(self, satisfied: Callable[[], bool], what: str) -> None:
        processes = recorded_processes(self.at.started)

        def check() -> None:
            for process in processes:
                require_running(process, log=self.at.logs / f"{process.name}.log")

        wait_until(satisfied, what=what, timeout_seconds=90, check=check)

    def _kubectl_succeeds(self, *arguments: str) -> bool:
        try:
            run([*kubectl_command(self.at), *arguments])
        except CommandFailedError:
            return False
        return True

    def _node_is_ready(self, name: str) -> bool:
        path = "{.status.conditions[?(@.type=='Ready')].status}"
        command = [*kubectl_command(self.at), "get", "node", name, f"--output=jsonpath={path}"]
        try:
            return run(command) == "True"
        except CommandFailedError:
            return False


def _refuse_if_owned(at: Locations) -> None:
    """Another test run's cluster is not a leftover, however alike it looks."""
    owner = _owner(at)
    if not owner or owner["pid"] == os.getpid():
        return
    if start_ticks_of(owner["pid"]) == owner["start_ticks"]:
        raise HarnessError(
            f"the cluster {at.name} belongs to process {owner['pid']}, which still runs; "
            "wait until it has ended, or end it"
        )


def _write_summary(at: Locations, nodes: Collection[str], owner_pid: int | None) -> None:
    owner = {} if owner_pid is None else {"pid": owner_pid, "start_ticks": start_ticks_of(owner_pid)}
    at.summary.write_text(json.dumps({"nodes": sorted(nodes), "owner": owner}))


def _owner(at: Locations) -> dict[str, int]:
    """The process that the cluster belongs to; empty if there is none."""
    if not at.summary.exists():
        return {}
    owner: dict[str, int] = json.loads(at.summary.read_text())["owner"]
    return owner


def _start_guardian(at: Locations, owner_pid: int) -> None:
    packages = Path(__file__).parent.parent
    start_process(
        "guardian",
        [
            *["env", f"PYTHONPATH={packages}", f"QWP_CACHE={cache_directory()}"],
            *[sys.executable, "-m", "harness.guardian", at.name, str(owner_pid)],
        ],
        record=at.started,
        log=at.logs / "guardian.log",
    )


def _write_kubectl_wrapper(at: Locations) -> None:
    wrapper = at.run / "kubectl"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(kubectl_command(at))} "$@"\n')
    wrapper.chmod(0o755)


def _shims(at: Locations) -> list[StartedProcess]:
    """The helpers of containerd, one a pod: they name this cluster's socket as theirs."""
    found = []
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command_line.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # It has just ended.
            continue
        pid = int(command_line.parent.name)
        ticks = start_ticks_of(pid)
        if "containerd-shim" in words[0] and str(at.containerd_socket) in words and ticks:
            found.append(StartedProcess("containerd-shim", pid, ticks))
    return found


def _wait_for_shims(at: Locations) -> None:
    """A shim whose pod has ended leaves by itself, and tidies up on the way."""
    try:
        wait_until(lambda: not _shims(at), what="end of the shims", timeout_seconds=3)
    except TimeoutError:
        return
