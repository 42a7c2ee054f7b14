"""A wrong pool is refused by a real API server with a sentence, and a right one is filled in."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from apiserver.pools import MISSPELLED, ODD_VALUES, RIGHT, WORKING_SPEC, WRONG, pool
from harness.errors import CommandFailedError
from queueworkers.api.budget import BUDGET_KIND, BUDGET_PLURAL, QueueWorkerBudgetSpec, parse_budget
from queueworkers.api.crd import pool_schema, schema_at
from queueworkers.api.spec import QueueWorkerPoolSpec, parse_spec
from queueworkers.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from queueworkers.frameworks.base import Framework

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))

GROUP, VERSION, PLURAL = "queueworkers.io", "v1alpha1", "queueworkerpools"

REMARK = "<nil>"
"""Where the API server says something about the pool as a whole, such as that it has not looked at every rule."""


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this module's own, on an API server that knows pools."""
    cluster.run_kubectl("apply", "--filename", str(ROOT / "crds"))
    cluster.run_kubectl("wait", "--for=condition=Established", "crd/queueworkerpools.queueworkers.io")
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "validated-"}}
    created = cluster.kubectl_json("create", "-f", "-", input=json.dumps(manifest))
    name: str = created["metadata"]["name"]
    yield name
    cluster.run_kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> client.CustomObjectsApi:
    """A client: the table has too many rows to start a program for each."""
    connected = config.new_client_from_config(str(cluster.kubeconfig))  # type: ignore[no-untyped-call]
    return client.CustomObjectsApi(connected)


def try_pool(
    api: client.CustomObjectsApi, namespace: str, tried: dict[str, Any], *, plural: str = PLURAL
) -> dict[str, Any]:
    """Have the API server look at a pool, or another object of ours, fill it in, and forget it."""
    created = api.create_namespaced_custom_object(
        GROUP, VERSION, namespace, plural, tried, dry_run="All", field_validation="Strict"
    )
    assert isinstance(created, dict)
    return created


def write_status(
    api: client.CustomObjectsApi, namespace: str, name: str, status: dict[str, Any], **beside: Any
) -> None:
    """Write a pool's status as the operator does."""
    body = {"status": status, **beside}
    api.patch_namespaced_custom_object_status(GROUP, VERSION, namespace, PLURAL, name, body)


def answer(refused: ApiException) -> dict[str, Any]:
    """Read the API server's answer."""
    parsed: dict[str, Any] = json.loads(refused.body or "{}")
    return parsed


def refusals(refused: ApiException) -> list[tuple[str, str]]:
    """Read the fields that the API server names as wrong, and what it says about them."""
    causes = answer(refused)["details"]["causes"]
    named = [(cause["field"].removeprefix("."), cause["message"]) for cause in causes]
    return [(field, said) for field, said in named if field != REMARK]


@pytest.mark.parametrize(("changes", "field", "sentence"), WRONG)
def test_a_wrong_pool_is_refused_with_a_sentence(
    api: client.CustomObjectsApi, namespace: str, changes: dict[str, Any], field: str, sentence: str
) -> None:
    """The sentence says what is wrong and what to change; no other field is blamed."""
    with pytest.raises(ApiException) as refused:
        try_pool(api, namespace, pool(changes))

    named, said = zip(*refusals(refused.value), strict=True)
    assert set(named) == {field}
    assert any(sentence in each for each in said), said


ASKED_FOR = {"connection": "other", "timeout": 59, "rest": 1, "maxJobs": 1, "maxTime": 1}
"""Options that some version of a framework lacks, each with a value that is nobody's default."""


def versions_around(framework: Framework) -> set[str]:
    """Each first version of an option, the ones before and after it, and spellings that a comparison of texts gets wrong."""
    spellings = {"0", "9", "10", "8.4", "8.04", "008.32", "100.0.0.1", "999999.999999.999999.999999"}
    for since in filter(None, framework.options_since.values()):
        major, minor = (*since, 0)[:2]
        spellings |= {f"{major}.{minor}", f"{major}.{minor}.0.0", f"{major}.{minor + 1}", f"{major}"}
        spellings |= {f"{major}.{minor - 1}.999999" if minor else f"{major - 1}.999999"}
    newest = framework.newest_major
    return {each for each in spellings if newest is None or int(each.partition(".")[0]) <= newest}


@pytest.mark.parametrize(
    "framework", [pytest.param(each, id=name) for name, each in FRAMEWORKS.items() if each.options_since]
)
def test_what_is_refused_is_what_the_command_line_would_leave_out(
    api: client.CustomObjectsApi, namespace: str, framework: Framework
) -> None:
    """For every version around a change: both read one table, and the API server compares texts in a way of its own."""
    disagreeing, refused = [], 0
    for version, (wire, value) in itertools.product(versions_around(framework), ASKED_FOR.items()):
        tried = pool({"framework": framework.name, "version": version, "retryAfter": 600, wire: value})
        try:
            try_pool(api, namespace, tried)
            blamed = set()
        except ApiException as error:
            blamed = {field for field, _ in refusals(error)}
        refused += bool(blamed)
        spec = parse_spec(tried["spec"])
        assert isinstance(spec, QueueWorkerPoolSpec)
        option = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", wire)
        if blamed != (set() if framework.knows(option, spec.version_tuple) else {f"spec.{wire}"}):
            disagreeing.append((version, wire, blamed))

    assert disagreeing == []
    assert refused


