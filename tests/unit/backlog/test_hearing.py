"""A server that cannot tell of changes is asked for it less and less, and one that hung for another reason soon again."""

from __future__ import annotations

from queueworkers.backlog.hearing import (
    ASK_AGAIN_SECONDS,
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    REST_FACTOR,
    Hearing,
)


def test_a_server_is_asked_once_and_again_when_it_is_lost():
    """While it tells, there is nothing to ask."""
    hearing = Hearing()
    assert hearing.may_ask(0.0)
    hearing.record_answer(0.0, listening=True)
    assert not hearing.may_ask(1e9)
    hearing.listening = False
    assert hearing.may_ask(0.0)


def test_a_refusal_is_believed_for_some_minutes():
    """However often other questions are answered."""
    hearing = Hearing()
    hearing.record_answer(0.0, listening=False)
    hearing.record_other_answer(10.0)
    assert not hearing.may_ask(ASK_AGAIN_SECONDS - 1)
    assert hearing.may_ask(ASK_AGAIN_SECONDS)


def test_what_hangs_up_over_the_question_alone_is_asked_less_and_less():
    """Each time costs a connection; up to a day."""
    hearing, now, rests = Hearing(), 0.0, []
    for _ in range(8):
        hearing.record_failure(now)
        hearing.record_other_answer(now)
        rest = next(each for each in range(1, 100_000) if hearing.may_ask(now + each))
        rests.append(rest)
        now += rest
    assert rests[:3] == [FIRST_REST_SECONDS * REST_FACTOR**n for n in range(3)]
    assert rests[-1] == LONGEST_REST_SECONDS


def test_what_answers_nothing_at_all_is_asked_soon_again():
    """Then it was not about the question."""
    hearing = Hearing()
    for number in range(10):
        hearing.record_failure(number * 100.0)
    assert hearing.may_ask(900.0 + FIRST_REST_SECONDS)
