"""A pool's YAML is read back as what was meant, whatever its values and comments hold."""

from __future__ import annotations

import pytest
import yaml

from queueworkers.importing.document import MAX_NAME_LENGTH, Draft, Imported, name_of
from queueworkers.importing.environment import is_secret

HOSTILE = "one\ntwo: three # four\r\x85\u2028five\x07\t- six"


def test_no_comment_changes_a_pool() -> None:
    """Line breaks of any kind end none, and what is no letter is shown as a question mark."""
    draft = Draft(name="mail", origin=HOSTILE)
    draft.say("queues", ["a"], HOSTILE)
    draft.ask("image", "shop:1", HOSTILE)
    draft.leave(HOSTILE, HOSTILE)
    draft.inquire(HOSTILE, HOSTILE)
    text = Imported(pools=(draft,), remarks=(HOSTILE,)).render()
    assert yaml.safe_load(text) == draft.manifest()
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    "value",
    [
        HOSTILE,
        "yes",
        "1e3",
        "0x1",
        " ",
        "",
        "null",
        "2026-01-01",
        "- a",
        "#",
        "'",
        '"',
        "商店",
        "a: b",
        "*x",
        "%",
        "a" * 500,
    ],
)
def test_no_value_is_read_back_as_another(value: str) -> None:
    """In a line of its own, in a list, and deep in a pod."""
    draft = Draft(name="mail", origin="nowhere", namespace=value)
    draft.say("image", value)
    draft.say("queues", [value, value])
    draft.say("env", [{"name": "A", "value": value}, {"name": "B", "valueFrom": {"x": {"y": value}}}])
    draft.say(
        "podTemplate.spec", {"a": [{"b": [value, {"c": value}]}], "d": {value: value}, "e": [], "f": {}}
    )
    assert yaml.safe_load(draft.render()) == draft.manifest()


def test_fields_stand_in_the_order_in_which_they_are_explained() -> None:
    """However a source orders them."""
    draft = Draft(name="mail", origin="nowhere")
    for path in ("suspend", "scaling.maxReplicas", "queues", "scaling.minReplicas", "framework"):
        draft.say(path, 1)
    assert list(yaml.safe_load(draft.render())["spec"]) == ["framework", "queues", "scaling", "suspend"]


@pytest.mark.parametrize(
    ("text", "taken", "name"),
    [
        ("Mail_Sender", (), "mail-sender"),
        ("imageResize", (), "image-resize"),
        ("--a..b--", (), "a-b"),
        ("商店", (), "workers"),
        ("a", ("a", "a-2"), "a-3"),
        ("x" * 80, (), "x" * 50),
        ("x" * 80, ("x" * 50,), "x" * 48 + "-2"),
    ],
)
def test_any_text_makes_a_name(text: str, taken: tuple[str, ...], name: str) -> None:
    """One that Kubernetes takes, short enough for the pods' names, and nobody else's."""
    assert name_of(text, taken=taken) == name
    assert len(name) <= MAX_NAME_LENGTH


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", "x", True),
        ("REDIS_PASS", "x", True),
        ("APP_KEY", "base64:x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("STRIPE_API_KEY", "x", True),
        ("GITHUB_TOKEN", "x", True),
        ("DATABASE_URL", "mysql://u:p@db/shop", True),
        ("SENTRY_DSN", "https://x@sentry.example/1", True),
        ("DB_PASSWORD", "", False),
        ("APP_URL", "https://shop.example", False),
        ("KEYBOARD", "de", False),
        ("COMPASS", "n", False),
        ("BYPASS_CACHE", "1", False),
    ],
)
def test_secrets_are_known_by_their_names_and_addresses(name: str, value: str, *, secret: bool) -> None:
    """What is taken for one is only referred to."""
    assert is_secret(name, value) is secret
