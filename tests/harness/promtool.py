"""promtool, which judges rules as Prometheus does, and tells when they would fire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.binaries import PROMTOOL, build_programs
from harness.commands import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RULES = "rules.yaml"
"""What a file of tests calls the rules that it is about."""

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Promtool:
    """promtool, built where that was not done yet; each call raises CommandFailedError with its sentences."""

    program: Path

    @classmethod
    def build(cls) -> Promtool:
        """
        Build it; the first time, that takes minutes.

        Raises:
            HarnessError: its sources cannot be had from here.
        """
        build_programs(PROMTOOL)
        return cls(PROMTOOL.program("promtool"))

    def check(self, rules: Mapping[str, Any]) -> str:
        """Have rules judged, a warning being an error, and return what is said."""
        argv = [str(self.program), "check", "rules", "--lint=all", "--lint-fatal"]
        # Every JSON is YAML.
        return run(argv, stdin=json.dumps(rules), timeout_seconds=_TIMEOUT_SECONDS)

    def test(self, rules: Mapping[str, Any], tests: Mapping[str, Any], *, folder: Path) -> str:
        """
        Let time pass over series, and compare what fires with what should.

        Args:
            rules: The rules.
            tests: In promtool's own format, with `RULES` as the only one of its `rule_files`.
            folder: An empty one to work in.
        """
        (folder / RULES).write_text(json.dumps(rules), encoding="utf-8")
        file = folder / "tests.yaml"
        file.write_text(json.dumps(tests), encoding="utf-8")
        return run([str(self.program), "test", "rules", str(file)], timeout_seconds=_TIMEOUT_SECONDS)
