"""
The reference page of the chart's values, made from `values.yaml`, the comments in it, and `values.schema.json`.

``python -m chart.reference`` prints it; with a folder it writes it there.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from queueworkers.api.pages import write_or_print
from queueworkers.settings import FLAGS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHART = Path(__file__).parents[2] / "charts" / "queue-worker-operator"
FILE_NAME = "values.md"

HEADER = """\
<!-- Made by `python -m chart.reference`; change values.yaml, its comments and its schema, not this file. -->

# Values of the chart

What `--set` and `--values` take; a name that is not here is refused. By what you want: [install](../install.md). In
one piece, as `helm show values` prints it: [values.yaml](../../charts/queue-worker-operator/values.yaml).
"""

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What may be set, or an object of such."""

    path: str
    kind: str
    default: str
    """As it is spelled; empty where there is none."""
    meaning: str

    @property
    def parent(self) -> str:
        """The path of the object that it is in; empty where it is in none."""
        return self.path.rpartition(".")[0]


def read_values() -> list[Value]:
    """
    Everything that the chart takes, in the order of `values.yaml`.

    What that file leaves out has its meaning where it is declared: settings among the operator's flags, what a chart
    around this one says in the schema.
    """
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    declared: Schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    written = yaml.compose(text)
    assert isinstance(written, yaml.MappingNode)
    values = list(_shown("", written, declared, text))
    names = {value.path for value in values}
    around = (
        Value(path=name, kind=_kind(each), default="", meaning=each["description"])
        for name, each in declared["properties"].items()
        if name not in names
    )
    return [*values, *_settings(declared["properties"]["settings"]), *around]


def render_page() -> str:
    """Make the text of the page: what is in no object first, then an object after the other."""
    values = read_values()
    objects = {value.parent for value in values}
    leaves = [value for value in values if value.path not in objects]
    sections = [
        f"## {each.path}\n\n"
        + (f"{each.meaning}\n\n" if each.meaning else "")
        + _table(leaves, within=each.path)
        for each in values
        if each.path in objects
    ]
    return "\n".join([HEADER, _table(leaves, within=""), *sections])


def _shown(prefix: str, node: yaml.MappingNode, declared: Schema, text: str) -> Iterator[Value]:
    """Read what `values.yaml` shows; an object in braces is one value, and one over several lines is several."""
    lines = text.splitlines()
    for key, value in node.value:
        path, each = f"{prefix}{key.value}", declared["properties"][key.value]
        above = takewhile(lambda line: line.lstrip().startswith("#"), reversed(lines[: key.start_mark.line]))
        meaning = " ".join(line.strip(" #") for line in reversed(list(above)))
        inside = isinstance(value, yaml.MappingNode) and not value.flow_style
        default = "" if inside else text[value.start_mark.index : value.end_mark.index]
        yield Value(path=path, kind=_kind(each), default=default, meaning=meaning)
        if inside:
            yield from _shown(f"{path}.", value, each, text)


def _settings(declared: Schema) -> Iterator[Value]:
    """Tell of each what the operator's flag says, which has the default at its end."""
    flags = {flag: says for flag, _, says in FLAGS}
    for name, each in declared["properties"].items():
        words = re.sub(r"[A-Z]", lambda found: f"-{found[0].lower()}", name)
        says, _, _ = flags[f"--{words}"].rpartition("; default:")
        default = getattr(Settings(), words.replace("-", "_"))
        meaning = f"{says[:1].upper()}{says[1:]}."
        yield Value(path=f"settings.{name}", kind=_kind(each), default=f"{default:g}", meaning=meaning)


def _kind(declared: Schema) -> str:
    """Say what a value may be, as far as it fits a cell; the shape of a text is told by its meaning."""
    if "enum" in declared:
        return ", ".join(f"`{word}`" for word in declared["enum"])
    if "items" in declared:
        return f"list of {_kind(declared['items'])}"
    if isinstance(declared.get("additionalProperties"), dict):
        return f"map of {_kind(declared['additionalProperties'])}"
    kinds = declared.get("type", "object")
    kind = kinds if isinstance(kinds, str) else " or ".join(kinds)
    if "minimum" not in declared:
        return kind
    return f"{kind}, {declared['minimum']} " + (
        f"to {declared['maximum']}" if "maximum" in declared else "or more"
    )


def _table(values: Iterable[Value], *, within: str) -> str:
    rows = (
        (f"`{each.path}`", each.kind, each.default and f"`{each.default}`", each.meaning)
        for each in values
        if each.parent == within
    )
    lines = (("Value", "Type", "Default", "Meaning"), ("---",) * 4, *rows)
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def main(arguments: list[str]) -> None:
    """Print the page, or write it to its file in the folder given."""
    write_or_print({FILE_NAME: render_page}, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
