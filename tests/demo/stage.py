"""The stage: a cluster, a Redis with a password, an application, the operator, and the pool."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from demo.left_running import CLUSTER, LeftRunning
from demo.shop import NAMESPACE, WEBSITE, settings_secret, website
from harness.cluster import running_cluster, start_cluster
from harness.errors import HarnessError
from harness.local_cluster import KUBELET_NODE, bring_up, take_down
from harness.locations import Locations
from harness.operator_process import OperatorProcess, install
from harness.php import laravel_image
from harness.pools import Namespace
from harness.processes import start_ticks_of
from harness.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.cluster import Cluster

POOL = "orders"
POOL_FILE = Path(__file__).with_name("pool.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that the story plays on, up and running."""

    cluster: Cluster
    redis: RedisServer
    operator: OperatorProcess
    namespace: Namespace
    pool_file: str
    """The pool as it is applied."""
    kubectl: str
    """What a person types for a kubectl that talks to the cluster."""

    def require_operator(self) -> None:
        """Raise when the operator has ended by itself."""
        if start_ticks_of(self.operator.pid) is None:
            raise HarnessError("the operator has ended by itself")

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of the operator's log."""
        text = self.operator.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


@contextmanager
def set_up(tell: Callable[[str], None], *, stay: bool) -> Iterator[Stage]:
    """
    Build the stage; take it down at the end, unless it shall *stay*.

    An error, or Ctrl-C, takes it down in any case.

    Raises:
        HarnessError: it cannot be built here; the message says what to do.
    """
    refuse_if_left_running()
    left = LeftRunning.begin(own_cluster=not borrows_cluster())
    with ExitStack() as undo:
        if stay:
            left.save()
            undo.callback(LeftRunning.path().unlink, missing_ok=True)
        tell("A Kubernetes cluster of its own: API server, controllers, a node that runs containers.")
        cluster = _cluster(undo, own=left.own_cluster, stay=stay)
        left.kubectl = kubectl_words(cluster)
        stage = _furnish(cluster, undo, left, tell)
        if stay:
            left.save()
        yield stage
        if stay:
            undo.pop_all()


def borrows_cluster() -> bool:
    """Tell whether the settings name a cluster that somebody else runs."""
    return bool(os.environ.get("QWP_KUBECONFIG") or os.environ.get("QWP_CLUSTER"))


def kubectl_words(cluster: Cluster) -> str:
    """What a person types for a kubectl that talks to the cluster."""
    if cluster.network is not None:
        return str(Locations(cluster.name).run / "kubectl")
    return f"{cluster.kubectl} --kubeconfig={cluster.kubeconfig}"


def refuse_if_left_running() -> None:
    """Raise when an earlier demonstration still stands here; forget one that only left its record."""
    left = LeftRunning.load()
    if left is None:
        return
    if left.runs():
        raise HarnessError(
            "an earlier demonstration was left running: look around in it with "
            f"`{left.kubectl} get qwp -A`, or end it with `make demo-down`, and then again"
        )
    left.end()


def _cluster(undo: ExitStack, *, own: bool, stay: bool) -> Cluster:
    if not (own and stay):
        return undo.enter_context(start_cluster(CLUSTER, nodes=(KUBELET_NODE,)))
    at = Locations(CLUSTER)
    bring_up(at, nodes=(KUBELET_NODE,), owner_pid=None)
    undo.callback(take_down, at)
    return running_cluster(CLUSTER)


def _furnish(cluster: Cluster, undo: ExitStack, left: LeftRunning, tell: Callable[[str], None]) -> Stage:
    tell("An image with a real Laravel application, and the website that pushes its jobs.")
    image = laravel_image(cluster)
    install(cluster)
    cluster.run_kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    cluster.run_kubectl("create", "namespace", NAMESPACE)
    namespace = Namespace(cluster, NAMESPACE)
    if not left.own_cluster:
        undo.callback(namespace.delete)

    tell("A Redis with a password, which the application and the pool take from a Secret.")
    password = secrets.token_urlsafe(12)
    redis = RedisServer(address=cluster.host_address, network=cluster.network, password=password)
    undo.push(redis)
    redis.start()
    left.add_process("redis-server", redis.pid, redis.log.parent)
    namespace.apply(settings_secret(redis), website(image))

    tell("The operator, with the rights of its service account and no more.")
    operator = OperatorProcess(cluster)
    undo.push(operator)
    operator.start()
    left.add_process("operator", operator.pid, operator.log.parent)
    left.log = str(operator.log)
    namespace.kubectl("rollout", "status", f"deployment/{WEBSITE}", "--timeout=120s")
    filled = Template(POOL_FILE.read_text(encoding="utf-8")).substitute(
        image=image, host=redis.address, port=redis.port
    )
    return Stage(
        cluster=cluster,
        redis=redis,
        operator=operator,
        namespace=namespace,
        pool_file=_without_comment(filled),
        kubectl=left.kubectl,
    )


def _without_comment(pool_file: str) -> str:
    """Leave out what only a reader of the file must know."""
    return pool_file[pool_file.index("apiVersion") :]
