"""The flags that commands have in common: kubectl's own."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from queueworkers.cli.access import Access, Selection
from queueworkers.cli.offers import offer_contexts, offer_namespaces, offer_pools

if TYPE_CHECKING:
    from collections.abc import Callable


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags that say which cluster; it is called with an `Access` named *access*."""

    @click.option(
        "-n",
        "--namespace",
        shell_complete=offer_namespaces,
        help="Where the pool is; the context's own when not given.",
    )
    @click.option(
        "--context",
        shell_complete=offer_contexts,
        help="Which context of the kubeconfig; the current one when not given.",
    )
    @click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Which kubeconfig.")
    @wraps(command)
    def with_access(
        *arguments: Any, namespace: str | None, context: str | None, kubeconfig: str | None, **others: Any
    ) -> None:
        access = Access(namespace=namespace, context=context, kubeconfig=kubeconfig)
        command(*arguments, access=access, **others)

    return with_access


def selection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command names, `-A` and `-l`; it is called with a `Selection` named *selection*."""

    @click.argument("names", nargs=-1, metavar="[POOL]...", shell_complete=offer_pools)
    @click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="The pools of all namespaces.")
    @click.option("-l", "--selector", "labels", default="", help="Pools with these labels, as team=shop.")
    @wraps(command)
    def with_selection(
        *arguments: Any, names: tuple[str, ...], everywhere: bool, labels: str, **others: Any
    ) -> None:
        if names and (everywhere or labels):
            raise click.UsageError("Say which pools, once: their names, or -A and -l.")
        selection = Selection(names=names, everywhere=everywhere, labels=labels)
        command(*arguments, selection=selection, **others)

    return with_selection
