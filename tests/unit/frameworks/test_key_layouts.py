"""Where each framework and version keeps a queue, as recorded from the real ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.frameworks.base import Spelling
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP


@pytest.mark.parametrize(
    ("framework", "version", "prefix", "ready"),
    [
        pytest.param(LARAVEL, None, "", "queues:emails", id="laravel-bare"),
        pytest.param(LARAVEL, (8, 83), "laravel_database_", "laravel_database_queues:emails", id="laravel-8"),
        pytest.param(
            LARAVEL, (13, 26), "laravel-database-", "laravel-database-queues:emails", id="laravel-13"
        ),
        pytest.param(THINKPHP, None, "", "{queues:emails}", id="think-newest"),
        pytest.param(THINKPHP, (3, 0, 5), "", "{queues:emails}", id="think-first-with-braces"),
        pytest.param(THINKPHP, (3, 0, 4), "", "queues:emails", id="think-last-without"),
        pytest.param(THINKPHP, (3,), "", "queues:emails", id="think-3"),
        pytest.param(THINKPHP, (2, 0, 4), "", "queues:emails", id="think-2"),
        pytest.param(THINKPHP, (1, 1, 6), "", "queues:emails", id="think-1"),
        pytest.param(LARAVEL, (5, 0), "", "queues:emails", id="laravel-5"),
        pytest.param(THINKPHP, (4,), "", "{queues:emails}", id="think-future"),
    ],
)
def test_list_of_a_queue(framework, version, prefix, ready):
    """The list's name follows framework, version and prefix; the sets' names follow the list's."""
    keys = framework.keys("emails", Spelling(prefix=prefix, version=version))
    assert [store.key for store in keys] == [ready, f"{ready}:delayed", f"{ready}:reserved"]


def test_braces_in_a_laravel_queue_name_are_part_of_it():
    """Users of a cluster write them themselves."""
    assert LARAVEL.keys("{emails}", Spelling(prefix="p_"))[0].key == "p_queues:{emails}"


@pytest.mark.parametrize(
    ("version", "queue", "ready"),
    [
        pytest.param((13, 4), "emails", "queues:emails", id="before"),
        pytest.param((13, 5), "emails", "queues:{emails}", id="since"),
        pytest.param(None, "emails", "queues:{emails}", id="newest"),
        pytest.param((13, 26, 1), "{shop}:emails", "queues:{shop}:emails", id="has-braces"),
        pytest.param((13, 26, 1), "a{}b", "queues:{a{}b}", id="has-braces-around-nothing"),
    ],
)
def test_newer_laravel_puts_braces_on_a_cluster(version, queue, ready):
    """From 13.5.0 on, unless the name has some that say something."""
    assert LARAVEL.keys(queue, Spelling(version=version, clustered=True))[0].key == ready


@given(
    framework=st.sampled_from([LARAVEL, THINKPHP]),
    queues=st.lists(st.text(alphabet="abc:{}_-.*[]", min_size=1), min_size=2, max_size=2, unique=True),
    prefix=st.text(alphabet="ab:_*["),
    version=st.none() | st.tuples(st.integers(0, 14), st.integers(0, 9)),
)
def test_two_queues_never_share_a_list(framework, queues, prefix, version):
    """Different names mean different lists, all of which carry the prefix."""
    first, second = (framework.keys(queue, Spelling(prefix=prefix, version=version)) for queue in queues)
    assert first[0].key != second[0].key
    assert all(store.key.startswith(prefix) for store in first)
