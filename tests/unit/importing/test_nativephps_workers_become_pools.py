"""Each entry of `queue_workers` in config/nativephp.php is a pool."""

from __future__ import annotations

import pytest

from queueworkers.importing.nativephp import import_nativephp
from queueworkers.importing.source import UnreadableSourceError
from unit.importing.given import KNOWING, comments_of, file, pools_of, written


def test_a_configuration_as_it_is_published() -> None:
    """One process for each alias, which comes back whatever it ended of."""
    made = import_nativephp([file("nativephp.php")], KNOWING)
    pools = pools_of(made)
    assert list(pools) == ["default", "image-resize"]
    assert pools["default"] == {
        "framework": "Laravel",
        "image": "registry.example/shop:1",
        "connection": "redis",
        "queues": ["default", "mails"],
        "memory": 128,
        "timeout": 60,
        "sleep": 3,
        "retryAfter": 7200,
        "redis": {"host": "redis", "prefix": "shop_database_"},
        "scaling": {"minReplicas": 1, "maxReplicas": 1},
        "restart": {"afterCrash": "AtOnce"},
    }
    assert not made.is_open
    assert "about the application on the desktop: version, app_id, provider, cleanup_env_keys" in comments_of(
        made
    )


def test_options_that_are_none_of_its_own_are_named() -> None:
    """With what they are."""
    made = import_nativephp(
        [written("n.php", "<?php return ['queue_workers' => ['a' => ['tries' => 5]]];")], KNOWING
    )
    assert "tries => 5 (line 1): no option of a queue worker that NativePHP knows" in comments_of(made)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<?php return [];", "n.php: there are no queue workers: config/nativephp.php lists them"),
        ("<?php return [\n'queue_workers' => []];", "n.php:2: there are no queue workers"),
        (
            "<?php return ['queue_workers' => ['a' => 1]];",
            "n.php:1: the options of a are 1, and have to be an array",
        ),
    ],
)
def test_what_has_no_workers_is_told(text: str, says: str) -> None:
    """One sentence that says where they would be."""
    with pytest.raises(UnreadableSourceError) as refused:
        import_nativephp([written("n.php", text)], KNOWING)
    assert str(refused.value).startswith(says)