def test_a_long_name_is_refused_because_pods_are_named_after_it(
    api: client.CustomObjectsApi, namespace: str
) -> None:
    """Fifty characters are right, one more is not."""
    try_pool(api, namespace, pool({}, name="n" * 50))

    with pytest.raises(ApiException) as refused:
        try_pool(api, namespace, pool({}, name="n" * 51))

    ((named, said),) = refusals(refused.value)
    assert named == "metadata.name"
    assert "metadata.name has 51 characters, and the names of the worker pods are made from it" in said
    assert "use at most 50" in said


@pytest.mark.parametrize(("changes", "unknown"), MISSPELLED)
def test_a_field_that_does_not_exist_is_refused_by_name(
    api: client.CustomObjectsApi, namespace: str, changes: dict[str, Any], unknown: str
) -> None:
    """Strict validation, as kubectl asks for it; what the field held is not repeated."""
    with pytest.raises(ApiException) as refused:
        try_pool(api, namespace, pool(changes))

    said = answer(refused.value)["message"]
    assert f'unknown field "{unknown}"' in said
    assert "hunter2" not in said


@pytest.mark.parametrize("changes", RIGHT)
def test_a_right_pool_is_taken_and_read(
    api: client.CustomObjectsApi, namespace: str, changes: dict[str, Any]
) -> None:
    """What the API server fills in is what the operator would have assumed."""
    tried = pool(changes)

    filled_in = try_pool(api, namespace, tried)["spec"]

    read = parse_spec(filled_in)
    assert isinstance(read, QueueWorkerPoolSpec)
    assert read == parse_spec(tried["spec"])


def test_whatever_is_taken_can_be_read(api: client.CustomObjectsApi, namespace: str) -> None:
    """No text, number, list or object in any field is right for the API server and wrong for the operator."""
    taken = 0
    unreadable = []

    for path, value in itertools.product(fields_below(schema_at(pool_schema(), "spec")), ODD_VALUES):
        try:
            spec = try_pool(api, namespace, pool({path: value}))["spec"]
        except ApiException:
            continue
        taken += 1
        if not isinstance(parse_spec(spec), QueueWorkerPoolSpec):
            unreadable.append((path, value))

    assert unreadable == []
    assert taken > 100


