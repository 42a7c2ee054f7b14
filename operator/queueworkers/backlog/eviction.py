"""
What a server drops when its memory is full.

Only some policies may take jobs: the queues' keys have no time to live, so what
drops keys that have one leaves them alone.  See
https://redis.io/docs/latest/develop/reference/eviction/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from queueworkers.backlog.wire import Command, Reply

QUESTION: Command = ("INFO", "memory")

NONE = "noeviction"

_ANY_KEY = "allkeys"
_MOST_CHARACTERS = 64


def parse_policy(reply: Reply) -> str | None:
    """
    Read the policy that is in force; ``None`` where the server does not tell.

    Without a limit nothing is dropped, whatever the policy.
    """
    if not isinstance(reply, bytes):
        return None
    lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines())
    facts = {name: value for name, _, value in lines}
    policy = facts.get("maxmemory_policy", "")[:_MOST_CHARACTERS]
    return NONE if policy and facts.get("maxmemory") == "0" else policy or None


def worst_policy(policies: Iterable[str | None]) -> str | None:
    """Choose, of several servers' policies, one that takes jobs; else ``None`` if one is not known."""
    known = list(policies)
    taking = (each for each in known if each and takes_jobs(each))
    return next(taking, None if None in known else next(iter(known), None))


def takes_jobs(policy: str) -> bool:
    """Tell whether a key without a time to live may be dropped."""
    return policy.startswith(_ANY_KEY)
