"""
The reference pages of the resources, made from the same models as the CRDs.

``python -m queueworkers.api.reference`` prints them; with a folder it writes
them there.  The files in ``docs/reference/`` are pinned to this by a test.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.api import conditions
from queueworkers.api.base import API_VERSION, KIND
from queueworkers.api.budget import BUDGET_KIND
from queueworkers.api.crd import budget_schema, pool_schema, schema_at
from queueworkers.api.pages import write_or_print
from queueworkers.api.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from enum import StrEnum

    from queueworkers.api.schema import Schema

FILE_NAME = f"{KIND.lower()}.md"
BUDGET_FILE_NAME = f"{BUDGET_KIND.lower()}.md"


def _header(kind: str, short: str) -> str:
    return f"""\
<!-- Made by `python -m queueworkers.api.reference`; change the models, not this file. -->

# {kind}

`{API_VERSION}`, short name `{short}`.  `kubectl explain {short}.spec` says the same in a terminal.
"""


def render_page() -> str:
    """Make the text of the page about pools."""
    sections = [
        _header(KIND, "qwp"),
        *_parts(pool_schema()),
        "## What is refused\n\nThe API server refuses a pool that breaks one of these, with the numbers filled in.\n",
        _table(("Field", "What it says"), (_rule_row(*each) for each in _rules())),
        "## Reasons\n\nThe column STATUS of `kubectl get qwp` is the reason of the condition `Ready`.\n",
        _reasons(conditions.ConditionReason),
        "## Why a backlog is not known\n\nThe column BACKLOG-STATE of `kubectl get qwp -o wide`.\n",
        _reasons(conditions.UnknownReason),
    ]
    return "\n".join(sections)


def render_budget_page() -> str:
    """Make the text of the page about budgets."""
    return "\n".join([_header(BUDGET_KIND, "qwb"), *_parts(budget_schema())])


def _parts(schema: Schema) -> Iterator[str]:
    for part in ("spec", "status"):
        yield from _sections(part, schema_at(schema, part))


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


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {FILE_NAME: render_page, BUDGET_FILE_NAME: render_budget_page}
)
"""Each page in ``docs/reference/``, and what makes it."""


def main(arguments: list[str]) -> None:
    """Print the pages, or write each to its file in the folder given."""
    write_or_print(PAGES, arguments, between="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
