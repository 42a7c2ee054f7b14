"""
How a number of workers follows from what was read and measured, with the numbers put in.

One sentence for people, and the inputs beside it for who wants to check the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.domain.learning import GUESSED_BOOT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.api.scaling import ScalingSpec
    from queueworkers.domain.backlog import Backlog
    from queueworkers.domain.demand import Demand
    from queueworkers.domain.replicas import Sizing
    from queueworkers.domain.targets import Asked


def spell_seconds(seconds: float) -> str:
    """Write a short time as it is measured: ``40ms``, ``2.1s``, ``85s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 10 and round(seconds, 1) % 1 else f"{seconds:.0f}s"  # noqa: PLR2004 -- two digits


def spell_target(scaling: ScalingSpec) -> str:
    """Name the target in use, as in the pool: ``waitSeconds 30``."""
    if scaling.wait_seconds is None:
        return f"backlogPerWorker {scaling.effective_backlog_per_worker}"
    return f"waitSeconds {scaling.wait_seconds}"


def spell_asked(scaling: ScalingSpec, asked: Asked) -> str:
    """Say how many workers the backlog asks for, and how that comes about."""
    if asked.demand is None:
        return f"at {scaling.effective_backlog_per_worker} per worker, ask for {asked.replicas}"
    words = _spell_demand(scaling, asked.demand)
    if asked.needed < asked.replicas:
        return f"{words}; {asked.replicas} have a job in hand"
    return words


def _spell_demand(scaling: ScalingSpec, demand: Demand) -> str:
    need = demand.for_backlog
    if not demand.replicas:
        return "nothing arrives, ask for 0"
    if need.replicas < demand.for_load.replicas or not need.replicas:
        return (
            f"what arrives keeps {demand.load:.1f} busy, ask for {demand.replicas},"
            f" so that few jobs wait longer than {scaling.wait_seconds}s"
        )
    up_to = f" up to queue {need.queue}" if need.jobs and scaling.queue_waits else ""
    jobs = "1 job" if need.jobs == 1 else f"{need.jobs} jobs"
    return (
        f"{jobs}{up_to} of {spell_seconds(demand.job_seconds_of(need.queue))} to begin within"
        f" {spell_seconds(need.within_seconds)}, where a worker boots in {spell_seconds(demand.boot_seconds)},"
        f" ask for {need.replicas}"
    )


def list_inputs(backlog: Backlog, sizing: Sizing) -> Iterator[tuple[str, str]]:
    """List what a decision was made from, each with its name and unit."""
    asked, learned = sizing.asked, sizing.history.learned
    if asked is None:
        return
    yield "waiting jobs", str(asked.waiting)
    if backlog.waiting != asked.waiting:
        yield "waiting jobs that are held", str(backlog.waiting - asked.waiting)
    if asked.upcoming:
        yield "delayed jobs due before a new worker is ready", str(asked.upcoming)
    yield "jobs in hand", str(backlog.in_hand)
    boot = learned.boot_seconds
    if boot is None:
        yield "boot of a worker", f"{spell_seconds(GUESSED_BOOT_SECONDS)} (guessed)"
    else:
        yield "boot of a worker", spell_seconds(boot)
    if asked.demand is None:
        return
    yield "workers kept busy by what arrives", f"{asked.demand.load:.1f}"
    for flow in learned.flows:
        guessed = "" if flow.ended else " (guessed)"
        yield f"a job of {flow.last.name}", f"{spell_seconds(flow.job_seconds)}{guessed}"
