"""How a pool calls PHP is read from its console command, and never guessed."""

from __future__ import annotations

import pytest

from queueworkers.frameworks.php import find_interpreter


@pytest.mark.parametrize(
    ("console", "found"),
    [
        pytest.param(["php", "artisan"], "php", id="plain"),
        pytest.param(["/usr/local/bin/php", "-d", "x=y", "artisan"], "/usr/local/bin/php", id="path"),
        pytest.param(["php8.3", "artisan"], "php8.3", id="version"),
        pytest.param(["tini", "--", "php", "artisan"], "php", id="behind-an-init"),
        pytest.param(["sh", "-c", 'sleep 3; exec php artisan "$@"', "x"], "php", id="in-a-shell"),
        pytest.param(["sh", "-c", "(/opt/php82 artisan)&"], "/opt/php82", id="next-to-signs"),
        pytest.param(["/entrypoint.sh"], None, id="in-a-script"),
        pytest.param(["php-fpm"], None, id="another-program"),
        pytest.param(["sh", "-c", "cat php.ini /php/x"], None, id="files-of-that-name"),
        pytest.param(["sh", "-c", "$PHP artisan; ${x}/php artisan"], None, id="variables"),
    ],
)
def test_the_first_word_that_runs_php_counts(console: list[str], found: str | None) -> None:
    """The name that the pool itself runs is one that can be run."""
    assert find_interpreter(console) == found
