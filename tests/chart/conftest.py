"""The releases of Helm that the chart is for, and Prometheus's judgement."""

from __future__ import annotations

import pytest

from harness.binaries import HELM_3, HELM_4
from harness.helm import Helm
from harness.promtool import Promtool
from harness.skipping import skipped_where_not_to_be_had


@pytest.fixture(scope="session", params=[HELM_3, HELM_4], ids=lambda module: module.name)
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each release of Helm in turn."""
    with skipped_where_not_to_be_had():
        return Helm.build(request.param)


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """The one that Prometheus 3 comes with."""
    with skipped_where_not_to_be_had():
        return Promtool.build()
