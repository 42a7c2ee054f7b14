"""
The reference page of the metrics, made from their declarations.

``python -m queueworkers.telemetry.reference`` prints it; with a folder it writes it there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from queueworkers.api.pages import write_or_print
from queueworkers.telemetry.families import LABELS
from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from queueworkers.telemetry.families import Family

FILE_NAME = "metrics.md"

HEADER = """\
<!-- Made by `python -m queueworkers.telemetry.reference`; change the declarations, not this file. -->

# Metrics

What `/metrics` tells; how to have it scraped, and what the health checks say: [Metrics and health](../metrics.md).
What is not known is absent, never 0.  A pool's series end with the pool.

"""


def render_page() -> str:
    """Make the text of the page."""
    labels = "".join(f"| `{name}` | {says} |\n" for name, says in LABELS.items())
    return (
        f"{HEADER}## Pools\n\n{_table(POOL_FAMILIES)}\n## The operator\n\n{_table(PROCESS_FAMILIES)}\n"
        "Besides these, `process_…` (memory, processor time, open files, start) and `python_gc_…`.\n\n"
        f"## Labels\n\n| Label | Values |\n| --- | --- |\n{labels}"
    )


def _table(families: Iterable[Family]) -> str:
    rows = "".join(
        f"| `{family.name}` | {family.kind} | {', '.join(f'`{label}`' for label in family.labels)} | {family.says} |\n"
        for family in families
    )
    return f"| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n{rows}"


def main(arguments: list[str]) -> None:
    """Print the page, or write it to its file in the folder given."""
    write_or_print({FILE_NAME: render_page}, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
