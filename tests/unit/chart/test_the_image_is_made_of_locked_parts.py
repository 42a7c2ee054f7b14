"""What can be said of the Dockerfile without building it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = re.sub(r" \\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))


def instructions(word: str) -> list[str]:
    """What stands behind each of these, in their order."""
    return re.findall(rf"^{word} (.*)$", DOCKERFILE, flags=re.MULTILINE)


def test_everything_that_is_installed_is_locked() -> None:
    """By hashes, and as wheels, so that nothing is built by code that nobody locked."""
    installing = [line for line in instructions("RUN") if " install " in line]

    assert len(installing) == 1
    for flag in ("--require-hashes", "--only-binary :all:", "-r /build/operator.txt"):
        assert flag in installing[0]
    assert not re.search(r"\b(apt-get|curl|wget)\b", DOCKERFILE)


def test_the_user_is_a_number_and_the_charts() -> None:
    """The kubelet cannot tell of a name whether it is root."""
    (user,) = instructions("USER")
    names = (ROOT / "charts/queue-worker-operator/templates/_names.tpl").read_text(encoding="utf-8")

    number, group = user.split(":")
    assert int(number) > 0
    assert f"runAsUser: {number}\n" in names
    assert f"runAsGroup: {group}\n" in names


def test_only_what_is_copied_is_sent_to_the_build() -> None:
    """No history, no secrets that lie about in a checkout."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {line.split()[0] for line in instructions("COPY") if not line.startswith("--from")}

    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)


def test_both_stages_have_the_same_python() -> None:
    """The second runs bytecode and extensions of the first."""
    assert [line.split()[0] for line in instructions("FROM")] == ["${PYTHON}", "${PYTHON}"]
