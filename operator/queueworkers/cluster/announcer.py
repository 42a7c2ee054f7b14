"""Events: what `kubectl describe qwp` tells of a pool's past."""

from __future__ import annotations

import logging
import socket
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from queueworkers.api.base import API_VERSION, GROUP, KIND
from queueworkers.cluster import paths
from queueworkers.cluster.gate import Lane
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.domain.announcements import Announcement
    from queueworkers.domain.identity import PoolIdentity

CONTROLLER = f"{GROUP}/queue-worker-operator"
LONGEST_NOTE = 1024
"""The API server refuses longer ones."""
REMEMBERED = 20_000

logger = logging.getLogger(__name__)


class Announcer:
    """Writes Events; the same thing about the same pool is not said twice in a row."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._said: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def announce(self, pool: PoolIdentity, announcement: Announcement) -> None:
        """
        Tell people; an Event that cannot be written is logged and let go.

        The state of the world is in the status; an Event is a courtesy, and no
        reason to do anything again.
        """
        topic = (pool.uid, announcement.reason)
        if self._said.get(topic) == announcement.note:
            return
        log = logger.warning if announcement.warning else logger.info
        beside = {
            "subject": pool.key,
            "reason": announcement.reason,
            "numbers": announcement.numbers,
        }
        log("%s: %s: %s", pool.key, announcement.reason, announcement.note, extra=beside)
        try:
            await self._api.create(
                paths.events(pool.key.namespace), _event(pool, announcement), lane=Lane.TELL
            )
        except ApiServerError as error:
            logger.warning("%s: Event %s not written: %s", pool.key, announcement.reason, error, extra=beside)
            return
        self._said[topic] = announcement.note
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)


def _event(pool: PoolIdentity, announcement: Announcement) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{pool.key.name}.{time.time_ns():x}", "namespace": pool.key.namespace},
        "eventTime": datetime.now(tz=UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "reportingController": CONTROLLER,
        "reportingInstance": socket.gethostname()[:128],
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.reason,
        "action": "Reconcile",
        "note": announcement.note[:LONGEST_NOTE],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": pool.key.namespace,
            "name": pool.key.name,
            "uid": pool.uid,
        },
    }