def fields_below(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The path of every field of an object, parts before what they are part of."""
    for name, each in schema.get("properties", {}).items():
        yield from fields_below(each, f"{path}{name}.")
        yield f"{path}{name}"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in EXAMPLES])
def test_an_example_is_taken(api: client.CustomObjectsApi, namespace: str, path: Path) -> None:
    """Every file in examples/ has pools, and what they share, that work as they stand."""
    for example in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if example["kind"] == BUDGET_KIND:
            filled_in = try_pool(api, namespace, example, plural=BUDGET_PLURAL)
            assert isinstance(parse_budget(filled_in["spec"]), QueueWorkerBudgetSpec)
        else:
            filled_in = try_pool(api, namespace, example)
            assert isinstance(parse_spec(filled_in["spec"]), QueueWorkerPoolSpec)


def test_a_person_reads_the_sentence_in_a_terminal(cluster: Cluster, namespace: str) -> None:
    """`kubectl apply` prints the field and the sentence."""
    wrong = json.dumps(pool({"scaling.minReplicas": 5, "scaling.maxReplicas": 2}))

    with pytest.raises(CommandFailedError) as refused:
        cluster.run_kubectl("apply", "--namespace", namespace, "--filename", "-", input=wrong)

    assert "spec.scaling.minReplicas" in str(refused.value)
    assert "minReplicas (5) must not be above maxReplicas (2)" in str(refused.value)


def test_defaults_are_filled_in_where_a_person_sees_them(
    api: client.CustomObjectsApi, namespace: str
) -> None:
    """Nested defaults too, and nothing where absence means something."""
    filled_in = try_pool(api, namespace, pool({}))["spec"]

    assert filled_in == {
        **WORKING_SPEC,
        "connection": "redis",
        "maxJobs": 0,
        "maxTime": 0,
        "memory": 128,
        "redis": {"host": "redis", "database": 0, "prefix": ""},
        "rest": 0,
        "restart": {
            "timeZone": "UTC",
            "onReferenceChange": "Restart",
            "onSignal": "Restart",
            "rollout": "Run",
            "afterCrash": "BackOff",
            "maxSurge": "25%",
            "minReadySeconds": 5,
        },
        "scaling": {
            "mode": "Auto",
            "minReplicas": 1,
            "maxReplicas": 10,
            "pollingIntervalSeconds": 1,
            "onPause": "Hold",
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
                "scaleDown": {"selectPolicy": "Max"},
            },
        },
        "security": "Compatible",
        "sleep": 3,
        "suspend": False,
        "timeout": 60,
    }


def test_defaults_fill_in_a_part_that_was_begun(api: client.CustomObjectsApi, namespace: str) -> None:
    """One field given does not lose its neighbours' defaults."""
    changes = {
        "scaling.behavior": {"scaleDown": {"stabilizationWindowSeconds": 9}},
        "restart": {"rollout": "Hold"},
        "redis.tls": {},
    }

    filled_in = try_pool(api, namespace, pool(changes))["spec"]

    assert filled_in["scaling"]["behavior"]["scaleUp"] == {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
    }
    assert filled_in["restart"]["maxSurge"] == "25%"
    assert filled_in["scaling"]["maxReplicas"] == 10
    assert filled_in["redis"]["tls"] == {"verify": "Full"}


def test_kubectl_explains_an_option_with_its_flag(cluster: Cluster, namespace: str) -> None:
    """The short name, the unit, the flag and the default stand in one answer."""
    del namespace

    explained = " ".join(cluster.run_kubectl("explain", "qwp.spec.memory").split())

    assert "FIELD: memory <integer>" in explained
    assert "Megabytes that a worker may use before it ends itself after a job" in explained
    assert "`--memory`" in explained
    assert "Default: 128." in explained


def test_kubectl_scale_writes_the_number_of_workers(cluster: Cluster, namespace: str) -> None:
    """The scale subresource leads to spec.scaling.replicas, and back."""
    _create(cluster, namespace, pool({}, name="scaled"))

    cluster.run_kubectl("scale", "--namespace", namespace, "qwp/scaled", "--replicas=3")

    stored = cluster.kubectl_json("get", "--namespace", namespace, "qwp/scaled")
    assert stored["spec"]["scaling"]["replicas"] == 3
    scale = cluster.kubectl_json("get", "--namespace", namespace, "qwp/scaled", "--subresource=scale")
    assert scale["spec"]["replicas"] == 3


def test_the_status_is_the_operators_alone(
    cluster: Cluster, api: client.CustomObjectsApi, namespace: str
) -> None:
    """A status in a manifest is ignored, and one written to the subresource leaves the spec alone."""
    claimed = {**pool({}, name="claimed"), "status": {"replicas": 99}}
    _create(cluster, namespace, claimed)
    assert "status" not in cluster.kubectl_json("get", "--namespace", namespace, "qwp/claimed")

    write_status(api, namespace, "claimed", {"replicas": 2}, spec={"suspend": True})

    stored = cluster.kubectl_json("get", "--namespace", namespace, "qwp/claimed")
    assert stored["status"] == {"replicas": 2}
    assert stored["spec"]["suspend"] is False
    assert stored["metadata"]["generation"] == 1


def test_kubectl_get_shows_the_columns(cluster: Cluster, namespace: str) -> None:
    """The first eight fit a terminal; `-o wide` adds the numbers behind them, the sentence last."""
    _create(cluster, namespace, pool({}, name="shown"))
    narrow = ["NAME", "QUEUES", "WORKERS", "RANGE", "BACKLOG", "OLDEST", "STATUS", "AGE"]

    plain = cluster.run_kubectl("get", "--namespace", namespace, "qwp")
    wide = cluster.run_kubectl("get", "--namespace", namespace, "qwp", "--output=wide")

    assert plain.splitlines()[0].split() == narrow
    assert wide.splitlines()[0].split() == [
        *narrow,
        *[
            "RESERVED",
            "DELAYED",
            "DESIRED",
            "DRAINING",
            "TRIGGER",
            "BACKLOG-STATE",
            "LAST-RESTART",
            "MESSAGE",
        ],
    ]
    assert "shown" in cluster.run_kubectl("get", "--namespace", namespace, "queues")


def test_a_backlog_that_is_not_known_is_empty_and_a_known_one_is_a_number(
    cluster: Cluster, api: client.CustomObjectsApi, namespace: str
) -> None:
    """Zero is something to know; an empty column is not."""
    seen: dict[str, dict[str, Any]] = {"known": {"backlog": {"waiting": 0}}, "unknown": {"replicas": 1}}
    for name, status in seen.items():
        _create(cluster, namespace, pool({}, name=name))
        write_status(api, namespace, name, status)

    lines = cluster.run_kubectl("get", "--namespace", namespace, "qwp", "known", "unknown").splitlines()

    column = lines[0].index("BACKLOG")
    assert [line[column : column + len("BACKLOG")].strip() for line in lines[1:]] == ["0", ""]


def _create(cluster: Cluster, namespace: str, body: dict[str, Any]) -> None:
    cluster.run_kubectl("create", "--namespace", namespace, "--filename", "-", input=json.dumps(body))
