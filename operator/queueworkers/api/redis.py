"""`spec.redis`: where the jobs wait."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from queueworkers.api.base import ApiModel, SecretKey, SecretName, Text

UserName = Annotated[
    str, Text(pattern=r"^[^\x00-\x20\x7f]+$", says="a Redis user has a name without spaces", max_length=200)
]

ServerName = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9.:_-]+$",
        says="serverName is a host name as in the certificate, without a port or a scheme",
        max_length=253,
    ),
]

Prefix = Annotated[
    str,
    Text(
        pattern=r"^[^\x00-\x20\x7f*?\[\]\\]*$",
        says="a prefix has no spaces and none of * ? [ ] \\: give the text that the keys begin with, "
        "not a pattern",
        max_length=200,
    ),
]

Host = Annotated[
    str,
    Text(
        pattern=r"^([^\x00-\x20\x7f:/@]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$",
        says="host is a host name or an address, without scheme, user or port: the port goes into "
        "spec.redis.port, the password into a Secret that spec.redis.passwordSecretRef names",
        max_length=253,
    ),
]

REDIS_PORT = 6379

Port = Annotated[int, Field(ge=1, le=65535)]

MasterName = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9._-]+$",
        says="masterName is the name after `sentinel monitor`: letters, digits, ., - and _ only",
        max_length=200,
    ),
]


class TlsVerify(StrEnum):
    """How much of the server's certificate is checked."""

    FULL = "Full"
    """Its signature and the name in it."""
    CERTIFICATE_ONLY = "CertificateOnly"
    """Its signature; any name will do."""
    INSECURE = "Insecure"
    """Nothing: encrypted, but anybody may answer."""


class SecretKeyRef(ApiModel):
    """One value of a Secret in the pool's own namespace."""

    name: SecretName
    """Name of a Secret in the pool's own namespace."""
    key: SecretKey = "password"
    """Key within the Secret."""


class CaSecretRef(SecretKeyRef):
    """A certificate authority in a Secret, under the key that cert-manager uses."""

    key: SecretKey = "ca.crt"
    """Key within the Secret that holds the certificate authority in PEM form."""


class ClientCertificateRef(ApiModel):
    """A certificate and its key in a Secret of type kubernetes.io/tls, as cert-manager writes it."""

    name: SecretName
    """Name of a Secret in the pool's own namespace."""
    certificate_key: SecretKey = "tls.crt"
    """Key within the Secret that holds the certificate, and what it was signed with, in PEM form."""
    private_key_key: SecretKey = "tls.key"
    """Key within the Secret that holds the private key in PEM form, without a passphrase."""


class RedisTls(ApiModel):
    """Encryption on the way to Redis; an empty object means the system's authorities and a full check."""

    ca_secret_ref: CaSecretRef | None = None
    """
    The certificate authority that signed the server's certificate.  The system's authorities
    when not given.
    """
    verify: TlsVerify = TlsVerify.FULL
    """
    How much of the server's certificate is checked.  Full: its signature and the name in it.
    CertificateOnly: its signature, whatever the name.  Insecure: nothing; the connection is
    encrypted, but anybody may answer it.
    """
    server_name: ServerName | None = None
    """
    The name expected in the certificate and sent as SNI, of Sentinels and of every node too.  The
    address that is connected to when not given.
    """
    client_certificate_secret_ref: ClientCertificateRef | None = None
    """
    What the operator shows of itself where the servers ask for a client certificate
    (`tls-auth-clients yes`).  None when not given.  A renewed one is used within half a minute.
    """


class SentinelNode(ApiModel):
    """Where one Sentinel listens."""

    host: Host
    """Host name or address.  A name without a dot is a Service in the pool's own namespace."""
    port: Port = 26379
    """Port."""


class Sentinels(ApiModel):
    """The Sentinels that know which Redis is the master; a fail-over is followed."""

    master_name: MasterName
    """What the Sentinels call the master: the name after `sentinel monitor` in their configuration."""
    nodes: Annotated[tuple[SentinelNode, ...], Field(min_length=1, max_length=16)]
    """Where they are.  They are asked in this order, so one that is down is no loss."""
    username: UserName | None = None
    """ACL user of the Sentinels, which is none of the Redis's.  Needs `passwordSecretRef`."""
    password_secret_ref: SecretKeyRef | None = None
    """
    The Sentinels' own password, in a Secret of the pool's own namespace.  No password when not
    given: that of Redis, in `spec.redis.passwordSecretRef`, is never sent to them.
    """


class ClusterNode(ApiModel):
    """Where one node of a cluster listens."""

    host: Host
    """Host name or address.  A name without a dot is a Service in the pool's own namespace."""
    port: Port = REDIS_PORT
    """Port."""


class Cluster(ApiModel):
    """A Redis Cluster: the other nodes and their slots are found, and followed when they move."""

    nodes: Annotated[tuple[ClusterNode, ...], Field(min_length=1, max_length=32)]
    """
    Some of its nodes, or one name that leads to any of them.  Which node has which queue is asked
    there.
    """


class RedisSource(ApiModel):
    """
    Redis, or anything that speaks its protocol, such as Valkey or a managed service.  Exactly one
    of `host`, `sentinel` and `cluster` says where it is.
    """

    host: Host | None = None
    """
    Host name or address of a standalone Redis that holds the queues.  A name without a dot is a
    Service in the pool's own namespace, as it is to the workers.  `host` of the Redis connection
    in config/database.php (REDIS_HOST).
    """
    port: Port | None = None
    """Port at `host`.  6379 when not given.  `port` of the Redis connection (REDIS_PORT)."""
    sentinel: Sentinels | None = None
    """The Sentinels to ask for the Redis that holds the queues."""
    cluster: Cluster | None = None
    """The Redis Cluster that holds the queues."""
    database: Annotated[int, Field(ge=0, le=1023)] = 0
    """
    Number of the database that holds the queues; a cluster has 0 only.  `database` of the Redis
    connection (REDIS_DB); `select` in think-queue.
    """
    prefix: Prefix = ""
    """
    What the application's Redis client puts in front of every key: `options.prefix` in
    config/database.php (REDIS_PREFIX).  New Laravel applications have one, such as
    `laravel_database_` or `laravel-database-`; think-queue has none.  When it is wrong, the
    queues look as if they had never existed, and the pool says so.
    """
    username: UserName | None = None
    """ACL user to read as.  The default user when not given.  Needs `passwordSecretRef`."""
    password_secret_ref: SecretKeyRef | None = None
    """
    The password, in a Secret of the pool's own namespace.  No password when not given.  A changed
    one is used within half a minute.
    """
    tls: RedisTls | None = None
    """
    Encryption, of the connections to Sentinels and to the nodes of a cluster too.  Not encrypted
    when not given; `tls: {}` suits most managed services.
    """

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        """Hold what the API server holds, as a pool may have been stored under another version of the CRD."""
        if sum(each is not None for each in (self.host, self.sentinel, self.cluster)) != 1:
            raise ValueError("give exactly one of host, sentinel and cluster")
        return self


def host_seen_from(namespace: str, host: str) -> str:
    """
    Name *host* so that it means the same from every namespace.

    The workers resolve a short name in the pool's *namespace*; the operator
    lives in another, where the same name may be someone else's Redis.
    """
    short = "." not in host and ":" not in host and host != "localhost"
    return f"{host}.{namespace}.svc" if short else host
