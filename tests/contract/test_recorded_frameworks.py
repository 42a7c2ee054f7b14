"""
What real frameworks sent to Redis, replayed command by command.

The files in ``tests/vectors`` were recorded from real producers and workers.
After every command the operator must see what a model of the storage, written
here without looking at the operator, says is there.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from contract.asking import counts, endpoint_of, observe_one, pool, reading_at
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.redis import RedisServer

VECTORS = Path(__file__).parent.parent / "vectors"
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


def recorded(version: str, *, shift_to: float | None) -> Iterator[list[str]]:
    """
    The commands of a recording that change queues.

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
        yield argv


@pytest.mark.parametrize("moved", [pytest.param(False, id="long-ago"), pytest.param(True, id="just-now")])
@pytest.mark.parametrize(
    ("recording", "framework", "version", "prefix", "spelling"),
    [
        pytest.param(
            "laravel-8.83.26",
            LARAVEL,
            (8, 83, 26),
            "laravel_database_",
            "laravel_database_queues:{}",
            id="laravel-8",
        ),
        pytest.param(
            "laravel-13.26.1",
            LARAVEL,
            (13, 26, 1),
            "laravel-database-",
            "laravel-database-queues:{}",
            id="laravel-13",
        ),
        pytest.param("think-queue-1.1.6", THINKPHP, (1, 1, 6), "", "queues:{}", id="think-1"),
        pytest.param("think-queue-3.0.9", THINKPHP, (3, 0, 9), "", "{{queues:{}}}", id="think-3"),
    ],
)
async def test_every_step_is_counted_right(
    redis_server: RedisServer,
    checked: list[tuple[str, str, int]],
    *,
    recording: str,
    framework: Any,
    version: tuple[int, ...],
    prefix: str,
    spelling: str,
    moved: bool,
) -> None:
    """After each recorded command, the reader's counts are those of the model."""
    names = ("default", "emails", "raw", "low", "bulk")
    request = pool(framework=framework, version=version, prefix=prefix, queues=names)
    client = redis.Redis(host=redis_server.address, port=redis_server.port)
    model, steps, seen = Model(), 0, set()
    async with reading_at(endpoint_of(redis_server)) as reader:
        for argv in recorded(recording, shift_to=time.time() if moved else None):
            client.execute_command(*argv)
            model.apply(*argv)
            steps += 1
            expected = {name: model.expect(spelling.format(name), int(time.time())) for name in names}
            assert counts(await observe_one(reader, request)) == expected, argv
            seen |= {state for each in expected.values() for state, count in enumerate(each) if count}
    client.close()
    checked.append((framework.name, f"{recording.rpartition('-')[2]} {'now' if moved else 'old'}", steps))
    # ready, delayed and reserved were all met; moved in time nothing is due, unmoved everything is.
    assert seen >= {0, 1, 3}
    assert ({2, 4} <= seen) is not moved
