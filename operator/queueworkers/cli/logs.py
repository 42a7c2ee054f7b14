"""`qwp logs`: what the workers of pools print."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from contextlib import aclosing
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from queueworkers.cli.access import connected, observe_pools
from queueworkers.cli.durations import Duration
from queueworkers.cli.exit_codes import INTERRUPTED, NOT_DONE, READER_GONE
from queueworkers.cli.options import cluster_options, selection_options
from queueworkers.cli.screen import paint, shows_colour
from queueworkers.cluster import paths
from queueworkers.domain.identity import POOL_LABEL
from queueworkers.domain.manifests import WORKER_CONTAINER
from queueworkers.errors import ApiServerError, NotFoundError, QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from queueworkers.cli.access import Access, SeenPool, Selection
    from queueworkers.cluster.client import KubernetesApi

LOOKED_FOR_EVERY_SECONDS = 1.0
"""Pods that come while logs are followed, and containers that start anew."""

FOLLOWED_AT_ONCE = 256
"""Each log that is followed keeps a connection."""

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")

FORBIDDEN = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a container, from its start to its end, which has a log of its own."""

    namespace: str
    pod: str
    container_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which logs, and how much of each; named as the API server's query has it."""

    container: str
    previous: bool
    timestamps: bool
    tail_lines: int
    """The newest so many; -1 means all."""
    since_seconds: float
    """No older; 0 means any."""

    def query(self, *, follow: bool) -> dict[str, str]:
        """Ask for a log that was written before the command began."""
        newest = {} if self.tail_lines < 0 else {"tailLines": str(self.tail_lines)}
        young = {"sinceSeconds": f"{self.since_seconds:.0f}"} if self.since_seconds else {}
        return {**self.query_whole(follow=follow), **newest, **young}

    def query_whole(self, *, follow: bool) -> dict[str, str]:
        """Ask for a log that began later, of which no line may be missing."""
        flags = {"follow": follow, "previous": self.previous, "timestamps": self.timestamps}
        return {"container": self.container, **{name: "true" for name, value in flags.items() if value}}


class Scribe:
    """
    Writes the lines of many logs, each of them whole and as it was printed.

    Args:
        out: Where to.
        named: Whether the pod's name stands before each line.
        coloured: Whether it has a colour, another for each pod while there are enough.
        everywhere: Whether its namespace belongs to the name.
    """

    def __init__(self, out: BinaryIO, *, named: bool, coloured: bool, everywhere: bool) -> None:
        self._out = out
        self._named = named
        self._everywhere = everywhere
        self._colours: Iterator[str | None] = cycle(COLOURS if coloured else (None,))
        self._prefixes: dict[tuple[str, str], bytes] = {}

    def write(self, run: Run, lines: Sequence[bytes]) -> None:
        """
        Write lines without their ends.

        Raises:
            BrokenPipeError: nobody reads them any more.
        """
        prefix = self._prefix(run) if self._named else b""
        self._out.write(b"".join(b"%s%s\n" % (prefix, line) for line in lines))
        self._out.flush()

    def _prefix(self, run: Run) -> bytes:
        pod = (run.namespace, run.pod)
        if pod not in self._prefixes:
            name = "/".join(pod) if self._everywhere else run.pod
            self._prefixes[pod] = f"{paint(name, next(self._colours))} ".encode()
        return self._prefixes[pod]


@click.command()
@selection_options
@cluster_options
@click.option("-f", "--follow", is_flag=True, help="Stay, and go on with pods that come later.")
@click.option(
    "--tail",
    type=click.IntRange(min=-1),
    default=10,
    show_default=True,
    help="So many lines of each log, the newest; -1 for all.",
)
@click.option("--since", type=Duration(), default="0", help="Lines no older than that, as 10m.")
@click.option(
    "-c", "--container", default=WORKER_CONTAINER, show_default=True, help="Which container of the pods."
)
@click.option("-p", "--previous", is_flag=True, help="The run before, of containers that were started anew.")
@click.option("--timestamps", is_flag=True, help="With the moment at which each line was printed.")
@click.option(
    "--prefix/--no-prefix", "named", default=True, help="Whether the pod's name is in front of each line."
)
def logs(  # noqa: PLR0913 -- kubectl's flags
    *,
    selection: Selection,
    access: Access,
    follow: bool,
    tail: int,
    since: float,
    container: str,
    previous: bool,
    timestamps: bool,
    named: bool,
) -> None:
    """
    Write what the workers of pools print, each line with its pod.

    With -f it goes on until Ctrl-C, with the workers that come later too.
    """
    if follow and previous:
        raise click.UsageError("-p is about runs that have ended, -f about those to come: give one of them.")
    wanted = Wanted(
        container=container,
        previous=previous,
        timestamps=timestamps,
        tail_lines=tail,
        since_seconds=since,
    )
    scribe = Scribe(
        sys.stdout.buffer,
        named=named,
        coloured=shows_colour(),
        everywhere=selection.everywhere,
    )
    try:
        sys.exit(asyncio.run(_write(access, selection, wanted, scribe, follow=follow)))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # What is still to be written when Python ends is for nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)


