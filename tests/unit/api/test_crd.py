from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.pools import WRONG
from queueworkers.api.crd import (
    FILES,
    budget_schema,
    main,
    pool_schema,
    printer_columns,
    render_file,
    schema_at,
)
from queueworkers.api.rules import RULES, SHORT_NAME, Rule
from queueworkers.api.spec import QueueWorkerPoolSpec, RedisSource, RedisTls, ScaleDownBehavior
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.frameworks import FRAMEWORKS
from queueworkers.frameworks.base import WorkerOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

ROOT = Path(__file__).parents[3]

SCHEMA = pool_schema()


def walk(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema at and below *node*, with the path of its field."""
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from walk(f"{path}.{name}", each)
    for key, mark in {"items": "[]", "additionalProperties": "{}"}.items():
        if isinstance(node.get(key), dict):
            yield from walk(f"{path}{mark}", node[key])


EVERY_NODE = [
    each
    for schema in (SCHEMA, budget_schema())
    for part in ("spec", "status")
    for each in walk(part, schema_at(schema, part))
]

FLAGS = {
    "queues": "--queue",
    "memory": "--memory",
    "tries": "--tries",
    "timeout": "--timeout",
    "backoff": "--backoff",
    "sleep": "--sleep",
    "rest": "--rest",
    "maxJobs": "--max-jobs",
    "maxTime": "--max-time",
    "connection": "argument of `queue:work`",
}


def test_the_file_is_what_the_models_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """When this fails: `make crd`."""
    main([str(tmp_path)])
    main([])

    assert sorted(path.name for path in (ROOT / "crds").iterdir()) == sorted(FILES)
    for name in FILES:
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert made == render_file(name) == (ROOT / "crds" / name).read_text(encoding="utf-8")
    assert capsys.readouterr().out == "---\n".join(map(render_file, FILES))


def test_the_defaults_of_the_frameworks_are_told() -> None:
    """Where the schema has no default because it depends, the description has all of them."""
    description = schema_at(SCHEMA, "spec.retryAfter")["description"]

    for fact in filter(None, (framework.default_retry_after for framework in FRAMEWORKS.values())):
        for default in (fact.first, *(changed for _, changed in fact.changes)):
            assert str(default) in description


def test_every_field_is_described() -> None:
    """`kubectl explain` has an answer for each."""
    silent = [
        path for path, node in EVERY_NODE if not path.endswith(("[]", "{}")) and "description" not in node
    ]

    assert silent == []


def test_every_description_is_a_line_of_sentences() -> None:
    """It ends with a full stop, and no line break of the source is left in it."""
    odd = [
        path
        for path, node in EVERY_NODE
        if (said := node.get("description")) and (not said.endswith(".") or "\n" in said or "  " in said)
    ]

    assert odd == []


@pytest.mark.parametrize(("option", "flag"), [pytest.param(*each, id=each[0]) for each in FLAGS.items()])
def test_an_option_names_its_flag(option: str, flag: str) -> None:
    """PHP developers know the flag, and Horizon's word for it."""
    description = schema_at(SCHEMA, f"spec.{option}")["description"]

    assert flag in description
    assert option == "rest" or "Horizon's" in description


def test_every_option_of_the_worker_is_among_the_flags() -> None:
    """A new option cannot be forgotten above."""
    declared = {QueueWorkerPoolSpec.model_fields[field.name].alias for field in fields(WorkerOptions)}

    assert declared == set(FLAGS)


def defaults_of(model: BaseModel) -> dict[str, Any]:
    """What *model* holds when nothing is said, as JSON, without what is nothing at any depth."""
    return without_nothing(model.model_dump(mode="json", by_alias=True, exclude_none=True))


def without_nothing(value: Any) -> Any:
    """Leave out empty lists."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items() if each != []}
    return value


def test_defaults_of_the_schema_are_those_of_the_models() -> None:
    """What the API server fills in is what the models assume; empty lists stay absent."""
    smallest = QueueWorkerPoolSpec(
        framework="Laravel", image="shop", queues=("default",), redis=RedisSource(host="redis")
    )
    assumed = defaults_of(smallest)

    filled_in = {
        name: node["default"]
        for name, node in schema_at(SCHEMA, "spec")["properties"].items()
        if "default" in node
    }

    given = {"framework", "image", "queues", "redis"}
    assert filled_in == {name: value for name, value in assumed.items() if name not in given}


@pytest.mark.parametrize("path", ["spec.redis", "spec.redis.tls", "spec.scaling.behavior.scaleDown"])
def test_parts_have_the_same_default_alone_and_within(path: str) -> None:
    """A part that was begun is filled in as one that was not."""
    models = {"spec.redis": RedisSource(host="x"), "spec.redis.tls": RedisTls()}
    assumed = defaults_of(models.get(path, ScaleDownBehavior()))

    properties = schema_at(SCHEMA, path)["properties"]

    filled_in = {name: node["default"] for name, node in properties.items() if "default" in node}
    assert filled_in == {name: value for name, value in assumed.items() if name in filled_in}
    assert set(assumed) - set(filled_in) <= {"host"}


def test_the_schema_is_structural() -> None:
    """Nothing that only JSON Schema knows, and a type for everything."""
    foreign = {"$ref", "anyOf", "allOf", "oneOf", "title", "x-says"}

    for path, node in EVERY_NODE:
        assert not foreign & set(node), path
        assert "type" in node or "x-kubernetes-int-or-string" in node, path
        assert node.get("additionalProperties") is not False, path
        assert node.get("default", "not null") is not None, path


def test_everything_has_a_greatest_size() -> None:
    """Rules are only affordable, and status only writable, where every list and text is bounded."""
    bounds = {"string": {"maxLength", "enum", "format"}, "array": {"maxItems"}, "integer": {"maximum"}}

    for path, node in EVERY_NODE:
        needed = bounds.get(node.get("type", ""), set())
        if path.startswith("spec"):
            assert not needed or needed & set(node), path


def test_every_list_says_how_it_is_merged() -> None:
    """Server-side apply replaces a list as a whole, or merges it by key."""
    for path, node in EVERY_NODE:
        if node.get("type") == "array":
            keyed = "x-kubernetes-list-map-keys" in node
            assert node["x-kubernetes-list-type"] == ("map" if keyed else "atomic"), path


@pytest.mark.parametrize("rule", [pytest.param(rule, id=f"{rule.at}:{rule.says[:40]}") for rule in RULES])
def test_a_rule_guards_a_place_and_names_a_field_that_exist(rule: Rule) -> None:
    """A rule whose field was renamed would be refused with the whole CRD."""
    node = schema_at(SCHEMA, rule.at)

    assert rule.as_validation() in node["x-kubernetes-validations"]
    assert rule.field is None or schema_at(node, rule.field)


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=rule.says[:40]) for rule in RULES if rule is not SHORT_NAME]
)
def test_every_rule_is_broken_by_a_pool_in_the_table(rule: Rule) -> None:
    """A rule without a wrong pool is a rule that nobody has seen at work."""
    expected = [str(row.values[2]) for row in WRONG]

    words = max(re.split("<<.*?>>", rule.says), key=len)[:40]

    assert any(words in sentence for sentence in expected)


def test_a_sentence_with_numbers_is_an_expression() -> None:
    """The values are put in by the API server; quotes and percent signs stay what they are."""
    rule = Rule(at="", holds="self.a < self.b", says="it's <<self.a>>% of <<self.b>>")

    assert rule.as_validation() == {
        "rule": "self.a < self.b",
        "reason": "FieldValueInvalid",
        "messageExpression": "'it\\'s %s%% of %s'.format([self.a, self.b])",
    }


def test_columns_look_at_fields_that_exist() -> None:
    """A column with a wrong path would be empty for ever."""
    for column in printer_columns():
        path = column["jsonPath"].removeprefix(".").partition("[")[0]
        if not path.startswith("metadata"):
            assert schema_at(SCHEMA, path), column


def test_the_status_is_never_required() -> None:
    """Absent means not known, in every part of the status but the names of things."""
    assert schema_at(SCHEMA, "status").get("required", []) == []
    assert QueueWorkerPoolStatus().to_wire() == {"conditions": [], "queues": [], "exits": []}
