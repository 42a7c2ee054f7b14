"""
From a pool's source, as its author wrote it, to an endpoint that can be read.

Secrets are read in the pool's own namespace only; a reference has no place to
name another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.redis import REDIS_PORT, TlsVerify, host_seen_from
from queueworkers.backlog.endpoint import (
    ClientCertificate,
    ClusterEndpoint,
    Naming,
    RedisEndpoint,
    SentinelEndpoint,
    TlsTrust,
)
from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.api.redis import Cluster, RedisSource, RedisTls, SecretKeyRef, Sentinels
    from queueworkers.backlog.endpoint import Endpoint

SENTINEL = Naming(
    kind="Sentinel",
    host_field="spec.redis.sentinel.nodes",
    port_field="its port in spec.redis.sentinel.nodes",
    login_field="spec.redis.sentinel",
)
CLUSTER_NODE = Naming(
    kind="Redis Cluster node",
    host_field="spec.redis.cluster.nodes",
    port_field="its port in spec.redis.cluster.nodes",
)


class Secrets(Protocol):
    """Where Secrets are read."""

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read the values of a Secret; ``None`` when there is none."""


def refers_to_secrets(source: RedisSource) -> bool:
    """Tell whether a source may change without the pool being edited."""
    tls, sentinel = source.tls, source.sentinel
    return bool(
        source.password_secret_ref
        or (sentinel and sentinel.password_secret_ref)
        or (tls and (tls.ca_secret_ref or tls.client_certificate_secret_ref))
    )


async def observe_endpoint(
    secrets: Secrets, source: RedisSource, *, namespace: str
) -> Endpoint | UnknownBacklog:
    """
    Find out where and as whom a pool's queues are to be read.

    Returns:
        The endpoint, or why there is none: a Secret or a key in it is missing.
    """
    values = _SecretValues(secrets, namespace)
    try:
        tls = await _observe_trust(values, source.tls) if source.tls else None
        password = await values.observe(source.password_secret_ref)
        if source.sentinel:
            return SentinelEndpoint(
                sentinels=await _observe_sentinels(values, source.sentinel, tls, namespace),
                master_name=source.sentinel.master_name,
                namespace=namespace,
                username=source.username,
                password=password,
                tls=tls,
            )
    except _MissingValueError as error:
        return error.unknown
    # What is the same for every server that is not a Sentinel.
    server = RedisEndpoint(
        host=host_seen_from(namespace, source.host or ""),
        port=source.port or REDIS_PORT,
        username=source.username,
        password=password,
        tls=tls,
    )
    return _cluster(source.cluster, server, namespace) if source.cluster else server


async def _observe_sentinels(
    values: _SecretValues, sentinels: Sentinels, tls: TlsTrust | None, namespace: str
) -> tuple[RedisEndpoint, ...]:
    password = await values.observe(sentinels.password_secret_ref)
    return tuple(
        RedisEndpoint(
            host=host_seen_from(namespace, node.host),
            port=node.port,
            username=sentinels.username,
            password=password,
            tls=tls,
            naming=SENTINEL,
        )
        for node in sentinels.nodes
    )


def _cluster(cluster: Cluster, server: RedisEndpoint, namespace: str) -> ClusterEndpoint:
    seeds = tuple(
        server.at(host_seen_from(namespace, node.host), node.port, naming=CLUSTER_NODE)
        for node in cluster.nodes
    )
    return ClusterEndpoint(seeds=seeds, namespace=namespace)


async def _observe_trust(values: _SecretValues, tls: RedisTls) -> TlsTrust:
    client = None
    if reference := tls.client_certificate_secret_ref:
        client = ClientCertificate(
            chain_pem=await values.observe_key(reference.name, reference.certificate_key),
            key_pem=await values.observe_key(reference.name, reference.private_key_key),
        )
    return TlsTrust(
        ca_pem=await values.observe(tls.ca_secret_ref),
        verify_certificate=tls.verify is not TlsVerify.INSECURE,
        verify_name=tls.verify is TlsVerify.FULL,
        server_name=tls.server_name,
        client=client,
    )


class _MissingValueError(QueueWorkersError):
    """A Secret, or a key in it, is not there."""

    def __init__(self, reason: UnknownReason, message: str) -> None:
        super().__init__(message)
        self.unknown = UnknownBacklog(reason=reason, message=message)


class _SecretValues:
    """The Secrets of one namespace, each read once, so that a certificate and its key are of one time."""

    def __init__(self, secrets: Secrets, namespace: str) -> None:
        self._secrets = secrets
        self._namespace = namespace
        self._read: dict[str, Mapping[str, bytes] | None] = {}

    async def observe(self, reference: SecretKeyRef | None) -> str | None:
        """Read what a reference names; ``None`` without one."""
        return await self.observe_key(reference.name, reference.key) if reference else None

    async def observe_key(self, name: str, key: str) -> str:
        """
        Read one value of a Secret.

        Raises:
            _MissingValueError: it is not there.
        """
        if name not in self._read:
            self._read[name] = await self._secrets.observe_secret(self._namespace, name)
        values = self._read[name]
        if values is None:
            raise _MissingValueError(
                UnknownReason.SECRET_NOT_FOUND,
                f"There is no Secret {name} in namespace {self._namespace}: create it,"
                " or correct the reference in spec.redis.",
            )
        if key not in values:
            raise _MissingValueError(
                UnknownReason.SECRET_KEY_NOT_FOUND,
                f"Secret {name} in namespace {self._namespace} has no key {key}:"
                " add it, or correct the reference in spec.redis.",
            )
        # A newline at the end is an accident of `echo` and of editors, never a part of a password.
        return values[key].decode(errors="replace").rstrip("\r\n")
