"""The Dockerfile makes the same files again: what was reviewed, scanned or signed is what anybody can make."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from harness.operator_image import carry_out, operator_archive

if TYPE_CHECKING:
    from pathlib import Path


def contents(layer: tarfile.TarFile) -> dict[str, tuple[str, int, bytes, str]]:
    """By path: what it is, its mode, where it leads to, and the digest of what is in it."""
    found = {}
    for member in layer:
        content = layer.extractfile(member) if member.isreg() else None
        digest = hashlib.sha256(content.read()).hexdigest() if content else ""
        found[member.name] = member.linkname, member.mode, member.type, digest
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="the image holds root's files, so making it needs root")
def test_each_byte_and_mode_is_the_same(tmp_path: Path) -> None:
    """In another directory and at another time, above the same base."""
    with tarfile.open(operator_archive()) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest
        *_, above_the_base = json.load(manifest)[0]["Layers"]
        with tarfile.open(fileobj=image.extractfile(above_the_base)) as layer:
            first = contents(layer)

    made, _ = carry_out(tmp_path)
    with tarfile.open(made) as layer:
        again = contents(layer)

    assert "opt/operator/bin/python" in first
    assert {path for path in first.keys() | again.keys() if first.get(path) != again.get(path)} == set()
