"""How a worker is started: the flags that PHP developers would type, and none that the worker does not know."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.frameworks.base import WorkerOptions, reaches
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

PLAIN = WorkerOptions(
    connection="redis",
    queues=("high", "default"),
    memory=128,
    tries=None,
    timeout=60,
    backoff=(),
    sleep=3,
    rest=0,
    max_jobs=0,
    max_time=0,
)
ALWAYS = ("queue:work", "redis", "--queue=high,default", "--memory=128", "--timeout=60", "--sleep=3")


@pytest.mark.parametrize(
    ("framework", "changed", "added"),
    [
        pytest.param(LARAVEL, {}, (), id="laravel-defaults"),
        pytest.param(LARAVEL, {"tries": 3}, ("--tries=3",), id="laravel-tries"),
        pytest.param(LARAVEL, {"tries": 0}, ("--tries=0",), id="laravel-without-limit"),
        pytest.param(LARAVEL, {"backoff": (5, 10)}, ("--backoff=5,10",), id="laravel-backoffs"),
        pytest.param(LARAVEL, {"backoff": (0,)}, ("--backoff=0",), id="laravel-backoff-zero"),
        pytest.param(
            LARAVEL,
            {"rest": 1, "max_jobs": 500, "max_time": 3600},
            ("--rest=1", "--max-jobs=500", "--max-time=3600"),
            id="laravel-recycling",
        ),
        pytest.param(THINKPHP, {}, (), id="think-defaults"),
        pytest.param(THINKPHP, {"tries": 3, "backoff": (5,)}, ("--tries=3", "--delay=5"), id="think-all"),
    ],
)
def test_command_line(framework, changed, added):
    """Of the newest version: what is always there, in a fixed order, then what was asked for."""
    assert framework.command_line(replace(PLAIN, **changed), None) == (*ALWAYS, *added)


@pytest.mark.parametrize(
    ("framework", "version", "arguments"),
    [
        pytest.param(
            LARAVEL,
            (5, 2, 45),
            "queue:work redis --daemon --queue=high,default --memory=128 --sleep=3 --tries=3 --delay=5",
            id="laravel-5.2-ends-after-one-job-unless-it-is-a-daemon",
        ),
        pytest.param(
            LARAVEL,
            (5, 3),
            "queue:work redis --queue=high,default --memory=128 --timeout=60 --sleep=3 --tries=3 --delay=5",
            id="laravel-5.3-has-timeouts",
        ),
        pytest.param(
            LARAVEL,
            (7, 30, 6),
            "queue:work redis --queue=high,default --memory=128 --timeout=60 --sleep=3 --tries=3 --delay=5",
            id="laravel-7-calls-it-delay",
        ),
        pytest.param(
            LARAVEL,
            (8,),
            "queue:work redis --queue=high,default --memory=128 --timeout=60 --sleep=3 --tries=3 --backoff=5",
            id="laravel-8-calls-it-backoff",
        ),
        pytest.param(
            THINKPHP,
            (1, 1, 6),
            "queue:work --daemon --queue=high,default --memory=128 --sleep=3 --tries=3 --delay=5",
            id="think-1-knows-neither-connection-nor-timeout",
        ),
        pytest.param(
            THINKPHP,
            (2, 0, 4),
            "queue:work --daemon --queue=high,default --memory=128 --sleep=3 --tries=3 --delay=5",
            id="think-2",
        ),
        pytest.param(
            THINKPHP,
            (3, 0, 4),
            "queue:work redis --queue=high,default --memory=128 --timeout=60 --sleep=3 --tries=3 --delay=5",
            id="think-3",
        ),
    ],
)
def test_command_line_of_an_older_version(framework, version, arguments):
    """Word for word as its `queue:work` takes it, with the same things asked for."""
    asked = replace(PLAIN, tries=3, backoff=(5,))
    assert framework.command_line(asked, version) == tuple(arguments.split())


VERSIONS = st.none() | st.lists(st.integers(0, 15), min_size=1, max_size=4).map(tuple)


@given(framework=st.sampled_from([LARAVEL, THINKPHP]), version=VERSIONS)
def test_a_worker_is_given_exactly_what_it_knows(framework, version):
    """An unknown option would make it exit 1 for ever, and a known one that is left out would be ignored in silence."""
    asked = replace(PLAIN, connection="other", tries=9, backoff=(9,), rest=9, max_jobs=9, max_time=9)
    given_words = {word.partition("=")[0].lstrip("-") for word in framework.command_line(asked, version)[1:]}
    words = {"connection": {"other"}, "queues": {"queue"}, "backoff": {"backoff", "delay"}}
    for option in (field.name for field in fields(WorkerOptions)):
        spellings = words.get(option, {option.replace("_", "-")})
        assert bool(spellings & given_words) is framework.knows(option, version), option


@pytest.mark.parametrize(
    ("framework", "version", "retry_after", "tries"),
    [
        pytest.param(LARAVEL, None, 90, 1, id="laravel"),
        pytest.param(LARAVEL, (6,), 90, 1, id="laravel-6"),
        pytest.param(LARAVEL, (5, 8, 38), 90, 0, id="laravel-5.8"),
        pytest.param(LARAVEL, (5, 3), 90, 0, id="laravel-5.3"),
        pytest.param(LARAVEL, (5, 2, 45), 60, 0, id="laravel-5.2"),
        pytest.param(THINKPHP, None, 60, 0, id="think"),
        pytest.param(THINKPHP, (1, 1, 6), 60, 0, id="think-1"),
    ],
)
def test_defaults_are_the_frameworks_own(framework, version, retry_after, tries):
    """Where the application says nothing, the framework's defaults hold, as they are in its version."""
    assert framework.default_retry_after.at(version) == retry_after
    assert framework.default_tries.at(version) == tries


@pytest.mark.parametrize(
    ("version", "since", "reached"),
    [
        pytest.param(None, (99,), True, id="the-newest-has-everything"),
        pytest.param((8, 32), (8, 32), True, id="that-very-version"),
        pytest.param((8, 32, 1), (8, 32), True, id="a-patch-of-it"),
        pytest.param((8, 31, 9), (8, 32), False, id="the-one-before"),
        pytest.param((8,), (8, 32), False, id="a-part-left-out-is-zero"),
        pytest.param((8,), (8,), True, id="nothing-but-a-major"),
        pytest.param((10,), (9, 24), True, id="by-number-and-not-by-letter"),
        pytest.param((0,), (), True, id="what-was-always-there"),
    ],
)
def test_which_version_has_what(version, since, reached):
    """Numbers are compared, and what was not declared counts as 0."""
    assert reaches(version, since) is reached


@pytest.mark.parametrize("framework", [LARAVEL, THINKPHP])
def test_first_versions_have_no_zeros_at_the_end(framework):
    """Else 3 would not be as new as 3.0."""
    facts = [fact for fact in (framework.default_retry_after, framework.default_tries) if fact.changes]
    firsts = [
        *framework.options_since.values(),
        framework.several_backoffs_since,
        framework.unlimited_memory_since,
        framework.endless_claims_until,
        framework.listens_since,
        *(since for fact in facts for since, _ in fact.changes),
    ]
    assert not [since for since in firsts if since and since[-1] == 0]


@pytest.mark.parametrize("framework", [LARAVEL, THINKPHP])
def test_exit_codes_tell_recycling_from_failing(framework):
    """0 and 12 happen by design, many times a day; the others are trouble."""
    meanings = framework.exit_meanings
    assert {code for code, meaning in meanings.items() if meaning.recycling} == {0, 12}
    assert {1, 137, 255} <= meanings.keys()
