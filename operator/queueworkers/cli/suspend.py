"""`qwp suspend` and `qwp resume`: a pool that rests, and one that works again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from queueworkers.cli.access import USER_AGENT, Selection, connected, observe_pools
from queueworkers.cli.offers import offer_pools
from queueworkers.cli.options import cluster_options
from queueworkers.cluster import paths
from queueworkers.cluster.gate import Lane

if TYPE_CHECKING:
    from queueworkers.cli.access import Access


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="POOL...", shell_complete=offer_pools)
@cluster_options
def suspend(names: tuple[str, ...], *, access: Access) -> None:
    """Let every worker of pools finish its job and leave; jobs wait until `qwp resume`."""
    asyncio.run(_write(access, names, suspended=True))


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="POOL...", shell_complete=offer_pools)
@cluster_options
def resume(names: tuple[str, ...], *, access: Access) -> None:
    """Have suspended pools work again, with as many workers as the backlog asks for."""
    asyncio.run(_write(access, names, suspended=False))


async def _write(access: Access, names: tuple[str, ...], *, suspended: bool) -> None:
    async with connected(access) as (api, namespace):
        # All are read before one is changed, so that a wrong name changes none.
        found = await observe_pools(api, namespace, Selection(names=names))
        for pool in found:
            word = "suspended" if suspended else "resumed"
            if pool.raw["spec"].get("suspend", False) == suspended:
                click.echo(f"{pool.key}: {word} already")
                continue
            await api.amend(
                paths.pool(pool.key),
                {"spec": {"suspend": suspended}},
                field_manager=USER_AGENT,
                lane=Lane.SHAPE,
            )
            click.echo(f"{pool.key}: {word}")
