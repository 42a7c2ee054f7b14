"""What an installation consists of, as both releases of Helm render it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from chart.dashboard import DASHBOARD
from chart.values import DIGEST, IMAGE, INSTALLATIONS
from harness.binaries import HELM_4
from harness.errors import CommandFailedError
from queueworkers import __version__
from queueworkers.settings import Settings, parse_settings

if TYPE_CHECKING:
    from harness.helm import Helm

ROOT = Path(__file__).parents[2]

Json = dict[str, Any]

CLUSTER_WIDE = INSTALLATIONS["cluster-wide"]
EVERYTHING = INSTALLATIONS["everything"]


def of_kind(objects: list[Json], kind: str) -> list[Json]:
    """Those of one kind."""
    return [each for each in objects if each["kind"] == kind]


def the(objects: list[Json], kind: str) -> Json:
    """Return the only one of its kind."""
    (found,) = of_kind(objects, kind)
    return found


def container(objects: list[Json]) -> Json:
    """Return the operator's container."""
    (found,) = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def settings(objects: list[Json]) -> Settings:
    """What the operator makes of its arguments."""
    return parse_settings(container(objects)["args"], environment={})


@pytest.mark.parametrize("values", INSTALLATIONS.values(), ids=INSTALLATIONS)
def test_helm_finds_nothing_to_say_against_it(helm: Helm, values: Json) -> None:
    """Neither an error nor a warning."""
    assert "0 chart(s) failed" in helm.lint(values)


# Helm 3 wants a cluster before it tells what it would say.
@pytest.mark.parametrize("helm", [pytest.param(HELM_4, id="helm4")], indirect=True)
def test_the_start_page_shows_what_an_installation_says(helm: Helm) -> None:
    """To the letter, with the names that the page installs it under."""
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    name = "queue-worker-operator"
    notes = helm.notes({"image": IMAGE}, release=name, namespace=name)

    assert f"```\nNOTES:\n{notes.rstrip()}\n```" in page


def test_the_image_has_to_be_named(helm: Helm) -> None:
    """There is no registry that everybody can have it from, so nobody's is guessed."""
    with pytest.raises(CommandFailedError, match=r"image\.repository: name the registry and repository"):
        helm.render({})


def test_the_operators_share_the_work_by_leases_of_the_release(helm: Helm) -> None:
    """Two that do not know of each other would undo each other's writes, also for the length of an update."""
    for values in INSTALLATIONS.values():
        assert settings(helm.render(values, namespace="queues")).lease_namespace == "queues"
    assert the(helm.render(CLUSTER_WIDE), "Deployment")["spec"]["replicas"] == 2


def test_values_arrive_as_the_operators_settings(helm: Helm) -> None:
    """Each by its name, with its unit."""
    said = settings(helm.render(EVERYTHING))

    assert said == Settings(
        log_level="debug",
        log_format="json",
        status_pace_seconds=10,
        redis_timeout_seconds=0.5,
        reconcilers=4,
        requests_in_flight=32,
        writes_per_second=1000,
        resync_seconds=86_400,
        lease_namespace="queues",
        shards=8,
        metrics_port=9090,
        identity=said.identity,
    )
    assert settings(helm.render(INSTALLATIONS["namespaced"])).namespaces == ("shop", "blog")


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        pytest.param({}, f"{IMAGE['repository']}:{__version__}", id="of-the-chart"),
        pytest.param({"tag": "edge"}, f"{IMAGE['repository']}:edge", id="by-tag"),
        pytest.param({"digest": DIGEST}, f"{IMAGE['repository']}@{DIGEST}", id="by-digest"),
        pytest.param({"tag": "edge", "digest": DIGEST}, f"{IMAGE['repository']}@{DIGEST}", id="digest-first"),
    ],
)
def test_the_image_is_named_by_tag_or_digest(helm: Helm, image: Json, reference: str) -> None:
    """The operator's and the test's are the same."""
    objects = helm.render({"image": {**IMAGE, **image}})

    assert container(objects)["image"] == reference
    assert the(objects, "Pod")["spec"]["containers"][0]["image"] == reference


