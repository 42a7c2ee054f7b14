"""The command line of a worker, with whatever people put around it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from queueworkers.frameworks import FRAMEWORKS
from queueworkers.importing import advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.frameworks.base import Framework
    from queueworkers.importing.document import Draft

WORKERS = ("queue:work", "queue:listen")
"""The commands that take jobs for as long as they run."""

SUPERVISING = "horizon"
"""A command that starts workers by a configuration of its own."""

_BY_SCRIPT = {each.console[-1]: each for each in FRAMEWORKS.values() if each.console}
"""The console scripts of the frameworks, such as the one that comes after ``php``."""

_PHP = re.compile(r"(?:.*/)?php[0-9.]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_AS_USER = frozenset({"sudo", "gosu", "su-exec", "runuser", "setuser", "s6-setuidgid", "chpst", "setpriv"})
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "\n"})
_LOOP = frozenset({"while", "true", "do", "done", "until", "false", ":", "wait", "set"})

_INTEGERS = {
    "--memory": "memory",
    "--tries": "tries",
    "--timeout": "timeout",
    "--sleep": "sleep",
    "--rest": "rest",
    "--max-jobs": "maxJobs",
    "--max-time": "maxTime",
}
"""Flags with one whole number, and the fields of the pool."""

_BACKOFFS = ("--backoff", "--delay")

_LEFT = {
    "--name": advice.NAME,
    "--daemon": "a worker of a pool always goes on",
    "--once": "a worker of a pool goes on after a job; maxJobs: 1 starts it afresh after each",
    "--stop-when-empty": "a worker of a pool stays; scaling.minReplicas: 0 lets the last one leave when nothing is to do",
    "--stop-when-empty-for": "scaling.minReplicas: 0 with scaling.cooldownSeconds lets the last worker leave when nothing is to do",
    "--force": advice.FORCE,
    "--env": "give APP_ENV in env or envFrom",
    "--json": "the application's own log channel decides how the log is written",
    "--quiet": advice.LOG,
    "--verbose": advice.LOG,
    "--no-interaction": "nobody is there to be asked",
    "--ansi": advice.LOG,
    "--no-ansi": advice.LOG,
}
"""Flags without a field, and what instead."""

_SHORT = {
    "-q": "--quiet",
    "-v": "--verbose",
    "-vv": "--verbose",
    "-vvv": "--verbose",
    "-n": "--no-interaction",
}

_WITH_VALUE = frozenset({*_INTEGERS, *_BACKOFFS, "--queue", "--name", "--env", "--stop-when-empty-for"})

NOT_KNOWN = re.compile(r"%\(|\$[A-Za-z_({]")
"""What somebody else would have put something in place of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAWorker:
    """A command that a pool cannot run."""

    why: str


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What stands around a worker's own words."""

    environment: list[tuple[str, str]] = field(default_factory=list)
    """Assignments in front of it."""
    left: list[tuple[str, str]] = field(default_factory=list)
    """Words without a place in a pool, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCommand:
    """A worker's command line, taken apart."""

    framework: Framework
    console: tuple[str, ...]
    """What stands before the command's name, as it was written."""
    verb: str
    """One of `WORKERS`."""
    arguments: tuple[str, ...]
    """Words that are no flags, the connection first."""
    flags: tuple[tuple[str, str | None], ...]
    """In their long form, in their order."""
    environment: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]

    def flag(self, name: str) -> str | None:
        """Tell the value of a flag, of several the last; ``None`` where it is not given."""
        return next((value for flag, value in reversed(self.flags) if flag == name), None)


def parse_command(command: str | Sequence[str]) -> WorkerCommand | NotAWorker:
    """
    Find the worker in a *command*.

    Looks through shells, assignments, and programs that change the user or
    the priority.

    Args:
        command: A line, or the words of an exec form.
    """
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
        around = Surroundings()
        own = _worker_words(words, around)
    except ValueError:
        return NotAWorker(why="its quotes are not closed")
    if own is None:
        return NotAWorker(why="it runs no console command of a framework that pools know")
    return _taken_apart(own, around)


def _worker_words(words: Sequence[str], around: Surroundings) -> list[str] | None:
    """Find the words from the interpreter on; what stands before them goes to *around*."""
    for position, word in enumerate(words):
        if (script := _script_of(words, position)) is not None:
            _note_before(words[:position], around)
            return _worker_in_script(script, around)
        if _is_script(word) or (_PHP.fullmatch(word) and any(map(_is_script, words[position:]))):
            _note_before(words[:position], around)
            return _redirected(words[position:], around)
    return None


def _is_script(word: str) -> bool:
    return word.rsplit("/", 1)[-1] in _BY_SCRIPT


