"""Where queues are kept, and what is asked about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.domain.backlog import SeenHead
    from queueworkers.domain.identity import PoolKey
    from queueworkers.frameworks.base import Framework, Spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What we show of ourselves, in PEM form."""

    chain_pem: str
    """The certificate, and what it was signed with."""
    key_pem: str = field(repr=False)
    """Never in any output, as a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTrust:
    """Whom to believe on an encrypted connection, and what to show."""

    ca_pem: str | None
    """Certificate authorities; ``None`` means the system's."""
    verify_certificate: bool
    verify_name: bool
    server_name: str | None
    """The name that the certificate must carry; ``None`` means the host."""
    client: ClientCertificate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How people are told of a server: what it is, and what to correct when it is not reached."""

    kind: str = "Redis"
    host_field: str = "spec.redis.host"
    port_field: str = "spec.redis.port"
    login_field: str = "spec.redis"
    """Where its user and its password are written."""
    told: str | None = None
    """Who named it, where the pool's author did not: ``Sentinel s-0:26379 calls the master mymaster``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisEndpoint:
    """One server as one user sees it: whatever a connection depends on."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    """Never in any output: not in ``repr``, a message, a log line or an error."""
    tls: TlsTrust | None = None
    naming: Naming = field(default=Naming(), compare=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        told = f", which {self.naming.told}," if self.naming.told else ""
        return f"{self.naming.kind} at {self}{told}"

    def at(self, host: str, port: int, *, naming: Naming) -> RedisEndpoint:
        """Take the same user to another server."""
        return replace(self, host=host, port=port, naming=naming)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelEndpoint:
    """The Redis that Sentinels call the master."""

    sentinels: tuple[RedisEndpoint, ...]
    """In the order in which they are asked, with a user and a password of their own."""
    master_name: str
    namespace: str
    """The pool's: what a short name means that a Sentinel tells."""
    username: str | None = None
    """As whom the master is read, as in `RedisEndpoint`."""
    password: str | None = field(default=None, repr=False)
    tls: TlsTrust | None = None

    def __str__(self) -> str:
        return f"{self.master_name} of Sentinel {self.sentinels[0]}"

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"the master {self}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEndpoint:
    """A Redis Cluster."""

    seeds: tuple[RedisEndpoint, ...]
    """Nodes that are asked for all nodes, in this order; each is read as the same user."""
    namespace: str
    """The pool's: what a short name means that a node tells."""

    def __str__(self) -> str:
        return f"the Redis Cluster at {self.seeds[0]}"

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return str(self)


Endpoint = RedisEndpoint | SentinelEndpoint | ClusterEndpoint
"""
Where queues are kept, as one user sees it.

Equal endpoints share their connections, whatever pools and databases are read
over them; so everything that a connection depends on is part of it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRequest:
    """What one pool wants to know of an endpoint."""

    key: PoolKey
    """Names the pool in the answer."""
    framework: Framework
    spelling: Spelling
    queues: tuple[str, ...]
    database: int
    ever_seen: bool
    """True when a job of this pool was seen here before: then a queue without keys is merely empty."""
    claims_end: bool = True
    """False where no job in hand is ever handed to another worker: then the scores of reserved jobs mean nothing."""
    counts_flow: bool = False
    """True where it matters how fast jobs come and are taken."""
    known_heads: Mapping[str, SeenHead] = field(default_factory=lambda: MappingProxyType({}))
    """By queue, what was at the heads when somebody last looked here; of use to a reader that has not looked yet."""
