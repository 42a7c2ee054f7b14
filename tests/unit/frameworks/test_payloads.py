"""Reading jobs that real frameworks stored, and whatever else lies in a queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.payload import MAX_PAYLOAD_BYTES, parse_payload
from queueworkers.frameworks.thinkphp import THINKPHP

VECTORS = Path(__file__).parents[2] / "vectors"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOON_UNIX = int(NOON.timestamp())

READERS = [pytest.param(framework.read_header, id=framework.name) for framework in (LARAVEL, THINKPHP)]
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def recorded_jobs(recording: str) -> list[bytes]:
    """Every job that was put into a list or a set."""
    lines = [json.loads(line)["argv"] for line in (VECTORS / f"{recording}.jsonl").read_text().splitlines()]
    return [
        argv[-1].encode()
        for argv in lines
        if argv[0] in {"RPUSH", "ZADD"} and not argv[1].endswith(":notify")
    ]


@pytest.mark.parametrize(
    ("recording", "read_header", "timed"),
    [
        ("laravel-8.83.26", LARAVEL.read_header, False),
        ("laravel-13.26.1", LARAVEL.read_header, True),
        ("think-queue-1.1.6", THINKPHP.read_header, False),
        ("think-queue-3.0.9", THINKPHP.read_header, False),
    ],
)
def test_recorded_jobs_have_an_identity(recording, read_header, timed):
    """Each says who it is; only Laravel since 12.11 says since when it waits."""
    headers = [read_header(job) for job in recorded_jobs(recording)]
    assert headers
    assert all(header and header.identity for header in headers)
    assert any(header.available_at for header in headers) is timed


@pytest.mark.parametrize(
    ("job", "available_at"),
    [
        pytest.param({"createdAt": NOON_UNIX}, NOON, id="created"),
        pytest.param({"createdAt": NOON_UNIX, "delay": 60}, NOON + timedelta(seconds=60), id="delayed"),
        pytest.param({"createdAt": NOON_UNIX, "delay": None}, NOON, id="delay-null"),
        pytest.param({"pushedAt": f"{NOON_UNIX}.5"}, NOON + timedelta(seconds=0.5), id="horizon"),
        pytest.param({"pushedAt": str(NOON_UNIX), "createdAt": 1}, NOON, id="horizon-first"),
        pytest.param({"pushedAt": "soon", "createdAt": NOON_UNIX}, NOON, id="horizon-broken"),
        pytest.param({}, None, id="none"),
        pytest.param({"createdAt": True}, None, id="boolean"),
        pytest.param({"createdAt": "nan"}, None, id="not-a-number"),
        pytest.param({"createdAt": 10**400}, None, id="beyond-all-time"),
        pytest.param({"createdAt": NOON_UNIX, "delay": 10**18}, None, id="delayed-beyond-all-time"),
        pytest.param({"createdAt": NOON_UNIX, "delay": "x"}, NOON, id="delay-broken"),
    ],
)
def test_since_when_a_laravel_job_could_be_taken(job, available_at):
    """Horizon's time, else Laravel's, plus the delay; nothing where there is none or it makes no sense."""
    header = LARAVEL.read_header(json.dumps({"job": "x", "id": "1", **job}).encode())
    assert header
    assert header.available_at == available_at


@pytest.mark.parametrize(("attempts", "told"), [(0, True), (1, False), (7, False)])
def test_a_job_that_was_tried_before_does_not_tell_since_when_it_waits(attempts, told):
    """Its time is that of the first push, and it was not waiting ever since."""
    job = {"job": "x", "id": "1", "createdAt": NOON_UNIX, "attempts": attempts}
    header = LARAVEL.read_header(json.dumps(job).encode())
    assert header
    assert (header.available_at is not None) is told


@pytest.mark.parametrize(
    "job",
    [
        pytest.param({"job": "Job1", "data": [], "id": "JGEC", "attempts": 1}, id="2.0.4"),
        pytest.param(
            {"job": "Job1", "maxTries": None, "timeout": None, "data": [], "id": "JGEC", "attempts": 0},
            id="3.0.4",
        ),
    ],
)
def test_versions_of_think_that_were_not_recorded(job):
    """What their sources put together: attempts begin with 1 before 3, and nothing tells a time."""
    header = THINKPHP.read_header(json.dumps(job).encode())
    assert header
    assert (header.identity, header.available_at) == ("JGEC", None)


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b'"x"', b"1", b"{}", b"\xff\xfe", b"[" * 200_000, b"9" * 5000, b'{"id":"1"}'],
)
@pytest.mark.parametrize("read_header", READERS)
def test_what_is_no_job(read_header, payload):
    """A list may hold anything; what is no job has no header."""
    assert read_header(payload) is None


def test_large_payloads_are_not_parsed():
    """Up to the limit a job is read; beyond it nobody pays for it."""
    job = b'{"job":"x","data":"%s"}'
    room = MAX_PAYLOAD_BYTES - len(job) + 2
    assert parse_payload(job % (b"x" * room)) is not None
    assert parse_payload(job % (b"x" * (room + 1))) is None


@pytest.mark.parametrize("read_header", READERS)
@given(payload=st.binary(max_size=200))
def test_no_bytes_break_anything(read_header, payload):
    """Arbitrary bytes are read without an error."""
    read_header(payload)


@pytest.mark.parametrize("read_header", READERS)
@given(fields=st.dictionaries(
    st.sampled_from(["id", "uuid", "attempts", "createdAt", "pushedAt", "delay"]), any_json
))  # fmt: skip
def test_no_field_breaks_anything(read_header, fields):
    """A job with any JSON in its fields has a header that makes sense."""
    header = read_header(json.dumps({"job": "x", **fields}).encode())
    assert header
    assert header.identity is None or isinstance(header.identity, str)
    assert header.available_at is None or header.available_at.tzinfo is UTC
