"""What counts as a difference between a live object and a wanted one."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.domain.conformity import conforms, digest

WORKER = {"name": "worker", "image": "shop:1", "env": [{"name": "A", "value": "1"}]}


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1}, id="a-default-or-a-foreign-field"),
        pytest.param({"spec": {"dnsPolicy": "ClusterFirst", "a": [1]}}, {"spec": {"a": [1]}}, id="within"),
        pytest.param({"a": {}}, {}, id="nothing-wanted"),
        pytest.param({}, {"labels": {}, "volumes": [], "hostname": None}, id="empty-fields-are-dropped"),
        pytest.param({"name": "A"}, {"name": "A", "value": ""}, id="empty-text-is-dropped"),
        pytest.param({}, {"hostNetwork": False, "minReadySeconds": 0}, id="zero-is-dropped"),
        pytest.param({"memory": "1Gi"}, {"memory": "1024Mi"}, id="a-quantity-respelled"),
        pytest.param({"cpu": "1"}, {"cpu": 1}, id="a-number-as-text"),
        pytest.param({"cpu": "1500m"}, {"cpu": "1.50"}, id="thousandths"),
        pytest.param({"storage": "1G"}, {"storage": "1e9"}, id="an-exponent"),
        pytest.param(
            {"containers": [{"name": "injected"}, {**WORKER, "terminationMessagePath": "/dev/x"}]},
            {"containers": [WORKER]},
            id="a-sidecar-that-somebody-injected",
        ),
        pytest.param(
            {"env": [{"name": "B"}, {"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "value": "1"}, {"name": "B"}]},
            id="named-things-in-another-order",
        ),
        pytest.param(
            {"ports": [{"containerPort": 53, "protocol": each} for each in ("TCP", "UDP")]},
            {"ports": [{"containerPort": 53, "protocol": each} for each in ("UDP", "TCP")]},
            id="one-number-twice",
        ),
    ],
)
def test_what_others_add_is_no_difference(live: Any, wanted: Any) -> None:
    """Or the operator would write for ever against defaults and other controllers."""
    assert conforms(live, wanted)


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        pytest.param({"a": 2}, {"a": 1}, id="another-value"),
        pytest.param({}, {"a": 1}, id="a-missing-field"),
        pytest.param({"a": None}, {"a": {"b": 1}}, id="a-missing-object"),
        pytest.param({"args": ["a"]}, {"args": ["a", "b"]}, id="a-shorter-list"),
        pytest.param({"args": ["a", "b"]}, {"args": ["a"]}, id="a-longer-list"),
        pytest.param({"args": ["b", "a"]}, {"args": ["a", "b"]}, id="words-in-another-order"),
        pytest.param({"args": ["a"]}, {"args": []}, id="a-list-that-should-be-empty"),
        pytest.param({"containers": []}, {"containers": [WORKER]}, id="a-container-taken-away"),
        pytest.param(
            {"containers": [{**WORKER, "env": []}]}, {"containers": [WORKER]}, id="a-variable-taken-away"
        ),
        pytest.param(
            {"containers": [{**WORKER, "image": "shop:2"}]}, {"containers": [WORKER]}, id="an-image-changed"
        ),
        pytest.param({"memory": "1G"}, {"memory": "1Gi"}, id="nearly-the-same-quantity"),
        pytest.param({"a": "true"}, {"a": True}, id="a-word-is-no-truth"),
        pytest.param({}, {"automountServiceAccountToken": False}, id="a-lock-taken-away"),
        pytest.param({}, {"allowPrivilegeEscalation": False}, id="another-lock-taken-away"),
        pytest.param({}, {"runAsUser": 0}, id="root-is-a-user"),
        pytest.param({"hostNetwork": True}, {"hostNetwork": False}, id="a-flag-turned-on"),
        pytest.param({"value": "x"}, {"value": ""}, id="a-text-that-should-be-empty"),
    ],
)
def test_what_is_wanted_and_not_there_is_a_difference(live: Any, wanted: Any) -> None:
    """What the pool says, it says for good."""
    assert not conforms(live, wanted)


def test_the_digest_is_of_the_content() -> None:
    """The order of keys is no content, the order of a list is."""
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"b": [1, 2]}) != digest({"b": [2, 1]})
    assert digest({"a": "1"}) != digest({"a": 1})


def test_the_digest_outlives_the_process() -> None:
    """It is stored with the Deployment and compared by the next operator."""
    assert digest({"spec": {"a": [1, "x"]}}) == "c9f0e5e73919283c"
