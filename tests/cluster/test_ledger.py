"""Whatever is done to a pool and its operator, no job suffers; where jobs do suffer, the ledger tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.operator_process import OperatorProcess
from ledger.driver import Driver
from ledger.plan import Disturbance, Job, Kind, Plan, Round, make_plan
from ledger.report import describe_findings, write_ledger, write_objects
from ledger.subjects import MOST_WORKERS, PlainDeployment, PoolOfWorkers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.shop import Shop
    from harness.cluster import Cluster

JOBS = 2000
SEED = 20261122


@pytest.fixture
def mortal(installed: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator of the test's own, to be killed."""
    with OperatorProcess(installed, log=tmp_path / "operator.log") as operator:
        yield operator


def test_no_job_is_lost_run_twice_or_cut_off(shop: Shop, mortal: OperatorProcess, tmp_path: Path) -> None:
    """Bursts of all sorts of jobs, and every kind of disturbance: each job goes its course, and no other."""
    driver = Driver(PoolOfWorkers(shop, mortal), make_plan(SEED, jobs=JOBS), tell=print)
    try:
        account = driver.run()
    finally:
        # pytest keeps the folder of its latest runs.
        (tmp_path / "journal.txt").write_text("\n".join(driver.journal), encoding="utf-8")
        write_objects(shop.namespace, tmp_path)
    write_ledger(account, tmp_path)
    assert account.found.clean, f"{describe_findings(account)}\nwhat is known of it: {tmp_path}"
    assert set(account.disturbances) == set(Kind), "\n".join(driver.journal)
    assert account.found.done == JOBS
    assert account.scalings > 5
    assert account.rollouts > 2
    assert account.workers_started > 20


def test_a_harsh_deployment_cuts_jobs_off_and_the_ledger_tells(shop: Shop) -> None:
    """Restarts with less grace than a job takes: jobs are cut off, and run again when they are anybody's again."""
    restarts = Disturbance(kind=Kind.ROLLOUT_RESTART, after_seconds=5, lasts_seconds=0, choice=0)
    # So many that each worker has one in hand from the first restart to the second.
    jobs = tuple(Job(identity=f"long-{number}", queue="default", milliseconds=8000) for number in range(24))
    plan = Plan(seed=0, rounds=(Round(jobs=jobs, disturbances=(restarts, restarts), pause_seconds=0),))
    subject = _AtWorkBeforeItIsDisturbed(shop, grace_seconds=2, timeout_seconds=10, retry_after_seconds=15)
    driver = Driver(subject, plan, tell=print)
    found = driver.run().found
    cut_off = {finding.job for finding in found.cut_off}
    assert cut_off, "\n".join(driver.journal)
    assert cut_off <= {finding.job for finding in (*found.run_twice, *found.lost)}
    assert not found.clean
    assert not found.unfinished


class _AtWorkBeforeItIsDisturbed(PlainDeployment):
    """Workers that have begun their jobs when the disturbances begin, however long they take to boot."""

    def burst_begins(self) -> None:
        super().burst_begins()
        self.shop.wait_for_jobs("start", MOST_WORKERS // 2)
