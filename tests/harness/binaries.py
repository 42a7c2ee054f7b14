"""
The programs that are built from Go modules, once for each set of versions.

A build is named by a digest of everything that decides its bytes, so a change
of version never meets an old binary, and switching back costs nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.go_toolchain import find_go, go_environment
from harness.locations import cache_directory
from harness.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
_HEARTBEAT_SECONDS = 15.0

KUBERNETES_VERSION = "v1.36.3"
_MAJOR, _MINOR = KUBERNETES_VERSION.removeprefix("v").split(".")[:2]


@dataclass(frozen=True, slots=True)
class GoModule:
    """A folder with a go.mod, and the commands that are built from it."""

    name: str
    commands: tuple[str, ...]
    linker_flags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """Build constraints that are satisfied."""

    @property
    def folder(self) -> Path:
        """Where its go.mod is."""
        return _HERE / self.name

    @property
    def programs(self) -> Path:
        """Where its programs are, once they are built."""
        return cache_directory() / "programs" / f"{self.name}-{self._digest()}"

    def program(self, name: str) -> Path:
        """The program that the command called *name* becomes."""
        return self.programs / name

    def _digest(self) -> str:
        content = hashlib.sha256("\0".join((*self.linker_flags, *self.tags)).encode())
        for path in sorted([*self.folder.glob("go.*"), *self.folder.glob("*.go")]):
            content.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return content.hexdigest()[:12]


# Without these the servers call themselves v0.0.0, and clients that look at
# the version, kubectl among them, go astray.
_KUBERNETES_FLAGS = tuple(
    f"-X={package}.{variable}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for variable, value in (
        ("gitVersion", KUBERNETES_VERSION),
        ("gitMajor", _MAJOR),
        ("gitMinor", _MINOR),
        ("gitTreeState", "clean"),
    )
)

KUBERNETES = GoModule(
    name="kubernetes",
    commands=tuple(
        f"k8s.io/kubernetes/cmd/{name}"
        for name in (
            "kubectl",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
        )
    ),
    linker_flags=_KUBERNETES_FLAGS,
)
ETCD = GoModule(name="etcd", commands=("queue-worker-operator.test/etcd",))
KWOK = GoModule(name="kwok", commands=("sigs.k8s.io/kwok/cmd/kwok",))
KEDA = GoModule(
    name="keda", commands=tuple(f"github.com/kedacore/keda/v2/cmd/{name}" for name in ("operator", "adapter"))
)
HELM_3 = GoModule(name="helm3", commands=("helm.sh/helm/v3/cmd/helm",))
HELM_4 = GoModule(name="helm4", commands=("helm.sh/helm/v4/cmd/helm",))
# Without the clients of every cloud, whose machines Prometheus could find.
PROMTOOL = GoModule(
    name="promtool",
    commands=("github.com/prometheus/prometheus/cmd/promtool",),
    tags=("remove_all_sd",),
)


def build_programs(*modules: GoModule) -> None:
    """
    Build what is not in the cache yet; the first time, that takes minutes.

    Each program appears under its final name only when it is whole, and a lock
    keeps a second process from building the same at once: it waits instead.
    """
    for module in modules:
        if _missing(module):
            with _one_builder(module):
                for command in _missing(module):
                    _build(module, command)


def required_module(module: GoModule, path: str) -> Path:
    """
    Return the folder with the sources of a module that *module* requires, downloading them if need be.

    Raises:
        HarnessError: it is not in Go's module cache, and cannot be had from here.
    """
    try:
        told = run([find_go(), "mod", "download", "-json", path], cwd=module.folder, env=go_environment())
    except CommandFailedError as error:
        raise HarnessError(f"{path} cannot be had: {error}") from error
    return Path(json.loads(told)["Dir"])


def _missing(module: GoModule) -> list[str]:
    return [c for c in module.commands if not module.program(Path(c).name).exists()]


@contextlib.contextmanager
def _one_builder(module: GoModule) -> Iterator[None]:
    module.programs.mkdir(parents=True, exist_ok=True)
    with (module.programs / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process builds {module.name}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(module: GoModule, command: str) -> None:
    final = module.program(Path(command).name)
    partial = final.with_name(f".{final.name}.partial")
    log = final.with_name(f"{final.name}.log")
    flags = " ".join(("-s", "-w", *module.linker_flags))
    tags = ",".join(module.tags)
    argv = [find_go(), "build", f"-ldflags={flags}", f"-tags={tags}", "-o", str(partial), command]
    say(f"building {final.name} …")
    begun = time.monotonic()
    with log.open("wb") as output:
        build = subprocess.Popen(argv, cwd=module.folder, env=go_environment(), stdout=output, stderr=output)
        code = _wait_aloud(build, final.name, begun)
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise HarnessError(f"{final.name} cannot be built; {log} closes with:\n{tail}")
    partial.rename(final)
    say(f"built {final.name} in {time.monotonic() - begun:.0f} s")


def _wait_aloud(build: subprocess.Popen[bytes], name: str, begun: float) -> int:
    """Wait for the build, with a sign of life now and then; end it when interrupted."""
    try:
        while True:
            try:
                return build.wait(timeout=_HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                say(f"still building {name}, {time.monotonic() - begun:.0f} s so far")
    except BaseException:
        build.terminate()
        build.wait()
        raise
