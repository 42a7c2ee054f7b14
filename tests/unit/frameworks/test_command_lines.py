"""How a worker is started: the flags that PHP developers would type, and none that the worker does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queueworkers.frameworks.base import WorkerOptions
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
    """What is always there, in a fixed order, then what was asked for."""
    assert framework.command_line(replace(PLAIN, **changed)) == (*ALWAYS, *added)


def test_think_is_never_given_what_it_does_not_know():
    """An unknown option would make the worker exit 1 for ever."""
    asked = replace(PLAIN, rest=1, max_jobs=1, max_time=1)
    words = " ".join(THINKPHP.command_line(asked))
    assert THINKPHP.unsupported_options == {"rest", "max_jobs", "max_time"}
    assert not any(f"--{name.replace('_', '-')}" in words for name in THINKPHP.unsupported_options)


@pytest.mark.parametrize(("framework", "retry_after", "tries"), [(LARAVEL, 90, 1), (THINKPHP, 60, 0)])
def test_defaults_are_the_frameworks_own(framework, retry_after, tries):
    """Where the application says nothing, the framework's defaults hold."""
    assert (framework.default_retry_after, framework.default_tries) == (retry_after, tries)


@pytest.mark.parametrize("framework", [LARAVEL, THINKPHP])
def test_exit_codes_tell_recycling_from_failing(framework):
    """0 and 12 happen by design, many times a day; the others are trouble."""
    meanings = framework.exit_meanings
    assert {code for code, meaning in meanings.items() if meaning.recycling} == {0, 12}
    assert {1, 137, 255} <= meanings.keys()
