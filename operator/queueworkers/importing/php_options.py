"""Options of a worker in a PHP array, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from queueworkers.importing.commands import apply_backoff, apply_number, apply_queues
from queueworkers.importing.php_arrays import Expression, PhpArray, spell_php
from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from queueworkers.importing.document import Draft
    from queueworkers.importing.php_arrays import Entry, PhpValue
    from queueworkers.importing.source import Source


@dataclass(slots=True, kw_only=True)
class Options:
    """Options while they are taken one by one."""

    entries: Mapping[str, Entry]
    """By the names that the framework gives them, however they are spelled."""
    taken: set[str] = field(default_factory=set)

    def take(self, name: str) -> Entry | None:
        """Return an option, which counts as dealt with from now on."""
        self.taken.add(name)
        return self.entries.get(name)

    def rest(self) -> Iterator[tuple[str, Entry]]:
        """Return the options that nobody took."""
        return ((name, each) for name, each in self.entries.items() if name not in self.taken)


def entries_of(source: Source, entry: Entry) -> tuple[Entry, ...]:
    """
    Return the options that an entry holds.

    Raises:
        UnreadableSourceError: it is no array.
    """
    if not isinstance(entry.value, PhpArray):
        problem = f"the options of {entry.key} are {spell_php(entry.value)}, and have to be an array"
        raise UnreadableSourceError(file=source.name, line=entry.line, problem=problem)
    return entry.value.entries


def known_value(value: PhpValue) -> PhpValue:
    """Tell what a value comes to where the environment says nothing; an `Expression` where nobody knows."""
    while isinstance(value, Expression) and value.default is not None:
        value = value.default
    return value


def written(entry: Entry) -> str:
    """Write an option as in the file, with its line."""
    return f"{entry.key} => {spell_php(entry.value)} (line {entry.line})"


def apply_option(draft: Draft, path: str, entry: Entry) -> None:
    """Say a whole number in the pool; where it is an expression, what it comes to without an environment."""
    value = known_value(entry.value)
    if isinstance(value, Expression | PhpArray):
        question = f"only the application knows this: what is {path}?"
        if path in draft.fields:
            draft.ask(path, draft.value(path), f"{written(entry)}: {question}")
        else:
            draft.inquire(written(entry), question)
    elif value is None:
        draft.leave(written(entry), "nothing is asked for")
    else:
        apply_number(
            draft, path, str(int(value) if isinstance(value, bool) else value), source=source_of(entry)
        )


def apply_backoff_option(draft: Draft, entry: Entry) -> None:
    """Say how long failed jobs wait; one value, several in an array, or in a text."""
    values = _texts(entry.value)
    if values is None:
        draft.inquire(written(entry), "only the application knows this: what is backoff?")
    else:
        apply_backoff(draft, values, source=source_of(entry))


def queues_of(entry: Entry) -> tuple[str, ...] | None:
    """List the queues of an option, which may be a text with commas; ``None`` where nobody knows them all."""
    texts = _texts(entry.value)
    return tuple(dict.fromkeys(filter(None, (each.strip() for each in texts)))) if texts else None


def apply_queues_option(draft: Draft, entry: Entry) -> None:
    """Say which queues the workers serve."""
    texts = _texts(entry.value)
    if texts is None or not any(texts):
        draft.ask(
            "queues",
            ["default"],
            f"{written(entry)}: only the application knows this: which queues are these?",
        )
    else:
        apply_queues(draft, texts, source=source_of(entry))


def _texts(value: PhpValue) -> list[str] | None:
    known = known_value(value)
    values = [known_value(each.value) for each in known.entries] if isinstance(known, PhpArray) else [known]
    texts: list[str] = []
    for each in values:
        if isinstance(each, Expression | PhpArray):
            return None
        texts += str("" if each is None else each).split(",")
    return texts


def source_of(entry: Entry) -> str:
    """Name an option, and the environment where that may say something else."""
    text = spell_php(entry.value)
    if "env(" in text:
        return f"{entry.key} => {text}, unless the environment says otherwise"
    return f"{entry.key} (line {entry.line})"
