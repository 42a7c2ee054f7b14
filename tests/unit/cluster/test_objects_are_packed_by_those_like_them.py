"""Ten thousand objects that are alike take little more than one."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from queueworkers.cluster.packing import Packer

SCRIPT_CHARACTERS = 12_000

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def a_deployment(number: int, *, kind: str = "laravel") -> dict[str, Any]:
    """An object like that of a pool, with a long script that all of a kind have."""
    chance = random.Random(kind)
    script = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz $;(){}", k=SCRIPT_CHARACTERS))
    return {
        "metadata": {"name": f"pool-{number}", "uid": f"u-{number}"},
        "spec": {"command": ["php", script]},
    }


@given(st.lists(JSON, max_size=8))
def test_what_was_packed_comes_out_again(values: list[Any]) -> None:
    """Whatever was met before it, and whatever comes after it."""
    packer = Packer()
    packed = [packer.pack(value) for value in values]
    assert [each.unpack() for each in packed] == values


def test_what_is_alike_takes_little() -> None:
    """A fiftieth of its own length, and kinds by turns do not push each other out."""
    packer = Packer()
    kinds = itertools.cycle(("laravel", "thinkphp"))
    packed = [packer.pack(a_deployment(number, kind=next(kinds))) for number in range(100)]
    length = len(json.dumps(a_deployment(0)))
    assert max(len(each.content) for each in packed[2:]) < length / 50
    assert len({id(each.others) for each in packed}) <= 3
