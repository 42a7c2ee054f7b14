"""
The few requests that the operator makes of the API server.

Objects go in and out as the JSON they are: the official client carries the
requests (connection, TLS, credentials and their renewal), and no model
classes are made of ten thousand Deployments.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import aiohttp
from kubernetes.aio import client

from queueworkers.cluster.gate import Gate, Lane
from queueworkers.cluster.paths import namespace_of
from queueworkers.errors import ApiServerError, ConflictError, NotFoundError, NotOursError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Mapping

    from kubernetes.aio.client import rest

APPLY = "application/apply-patch+yaml"
MERGE = "application/strategic-merge-patch+json"
AMEND = "application/merge-patch+json"
REQUEST_TIMEOUT_SECONDS = 15.0
LIST_PAGE = 500
WRITES_PER_SECOND = 200.0

FAILURES = (aiohttp.ClientError, TimeoutError, OSError)
"""What a request that gets no whole answer ends with."""

TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503

ATTEMPTS = 8
"""How often a request is made that the API server has no room for; it did nothing of it, so asking again is safe."""


def anywhere(_namespace: str | None) -> float:
    """Permit every write for ever: this process is the only one."""
    return inf


def tell_nobody(_verb: str, _status: int, _seconds: float) -> None:
    """Count no answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is asked, as often as it takes."""

    verb: str
    """What the operator calls it; the HTTP method does not tell a list from an object."""
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Mapping[str, Any] | None
    content_type: str
    accept: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the API server said to it, once."""

    status: int
    text: bytes
    retry_after: float | None
    """For how many seconds it wants to be left alone."""


