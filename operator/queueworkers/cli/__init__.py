"""`qwp`, which is also `kubectl qwp`: questions about pools that need an answer on a terminal."""

from __future__ import annotations

import sys

import click

from queueworkers import __version__
from queueworkers.cli.completion import PROGRAM, VARIABLE, KubectlComplete, completion
from queueworkers.cli.doctor import doctor
from queueworkers.cli.exit_codes import NOT_DONE
from queueworkers.cli.explain import explain
from queueworkers.cli.importing import import_pools
from queueworkers.cli.logs import logs
from queueworkers.cli.queues import queues
from queueworkers.cli.restart import restart
from queueworkers.cli.screen import wants_colour
from queueworkers.cli.simulate import simulate
from queueworkers.cli.status import status
from queueworkers.cli.suspend import resume, suspend
from queueworkers.cli.workers import workers
from queueworkers.errors import QueueWorkersError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qwp")
@click.pass_context
def qwp(context: click.Context) -> None:
    """See pools of queue workers, and run them."""
    context.color = wants_colour()


for command in (
    status,
    workers,
    queues,
    logs,
    restart,
    suspend,
    resume,
    doctor,
    explain,
    import_pools,
    simulate,
    completion,
):
    qwp.add_command(command)


def main() -> None:
    """Run `qwp`; what cannot be done ends it with a sentence and status 1."""
    try:
        qwp(complete_var=VARIABLE)
    except QueueWorkersError as error:
        click.echo(f"qwp: {error}", err=True)
        sys.exit(NOT_DONE)


def complete_for_kubectl() -> None:
    """Tell kubectl what may come next on the line: `kubectl_complete-qwp`."""
    click.echo(KubectlComplete(qwp, {}, PROGRAM, VARIABLE).complete())
