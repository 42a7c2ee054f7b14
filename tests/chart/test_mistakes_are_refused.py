"""A value that does not exist, or cannot be meant, is refused before anything is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chart.values import IMAGE
from harness.errors import CommandFailedError

if TYPE_CHECKING:
    from harness.helm import Helm

MISTAKES = [
    pytest.param({"replicaCount": 2}, "replicaCount", id="another-charts-name"),
    pytest.param({"image": {**IMAGE, "Tag": "1"}}, "Tag", id="case"),
    pytest.param({"crds": {"install": True}}, "install", id="nested"),
    pytest.param({"settings": {"resync": 5}}, "resync", id="no-such-setting"),
    pytest.param({"settings": {"resyncSeconds": 5}}, "minimum", id="setting-out-of-bounds"),
    pytest.param({"metrics": {"serviceMonitor": {"enable": True}}}, "enable", id="twice-nested"),
    pytest.param({"metrics": {"prometheusRule": {"except": ["AtMaxReplica"]}}}, "except", id="no-such-alert"),
    pytest.param({"image": {**IMAGE, "digest": "0123"}}, "digest", id="not-a-digest"),
    pytest.param({"image": {"repository": "registry.example/o@sha256:00"}}, "repository", id="digest-in-it"),
    pytest.param({"watchNamespaces": "shop"}, "watchNamespaces", id="not-a-list"),
    pytest.param({"watchNamespaces": ["shop,blog"]}, "watchNamespaces", id="two-in-one"),
    pytest.param({"resources": {"limit": {"memory": "1Gi"}}}, "limit", id="limit-for-limits"),
    pytest.param({"tolerations": [{"keys": "a"}]}, "keys", id="in-a-list"),
    pytest.param({"replicas": -1}, "replicas", id="fewer-than-none"),
    pytest.param({"logLevel": "trace"}, "logLevel", id="no-such-level"),
    pytest.param({"logFormat": "logfmt"}, "logFormat", id="no-such-format"),
]


@pytest.mark.parametrize(("values", "named"), MISTAKES)
def test_a_mistake_is_named(helm: Helm, values: dict[str, Any], named: str) -> None:
    """By Helm itself, from values.schema.json."""
    with pytest.raises(
        CommandFailedError, match=rf"(?s)don't meet the specifications of the schema.*{named}"
    ):
        helm.render({"image": IMAGE, **values})


def test_a_chart_that_has_this_one_in_it_may_speak_to_it(helm: Helm) -> None:
    """Helm hands `global` to every dependency, and `enabled` is how one is turned on and off."""
    helm.render({"image": IMAGE, "global": {"imageRegistry": "registry.example"}, "enabled": True})


def test_a_service_account_of_somebody_else_has_a_name(helm: Helm) -> None:
    """The sentence says what to give."""
    with pytest.raises(CommandFailedError, match=r"serviceAccount\.name: with serviceAccount\.create: false"):
        helm.render({"image": IMAGE, "serviceAccount": {"create": False}})
