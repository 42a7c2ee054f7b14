"""Supervisor's programs as pools: one for each `[program:x]` that runs a queue worker."""

from __future__ import annotations

import fnmatch
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from queueworkers.importing import advice
from queueworkers.importing.commands import (
    NOT_KNOWN,
    NotAWorker,
    WorkerCommand,
    apply_command,
    apply_number,
    parse_command,
)
from queueworkers.importing.document import Draft, Imported, name_of
from queueworkers.importing.environment import apply_environment
from queueworkers.importing.ini import parse_ini
from queueworkers.importing.settling import settle
from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from queueworkers.importing.ini import Option, Section
    from queueworkers.importing.source import Answers, Source

MAX_APART = 100
"""So many processes of one program may each have options of their own."""

YES = frozenset({"true", "yes", "on", "1"})
"""How Supervisor spells it."""

_LOGS = "kubectl logs has what the worker prints, and the cluster's own collector keeps it"

_LEFT = {
    "process_name": advice.NAME,
    "numprocs_start": "the workers of a pool have no numbers",
    "priority": "pools start and stop by themselves, in no order",
    "startretries": "a worker is started again without end; the pool says WorkersCrashing meanwhile",
    "exitcodes": "which ends are by design is known of each framework; status.exits tells them by code",
    "stopsignal": "a worker is asked by SIGTERM, whatever the image's STOPSIGNAL is, and ends after its job",
    "stopasgroup": "a stop reaches the worker, and the container ends with it",
    "killasgroup": "nothing of a container is left when its time is over",
    "user": advice.USER,
    "directory": f"{advice.DIRECTORY}; another is podTemplate.spec.containers[worker].workingDir",
    "umask": "the image's entrypoint may set it",
    "redirect_stderr": _LOGS,
    "serverurl": "no worker asks Supervisor anything",
}
"""Options without a field, and what instead."""

_STREAM = re.compile(
    r"(stdout|stderr)_(logfile|logfile_maxbytes|logfile_backups|capture_maxbytes|events_enabled|syslog)"
)

_AUTORESTART = {
    "true": "a worker that ends by design comes back at once, one that crashed by Kubernetes, each time later; "
    "restart.afterCrash: AtOnce is as before",
    "unexpected": "a worker of a pool is started again whatever its exit code was",
    "false": "a worker of a pool is always started again",
}

_EXPRESSION = re.compile(r"%%|%\((\w+)\)(0?\d*)([sd])")


@dataclass(slots=True, kw_only=True)
class _Program:
    """A program while its options are taken one by one."""

    section: Section
    name: str
    group: str
    taken: set[str] = field(default_factory=set)

    def take(self, name: str) -> Option | None:
        """Return an option, which counts as dealt with from now on."""
        self.taken.add(name)
        return self.section.options.get(name)

    def rest(self) -> Iterator[Option]:
        """Return the options that nobody took."""
        return (each for name, each in self.section.options.items() if name not in self.taken)

    def spelled(self, option: Option, *, number: int | None = None, processes: int = 1) -> str:
        """Put in what Supervisor would have put in, as far as it is known without its machine."""
        known: dict[str, str | int] = {
            "program_name": self.name,
            "group_name": self.group,
            "numprocs": processes,
            "here": option.file.rpartition("/")[0] or ".",
        }
        if number is not None:
            known["process_num"] = number

        def put_in(match: re.Match[str]) -> str:
            if match[0] == "%%":
                return "%"
            value = known.get(match[1])
            if value is None:
                return match[0]
            width = match[2]
            return str(value).rjust(int(width or 0), "0" if width.startswith("0") else " ")

        return _EXPRESSION.sub(put_in, option.value)


def included_patterns(source: Source) -> tuple[str, ...]:
    """
    List the files that ``[include]`` names, as patterns relative to the file's own folder.

    Raises:
        UnreadableSourceError: the file is no ini file.
    """
    found = (section.options.get("files") for section in parse_ini(source) if section.name == "include")
    return tuple(pattern for option in found if option for pattern in option.value.split())


def import_supervisor(sources: Sequence[Source], answers: Answers) -> Imported:
    """
    Make pools of the programs in Supervisor's configuration files.

    Raises:
        UnreadableSourceError: a file is no ini file, or none has a program that runs a queue worker.
    """
    sections = [section for source in sources for section in parse_ini(source)]
    groups = {
        program.strip(): section
        for section in sections
        if section.name.startswith("group:") and (listed := section.options.get("programs"))
        for program in listed.value.replace("\n", ",").split(",")
    }
    pools: list[Draft] = []
    remarks: list[str] = []
    for section in sections:
        kind, _, name = section.name.partition(":")
        if kind == "program":
            made = _import_program(section, name.strip(), groups, answers, [pool.name for pool in pools])
            if isinstance(made, NotAWorker):
                remarks.append(f"{_place(section)}: no pool, as {made.why}")
            else:
                pools += made
        else:
            remarks.append(_remark(section, kind, sources))
    if not pools:
        raise UnreadableSourceError(
            file=sources[0].name,
            line=None,
            problem="no [program:x] here runs a queue worker" + "".join(f"; {each}" for each in remarks[:3]),
        )
    return Imported(pools=tuple(pools), remarks=tuple(remarks))


