"""Where queues are kept, and what is asked about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.domain.backlog import SeenHead
    from queueworkers.domain.identity import PoolKey
    from queueworkers.frameworks.base import Framework, Spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTrust:
    """Whom to believe on an encrypted connection."""

    ca_pem: str | None
    """Certificate authorities; ``None`` means the system's."""
    verify_certificate: bool
    verify_name: bool
    server_name: str | None
    """The name that the certificate must carry; ``None`` means the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisEndpoint:
    """
    One Redis as one user sees it.

    Equal endpoints share one connection, whatever pools and databases are read
    over it; so everything that a connection depends on is part of it.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    """Never in any output: not in ``repr``, a message, a log line or an error."""
    tls: TlsTrust | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


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
    known_heads: Mapping[str, SeenHead] = field(default_factory=lambda: MappingProxyType({}))
    """By queue, what was at the heads when somebody last looked here; of use to a reader that has not looked yet."""
