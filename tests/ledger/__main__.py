"""The command line: ``PYTHONPATH=operator:tests python -m ledger [--jobs N] [--seed N] [--comparison N]``."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.shop import Shop
from harness.cluster import start_cluster
from harness.errors import HarnessError
from harness.local_cluster import KUBELET_NODE
from harness.operator_process import OperatorProcess, install
from harness.php import laravel_archive, laravel_image, laravel_rootfs
from harness.pools import Namespace
from harness.redis import RedisServer
from ledger.driver import Driver
from ledger.plan import make_plan
from ledger.report import describe_disturbances, describe_findings, make_table, write_ledger, write_objects
from ledger.subjects import PlainDeployment, PoolOfWorkers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from ledger.driver import Account
    from ledger.subjects import Subject

_COMPARISON_AT_MOST = 5000
"""As many as tell enough; a plain Deployment needs longer for the same jobs."""
_INTERRUPTED = 130


def main() -> int:
    """Run it; 0 when no job of this operator's workers was lost, run twice or cut off."""
    options = _parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    # Without it kubectl would keep its cache in the working directory.
    os.environ.setdefault("HOME", str(Path.home()))
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    comparison = min(options.jobs, _COMPARISON_AT_MOST) if options.comparison is None else options.comparison
    try:
        return _run(seed, jobs=options.jobs, comparison=comparison)
    except (HarnessError, TimeoutError) as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ledger: interrupted; what was started has ended", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledger", description="Disturb workers, and count their jobs.")
    parser.add_argument("--jobs", type=int, default=2000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="the same one repeats a run's plan (default: any)")
    parser.add_argument(
        "--comparison",
        type=int,
        help=f"jobs for the plain Deployment, 0 for none (default: as many, at most {_COMPARISON_AT_MOST})",
    )
    return parser


def _leave(number: int, _: object) -> None:
    """Unwind as an interruption does, so that nothing stays behind; further signals must not stop that."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _run(seed: int, *, jobs: int, comparison: int) -> int:
    _tell(f"seed {seed}: {jobs:,} jobs, and {comparison:,} for comparison")
    # Before this process moves into a network without a way out.
    laravel_rootfs()
    laravel_archive()
    accounts = []
    with start_cluster("ledger", nodes=(KUBELET_NODE,)) as cluster:
        cluster.enter_network()
        install(cluster)
        shop = partial(_open_shop, cluster, laravel_image(cluster))
        with (
            _evidence() as folder,
            OperatorProcess(cluster, log=folder / "operator.log") as operator,
            shop() as opened,
        ):
            accounts.append(_account(PoolOfWorkers(opened, operator), seed, jobs, folder))
        if comparison:
            with _evidence() as folder, shop() as opened:
                accounts.append(_account(PlainDeployment(opened), seed, comparison, folder))
    print(f"\n{make_table(accounts)}\n\nSeed {seed}.", flush=True)
    return 0 if accounts[0].found.clean else 1


@contextmanager
def _evidence() -> Iterator[Path]:
    """Make a folder for all that may tell why something went wrong; it is left where something did."""
    folder = Path(tempfile.mkdtemp(prefix="qwp-ledger-"))
    try:
        yield folder
    except BaseException:
        _tell(f"what is known of it: {folder}")
        raise
    if (folder / "findings.txt").stat().st_size:
        _tell(f"what is known of it: {folder}")
    else:
        shutil.rmtree(folder)


@contextmanager
def _open_shop(cluster: Cluster, image: str) -> Iterator[Shop]:
    """Make an application with a namespace and a Redis of its own."""
    namespace = Namespace.create(cluster)
    try:
        with RedisServer(address=cluster.host_address) as redis:
            yield Shop(namespace=namespace, redis=redis, image=image)
    finally:
        namespace.delete()


def _account(subject: Subject, seed: int, jobs: int, folder: Path) -> Account:
    """Carry out a run, tell how it went, and write it down."""
    plan = make_plan(seed, jobs=jobs, kinds=tuple(subject.ways))
    _tell(
        f"{subject.name}: {plan.jobs:,} jobs in {len(plan.rounds)} bursts, {plan.disturbances} disturbances"
    )
    driver = Driver(subject, plan, tell=_tell)
    try:
        account = driver.run()
    finally:
        (folder / "journal.txt").write_text("\n".join(driver.journal), encoding="utf-8")
        write_objects(subject.shop.namespace, folder)
    write_ledger(account, folder)
    _tell(describe_disturbances(account))
    if not account.found.clean:
        _tell(describe_findings(account))
    return account


def _tell(line: str) -> None:
    print(f"ledger: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
