"""
What can go wrong, as facts; the sentences are in ``__str__``.

Adapters translate a library's exceptions once, at their border, into these.
An invalid pool is not here: it is a condition on the pool, not an exception.
"""

from __future__ import annotations


class QueueWorkersError(Exception):
    """Anything this operator raises on purpose."""
