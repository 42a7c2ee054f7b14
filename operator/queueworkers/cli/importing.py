"""`qwp import`: pools from Supervisor, Horizon, NativePHP and KEDA."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from queueworkers.errors import QueueWorkersError
from queueworkers.importing.horizon import import_horizon
from queueworkers.importing.keda import import_keda
from queueworkers.importing.nativephp import import_nativephp
from queueworkers.importing.source import Answers, Source
from queueworkers.importing.supervisor import import_supervisor, included_patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from queueworkers.importing.document import Imported

LEFT_OPEN = 3
"""The status when pools were written in which a person has to find out something."""

FILES = click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE...",
)


@click.group("import")
def import_pools() -> None:
    """
    Make pools of other systems' configuration.

    They are written as YAML.  What a pool has no field for is in a comment, with
    the reason; what no file tells is a placeholder below a comment that begins with
    TO DO, and the status is 3 then.  It is 0 where everything is known, and 1 where
    a file cannot be read.  Nothing is applied.
    """


def with_answers(command: Callable[..., Imported]) -> Callable[..., None]:
    """Let a command take files and the answers of a person, and write the pools that it makes."""

    @FILES
    @click.option("--image", help="The image of the application.")
    @click.option("--redis-host", help="Where the queues are, as seen from the pods.")
    @click.option("--redis-prefix", help="What is in front of every key; '' for nothing.")
    @click.option(
        "--retry-after", type=click.IntRange(min=1), help="Seconds; retry_after in config/queue.php."
    )
    @functools.wraps(command)
    def run(
        *,
        image: str | None,
        redis_host: str | None,
        redis_prefix: str | None,
        retry_after: int | None,
        **rest: Any,
    ) -> None:
        answers = Answers(
            image=image, redis_host=redis_host, redis_prefix=redis_prefix, retry_after=retry_after
        )
        imported = command(answers=answers, **rest)
        click.echo(imported.render(), nl=False)
        if imported.is_open:
            click.echo("qwp: some things are not known: look for TO DO", err=True)
            sys.exit(LEFT_OPEN)

    return run


@import_pools.command("supervisor")
@with_answers
def from_supervisor(files: Sequence[Path], answers: Answers) -> Imported:
    """
    Make pools of Supervisor's programs.

    FILE is a configuration file of Supervisor, such as /etc/supervisor/conf.d/*.conf.
    Files that [include] names are read too, where they are.
    """
    sources = list(_read_all(files))
    for source in tuple(sources):
        sources += _read_all(_included(source, [Path(each.name) for each in sources]))
    return import_supervisor(sources, answers)


@import_pools.command("horizon")
@with_answers
@click.option("--environment", default="production", show_default=True, help="Which of `environments`.")
def from_horizon(files: Sequence[Path], answers: Answers, environment: str) -> Imported:
    """
    Make pools of Horizon's supervisors.

    FILE is config/horizon.php.  It is read, not run: what only PHP can compute is asked.
    """
    return import_horizon(list(_read_all(files)), answers, environment=environment)


@import_pools.command("nativephp")
@with_answers
def from_nativephp(files: Sequence[Path], answers: Answers) -> Imported:
    """
    Make pools of NativePHP's queue workers.

    FILE is config/nativephp.php.  It is read, not run: what only PHP can compute is asked.
    """
    return import_nativephp(list(_read_all(files)), answers)


@import_pools.command("keda")
@with_answers
def from_keda(files: Sequence[Path], answers: Answers) -> Imported:
    """
    Make pools of KEDA's ScaledObjects on Redis lists.

    FILE has ScaledObjects, and better the Deployments that they scale and their
    TriggerAuthentications too, in one file or several.
    """
    return import_keda(list(_read_all(files)), answers)


def _included(source: Source, known: Sequence[Path]) -> Iterator[Path]:
    """Find the files that a file includes; patterns count from its own folder."""
    folder = Path(source.name).parent
    seen = {path.resolve() for path in known}
    for pattern in included_patterns(source):
        absolute = Path(pattern.replace("%(here)s", str(folder)))
        root, relative = (
            (Path(absolute.anchor), absolute.relative_to(absolute.anchor))
            if absolute.is_absolute()
            else (folder, absolute)
        )
        yield from (
            path for path in sorted(root.glob(str(relative))) if path.is_file() and path.resolve() not in seen
        )


def _read_all(paths: Iterable[Path]) -> Iterator[Source]:
    """
    Read the files.

    Raises:
        QueueWorkersError: one cannot be read as text, or standard input is asked for twice.
    """
    asked = False
    for path in paths:
        if str(path) == "-" and asked:
            raise QueueWorkersError("standard input can be read once: give - once")
        asked = asked or str(path) == "-"
        try:
            text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise QueueWorkersError(f"{path}: this is not text in UTF-8") from error
        except OSError as error:
            raise QueueWorkersError(f"{path}: {error.strerror}") from error
        yield Source(name="standard input" if str(path) == "-" else str(path), text=text)
