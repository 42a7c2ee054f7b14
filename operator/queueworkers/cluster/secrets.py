"""Reading Secrets that a pool refers to, one at a time and only in the pool's own namespace."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from queueworkers.cluster import paths
from queueworkers.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.cluster.client import KubernetesApi


async def observe_secret(api: KubernetesApi, namespace: str, name: str) -> Mapping[str, bytes] | None:
    """
    Read the values of one Secret; ``None`` when there is none.

    There is no cluster-wide list or watch of Secrets: the operator may `get`
    what a pool names, and asks again from time to time.
    """
    try:
        raw = await api.get(paths.secret(namespace, name))
    except NotFoundError:
        return None
    return {key: base64.b64decode(value) for key, value in raw.get("data", {}).items()}
