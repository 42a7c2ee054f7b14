"""Tests that need what a machine may not have."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def skipped_where_not_to_be_had() -> Iterator[None]:
    """Skip the test, with the harness's sentence, where it cannot make or fetch what is asked for inside."""
    try:
        yield
    except HarnessError as error:
        pytest.skip(str(error))
