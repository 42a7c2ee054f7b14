"""
kopf's place: it logs in, watches, and hands over what it sees.

The only module that imports kopf.  Event handlers alone: they keep no state
on the objects, add no finalizers and write nothing.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any

import kopf

from queueworkers.api.base import GROUP, PLURAL, VERSION
from queueworkers.api.budget import BUDGET_PLURAL
from queueworkers.cluster.resync import OURS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from kubernetes.aio import client

    from queueworkers.cluster.inventory import Inventory, Key, Shelf
    from queueworkers.cluster.watches import Watches
    from queueworkers.domain.identity import BudgetKey, PoolKey

CHUNK = 100
"""Objects per page of a first list: of Deployments 2 MB of JSON, which is read in one piece, and nothing happens meanwhile."""

OBJECT_KEPT_SECONDS = 0.1
"""How long kopf keeps an object, and a task for it, in case that more is told of it; all of a first list otherwise at once."""

GONE = "DELETED"

_IDENTITY: Any = "queue-worker-operator"
"""What kopf calls this process; its own guess fails where the user has no name, as in a container."""


async def watch(
    configuration: client.Configuration,
    inventory: Inventory,
    *,
    watches: Watches,
    namespaces: Sequence[str],
    touched: Callable[[PoolKey], None],
    budget_touched: Callable[[BudgetKey], None],
    stop: asyncio.Event,
) -> None:
    """
    Keep *inventory* up to date and call *touched* for every pool of which something changed.

    Args:
        configuration: The cluster and the credentials.
        inventory: To be kept.
        watches: Told of everything that comes.
        namespaces: To watch; empty means all.
        touched: Called in the event loop; must not block.
        budget_touched: The same for every budget that changed.
        stop: Ends the watching; set by it too, when it ends for a reason of its own such as a signal.
    """
    registry = kopf.OperatorRegistry()
    _log_in(registry, configuration)
    _hand_over(registry, (GROUP, VERSION, PLURAL), inventory.pools, watches, touched)
    _hand_over(registry, (GROUP, VERSION, BUDGET_PLURAL), inventory.budgets, watches, budget_touched)
    _hand_over(registry, ("apps", "v1", "deployments"), inventory.deployments, watches, touched)
    _hand_over(registry, ("", "v1", "pods"), inventory.pods, watches, touched)
    _tell_of_the_end(registry, stop)
    await kopf.operator(
        registry=registry,
        settings=_settings(),
        identity=_IDENTITY,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = CHUNK
    settings.watching.label_selectors["apps", "v1", "deployments"] = OURS
    settings.watching.label_selectors["", "v1", "pods"] = OURS
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = OBJECT_KEPT_SECONDS
    settings.persistence.diffbase_storage = _NoEssence()
    # Its own narration is about its inner life; what matters to people is logged where it is decided.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    return settings


class _NoEssence(kopf.DiffBaseStorage):
    """
    What kopf is to compare objects by: nothing.

    It would copy every object twice for each event, for handlers that are told what changed.
    """

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Copy nothing."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Nothing was stored."""
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing on the object."""


def _hand_over(
    registry: kopf.OperatorRegistry,
    resource: tuple[str, str, str],
    shelf: Shelf[Key, Any],
    watches: Watches,
    touched: Callable[[Key], None],
) -> None:
    async def hand_over(event: kopf.RawEvent, **_: Any) -> None:
        watches.told(resource[-1], event["object"]["metadata"]["namespace"])
        key = (shelf.drop if event["type"] == GONE else shelf.hear)(event["object"])
        if key:
            touched(key)

    kopf.on.event(*resource, registry=registry, id=f"hand-over-{resource[-1]}")(hand_over)


def _tell_of_the_end(registry: kopf.OperatorRegistry, stop: asyncio.Event) -> None:
    """
    Set *stop* as soon as kopf begins to end.

    It takes the signals for itself, and waits five seconds for every task of
    the process that does not know yet.
    """

    async def tell(**_: Any) -> None:
        stop.set()

    kopf.on.cleanup(registry=registry, id="tell-of-the-end")(tell)


class _Connection(kopf.ConnectionInfo):
    """One that verifies the API server as the official client is told to: see `load_configuration`."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _log_in(registry: kopf.OperatorRegistry, configuration: client.Configuration) -> None:
    """Give kopf the same cluster and credentials that the official client uses."""

    async def log_in(**_kwargs: Any) -> kopf.ConnectionInfo:
        # "Bearer TOKEN" or a bare token; renewed by the client's own hook where there is one.
        scheme, _space, token = (await configuration.get_api_key_with_prefix("BearerToken") or "").rpartition(
            " "
        )
        return _Connection(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
        )

    kopf.on.login(registry=registry)(log_in)