async def _write(
    access: Access, selection: Selection, wanted: Wanted, scribe: Scribe, *, follow: bool
) -> int:
    async with connected(access, at_once=FOLLOWED_AT_ONCE) as (api, namespace):
        pools = await observe_pools(api, namespace, selection)
        if follow:
            return await _follow(api, pools, wanted, scribe)
        runs = await _observe_runs(api, pools, wanted)
        if not runs:
            click.echo("There is no such log.", err=True)
        whole = [await _copy(api, run, wanted.query(follow=False), scribe) for run in runs]
        return 0 if all(whole) else NOT_DONE


async def _follow(api: KubernetesApi, pools: Sequence[SeenPool], wanted: Wanted, scribe: Scribe) -> int:
    """Copy every log there is, and each that comes, for as long as somebody reads it."""
    known: set[Run] = set()
    copying: set[asyncio.Task[bool]] = set()
    query = wanted.query(follow=True)
    try:
        while _is_read(sys.stdout.fileno()):
            runs = await _observe_runs(api, pools, wanted)
            for run in runs:
                if run not in known and len(copying) < FOLLOWED_AT_ONCE - 1:
                    known.add(run)
                    copying.add(asyncio.create_task(_copy(api, run, query, scribe)))
            known &= set(runs)
            query = wanted.query_whole(follow=True)
            await asyncio.sleep(LOOKED_FOR_EVERY_SECONDS)
            for ended in [each for each in copying if each.done()]:
                copying.remove(ended)
                ended.result()
    finally:
        for each in copying:
            each.cancel()
        await asyncio.gather(*copying, return_exceptions=True)
    return READER_GONE


def _is_read(descriptor: int) -> bool:
    """Tell whether what is written there can still reach somebody; a log may be silent for hours."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return not poll.poll(0)


async def _observe_runs(api: KubernetesApi, pools: Sequence[SeenPool], wanted: Wanted) -> Sequence[Run]:
    """
    Find the logs that there are now: the pools one after the other, of each the oldest pod first.

    Raises:
        QueueWorkersError: no pod has such a container, or pods cannot be read.
    """
    runs: list[Run] = []
    for pool in pools:
        pods, _ = await api.list(paths.pods(pool.key.namespace), labels=f"{POOL_LABEL}={pool.key.name}")
        runs += find_runs(pods, wanted.container, previous=wanted.previous)
    return runs


def find_runs(pods: Sequence[Mapping[str, Any]], container: str, *, previous: bool) -> Sequence[Run]:
    """
    Find the runs whose log can be read, in the order in which their pods were made.

    Args:
        pods: Of one pool, as the API server tells them.
        container: Whose log.
        previous: The run before the last, instead of the last.

    Raises:
        QueueWorkersError: there are pods, and none has such a container.
    """
    names = dict.fromkeys(
        each["name"]
        for pod in pods
        for kind in ("containers", "initContainers")
        for each in pod["spec"].get(kind, ())
    )
    if pods and container not in names:
        raise QueueWorkersError(f'no worker has a container "{container}"; they have: {", ".join(names)}')
    runs = []
    for pod in sorted(
        pods, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"])
    ):
        status = pod.get("status", {})
        statuses = (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ()))
        told: Mapping[str, Any] = next((each for each in statuses if each["name"] == container), {})
        run = told.get("lastState", {}).get("terminated", {}) if previous else told
        if found := run.get("containerID"):
            metadata = pod["metadata"]
            runs.append(Run(namespace=metadata["namespace"], pod=metadata["name"], container_id=found))
    return runs


async def _copy(api: KubernetesApi, run: Run, query: Mapping[str, str], scribe: Scribe) -> bool:
    """
    Write one log to its end, and return whether it could be read; a pod that left meanwhile is no trouble.

    Raises:
        ApiServerError: the user may not read logs there.
        BrokenPipeError: nobody reads what is written.
    """
    begun = b""
    try:
        async with aclosing(api.stream(paths.pod_log(run.namespace, run.pod), query)) as pieces:
            async for piece in pieces:
                *lines, begun = (begun + piece).split(b"\n")
                scribe.write(run, lines)
    except NotFoundError:
        pass
    except ApiServerError as error:
        if error.status == FORBIDDEN:
            raise
        click.echo(f"qwp: {run.pod}: {error}", err=True)
        return False
    finally:
        if begun:
            scribe.write(run, [begun])
    return True
