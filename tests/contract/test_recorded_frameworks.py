"""
What real frameworks sent to Redis, replayed command by command.

The files in ``tests/vectors`` were recorded from real producers and workers.
After every command the operator must see what a model of the storage, written
here without looking at the operator, says is there.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.asking import counts, observe_one, pool, reading_at
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract.conftest import Checked
    from contract.topologies import Topology
    from queueworkers.frameworks.base import Framework

VECTORS = Path(__file__).parent.parent / "vectors"
QUEUES = ("default", "emails", "raw", "low", "bulk")
SPEAKING = {"RPUSH", "LPOP", "ZADD", "ZREM", "DEL"}


@dataclass
class Model:
    """Lists and sorted sets of one database, as far as queues need them."""

    lists: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sets: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def apply(self, name: str, key: str, *rest: str) -> None:
        """Do what the command does."""
        if name == "RPUSH":
            self.lists[key].extend(rest)
        elif name == "LPOP":
            del self.lists[key][:1]
        elif name == "ZADD":
            self.sets[key][rest[1]] = int(rest[0])
        elif name == "ZREM":
            self.sets[key].pop(rest[0], None)
        elif name == "DEL":
            for each in (key, *rest):
                self.lists.pop(each, None)
                self.sets.pop(each, None)

    def expect(self, ready: str, now: int) -> tuple[int, int, int, int, int]:
        """(ready, delayed, due, reserved, expired) of the queue whose list is *ready*."""
        delayed, reserved = self.sets[f"{ready}:delayed"], self.sets[f"{ready}:reserved"]
        return (
            len(self.lists[ready]),
            len(delayed),
            sum(score <= now for score in delayed.values()),
            len(reserved),
            sum(score <= now for score in reserved.values()),
        )


def recorded(version: str, *, shift_to: float | None, spell: Callable[[str], str]) -> Iterator[list[str]]:
    """
    The commands of a recording that change queues, each key as *spell* names it.

    *shift_to* moves the scores as if the recording had been made then, so that
    what was due later is due later again.
    """
    lines = [json.loads(line) for line in (VECTORS / f"{version}.jsonl").read_text().splitlines()]
    shift = 0 if shift_to is None else round(shift_to - lines[0]["ts"])
    for line in lines:
        argv = line["argv"]
        if line["db"] != 0 or argv[0] not in SPEAKING:
            continue  # the cache's database, or a command that reads
        if argv[0] == "ZADD":
            argv[2] = str(int(argv[2]) + shift)
        keys = len(argv) if argv[0] == "DEL" else 2
        yield [argv[0], *map(spell, argv[1:keys]), *argv[keys:]]


def in_braces(key: str) -> str:
    """Name a key as it is on a cluster, where the braces of a queue's name keep its keys together."""
    return re.sub(r"(?<!\{)queues:([a-z]+)", r"queues:{\1}", key)


@dataclass(frozen=True)
class Recording:
    """A file of commands, and the pool that a developer would declare for them."""

    name: str
    framework: Framework
    version: tuple[int, ...]
    prefix: str
    list_key: str
    """Where the jobs of the queue ``{}`` are."""
    braces_itself: bool
    """Whether the framework puts a queue's name in braces on a cluster; else the application has to."""


RECORDINGS = [
    Recording(
        "laravel-8.83.26",
        LARAVEL,
        (8, 83, 26),
        "laravel_database_",
        "laravel_database_queues:{}",
        braces_itself=False,
    ),
    Recording(
        "laravel-13.26.1",
        LARAVEL,
        (13, 26, 1),
        "laravel-database-",
        "laravel-database-queues:{}",
        braces_itself=True,
    ),
    Recording("think-queue-1.1.6", THINKPHP, (1, 1, 6), "", "queues:{}", braces_itself=False),
    Recording("think-queue-3.0.9", THINKPHP, (3, 0, 9), "", "{{queues:{}}}", braces_itself=True),
]


@pytest.mark.parametrize("moved", [pytest.param(False, id="long-ago"), pytest.param(True, id="just-now")])
@pytest.mark.parametrize("recording", [pytest.param(each, id=each.name) for each in RECORDINGS])
async def test_every_step_is_counted_right(
    topology: Topology, checked: Checked, *, recording: Recording, moved: bool
) -> None:
    """After each recorded command, the reader's counts are those of the model, whatever the shape of Redis."""
    spell = in_braces if topology.clustered else str
    queues = {name: spell(recording.list_key.format(name)) for name in QUEUES}
    braces = topology.clustered and not recording.braces_itself
    request = pool(
        framework=recording.framework,
        version=recording.version,
        prefix=recording.prefix,
        clustered=topology.clustered,
        queues=tuple(f"{{{name}}}" if braces else name for name in queues),
    )
    model, steps, seen = Model(), 0, set()
    topology.flush()
    async with reading_at(topology.endpoint) as reader:
        for argv in recorded(recording.name, shift_to=time.time() if moved else None, spell=spell):
            topology.client.execute_command(*argv)
            model.apply(*argv)
            steps += 1
            read = counts(await observe_one(reader, request)).values()
            expected = [model.expect(key, int(time.time())) for key in queues.values()]
            assert [*read] == expected, argv
            seen |= {state for each in expected for state, count in enumerate(each) if count}
    topology.flush()
    checked(
        recording.framework.name,
        recording.name.rpartition("-")[2],
        topology.name,
        steps,
        server=topology.server,
    )
    # ready, delayed and reserved were all met; moved in time nothing is due, unmoved everything is.
    assert seen >= {0, 1, 3}
    assert ({2, 4} <= seen) is not moved
