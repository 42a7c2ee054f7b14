"""`spec.redis`: where the jobs wait."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

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
    The name expected in the certificate and sent as SNI.  `spec.redis.host` when not given.
    """


class RedisSource(ApiModel):
    """A standalone Redis, or anything that speaks its protocol, such as Valkey or a managed service."""

    host: Host
    """
    Host name or address of the Redis that holds the queues.  A name without a dot is a Service
    in the pool's own namespace, as it is to the workers.  `host` of the Redis connection in
    config/database.php (REDIS_HOST).
    """
    port: Annotated[int, Field(ge=1, le=65535)] = 6379
    """Port.  `port` of the Redis connection (REDIS_PORT)."""
    database: Annotated[int, Field(ge=0, le=1023)] = 0
    """
    Number of the database that holds the queues.  `database` of the Redis connection
    (REDIS_DB); `select` in think-queue.
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
    """The password, in a Secret of the pool's own namespace.  No password when not given."""
    tls: RedisTls | None = None
    """Encryption.  Not encrypted when not given; `tls: {}` suits most managed services."""

    def host_seen_from(self, namespace: str) -> str:
        """
        Name the host so that it means the same from every namespace.

        The workers resolve a short name in the pool's *namespace*; the
        operator lives in another, where the same name may be someone else's
        Redis.
        """
        short = "." not in self.host and ":" not in self.host and self.host != "localhost"
        return f"{self.host}.{namespace}.svc" if short else self.host