class KubernetesApi:
    """
    A connection to the API server, with manners: see `gate`.

    Every method raises `NotFoundError`, `ConflictError` or another
    `ApiServerError`, and nothing else.

    Args:
        configuration: The cluster and the credentials.
        user_agent: What the API server's log calls this program.
        max_in_flight: Requests at once.
        writes_per_second: Of those that can wait.
        permit: For how many seconds from now this process may write in a namespace; asked just before each
            write, which then has so long and no longer.
        answered: Told of each answer: the verb, the HTTP status or 0 for none, and the seconds that it took.
        timeout_seconds: For one request.
    """

    def __init__(
        self,
        configuration: client.Configuration,
        *,
        user_agent: str,
        max_in_flight: int,
        writes_per_second: float = WRITES_PER_SECOND,
        permit: Callable[[str | None], float] = anywhere,
        answered: Callable[[str, int, float], None] = tell_nobody,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        configuration.connection_pool_maxsize = max_in_flight
        self._client = client.ApiClient(configuration)
        self._client.user_agent = user_agent
        self._gate = Gate(
            max_in_flight=max_in_flight, writes_per_second=writes_per_second, clock=time.monotonic
        )
        self._permit = permit
        self._answered = answered
        self._timeout_seconds = timeout_seconds

    def hurry(self, subject: Hashable) -> None:
        """Let every request about one subject go first, until `calm`."""
        self._gate.hurry(subject)

    def calm(self, subject: Hashable) -> None:
        """Let what comes from now on about one subject wait like everything else."""
        self._gate.calm(subject)

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

    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes]:
        """
        Read what is no object, such as a log, piece by piece as it comes, for as long as it goes on.

        It waits for no other request, and none for it, as it may go on for
        days; but each takes one of the *max_in_flight* connections.

        Raises:
            ApiServerError: it was refused, or broke off, which has status 0.
        """
        request = _Request(
            verb="stream",
            method="GET",
            path=path,
            query=tuple(query.items()),
            body=None,
            content_type="application/json",
            accept="*/*",
        )
        # The answer to a log that is followed begins with its first line.
        patience = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_seconds)
        try:
            url, headers, content = await self._serialize(request)
            response = await self._client.call_api("GET", url, headers, content, _request_timeout=patience)
            try:
                if response.status >= 300:  # noqa: PLR2004 -- anything but a success
                    text, retry_after = await response.read(), _retry_after(response)
                    answer = _Answer(status=response.status, text=text, retry_after=retry_after)
                    raise _refusal(request, answer)
                async for piece in response.response.content.iter_any():
                    yield piece
            finally:
                response.response.close()
        except FAILURES as error:
            raise _no_answer(request, error) from error

    async def create(self, path: str, body: Mapping[str, Any], *, lane: Lane = Lane.SHAPE) -> dict[str, Any]:
        """Create one object in a collection."""
        return await self._request("create", "POST", path, body=body, lane=lane)

    async def replace(self, path: str, body: Mapping[str, Any], *, lane: Lane) -> dict[str, Any]:
        """Write one object as a whole; `ConflictError` when it is not the version any more that *body* names."""
        return await self._request("replace", "PUT", path, body=body, lane=lane)

    async def delete(self, path: str, *, version: str, lane: Lane) -> None:
        """Delete one object; `ConflictError` when it is not that version any more."""
        body = {"preconditions": {"resourceVersion": version}}
        await self._request("delete", "DELETE", path, body=body, lane=lane)

    async def apply(
        self, path: str, body: Mapping[str, Any], *, field_manager: str, lane: Lane
    ) -> dict[str, Any]:
        """
        Apply on the server's side what *field_manager* wants of one object.

        Fields that another manager owns with another value are taken over;
        fields that *body* leaves out are given up.
        """
        query = {"fieldManager": field_manager, "force": "true"}
        return await self._request(
            "apply", "PATCH", path, query=query, body=body, content_type=APPLY, lane=lane
        )

    async def merge(
        self, path: str, body: Mapping[str, Any], *, field_manager: str, lane: Lane
    ) -> dict[str, Any]:
        """
        Change some fields of one object, in the name of *field_manager*.

        What *body* leaves out stays; ``None`` takes a field away, and
        ``{"$patch": "delete"}`` an item of a list that has a key.
        """
        query = {"fieldManager": field_manager}
        return await self._request(
            "merge", "PATCH", path, query=query, body=body, content_type=MERGE, lane=lane
        )

    async def amend(
        self, path: str, body: Mapping[str, Any], *, field_manager: str, lane: Lane
    ) -> dict[str, Any]:
        """
        Change some fields of one object of a custom resource, of which the API server knows no lists with keys.

        What *body* leaves out stays, ``None`` takes a field away, a list is replaced as a whole (RFC 7386).
        """
        query = {"fieldManager": field_manager}
        return await self._request(
            "amend", "PATCH", path, query=query, body=body, content_type=AMEND, lane=lane
        )

    async def _request(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        lane: Lane = Lane.READ,
    ) -> dict[str, Any]:
        """Ask, and ask again where the API server had no room."""
        request = _Request(
            verb=verb,
            method=method,
            path=path,
            query=tuple((key, value) for key, value in (query or {}).items() if value),
            body=body,
            content_type=content_type,
        )
        attempt = 0
        while True:
            attempt += 1
            answer = await self._send(request, lane)
            if answer.status < 300:  # noqa: PLR2004 -- the class of successes
                parsed: dict[str, Any] = json.loads(answer.text)
                return parsed
            if answer.status != TOO_MANY_REQUESTS or attempt == ATTEMPTS:
                raise _refusal(request, answer)

    async def _send(self, request: _Request, lane: Lane) -> _Answer:
        """Ask once, when the gate lets it pass; whatever was answered, the gate and the count are told."""
        entered_at = await self._gate.enter(lane)
        sent_at, status = None, 0
        try:
            url, headers, content = await self._serialize(request)
            seconds = self._seconds_for(request.verb, request.path, writes=lane is not Lane.READ)
            sent_at = time.monotonic()
            response = await self._client.call_api(
                request.method, url, headers, content, _request_timeout=seconds
            )
            text = await response.read()
            status = response.status
            answer = _Answer(status=status, text=text, retry_after=_retry_after(response))
            self._heed(answer, entered_at=entered_at)
        except FAILURES as error:
            if isinstance(error, aiohttp.ClientConnectionError):
                self._gate.broken(entered_at=entered_at)
            raise _no_answer(request, error) from error
        finally:
            self._gate.leave()
            if sent_at is not None:
                self._answered(request.verb, status, time.monotonic() - sent_at)
        return answer

    async def _serialize(self, request: _Request) -> tuple[str, dict[str, str], Any]:
        """Write a request as it goes over the wire: its address, its headers with the credentials, its body."""
        _, url, headers, content, _ = await self._client.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query),
            header_params={"Accept": request.accept, "Content-Type": request.content_type},
            body=request.body,
            auth_settings=["BearerToken"],
        )
        return url, headers, content

    def _heed(self, answer: _Answer, *, entered_at: float) -> None:
        """Have all requests wait where the API server has no room for this one, or is about to end."""
        if answer.status == TOO_MANY_REQUESTS:
            self._gate.refused(answer.retry_after, entered_at=entered_at)
        elif answer.status == UNAVAILABLE:
            self._gate.broken(entered_at=entered_at)
        else:
            self._gate.succeeded()

    def _seconds_for(self, verb: str, path: str, *, writes: bool) -> float:
        """Tell how long a request may take; a write, no longer than nobody else may write there."""
        if not writes:
            return self._timeout_seconds
        permitted = self._permit(namespace_of(path))
        if permitted <= 0:
            message = "this process does not hold the namespace's shard, or is not sure of it"
            raise NotOursError(verb=verb, path=path, status=0, message=message)
        return min(permitted, self._timeout_seconds)


def _retry_after(response: rest.RESTResponse) -> float | None:
    """Read for how many seconds the API server wants to be left alone; it never gives a date."""
    value = response.getheader("Retry-After")
    return float(value) if value and value.isdigit() else None


def _no_answer(request: _Request, error: Exception) -> ApiServerError:
    message = str(error) or type(error).__name__
    return ApiServerError(verb=request.verb, path=request.path, status=0, message=message)


def _refusal(request: _Request, answer: _Answer) -> ApiServerError:
    kinds = {404: NotFoundError, 409: ConflictError}
    return kinds.get(answer.status, ApiServerError)(
        verb=request.verb,
        path=request.path,
        status=answer.status,
        message=_message(answer.text),
        retry_after=answer.retry_after,
    )


def _message(text: bytes) -> str:
    """The API server's own sentence out of its ``Status`` object, or the beginning of whatever came."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    message = answer.get("message") if isinstance(answer, dict) else None
    return str(message) if message else text.decode(errors="replace")[:300]
