"""What a run is told with, and what is kept of one that went wrong."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.pools import Namespace
    from ledger.driver import Account

_NAMED = 20
"""Findings that are shown with all their lines when there are more."""

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
    """Name what is wrong, the first of each sort with all that they wrote; empty when nothing is."""
    found = account.found
    sorts = {
        "lost": found.lost,
        "unfinished": found.unfinished,
        "cut off": found.cut_off,
        "run twice": found.run_twice,
        "unexplained": found.unexplained,
    }
    return "\n".join(
        "\n  ".join((f"{account.subject}: {len(findings)} {sort}", *map(str, findings[:_NAMED])))
        for sort, findings in sorts.items()
        if findings
    )


def keep_evidence(account: Account, namespace: Namespace, *, operator_log: Path) -> Path:
    """Write down all that may tell why something is wrong, and return the folder; nobody deletes it."""
    folder = Path(tempfile.mkdtemp(prefix="qwp-ledger-"))
    lines = (json.dumps(asdict(entry)) for entry in account.entries)
    (folder / "ledger.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "findings.txt").write_text("\n".join(map(str, account.found.findings)), encoding="utf-8")
    (folder / "journal.txt").write_text("\n".join(account.journal), encoding="utf-8")
    if operator_log.exists():
        (folder / "operator.log").write_bytes(operator_log.read_bytes())
    for kind in ("events", "pods", "replicasets", "deployments", "qwp"):
        (folder / f"{kind}.json").write_text(_all(namespace, kind), encoding="utf-8")
    return folder


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
