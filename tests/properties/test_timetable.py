"""A timetable forgets nobody, and calls nobody early or twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queueworkers.engine.timetable import SPARE_ENTRIES, Timetable

KEYS = st.integers(0, 5)
TIMES = st.integers(0, 20).map(float)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, TIMES),
        st.tuples(st.just("advance"), KEYS, TIMES),
        st.tuples(st.just("drop"), KEYS, TIMES),
        st.tuples(st.just("take"), KEYS, TIMES),
    ),
    max_size=60,
)


@given(STEPS)
def test_it_is_a_mapping_that_is_asked_for_the_earliest(steps: list[tuple[str, int, float]]) -> None:
    """Whatever is set, advanced and dropped before."""
    table: Timetable[int] = Timetable()
    model: dict[int, float] = {}
    for step, key, at in steps:
        match step:
            case "set":
                table.set(key, at)
                model[key] = at
            case "advance":
                table.advance(key, at)
                model[key] = min(at, model.get(key, at))
            case "drop":
                table.drop(key)
                model.pop(key, None)
            case _:
                due = sorted((time, each) for each, time in model.items() if time <= at)
                taken = table.take(at, most=key)
                assert [model[each] for each in taken] == [time for time, _ in due[:key]]
                for each in taken:
                    del model[each]
        assert table.next() == min(model.values(), default=None)


def test_what_is_moved_a_million_times_takes_no_more_room() -> None:
    """A pool that is woken again and again is still one."""
    table: Timetable[str] = Timetable()
    for number in range(10_000):
        table.set("pool", float(number % 7))
    assert len(table._order) <= 2 + SPARE_ENTRIES + 1  # noqa: SLF001 -- what is measured shows nowhere else
