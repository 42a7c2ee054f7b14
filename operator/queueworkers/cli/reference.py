"""
The reference pages of the commands and of the operator's own flags, made from their declarations.

``python -m queueworkers.cli.reference`` prints them; with a folder it writes them there.
"""

from __future__ import annotations

import inspect
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from queueworkers.api.pages import write_or_print
from queueworkers.cli import qwp
from queueworkers.settings import FLAGS, variable_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MADE_BY = (
    "<!-- Made by `python -m queueworkers.cli.reference`; change the declarations, not this file. -->\n\n"
)

COMMANDS_HEADER = f"""{MADE_BY}# Commands

`qwp` and `kubectl qwp` are the same. By task, with what they print, and with which status they end: [qwp](../qwp.md).
"""

FLAGS_HEADER = f"""{MADE_BY}# Flags of the operator

What the chart sets below [`settings`](values.md#settings), and some of its own: [install](../install.md). A flag comes before its variable.

| Flag | Variable | Meaning |
| --- | --- | --- |
"""


def render_commands() -> str:
    """Make the text of the commands' page."""
    sections = (
        section for name in qwp.commands for section in _sections(qwp.commands[name], f"{qwp.name} {name}")
    )
    return "\n".join([COMMANDS_HEADER, *sections])


def render_flags() -> str:
    """Make the text of the flags' page."""
    rows = (f"| `{flag}` | `{variable_of(flag)}` | {says} |\n" for flag, _, says in FLAGS)
    return FLAGS_HEADER + "".join(rows)


def _sections(command: click.Command, path: str) -> Iterator[str]:
    """Tell of a command, and of those below it."""
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"## {path}\n\n    {usage}\n\n{inspect.cleandoc(command.help or '')}\n{_options(command, context)}"
    for name, each in command.commands.items() if isinstance(command, click.Group) else ():
        yield from _sections(each, f"{path} {name}")


def _options(command: click.Command, context: click.Context) -> str:
    records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
    rows = [f"| `{_in_a_cell(flag)}` | {_in_a_cell(says)} |\n" for flag, says in filter(None, records)]
    return "".join(["\n| Option | Meaning |\n| --- | --- |\n", *rows]) if rows else ""


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"commands.md": render_commands, "operator.md": render_flags}
)
"""Each page in ``docs/reference/``, and what makes it."""


def main(arguments: list[str]) -> None:
    """Print the pages, or write each to its file in the folder given."""
    write_or_print(PAGES, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
