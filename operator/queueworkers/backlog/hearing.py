"""When a server is asked to tell of changes, as some know no such thing and hang up over the question."""

from __future__ import annotations

ASK_AGAIN_SECONDS = 300.0
"""When to ask one again that said no: it may be another release by then, or the user have another right."""

FIRST_REST_SECONDS = 5.0
"""When to ask one again that hung up, or gave no answer: that may have been about something else."""

REST_FACTOR = 8
"""How much later each further time, where everything else is answered: so it was about the question."""

LONGEST_REST_SECONDS = 86_400.0


class Hearing:
    """Whether a server tells of changes, and when to ask it; times are of a monotonic clock."""

    def __init__(self) -> None:
        self.listening = False
        self._ask_from = float("-inf")
        self._rest_seconds = FIRST_REST_SECONDS
        self._hung_up = False

    def may_ask(self, now: float) -> bool:
        """Tell whether it is time to ask."""
        return not self.listening and now >= self._ask_from

    def record_answer(self, now: float, *, listening: bool) -> None:
        """Note what it said."""
        self.listening = listening
        self._hung_up = False
        self._ask_from = now + ASK_AGAIN_SECONDS
        if listening:
            self._ask_from, self._rest_seconds = float("-inf"), FIRST_REST_SECONDS

    def record_failure(self, now: float) -> None:
        """Note that it said nothing, or ended the connection."""
        self._hung_up = True
        self._ask_from = now + self._rest_seconds

    def record_other_answer(self, now: float) -> None:
        """Note that it answers other questions."""
        if self._hung_up:
            self._hung_up = False
            self._ask_from = now + self._rest_seconds
            self._rest_seconds = min(self._rest_seconds * REST_FACTOR, LONGEST_REST_SECONDS)
