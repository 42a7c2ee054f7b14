"""Kubernetes objects in YAML files, with the lines where they begin."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.importing.source import Source

Json = dict[str, Any]

SHOWN_LETTERS = 400
"""A value that is longer is not shown in a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """One object."""

    manifest: Json
    file: str
    line: int

    @property
    def kind(self) -> str:
        """Its kind, such as ``Deployment``."""
        return str(self.manifest.get("kind"))

    @property
    def metadata(self) -> Json:
        """Its metadata; empty where there is none."""
        return mapping(self.manifest.get("metadata"))

    @property
    def name(self) -> str:
        """Its name; empty where it has none."""
        return str(self.metadata.get("name") or "")

    @property
    def spec(self) -> Json:
        """Its spec; empty where there is none."""
        return mapping(self.manifest.get("spec"))

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.file}, line {self.line}"

    def refuse(self, problem: str) -> UnreadableSourceError:
        """Make the exception that says what is wrong with the object."""
        return UnreadableSourceError(
            file=self.file, line=self.line, problem=f"{self.kind} {self.name}: {problem}"
        )


def parse_objects(source: Source) -> Iterator[FoundObject]:
    """
    Read all objects of a file, those within a List too.

    Raises:
        UnreadableSourceError: it is no YAML, or holds something else than objects.
    """
    constructor = yaml.SafeLoader("")
    try:
        for node in yaml.compose_all(source.text, Loader=yaml.SafeLoader):
            line = node.start_mark.line + 1
            found = constructor.construct_document(node)
            items = found.get("items") if isinstance(found, dict) and found.get("kind") == "List" else None
            for each in items if isinstance(items, list) else [found]:
                if not isinstance(each, dict) or not isinstance(each.get("kind"), str):
                    raise UnreadableSourceError(
                        file=source.name, line=line, problem="this is no object of Kubernetes: it has no kind"
                    )
                yield FoundObject(manifest=each, file=source.name, line=line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that YAML does not know"
        raise UnreadableSourceError(
            file=source.name,
            line=mark.line + 1 if mark else None,
            problem=f"this is no YAML: {problem}; templates of a chart have to be rendered first, by helm template",
        ) from error
    except RecursionError as error:
        raise UnreadableSourceError(file=source.name, line=None, problem="it is nested too deeply") from error


def mapping(value: object) -> Json:
    """Take a value for a mapping; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Json]:
    """Take a value for a list of mappings, without what is none in it."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def shown(path: str, value: object) -> str:
    """Write a field for a comment: with its value where that is short."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return f"{path}: {text}" if len(text) <= SHOWN_LETTERS else path


def find(
    objects: Sequence[FoundObject], kind: str, name: str, *, namespace: str | None
) -> FoundObject | None:
    """Find an object by kind and name; where both say a namespace, they have to say the same."""
    for each in objects:
        theirs = each.metadata.get("namespace")
        if (each.kind, each.name) == (kind, name) and (namespace is None or theirs in (None, namespace)):
            return each
    return None
