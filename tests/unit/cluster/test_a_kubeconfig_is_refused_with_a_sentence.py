"""What is given for a kubeconfig and is none ends with a sentence, for the operator as for `qwp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queueworkers.cluster.configuration import context_names, load_configuration, load_users_configuration
from queueworkers.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me, namespace: shop}}]
clusters: [{name: here, cluster: {server: "https://localhost:6443"}}]
users: [{name: me, user: {client-certificate-data: %s, client-key-data: %s}}]
"""
GOOD = KUBECONFIG % ("Y2VydA==", "a2V5")

MISTAKES = {
    "no-yaml": ("a: [", "is no YAML"),
    "a-word": ("hello", "is no kubeconfig"),
    "empty": ("", "is no kubeconfig"),
    "another-document": ("kind: Pod", "no cluster is known"),
    "a-certificate-that-is-cut-off": (KUBECONFIG % ("Y2VydA", "a2V5"), "is no kubeconfig"),
}


@pytest.fixture(autouse=True)
def _no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are told of a cluster by nothing but the file."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.mark.parametrize(("content", "sentence"), MISTAKES.values(), ids=MISTAKES)
async def test_a_file_that_is_none_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    """And what is wrong with it."""
    path = tmp_path / "config"
    path.write_text(content)

    with pytest.raises(SettingsError, match=sentence):
        await load_configuration(str(path))
    with pytest.raises(SettingsError, match=sentence):
        await load_users_configuration(str(path), context=None)


async def test_a_file_that_is_not_there_is_no_cluster(tmp_path: Path) -> None:
    """It is not taken for an empty one in silence."""
    with pytest.raises(SettingsError, match="no cluster is known"):
        await load_configuration(str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="no cluster is known"):
        context_names(str(tmp_path / "nowhere"))


async def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """And one that is there says which namespace is meant."""
    path = tmp_path / "config"
    path.write_text(GOOD)

    _, namespace = await load_users_configuration(str(path), context="here")
    assert namespace == "shop"
    assert context_names(str(path)) == ["here"]
    with pytest.raises(SettingsError, match="has no context there; it has here"):
        await load_users_configuration(str(path), context="there")
