"""
From a Pydantic model to a structural schema, the form that the API server takes.

Kubernetes knows a part of JSON Schema: no references, no unions, no titles,
and a few words of its own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from queueworkers.api.base import SAYS
from queueworkers.api.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

Schema = dict[str, Any]

_ORDER = ("type", "description", "default", "enum", "format", "required", "properties", "items")
"""What a reader wants to know first comes first; the rest follows as it came."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """Spell *model* as a structural schema: what it takes on the wire, every reference written out."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    """Translate one schema and what is within."""
    node = _resolved(node, definitions)
    result = {key: value for key, value in node.items() if key not in {"title", "$defs", "anyOf"}}
    if result.get("additionalProperties") is False:
        # Pruning and strict field validation refuse unknown fields already.
        del result["additionalProperties"]
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = _structural(result["additionalProperties"], definitions)
    if "properties" in result:
        result["properties"] = {
            name: _structural(each, definitions) for name, each in result["properties"].items()
        }
    if "items" in result:
        result["items"] = _structural(result["items"], definitions)
        result.setdefault("x-kubernetes-list-type", "atomic")
    return _ordered(_with_description(_with_sentence(_with_default(result))))


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    """Put what a reference or an optional stands for in its place; what is said beside it wins."""
    beside = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return _resolved({**target, **beside}, definitions)
    if "anyOf" in node:
        # An optional field is left out, never null: `anyOf: [X, null]` is X.
        (only,) = (each for each in node["anyOf"] if each.get("type") != "null")
        return _resolved({**only, **beside}, definitions)
    return beside


def _with_default(node: Schema) -> Schema:
    """
    Keep defaults that say something.

    Nothing and empty lists are what absence already means.  An object's
    default is spelled out in full: the API server would fill in an empty one,
    but checks it against the object's rules before it does.
    """
    default = _known(node.get("default"))
    if default is None or default == []:
        return {key: value for key, value in node.items() if key != "default"}
    return {**node, "default": default}


def _known(value: Any) -> Any:
    """Leave out what is null, and lists of nothing."""
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items() if each is not None and each != []}
    return value


def _with_sentence(node: Schema) -> Schema:
    """Turn a pattern that comes with a sentence into a rule that says it."""
    if SAYS not in node:
        return node
    rest = {key: value for key, value in node.items() if key not in {SAYS, "pattern", "minLength"}}
    matches = Rule.matching(node["pattern"], says=node[SAYS])
    return {**rest, "x-kubernetes-validations": [matches.as_validation()]}


def _with_description(node: Schema) -> Schema:
    """Put the description on one line, and the default behind it, which `kubectl explain` leaves out."""
    if "description" not in node:
        return node
    sentences = node["description"].split()
    default = node.get("default", "")
    if default != "" and not isinstance(default, dict):
        spelled = default if isinstance(default, str) else json.dumps(default)
        sentences += ["Default:", f"{spelled}."]
    return {**node, "description": " ".join(sentences)}


def _ordered(node: Schema) -> Schema:
    first = {key: node[key] for key in _ORDER if key in node}
    return {**first, **node}
