"""The command line: ``PYTHONPATH=operator:tests python -m demo [--stay | --push N | --end]``."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from demo.left_running import CLUSTER, LeftRunning
from demo.scene import Scene
from demo.screen import choose_screen
from demo.shop import NAMESPACE, Batch, push
from demo.stage import POOL, POOL_FILE, borrows_cluster, set_up
from demo.story import MissedError, Story
from demo.summary import HOW_TO_STAY, complaints, summarise, ways_on
from harness.cluster import running_cluster, start_cluster
from harness.errors import CommandFailedError, HarnessError
from ledger.checker import audit
from ledger.stream import read_ledger

if TYPE_CHECKING:
    from demo.screen import Screen
    from demo.stage import Stage

_INTERRUPTED = 130


def main() -> int:
    """Do what was asked for; 0 only when all of it came true."""
    options = _parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    for output in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            output.reconfigure(errors="replace")  # type: ignore[union-attr]
    # Without it kubectl would keep its cache in the working directory.
    os.environ.setdefault("HOME", str(Path.home()))
    try:
        if options.end:
            return _end()
        if options.push:
            return _push(options.push)
        return _play(stay=options.stay)
    except (HarnessError, TimeoutError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; what was started has ended", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description="Real Laravel workers follow a real Redis.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--stay", action="store_true", help="leave everything running afterwards")
    choice.add_argument("--push", type=int, metavar="N", help="push N more jobs into what was left running")
    choice.add_argument("--end", action="store_true", help="end what was left running")
    return parser


def _leave(number: int, _: object) -> None:
    """Unwind as an interruption does, so that nothing stays behind; further signals must not stop that."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _play(*, stay: bool) -> int:
    screen = choose_screen()
    begun = time.monotonic()
    try:
        screen.chapter("Setting the stage")
        with set_up(screen.say, stay=stay) as stage:
            try:
                came_true = _tell(stage, screen)
            finally:
                screen.close()
                if not stay or sys.exc_info()[0]:
                    screen.show("\nEnding the cluster, Redis and the operator, which takes some seconds.")
            ends_with = ways_on(stage.kubectl, namespace=NAMESPACE, log=str(stage.operator.log))
        screen.show(f"\n{ends_with if stay else HOW_TO_STAY}")
        screen.show(f"\n{'It all came true' if came_true else 'It did not come true'}, in {_minutes(begun)}.")
    finally:
        screen.close()
    return 0 if came_true else 1


def _minutes(begun: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    return f"{minutes} min {seconds} s"


def _tell(stage: Stage, screen: Screen) -> bool:
    """Tell the story and check the ledger; False when something did not come true, with the evidence shown."""
    screen.say(f"This is the pool ({POOL_FILE.name}):")
    screen.show("\n" + "\n".join(f"      {line}" for line in stage.pool_file.splitlines()))
    stage.namespace.kubectl("apply", "--filename=-", input=stage.pool_file)
    with Scene(stage) as scene:
        story = Story(stage, scene, screen)
        missed = _miss(story)
        story.figures.peak = scene.peak
    screen.close()
    courses = {job: course for batch in story.batches for job, course in batch.courses().items()}
    found = audit(courses, read_ledger(stage.redis))
    if missed:
        screen.show(f"\nIt did not come true: {missed}")
    else:
        screen.chapter("What the jobs themselves wrote down")
        screen.show(summarise(story.figures, found))
        for sentence in complaints(found):
            screen.show(f"\n{sentence}")
    if missed or not found.clean:
        screen.show(f"\nkubectl describe qwp {POOL}\n{stage.namespace.kubectl('describe', 'qwp', POOL)}")
        screen.show(f"\nThe operator's log closes with:\n{stage.log_tail()}")
    return not missed and found.clean


def _miss(story: Story) -> str:
    """Tell chapter after chapter; return what did not come true, if anything."""
    try:
        for chapter in story.chapters:
            chapter()
    except (MissedError, CommandFailedError) as error:
        return str(error)
    return ""


def _push(count: int) -> int:
    cluster = start_cluster() if borrows_cluster() else running_cluster(CLUSTER)
    batch = Batch(prefix=f"more-{secrets.token_hex(2)}", count=count, milliseconds=1500)
    going_on = push(cluster, [batch])
    going_on.finished.wait()
    going_on.require_no_failure()
    print(f"{count} jobs of 1.5 s are pushed")
    return 0


def _end() -> int:
    left = LeftRunning.load()
    if left is None:
        print("demo: nothing was left running")
        return 0
    left.end()
    print("demo: what was left running has ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
