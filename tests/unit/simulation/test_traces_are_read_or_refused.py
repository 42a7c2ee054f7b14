"""A trace is read as it was meant, or refused with the line and what to change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queueworkers.simulation.traces import Trace, TraceError, parse_trace


def read(*lines: str) -> Trace:
    """A trace of these lines."""
    return parse_trace([f"{line}\n" for line in lines])


def test_dates_and_their_zones_are_moments() -> None:
    """The first one is where the trace begins, in UTC, whatever zone it was told in."""
    trace = read("time,queue,seconds", "2026-11-17T10:30:05+01:00,mail,2.5", "2026-11-17T09:30:00Z,mail,1")
    assert trace.began == datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
    (mail,) = trace.queues
    assert mail.available_at.tolist() == [0.0, 5.0]
    assert mail.seconds.tolist() == [1.0, 2.5]


def test_seconds_delays_and_counts() -> None:
    """Lines in any order, columns in any order, empty optional fields, empty lines, and jobs that come together."""
    trace = read("queue,delay,seconds,count,time", "b,,1,,20", "", "a,30,2,3,10", "b,5,4,2,12")
    by_name = {each.queue: each for each in trace.queues}
    assert trace.jobs == 6
    assert by_name["a"].pushed_at.tolist() == [0.0] * 3
    assert by_name["a"].available_at.tolist() == [30.0] * 3
    assert by_name["b"].available_at.tolist() == [7.0, 7.0, 10.0]
    assert by_name["b"].seconds.tolist() == [4.0, 4.0, 1.0]
    assert trace.lasts_seconds == 31.0


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        pytest.param([], "line 1: the header must name time, queue, seconds", id="nothing"),
        pytest.param(["time,queue"], "it is time,queue", id="no-seconds"),
        pytest.param(["time,queue,seconds,wait"], "may name delay and count", id="unknown-column"),
        pytest.param(["time,queue,seconds,queue"], "each once", id="column-twice"),
        pytest.param(["time,queue,seconds"], "no job is in the trace", id="no-job"),
        pytest.param(
            ["time,queue,seconds", "1,a,1", "2,a"], "line 3: 2 fields, where the header names 3", id="short"
        ),
        pytest.param(
            ["time,queue,seconds", "soon,a,1"], "line 2: time must be seconds, or a date", id="no-time"
        ),
        pytest.param(
            ["time,queue,seconds", "2026-11-17T09:30:00,a,1"], "a date with its zone such as", id="no-zone"
        ),
        pytest.param(["time,queue,seconds", "nan,a,1"], "and is 'nan'", id="nan"),
        pytest.param(
            ["time,queue,seconds", "1,a,1", "2026-11-17T09:30:00Z,a,1"],
            "line 3: time is a date here",
            id="both",
        ),
        pytest.param(["time,queue,seconds", "1,,1"], "line 2: queue is empty", id="no-queue"),
        pytest.param(
            ["time,queue,seconds", "1,a,-1"], "line 2: seconds must be seconds, 0 or more", id="negative"
        ),
        pytest.param(["time,queue,seconds", "1,a,"], "and is ''", id="empty-seconds"),
        pytest.param(["time,queue,seconds", "1,a,inf"], "and is 'inf'", id="infinite"),
        pytest.param(["time,queue,seconds,delay", "1,a,1,x"], "line 2: delay must be seconds", id="delay"),
        pytest.param(
            ["time,queue,seconds,count", "1,a,1,0"], "line 2: count must be a whole number", id="count"
        ),
        pytest.param(["time,queue,seconds,count", "1,a,1,1.5"], "and is '1.5'", id="part-of-a-job"),
        pytest.param(
            ["time,queue,seconds,count", *["1,a,1,20000000"] * 2],
            "line 3: there are more than 20,000,000",
            id="many",
        ),
    ],
)
def test_what_is_wrong_is_said(lines: list[str], sentence: str) -> None:
    """Each refusal names the line, what it found and what would be right."""
    with pytest.raises(TraceError, match=r".") as refused:
        read(*lines)
    assert sentence in str(refused.value)


def test_queues_stand_in_the_order_of_the_pool() -> None:
    """The pool's order decides; a queue without jobs is empty, and one that the pool does not serve is told."""
    trace = read("time,queue,seconds", "1,low,1", "2,high,1")
    assert [each.queue for each in trace.ordered(["high", "middle", "low"]).queues] == [
        "high",
        "middle",
        "low",
    ]
    assert [len(each) for each in trace.ordered(["high", "middle", "low"]).queues] == [1, 0, 1]
    with pytest.raises(TraceError, match="jobs came to high, and the pool serves low: leave those lines out"):
        trace.ordered(["low"])
