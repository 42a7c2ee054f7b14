"""Imported pools, taken from their YAML as a person's own program would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from queueworkers.api.spec import QueueWorkerPoolSpec, parse_spec
from queueworkers.importing.source import Answers, Source

if TYPE_CHECKING:
    from queueworkers.importing.document import Imported

FILES = Path(__file__).parent / "files"

KNOWING = Answers(
    image="registry.example/shop:1", redis_host="redis", redis_prefix="shop_database_", retry_after=7200
)
"""Somebody who knows all that no file tells."""

KNOWING_NOTHING = Answers()


def file(name: str) -> Source:
    """Read one of the files of these tests."""
    return Source(name=name, text=(FILES / name).read_text("utf-8"))


def written(name: str, text: str) -> Source:
    """Make a file of a *text*."""
    return Source(name=name, text=text)


def pools_of(imported: Imported) -> dict[str, dict[str, Any]]:
    """Read the pools' specs from their YAML, by name; every one of them is one that the operator takes."""
    manifests = [each for each in yaml.safe_load_all(imported.render()) if each["kind"] == "QueueWorkerPool"]
    for manifest in manifests:
        assert isinstance(parse_spec(manifest["spec"]), QueueWorkerPoolSpec)
    return {manifest["metadata"]["name"]: manifest["spec"] for manifest in manifests}


def comments_of(imported: Imported) -> str:
    """Put all comments together, without their line breaks."""
    lines = (line.partition("#")[2].strip() for line in imported.render().splitlines() if "#" in line)
    return " ".join(lines)
