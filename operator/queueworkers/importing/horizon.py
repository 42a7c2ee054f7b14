"""Horizon's supervisors as pools: those of one environment in config/horizon.php."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

from queueworkers.api.base import API_VERSION
from queueworkers.api.budget import BUDGET_KIND
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.importing import advice
from queueworkers.importing.document import Draft, Imported, name_of
from queueworkers.importing.php_arrays import Expression, PhpArray, parse_php_array, spell_php
from queueworkers.importing.php_options import (
    Options,
    apply_backoff_option,
    apply_option,
    apply_queues_option,
    entries_of,
    known_value,
    queues_of,
    source_of,
    written,
)
from queueworkers.importing.settling import settle
from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.importing.php_arrays import Entry
    from queueworkers.importing.source import Answers, Source

_NUMBERS = {name: name for name in ("memory", "timeout", "sleep", "rest", "maxJobs", "maxTime")} | {
    "maxTries": "tries"
}
"""Options with one whole number, and the fields of a pool."""

_SPELLINGS = {"tries": "maxTries", "processes": "maxProcesses"}
"""Horizon's own other names, besides those with underlines (``src/ProvisioningPlan.php``)."""

_LEFT = {
    "nice": advice.NICE,
    "force": advice.FORCE,
    "autoScalingStrategy": "scaling.waitSeconds decides by time, and scaling.backlogPerWorker by size",
    "name": advice.NAME,
    "parentId": "nothing but the operator starts workers",
    "directory": advice.DIRECTORY,
    "workersName": advice.NAME,
}
"""Options without a field, and what instead."""

_TOP_LEFT = {
    "use": "spec.redis has to be the Redis that the queue connection uses",
    "prefix": "it is that of Horizon's own keys; those of the queues have options.prefix of config/database.php",
    "waits": "see scaling.waitSeconds, which keeps jobs from waiting so long, instead of telling when they do",
    "fast_termination": "new workers always start before old ones have ended",
    "memory_limit": "it is that of Horizon's own process, which there is none of any more",
}
_TOP_ADVICE = "about Horizon's dashboard and its own records, which a pool has nothing of"


def import_horizon(sources: Sequence[Source], answers: Answers, *, environment: str) -> Imported:
    """
    Make pools of the supervisors of one *environment*.

    Raises:
        UnreadableSourceError: a file is no config/horizon.php, or has no such environment.
    """
    pools: list[Draft] = []
    beside: list[tuple[str, dict[str, Any]]] = []
    remarks: list[str] = []
    for source in sources:
        config = parse_php_array(source)
        for entry in _plan(source, config, environment):
            made, budget = _import_supervisor(source, entry, config, [each.name for each in pools])
            for draft in made:
                settle(draft, answers)
            pools += made
            beside += budget
        remarks += _remarks(source, config, environment)
    return Imported(pools=tuple(pools), beside=tuple(beside), remarks=tuple(remarks))


def _plan(source: Source, config: PhpArray, environment: str) -> tuple[Entry, ...]:
    """Return the supervisors of an environment, with the defaults below them."""
    environments = config.get("environments")
    if environments is None or not isinstance(environments.value, PhpArray):
        raise UnreadableSourceError(
            file=source.name,
            line=environments.line if environments else None,
            problem="this is no config/horizon.php: it has no array `environments`",
        )
    names = [str(each.key) for each in environments.value.entries]
    chosen = environments.value.get(environment) or next(
        (each for each in environments.value.entries if fnmatch.fnmatchcase(environment, str(each.key))), None
    )
    if chosen is None or not isinstance(chosen.value, PhpArray):
        raise UnreadableSourceError(
            file=source.name,
            line=environments.line,
            problem=f"there is no environment {environment}: give --environment {' or '.join(names) or 'one that is there'}",
        )
    defaults = config.get("defaults")
    below = defaults.value if defaults and isinstance(defaults.value, PhpArray) else PhpArray(entries=())
    supervisors = below.replaced_by(chosen.value).entries
    if not supervisors:
        problem = f"the environment {environment} has no supervisor"
        raise UnreadableSourceError(file=source.name, line=chosen.line, problem=problem)
    return supervisors


def _import_supervisor(
    source: Source, entry: Entry, config: PhpArray, names: Sequence[str]
) -> tuple[list[Draft], list[tuple[str, dict[str, Any]]]]:
    """Make one pool of a supervisor, or one for each queue where it balances between them."""
    queue = _options(source, entry).take("queue")
    balance = _options(source, entry).take("balance")
    strategy = known_value(balance.value) if balance else False
    queues = queues_of(queue) if queue else None
    apart = queues if queues and len(queues) > 1 and strategy in ("auto", "simple") else None
    title = str(entry.key)
    made: list[Draft] = []
    for each in apart or (None,):
        wish = title if each is None else f"{title}-{each}"
        draft = Draft(
            name=name_of(wish, taken=[*names, *(other.name for other in made)]),
            origin=f"{title} in {source.name}, line {entry.line}",
        )
        _apply_options(draft, _options(source, entry), config, queue=each)
        made.append(draft)
    if apart is None:
        return made, []
    if strategy == "simple":
        _share_alike(made)
        return made, []
    return made, [_share_by_need(made, title=title)]


