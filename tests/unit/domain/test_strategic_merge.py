"""Laying a `podTemplate` over the operator's own; the real API server's word is in tests/apiserver."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from queueworkers.domain.strategic_merge import merge

BASE: dict[str, Any] = {
    "metadata": {"annotations": {"team": "shop"}},
    "spec": {
        "grace": 90,
        "tolerations": [{"key": "spot"}],
        "containers": [
            {"name": "worker", "image": "shop:1", "env": [{"name": "A", "value": "1"}, {"name": "B"}]},
            {"name": "log"},
        ],
    },
}


def env(*variables: dict[str, Any]) -> dict[str, Any]:
    """Make a patch of the worker's environment."""
    return {"spec": {"containers": [{"name": "worker", "env": list(variables)}]}}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param(
            env({"name": "C"}), [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "C"}], id="add"
        ),
        pytest.param(
            env({"name": "A", "value": "2"}), [{"name": "A", "value": "2"}, {"name": "B"}], id="change"
        ),
        pytest.param(env({"name": "A", "value": None}), [{"name": "A"}, {"name": "B"}], id="remove-a-field"),
        pytest.param(env({"name": "A", "$patch": "delete"}), [{"name": "B"}], id="remove"),
        pytest.param(
            env({"name": "A", "value": "x"}, {"name": "A", "$patch": "delete"}),
            [{"name": "B"}, {"name": "A", "value": "x"}],
            id="remove-first",
        ),
        pytest.param(env({"$patch": "replace"}, {"name": "Z"}), [{"name": "Z"}], id="replace-all"),
    ],
)
def test_named_items_merge_by_name(patch: dict[str, Any], expected: list[Any]) -> None:
    """Other variables, and other containers, stay as they are."""
    merged = merge(BASE, patch)["spec"]["containers"]

    assert merged[0]["env"] == expected
    assert (merged[0]["image"], merged[1]) == ("shop:1", {"name": "log"})


@pytest.mark.parametrize(
    ("patch", "path", "expected"),
    [
        pytest.param({"spec": {"grace": 5}}, ("spec", "grace"), 5, id="a-value"),
        pytest.param({"spec": {"grace": None}}, ("spec", "grace"), None, id="a-value-removed"),
        pytest.param(
            {"spec": {"tolerations": [{"key": "gpu"}]}},
            ("spec", "tolerations"),
            [{"key": "gpu"}],
            id="other-lists-are-replaced",
        ),
        pytest.param(
            {"metadata": {"annotations": {"a": "b"}}},
            ("metadata", "annotations"),
            {"team": "shop", "a": "b"},
            id="objects-merge",
        ),
        pytest.param(
            {"metadata": {"annotations": {"$patch": "replace", "a": "b"}}},
            ("metadata", "annotations"),
            {"a": "b"},
            id="an-object-replaced",
        ),
        pytest.param(
            {"metadata": {"annotations": {"$patch": "delete"}}},
            ("metadata", "annotations"),
            None,
            id="an-object-removed",
        ),
        pytest.param(
            {"spec": {"affinity": {"$patch": "replace", "nodeAffinity": {"a": 1}}}},
            ("spec", "affinity"),
            {"nodeAffinity": {"a": 1}},
            id="a-new-object-needs-nothing-to-replace",
        ),
        pytest.param(
            {"spec": {"ports": [{"containerPort": 53, "protocol": each} for each in ("TCP", "UDP")]}},
            ("spec", "ports"),
            [{"containerPort": 53, "protocol": each} for each in ("TCP", "UDP")],
            id="a-new-list-is-not-merged-with-itself",
        ),
        pytest.param(
            {"spec": {"volumes": [{"name": "x", "emptyDir": None}, {"name": "y", "$patch": "delete"}]}},
            ("spec", "volumes"),
            [{"name": "x"}],
            id="nothing-of-the-language-of-patches-is-left",
        ),
    ],
)
def test_a_patch_says_what_becomes_of_a_field(
    patch: dict[str, Any], path: tuple[str, str], expected: Any
) -> None:
    """Objects merge, null removes, the rest is replaced."""
    assert merge(BASE, patch)[path[0]].get(path[1]) == expected


def test_what_is_merged_is_left_as_it_was() -> None:
    """Base and patch belong to others."""
    patch = env({"name": "A", "value": "2"}, {"name": "B", "$patch": "delete"})
    before = copy.deepcopy((BASE, patch))

    merge(BASE, patch)

    assert (BASE, patch) == before
