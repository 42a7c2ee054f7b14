"""The releases of Helm that the chart is for."""

from __future__ import annotations

import pytest

from harness.binaries import HELM_3, HELM_4
from harness.errors import HarnessError
from harness.helm import Helm


@pytest.fixture(scope="session", params=[HELM_3, HELM_4], ids=lambda module: module.name)
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each release of Helm in turn."""
    try:
        return Helm.build(request.param)
    except HarnessError as error:
        pytest.skip(str(error))
