"""
Several Redis servers that belong together: Sentinels with a master and replicas, and a cluster.

All are real, listen on one address only, and are made to be quick: what takes
half a minute in production, until a server counts as down, takes half a second.
"""

from __future__ import annotations

import contextlib
import random
import socket
from typing import TYPE_CHECKING, ClassVar, Self

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.progress import wait_until
from harness.redis import RedisServer
from harness.redis_releases import INSTALLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.redis import Certificates
    from harness.redis_releases import RedisRelease

MASTER_NAME = "mymaster"
_READY_SECONDS = 30.0
_DOWN_AFTER_MILLISECONDS = 500
_BUS_OFFSET = 10_000


class SentinelServer(RedisServer):
    """
    One Sentinel.

    Args:
        master: What it watches from the beginning.
        password: Its own, which the other Sentinels share.
        directives: Further lines of its configuration.
    """

    mode: ClassVar[tuple[str, ...]] = ("--sentinel",)

    def __init__(
        self,
        master: RedisServer,
        *,
        password: str | None = None,
        directives: Sequence[str] = (),
        release: RedisRelease = INSTALLED,
    ) -> None:
        super().__init__(
            address=master.address, password=password, certificates=master.certificates, release=release
        )
        self._master = master
        self._lines = tuple(directives)

    def _configuration(self) -> list[str]:
        configuration = self._own_directory() / "redis.conf"
        if configuration.stat().st_size:
            # A Sentinel keeps there what it knows.
            return configuration.read_text(encoding="utf-8").splitlines()
        master = self._master
        lines = [
            f"bind {self.address}",
            f"dir {self._own_directory()}",
            "protected-mode no",
            *self._port_lines(),
            f"sentinel monitor {MASTER_NAME} {master.address} {master.port} 2",
            f"sentinel down-after-milliseconds {MASTER_NAME} {_DOWN_AFTER_MILLISECONDS}",
            f"sentinel failover-timeout {MASTER_NAME} 3000",
        ]
        if master.certificates:
            lines.append("tls-replication yes")
        if master.password:
            lines.append(f"sentinel auth-pass {MASTER_NAME} {master.password}")
        if self.password:
            lines.append(f"requirepass {self.password}")
        return [*lines, *self._lines]


class RedisSentinels:
    """
    One master, two replicas, three Sentinels.

    Args:
        address: Where all of them listen.
        password: Of the Redis servers.
        sentinel_password: Of the Sentinels.
        certificates: With them every port speaks TLS and nothing else.
        directives: Further lines of each Redis server's configuration.
        sentinel_directives: The same for the Sentinels.
        release: Which servers.
    """

    def __init__(
        self,
        *,
        address: str = "127.0.0.1",
        password: str | None = None,
        sentinel_password: str | None = None,
        certificates: Certificates | None = None,
        directives: Sequence[str] = (),
        sentinel_directives: Sequence[str] = (),
        release: RedisRelease = INSTALLED,
    ) -> None:
        self.sentinel_password = sentinel_password
        lines = ["repl-diskless-sync-delay 0", *directives]
        if certificates:
            lines.append("tls-replication yes")
        if password:
            lines.append(f"masterauth {password}")

        def server(*more: str) -> RedisServer:
            return RedisServer(
                address=address,
                password=password,
                certificates=certificates,
                directives=[*lines, *more],
                release=release,
            )

        first = server()
        self.servers = [first, *(server(f"replicaof {address} {first.port}") for _ in range(2))]
        self.sentinels = [
            SentinelServer(first, password=sentinel_password, directives=sentinel_directives, release=release)
            for _ in range(3)
        ]
        self._started = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start all of them, and wait until they know each other."""
        with contextlib.ExitStack() as started:
            for each in (*self.servers, *self.sentinels):
                started.enter_context(each)
            wait_until(
                lambda: all(self._knows_all(each) for each in self.sentinels),
                what="the Sentinels know each other and the replicas",
                timeout_seconds=_READY_SECONDS,
            )
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all of them."""
        self._started.close()

    @property
    def master(self) -> RedisServer:
        """The server that the first Sentinel that answers calls the master."""
        for sentinel in self.sentinels:
            with contextlib.suppress(CommandFailedError, HarnessError):
                port = sentinel.cli("SENTINEL", "get-master-addr-by-name", MASTER_NAME).splitlines()[1]
                return next(each for each in self.servers if each.port == int(port))
        raise HarnessError("no Sentinel answers")

    def fail_over(self) -> RedisServer:
        """
        Kill the master, wait until all are agreed on another one, and return what was killed.

        Two Sentinels may begin a fail-over at the same time, and choose different
        servers.  What is written to the one that is given up again is lost, so
        the word of one Sentinel is not enough.
        """
        killed = self.master
        killed.kill()
        wait_until(
            lambda: self._agree_on_another(killed),
            what="the Sentinels are agreed on another master, and the rest follow it",
            timeout_seconds=_READY_SECONDS,
        )
        return killed

    def _agree_on_another(self, killed: RedisServer) -> bool:
        told = [_facts(each) for each in self.sentinels]
        if any(each["flags"] != "master" or each["port"] == str(killed.port) for each in told):
            return False
        if len({(each["port"], each["config-epoch"]) for each in told}) > 1:
            return False
        master = self.master
        followers = [each for each in self.servers if each not in (killed, master)]
        return "role:master" in master.cli("INFO", "replication") and all(
            {f"master_port:{master.port}", "master_link_status:up"}
            <= set(each.cli("INFO", "replication").splitlines())
            for each in followers
        )

    @staticmethod
    def _knows_all(sentinel: SentinelServer) -> bool:
        facts = _facts(sentinel)
        return facts.get("num-slaves") == "2" and facts.get("num-other-sentinels") == "2"


