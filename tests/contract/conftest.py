"""A real Redis for each test that wants one, and short ways to ask about pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.redis import Certificates, RedisServer, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKED: list[tuple[str, str, int]] = []
"""(framework, version, steps) that were replayed; printed when the run is over."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was replayed, so that a run that checked nothing is seen."""
    if not CHECKED:
        return
    terminalreporter.section("what real frameworks wrote, read back after every command")
    for framework, version, steps in CHECKED:
        terminalreporter.write_line(f"{framework:<12} {version:<18} {steps:>4} steps")


@pytest.fixture
def checked() -> list[tuple[str, str, int]]:
    """Where a test notes what it has replayed."""
    return CHECKED


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A server without a password, all of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and a certificate for this machine's loopback address."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
