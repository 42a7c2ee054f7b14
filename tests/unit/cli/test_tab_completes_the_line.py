"""`qwp completion`, in the shells themselves."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.shells import bash_offers, fish_offers, zsh_completes
from harness.terminal import programs_on_path

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: production
contexts:
- {name: production, context: {cluster: nowhere, user: me, namespace: shop}}
- {name: staging, context: {cluster: nowhere, user: me}}
clusters:
- {name: nowhere, cluster: {server: "https://127.0.0.1:1"}}
users:
- {name: me, user: {token: none}}
"""
"""Of a cluster that is not there."""


def needs(shell: str) -> pytest.MarkDecorator:
    """Leave a test out where its shell is not installed."""
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"apt-get install {shell}")


def setup(shell: str) -> str:
    """Read the line that the page gives for a shell."""
    found = re.search(rf"^\| {shell}.*\| `(.*)` \|$", PAGE, re.MULTILINE)
    assert found
    return found[1].replace(r"\|", "|")


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Have the commands on the PATH, and a cluster that does not answer."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG, encoding="utf-8")
    return {**programs_on_path(tmp_path), "KUBECONFIG": str(kubeconfig)}


@needs("bash")
def test_bash_completes(environment: Mapping[str, str]) -> None:
    """Flags, their values, contexts; and nothing, without a word, where the cluster does not answer."""
    expected = {
        "qwp status --wa": ["--watch"],
        "qwp status -o ": ["json", "yaml", "name"],
        "qwp status --context ": ["production", "staging"],
        "qwp status ": [],
    }

    assert bash_offers(setup("bash"), list(expected), environment) == list(expected.values())


@needs("fish")
def test_fish_completes(environment: Mapping[str, str]) -> None:
    """The same program answers."""
    assert fish_offers(setup("fish"), "qwp status --context ", environment) == ["production", "staging"]


@needs("zsh")
def test_zsh_completes(environment: Mapping[str, str], tmp_path: Path) -> None:
    """In the line itself, as somebody sees it who presses Tab."""
    begun = "qwp status --context st"

    assert zsh_completes(setup("zsh"), begun, environment, tmp_path) == "qwp status --context staging"