def test_probes_and_service_meet_at_the_metrics_port(helm: Helm) -> None:
    """By its name, whatever its number."""
    objects = helm.render(EVERYTHING)
    operator = container(objects)

    assert operator["ports"] == [{"name": "metrics", "containerPort": 9090}]
    assert operator["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert operator["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert operator["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert the(objects, "Service")["spec"]["ports"] == [
        {"name": "metrics", "port": 9090, "targetPort": "metrics"}
    ]


@pytest.mark.parametrize("values", INSTALLATIONS.values(), ids=INSTALLATIONS)
def test_what_selects_the_operator_finds_it_and_nothing_else(helm: Helm, values: Json) -> None:
    """Neither the pod of the chart's test nor anything else of the release."""
    objects = helm.render(values)
    labels = the(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        *(each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "Deployment")),
        *(each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "PodDisruptionBudget")),
        *(each["spec"]["podSelector"]["matchLabels"] for each in of_kind(objects, "NetworkPolicy")),
        *(each["spec"]["selector"] for each in of_kind(objects, "Service")),
    ]

    assert all(selector.items() <= labels for selector in selectors)
    assert not any(
        selector.items() <= the(objects, "Pod")["metadata"]["labels"].items() for selector in selectors
    )


def test_the_service_monitor_finds_the_service_and_keeps_the_pools_labels(helm: Helm) -> None:
    """Without honorLabels every pool would seem to be in the operator's namespace."""
    objects = helm.render(EVERYTHING)
    monitor = the(objects, "ServiceMonitor")

    selector = monitor["spec"]["selector"]["matchLabels"]
    assert selector.items() <= the(objects, "Service")["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "interval": "15s", "honorLabels": True}]


def test_the_rules_are_those_of_the_file_without_what_is_not_wanted(helm: Helm) -> None:
    """Prometheus's own placeholders stay as they are."""
    rule = the(helm.render(EVERYTHING), "PrometheusRule")
    rendered = {each["alert"]: each for group in rule["spec"]["groups"] for each in group["rules"]}
    file = yaml.safe_load(
        (ROOT / "charts/queue-worker-operator/files/alerts.yaml").read_text(encoding="utf-8")
    )

    wanted = {each["alert"]: each for group in file["groups"] for each in group["rules"]}
    del wanted["AtMaxReplicas"]
    for name, each in wanted.items():
        each["annotations"]["runbook_url"] = f"https://example.com/runbooks/{name}.md"
    assert rendered == wanted
    assert not of_kind(helm.render(CLUSTER_WIDE), "PrometheusRule")


def test_the_dashboard_is_that_of_the_file(helm: Helm) -> None:
    """Grafana's own placeholders stay as they are, and its sidecar finds it by the labels that are given."""
    rendered = the(helm.render(EVERYTHING), "ConfigMap")

    assert json.loads(rendered["data"]["queue-worker-operator.json"]) == DASHBOARD
    assert rendered["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert rendered["metadata"]["labels"]["release"] == "grafana"
    assert rendered["metadata"]["annotations"] == {"grafana_folder": "Queues"}
    assert not of_kind(helm.render(CLUSTER_WIDE), "ConfigMap")


def test_the_crds_are_the_projects_and_outlive_the_release(helm: Helm) -> None:
    """As templates, so that an upgrade upgrades them; with them would go every pool and its workers."""
    pinned = {
        crd["metadata"]["name"]: crd["spec"]
        for crd in (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "crds").iterdir())
    }
    crds = of_kind(helm.render(CLUSTER_WIDE), "CustomResourceDefinition")

    assert {crd["metadata"]["name"]: crd["spec"] for crd in crds} == pinned
    for crd in crds:
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    for crd in of_kind(helm.render(EVERYTHING), "CustomResourceDefinition"):
        assert "annotations" not in crd["metadata"]
    assert not of_kind(helm.render(INSTALLATIONS["nothing"]), "CustomResourceDefinition")


def test_what_is_turned_off_is_not_there(helm: Helm) -> None:
    """For those who make it themselves."""
    kinds = {each["kind"] for each in helm.render(INSTALLATIONS["nothing"]) if not is_hook(each)}

    assert kinds == {"Deployment", "Service"}


def test_the_network_policy_opens_the_metrics_port_only(helm: Helm) -> None:
    """To everybody, or to those who are named; and it closes the way out only where somebody says which there are."""
    policy = the(helm.render(CLUSTER_WIDE), "NetworkPolicy")["spec"]
    narrow = the(helm.render(EVERYTHING), "NetworkPolicy")["spec"]

    port = [{"port": "metrics", "protocol": "TCP"}]
    assert (policy["policyTypes"], policy["ingress"]) == (["Ingress"], [{"ports": port}])
    assert narrow["policyTypes"] == ["Ingress", "Egress"]
    assert narrow["ingress"] == [{"ports": port, "from": EVERYTHING["networkPolicy"]["metricsFrom"]}]
    assert narrow["egress"] == EVERYTHING["networkPolicy"]["egress"]


def is_hook(each: Json) -> bool:
    """Tell whether it is made for `helm test` only."""
    return "helm.sh/hook" in each["metadata"].get("annotations", {})
