"""What the time and the memory of a start go to, and the least that anybody would need for it."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.audit import Audit
from harness.operator_process import USER, OperatorProcess
from harness.progress import wait_until
from measuring import profiled_operator
from measuring.pools import NAMESPACES, namespace_of
from measuring.quantiles import median
from measuring.table import format_table
from scale.cold_start import START_SECONDS, wait_until_ready, wait_until_watching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.cluster import Cluster

LISTED = (
    "/apis/queueworkers.io/v1alpha1/namespaces/{}/queueworkerpools",
    "/apis/apps/v1/namespaces/{}/deployments",
)
SHOWN = 12
TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Of starts over so many pools, until everything is watched."""

    pools: int
    seconds: Mapping[str, float]
    """Processor time by area; a profiler makes all of it longer."""
    mib: Mapping[str, float]
    """Memory in use afterwards by area."""
    floor: Floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What has to be received and read once at the least."""

    listed_mib: float
    """The JSON of all pools and their Deployments."""
    parse_seconds: float
    """Processor time of `json.loads` for it."""


def profile_start(cluster: Cluster, *, pools: int) -> Profile:
    """Start an operator under each profiler."""
    return Profile(
        pools=pools,
        seconds=_run(cluster, "time", pools=pools),
        mib=_run(cluster, "memory", pools=pools),
        floor=_measure_floor(cluster),
    )


def _run(cluster: Cluster, kind: str, *, pools: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(prefix="qwp-bench-") as folder:
        file = Path(folder) / "areas.json"
        audit = Audit(cluster, USER)
        operator = OperatorProcess(cluster, program=("-P", str(profiled_operator.__file__), kind, str(file)))
        try:
            operator.start(within_seconds=START_SECONDS)
            wait_until_ready(operator, pools=pools)
            wait_until_watching(operator, audit)
            os.kill(operator.pid, signal.SIGUSR1)
            wait_until(file.exists, what="the profile is written", timeout_seconds=300.0)
        finally:
            operator.__exit__()
        areas: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
        return areas


def _measure_floor(cluster: Cluster) -> Floor:
    documents = [
        cluster.run_kubectl("get", "--raw", path.format(namespace_of(number)))
        for path in LISTED
        for number in range(NAMESPACES)
    ]
    return Floor(
        listed_mib=sum(len(each.encode()) for each in documents) / 2**20,
        parse_seconds=median([_parse_seconds(documents) for _ in range(TRIES)]),
    )


def _parse_seconds(documents: list[str]) -> float:
    began = time.process_time()
    for each in documents:
        json.loads(each)
    return time.process_time() - began


def format_profile(profile: Profile) -> str:
    """Write where it goes, the largest first, and the floor beneath."""
    floor = (
        f"The pools and Deployments are {profile.floor.listed_mib:.1f} MiB of JSON, which `json.loads` reads in "
        f"{profile.floor.parse_seconds:.2f} s: nobody who lists them once needs less."
    )
    return "\n\n".join(
        (
            f"A start over {profile.pools:,} pools, until everything is watched, by what it goes to:",
            _format_areas(profile.seconds, "processor time under a profiler", "s"),
            _format_areas(profile.mib, "memory in use afterwards", "MiB"),
            floor,
        )
    )


def _format_areas(areas: Mapping[str, float], name: str, unit: str) -> str:
    total = sum(areas.values())
    largest = sorted(areas.items(), key=lambda each: -each[1])
    shown = [*largest[:SHOWN], ("all others", sum(amount for _, amount in largest[SHOWN:])), ("all", total)]
    rows = [[area, f"{amount:.2f} {unit}", f"{amount / total:.0%}"] for area, amount in shown]
    return format_table([name, "", "part"], rows)
