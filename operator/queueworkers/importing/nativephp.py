"""NativePHP's queue workers as pools: each entry of `queue_workers` in config/nativephp.php."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.frameworks.base import AfterCrash
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.importing.document import Draft, Imported, name_of
from queueworkers.importing.php_arrays import PhpArray, parse_php_array
from queueworkers.importing.php_options import Options, apply_option, apply_queues_option, entries_of, written
from queueworkers.importing.settling import settle
from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.importing.php_arrays import Entry
    from queueworkers.importing.source import Answers, Source

_NUMBERS = {"memory_limit": "memory", "timeout": "timeout", "sleep": "sleep"}


def import_nativephp(sources: Sequence[Source], answers: Answers) -> Imported:
    """
    Make pools of the queue workers of desktop applications.

    Raises:
        UnreadableSourceError: a file is no config/nativephp.php with queue workers.
    """
    pools: list[Draft] = []
    remarks: list[str] = []
    for source in sources:
        config = parse_php_array(source)
        workers = config.get("queue_workers")
        if workers is None or not isinstance(workers.value, PhpArray) or not workers.value.entries:
            raise UnreadableSourceError(
                file=source.name,
                line=workers.line if workers else None,
                problem="there are no queue workers: config/nativephp.php lists them in the array `queue_workers`",
            )
        for entry in workers.value.entries:
            draft = _import_worker(source, entry, [each.name for each in pools])
            settle(draft, answers)
            pools.append(draft)
        others = ", ".join(str(each.key) for each in config.entries if each is not workers)
        if others:
            remarks.append(f"{source.name}: about the application on the desktop: {others}")
    return Imported(pools=tuple(pools), remarks=tuple(remarks))


def _import_worker(source: Source, entry: Entry, names: Sequence[str]) -> Draft:
    options = Options(entries={str(each.key): each for each in entries_of(source, entry)})
    draft = Draft(
        name=name_of(str(entry.key), taken=names), origin=f"{entry.key} in {source.name}, line {entry.line}"
    )
    draft.say("framework", LARAVEL.name)
    draft.say(
        "connection",
        "redis",
        "NativePHP's own is a database in a file, which stays on the desktop: QUEUE_CONNECTION=redis",
    )
    if queues := options.take("queues"):
        apply_queues_option(draft, queues)
    else:
        draft.say("queues", ["default"], "default when not given")
    for name, path in _NUMBERS.items():
        if each := options.take(name):
            apply_option(draft, path, each)
    draft.say("scaling.minReplicas", 1, "one process for each worker")
    draft.say("scaling.maxReplicas", 1, "the same; more let the backlog decide")
    draft.say(
        "restart.afterCrash", AfterCrash.AT_ONCE.value, "persistent: started again, whatever it ended of"
    )
    for _, each in options.rest():
        draft.leave(written(each), "no option of a queue worker that NativePHP knows")
    return draft
