"""What the demonstration ends with: figures, and how to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.checker import Audit

_NAMED = 5
"""Jobs that are named when something is wrong with more."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was measured on the way; ``None`` for what did not come to pass."""

    woke_after: float | None = None
    """Seconds from the moment at which the shop was about to start PHP, to push."""
    full_after: float | None = None
    """The same, to all workers being ready."""
    peak: int = 0
    in_hand_at_restart: int | None = None
    replaced: int | None = None
    woke_before_due: float | None = None
    zero_reached: int = 0


def summarise(figures: Figures, found: Audit) -> str:
    """Make the table at the end."""
    rows = [
        ("jobs pushed", str(found.jobs)),
        ("done exactly once", str(found.done)),
        ("lost", str(len(found.lost))),
        ("run twice", str(len(found.run_twice))),
        ("cut off", str(len(found.cut_off))),
        ("first push to first scale-up", _seconds(figures.woke_after)),
        ("first push to all workers ready", _seconds(figures.full_after)),
        ("workers at peak", str(figures.peak)),
        ("workers replaced by the restart", _number(figures.replaced)),
        ("jobs in hand when it was asked for", _number(figures.in_hand_at_restart)),
        ("scale-up to delayed jobs due", _seconds(figures.woke_before_due)),
        ("times back at zero", str(figures.zero_reached)),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"   {name:<{width}}   {value:>8}" for name, value in rows)


def complaints(found: Audit) -> Sequence[str]:
    """Say what is wrong with the ledger, in sentences; none when nothing is."""
    troubles = (
        ("never came to an end", found.lost),
        ("were begun or ended more often than they were to be", found.run_twice),
        ("were taken by a worker and came to no outcome", found.cut_off),
        ("wrote in the ledger what nobody had planned", found.unexplained),
    )
    return [
        f"{len(findings)} jobs {words}, such as {', '.join(finding.job for finding in findings[:_NAMED])}."
        for words, findings in troubles
        if findings
    ]


def ways_on(kubectl: str, *, namespace: str, log: str) -> str:
    """Tell how to look around in what was left running."""
    return f"""\
The cluster, Redis and the operator go on running.  Look around:

   {kubectl} -n {namespace} get qwp -w
   {kubectl} -n {namespace} describe qwp orders
   {kubectl} -n {namespace} get pods -w
   {kubectl} explain qwp.spec.scaling
   tail -f {log}

Push more jobs, as the shop does, and watch:

   {kubectl} -n {namespace} exec deploy/website -- php artisan demo:push 50 --milliseconds=1500

End it all:

   make demo-down"""


HOW_TO_STAY = """\
Everything that was started has ended.  To look around yourself: make demo-up"""


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{max(0.0, value):.2f} s"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
