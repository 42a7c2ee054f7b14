"""Reading what workers are configured with, one object at a time and only in the pool's own namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.api.restart import ReferenceKind
from queueworkers.cluster import paths
from queueworkers.domain.references import digest_of
from queueworkers.errors import NotFoundError

if TYPE_CHECKING:
    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.domain.references import Reference

PATHS = {ReferenceKind.CONFIG_MAP: paths.config_map, ReferenceKind.SECRET: paths.secret}


class ReferenceReader:
    """
    Reads digests of ConfigMaps and Secrets.

    By name: to watch them would take the right to read all of a cluster.  What
    they hold is forgotten as soon as it has a name.
    """

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api

    async def observe_digest(self, namespace: str, reference: Reference) -> str | None:
        """
        Name the content of one; ``None`` when there is no such object.

        Raises:
            ApiServerError: it could not be read.
        """
        try:
            raw = await self._api.get(PATHS[reference.kind](namespace, reference.name))
        except NotFoundError:
            return None
        return digest_of(reference.kind, raw)
