"""Supervisors of config/horizon.php are pools of the same queues and options."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from queueworkers.importing.horizon import import_horizon
from queueworkers.importing.source import UnreadableSourceError
from unit.importing.given import KNOWING, comments_of, file, pools_of, written


def config(options: str, *, defaults: str = "", more: str = "") -> str:
    """Write a configuration with one supervisor in production."""
    return f"<?php return ['defaults' => [{defaults}], 'environments' => ['production' => ['s' => [{options}]]], {more}];"


def spec(options: str, **texts: str) -> dict[str, Any]:
    """Import the one supervisor of a configuration."""
    made = import_horizon([written("h.php", config(options, **texts))], KNOWING, environment="production")
    return pools_of(made)["s"]


def test_a_configuration_as_it_is_published() -> None:
    """Defaults below the environment, a pool for each balanced queue, and a budget that these share."""
    made = import_horizon([file("horizon.php")], KNOWING, environment="production")
    pools = pools_of(made)
    assert list(pools) == ["supervisor-1", "payments-payments", "payments-refunds", "reports"]
    assert pools["supervisor-1"] == {
        "framework": "Laravel",
        "image": "registry.example/shop:1",
        "connection": "redis",
        "queues": ["default"],
        "memory": 128,
        "tries": 1,
        "timeout": 60,
        "maxJobs": 0,
        "maxTime": 0,
        "retryAfter": 7200,
        "redis": {"host": "redis", "prefix": "shop_database_"},
        "scaling": {"minReplicas": 1, "maxReplicas": 10},
    }
    assert pools["payments-refunds"]["queues"] == ["refunds"]
    assert pools["payments-refunds"]["backoff"] == [10, 60, 300]
    assert pools["payments-refunds"]["scaling"] == {
        "minReplicas": 2,
        "maxReplicas": 10,
        "budget": {"name": "payments"},
    }
    assert pools["reports"]["queues"] == ["reports", "exports"]
    assert "memory" not in pools["reports"]
    (budget,) = (each for each in yaml.safe_load_all(made.render()) if each["kind"] == "QueueWorkerBudget")
    assert (budget["metadata"], budget["spec"]) == ({"name": "payments"}, {"maxReplicas": 12})
    assert made.is_open
    comments = comments_of(made)
    for part in (
        "TO DO: memory => config('app.report_memory') (line 72): only the application knows this",
        "max_processes => (int) env('PAYMENTS_MAX', '12'), unless the environment says otherwise",
        "connection => env('PAYMENTS_CONNECTION', 'redis'), unless",
        "nice => 10 (line 73)",
        "force => true (line 74)",
        "{type: Pods, value: 1, periodSeconds: 3}",
        "scaling.waitSeconds: 15 keeps jobs from waiting longer",
        "environments.local in horizon.php, line 78",
        "domain, path, middleware, trim, silenced in horizon.php",
    ):
        assert part in comments, part


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("'queue' => ['a']", {"tries": 0}, id="horizon-tries-without-end"),
        pytest.param(
            "'processes' => 3", {"scaling": {"minReplicas": 1, "maxReplicas": 3}}, id="the-old-name"
        ),
        pytest.param("'queue' => 'a, b', 'balance' => 'off'", {"queues": ["a", "b"]}, id="a-text-of-queues"),
        pytest.param("'backoff' => '1,5'", {"backoff": [1, 5]}, id="a-text-of-waits"),
        pytest.param("'max_time' => 60 * 60", {"maxTime": 3600}, id="a-sum-and-underlines"),
        pytest.param(
            "'minProcesses' => 5", {"scaling": {"minReplicas": 5, "maxReplicas": 5}}, id="least-above-most"
        ),
        pytest.param("'queue' => env('Q', 'x')", {"queues": ["x"]}, id="a-queue-with-a-default"),
        pytest.param("'memory' => env('MEMORY')", {"queues": ["default"]}, id="no-default"),
    ],
)
def test_options_become_fields(options: str, expected: dict[str, Any]) -> None:
    """By whichever of Horizon's names they have."""
    made = spec(options)
    assert {key: made.get(key) for key in expected} == expected


def test_simple_balance_shares_evenly() -> None:
    """Each queue's pool may have its part, rounded up."""
    made = import_horizon(
        [written("h.php", config("'queue' => ['a', 'b', 'c'], 'balance' => 'simple', 'maxProcesses' => 10"))],
        KNOWING,
        environment="production",
    )
    assert [each["scaling"]["maxReplicas"] for each in pools_of(made).values()] == [4, 4, 4]


def test_environments_may_be_patterns_and_defaults_alone_are_supervisors() -> None:
    """As in Horizon's own ProvisioningPlan."""
    text = "<?php return ['defaults' => ['s' => ['tries' => 2]], 'environments' => ['*' => ['t' => []]]];"
    made = import_horizon([written("h.php", text)], KNOWING, environment="staging")
    assert {name: each["tries"] for name, each in pools_of(made).items()} == {"s": 2, "t": 0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<?php return ['a' => 1];", "h.php: this is no config/horizon.php: it has no array `environments`"),
        (
            "<?php return ['environments' => ['local' => [], 'prod' => []]];",
            "h.php:1: there is no environment production: give --environment local or prod",
        ),
        (
            "<?php return ['environments' => ['production' => ['s' => 5]]];",
            "h.php:1: the options of s are 5, and have to be an array",
        ),
        (
            "<?php return ['environments' => ['production' => []]];",
            "h.php:1: the environment production has no supervisor",
        ),
    ],
)
def test_what_is_no_configuration_of_horizons_is_told(text: str, says: str) -> None:
    """One sentence that says what is there."""
    with pytest.raises(UnreadableSourceError) as refused:
        import_horizon([written("h.php", text)], KNOWING, environment="production")
    assert str(refused.value) == says
