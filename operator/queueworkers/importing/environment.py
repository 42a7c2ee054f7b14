"""Environment variables on their way into a pool: secrets stay behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from queueworkers.importing.advice import secret_to_make

if TYPE_CHECKING:
    from collections.abc import Iterable

    from queueworkers.importing.document import Draft

_SECRET = re.compile(
    r"PASS(WORD|WD|PHRASE)|(^|_)PASS(_|$)|SECRET|TOKEN|CREDENTIAL|PRIVATE|(^|_)(API_?|APP_?|ACCESS_?)?KEY(_|$)|_DSN$",
    re.IGNORECASE,
)
_WITH_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_NAME = re.compile(r"[^=\x00-\x20\x7f]+")


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable is one that nobody should read in a pool: by its name, or as an address with a password."""
    return bool(value) and bool(_SECRET.search(name) or _WITH_PASSWORD.search(value))


def secret_reference(draft: Draft, name: str) -> dict[str, Any]:
    """Refer to a Secret that a person has to make."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": f"{draft.name}-env", "key": name}}}


def apply_environment(draft: Draft, pairs: Iterable[tuple[str, str]]) -> None:
    """
    Say the variables of a worker, of which a later one replaces an earlier of its name.

    What looks like a secret is referred to in a Secret that has to be made,
    and its value is told nowhere.
    """
    variables: dict[str, dict[str, Any]] = {}
    secrets: list[str] = []
    for name, value in pairs:
        if not _NAME.fullmatch(name):
            draft.inquire("environment", f"{name[:40]} is no name of a variable: what is it?")
        elif "%(" in value:
            variables.pop(name, None)
            draft.inquire(
                f"environment {name}={'…' if is_secret(name, value) else value}",
                "its value came from the machine that it ran on: give it in env, or in a ConfigMap or Secret in envFrom",
            )
        elif is_secret(name, value):
            variables[name] = secret_reference(draft, name)
            secrets.append(name)
        else:
            # Kubernetes puts other variables in place of $(NAME); nobody did that before.
            variables[name] = {"name": name, "value": value.replace("$(", "$$(")}
    if variables:
        draft.say("env", list(variables.values()), "environment")
    if secrets:
        draft.inquire(
            f"environment {', '.join(dict.fromkeys(secrets))}",
            secret_to_make(draft),
        )
