"""
From a pool's source, as its author wrote it, to an endpoint that can be read.

Secrets are read in the pool's own namespace only; a reference has no place to
name another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from queueworkers.api.conditions import UnknownReason
from queueworkers.api.redis import TlsVerify
from queueworkers.backlog.endpoint import RedisEndpoint, TlsTrust
from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.api.redis import RedisSource, RedisTls, SecretKeyRef


class Secrets(Protocol):
    """Where Secrets are read."""

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read the values of a Secret; ``None`` when there is none."""


def refers_to_secrets(source: RedisSource) -> bool:
    """Tell whether a source may change without the pool being edited."""
    return bool(source.password_secret_ref or (source.tls and source.tls.ca_secret_ref))


async def observe_endpoint(
    secrets: Secrets, source: RedisSource, *, namespace: str
) -> RedisEndpoint | UnknownBacklog:
    """
    Find out where and as whom a pool's queues are to be read.

    Returns:
        The endpoint, or why there is none: a Secret or a key in it is missing.
    """
    password = await _observe_value(secrets, source.password_secret_ref, namespace)
    if isinstance(password, UnknownBacklog):
        return password
    authorities = await _observe_value(secrets, source.tls.ca_secret_ref if source.tls else None, namespace)
    if isinstance(authorities, UnknownBacklog):
        return authorities
    return RedisEndpoint(
        host=source.host_seen_from(namespace),
        port=source.port,
        username=source.username,
        password=password,
        tls=_trust(source.tls, authorities) if source.tls else None,
    )


async def _observe_value(
    secrets: Secrets, reference: SecretKeyRef | None, namespace: str
) -> str | UnknownBacklog | None:
    if reference is None:
        return None
    values = await secrets.observe_secret(namespace, reference.name)
    if values is None:
        return UnknownBacklog(
            reason=UnknownReason.SECRET_NOT_FOUND,
            message=f"There is no Secret {reference.name} in namespace {namespace}: create it,"
            " or correct the reference in spec.redis.",
        )
    if reference.key not in values:
        return UnknownBacklog(
            reason=UnknownReason.SECRET_KEY_NOT_FOUND,
            message=f"Secret {reference.name} in namespace {namespace} has no key {reference.key}:"
            " add it, or correct the reference in spec.redis.",
        )
    # A newline at the end is an accident of `echo` and of editors, never a part of a password.
    return values[reference.key].decode(errors="replace").rstrip("\r\n")


def _trust(tls: RedisTls, authorities: str | None) -> TlsTrust:
    return TlsTrust(
        ca_pem=authorities,
        verify_certificate=tls.verify is not TlsVerify.INSECURE,
        verify_name=tls.verify is TlsVerify.FULL,
        server_name=tls.server_name,
    )
