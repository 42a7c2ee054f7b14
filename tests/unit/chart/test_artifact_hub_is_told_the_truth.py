"""What Artifact Hub shows of the chart is so, and in words that it knows."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "queue-worker-operator"

TOLD: dict[str, str] = {
    name.removeprefix("artifacthub.io/"): text
    for name, text in yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))[
        "annotations"
    ].items()
}

NAMES = {
    "alternativeName",
    "category",
    "changes",
    "containsSecurityUpdates",
    "crds",
    "crdsExamples",
    "images",
    "license",
    "links",
    "maintainers",
    "operator",
    "operatorCapabilities",
    "prerelease",
    "recommendations",
    "screenshots",
    "signKey",
}
"""Those of https://artifacthub.io/docs/topics/annotations/helm/, as all below."""

CATEGORIES = {
    "ai-machine-learning",
    "database",
    "integration-delivery",
    "monitoring-logging",
    "networking",
    "security",
    "skip-prediction",
    "storage",
    "streaming-messaging",
}
CAPABILITIES = {"basic install", "seamless upgrades", "full lifecycle", "deep insights", "auto pilot"}
KINDS_OF_CHANGE = {"added", "changed", "deprecated", "removed", "fixed", "security"}


def test_it_knows_the_words() -> None:
    """A name that it does not know is not shown; for a value that it does not know, the whole version is not."""
    changes = yaml.safe_load(TOLD["changes"])

    assert set(TOLD) <= NAMES
    assert all(isinstance(text, str) for text in TOLD.values())
    assert TOLD["category"] in CATEGORIES
    assert TOLD["operator"] == "true"
    assert TOLD["operatorCapabilities"] in CAPABILITIES
    assert {change["kind"] for change in changes} <= KINDS_OF_CHANGE
    assert all(change["description"] for change in changes)


def test_the_licence_is_the_projects() -> None:
    """The chart has no file with it."""
    assert f'license = "{TOLD["license"]}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_crds_are_there() -> None:
    """By kind, name and version, by which they are found there."""
    crds = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CHART / "files/crds").iterdir()]

    assert {(each["kind"], each["name"], each["version"]) for each in yaml.safe_load(TOLD["crds"])} == {
        (crd["spec"]["names"]["kind"], crd["metadata"]["name"], version["name"])
        for crd in crds
        for version in crd["spec"]["versions"]
    }


def test_the_examples_are_ours() -> None:
    """One for each CRD, out of those that a real API server is asked about."""
    shown = yaml.safe_load(TOLD["crdsExamples"])
    ours = [(ROOT / "examples" / name).read_text(encoding="utf-8") for name in ("start.yaml", "budget.yaml")]

    assert shown == [next(yaml.safe_load_all(text)) for text in ours]
    assert [each["kind"] for each in shown] == [each["kind"] for each in yaml.safe_load(TOLD["crds"])]