def wait_for_replicas(master: RedisServer) -> None:
    """
    Wait until every replica has all that was written; the command WAIT knows of its own connection's writes only.

    Raises:
        TimeoutError: one has not, or there is none.
    """

    def have_all() -> bool:
        lines = master.cli("INFO", "replication").splitlines()
        told = dict(line.strip().split(":", 1) for line in lines if ":" in line)
        written = f"offset={told['master_repl_offset']},"
        replicas = [value for name, value in told.items() if name.startswith("slave") and "offset=" in value]
        return bool(replicas) and all(written in replica for replica in replicas)

    wait_until(have_all, what="the replicas have all that was written", timeout_seconds=20)


def _facts(sentinel: SentinelServer) -> dict[str, str]:
    """Return what a Sentinel knows of the master."""
    told = sentinel.cli("SENTINEL", "MASTER", MASTER_NAME).splitlines()
    return dict(zip(told[::2], told[1::2], strict=False))


class RedisCluster:
    """
    Three masters with the slots shared out among them, and a replica of each.

    Args:
        address: Where all of them listen.
        password: Of all nodes.
        certificates: With them every port speaks TLS and nothing else.
        directives: Further lines of each node's configuration.
        release: Which servers.
    """

    def __init__(
        self,
        *,
        address: str = "127.0.0.1",
        password: str | None = None,
        certificates: Certificates | None = None,
        directives: Sequence[str] = (),
        release: RedisRelease = INSTALLED,
    ) -> None:
        lines = [
            "cluster-enabled yes",
            "cluster-node-timeout 1000",
            # A slot without a node concerns the queues that are in it.
            "cluster-require-full-coverage no",
            "repl-diskless-sync-delay 0",
            *directives,
        ]
        if certificates:
            lines += ["tls-cluster yes", "tls-replication yes"]
        if password:
            lines.append(f"masterauth {password}")
        self.nodes = [
            RedisServer(
                address=address,
                port=_port_with_bus(address),
                password=password,
                certificates=certificates,
                directives=lines,
                release=release,
            )
            for _ in range(6)
        ]
        self._started = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start all of them, share the slots out, and wait until every node has agreed."""
        with contextlib.ExitStack() as started:
            for each in self.nodes:
                started.enter_context(each)
            self._run("create", *map(_place, self.nodes), "--cluster-replicas", "1", "--cluster-yes")
            wait_until(
                lambda: all(
                    "cluster_state:ok" in node.cli("CLUSTER", "INFO")
                    and node.cli("CLUSTER", "NODES").count("slave") == len(self.nodes) // 2
                    for node in self.nodes
                ),
                what="the cluster is up",
                timeout_seconds=_READY_SECONDS,
            )
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all of them."""
        self._started.close()

    @property
    def masters(self) -> list[RedisServer]:
        """The nodes that have slots, as the first one that answers tells it."""
        return [node for node in self.nodes if node.port in self._master_ports()]

    def owner(self, key: str) -> RedisServer:
        """The master that has a key's slot."""
        slot = int(self.cli("CLUSTER", "KEYSLOT", key))
        for _, port, flags, slots in self._told_nodes():
            if "master" not in flags or "fail" in flags:
                continue
            for some in slots:
                first, _, last = some.partition("-")
                if not some.startswith("[") and int(first) <= slot <= int(last or first):
                    return next(node for node in self.nodes if node.port == port)
        raise HarnessError(f"nobody has slot {slot}")

    def cli(self, *arguments: str) -> str:
        """Run one command on the node that has its key."""
        return self._living().cli("-c", *arguments)

    def begin_to_move(self, key: str, target: RedisServer) -> None:
        """Announce to both nodes that a key's slot moves; nothing moves yet."""
        source, slot = self.owner(key), self.cli("CLUSTER", "KEYSLOT", key)
        target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", source.cli("CLUSTER", "MYID"))
        source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", target.cli("CLUSTER", "MYID"))

    def move_key(self, key: str, target: RedisServer) -> None:
        """Move one key of a slot that moves."""
        auth = ["AUTH", target.password] if target.password else []
        self.owner(key).cli("MIGRATE", target.address, str(target.port), "", "0", "5000", *auth, "KEYS", key)

    def end_move(self, key: str, target: RedisServer) -> None:
        """Give the slot to its new owner."""
        slot, identity = self.cli("CLUSTER", "KEYSLOT", key), target.cli("CLUSTER", "MYID")
        for node in (target, *(each for each in self.masters if each is not target)):
            node.cli("CLUSTER", "SETSLOT", slot, "NODE", identity)

    def reshard(self, source: RedisServer, target: RedisServer, *, slots: int) -> None:
        """Let `redis-cli` move the first *slots* of one master to another, with their keys."""
        self._run(
            "reshard", _place(self.nodes[0]), "--cluster-from", source.cli("CLUSTER", "MYID"), "--cluster-to",
            target.cli("CLUSTER", "MYID"), "--cluster-slots", str(slots), "--cluster-yes",
        )  # fmt: skip

    def flush(self) -> None:
        """Forget all keys."""
        for node in self.masters:
            node.cli("FLUSHALL")

    def _living(self) -> RedisServer:
        for node in self.nodes:
            with contextlib.suppress(CommandFailedError, HarnessError):
                if node.pid and "PONG" in node.cli("PING"):
                    return node
        raise HarnessError("no node of the cluster answers")

    def _told_nodes(self) -> list[tuple[str, int, str, list[str]]]:
        """(id, port, flags, slots) of each node, as one tells it."""
        lines = [line.split(" ") for line in self._living().cli("CLUSTER", "NODES").splitlines()]
        return [
            (each[0], int(each[1].partition("@")[0].rpartition(":")[2]), each[2], each[8:]) for each in lines
        ]

    def _master_ports(self) -> set[int]:
        return {
            port
            for _, port, flags, slots in self._told_nodes()
            if "master" in flags and "fail" not in flags and slots
        }

    def _run(self, command: str, *arguments: str) -> None:
        node = self.nodes[0]
        argv, env = node.cli_command()
        run([*argv, "--cluster", command, *arguments], env=env, timeout_seconds=60)


def _place(server: RedisServer) -> str:
    return f"{server.address}:{server.port}"


def _port_with_bus(address: str) -> int:
    """Find a port that is free together with that of the cluster's bus."""
    for _ in range(100):
        port = random.randrange(20_000, 30_000)
        with socket.socket() as client, socket.socket() as bus, contextlib.suppress(OSError):
            client.bind((address, port))
            bus.bind((address, port + _BUS_OFFSET))
            return port
    raise HarnessError("there are no two free ports for a node of a cluster")
