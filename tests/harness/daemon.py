"""The form in which each part of a cluster says what is to be run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Daemon:
    """A long-running program of a cluster, and its command line."""

    name: str
    argv: tuple[str, ...]
