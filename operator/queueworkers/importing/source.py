"""What is read, and what a person says beside it."""

from __future__ import annotations

from dataclasses import dataclass

from queueworkers.errors import QueueWorkersError


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file."""

    name: str
    """As on the command line."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person says on the command line, as the source's files do not; ``None`` where nothing was said."""

    image: str | None = None
    """The image of the application."""
    redis_host: str | None = None
    """Where the queues are."""
    redis_prefix: str | None = None
    """What the application's Redis client puts in front of every key; may be empty."""
    retry_after: int | None = None
    """Seconds, as `retry_after` of the queue connection."""


class UnreadableSourceError(QueueWorkersError):
    """
    A file is not what it should be.

    Args:
        file: Its name.
        line: Where, from 1 on; ``None`` where it is about the whole file.
        problem: What is wrong, and what to do.
    """

    def __init__(self, *, file: str, line: int | None, problem: str) -> None:
        super().__init__(file, line, problem)
        self.file = file
        self.line = line
        self.problem = problem

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.problem}"
