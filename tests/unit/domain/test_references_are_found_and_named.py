"""What workers are configured with is found wherever a pod can name it, and named without telling it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from queueworkers.api.restart import OnChange, ReferenceKind, RestartSpec
from queueworkers.domain.references import (
    ABSENT,
    Dependence,
    Reference,
    digest_of,
    digests_to_carry,
    find_dependences,
    missing_findings,
)

CONFIG, SECRET = ReferenceKind.CONFIG_MAP, ReferenceKind.SECRET
SHOP = Reference(CONFIG, "shop")
KEYS = Reference(SECRET, "keys")
NOTHING_SAID = RestartSpec()


def container(**fields: Any) -> dict[str, Any]:
    """A template whose worker has these fields."""
    return {"spec": {"containers": [{"name": "worker", **fields}]}}


def volume(**source: Any) -> dict[str, Any]:
    """A template with one volume."""
    return {"spec": {"containers": [], "volumes": [{"name": "files", **source}]}}


def depends(reference: Reference, *, needed: bool = True, on_change: str = "Restart") -> Dependence:
    """Workers that cannot start without it, and are replaced when it changes, when nothing else is given."""
    return Dependence(reference=reference, needed=needed, on_change=OnChange(on_change))


@pytest.mark.parametrize(
    ("template", "found"),
    [
        pytest.param(container(envFrom=[{"configMapRef": {"name": "shop"}}]), SHOP, id="env-from-config"),
        pytest.param(container(envFrom=[{"secretRef": {"name": "keys"}}]), KEYS, id="env-from-secret"),
        pytest.param(
            container(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "a"}}}]),
            SHOP,
            id="one-variable-of-a-config",
        ),
        pytest.param(
            container(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}]),
            KEYS,
            id="one-variable-of-a-secret",
        ),
        pytest.param(
            {"spec": {"initContainers": [{"name": "warm", "envFrom": [{"secretRef": {"name": "keys"}}]}]}},
            KEYS,
            id="an-init-container",
        ),
        pytest.param(
            {
                "spec": {
                    "containers": [
                        {"name": "worker"},
                        {"name": "proxy", "envFrom": [{"configMapRef": {"name": "shop"}}]},
                    ]
                }
            },
            SHOP,
            id="a-sidecar",
        ),
        pytest.param(volume(configMap={"name": "shop"}), SHOP, id="a-volume-of-a-config"),
        pytest.param(volume(secret={"secretName": "keys"}), KEYS, id="a-volume-of-a-secret"),
        pytest.param(
            volume(projected={"sources": [{"serviceAccountToken": {}}, {"secret": {"name": "keys"}}]}),
            KEYS,
            id="projected-secret",
        ),
        pytest.param(
            volume(projected={"sources": [{"configMap": {"name": "shop"}}]}), SHOP, id="projected-config"
        ),
    ],
)
def test_every_place_that_names_one_is_looked_at(template: dict[str, Any], found: Reference) -> None:
    """All containers' variables and all volumes."""
    assert find_dependences(template, NOTHING_SAID) == (depends(found),)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"spec": {"imagePullSecrets": [{"name": "registry"}]}}, id="pull-secrets"),
        pytest.param(container(env=[{"name": "A", "value": "1"}]), id="a-plain-value"),
        pytest.param(
            container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]), id="a-field"
        ),
        pytest.param(container(env="A=1", envFrom={"secretRef": "keys"}), id="no-lists"),
        pytest.param(
            container(envFrom=["keys", {"secretRef": "keys"}, {"secretRef": {"name": 7}}]), id="no-objects"
        ),
        pytest.param(volume(emptyDir={}), id="another-volume"),
        pytest.param(volume(projected={"sources": None}), id="projected-nothing"),
    ],
)
def test_what_is_none_is_passed_over(template: dict[str, Any]) -> None:
    """A wrong shape is the API server's to refuse; an image that was pulled stays pulled."""
    assert find_dependences(template, NOTHING_SAID) == ()


def test_one_use_that_needs_it_is_enough() -> None:
    """An optional variable beside a volume that must be there: no worker starts without it."""
    template = volume(secret={"secretName": "keys"})
    template["spec"]["containers"] = [{"envFrom": [{"secretRef": {"name": "keys", "optional": True}}]}]

    assert find_dependences(template, NOTHING_SAID) == (depends(KEYS, needed=True),)


def test_what_the_pool_says_goes_for_each() -> None:
    """One reference may differ from the rest, and one that no pod names may be added."""
    template = container(envFrom=[{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "shop"}}])
    restart = RestartSpec.model_validate(
        {
            "onReferenceChange": "Ignore",
            "references": [
                {"kind": "Secret", "name": "keys", "onChange": "Restart"},
                {"kind": "ConfigMap", "name": "read-by-php"},
            ],
        }
    )

    assert find_dependences(template, restart) == (
        depends(Reference(CONFIG, "read-by-php"), needed=False),
        depends(SHOP, on_change="Ignore"),
        depends(KEYS),
    )


NEW, OLD = "1111111111111111", "0000000000000000"


