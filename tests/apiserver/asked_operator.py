"""An operator that is asked for its metrics and its health, as Prometheus and the kubelet do it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from harness.operator_process import OperatorProcess
from harness.progress import wait_until

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class Scraped:
    """What one scrape told."""

    text: str

    def value(self, name: str, **labels: str) -> float | None:
        """Read one sample that has these labels, whatever others it has; ``None`` where there is none."""
        values = [
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(values) <= 1, f"{name} {labels} is told more than once"
        return values[0] if values else None


class Told:
    """What an operator answers on a port of its own."""

    def __init__(self, cluster: Cluster, *arguments: str) -> None:
        with socket.create_server(("", 0)) as free:
            self._port = free.getsockname()[1]
        self.process = OperatorProcess(cluster, f"--metrics-port={self._port}", *arguments)

    def get(self, path: str) -> tuple[int, str]:
        """Ask."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def scrape(self) -> Scraped:
        """Ask for the metrics."""
        status, text = self.get("/metrics")
        assert status == 200
        return Scraped(text)

    def wait_until_ready(self) -> None:
        """Wait until all is known that it takes."""
        wait_until(
            lambda: self.get("/readyz") == (200, "ok\n"), what="the operator is ready", timeout_seconds=60
        )
