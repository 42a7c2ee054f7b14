"""Laws of the strategic merge and of comparing what is with what is wanted."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from queueworkers.domain.conformity import conforms, digest
from queueworkers.domain.strategic_merge import MERGE_KEYS, merge

WORDS = st.sampled_from(["a", "b", "c", "1Gi", "x y"])
SCALARS = st.one_of(WORDS, st.integers(1, 9), st.booleans())
LISTS = sorted(key for key, by in MERGE_KEYS.items() if by == "name")


def objects(*, patch: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Things like pod templates: objects, named lists, plain lists; with nulls where it is a patch."""
    leaves = SCALARS | st.none() if patch else SCALARS

    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        named = st.lists(
            st.builds(lambda name, rest: {**rest, "name": name}, st.sampled_from("xyz"), inner),
            max_size=3,
            unique_by=lambda item: item["name"],
        )
        return st.dictionaries(st.sampled_from(["f", "g", "h"]), leaves | inner, max_size=3).flatmap(
            lambda plain: st.builds(
                lambda lists, words: {**plain, **lists, **words},
                st.dictionaries(st.sampled_from(LISTS), named, max_size=2),
                st.dictionaries(st.just("args"), st.lists(WORDS, max_size=3), max_size=1),
            )
        )

    first = st.dictionaries(st.sampled_from(["f", "g", "h"]), leaves, max_size=3)
    return st.recursive(first, grow, max_leaves=4)


BASES, PATCHES = objects(patch=False), objects(patch=True)


@given(BASES)
def test_an_empty_patch_changes_nothing(base: dict[str, Any]) -> None:
    """And merging something with itself neither."""
    assert merge(base, {}) == base
    assert merge(base, base) == base


@given(BASES, PATCHES)
def test_a_patch_laid_on_twice_is_laid_on_once(base: dict[str, Any], patch: dict[str, Any]) -> None:
    """So rendering again is no change."""
    once = merge(base, patch)

    assert merge(once, patch) == once


@given(BASES, PATCHES)
def test_merging_changes_neither_side(base: dict[str, Any], patch: dict[str, Any]) -> None:
    """Both belong to others, down to the last list."""
    before = copy.deepcopy((base, patch))

    merge(base, patch)

    assert (base, patch) == before


@given(BASES, PATCHES)
def test_what_a_patch_says_is_there(base: dict[str, Any], patch: dict[str, Any]) -> None:
    """No word of the patch's own language is."""
    merged = merge(base, patch)

    assert conforms(merged, without_nulls(patch))
    assert without_nulls(merged) == merged


def without_nulls(value: Any) -> Any:
    """Leave out what a patch removes."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@st.composite
def noisy(draw: st.DrawFn, wanted: Any) -> Any:
    """What an API server and other controllers make of an object: fields and named items of their own."""
    if not isinstance(wanted, dict):
        return wanted
    live = {key: draw(noisy(value)) for key, value in wanted.items()}
    for key in LISTS:
        if wanted.get(key):
            items = [draw(noisy(item)) for item in wanted[key]]
            extra = draw(
                st.lists(
                    st.fixed_dictionaries({"name": st.sampled_from(["injected", "foreign"])}), max_size=2
                )
            )
            live[key] = draw(st.permutations([*items, *extra]))
    for key in draw(st.lists(st.sampled_from(["defaulted", "foreign"]), max_size=2)):
        live[key] = draw(SCALARS | st.just({"f": 1}))
    return live


@given(st.data(), BASES)
def test_what_others_add_is_no_reason_to_write(data: st.DataObject, wanted: dict[str, Any]) -> None:
    """Whatever it is, and wherever in the object."""
    assert conforms(data.draw(noisy(wanted)), wanted)


@given(st.data(), BASES)
def test_what_is_taken_away_is_noticed(data: st.DataObject, wanted: dict[str, Any]) -> None:
    """A field of ours that somebody removed or changed."""
    live = data.draw(noisy(wanted))
    if not wanted:
        return
    key = data.draw(st.sampled_from(sorted(wanted)))
    if wanted[key] in ({}, []):
        return

    del live[key]

    assert not conforms(live, wanted)


@given(BASES, BASES)
def test_a_digest_tells_contents_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same for the same, and another for another."""
    shuffled = dict(reversed(list(one.items())))

    assert digest(shuffled) == digest(one)
    assert (digest(one) == digest(other)) == (repr_sorted(one) == repr_sorted(other))


def repr_sorted(value: Any) -> str:
    """Write a value with its types, keys in order."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{repr_sorted(value[key])}" for key in sorted(value)) + "}"
    return "[" + ",".join(map(repr_sorted, value)) + "]" if isinstance(value, list) else repr(value)
