"""Lines of `CLIENT LIST`, as servers of several versions write them."""

from __future__ import annotations

import pytest

from queueworkers.backlog.connections import parse_connections
from queueworkers.domain.leaving import Connection

REDIS_5 = (
    b"id=3 addr=10.244.0.7:45678 fd=8 name= age=12 idle=3 flags=N db=2 sub=0 psub=0 multi=-1 qbuf=0"
    b" qbuf-free=0 obl=0 oll=0 omem=0 events=r cmd=eval\n"
)
REDIS_7 = (
    b"id=8 addr=127.0.0.1:33712 laddr=127.0.0.1:6379 fd=11 name=worker age=14 idle=6 flags=b db=0 sub=0 psub=0"
    b" ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0"
    b" tot-mem=22296 events=r cmd=blpop user=default redir=-1 resp=2\n"
)
REDIS_8_WITH_IPV6 = (
    b"id=9 addr=[fd00::7]:33712 laddr=[fd00::1]:6379 fd=11 name= age=14 idle=0 flags=N db=0 sub=0 psub=0 ssub=0"
    b" multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0"
    b" tot-mem=22426 events=r cmd=client|list user=reader redir=-1 resp=3 lib-name=redis-py lib-ver=8.1"
    b" io-thread=0 tot-net-in=26 tot-net-out=0 tot-cmds=0\n"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(REDIS_5, ("10.244.0.7", 3, "eval", 2, False), id="Redis 5"),
        pytest.param(REDIS_7, ("127.0.0.1", 6, "blpop", 0, True), id="Redis 7, blocked"),
        pytest.param(REDIS_8_WITH_IPV6, ("fd00::7", 0, "client|list", 0, False), id="Redis 8, IPv6"),
    ],
)
def test_each_version_s_line_is_understood(line: bytes, expected: tuple[str, int, str, int, bool]) -> None:
    """Whatever stands between the fields that count."""
    address, idle_seconds, command, database, blocked = expected
    connection = Connection(
        address=address, idle_seconds=idle_seconds, command=command, database=database, blocked=blocked
    )

    assert parse_connections(line) == (connection,)


def test_what_cannot_be_read_is_left_out() -> None:
    """A client through a socket file, and a server that writes something else, hide nobody else."""
    by_file = REDIS_7.replace(b"127.0.0.1:33712", b"/run/redis.sock:0")

    found = parse_connections(REDIS_5 + b"# something else\n" + by_file + b"\n" + REDIS_8_WITH_IPV6)

    assert [each.address for each in found] == ["10.244.0.7", "/run/redis.sock", "fd00::7"]
