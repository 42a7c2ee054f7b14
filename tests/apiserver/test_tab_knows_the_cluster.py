"""Tab offers the pools and namespaces that there are, in a shell and behind `kubectl qwp`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apiserver.pools import WORKING_SPEC
from harness.shells import bash_offers
from harness.terminal import programs_on_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.pools import Namespace

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")
SETUP = "source <(qwp completion bash)"
COMMANDS = ("status", "workers", "queues", "logs", "restart", "suspend", "resume", "doctor", "explain")


@pytest.fixture
def environment(namespace: Namespace, tmp_path: Path) -> Mapping[str, str]:
    """Have the commands on the PATH, and two pools in the cluster."""
    for name in ("orders", "mails"):
        namespace.apply_pool(name, WORKING_SPEC)
    return {**programs_on_path(tmp_path), "KUBECONFIG": str(namespace.cluster.kubeconfig)}


def test_pools_and_namespaces_are_offered(namespace: Namespace, environment: Mapping[str, str]) -> None:
    """Of the namespace that the line names, each pool once, and none beside -A, which means all of them."""
    name = namespace.name
    expected = {
        **{f"qwp {command} -n {name} ": ["mails", "orders"] for command in COMMANDS},
        f"qwp status -n {name} o": ["orders"],
        f"qwp restart orders -n {name} ": ["mails"],
        "qwp status -A ": [],
        f"qwp status --namespace {name[:-2]}": [name],
    }

    assert bash_offers(SETUP, list(expected), environment) == list(expected.values())


def ask_kubectl(namespace: Namespace, environment: Mapping[str, str], *words: str) -> list[str]:
    """Ask kubectl what it offers, as its own script for a shell does."""
    asked = subprocess.run(
        [str(namespace.cluster.kubectl), "__complete", "qwp", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return asked.stdout.splitlines()


def test_kubectl_offers_what_the_plugin_knows(
    namespace: Namespace, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """As the page shows it, with commands and what they are about, and files where files are meant."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(Path(environment["KUBECONFIG"]).read_text(encoding="utf-8"), encoding="utf-8")
    own = {**environment, "KUBECONFIG": str(kubeconfig)}
    namespace.cluster.run_kubectl(
        f"--kubeconfig={kubeconfig}", "config", "set-context", "--current", f"--namespace={namespace.name}"
    )

    offered = ask_kubectl(namespace, own, "restart", "--wait", "")

    assert offered == ["mails", "orders", ":4"]
    assert 'kubectl __complete qwp restart --wait ""\n' + "\n".join(offered) + "\n```" in PAGE
    assert ask_kubectl(namespace, own, "susp") == [
        "suspend\tLet every worker of pools finish its job...",
        ":4",
    ]
    assert ask_kubectl(namespace, own, "explain", "-f", "") == [":0"]
