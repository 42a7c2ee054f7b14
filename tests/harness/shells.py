"""Real shells, and what Tab makes of a line in them."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE_SECONDS = 60.0

_BASH = """
function_of=$(complete -p qwp | sed 's/.*-F \\([^ ]*\\).*/\\1/')
for line in "$@"; do
  read -ra COMP_WORDS <<<"$line"
  [[ $line == *' ' ]] && COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  "$function_of" qwp
  echo "${COMPREPLY[*]}"
done
"""

_ZSH = """
autoload -U compinit
compinit -D -u
{setup}
show() {{ print -r -- "became<$BUFFER>" }}
zle -N show
bindkey '^X' show
print ready
"""


def bash_offers(setup: str, lines: Sequence[str], environment: Mapping[str, str]) -> list[list[str]]:
    """List what a bash that has read *setup* offers behind each of some lines, which have no quotes."""
    answer = _run(["bash", "--norc", "-c", setup + _BASH, "bash", *lines], environment)
    return [offers.split() for offers in answer.splitlines()]


def fish_offers(setup: str, line: str, environment: Mapping[str, str]) -> list[str]:
    """List what a fish offers behind a line, without what each is about."""
    answer = _run(
        ["fish", "--no-config", "-c", f"{setup}; complete --do-complete={shlex.quote(line)}"], environment
    )
    return [offer.partition("\t")[0] for offer in answer.splitlines()]


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a shell, which must not complain: that would stand in the middle of somebody's line."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    if done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout


def zsh_completes(setup: str, line: str, environment: Mapping[str, str], folder: Path) -> str:
    """Type a line and Tab into a zsh that has read *setup* from a file in *folder*, and return what became of it."""
    (folder / ".zshrc").write_text(_ZSH.format(setup=setup), encoding="utf-8")
    master, slave = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-i"],
        env={**environment, "ZDOTDIR": str(folder), "TERM": "dumb"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as zsh:
        os.close(slave)
        try:
            _read_until(master, r"ready\s")
            os.write(master, line.encode() + b"\t\x18")
            return _read_until(master, r"became<([^>]*)>")[1].rstrip()
        finally:
            zsh.kill()
            os.close(master)


def _read_until(descriptor: int, pattern: str) -> re.Match[str]:
    text = ""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := re.search(pattern, text)):
        readable, _, _ = select.select([descriptor], [], [], deadline - time.monotonic())
        if not readable:
            raise TimeoutError(f"{pattern} is not in {text}")
        text += os.read(descriptor, 4096).decode(errors="replace")
    return found