def _place(section: Section) -> str:
    return f"[{section.name}] in {section.file}, line {section.line}"


def _remark(section: Section, kind: str, sources: Sequence[Source]) -> str:
    options = ", ".join(f"{each.name}={' '.join(each.value.split())}" for each in section.options.values())
    match kind:
        case "include":
            files = [source.name for source in sources]
            missing = [
                pattern
                for pattern in (section.options["files"].value.split() if "files" in section.options else ())
                if not any(fnmatch.fnmatch(f"/{name}", f"*/{_ending(pattern)}") for name in files)
            ]
            why = f"not found here: {', '.join(missing)}; give these files too" if missing else "read as well"
        case "group":
            why = f"a label of the pools that are made of its programs ({options})"
        case "eventlistener":
            why = f"no pool, as Kubernetes has Events and the pool conditions instead ({options})"
        case "fcgi-program":
            why = f"no pool, as it takes no jobs out of a queue ({options})"
        case _:
            # Options may be passwords of Supervisor's own interface, so they are not repeated.
            why = "about Supervisor itself, which Kubernetes replaces"
    return f"{_place(section)}: {why}"


def _ending(pattern: str) -> str:
    """Return the folder and the name of an included file, as somebody may have copied both elsewhere."""
    return "/".join(pattern.removeprefix("%(here)s/").split("/")[-2:])


def _import_program(
    section: Section, name: str, groups: Mapping[str, Section], answers: Answers, names: Sequence[str]
) -> list[Draft] | NotAWorker:
    group = groups.get(name)
    program = _Program(section=section, name=name, group=group.name.partition(":")[2] if group else name)
    command = program.take("command")
    if command is None or not command.value.strip():
        raise UnreadableSourceError(
            file=section.file,
            line=section.line,
            problem=f"[{section.name}] has no command: give one, or remove it",
        )
    numprocs = program.take("numprocs")
    processes, question = _count(program, numprocs)
    kinds = _kinds(program, command, processes)
    if isinstance(kinds, NotAWorker):
        return kinds
    made: list[Draft] = []
    for worker, numbers in kinds:
        wish = name if len(kinds) == 1 else f"{name}-{numbers[0]}"
        draft = Draft(
            name=name_of(wish, taken=[*names, *(each.name for each in made)]), origin=_place(section)
        )
        if draft.name != name:
            draft.leave(f"[{section.name}]", f"the pool is called {draft.name}, as Kubernetes takes it")
        _import_kind(draft, program, worker, group)
        _apply_numprocs(draft, numprocs, question, len(numbers))
        if len(kinds) > 1:
            draft.leave(
                f"command={command.value}", f"this pool is its processes {', '.join(map(str, numbers))}"
            )
        settle(draft, answers)
        made.append(draft)
    return made


def _count(program: _Program, numprocs: Option | None) -> tuple[int, str]:
    """Tell how many processes there are, or ask."""
    if numprocs is None:
        return 1, ""
    value = program.spelled(numprocs)
    if NOT_KNOWN.search(value):
        return 1, f"numprocs is {value}: how many workers are there at most?"
    if not re.fullmatch(r"\d{1,6}", value) or not int(value):
        raise UnreadableSourceError(
            file=numprocs.file,
            line=numprocs.line,
            problem=f'numprocs is a whole number from 1 on, not "{value[:40]}"',
        )
    return int(value), ""


def _kinds(
    program: _Program, command: Option, processes: int
) -> list[tuple[WorkerCommand, list[int]]] | NotAWorker:
    """Tell the processes apart by what they run: usually all run the same, but for their names."""
    start = program.section.options.get("numprocs_start")
    first = int(start.value) if start and start.value.isdigit() else 0
    varies = "process_num" in command.value
    kinds: list[tuple[WorkerCommand, list[int]]] = []
    for number in range(first, first + processes if varies else first + 1):
        worker = parse_command(program.spelled(command, number=number, processes=processes))
        if isinstance(worker, NotAWorker):
            # The rest of the line may hold passwords.
            return NotAWorker(why=f"{worker.why} (command={command.value.split(maxsplit=1)[0]} …)")
        same = next((numbers for kind, numbers in kinds if _unnamed(kind) == _unnamed(worker)), None)
        if same is None:
            kinds.append((worker, [number]))
        else:
            same.append(number)
        if len(kinds) > MAX_APART:
            problem = f"each process has options of its own, and there are more than {MAX_APART}"
            raise UnreadableSourceError(file=command.file, line=command.line, problem=problem)
    if not varies:
        return [(kinds[0][0], list(range(first, first + processes)))]
    return kinds


