"""`qwp` sees pools, restarts them, and lets them rest: against an API server, with an operator at work."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apiserver.pools_in_use import push, quick_pool
from harness.terminal import run_qwp, start_qwp

if TYPE_CHECKING:
    from harness.pools import Namespace
    from harness.redis import RedisServer

pytestmark = pytest.mark.usefixtures("operator")

PAGE = Path("docs/qwp.md").read_text(encoding="utf-8")

TWO = {"minReplicas": 2, "maxReplicas": 2}


def working_pool(namespace: Namespace, redis: RedisServer, name: str = "orders") -> None:
    """Have a pool with two workers that are ready."""
    namespace.apply_pool(name, quick_pool(redis, scaling=TWO))
    namespace.wait("it works", lambda: namespace.status(name)["workers"]["working"] == 2)


def shown_below(command: str) -> str:
    """What the page shows that a command writes, without its moments and numbers, which differ."""
    found = re.search(rf"^\$ {re.escape(command)}.*\n((?:[^$`].*\n)+)", PAGE, re.MULTILINE)
    assert found, f"docs/qwp.md does not show {command}"
    return without_figures(found[1])


def without_figures(written: str) -> str:
    """Take out the moments and the numbers."""
    return re.sub(r"\d+ of \d+", "N of M", re.sub(r"\d{4}-[\d-]+T[\d:]+Z", "MOMENT", written))


def test_a_pool_is_seen_from_every_side(namespace: Namespace, redis: RedisServer) -> None:
    """Its figures, its queues and its workers, for people and for programs."""
    working_pool(namespace, redis)
    push(redis, 30)
    namespace.wait("they are counted", lambda: namespace.status("orders")["backlog"]["ready"] == 30)

    code, written, _ = run_qwp(namespace, "status")
    assert code == 0
    header, figures, why = written.splitlines()
    assert header.split()[:4] == ["POOL", "WORKERS", "RANGE", "READY"]
    assert figures.split()[:4] == ["orders", "2/2", "2-2", "30"]
    assert "maxReplicas allows 2" in why

    told = json.loads(run_qwp(namespace, "status", "orders", "-o", "json")[1])
    assert told["pools"][0]["status"]["queues"] == namespace.status("orders")["queues"]

    queues = [line.split() for line in run_qwp(namespace, "queues", "orders")[1].splitlines()]
    assert [line[:3] for line in queues] == [
        ["POOL", "QUEUE", "READY"],
        ["orders", "high", "0"],
        ["orders", "default", "30"],
    ]

    workers = json.loads(run_qwp(namespace, "workers", "orders", "-o", "json")[1])["workers"]
    assert {each["name"] for each in workers} == {
        each["metadata"]["name"] for each in namespace.pods("orders")
    }
    assert {(each["state"], each["template"]) for each in workers} == {("Working", "new")}


def test_a_restart_is_seen_through(namespace: Namespace, redis: RedisServer) -> None:
    """When the command is back, no worker of before is at work."""
    working_pool(namespace, redis)
    before = {each["metadata"]["name"] for each in namespace.pods("orders")}

    code, written, complained = run_qwp(namespace, "restart", "orders", "--wait", "--timeout", "60s")

    assert (code, complained) == (0, "")
    assert written.splitlines()[-1] == f"{namespace.name}/orders: done"
    in_shop = without_figures(written.replace(namespace.name, "shop"))
    assert set(in_shop.splitlines()) <= set(shown_below("qwp restart orders --wait").splitlines())
    staying = {
        each["metadata"]["name"]
        for each in namespace.pods("orders")
        if "deletionTimestamp" not in each["metadata"]
    }
    assert len(staying) == 2
    assert not staying & before
    assert namespace.status("orders")["lastRestart"]["trigger"] == "Annotation"


def test_a_restart_that_is_held_ends_the_wait(namespace: Namespace, redis: RedisServer) -> None:
    """With a status of its own and the words of the condition: it lasts until somebody acts."""
    working_pool(namespace, redis)
    namespace.kubectl("patch", "qwp/orders", "--type=merge", '-p={"spec":{"restart":{"rollout":"Hold"}}}')

    code, written, _ = run_qwp(namespace, "restart", "orders", "--wait", "--timeout", "60s")

    assert code == 3
    assert "Held: 0/2 replaced; spec.restart.rollout is Hold" in written


def test_ctrl_c_leaves_the_restart_going(namespace: Namespace, redis: RedisServer) -> None:
    """And says so.  New workers that no node takes keep it going for as long as it is looked at."""
    working_pool(namespace, redis)
    namespace.kubectl(
        "patch",
        "qwp/orders",
        "--type=merge",
        '-p={"spec":{"podTemplate":{"spec":{"nodeSelector":{"type":"of-which-there-is-none"}}}}}',
    )
    namespace.wait("it replaces", lambda: namespace.status("orders")["rollout"]["phase"] == "Replacing")

    assert run_qwp(namespace, "restart", "orders", "--wait", "--timeout", "1s")[0] == 4

    with start_qwp(namespace, "restart", "orders", "--wait") as waiting:
        try:
            assert waiting.stdout
            assert waiting.stderr
            assert "asked for a restart" in waiting.stdout.readline()
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(timeout=30) == 130
            assert "The restart goes on without this command" in waiting.stderr.read()
        finally:
            waiting.kill()


def test_a_pool_rests_and_works_again(namespace: Namespace, redis: RedisServer) -> None:
    """Once is enough: the second time nothing is written."""
    working_pool(namespace, redis)

    written = run_qwp(namespace, "suspend", "orders")[1]
    assert written == f"{namespace.name}/orders: suspended\n"
    assert written.replace(namespace.name, "shop") == shown_below("qwp suspend orders")
    namespace.wait_for_reason("orders", "Suspended")
    generation = namespace.get("qwp", "orders")["metadata"]["generation"]
    assert run_qwp(namespace, "suspend", "orders")[1] == f"{namespace.name}/orders: suspended already\n"
    assert namespace.get("qwp", "orders")["metadata"]["generation"] == generation

    written = run_qwp(namespace, "resume", "orders")[1]
    assert written == f"{namespace.name}/orders: resumed\n"
    assert written.replace(namespace.name, "shop") == shown_below("qwp resume orders")
    namespace.wait("it works", lambda: namespace.status("orders")["workers"]["working"] == 2)


@pytest.mark.parametrize("command", ["restart", "suspend", "resume", "status"])
def test_a_wrong_name_changes_no_pool(namespace: Namespace, redis: RedisServer, command: str) -> None:
    """Not even those whose name is right."""
    namespace.apply_pool("orders", quick_pool(redis))
    before = namespace.get("qwp", "orders")

    code, _, complained = run_qwp(namespace, command, "orders", "odrers")

    assert (code, complained) == (1, f'qwp: there is no pool "odrers" in namespace "{namespace.name}"\n')
    after = namespace.get("qwp", "orders")
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("annotations") == before["metadata"].get("annotations")