def _share_alike(made: Sequence[Draft]) -> None:
    """Divide a supervisor's processes between its queues, as Horizon's balance simple does."""
    least, most = _bounds(made[0])
    for draft in made:
        share = max(least, -(-most // len(made)))
        draft.amend("scaling.maxReplicas", share, f"balance simple shares {most} between {len(made)} queues")


def _share_by_need(made: Sequence[Draft], *, title: str) -> tuple[str, dict[str, Any]]:
    """Let the queues of a supervisor share its processes through a budget, and return that with its comment."""
    least, most = _bounds(made[0])
    ceiling = max(most, least * len(made))
    budget = name_of(title)
    for draft in made:
        own = ceiling - least * (len(made) - 1)
        draft.amend("scaling.maxReplicas", own, f"{most}, but for the least of the other queues")
        draft.say("scaling.budget", {"name": budget}, "balance auto: the queues share maxProcesses")
    manifest = {
        "apiVersion": API_VERSION,
        "kind": BUDGET_KIND,
        "metadata": {"name": budget},
        "spec": {"maxReplicas": ceiling},
    }
    return f"From {made[0].origin}: maxProcesses, which its {len(made)} queues share.", manifest


def _options(source: Source, entry: Entry) -> Options:
    """Name options as Horizon does in the end."""
    return Options(entries={_spelling(str(each.key)): each for each in entries_of(source, entry)})


def _spelling(name: str) -> str:
    camel = re.sub(r"[_-](\w)", lambda match: match[1].upper(), name)
    return _SPELLINGS.get(camel, camel)


def _bounds(draft: Draft) -> tuple[int, int]:
    least, most = draft.value("scaling.minReplicas"), draft.value("scaling.maxReplicas")
    return int(least), max(int(least), int(most))


def _apply_options(draft: Draft, options: Options, config: PhpArray, *, queue: str | None) -> None:
    draft.say("framework", LARAVEL.name)
    _apply_queue(draft, options, queue=queue)
    draft.say("tries", 0, "Horizon tries without end where nothing is said")
    for name, path in _NUMBERS.items():
        if entry := options.take(name):
            apply_option(draft, path, entry)
    if entry := options.take("backoff"):
        apply_backoff_option(draft, entry)
    draft.say(
        "scaling.minReplicas", 1, "minProcesses is 1 when not given; 0 lets an idle pool rest without any"
    )
    draft.say("scaling.maxReplicas", 1, "maxProcesses is 1 when not given")
    for name, path in {"minProcesses": "scaling.minReplicas", "maxProcesses": "scaling.maxReplicas"}.items():
        if entry := options.take(name):
            apply_option(draft, path, entry)
    _leave_balance(draft, options, apart=queue is not None)
    for name, entry in options.rest():
        draft.leave(written(entry), _LEFT.get(name, "no option of a supervisor that Horizon knows"))
    _leave_waits(draft, config)


def _apply_queue(draft: Draft, options: Options, *, queue: str | None) -> None:
    connection = options.take("connection")
    name = known_value(connection.value) if connection else "redis"
    if connection and not isinstance(name, str):
        draft.ask(
            "connection", "redis", f"{written(connection)}: only the application knows this: which one is it?"
        )
    else:
        source = source_of(connection) if connection else "connection is redis when not given"
        draft.say("connection", name, source)
    entry = options.take("queue")
    if entry is None:
        draft.say(
            "queues",
            ["default"],
            "no queue: `queue` of the connection in config/queue.php, if that is another",
        )
    elif queue is None:
        apply_queues_option(draft, entry)
    else:
        draft.say("queues", [queue], f"one of {written(entry)}")


def _leave_balance(draft: Draft, options: Options, *, apart: bool) -> None:
    if entry := options.take("balance"):
        if isinstance(known_value(entry.value), Expression):
            draft.inquire(
                written(entry), "auto and simple have workers for each queue, which are pools of their own"
            )
        elif apart:
            draft.leave(written(entry), "each queue has workers of its own, so it has a pool of its own")
        else:
            draft.leave(written(entry), "one pool serves these queues, the first one first")
    shift, cooldown = options.take("balanceMaxShift"), options.take("balanceCooldown")
    steps = [known_value(each.value) if each else default for each, default in ((shift, 1), (cooldown, 3))]
    for entry in (shift, cooldown):
        if entry:
            draft.leave(
                written(entry),
                "workers come and go in one step; the same pace is scaling.behavior.scaleUp.policies: "
                f"[{{type: Pods, value: {spell_php(steps[0])}, periodSeconds: {spell_php(steps[1])}}}]",
            )


def _leave_waits(draft: Draft, config: PhpArray) -> None:
    waits = config.get("waits")
    if waits is None or not isinstance(waits.value, PhpArray):
        return
    served = {f"{draft.value('connection')}:{queue}" for queue in draft.value("queues")}
    for each in waits.value.entries:
        if each.key in served:
            seconds = spell_php(known_value(each.value))
            draft.leave(
                f"waits {written(each)}",
                f"scaling.waitSeconds: {seconds} keeps jobs from waiting longer, instead of telling when they do",
            )


def _remarks(source: Source, config: PhpArray, environment: str) -> Iterator[str]:
    """Tell what the rest of the file is about."""
    for entry in config.entries:
        if entry.key == "environments" and isinstance(entry.value, PhpArray):
            for each in entry.value.entries:
                if each.key != environment:
                    yield (
                        f"environments.{each.key} in {source.name}, line {each.line}: another environment than "
                        f"{environment}; --environment chooses"
                    )
        elif str(entry.key) in _TOP_LEFT:
            yield f"{entry.key} in {source.name}, line {entry.line}: {_TOP_LEFT[str(entry.key)]}"
    known = ("environments", "defaults", *_TOP_LEFT)
    others = ", ".join(str(entry.key) for entry in config.entries if entry.key not in known)
    if others:
        yield f"{others} in {source.name}: {_TOP_ADVICE}"