@pytest.mark.parametrize(
    ("dependence", "findings", "carried", "expected"),
    [
        pytest.param(depends(SHOP), {SHOP: NEW}, {}, {"ConfigMap/shop": NEW}, id="the-first-time"),
        pytest.param(
            depends(SHOP), {SHOP: NEW}, {"ConfigMap/shop": OLD}, {"ConfigMap/shop": NEW}, id="changed"
        ),
        pytest.param(depends(SHOP), {}, {"ConfigMap/shop": OLD}, {"ConfigMap/shop": OLD}, id="not-read-yet"),
        pytest.param(depends(SHOP), {}, {}, {}, id="not-read-yet-and-new"),
        pytest.param(depends(SHOP), {SHOP: None}, {}, {}, id="needed-and-not-there-yet"),
        pytest.param(
            depends(SHOP),
            {SHOP: None},
            {"ConfigMap/shop": OLD},
            {"ConfigMap/shop": OLD},
            id="needed-and-gone",
        ),
        pytest.param(
            depends(SHOP, needed=False),
            {SHOP: None},
            {},
            {"ConfigMap/shop": ABSENT},
            id="optional-and-not-there",
        ),
        pytest.param(
            depends(SHOP, needed=False),
            {SHOP: None},
            {"ConfigMap/shop": OLD},
            {"ConfigMap/shop": ABSENT},
            id="optional-and-gone",
        ),
        pytest.param(
            depends(SHOP, needed=False),
            {SHOP: NEW},
            {"ConfigMap/shop": ABSENT},
            {"ConfigMap/shop": NEW},
            id="optional-and-there-at-last",
        ),
        pytest.param(
            depends(SHOP, on_change="Ignore"),
            {SHOP: NEW},
            {"ConfigMap/shop": OLD},
            {"ConfigMap/shop": OLD},
            id="ignored-from-now-on",
        ),
        pytest.param(depends(SHOP, on_change="Ignore"), {SHOP: NEW}, {}, {}, id="always-ignored"),
        pytest.param(
            depends(SHOP),
            {SHOP: NEW},
            {"Secret/other": OLD},
            {"ConfigMap/shop": NEW},
            id="another-is-dropped",
        ),
    ],
)
def test_the_template_carries_what_workers_were_started_with(
    dependence: Dependence,
    findings: dict[Reference, str | None],
    carried: dict[str, str],
    expected: dict[str, str],
) -> None:
    """Another content is another template; not knowing, ignoring and a deletion are not."""
    assert digests_to_carry((dependence,), findings, carried) == expected


@pytest.mark.parametrize(
    ("dependence", "findings", "carried", "missing"),
    [
        pytest.param(depends(SHOP), {}, {}, {SHOP}, id="unknown"),
        pytest.param(depends(SHOP), {}, {"ConfigMap/shop": OLD}, set(), id="carried"),
        pytest.param(depends(SHOP), {SHOP: None}, {}, set(), id="known-to-be-absent"),
        pytest.param(depends(SHOP, on_change="Ignore"), {}, {}, set(), id="ignored"),
    ],
)
def test_a_template_waits_for_what_it_does_not_carry_yet(
    dependence: Dependence,
    findings: dict[Reference, str | None],
    carried: dict[str, str],
    missing: set[Reference],
) -> None:
    """One that is made without it would soon be replaced by one with it."""
    assert missing_findings((dependence,), findings, carried) == missing


def stored(*, uid: str = "6f1c", **fields: Any) -> dict[str, Any]:
    """An object as the API server tells it."""
    return {"metadata": {"name": "shop", "uid": uid, "resourceVersion": "7"}, **fields}


def test_a_digest_is_that_of_the_content() -> None:
    """Labels, annotations and versions are no content; the order of keys is none either."""
    one = stored(data={"A": "1", "B": "2"})
    noted = stored(data={"B": "2", "A": "1"}, binaryData=None)
    noted["metadata"] |= {"labels": {"team": "checkout"}, "resourceVersion": "8"}

    assert digest_of(CONFIG, one) == digest_of(CONFIG, noted)
    assert digest_of(CONFIG, one) != digest_of(CONFIG, stored(data={"A": "1", "B": "3"}))
    assert digest_of(CONFIG, one) != digest_of(CONFIG, stored(binaryData={"A": "1", "B": "2"}))
    assert digest_of(CONFIG, stored()) == digest_of(CONFIG, stored(data={}))


def test_a_secrets_digest_is_of_no_use_to_who_cannot_read_it() -> None:
    """The same content in another Secret has another digest: nothing can be tried out without the uid."""
    content = {"password": base64.b64encode(b"summer").decode()}

    one = digest_of(SECRET, stored(data=content))
    assert one == digest_of(SECRET, stored(data=content))
    assert one != digest_of(SECRET, stored(data=content, uid="7a2d"))
    assert len(one) == 16


def test_a_config_made_again_is_the_same() -> None:
    """It holds no secret, and a deployment tool may well delete and create it."""
    assert digest_of(CONFIG, stored(data={"A": "1"})) == digest_of(
        CONFIG, stored(data={"A": "1"}, uid="7a2d")
    )
