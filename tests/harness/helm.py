"""Helm, which renders the chart as it does for those who install it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness.binaries import KUBERNETES_VERSION, GoModule, build_programs
from harness.commands import run

if TYPE_CHECKING:
    from collections.abc import Mapping

CHART = Path(__file__).resolve().parents[2] / "charts" / "queue-worker-operator"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Helm:
    """One release of Helm, built where that was not done yet."""

    program: Path

    @classmethod
    def build(cls, module: GoModule) -> Helm:
        """
        Build one of `HELM_3` and `HELM_4`; the first time, that takes minutes.

        Raises:
            HarnessError: its sources cannot be had from here.
        """
        build_programs(module)
        return cls(module.program("helm"))

    def lint(self, values: Mapping[str, Any]) -> str:
        """
        Have the chart judged with these values, and return what Helm says.

        Raises:
            CommandFailedError: it finds something, be it a warning; with its sentences.
        """
        version = f"--kube-version={KUBERNETES_VERSION}"
        return self._run("lint", str(CHART), "--strict", version, values=values)

    def render(
        self, values: Mapping[str, Any], *, release: str = "operator", namespace: str = "queues"
    ) -> list[Json]:
        """
        Return the objects that an installation with these values consists of, those of its test included.

        Raises:
            CommandFailedError: the values are refused; with Helm's sentence.
        """
        where = (f"--namespace={namespace}", f"--kube-version={KUBERNETES_VERSION}")
        text = self._run("template", release, str(CHART), *where, values=values)
        return [each for each in yaml.safe_load_all(text) if each]

    def notes(self, values: Mapping[str, Any], *, release: str, namespace: str) -> str:
        """
        Return what an installation with these values says at its end.

        Raises:
            CommandFailedError: the values are refused; with Helm's sentence. Or it is Helm 3, which asks a cluster.
        """
        where = (f"--namespace={namespace}", "--dry-run=client")
        written = self._run("install", release, str(CHART), *where, values=values)
        return written.partition("NOTES:\n")[2]

    def _run(self, command: str, *arguments: str, values: Mapping[str, Any]) -> str:
        argv = [str(self.program), command, *arguments, "--values=-"]
        return run(argv, stdin=json.dumps(values), timeout_seconds=60)
