"""Every option of a `[program:x]` is in the pool, or in a comment that says why not."""

from __future__ import annotations

import configparser
from typing import Any

import pytest

from queueworkers.importing.ini import parse_ini
from queueworkers.importing.source import UnreadableSourceError
from queueworkers.importing.supervisor import import_supervisor, included_patterns
from unit.importing.given import KNOWING, KNOWING_NOTHING, comments_of, file, pools_of, written


def imported(text: str) -> dict[str, dict[str, Any]]:
    """Import what a person knows all about."""
    return pools_of(import_supervisor([written("a.conf", text)], KNOWING))


def worker(command: str, *more: str) -> str:
    """Write a program with one *command*."""
    return "\n".join(("[program:mail]", f"command={command}", *more))


def test_a_worker_of_forge_is_a_pool_and_nothing_is_open() -> None:
    """Its flags are fields of their own names, and numprocs is the most."""
    made = import_supervisor([file("forge.conf")], KNOWING)
    assert not made.is_open
    assert pools_of(made)["worker-281923"] == {
        "framework": "Laravel",
        "image": "registry.example/shop:1",
        "connection": "redis",
        "queues": ["high", "default"],
        "tries": 3,
        "timeout": 60,
        "sleep": 10,
        "retryAfter": 7200,
        "redis": {"host": "redis", "prefix": "shop_database_"},
        "scaling": {"minReplicas": 1, "maxReplicas": 2},
    }
    assert "stopwaitsecs (60 s): a job may take 60 s and would be killed" in comments_of(made)


def test_what_no_file_tells_is_asked() -> None:
    """Image, host and prefix are placeholders below a question, and what is imported is open."""
    made = import_supervisor([file("forge.conf")], KNOWING_NOTHING)
    assert made.is_open
    assert comments_of(made).count("TO DO") == 3
    assert pools_of(made)["worker-281923"]["redis"] == {"host": "redis", "prefix": ""}


def test_a_messy_file_loses_nothing() -> None:
    """Shells, users, continued lines, groups, numbers in commands: the pools say what the programs did."""
    made = import_supervisor([file("messy.conf")], KNOWING)
    pools = pools_of(made)
    assert list(pools) == ["orders", "mail-sender", "reports", "shards-0", "shards-1"]
    assert pools["orders"] == {
        "framework": "Laravel",
        "image": "registry.example/shop:1",
        "command": ["php", "-d", "memory_limit=512M", "-d", "display_errors=stderr", "artisan"],
        "connection": "redis",
        "queues": ["orders", "default"],
        "memory": 256,
        "backoff": [5, 30, 120],
        "sleep": 1,
        "rest": 1,
        "maxJobs": 500,
        "maxTime": 3600,
        "retryAfter": 7200,
        "env": [
            {"name": "APP_ENV", "value": "production"},
            {
                "name": "DB_PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": "orders-env", "key": "DB_PASSWORD"}},
            },
            {"name": "QUEUE_LABEL", "value": "orders"},
        ],
        "redis": {"host": "redis", "prefix": "shop_database_"},
        "scaling": {"minReplicas": 1, "maxReplicas": 4},
        "restart": {"minReadySeconds": 3},
    }
    assert pools["mail-sender"]["connection"] == "database"
    assert (pools["mail-sender"]["timeout"], pools["mail-sender"]["suspend"]) == (0, True)
    assert (pools["reports"]["framework"], pools["reports"]["gracePeriodSeconds"]) == ("ThinkPHP", 90)
    assert [pools[f"shards-{number}"]["queues"] for number in (0, 1)] == [["shard-0"], ["shard-1"]]
    assert pools["shards-1"]["env"] == [{"name": "APP_ENV", "value": "staging"}]
    comments = comments_of(made)
    for part in (
        "sudo -u www-data",
        "--queue=orders,default,orders: a queue that is named twice",
        "colour=blue (line 35): no option of a program that Supervisor knows",
        "HOME=%(ENV_HOME)s",
        "numprocs is %(ENV_REPORTERS)s: how many workers are there at most?",
        "stopwaitsecs=1 (line 44): given again further down",
        "php bin/console warm:up",
        ">> /var/log/mail.log",
        "[group:shop]",
        "priority=20 (line 11)",
        "qwp import horizon reads that",
        "[program:nginx] in messy.conf, line 55",
        "[eventlistener:mailer]",
        "not found here: conf.d/*.conf",
    ):
        assert part in comments, part
    assert "hunter2" not in made.render()