def _unnamed(command: WorkerCommand) -> tuple[object, ...]:
    flags = tuple(each for each in command.flags if each[0] != "--name")
    return command.console, command.arguments, flags, command.environment


def _import_kind(draft: Draft, program: _Program, worker: WorkerCommand, group: Section | None) -> None:
    apply_command(draft, worker, same_image=False)
    if group is not None:
        draft.labels["app.kubernetes.io/part-of"] = name_of(program.group)
        draft.leave(
            f"[{group.name}]",
            "the label app.kubernetes.io/part-of; kubectl … -l selects by it, in place of supervisorctl's x:*",
        )
        for option in group.options.values():
            if option.name != "programs":
                draft.leave(_written(option), "pools of a group start and stop by themselves")
    _apply_environment(draft, program, worker)
    _apply_times(draft, program)
    _apply_starts(draft, program)
    for option in program.rest():
        draft.leave(_written(option), _why_left(option))
    for option in program.section.overruled:
        draft.leave(_written(option), "given again further down, where the later one counts")


def _apply_numprocs(draft: Draft, numprocs: Option | None, question: str, processes: int) -> None:
    draft.say("scaling.minReplicas", 1, "0 lets an idle pool rest without any")
    if question:
        draft.ask("scaling.maxReplicas", 10, question)
        return
    source = f"numprocs={processes}" if numprocs else "numprocs is 1 when not given"
    draft.say(
        "scaling.maxReplicas",
        processes,
        f"{source}: all of them only while there is a backlog; mode: Manual, replicas: {processes} keeps them always",
    )


def _apply_environment(draft: Draft, program: _Program, worker: WorkerCommand) -> None:
    pairs: list[tuple[str, str]] = list(worker.environment)
    option = program.take("environment")
    if option is not None:
        try:
            pairs += _parse_pairs(program.spelled(option))
        except ValueError as error:
            raise UnreadableSourceError(file=option.file, line=option.line, problem=str(error)) from error
    apply_environment(draft, pairs)


def _parse_pairs(text: str) -> list[tuple[str, str]]:
    """
    Read ``A="b",C=d`` as Supervisor does (``supervisor/datatypes.py``, ``dict_of_key_value_pairs``).

    Raises:
        ValueError: it is something else; the message never tells a value.
    """
    lexer = shlex.shlex(text, posix=False)
    lexer.wordchars += "/.+-():%~@!?*^"
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise ValueError("environment: a quote is not closed") from error
    pairs: list[tuple[str, str]] = []
    while tokens:
        if tokens[0] == ",":
            tokens.pop(0)
            continue
        if len(tokens) < 3 or tokens[1] != "=":  # noqa: PLR2004 - name, sign and value
            raise ValueError(
                f'environment is written as NAME="value",OTHER="value"; "{tokens[0][:40]}" is not'
            )
        value = tokens[2]
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        pairs.append((tokens[0], value[1:-1] if quoted else value))
        del tokens[:3]
    return pairs


def _apply_times(draft: Draft, program: _Program) -> None:
    if option := program.take("stopwaitsecs"):
        apply_number(draft, "gracePeriodSeconds", program.spelled(option), source="stopwaitsecs")
    if option := program.take("startsecs"):
        apply_number(draft, "restart.minReadySeconds", program.spelled(option), source="startsecs")


def _apply_starts(draft: Draft, program: _Program) -> None:
    option = program.take("autostart")
    if option is not None and option.value.lower() not in YES:
        draft.say(
            "suspend",
            value=True,
            note=f'autostart={option.value}: kubectl patch qwp/{draft.name} --type merge -p \'{{"spec":{{"suspend":false}}}}\' starts it',
        )
    elif option is not None:
        draft.leave(_written(option), "a pool works as soon as it is applied")
    option = program.take("autorestart")
    if option is not None:
        value = "true" if option.value.lower() in YES else option.value.lower()
        draft.leave(_written(option), _AUTORESTART.get(value, _AUTORESTART["false"]))


def _why_left(option: Option) -> str:
    if option.name in _LEFT:
        return _LEFT[option.name]
    if _STREAM.fullmatch(option.name):
        return _LOGS
    return "no option of a program that Supervisor knows"


def _written(option: Option) -> str:
    return f"{option.name}={' '.join(option.value.split())} (line {option.line})"
