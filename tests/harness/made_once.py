"""Directories of the cache that take a while to make, and are made once."""

from __future__ import annotations

import fcntl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.locations import cache_directory
from harness.mounts import delete_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """
    Return the cache's directory *name*, made by *make* at the first call.

    It appears whole or not at all, and two processes never make it twice.
    """
    final = cache_directory() / name
    if not final.exists():
        with _locked(final):
            if not final.exists():
                with _scratch_directory(final.parent) as scratch:
                    make(scratch)
                    scratch.chmod(0o755)
                    scratch.rename(final)
    return final


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch_directory(parent: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix="making-", dir=parent))
    try:
        yield scratch
    finally:
        # Gone already when it was renamed.
        delete_folder(scratch)