def _script_of(words: Sequence[str], position: int) -> str | None:
    """Return the script of a shell, or of ``su``, that begins at *position*."""
    program = words[position].rsplit("/", 1)[-1]
    if program not in _SHELLS and program != "su":
        return None
    for at, word in enumerate(words[position + 1 :], start=position + 1):
        asks = word == "--command" or re.fullmatch(r"-[a-z]*c", word)
        if asks and at + 1 < len(words):
            return words[at + 1]
    return None


def _worker_in_script(script: str, around: Surroundings) -> list[str] | None:
    """Find the statement that runs a worker, or else any console command; the others go to *around*."""
    statements = _statements(script)
    found = [
        (at, words) for at, each in enumerate(statements) if (words := _worker_words(each, Surroundings()))
    ]
    if not found:
        return None
    at, _ = next((each for each in found if {*WORKERS, SUPERVISING} & set(each[1])), found[0])
    for other in (*statements[:at], *statements[at + 1 :]):
        _note_beside(other, around)
    return _worker_words(statements[at], around)


def _statements(script: str) -> list[list[str]]:
    lexer = shlex.shlex(script.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    statements: list[list[str]] = [[]]
    for token in lexer:
        if token in _SEPARATORS or (token and set(token) <= set(";&|")):
            statements.append([])
        else:
            statements[-1].append(token)
    return [each for each in statements if each]


def _note_beside(statement: Sequence[str], around: Surroundings) -> None:
    """Tell what a statement that is no worker means."""
    text = shlex.join(statement)
    if statement[0] == "cd":
        around.left.append((text, advice.DIRECTORY))
    elif statement[0] == "export":
        for word in statement[1:]:
            if match := _ASSIGNMENT.fullmatch(word):
                around.environment.append((match[1], match[2]))
    elif statement[0] in _LOOP:
        around.left.append((text, advice.STARTED_AGAIN))
    elif statement[0] == "sleep":
        around.left.append((text, "a worker of a pool starts at once"))
    else:
        around.left.append(
            (
                text,
                "what has to run before the worker belongs into the image's entrypoint or an init container",
            )
        )


def _note_before(words: Sequence[str], around: Surroundings) -> None:
    """Tell what stands before the interpreter: assignments, users, and programs that run others."""
    rest = [word for word in words if word not in ("exec", "command", "nohup", "--")]
    strange: list[str] = []
    for word in rest:
        if match := _ASSIGNMENT.fullmatch(word):
            around.environment.append((match[1], match[2]))
        elif word.rsplit("/", 1)[-1] != "env":
            strange.append(word)
    if not strange:
        return
    program = strange[0].rsplit("/", 1)[-1]
    text = shlex.join(strange)
    if program in _LOOP:
        around.left.append((text, advice.STARTED_AGAIN))
    elif program in _AS_USER or program == "su":
        around.left.append((text, advice.USER))
    elif program in ("nice", "ionice", "chrt"):
        around.left.append((text, advice.NICE))
    elif program not in _SHELLS:
        around.left.append(
            (text, "put it into command where the worker needs it, as a pool runs the worker without")
        )


def _redirected(words: Sequence[str], around: Surroundings) -> list[str]:
    """Take redirections away; no shell of the pool's own would see them."""
    kept: list[str] = []
    gone: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if re.fullmatch(r"(\d|&)?(>>?|<|>&|&>>?)", word):
            if kept and kept[-1] in ("1", "2") and not word[0].isdigit():
                gone.append(kept.pop())
            gone += [word, *rest[:1]]
            rest = rest[1:]
        elif re.fullmatch(r"(\d|&)?>>?&?\S+", word):
            gone.append(word)
        else:
            kept.append(word)
    if gone:
        around.left.append((" ".join(gone), f"{advice.LOG}: kubectl logs"))
    return kept


def _taken_apart(words: Sequence[str], around: Surroundings) -> WorkerCommand | NotAWorker:
    script_at = next(at for at, word in enumerate(words) if _is_script(word))
    console = tuple(words[: script_at + 1])
    rest = list(words[script_at + 1 :])
    verb = next((word for word in rest if not word.startswith("-")), "")
    if verb.partition(":")[0] == SUPERVISING:
        return NotAWorker(why="it starts workers by config/horizon.php: qwp import horizon reads that")
    if verb not in WORKERS:
        return NotAWorker(why=f"{verb or console[-1]} takes no jobs out of a queue")
    rest.remove(verb)
    arguments, flags = _parse_flags(rest)
    return WorkerCommand(
        framework=_BY_SCRIPT[words[script_at].rsplit("/", 1)[-1]],
        console=console,
        verb=verb,
        arguments=arguments,
        flags=flags,
        environment=tuple(around.environment),
        left=tuple(around.left),
    )


def _parse_flags(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str | None], ...]]:
    arguments: list[str] = []
    flags: list[tuple[str, str | None]] = []
    rest = [word for word in words if word != "--"]
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        name = _SHORT.get(name, name)
        if equals:
            flags.append((name, value))
        elif name in _WITH_VALUE and rest and not rest[0].startswith("-"):
            flags.append((name, rest.pop(0)))
        else:
            flags.append((name, None))
    return tuple(arguments), tuple(flags)


