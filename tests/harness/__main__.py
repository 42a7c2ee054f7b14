"""The command line: ``PYTHONPATH=tests python3 -m harness COMMAND``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

from harness.binaries import HELM_3, HELM_4, KUBERNETES, PROMTOOL, build_programs
from harness.clients import bullmq_client, debian_client, python_client
from harness.cluster import Cluster, running_cluster
from harness.errors import HarnessError
from harness.local_cluster import KUBELET_NODE, KWOK_NODE, bring_up, is_up, prepare, take_down
from harness.locations import Locations, known_clusters
from harness.php import ImageVariant, laravel_archive, laravel_rootfs
from harness.progress import say
from harness.redis_releases import REDIS_6, REDIS_8, VALKEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main() -> int:
    """Carry out one command; 0 means that it is done."""
    options = _parser().parse_args()
    # So that a start that is ended from outside takes down what it has begun.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    action: Callable[[argparse.Namespace], int] = options.action
    try:
        return action(options)
    except (HarnessError, TimeoutError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="harness", description="A real Kubernetes for tests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        return command

    def add_named(
        name: str, action: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = add(name, action, text)
        command.add_argument("--name", default="dev", help="which cluster (default: dev)")
        return command

    add("prepare", _prepare, "install the packages and build the programs that are missing")
    add(
        "image", _image, "make the Laravel worker's images, so that a cluster without a way out can have them"
    )
    add(
        "peers",
        _peers,
        "fetch what tests beside the cluster need: other Redis servers, clients of other queues, Helm, promtool",
    )
    up = add_named("up", _up, "start a cluster and leave it running")
    up.add_argument(
        "--nodes",
        type=lambda words: tuple(words.split(",")),
        default=(KUBELET_NODE, KWOK_NODE),
        help="kubelet for real containers, kwok for numbers (default: kubelet,kwok)",
    )
    add_named("down", _down, "end a cluster, or what is left of it")
    kubectl = add_named("kubectl", _kubectl, "run kubectl as the cluster's admin")
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER, metavar="-- ARGUMENTS")
    add_named("shell", _shell, "a shell in the cluster's network, with kubectl")
    add("status", _status, "list the clusters on this machine")
    return parser


def _prepare(_: argparse.Namespace) -> int:
    prepare()
    say("everything that a cluster needs is here")
    return 0


def _image(_: argparse.Namespace) -> int:
    for variant in ImageVariant:
        laravel_archive(variant)
    laravel_rootfs()
    say("the Laravel worker's images are here")
    return 0


def _peers(_: argparse.Namespace) -> int:
    """What cannot be had from here is said, and the tests that need it say so again."""
    fetches: tuple[Callable[[], object], ...] = (
        *(release.command for release in (REDIS_6, REDIS_8, VALKEY)),
        python_client,
        bullmq_client,
        partial(debian_client, "php"),
        partial(build_programs, HELM_3, HELM_4),
        partial(build_programs, PROMTOOL),
    )
    for fetch in fetches:
        try:
            fetch()
        except HarnessError as error:
            say(f"{error}. The tests that need it are skipped.")
    say("other Redis servers, other queues' clients, Helm and promtool are here, as far as they can be")
    return 0


def _up(options: argparse.Namespace) -> int:
    at = Locations(options.name)
    if is_up(at):
        say(f"cluster {at.name} runs already")
    else:
        bring_up(at, nodes=options.nodes, owner_pid=None)
    print(at.run / "kubectl")
    return 0


def _down(options: argparse.Namespace) -> int:
    take_down(Locations(options.name))
    return 0


def _kubectl(options: argparse.Namespace) -> int:
    cluster = running_cluster(options.name)
    arguments = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
    _become(cluster, [str(cluster.kubectl), *arguments])
    return 0


def _shell(options: argparse.Namespace) -> int:
    cluster = running_cluster(options.name)
    say(f"leave this shell with exit; the cluster {cluster.name} goes on")
    _become(cluster, [os.environ.get("SHELL", "/bin/sh")])
    return 0


def _become(cluster: Cluster, argv: Sequence[str]) -> None:
    """Let the command take this process's place: its terminal, signals and exit code."""
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    os.environ["PATH"] = f"{KUBERNETES.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    command = cluster.command(argv)
    os.execvp(command[0], command)


def _status(_: argparse.Namespace) -> int:
    for at in known_clusters():
        state = "up" if is_up(at) else "left over; down removes it"
        print(f"{at.name}\t{state}\t{at.run / 'kubectl'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
