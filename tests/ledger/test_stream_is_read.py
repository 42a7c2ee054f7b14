"""What the jobs write is read as `redis-cli` prints it."""

from __future__ import annotations

from ledger.checker import Entry, What
from ledger.stream import parse_stream


def test_a_stream_is_read_as_redis_cli_prints_it() -> None:
    """One string a line: the id, then fields and values."""
    fields = (
        "event", "end", "job", "a-1", "queue", "high", "attempt", "2", "worker", "pod-1", "pid", "7", "at", "12.5",
    )  # fmt: skip
    printed = "\n".join(["1-0", *fields, "2-0", *fields])
    entry = Entry(what=What.END, job="a-1", attempt=2, worker="pod-1", pid=7, at=12.5)
    assert parse_stream(printed) == [entry] * 2
    assert parse_stream("") == []
