"""
A pool that is put together from somebody else's configuration, and its YAML.

Three things can be done with an option of the source: `Draft.say` what it is
in the pool, `Draft.leave` it with the reason, or `Draft.ask` a person.  All
three can be read in the YAML, the last two as comments.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from queueworkers.api.base import API_VERSION, KIND
from queueworkers.api.spec import QueueWorkerPoolSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TO_DO = "TO DO"
"""What every question in the YAML begins with."""

WIDTH = 110
INDENT = 2

MAX_NAME_LENGTH = 50
"""As the API server demands of a pool."""

_FIELDS = {
    declared.alias or name: number
    for number, (name, declared) in enumerate(QueueWorkerPoolSpec.model_fields.items())
}
"""The fields of a pool in the order in which they are explained, which is the one to read them in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one field of the pool is."""

    value: Any
    note: str = ""
    """Where it comes from, or why it is so."""
    question: str = ""
    """What a person has to find out before the pool can be applied; the value is a placeholder then."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A pool, while it is put together."""

    name: str
    origin: str
    """What it comes from, such as ``[program:mail] in workers.conf, line 3``."""
    namespace: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Said] = field(default_factory=dict)
    """By path below `spec`, such as ``scaling.minReplicas``."""
    left: list[str] = field(default_factory=list)
    """One sentence for each option that the pool has no field for."""
    questions: list[str] = field(default_factory=list)
    """What a person has to find out, where no field has its place."""

    def say(self, path: str, value: Any, note: str = "") -> None:
        """Set a field; what was said of it before is forgotten."""
        self.fields[path] = Said(value=value, note=note)

    def amend(self, path: str, value: Any, why: str) -> None:
        """Set a field to something else than its source says; where that comes from, and what is asked of it, stays."""
        said = self.fields.get(path, Said(value=None))
        self.fields[path] = replace(said, value=value, note=f"{said.note}: {why}" if said.note else why)

    def leave(self, option: str, why: str) -> None:
        """Name an *option* of the source that the pool has no field for."""
        self.left.append(f"{option}: {why}")

    def ask(self, path: str, placeholder: Any, question: str) -> None:
        """Set a field to something that the API server takes, and have a person find out what is right."""
        self.fields[path] = Said(value=placeholder, question=question)

    def inquire(self, option: str, question: str) -> None:
        """Have a person find out about an *option* of the source, where nothing has to stand in its place."""
        self.questions.append(f"{option}: {question}")

    def value(self, path: str, default: Any = None) -> Any:
        """Tell what was said of a field."""
        said = self.fields.get(path)
        return default if said is None else said.value

    @property
    def is_open(self) -> bool:
        """True while a person has to find out something."""
        return bool(self.questions) or any(said.question for said in self.fields.values())

    def spec(self) -> dict[str, Any]:
        """Spell the `spec` without comments."""
        return _bare(_tree(self.fields))

    def manifest(self) -> dict[str, Any]:
        """Spell the whole pool without comments."""
        return {"apiVersion": API_VERSION, "kind": KIND, "metadata": self._metadata(), "spec": self.spec()}

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": self.name}
        if self.namespace:
            metadata["namespace"] = self.namespace
        if self.labels:
            metadata["labels"] = dict(self.labels)
        return metadata

    def render(self) -> str:
        """
        Spell the pool as YAML with its comments.

        What is written is read back and compared: a comment never changes a pool.
        """
        lines = [*_comment(f"From {self.origin}."), f"apiVersion: {API_VERSION}", f"kind: {KIND}"]
        lines += _spell("metadata", Said(value=self._metadata()), 0)
        lines += ["spec:", *_render_tree(_tree(self.fields), INDENT)]
        if self.questions:
            lines += ["", *(line for each in self.questions for line in _comment(f"{TO_DO}: {each}"))]
        if self.left:
            lines += ["", "# What has no field in a pool:"]
            lines += [line for each in self.left for line in _comment(each, first="- ")]
        return _checked("\n".join(lines) + "\n", self.manifest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """All that came of some files."""

    pools: tuple[Draft, ...]
    beside: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Other objects that the pools need, each with a comment."""
    remarks: tuple[str, ...] = ()
    """One sentence for each part of the files that is none of a pool's."""

    @property
    def is_open(self) -> bool:
        """True where a person has to find out something before the pools can be applied."""
        return any(pool.is_open for pool in self.pools)

    def render(self) -> str:
        """Spell everything as one YAML stream."""
        documents = [pool.render() for pool in self.pools]
        documents += [_render_object(comment, manifest) for comment, manifest in self.beside]
        remarks = [line for each in self.remarks for line in _comment(each, first="- ")]
        tail = "\n".join(("", "# What else the files say:", *remarks, "")) if remarks else ""
        return "---\n".join(documents) + tail


def name_of(text: str, *, taken: Sequence[str] = ()) -> str:
    """
    Make a pool's name of any *text*, other than those that are *taken*.

    Lower case, digits and hyphens, and short enough for the names of its pods.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text).lower()).strip("-")
    name = plain[:MAX_NAME_LENGTH].strip("-") or "workers"
    number = 1
    unique = name
    while unique in taken:
        number += 1
        suffix = f"-{number}"
        unique = name[: MAX_NAME_LENGTH - len(suffix)].rstrip("-") + suffix
    return unique


def _tree(fields: Mapping[str, Said]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(fields, key=lambda path: _FIELDS.get(path.split(".")[0], len(_FIELDS))):
        *parents, last = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = fields[path]
    return tree


def _bare(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: node.value if isinstance(node, Said) else _bare(node) for key, node in tree.items()}


def _render_tree(tree: Mapping[str, Any], indent: int) -> Iterator[str]:
    for key, node in tree.items():
        if isinstance(node, Said):
            yield from _spell(key, node, indent)
        else:
            yield f"{' ' * indent}{key}:"
            yield from _render_tree(node, indent + INDENT)


def _spell(key: str, said: Said, indent: int) -> Iterator[str]:
    """Write one field: its question above, its note beside it, or above where that is too long."""
    pad = " " * indent
    if said.question:
        yield from _comment(f"{TO_DO}: {said.question}", indent=indent)
    lines = [f"{pad}{key}:{each}" for each in _spell_value(said.value, indent)]
    lines = [lines[0], *(each.removeprefix(f"{pad}{key}:") for each in lines[1:])]
    beside = f"{lines[0]}  # {_plain(said.note)}"
    if said.note and len(lines) == 1 and len(beside) <= WIDTH:
        lines = [beside]
    elif said.note:
        yield from _comment(said.note, indent=indent)
    yield from lines


def _spell_value(value: Any, indent: int) -> Iterator[str]:
    """Write a value in one line behind its key, or in lines below it."""
    nested = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict | list) for each in value)
    )
    if not nested or not value:
        yield f" {_dump(value, flow=True)}"
        return
    yield ""
    pad = " " * (indent + INDENT)
    yield from (f"{pad}{line}" if line else "" for line in _dump(value, flow=_flow_of(value)).split("\n"))


def _flow_of(value: Any) -> bool | None:
    """Let maps of nothing but texts stand in lines of their own, and only what is in lists within one line."""
    return (
        False
        if isinstance(value, dict) and not any(isinstance(each, dict | list) for each in value.values())
        else None
    )


def _dump(value: Any, *, flow: bool | None) -> str:
    """Spell a value by the library; letters beyond ASCII as they are, unless one of them ends a line."""
    for as_they_are in (True, False):
        text: str = yaml.dump(
            value,
            Dumper=_Plain,
            default_flow_style=flow,
            sort_keys=False,
            allow_unicode=as_they_are,
            width=100_000,
        )
        if not re.search("[\x85\u2028\u2029]", text):
            break
    return text.removesuffix("\n").removesuffix("\n...")


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice twice, and lists further in than their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's own
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's own signature
        return True


def _render_object(comment: str, manifest: Mapping[str, Any]) -> str:
    body = "".join("\n".join(_spell(key, Said(value=value), 0)) + "\n" for key, value in manifest.items())
    return _checked("\n".join(_comment(comment)) + "\n" + body, dict(manifest))


def _comment(text: str, *, indent: int = 0, first: str = "") -> Iterator[str]:
    """Break a sentence into comments of one width; a second line stands below the first one's text."""
    prefix = f"{' ' * indent}# "
    yield from textwrap.wrap(
        _plain(text),
        width=WIDTH,
        initial_indent=prefix + first,
        subsequent_indent=prefix + " " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """Make one line of a text in which nothing can end a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _checked(text: str, meant: Mapping[str, Any]) -> str:
    if yaml.safe_load(text) != meant:
        raise AssertionError(f"{meant['metadata']['name']} is read back as something else than was meant")
    return text
