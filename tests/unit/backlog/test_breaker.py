"""When a failing endpoint is left alone."""

from __future__ import annotations

from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.breaker import Breaker
from queueworkers.backlog.memory import BoundedMemory
from queueworkers.domain.backlog import UnknownBacklog

DOWN = UnknownBacklog(reason=UnknownReason.CONNECTION_FAILED, message="down")


def test_the_first_failures_do_not_rest():
    """Most are over soon; the third one in a row closes the door for a while."""
    breaker = Breaker(rest_seconds=5)
    answers = []
    for now in (0.0, 1.0, 2.0):
        breaker.record_failure(DOWN, now)
        answers.append(breaker.resting(now + 0.5))
    assert answers == [None, None, DOWN]


def test_one_attempt_per_rest():
    """After the rest one attempt goes through, and its failure begins the next rest."""
    breaker = Breaker(rest_seconds=5)
    for _ in range(3):
        breaker.record_failure(DOWN, 0.0)
    assert breaker.resting(4.9) is DOWN
    assert breaker.resting(5.0) is None
    breaker.record_failure(DOWN, 5.0)
    assert breaker.resting(9.9) is DOWN


def test_success_forgives_everything():
    """The next failure is a first one again."""
    breaker = Breaker(rest_seconds=5)
    for _ in range(3):
        breaker.record_failure(DOWN, 0.0)
    breaker.record_success()
    breaker.record_failure(DOWN, 1.0)
    assert breaker.resting(1.0) is None


def test_memory_forgets_what_was_written_longest_ago():
    """It never holds more than its capacity; writing again makes an entry new."""
    memory: BoundedMemory[str, int] = BoundedMemory(capacity=2)
    for key in ("a", "b", "a", "c"):
        memory.write(key, 1)
    assert ("a" in memory, "b" in memory, "c" in memory, len(memory)) == (True, False, True, 2)
