"""Whatever a configuration says is in the pools that are made of it, or in their comments."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.importing.horizon import import_horizon
from queueworkers.importing.keda import import_keda
from queueworkers.importing.supervisor import import_supervisor
from unit.importing.given import KNOWING_NOTHING, comments_of, pools_of, written

OPTIONS = {
    "numprocs": st.integers(1, 500),
    "process_name": st.just("%(program_name)s_%(process_num)02d"),
    "numprocs_start": st.integers(0, 5),
    "stopwaitsecs": st.integers(0, 10**7),
    "startsecs": st.integers(0, 10**4),
    "environment": st.sampled_from(['A="b",C="d e"', "A=1", "A='x,y',B=\"%(ENV_B)s\""]),
    **{name: st.sampled_from(["true", "false"]) for name in ("stopasgroup", "killasgroup", "autostart")},
    **{
        name: st.from_regex(r"[A-Za-z0-9/_.-]{1,20}", fullmatch=True)
        for name in (
            *(
                "user",
                "directory",
                "umask",
                "priority",
                "startretries",
                "exitcodes",
                "stopsignal",
                "serverurl",
            ),
            *("autorestart", "redirect_stderr", "stdout_logfile", "stdout_logfile_maxbytes", "stderr_syslog"),
            *("stderr_capture_maxbytes", "stdout_events_enabled", "loglevel", "made_up"),
        )
    },
}
FLAGS = {
    **{
        flag: st.integers(0, 10**8)
        for flag in (
            *(
                "--memory",
                "--tries",
                "--timeout",
                "--sleep",
                "--rest",
                "--max-jobs",
                "--max-time",
                "--backoff",
            ),
        )
    },
    "--queue": st.lists(st.sampled_from(["a", "{b}", "c:d"]), min_size=1, max_size=4).map(",".join),
    "--name": st.just("w%(process_num)d"),
    "--env": st.just("staging"),
    "--new-flag": st.just("x"),
}


@given(
    options=st.fixed_dictionaries({}, optional=OPTIONS),
    flags=st.fixed_dictionaries({}, optional=FLAGS),
    bare=st.sets(st.sampled_from(["--once", "--daemon", "--stop-when-empty", "--force", "-vvv", "--json"])),
    script=st.sampled_from(
        ["php artisan", "php -d a=b /srv/artisan", "nice -n 5 php think", "sudo -u x ./artisan"]
    ),
)
def test_no_option_of_a_program_is_dropped_silently(
    options: dict[str, Any], flags: dict[str, Any], bare: set[str], script: str
) -> None:
    """Whatever a program says, its YAML names every option and flag, and the operator takes the pool."""
    command = " ".join(
        (script, "queue:work redis", *(f"{flag}={value}" for flag, value in flags.items()), *bare)
    )
    lines = (f"{name}={value}" for name, value in options.items())
    made = import_supervisor(
        [written("a.conf", "\n".join(("[program:mail]", f"command={command}", *lines)))],
        KNOWING_NOTHING,
    )
    pools_of(made)
    comments = comments_of(made)
    for name in (*options, *flags, *({"-vvv": "--verbose"}.get(each, each) for each in bare)):
        assert name in comments


SUPERVISOR = {
    **{
        name: st.integers(0, 10**8)
        | st.sampled_from(["env('X')", "env('X', 7)", "$x ?? 5", "'12'", "null", "[1]"])
        for name in (
            *("minProcesses", "max_processes", "tries", "timeout", "memory", "maxJobs", "maxTime", "nice"),
            *("sleep", "rest", "balanceMaxShift", "balanceCooldown", "backoff"),
        )
    },
    "connection": st.sampled_from(["'redis'", "env('C', 'other')", "config('x')"]),
    "queue": st.sampled_from(
        ["'a,b'", "['a', 'b']", "['a']", "env('Q')", "explode(',', env('Q', 'a'))", "[]", "''"]
    ),
    "balance": st.sampled_from(["'auto'", "'simple'", "false", "'off'", "env('B')"]),
    **{name: st.sampled_from(["true", "'x'"]) for name in ("force", "autoScalingStrategy", "made_up")},
}


@given(options=st.fixed_dictionaries({}, optional=SUPERVISOR))
def test_no_option_of_a_supervisor_is_dropped_silently(options: dict[str, Any]) -> None:
    """Each pool that a supervisor becomes names every option, and the operator takes it."""
    listed = ", ".join(f"'{name}' => {value}" for name, value in options.items())
    text = f"<?php return ['environments' => ['production' => ['s' => [{listed}]]]];"
    made = import_horizon([written("h.php", text)], KNOWING_NOTHING, environment="production")
    pools_of(made)
    for pool in made.pools:
        comments = " ".join(line.strip(" #") for line in pool.render().splitlines())
        for name in options:
            assert name in comments


SCALED = {
    **{
        name: st.integers(0, 10**6)
        for name in (
            "pollingInterval",
            "cooldownPeriod",
            "minReplicaCount",
            "maxReplicaCount",
            "initialCooldownPeriod",
        )
    },
    "idleReplicaCount": st.just(0),
    "fallback": st.just({"failureThreshold": 3, "replicas": 6}),
    "madeUp": st.just("x"),
}
METADATA = {
    **{
        name: st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True)
        for name in ("listLength", "activationListLength", "madeToo")
    },
    "metricType": st.just("Value"),
}


@given(spec=st.fixed_dictionaries({}, optional=SCALED), metadata=st.fixed_dictionaries({}, optional=METADATA))
def test_no_field_of_a_scaled_object_is_dropped_silently(
    spec: dict[str, Any], metadata: dict[str, str]
) -> None:
    """Its own, and those of its trigger."""
    trigger = {"type": "redis", "metadata": {"address": "r:1", "listName": "queues:a", **metadata}}
    scaled = {"kind": "ScaledObject", "metadata": {"name": "s"}, "spec": {"triggers": [trigger], **spec}}
    made = import_keda([written("k.yaml", yaml.safe_dump(scaled))], KNOWING_NOTHING)
    pools_of(made)
    comments = comments_of(made)
    for name in (*spec, *metadata):
        assert name in comments
