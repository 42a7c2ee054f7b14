"""
The few requests that the operator makes of the API server.

Objects go in and out as the JSON they are: the official client carries the
requests (connection, TLS, credentials and their renewal), and no model
classes are made of ten thousand Deployments.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from kubernetes.aio import client, config

from queueworkers.errors import ApiServerError, ConflictError, NotFoundError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

APPLY = "application/apply-patch+yaml"
MERGE = "application/strategic-merge-patch+json"
REQUEST_TIMEOUT_SECONDS = 15
LIST_PAGE = 500


async def load_configuration(kubeconfig: str | None) -> client.Configuration:
    """
    Find the cluster: the pod's own service account, or else a kubeconfig.

    Args:
        kubeconfig: A file to use in any case; ``None`` means the usual places.
    """
    configuration = client.Configuration()
    if kubeconfig is None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
    else:
        await config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)
    return configuration


async def load_users_configuration(
    kubeconfig: str | None, *, context: str | None
) -> tuple[client.Configuration, str]:
    """
    Find the cluster that a person means, and the namespace that is theirs by default.

    Args:
        kubeconfig: A file; ``None`` means the usual places.
        context: One of its contexts; ``None`` means the current one.

    Raises:
        SettingsError: there is no such file, or no such context in it.
    """
    configuration = client.Configuration()
    try:
        contexts, current = config.list_kube_config_contexts(kubeconfig)
        chosen = next((each for each in contexts if each["name"] == context), None) if context else current
        if chosen is None:
            names = ", ".join(each["name"] for each in contexts)
            raise SettingsError(f"the kubeconfig has no context {context}; it has {names}")
        await config.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration
        )
    except config.ConfigException as error:
        raise SettingsError(f"no cluster is known: {error}") from error
    return configuration, chosen["context"].get("namespace") or "default"


class KubernetesApi:
    """
    A connection to the API server, with at most *max_in_flight* requests at once.

    Every method raises `NotFoundError`, `ConflictError` or another
    `ApiServerError`, and nothing else.
    """

    def __init__(self, configuration: client.Configuration, *, user_agent: str, max_in_flight: int) -> None:
        configuration.connection_pool_maxsize = max_in_flight
        self._client = client.ApiClient(configuration)
        self._client.user_agent = user_agent
        self._slots = asyncio.Semaphore(max_in_flight)

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    async def get(self, path: str) -> dict[str, Any]:
        """Read one object."""
        return await self._request("get", "GET", path)

    async def list(
        self, path: str, *, labels: str = "", fields: str = ""
    ) -> tuple[list[dict[str, Any]], int]:
        """
        Read all objects of a collection, page by page.

        Args:
            path: The collection.
            labels: A label selector; empty means all.
            fields: A field selector; empty means all.

        Returns:
            The objects, and the version of the collection that they show.
        """
        query = {"limit": str(LIST_PAGE), "labelSelector": labels, "fieldSelector": fields}
        items: list[dict[str, Any]] = []
        while True:
            page = await self._request("list", "GET", path, query=query)
            items += page.get("items", ())
            token = page["metadata"].get("continue")
            if not token:
                return items, int(page["metadata"]["resourceVersion"])
            query["continue"] = token

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create one object in a collection."""
        return await self._request("create", "POST", path, body=body)

    async def apply(self, path: str, body: Mapping[str, Any], *, field_manager: str) -> dict[str, Any]:
        """
        Apply on the server's side what *field_manager* wants of one object.

        Fields that another manager owns with another value are taken over;
        fields that *body* leaves out are given up.
        """
        query = {"fieldManager": field_manager, "force": "true"}
        return await self._request("apply", "PATCH", path, query=query, body=body, content_type=APPLY)

    async def merge(self, path: str, body: Mapping[str, Any], *, field_manager: str) -> dict[str, Any]:
        """
        Change some fields of one object, in the name of *field_manager*.

        What *body* leaves out stays; ``None`` takes a field away, and
        ``{"$patch": "delete"}`` an item of a list that has a key.
        """
        query = {"fieldManager": field_manager}
        return await self._request("merge", "PATCH", path, query=query, body=body, content_type=MERGE)

    async def _request(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        async with self._slots:
            try:
                method, url, headers, content, _ = await self._client.param_serialize(
                    method,
                    path,
                    query_params=[(key, value) for key, value in (query or {}).items() if value],
                    header_params={"Accept": "application/json", "Content-Type": content_type},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                response = await self._client.call_api(
                    method, url, headers, content, _request_timeout=REQUEST_TIMEOUT_SECONDS
                )
                text = await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                message = str(error) or type(error).__name__
                raise ApiServerError(verb=verb, path=path, status=0, message=message) from error
        if response.status < 300:  # noqa: PLR2004 -- the class of successes
            parsed: dict[str, Any] = json.loads(text)
            return parsed
        raise _refusal(verb, path, response.status, text, response.getheader("Retry-After"))


def _refusal(verb: str, path: str, status: int, text: bytes, retry_after: str | None) -> ApiServerError:
    kinds = {404: NotFoundError, 409: ConflictError}
    return kinds.get(status, ApiServerError)(
        verb=verb,
        path=path,
        status=status,
        message=_message(text),
        retry_after=float(retry_after) if retry_after and retry_after.isdigit() else None,
    )


def _message(text: bytes) -> str:
    """The API server's own sentence out of its ``Status`` object, or the beginning of whatever came."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    message = answer.get("message") if isinstance(answer, dict) else None
    return str(message) if message else text.decode(errors="replace")[:300]
