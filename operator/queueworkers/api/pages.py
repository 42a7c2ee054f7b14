"""What is made from declarations and kept beside them: written to its files, or printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def write_or_print(
    pages: Mapping[str, Callable[[], str]], arguments: Sequence[str], *, between: str = ""
) -> None:
    """
    Do what a module that makes pages is run for.

    Args:
        pages: The name of each file, and what makes its text.
        arguments: A folder to write them to; none to have them printed.
        between: What stands between two that are printed.
    """
    if arguments:
        for name, render in pages.items():
            (Path(arguments[0]) / name).write_text(render(), encoding="utf-8")
    else:
        sys.stdout.write(between.join(render() for render in pages.values()))
