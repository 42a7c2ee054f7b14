"""A real Redis for each test that wants one, and short ways to ask about pools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.redis import Certificates, RedisServer, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A server without a password, all of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and a certificate for this machine's loopback address."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
