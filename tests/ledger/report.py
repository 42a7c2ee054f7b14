"""What a run is told with, and what is kept of one that went wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.pools import Namespace
    from ledger.checker import Finding
    from ledger.driver import Account

_NAMED = 20
"""Jobs that are shown when something is wrong with more."""

_HEADINGS = (
    "", "jobs", "attempts", "disturbances", "workers started", "lost", "run twice", "cut off", "minutes", "jobs/s",
)  # fmt: skip


def make_table(accounts: Sequence[Account]) -> str:
    """Make the table, one row for each subject, in Markdown that reads well in a terminal."""
    rows = [_HEADINGS, *(_row(account) for account in accounts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |"
        for row in rows
    ]
    rule = "| " + " | ".join(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]) + " |"
    return "\n".join([lines[0], rule, *lines[1:]])


def describe_disturbances(account: Account) -> str:
    """Say what was done to one subject, and what became of its workers."""
    kinds = "\n".join(f"    {count:>4}  {kind}" for kind, count in sorted(account.disturbances.items()))
    return (
        f"{account.subject}: {account.bursts} bursts of jobs, the number of workers changed {account.scalings} "
        f"times, {account.rollouts} times all were replaced.  Disturbances:\n{kinds}"
    )


def describe_findings(account: Account) -> str:
    """Name what is wrong, job by job with all that the job has written; empty when nothing is."""
    by_job: dict[str, list[Finding]] = {}
    for finding in account.found.findings:
        by_job.setdefault(finding.job, []).append(finding)
    lines = [f"{account.subject}: something is wrong with {len(by_job)} jobs"] if by_job else []
    for job, own in list(by_job.items())[:_NAMED]:
        lines.append(f"  {job} {'; '.join(finding.sentence for finding in own)}")
        lines += [f"    {entry}" for entry in own[0].entries]
    return "\n".join(lines)


def write_ledger(account: Account, folder: Path) -> None:
    """Write down the whole ledger, and what is wrong with it; an empty file where nothing is."""
    lines = (json.dumps(asdict(entry)) for entry in account.entries)
    (folder / "ledger.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "findings.txt").write_text("\n".join(map(str, account.found.findings)), encoding="utf-8")


def write_objects(namespace: Namespace, folder: Path) -> None:
    """Write down what the API server knows of the workers, and of their past."""
    for kind in ("events", "pods", "replicasets", "deployments", "qwp"):
        (folder / f"{kind}.json").write_text(_all(namespace, kind), encoding="utf-8")


def _all(namespace: Namespace, kind: str) -> str:
    try:
        return namespace.kubectl("get", kind, "--output=json")
    except CommandFailedError as error:
        return str(error)


def _row(account: Account) -> tuple[str, ...]:
    found = account.found
    return (
        account.subject,
        f"{found.jobs:,}",
        f"{found.attempts:,}",
        f"{sum(account.disturbances.values()):,}",
        f"{account.workers_started:,}",
        str(len(found.lost) + len(found.unfinished)),
        str(len(found.run_twice)),
        str(len(found.cut_off)),
        f"{account.seconds / 60:.1f}",
        f"{found.jobs / account.seconds:.0f}",
    )
