"""The story: what happens to the pool, chapter by chapter, and what must come true in each."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from demo.shop import PREFIX, Batch, push
from demo.summary import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from demo.scene import Scene
    from demo.screen import Screen
    from demo.shop import Push
    from demo.stage import Stage

MAXIMUM = 6
_WORKING = 12
"""Jobs that are done before the restart is asked for."""
_DELAY_SECONDS = 20
_BOOT_SECONDS = 10
"""More than a worker takes to boot here."""
_LOOK_SECONDS = 0.05


class MissedError(Exception):
    """Something that had to come true has not; the message is a sentence about it."""


class Story:
    """
    One telling.

    Args:
        stage: What it plays on.
        scene: What there is to be seen there at any moment.
        screen: Where it is told.
    """

    def __init__(self, stage: Stage, scene: Scene, screen: Screen) -> None:
        self._stage = stage
        self._scene = scene
        self._screen = screen
        self._batches: list[Batch] = []
        self._pushes: list[Push] = []
        run = secrets.token_hex(2)
        self._work = (
            Batch(prefix=f"order-{run}", count=100, milliseconds=1500),
            Batch(prefix=f"mail-{run}", count=24, milliseconds=3000, queue="high"),
            Batch(prefix=f"flaky-{run}", count=8, milliseconds=1000, failures=1),
        )
        self._reminders = (
            Batch(prefix=f"reminder-{run}", count=6, milliseconds=1000, delay_seconds=_DELAY_SECONDS),
        )
        self.figures = Figures()

    @property
    def batches(self) -> Sequence[Batch]:
        """All that was pushed so far."""
        return self._batches

    @property
    def chapters(self) -> Sequence[Callable[[], None]]:
        """In their order; each raises MissedError when it does not come to its end."""
        return (self.asleep, self.wakes, self.restarts, self.rests, self.remembers)

    def asleep(self) -> None:
        """A pool without work has no workers."""
        self._screen.chapter("1. No jobs, no workers")
        self._screen.say(
            "The pool is applied. Its queues are empty, so it has no worker: minReplicas is 0. "
            "The operator goes on looking at Redis, once for all pools that share it."
        )
        self._wait(
            "the pool to look at its queues and rest at zero",
            lambda: self._scene.known and self._scene.wanted == 0,
            seconds=30,
        )
        self._linger(2)

    def wakes(self) -> None:
        """The first job wakes it; it grows to its maximum in one step."""
        count = sum(batch.count for batch in self._work)
        self._screen.chapter(f"2. The shop pushes {count} jobs: the pool wakes")
        self._screen.say(
            "php artisan pushes 100 orders, 24 urgent mails, and 8 jobs that fail at the first try. "
            f"One worker for every 5 waiting jobs would be {-(-count // 5)}; maxReplicas allows {MAXIMUM}."
        )
        going_on = self._push(self._work)
        self._wait("workers to be asked for", lambda: self._scene.wanted > 0, seconds=20)
        if going_on.began_at is not None:
            self.figures.woke_after = time.monotonic() - going_on.began_at
        self._wait(f"{MAXIMUM} workers to be asked for", lambda: self._scene.wanted == MAXIMUM, seconds=30)
        self._wait(f"all {MAXIMUM} to be ready", lambda: self._scene.ready == MAXIMUM, seconds=90)
        if going_on.began_at is not None:
            self.figures.full_after = time.monotonic() - going_on.began_at
        self._screen.say(f"{MAXIMUM} workers are at it, the urgent queue first.")

    def restarts(self) -> None:
        """A restart replaces every worker, each after the job that it has in hand."""
        self._wait(f"the first {_WORKING} jobs to be done", lambda: self._scene.done >= _WORKING, seconds=60)
        self._screen.chapter("3. All workers are restarted, in the middle of the work")
        old = self._scene.pod_uids()
        self.figures.in_hand_at_restart = len(self._scene.busy())
        now = datetime.now(tz=UTC).isoformat(timespec="seconds")
        self._screen.say(f'kubectl annotate qwp/orders kubectl.kubernetes.io/restartedAt="{now}"')
        self._screen.say(
            f"{self.figures.in_hand_at_restart} jobs are in hand. Each old worker finishes its own "
            "and leaves only when its successor works."
        )
        self._scene.shortage = 0
        restarted_at = f"kubectl.kubernetes.io/restartedAt={now}"
        self._stage.namespace.kubectl("annotate", "qwp/orders", restarted_at, "--overwrite")
        self._wait(
            "the pool to say RollingRestart", lambda: self._scene.progress == "RollingRestart", seconds=20
        )
        self._wait(
            f"all {len(old)} old workers to be replaced",
            lambda: not (old & self._scene.pod_uids()) and self._scene.progress != "RollingRestart",
            seconds=120,
        )
        if self._scene.shortage:
            raise MissedError(f"The restart left the pool {self._scene.shortage} workers short for a while.")
        self.figures.replaced = len(old)
        self._screen.say(f"All {len(old)} workers are new, and at no moment were fewer ready than wanted.")

    def rests(self) -> None:
        """Work that is done lets the pool go back to nothing."""
        self._screen.chapter("4. The work is done: back to zero")
        self._screen.say(
            "The last jobs; then a few quiet seconds, in case more comes, and the workers leave."
        )
        self._wait("every job to be done", lambda: self._scene.done >= self._scene.jobs, seconds=120)
        self._wait_for_zero()

    def remembers(self) -> None:
        """Delayed jobs are in no list, and workers are ready when they fall due, neither much earlier nor never."""
        count = sum(batch.count for batch in self._reminders)
        self._screen.chapter("5. Jobs for later: nothing in the list, and not forgotten")
        self._screen.say(
            f"The shop schedules {count} reminders, due in {_DELAY_SECONDS} s. Only a running worker would move "
            "them into the list that most scalers look at. The pool sleeps until a worker has just the time to boot."
        )
        going_on = self._push(self._reminders)
        self._wait("the reminders to be pushed", going_on.finished.is_set, seconds=30)
        due_at = self._due_at()
        while time.time() < due_at - _BOOT_SECONDS:
            self._look()
            if self._scene.wanted:
                raise MissedError("The pool woke long before any job was due.")
        self._wait("the pool to wake for them", lambda: self._scene.wanted > 0, seconds=20)
        self.figures.woke_before_due = due_at - time.time()
        self._screen.say(f"They are due in {self.figures.woke_before_due:.0f} s, and the pool is awake.")
        self._wait("every reminder to be done", lambda: self._scene.done >= self._scene.jobs, seconds=60)
        self._wait_for_zero()

    def _push(self, batches: Sequence[Batch]) -> Push:
        self._batches += batches
        self._scene.jobs = sum(batch.count for batch in self._batches)
        going_on = push(self._stage.cluster, batches)
        self._pushes.append(going_on)
        return going_on

    def _due_at(self) -> float:
        """When the first reminder falls due, from Redis itself."""
        key = f"{PREFIX}queues:default:delayed"
        return float(self._stage.redis.cli("ZRANGE", key, "0", "0", "WITHSCORES").splitlines()[-1])

    def _wait_for_zero(self) -> None:
        self._wait("no worker to be asked for", lambda: self._scene.wanted == 0, seconds=60)
        self._wait("the last worker to have left", lambda: not self._scene.pod_uids(), seconds=60)
        self.figures.zero_reached += 1
        self._screen.say("No worker is left. The pool is asleep.")

    def _linger(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()

    def _wait(self, what: str, satisfied: Callable[[], bool], *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not satisfied():
            if time.monotonic() > deadline:
                raise MissedError(f"Waited {seconds:.0f} s for {what}, in vain.")
            self._look(f"waiting for {what}")

    def _look(self, doing: str = "watching") -> None:
        time.sleep(_LOOK_SECONDS)
        self._stage.require_operator()
        for going_on in self._pushes:
            going_on.require_no_failure()
        self._screen.table(self._scene.look())
        self._screen.picture(self._scene.picture(doing))
