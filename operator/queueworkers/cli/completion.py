"""`qwp completion`: what Tab does in bash, zsh and fish, and behind `kubectl qwp`."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

PROGRAM = "qwp"
VARIABLE = "_QWP_COMPLETE"
"""By which the shell asks the program, instead of running it."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """
    Write a script after which SHELL completes commands, flags, pools and namespaces.

    It goes into the shell's own file: `source <(qwp completion bash)` into ~/.bashrc, the same
    for zsh into ~/.zshrc, and `qwp completion fish | source` into ~/.config/fish/config.fish.
    """
    found = get_completion_class(shell)
    if found is not None:
        root = context.find_root().command
        click.echo(found(root, {}, PROGRAM, VARIABLE).source())


class Directive(IntEnum):
    """What kubectl's shell is to do with the answer, as Cobra numbers it (``ShellCompDirective``)."""

    FILES_TOO = 0
    NO_FILES = 4


class KubectlComplete(ShellComplete):
    """
    What kubectl asks of a plugin: words come as arguments, the one that is begun last, and Cobra's lines go back.

    kubectl looks for ``kubectl_complete-qwp`` on the PATH (``pkg/cmd/plugin/plugin_completion.go``, from 1.26 on).
    """

    name = "kubectl"

    def get_completion_args(self) -> tuple[list[str], str]:
        """Take the words apart."""
        *args, begun = sys.argv[1:] or [""]
        return args, begun

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Write one offer, with what it is about behind a tab."""
        return f"{item.value}\t{item.help}" if item.help else str(item.value)

    def complete(self) -> str:
        """Write all offers, and below them whether files are meant too."""
        items = self.get_completions(*self.get_completion_args())
        offered = [self.format_completion(item) for item in items if item.type == "plain"]
        directive = Directive.FILES_TOO if len(offered) < len(items) else Directive.NO_FILES
        return "\n".join([*offered, f":{directive:d}"])
