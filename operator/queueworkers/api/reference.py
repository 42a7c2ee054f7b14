"""
The reference page of the resource, made from the same models as the CRD.

``python -m queueworkers.api.reference`` prints it; with a path it writes it
there.  The file in ``docs/reference/`` is pinned to this by a test.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from queueworkers.api import conditions
from queueworkers.api.base import API_VERSION, KIND
from queueworkers.api.crd import pool_schema, schema_at
from queueworkers.api.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

    from queueworkers.api.schema import Schema

FILE_NAME = f"{KIND.lower()}.md"

_HEADER = f"""\
<!-- Made by `python -m queueworkers.api.reference`; change the models, not this file. -->

# {KIND}

`{API_VERSION}`, short name `qwp`.  `kubectl explain qwp.spec` says the same in a terminal.
"""


def render_page() -> str:
    """Make the text of the page."""
    schema = pool_schema()
    sections = [
        _HEADER,
        *(section for part in ("spec", "status") for section in _sections(part, schema_at(schema, part))),
        "## What is refused\n\nThe API server refuses a pool that breaks one of these, with the numbers filled in.\n",
        _table(("Field", "What it says"), (_rule_row(*each) for each in _rules())),
        "## Reasons\n\nThe column STATUS of `kubectl get qwp` is the reason of the condition `Ready`.\n",
        _reasons(conditions.ConditionReason),
        "## Why a backlog is not known\n\nThe column BACKLOG-STATE of `kubectl get qwp -o wide`.\n",
        _reasons(conditions.UnknownReason),
    ]
    return "\n".join(sections)


def reasons(declared_in: type[StrEnum]) -> dict[str, str]:
    """Every reason and what to do about it: the docstring under its name."""
    source = ast.parse(inspect.getsource(declared_in))
    (declared,) = (node for node in source.body if isinstance(node, ast.ClassDef))
    texts = [ast.unparse(node) for node in declared.body[2::2]]
    return {
        reason.value: " ".join(str(ast.literal_eval(text)).split())
        for reason, text in zip(declared_in, texts, strict=True)
    }


def _reasons(declared_in: type[StrEnum]) -> str:
    rows = ((f"`{reason}`", said) for reason, said in reasons(declared_in).items())
    return _table(("Reason", "What to do"), rows)


def _sections(path: str, node: Schema) -> Iterator[str]:
    """One table for an object, then those of the objects in it."""
    fields: dict[str, Schema] = node.get("properties", {})
    yield f"## {path}\n\n{node.get('description', '')}\n"
    required = node.get("required", [])
    yield _table(
        ("Field", "Type", "Bounds", "Description"),
        (
            (
                f"`{name}`" + (" *" if name in required else ""),
                _type(each),
                _bounds(each),
                each["description"],
            )
            for name, each in fields.items()
        ),
    )
    for name, each in fields.items():
        inner = each.get("items", each)
        if "properties" in inner:
            yield from _sections(f"{path}.{name}{'[]' if 'items' in each else ''}", _named(inner, each))


def _named(inner: Schema, outer: Schema) -> Schema:
    return {**inner, "description": outer["description"]}


def _type(node: Schema) -> str:
    if "enum" in node:
        return ", ".join(f"`{word}`" for word in node["enum"])
    if "items" in node:
        return f"list of {_type(node['items'])}"
    return str(node.get("type", "integer or string"))


def _bounds(node: Schema) -> str:
    """Say what the value may be, as far as it fits a cell; texts have a rule of their own."""
    if "minimum" in node and "maximum" in node:
        return f"{node['minimum']} to {node['maximum']}"
    if "maxItems" in node:
        return f"{node.get('minItems', 0)} to {node['maxItems']} items"
    return ""


def _rules() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield ".".join(part for part in (rule.at, rule.field) if part), rule.says


def _rule_row(field: str, says: str) -> tuple[str, str]:
    return f"`{field}`", re.sub(r" ?\(?<<.*?>>( s| MB)?\)?", lambda slot: _slot(slot.group()), says)


def _slot(slot: str) -> str:
    """Leave a number in parentheses out, and mark another one's place."""
    return "" if slot.lstrip().startswith("(") and slot.endswith(")") else re.sub(r"<<.*?>>", "…", slot)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def main(arguments: list[str]) -> None:
    """Print the page, or write it to the path given."""
    if arguments:
        Path(arguments[0]).write_text(render_page(), encoding="utf-8")
    else:
        sys.stdout.write(render_page())


if __name__ == "__main__":
    main(sys.argv[1:])
