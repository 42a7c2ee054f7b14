"""The operator's own settings: flags first, then the environment, then defaults."""

from __future__ import annotations

import argparse
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from queueworkers.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("console", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this operator runs; what a pool wants is in the pool."""

    kubeconfig: str | None = None
    """The cluster; ``None``: the pod's service account, or else the usual kubeconfig."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to look after; none means all."""
    log_level: str = "info"
    log_format: str = "console"
    """Lines for people, or a JSON object in each line."""
    status_pace_seconds: int = 5
    """Between two writes of a pool's status in which only numbers changed."""
    redis_timeout_seconds: float = 2.0
    """For one reading of one Redis; after that its pools' backlogs are not known."""
    reconcilers: int = 8
    """Pools that are looked at side by side, beside those for whose workers somebody waits."""
    requests_in_flight: int = 16
    """Requests to the API server at once."""
    writes_per_second: float = 200.0
    """Writes to the API server that can wait: new and changed Deployments, status, Events; a number of workers never waits."""
    resync_seconds: int = 300
    """Between two complete lists, which show what a watch has missed."""
    lease_namespace: str | None = None
    """Where operators that share the namespaces keep their Leases; ``None``: this one is alone, and has none."""
    shards: int = 1
    """Into how many the namespaces are divided; the same in all operators that share them."""
    metrics_port: int = 8080
    """Where metrics and health are to be had, on every address; 0: nowhere."""
    identity: str = field(default_factory=socket.gethostname)
    """What this operator is called in Leases; something that no other has is added to it."""


FLAGS: Sequence[tuple[str, Callable[[str], object], str]] = (
    (
        "--kubeconfig",
        str,
        "the cluster to look after; default: the pod's service account or ~/.kube/config",
    ),
    ("--namespaces", str, "comma-separated; default: all namespaces"),
    ("--log-level", str, f"one of {', '.join(LOG_LEVELS)}; default: info"),
    ("--log-format", str, f"one of {', '.join(LOG_FORMATS)}; default: console"),
    ("--status-pace-seconds", int, "between status writes in which only numbers changed; default: 5"),
    ("--redis-timeout-seconds", float, "for one reading of one Redis; default: 2"),
    ("--reconcilers", int, "pools looked at side by side; default: 8"),
    ("--requests-in-flight", int, "requests to the API server at once; default: 16"),
    (
        "--writes-per-second",
        float,
        "new and changed Deployments, status, Events; numbers of workers do not wait for it; default: 200",
    ),
    ("--resync-seconds", int, "between complete lists; default: 300"),
    (
        "--lease-namespace",
        str,
        "where operators that share the pools keep their Leases; default: this one is alone",
    ),
    (
        "--shards",
        int,
        "into how many parts they share them; 1: one works, the others stand by; default: 1",
    ),
    ("--metrics-port", int, "for /metrics, /healthz and /readyz; 0: none; default: 8080"),
    ("--identity", str, "what this operator is called in Leases; default: the host's name"),
)
"""Each with what it holds and the sentence that `--help` says of it; the name is that of the setting."""


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """
    Read flags, and ``QWP_…`` variables where a flag is not given.

    Raises:
        SettingsError: A value is out of bounds; the message says which.
    """
    parser = argparse.ArgumentParser(
        prog="queue-worker-operator", description="Look after the QueueWorkerPools of a cluster."
    )
    for flag, kind, help_text in FLAGS:
        variable = variable_of(flag)
        parser.add_argument(
            flag, type=kind, default=environment.get(variable), help=f"{help_text} [{variable}]"
        )
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    if "namespaces" in given:
        given["namespaces"] = tuple(filter(None, (name.strip() for name in given["namespaces"].split(","))))
    settings = Settings(**given)
    _check(settings)
    return settings


def variable_of(flag: str) -> str:
    """Name the environment variable that counts where a flag is not given."""
    return "QWP_" + flag.removeprefix("--").replace("-", "_").upper()


def _check(settings: Settings) -> None:
    if settings.log_level not in LOG_LEVELS:
        raise SettingsError(f"log level {settings.log_level!r}: give one of {', '.join(LOG_LEVELS)}")
    if settings.log_format not in LOG_FORMATS:
        raise SettingsError(f"log format {settings.log_format!r}: give one of {', '.join(LOG_FORMATS)}")
    bounds: Mapping[str, tuple[float, float, float]] = {
        "status-pace-seconds": (settings.status_pace_seconds, 0, 3600),
        "redis-timeout-seconds": (settings.redis_timeout_seconds, 0.05, 60),
        "reconcilers": (settings.reconcilers, 1, 256),
        "requests-in-flight": (settings.requests_in_flight, 1, 1024),
        "writes-per-second": (settings.writes_per_second, 1, 10_000),
        "resync-seconds": (settings.resync_seconds, 10, 86_400),
        "shards": (settings.shards, 1, 256),
        "metrics-port": (settings.metrics_port, 0, 65_535),
    }
    for name, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise SettingsError(f"--{name} is {value:g}: give a number from {least:g} to {most:g}")
    if settings.shards > 1 and settings.lease_namespace is None:
        raise SettingsError(
            f"--shards is {settings.shards}, but there is no --lease-namespace: one operator alone has all the pools."
            " Say where the operators that share them keep their Leases"
        )
