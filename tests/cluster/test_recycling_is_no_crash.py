"""Workers that end by design come back at once, for as long as it takes; those that crash are shown as crashes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cluster.alone import start_alone, without_supervisor
from cluster.shop import POOL
from harness.php import ImageVariant

if TYPE_CHECKING:
    from cluster.shop import Json, Shop

pytestmark = pytest.mark.usefixtures("operator")

ROUNDS = 15
ROUND_SECONDS = 10
JOBS_PER_ROUND = 4
JOBS_PER_LIFE = 2
ONE_WORKER = {"maxReplicas": 1, "replicas": 1}


def worker_of(pod: Json) -> Json:
    """What the kubelet says of the worker's container."""
    (container,) = pod["status"]["containerStatuses"]
    status: Json = container
    return status


def exits(shop: Shop) -> dict[int, tuple[int, bool]]:
    """How often workers ended and came back, and whether that is by design, by exit code."""
    told = shop.namespace.status(POOL).get("exits", [])
    return {each["exitCode"]: (each["count"], each["recycled"]) for each in told}


@pytest.mark.parametrize("variant", [ImageVariant.ROOT, ImageVariant.RESTRICTED])
def test_a_worker_that_recycles_for_minutes_is_never_held_back(
    shop: Shop, laravel_images: dict[ImageVariant, str], variant: ImageVariant
) -> None:
    """
    Every second job the worker ends; without the supervisor the kubelet would let it wait for minutes.

    Job after job is done within its round, the container is never started
    anew, the pod is always ready, and in the end each end is counted.
    """
    rounds = ROUNDS if variant is ImageVariant.ROOT else 3
    namespace = shop.namespace
    security = "Restricted" if variant is ImageVariant.RESTRICTED else "Compatible"
    spec = shop.spec(
        image=laravel_images[variant], security=security, scaling=ONE_WORKER, maxJobs=JOBS_PER_LIFE
    )
    namespace.apply_pool(POOL, spec)
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    jobs: list[str] = []
    for number in range(rounds):
        began_at = time.monotonic()
        jobs += shop.push(JOBS_PER_ROUND, ids=f"round{number}")
        shop.wait_for_jobs("end", len(jobs), seconds=ROUND_SECONDS)
        (pod,) = namespace.pods(POOL)
        assert (worker_of(pod)["restartCount"], worker_of(pod)["ready"]) == (0, True)
        time.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - began_at)))
    shop.assert_each_done_once(jobs)
    assert namespace.condition(POOL, "Ready")["status"] == "True"
    assert not [event for event in namespace.list_all("events") if event["reason"] == "BackOff"]
    log = namespace.kubectl("logs", f"pod/{pod['metadata']['name']}")
    recycled = len(jobs) // JOBS_PER_LIFE
    assert f"since the container's start: {recycled} x 0" in log

    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("each end is counted", lambda: exits(shop) == {0: (recycled, True)})


def test_the_kubelet_alone_holds_such_a_worker_back(shop: Shop) -> None:
    """The same worker in the same pod, without the supervisor: within a minute it is in a crash loop."""
    namespace = shop.namespace
    namespace.apply_pool(POOL, shop.spec(scaling={**ONE_WORKER, "mode": "Recommend"}, maxJobs=1))
    namespace.wait("there is a template", lambda: namespace.find("deployment", f"{POOL}-workers") is not None)
    shop.push(5)
    start_alone(shop, without_supervisor(namespace.deployment(POOL)["spec"]["template"]))
    namespace.wait(
        "the kubelet backs off",
        lambda: "BackOff" in {event["reason"] for event in namespace.list_all("events")},
        timeout_seconds=60,
    )


def test_memory_and_restarts_are_counted_by_reason(shop: Shop) -> None:
    """A worker above its memory and one that queue:restart ended are two reasons, with their words."""
    namespace = shop.namespace
    env = {**shop.environment, "CACHE_DRIVER": "redis"}
    spec = shop.spec(
        scaling=ONE_WORKER,
        memory=1,
        resources={"limits": {"memory": "128Mi"}},
        restart={"minReadySeconds": 1, "onSignal": "Ignore"},
        env=[{"name": name, "value": value} for name, value in env.items()],
    )
    namespace.apply_pool(POOL, spec)
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    shop.push(3)
    shop.wait_for_jobs("end", 3)
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("the ends are counted", lambda: exits(shop).get(12, (0, False))[0] >= 3)
    (memory,) = (each for each in namespace.status(POOL)["exits"] if each["exitCode"] == 12)
    assert (memory["recycled"], memory["meaning"]) == (True, "memory limit (--memory) reached between jobs")


def test_a_crash_is_the_kubelets_and_shown(shop: Shop) -> None:
    """A job that outlasts its time kills its worker: once that is daily life, and again and again it is a crash loop."""
    namespace = shop.namespace
    namespace.apply_pool(POOL, shop.spec(scaling=ONE_WORKER, timeout=2, tries=9, retryAfter=3))
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    shop.push(3, milliseconds=60_000)
    told = namespace.wait_for_reason(POOL, "WorkersCrashing", seconds=60)
    assert "last exit code 137 (killed: a job ran longer than --timeout, or out of memory)" in told["message"]
    (pod,) = namespace.pods(POOL)
    assert worker_of(pod)["restartCount"] >= 1
    assert worker_of(pod)["lastState"]["terminated"]["exitCode"] == 137
    namespace.wait("the crashes are counted", lambda: exits(shop).get(137, (0, True))[0] >= 2)
    assert exits(shop)[137][1] is False
