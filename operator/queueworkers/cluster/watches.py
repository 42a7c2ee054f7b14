"""
Whether the watches still tell what happens: held against the complete lists.

A watch that ended is begun again by whoever watches.  One that is silent although
things happen looks like one of a cluster at rest, until a list shows otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

STALE_SECONDS = 180.0
"""
A watch that is begun again waits for 89 s at most (kopf's `networking.error_backoffs`), and then tells of everything.
"""


class Watches:
    """
    The watches of one process, by resource, and by namespace where only some are watched.

    Stale is one whose silence two complete lists, `STALE_SECONDS` or more apart, both found news in, while it told
    nothing at all.  What is merely on its way when a list shows it clears the watch as soon as it comes.  Without
    an answer of the API server there is no list, and so no suspicion: a restart would not help.

    Args:
        namespaces: Those that are watched; none means all together.
        counted: Called with the resource for everything that a watch tells.
        monotonic: A clock, in seconds.
    """

    def __init__(
        self,
        namespaces: Collection[str],
        *,
        counted: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._single = bool(namespaces)
        self._counted = counted
        self._monotonic = monotonic
        self._suspected: dict[tuple[str, str | None], tuple[float, float]] = {}

    def told(self, resource: str, namespace: str) -> None:
        """Note that a watch told something, whatever it was."""
        self._counted(resource)
        self._suspected.pop((resource, namespace if self._single else None), None)

    def missed(self, resource: str, namespace: str | None) -> None:
        """Note that a complete list of a namespace, or of all, shows what its watch has not told yet."""
        now = self._monotonic()
        first, _ = self._suspected.get((resource, namespace), (now, now))
        self._suspected[resource, namespace] = (first, now)

    def stale(self) -> tuple[str, ...]:
        """Name the watches that do not tell any more what happens; may be asked by another thread."""
        return tuple(
            f"{resource} in {namespace}" if namespace else resource
            for (resource, namespace), (first, latest) in tuple(self._suspected.items())
            if latest - first >= STALE_SECONDS
        )