@pytest.mark.parametrize("name", ["forge.conf", "messy.conf"])
def test_files_are_read_as_supervisor_reads_them(name: str) -> None:
    """Python's own parser, with the settings that Supervisor gives it, finds the same options."""
    theirs = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    theirs.read_string(file(name).text)
    ours = {
        section.name: {option.name: option.value for option in section.options.values()}
        for section in parse_ini(file(name))
    }
    assert ours == {section: dict(theirs.items(section)) for section in theirs.sections()}


@pytest.mark.parametrize(
    ("command", "spec"),
    [
        pytest.param("php artisan queue:work --queue=a", {"queues": ["a"]}, id="plain"),
        pytest.param("/srv/app/artisan queue:work --queue a", {"queues": ["a"]}, id="the-script-itself"),
        pytest.param("sh -c 'php artisan queue:work --queue=a'", {"queues": ["a"]}, id="a-shell"),
        pytest.param(
            "su - app -s /bin/bash -c 'php artisan queue:work --queue=a'", {"queues": ["a"]}, id="su"
        ),
        pytest.param(
            "sh -c 'php artisan migrate --force && php artisan queue:work --queue=a'",
            {"queues": ["a"]},
            id="after-a-migration",
        ),
        pytest.param("gosu app php artisan queue:work --queue=a", {"queues": ["a"]}, id="gosu"),
        pytest.param("docker exec app php artisan queue:work --queue=a", {"queues": ["a"]}, id="a-container"),
        pytest.param(
            "php artisan -n queue:work sqs --queue=a", {"connection": "sqs"}, id="flags-before-the-command"
        ),
        pytest.param("php artisan queue:work --tries=0", {"tries": 0}, id="no-end-of-tries"),
        pytest.param("php artisan queue:work --sleep=90", {"sleep": 59}, id="sleeps-longer-than-the-timeout"),
        pytest.param("php think queue:listen --queue=a --delay=5", {"backoff": [5]}, id="thinkphp"),
        pytest.param("php think queue:work --memory=0", {"queues": ["default"]}, id="no-end-of-memory"),
        pytest.param("php artisan queue:work --memory=0", {"memory": 0}, id="memory-unchecked"),
        pytest.param("php artisan queue:work --queue='{a}'", {"queues": ["{a}"]}, id="a-clusters-queue"),
    ],
)
def test_a_worker_is_found_in_what_stands_around_it(command: str, spec: dict[str, Any]) -> None:
    """The command as people write it, and what the pool says because of it."""
    made = imported(worker(command))["mail"]
    assert {key: made[key] for key in spec} == spec


def test_options_that_no_version_has_are_left() -> None:
    """The API server would refuse them, and the worker would not start."""
    command = "php think queue:work --max-jobs=5 --rest=1 --memory=0 --backoff=1,2"
    made = import_supervisor([written("a.conf", worker(command))], KNOWING)
    spec = pools_of(made)["mail"]
    assert not {"maxJobs", "rest", "memory"} & spec.keys()
    assert spec["backoff"] == [1]
    for flag in ("--max-jobs (5)", "--rest (1)", "--memory (0)", "--backoff [1, 2]"):
        assert flag in comments_of(made)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[program:a\ncommand=x", "a.conf:1: a section such as [program:worker] has to come first"),
        ("command=php artisan queue:work", "a.conf:1: a section such as [program:worker] has to come first"),
        ("[program:a]\nwhat", 'a.conf:2: "what" is neither a [section] nor an option=value'),
        ("[program:a]\nuser=x", "a.conf:1: [program:a] has no command: give one, or remove it"),
        (
            worker("php artisan queue:work", "numprocs=many"),
            'a.conf:3: numprocs is a whole number from 1 on, not "many"',
        ),
        (
            worker("php artisan queue:work", "numprocs=0"),
            'a.conf:3: numprocs is a whole number from 1 on, not "0"',
        ),
        (
            worker("php artisan queue:work", 'environment=A="b'),
            "a.conf:3: environment: a quote is not closed",
        ),
        (worker("php artisan queue:work", "environment=A"), "a.conf:3: environment is written as NAME="),
        (worker("php artisan 'queue:work"), "its quotes are not closed"),
        (
            worker("php artisan schedule:work"),
            "a.conf: no [program:x] here runs a queue worker; [program:mail] in a.conf, line 1: no pool, as schedule:work takes no jobs out of a queue",
        ),
        ("", "a.conf: no [program:x] here runs a queue worker"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, says: str) -> None:
    """One sentence, with the file and where in it."""
    with pytest.raises(UnreadableSourceError) as refused:
        import_supervisor([written("a.conf", text)], KNOWING)
    assert says in str(refused.value)


def test_included_files_are_named() -> None:
    """By their patterns, of which there may be several."""
    assert included_patterns(file("messy.conf")) == ("conf.d/*.conf",)
