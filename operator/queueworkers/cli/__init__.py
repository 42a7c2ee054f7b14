"""`qwp`, which is also `kubectl qwp`: questions about pools that need an answer on a terminal."""

from __future__ import annotations

import sys

import click

from queueworkers import __version__
from queueworkers.cli.explain import explain
from queueworkers.cli.importing import import_pools
from queueworkers.cli.simulate import simulate
from queueworkers.errors import QueueWorkersError

NOT_DONE = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qwp")
def qwp() -> None:
    """Ask about pools of queue workers."""


qwp.add_command(explain)
qwp.add_command(import_pools)
qwp.add_command(simulate)


def main() -> None:
    """Run `qwp`; what cannot be done ends it with a sentence and status 1."""
    try:
        qwp()
    except QueueWorkersError as error:
        click.echo(f"qwp: {error}", err=True)
        sys.exit(NOT_DONE)
