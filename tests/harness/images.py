"""
Container images without a registry and without a build tool.

An image is a stack of tar files, a description and a manifest, put together
in the form that ``docker save`` writes and every runtime loads.  The same
input gives the same bytes, so an image can be named after what is in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_NO_DATE = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """How the container is run; empty means what the runtime does by default."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = ""
    stop_signal: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def directory_layer(tar: Path, root: Path) -> None:
    """
    Write everything below *root* into the layer *tar*.

    Kept: owners by number, modes, symbolic and hard links, device files.  Not
    kept: dates, owners' names, extended attributes, sockets.
    """
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as layer:
        for path in sorted(root.rglob("*")):
            member = layer.gettarinfo(path, arcname=str(path.relative_to(root)))
            if member is None:  # A socket.
                continue
            member.mtime = 0
            member.uname = member.gname = ""
            if member.isreg():
                with path.open("rb") as content:
                    layer.addfile(member, content)
            else:
                layer.addfile(member)


def write_image_archive(archive: Path, *, name: str, layers: Sequence[Path], config: ImageConfig) -> None:
    """
    Write a docker-archive of the image *name* with these tar files as layers.

    The first layer is the lowest.  *name* has a tag: ``local/worker:1``; pods
    name it in the same way, with ``imagePullPolicy: Never``.
    """
    digests = [_digest(layer) for layer in layers]
    description = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "created": _NO_DATE,
            "config": _runtime_config(config),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": _NO_DATE} for _ in digests],
        }
    )
    description_name = f"{hashlib.sha256(description).hexdigest()}.json"
    manifest = {
        "Config": description_name,
        "RepoTags": [name],
        "Layers": [f"{digest}.tar" for digest in digests],
    }
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as image:
        # Twice the same layer, as of two empty directories, is written once.
        for digest, layer in dict(zip(digests, layers, strict=True)).items():
            member = tarfile.TarInfo(f"{digest}.tar")
            member.size = layer.stat().st_size
            with layer.open("rb") as content:
                image.addfile(member, content)
        _add(image, description_name, description)
        _add(image, "manifest.json", _json([manifest]))


def _runtime_config(config: ImageConfig) -> dict[str, object]:
    wanted: dict[str, object] = {
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.cmd),
        "Env": [f"{name}={value}" for name, value in sorted(config.env.items())],
        "User": config.user,
        "WorkingDir": config.working_dir,
        "StopSignal": config.stop_signal,
        "Labels": config.labels,
    }
    return {name: value for name, value in wanted.items() if value}


def _add(image: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    image.addfile(member, io.BytesIO(content))


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
