"""What somebody asked of the API server, from its own audit log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.cluster import Cluster

WRITING = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered."""

    verb: str
    resource: str
    """With its subresource: ``queueworkerpools/status``."""
    namespace: str
    name: str
    agent: str
    """What the program calls itself."""
    status: int
    """How it was answered."""
    received_at: str
    """When it came, in the API server's own spelling, which can be sorted."""
    answered_at: str
    """When it was answered, likewise."""
    document: Any
    """What was written; ``None`` where the log does not keep it."""

    @property
    def writes(self) -> bool:
        """Tell whether it was to change something."""
        return self.verb in WRITING


class Audit:
    """
    The requests of one user from now on.

    Args:
        cluster: Where; a test is skipped on a cluster whose log cannot be read.
        user: As the API server calls them.
    """

    def __init__(self, cluster: Cluster, user: str) -> None:
        if cluster.audit_log is None:
            pytest.skip("an existing cluster keeps its audit log to itself")
        self._log: Path = cluster.audit_log
        self._user = user
        self._from = self._log.stat().st_size

    def writes(self, namespace: str) -> list[Request]:
        """Return what was written in a namespace since this was made."""
        return [each for each in self.requests() if each.writes and each.namespace == namespace]

    def requests(self) -> list[Request]:
        """Return every request for objects since this was made; a watch is one when it has ended."""
        user = self._user.encode()
        with self._log.open("rb") as log:
            log.seek(self._from)
            entries = [json.loads(line) for line in log if user in line and line.endswith(b"\n")]
        return [
            _request(entry)
            for entry in entries
            if entry["user"]["username"] == self._user and "objectRef" in entry
        ]


def _request(entry: Mapping[str, Any]) -> Request:
    target = entry["objectRef"]
    resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
    return Request(
        entry["verb"],
        resource,
        target.get("namespace", ""),
        target.get("name", ""),
        agent=entry.get("userAgent", ""),
        status=entry.get("responseStatus", {}).get("code", 0),
        received_at=entry["requestReceivedTimestamp"],
        answered_at=entry["stageTimestamp"],
        document=entry.get("requestObject"),
    )
