"""
What can go wrong, as facts; the sentences are in ``__str__``.

Adapters translate a library's exceptions once, at their border, into these.
An invalid pool is not here: it is a condition on the pool, not an exception.
"""

from __future__ import annotations


class QueueWorkersError(Exception):
    """Anything this operator raises on purpose."""


class ApiServerError(QueueWorkersError):
    """
    The API server refused a request or could not be reached.

    Args:
        verb: What was asked, such as ``apply``.
        path: Of which resource.
        status: The HTTP status; 0 when there was no answer.
        message: The API server's own sentence.
        retry_after: Seconds after which it wants to be asked again, where it said so.
    """

    def __init__(
        self, *, verb: str, path: str, status: int, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(verb, path, status, message)
        self.verb = verb
        self.path = path
        self.status = status
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        answer = f"answered {self.status}" if self.status else "did not answer"
        return f"API server {answer} to {self.verb} {self.path}: {self.message}"

    @property
    def rejects_content(self) -> bool:
        """True where the request itself is wrong: the same one would fail again."""
        return self.status in {400, 403, 409, 422}

    @property
    def goes_by(self) -> bool:
        """True where nothing is wrong with the request: it was not answered, or the API server has trouble or no room."""
        return self.status in {0, 429, 500, 502, 503, 504}


class NotFoundError(ApiServerError):
    """There is no such object."""


class ConflictError(ApiServerError):
    """Somebody else was faster, or owns what was to be changed."""


class NotOursError(ApiServerError):
    """Another process may be at work on that namespace by now: nothing was asked of the API server."""

    def __str__(self) -> str:
        return f"{self.verb} {self.path} not asked: {self.message}"


class SettingsError(QueueWorkersError):
    """The operator's own settings are wrong; its message says which and what to give instead."""


class NotPreparedError(QueueWorkersError):
    """The cluster lacks something that the operator needs; its message says what and how to get it."""
