"""Who may do what in an installation: compared with files, so that a wider right is seen in review."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from chart.values import INSTALLATIONS

if TYPE_CHECKING:
    from harness.helm import Helm

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"

Json = dict[str, Any]


def rights(objects: list[Json]) -> list[Json]:
    """Roles and bindings, without the labels that every object has."""
    kept = [each for each in objects if each["apiVersion"].startswith("rbac.")]
    for each in kept:
        labels = each["metadata"].pop("labels")
        aggregated = {name: value for name, value in labels.items() if name.startswith("rbac.")}
        if aggregated:
            each["metadata"]["labels"] = aggregated
    return kept


def place(each: Json) -> tuple[str, str, str]:
    """Tell an object from the others; each Helm has an order of its own."""
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


@pytest.mark.parametrize("installation", ["cluster-wide", "namespaced"])
def test_the_rights_are_those_of_the_golden_file(helm: Helm, installation: str) -> None:
    """A right that is meant to be wider is written into the file by hand."""
    golden = yaml.safe_load_all((GOLDEN / f"rights-{installation}.yaml").read_text(encoding="utf-8"))

    assert sorted(rights(helm.render(INSTALLATIONS[installation])), key=place) == sorted(golden, key=place)


def test_the_rules_are_those_that_the_operator_is_tested_with(helm: Helm) -> None:
    """The API server's tests run it with deploy/operator.yaml."""
    deployed = yaml.safe_load_all((ROOT / "deploy/operator.yaml").read_text(encoding="utf-8"))
    rules = {each["kind"]: each["rules"] for each in deployed if "rules" in each}
    objects = {
        (each["kind"], each["metadata"]["name"]): each for each in helm.render(INSTALLATIONS["cluster-wide"])
    }

    assert objects["ClusterRole", "operator-queue-worker-operator"]["rules"] == rules["ClusterRole"]
    assert objects["Role", "operator-queue-worker-operator-leases"]["rules"] == rules["Role"]


@pytest.mark.parametrize("values", INSTALLATIONS.values(), ids=INSTALLATIONS)
def test_secrets_are_read_one_at_a_time(helm: Helm, values: Json) -> None:
    """By name, never as a list, and never all rights at once."""
    for role in rights(helm.render(values)):
        for rule in role.get("rules", ()):
            assert "*" not in (*rule["resources"], *rule["verbs"], *rule["apiGroups"])
            if "secrets" in rule["resources"]:
                assert rule["verbs"] == ["get"]


def test_with_named_namespaces_nothing_of_the_cluster_is_bound(helm: Helm) -> None:
    """What is left for the cluster are roles for people, which nobody has until somebody is given them."""
    objects = rights(helm.render(INSTALLATIONS["namespaced"]))

    assert not [each for each in objects if each["kind"] == "ClusterRoleBinding"]
    bound = {each["metadata"]["namespace"] for each in objects if each["kind"] == "RoleBinding"}
    assert bound == {"shop", "blog", "queues"}
    assert not [
        each for each in objects if each["kind"] == "ClusterRole" and "labels" not in each["metadata"]
    ]
