"""Whatever the image does to signals, a worker that is asked to leave ends its job first, and leaves then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cluster.alone import start_alone, without_supervisor
from cluster.shop import POOL
from harness.php import ImageVariant

if TYPE_CHECKING:
    from cluster.shop import Json, Shop

pytestmark = pytest.mark.usefixtures("operator")

JOB_SECONDS = 6
TIMEOUT_SECONDS = 20
GRACE_SECONDS = 9
"""Long enough for the job in hand, too short for the next one."""

PLAIN_SHELL = ("sh", "-c", 'php artisan "$@"; exit $?', "worker")
FORWARDING_SHELL = ("sh", "-c", 'php artisan "$@" & trap "kill -QUIT $!" QUIT; wait $!; wait $!', "worker")
SLOW_BOOT_SECONDS = 4
SLOW_BOOT = ("sh", "-c", f'sleep {SLOW_BOOT_SECONDS}; exec php artisan "$@"', "worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What stands between the kubelet's signal and the worker."""

    image: ImageVariant = ImageVariant.ROOT
    command: tuple[str, ...] | None = None
    security: str = "Compatible"

    def spec(self, shop: Shop, images: dict[ImageVariant, str]) -> Json:
        """One worker behind the obstacle."""
        command = {"command": list(self.command)} if self.command else {}
        return shop.spec(
            image=images[self.image],
            security=self.security,
            scaling={"maxReplicas": 1, "replicas": 1},
            timeout=TIMEOUT_SECONDS,
            **command,
        )


NONE = Obstacle()
OBSTACLES = [
    pytest.param(Obstacle(image=ImageVariant.SIGQUIT), id="STOPSIGNAL SIGQUIT"),
    pytest.param(Obstacle(command=PLAIN_SHELL), id="a shell as first process"),
    pytest.param(
        Obstacle(image=ImageVariant.SIGQUIT, command=FORWARDING_SHELL), id="SIGQUIT, which a script passes on"
    ),
    pytest.param(
        Obstacle(image=ImageVariant.RESTRICTED, command=PLAIN_SHELL, security="Restricted"),
        id="a shell, and no capability",
    ),
]


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_the_job_in_hand_is_the_last_one_and_ends(
    shop: Shop, laravel_images: dict[ImageVariant, str], obstacle: Obstacle
) -> None:
    """A busy worker that is asked to leave ends its job and begins no other; without the supervisor one is cut off."""
    namespace = shop.namespace
    namespace.apply_pool(POOL, obstacle.spec(shop, laravel_images))
    jobs = shop.push(4, milliseconds=JOB_SECONDS * 1000)
    shop.wait_for_jobs("start", 1)
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL), timeout_seconds=JOB_SECONDS + 5)
    shop.assert_each_done_once(jobs[:1])

    template = namespace.deployment(POOL)["spec"]["template"]
    start_alone(shop, without_supervisor(template, grace_seconds=GRACE_SECONDS))
    shop.wait_for_jobs("start", 2)
    namespace.kubectl("delete", "pod", "alone")
    assert shop.count("start") > shop.count("end"), "the supervisor makes no difference"


@pytest.mark.parametrize("obstacle", [pytest.param(NONE, id="no obstacle"), *OBSTACLES])
def test_an_idle_worker_leaves_at_once(
    shop: Shop, laravel_images: dict[ImageVariant, str], obstacle: Obstacle
) -> None:
    """It has nothing in hand, so there is nothing to wait for."""
    namespace = shop.namespace
    namespace.apply_pool(POOL, obstacle.spec(shop, laravel_images))
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    asked_at = time.monotonic()
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    assert time.monotonic() - asked_at < 5


@pytest.mark.parametrize(
    "command", [None, PLAIN_SHELL, FORWARDING_SHELL], ids=["no shell", "a shell", "a script"]
)
def test_an_ordinary_end_raises_no_warning(shop: Shop, command: tuple[str, ...] | None) -> None:
    """The hook is over before the container is: the kubelet calls one that was cut off a failure."""
    namespace = shop.namespace
    asked = {"command": list(command)} if command else {}
    namespace.apply_pool(POOL, shop.spec(scaling={"maxReplicas": 5, "replicas": 5}, **asked))
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    namespace.kubectl("scale", f"qwp/{POOL}", "--replicas=0")
    namespace.wait("no pod is left", lambda: not namespace.pods(POOL))
    told = [
        event["reason"] for event in namespace.list_all("events") if event["reason"] == "FailedPreStopHook"
    ]
    assert not told


def test_ready_means_that_the_worker_listens(shop: Shop) -> None:
    """A pod whose container runs is not ready before its worker has booted, however long that takes."""
    namespace = shop.namespace
    spec = shop.spec(command=list(SLOW_BOOT), scaling={"maxReplicas": 1, "replicas": 1})
    namespace.apply_pool(POOL, spec)
    namespace.wait_for_reason(POOL, "Complete", kind="Progressing")
    (pod,) = namespace.pods(POOL)
    assert boot_time(pod) >= timedelta(seconds=SLOW_BOOT_SECONDS - 1)
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def boot_time(pod: Json) -> timedelta:
    """From the container's start to the pod's readiness, each told in whole seconds."""
    (container,) = pod["status"]["containerStatuses"]
    ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
    started_at = datetime.fromisoformat(container["state"]["running"]["startedAt"])
    return datetime.fromisoformat(ready["lastTransitionTime"]) - started_at
