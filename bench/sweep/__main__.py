"""Measure what it costs to know very many queues: ``python -m sweep [POOLS] [--write]``, three queues each."""

from __future__ import annotations

import argparse
from pathlib import Path

import redis

from harness.redis import RedisServer
from measuring.machine import describe_machine
from measuring.pools import QUEUES
from sweep.looks import measure_looks
from sweep.stretches import measure_stretches

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "sweep.md"

TEXT = """\
# What it costs to know very many queues

Written by `make bench-sweep WRITE=1`; do not edit. {machine}

## One look

All queues are read in one go, over one connection. Where Redis tells of changes, their keys are named for it before; then
there is no other look until one changes, or for the net beneath.

{looks}

## A while

The part of the operator that reads, alone: no decision, no API server. `Push` is told of changes; `Poll` is the same server with a user who may not
ask for it, and every pool at the default interval of a second, as far as that can be kept up. A job is pushed into an
empty queue beside whatever else changes.

{stretches}
"""


def main() -> None:
    """Measure, print, and write the page if that is wanted."""
    parser = argparse.ArgumentParser(description="What it costs to know very many queues.")
    parser.add_argument("pools", nargs="?", type=int, default=10_000)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} too")
    options = parser.parse_args()
    with RedisServer() as server:
        machine = describe_machine(redis.Redis(host=server.address, port=server.port))
    text = TEXT.format(
        machine=machine,
        stretches=measure_stretches(options.pools),
        looks=measure_looks(options.pools * len(QUEUES)),
    )
    print(text)
    if options.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
