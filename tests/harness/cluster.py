"""The cluster that a test holds in its hand, wherever it runs."""

from __future__ import annotations

import atexit
import json
import os
import shlex
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base_images import write_base_images
from harness.binaries import KUBERNETES, build_programs
from harness.commands import run
from harness.containers import import_image, kill_container
from harness.credentials import ADMIN, Credentials, write_kubeconfig
from harness.errors import HarnessError
from harness.local_cluster import (
    KUBELET_NODE,
    KWOK_NODE,
    bring_up,
    is_up,
    take_down,
    without_apiserver,
)
from harness.locations import Locations
from harness.network import HOST_ADDRESS, enter_network, inside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """
    A cluster that answers, and how to speak to it.

    Attributes:
        name: What it is called.
        kubeconfig: For its admin.
        kubectl: A kubectl that fits it.
        network: The namespace it lives in; None for an existing cluster.
        audit_log: One JSON line a request; None for an existing cluster.
        folder: Where kubeconfigs for service accounts are written.
        reachable_address: See :attr:`host_address`; empty when not known.
        import_archive: Loads a docker-archive into the nodes.
        without_api_server: Ends the API server for as long as the context lasts; None for an existing cluster.
        kill_container: Ends the processes of a container, named as containerd names it, at once; None for an existing cluster.
        end: Ends it; does nothing for a cluster that is not ours to end.
    """

    name: str
    kubeconfig: Path
    kubectl: Path
    network: Path | None
    audit_log: Path | None
    folder: Path
    reachable_address: str
    import_archive: Callable[[Path], None] = field(repr=False)
    without_api_server: Callable[[], AbstractContextManager[None]] | None = field(repr=False)
    kill_container: Callable[[str], None] | None = field(repr=False)
    end: Callable[[], None] = field(repr=False)

    @classmethod
    def local(cls, at: Locations, *, keep: bool = False) -> Cluster:
        """The cluster on this machine that keeps its things *at* these places."""
        owner_pid = os.getpid()

        def end() -> None:
            # By the time this is called again, at exit, the name may be
            # another process's; and a forked child owns nothing.
            if not keep:
                take_down(at, only_if_owned_by=owner_pid)

        return cls(
            name=at.name,
            kubeconfig=Credentials(at.credentials).kubeconfig(ADMIN),
            kubectl=KUBERNETES.program("kubectl"),
            network=at.network,
            audit_log=at.audit_log,
            folder=at.credentials,
            reachable_address=HOST_ADDRESS,
            import_archive=lambda archive: import_image(at, archive),
            without_api_server=lambda: without_apiserver(at),
            kill_container=lambda identity: kill_container(at, identity),
            end=end,
        )

    @classmethod
    def existing(cls, kubeconfig: Path, *, host_address: str = "", image_load: str = "") -> Cluster:
        """
        A cluster that someone else runs.

        Args:
            kubeconfig: For someone who may do everything.
            host_address: An address of this machine that its pods can reach.
            image_load: A command that loads ``{archive}`` into its nodes.
        """
        found = shutil.which("kubectl")
        if found is None:
            build_programs(KUBERNETES)
        folder = Path(tempfile.mkdtemp(prefix="qwp-existing-"))

        def import_archive(archive: Path) -> None:
            if not image_load:
                raise HarnessError(
                    "set QWP_IMAGE_LOAD to a command that loads {archive} into the cluster's nodes"
                )
            run([word.replace("{archive}", str(archive)) for word in shlex.split(image_load)])

        return cls(
            name="existing",
            kubeconfig=kubeconfig.expanduser().resolve(),
            kubectl=Path(found or KUBERNETES.program("kubectl")),
            network=None,
            audit_log=None,
            folder=folder,
            reachable_address=host_address,
            import_archive=import_archive,
            without_api_server=None,
            kill_container=None,
            end=lambda: shutil.rmtree(folder, ignore_errors=True),
        )

    @property
    def host_address(self) -> str:
        """Where a server on this machine can listen so that pods reach it."""
        if not self.reachable_address:
            raise HarnessError(
                "set QWP_HOST_ADDRESS to an address of this machine that the cluster's pods can reach"
            )
        return self.reachable_address

    def command(self, argv: Sequence[str]) -> list[str]:
        """Wrap a command line so that it sees the cluster's network."""
        return inside(self.network, argv)

    def enter_network(self) -> None:
        """Move this thread, and its later threads and children, into the cluster's network."""
        if self.network is not None:
            enter_network(self.network)

    def run_kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        """Run kubectl as admin and return what it prints; CommandFailedError if it fails."""
        command = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", *arguments]
        return run(self.command(command), stdin=input)

    def kubectl_json(self, *arguments: str, input: str | None = None) -> Any:  # noqa: A002
        """Run kubectl as admin with ``--output=json`` and return the parsed answer."""
        return json.loads(self.run_kubectl(*arguments, "--output=json", input=input))

    def load_image(self, archive: Path) -> None:
        """Load a docker-archive; pods name the image and say ``imagePullPolicy: Never``."""
        self.import_archive(archive)

    def kubeconfig_for(self, service_account: str, namespace: str) -> Path:
        """A kubeconfig that acts as an existing service account, for 24 hours."""
        token = self.run_kubectl(
            "create", "token", service_account, f"--namespace={namespace}", "--duration=24h"
        ).strip()
        own = self.kubectl_json("config", "view", "--minify", "--raw", "--flatten")
        path = self.folder / f"{namespace}.{service_account}.kubeconfig"
        write_kubeconfig(
            path,
            cluster=own["clusters"][0]["cluster"],
            user={"token": token},
            namespace=namespace,
        )
        return path

    def stop(self) -> None:
        """End the cluster, if it is ours to end; a second time does nothing."""
        self.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_cluster(name: str = "test", *, nodes: Sequence[str] = (KUBELET_NODE, KWOK_NODE)) -> Cluster:
    """
    Return a cluster that takes pods.

    A new one on this machine, which ends with ``stop()``, with the context, or
    with this process however that ends.  Two settings ask for another:

    - ``QWP_KUBECONFIG`` names an existing cluster's kubeconfig, with
      ``QWP_HOST_ADDRESS`` and ``QWP_IMAGE_LOAD`` beside it.
    - ``QWP_CLUSTER`` names a cluster that ``python3 -m harness up`` has
      started on this machine; it is used and left running.

    Raises:
        HarnessError: it cannot be had here; the message says what to do.
        TimeoutError: it did not become ready.
    """
    if kubeconfig := os.environ.get("QWP_KUBECONFIG"):
        image_load = os.environ.get("QWP_IMAGE_LOAD", "")
        cluster = Cluster.existing(
            Path(kubeconfig),
            host_address=os.environ.get("QWP_HOST_ADDRESS", ""),
            image_load=image_load,
        )
        if image_load:
            # Pods may rely on local/busybox:1, as in a cluster of our own.
            for archive in write_base_images(cluster.folder):
                cluster.load_image(archive)
        return cluster
    if running := os.environ.get("QWP_CLUSTER"):
        return running_cluster(running)
    return start_own_cluster(name, nodes=nodes)


def start_own_cluster(name: str, *, nodes: Sequence[str] = (KUBELET_NODE, KWOK_NODE)) -> Cluster:
    """
    Return a new cluster on this machine, whatever the settings ask for.

    For who changes what the users of a cluster share, and so must be its only
    one.  It ends as that of `start_cluster` does.

    Raises:
        HarnessError: it cannot be had here; the message says what to do.
        TimeoutError: it did not become ready.
    """
    at = Locations(name)
    bring_up(at, nodes=nodes, owner_pid=os.getpid())
    cluster = Cluster.local(at)
    atexit.register(cluster.stop)
    return cluster


def running_cluster(name: str) -> Cluster:
    """The cluster that ``python3 -m harness up --name NAME`` has started; left running."""
    at = Locations(name)
    if not is_up(at):
        raise HarnessError(f"no cluster {name} runs here; start it: python3 -m harness up --name {name}")
    return Cluster.local(at, keep=True)