def apply_command(draft: Draft, command: WorkerCommand, *, same_image: bool) -> None:
    """
    Say in the pool what the worker's command line says.

    Args:
        draft: The pool.
        command: The worker's command line.
        same_image: The pool's image is the one in which the command line was used, so that its paths hold.
    """
    draft.say("framework", command.framework.name)
    _apply_console(draft, command, same_image=same_image)
    if command.verb == "queue:listen":
        draft.leave(
            "queue:listen",
            "queue:work runs instead, which boots the application once: new code needs new workers, as a new image starts them",
        )
    _apply_connection(draft, command)
    _apply_queues(draft, command)
    for flag, value in command.flags:
        _apply_flag(draft, flag, value)
    for option, why in command.left:
        draft.leave(option, why)


def _apply_console(draft: Draft, command: WorkerCommand, *, same_image: bool) -> None:
    usual = command.framework.console
    *before, script = command.console
    written = shlex.join(command.console)
    if same_image:
        if command.console != usual:
            draft.say("command", list(command.console))
        return
    if flags := before[1:]:
        draft.say(
            "command",
            ["php", *flags, script.rsplit("/", 1)[-1]],
            f"without the server's own paths: it was {written}",
        )
    elif command.console != usual:
        draft.leave(
            written,
            f"{shlex.join(usual)} runs in the image's working directory, which has to be the application's",
        )


def _apply_connection(draft: Draft, command: WorkerCommand) -> None:
    match command.arguments:
        case ():
            draft.say(
                "connection", "redis", "the command names none: the application's default has to be this one"
            )
        case (name, *more):
            if NOT_KNOWN.search(name):
                draft.ask(
                    "connection",
                    "redis",
                    f"the command has {name}: which connection of config/queue.php is it?",
                )
            else:
                draft.say("connection", name, "its driver in config/queue.php has to be redis")
            for word in more:
                draft.leave(word, "queue:work has no second argument")


def _apply_queues(draft: Draft, command: WorkerCommand) -> None:
    said = command.flag("--queue")
    if not said:
        draft.say(
            "queues",
            ["default"],
            "no --queue: `queue` of the connection in config/queue.php, if that is another",
        )
    else:
        apply_queues(draft, said.split(","), source="--queue")


def apply_queues(draft: Draft, queues: Sequence[str], *, source: str) -> None:
    """Say which queues the workers serve; each once, as the order is that of their urgency."""
    names = [name.strip() for name in queues if name.strip()]
    if not names or any(NOT_KNOWN.search(name) for name in names):
        draft.ask("queues", ["default"], f"{source} is {','.join(queues)}: which queues are these?")
        return
    once = list(dict.fromkeys(names))
    draft.say("queues", once, source)
    if len(once) < len(names):
        draft.leave(
            f"{source}={','.join(names)}", "a queue that is named twice is served once, at its first place"
        )


def _apply_flag(draft: Draft, flag: str, value: str | None) -> None:
    written = flag if value is None else f"{flag}={value}"
    if flag == "--queue":
        return
    if flag in _LEFT:
        draft.leave(written, _LEFT[flag])
    elif value is not None and NOT_KNOWN.search(value):
        draft.inquire(written, "what is it?")
    elif flag in _INTEGERS:
        apply_number(draft, _INTEGERS[flag], value or "", source=flag)
    elif flag in _BACKOFFS:
        apply_backoff(draft, (value or "").split(","), source=flag)
    else:
        draft.leave(written, "queue:work has no such flag that is known here")


def apply_number(draft: Draft, path: str, value: str, *, source: str) -> None:
    """Say a whole number; of a part of one the next is taken."""
    if re.fullmatch(r"\d{1,12}", value):
        draft.say(path, int(value), source)
    elif re.fullmatch(r"\d{1,12}\.\d+", value):
        draft.say(path, int(float(value)) + (float(value) % 1 > 0), f"{source}={value}, in whole seconds")
    else:
        draft.inquire(f"{source}={value}", f"this is no whole number: what is {path}?")


def apply_backoff(draft: Draft, values: Sequence[str], *, source: str) -> None:
    """Say how long a failed job waits; of several values, one for each attempt."""
    waits = [value.strip() for value in values]
    if all(re.fullmatch(r"\d{1,12}", each) for each in waits):
        draft.say("backoff", [int(each) for each in waits], source)
    else:
        draft.inquire(
            f"{source}={','.join(waits)}", "these are no whole numbers of seconds: what is backoff?"
        )
