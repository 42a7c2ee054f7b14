"""Where a framework's restart command may leave its time, as far as the pool's own prefix tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from queueworkers.frameworks.base import Framework

NAME = "illuminate:queue:restart"


def keys_of(framework: Framework, *, prefix: str, cache_prefix: str | None) -> list[str]:
    """Where the time of a restart may be."""
    (restart,) = (notice.name for notice in framework.notices if notice.hold is None)
    return [f"{each}{restart}" for each in framework.cache_prefixes(prefix=prefix, cache_prefix=cache_prefix)]


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        pytest.param("", f"laravel_cache:{NAME}", id="5.7"),
        pytest.param("shop_database_", f"shop_database_shop_cache:{NAME}", id="8"),
        pytest.param("shop_database_", f"shop_database_shop_cache_:{NAME}", id="10"),
        pytest.param("shop_database_", f"shop_database_shop_cache_{NAME}", id="11"),
        pytest.param("my-shop-database-", f"my-shop-database-my-shop-cache-{NAME}", id="12.1"),
        pytest.param("my-shop-database-", f"my-shop-database-my_shop_cache_{NAME}", id="an-older-cache"),
        pytest.param("my_shop_database_", f"my_shop_database_my-shop-cache-{NAME}", id="a-newer-cache"),
        pytest.param("shop_database_", f"shop_database_{NAME}", id="no-cache-prefix"),
        pytest.param("shop:", f"shop:shop_cache_{NAME}", id="a-prefix-by-hand"),
        pytest.param("x_", f"x_laravel_cache_{NAME}", id="a-prefix-by-hand-and-no-name"),
    ],
)
def test_the_cache_is_found_from_the_prefix_of_redis(prefix: str, key: str) -> None:
    """Both are made from the application's name, each in the spelling of its time."""
    assert key in keys_of(LARAVEL, prefix=prefix, cache_prefix=None)


@pytest.mark.parametrize(
    ("framework", "cache_prefix", "keys"),
    [
        pytest.param(LARAVEL, "kasse_", {f"p_kasse_{NAME}", f"p_kasse_:{NAME}"}, id="laravel"),
        pytest.param(LARAVEL, "", {f"p_{NAME}"}, id="laravel-without"),
        pytest.param(THINKPHP, "kasse_", {"p_kasse_think:queue:restart"}, id="think"),
        pytest.param(THINKPHP, None, {"p_think:queue:restart"}, id="think-by-default"),
    ],
)
def test_a_cache_prefix_that_is_said_is_not_guessed(
    framework: Framework, cache_prefix: str | None, keys: set[str]
) -> None:
    """Laravel puts a colon behind it until 10, which the version of an application does not tell for certain."""
    assert set(keys_of(framework, prefix="p_", cache_prefix=cache_prefix)) == keys


@given(
    framework=st.sampled_from([LARAVEL, THINKPHP]),
    prefix=st.text(max_size=30),
    cache_prefix=st.none() | st.text(max_size=30),
)
def test_no_key_is_outside_the_pools_prefix(framework, prefix, cache_prefix):
    """An application's signal is its own; and the number of keys that are read all the time stays small."""
    keys = framework.cache_prefixes(prefix=prefix, cache_prefix=cache_prefix)
    assert keys
    assert all(key.startswith(prefix) for key in keys)
    assert len(set(keys)) == len(keys) <= 16
