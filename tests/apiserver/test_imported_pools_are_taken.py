"""What `qwp import` makes of each source is taken by a real API server as it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apiserver.test_pools_are_validated import ROOT
from queueworkers.importing.horizon import import_horizon
from queueworkers.importing.keda import import_keda
from queueworkers.importing.nativephp import import_nativephp
from queueworkers.importing.supervisor import import_supervisor
from unit.importing.given import KNOWING, KNOWING_NOTHING, file, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from queueworkers.importing.document import Imported
    from queueworkers.importing.source import Answers


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this module's own, on an API server that knows pools."""
    cluster.run_kubectl("apply", "--filename", str(ROOT / "crds"))
    for plural in ("queueworkerpools", "queueworkerbudgets"):
        cluster.run_kubectl("wait", "--for=condition=Established", f"crd/{plural}.queueworkers.io")
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "imported-"}}
    created = cluster.kubectl_json("create", "-f", "-", input=json.dumps(manifest))
    name: str = created["metadata"]["name"]
    yield name
    cluster.run_kubectl("delete", "namespace", name, "--wait=false")


def of_source(source: str, answers: Answers) -> Imported:
    """Import the files of the unit tests."""
    match source:
        case "supervisor":
            return import_supervisor([file("forge.conf"), file("messy.conf")], answers)
        case "horizon":
            return import_horizon([file("horizon.php")], answers, environment="production")
        case "nativephp":
            return import_nativephp([file("nativephp.php")], answers)
    return import_keda([file("keda.yaml")], answers)


@pytest.mark.parametrize("answers", [KNOWING, KNOWING_NOTHING], ids=["all-said", "nothing-said"])
@pytest.mark.parametrize("source", ["supervisor", "horizon", "nativephp", "keda"])
def test_imported_pools_are_applied_as_they_are_written(
    cluster: Cluster, namespace: str, source: str, answers: Answers
) -> None:
    """By `kubectl apply`, with every field known to the API server, placeholders too."""
    made = of_source(source, answers)
    text = made.render().replace("\n  namespace: shop\n", "\n")
    wanted = {(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(text)}
    arguments = ("--namespace", namespace, "-f", "-")
    cluster.run_kubectl("apply", "--validate=strict", *arguments, input=text)
    found = cluster.kubectl_json("get", *arguments, input=text)
    assert {(each["kind"], each["metadata"]["name"]) for each in found.get("items", [found])} == wanted
    cluster.run_kubectl("delete", "--wait=true", *arguments, input=text)


FLAGS = {
    **{
        flag: st.integers(0, 400)
        for flag in ("--memory", "--tries", "--timeout", "--sleep", "--rest", "--max-jobs", "--max-time")
    },
    "--backoff": st.sampled_from(["5", "1,2,3"]),
    "--queue": st.lists(st.sampled_from(["a", "{b}", "c:d"]), min_size=1, max_size=4).map(",".join),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flags=st.fixed_dictionaries({}, optional=FLAGS),
    stopwaitsecs=st.integers(0, 500),
    numprocs=st.integers(1, 20),
    script=st.sampled_from(["php artisan", "php think"]),
    answers=st.sampled_from([KNOWING, KNOWING_NOTHING]),
)
def test_no_rule_between_fields_refuses_an_imported_pool(
    cluster: Cluster,
    namespace: str,
    flags: dict[str, object],
    stopwaitsecs: int,
    numprocs: int,
    script: str,
    answers: Answers,
) -> None:
    """Whatever a program's numbers are to each other, its pool is one that the API server takes."""
    command = " ".join((script, "queue:work redis", *(f"{flag}={value}" for flag, value in flags.items())))
    text = f"[program:mail]\ncommand={command}\nstopwaitsecs={stopwaitsecs}\nnumprocs={numprocs}\n"
    pool = import_supervisor([written("a.conf", text)], answers).render()
    cluster.run_kubectl("create", "--dry-run=server", "--namespace", namespace, "-f", "-", input=pool)
