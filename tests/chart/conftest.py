"""The releases of Helm that the chart is for, and Prometheus's judgement."""

from __future__ import annotations

import pytest

from harness.binaries import HELM_3, HELM_4
from harness.errors import HarnessError
from harness.helm import Helm
from harness.promtool import Promtool


@pytest.fixture(scope="session", params=[HELM_3, HELM_4], ids=lambda module: module.name)
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each release of Helm in turn."""
    try:
        return Helm.build(request.param)
    except HarnessError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """The one that Prometheus 3 comes with."""
    try:
        return Promtool.build()
    except HarnessError as error:
        pytest.skip(str(error))
