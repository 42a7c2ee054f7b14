"""A real Redis for each test that wants one, and short ways to ask about pools."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from contract.topologies import started, topologies
from harness.redis import Certificates, RedisServer, make_certificates
from harness.redis_releases import INSTALLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.topologies import Topology


class Checked:
    """What was read back right, cell by cell; printed when the run is over, so that a run that checked nothing is seen."""

    def __init__(self) -> None:
        self._steps: Counter[tuple[tuple[str, str, str], str]] = Counter()

    def __call__(
        self, framework: str, version: str, topology: str, count: int, *, server: str | None = None
    ) -> None:
        """
        Note *count* more steps that were read right.

        Args:
            framework: Whose entries they are.
            version: Its version.
            topology: Such as ``cluster``; a column of its own.
            count: Steps.
            server: What the servers call themselves; the machine's own where not given.
        """
        row = (framework, version, server or INSTALLED.version())
        self._steps[row, topology] += count

    def table(self) -> Iterator[str]:
        """Write a line for each framework, version and server, with a column for each topology."""
        columns = list(dict.fromkeys(topology for _, topology in self._steps))
        head = ("framework", "version", "server", *columns)
        lines = [
            (*row, *(str(self._steps.get((row, each), "-")) for each in columns))
            for row in sorted({row for row, _ in self._steps})
        ]
        widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
        for line in (head, *lines):
            texts = [f"{text:<{width}}" for text, width in zip(line[:3], widths, strict=False)]
            numbers = [f"{text:>{width}}" for text, width in zip(line[3:], widths[3:], strict=True)]
            yield "  ".join([*texts, *numbers])


CHECKED = Checked()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    lines = list(CHECKED.table())
    if len(lines) > 1:
        terminalreporter.section("what real frameworks wrote, read back after every command")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def checked() -> Checked:
    """Where a test notes what it has read back right."""
    return CHECKED


@pytest.fixture(scope="session", params=topologies())
def topology(request: pytest.FixtureRequest) -> Iterator[Topology]:
    """Each shape of each server in turn, empty at the beginning; a test flushes it when it is done."""
    with started(*request.param) as running:
        yield running


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A server without a password, all of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and a certificate for this machine's loopback address."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
