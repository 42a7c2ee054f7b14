"""
The operator's image, by the recipe of the Dockerfile and without a build tool.

Its instructions are carried out one by one, in root directories on this
machine.  Only the base is another one: a Debian of the same Python, as no
registry is asked for anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from harness.commands import run
from harness.errors import HarnessError
from harness.images import ImageConfig, directory_layer, write_image_archive
from harness.made_once import made_once
from harness.php import bootstrap_debian
from harness.progress import say

PROJECT = Path(__file__).resolve().parents[2]
REPOSITORY = "docker.io/local/queue-worker-operator"

_SUITE = "trixie"
"""Its Python is that of the Dockerfile."""
_PACKAGES = ("python3", "python-is-python3", "python3-pip", "ca-certificates")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_OF_THE_MACHINE = ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt")
"""What a build needs to reach what this machine reaches; never in the image."""
_HANDED_ON = re.compile(r"(PIP_(EXTRA_)?INDEX_URL|(https?|no)_proxy)", re.IGNORECASE)

_ENTERS = ("Dockerfile", "requirements/operator.txt", "operator/queueworkers")
_NOT_SENT = shutil.ignore_patterns("__pycache__")


@dataclass(slots=True)
class _Stage:
    """What comes of the instructions from one FROM to the next."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    user: str = ""
    entrypoint: tuple[str, ...] = ()


def operator_image_tag() -> str:
    """Return the tag that stands for everything that the image is made of."""
    digest = hashlib.sha256(repr((_SUITE, _PACKAGES)).encode())
    for name in _ENTERS:
        top = PROJECT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"\0{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def operator_archive() -> Path:
    """
    Return a docker-archive of the operator's image; the first call on a machine takes two minutes.

    Raises:
        HarnessError: it cannot be made here: by who is not root, or without a way to Debian and PyPI.
    """
    if os.geteuid() != 0:
        raise HarnessError("the operator's image holds root's files, so making it needs root")
    tag = operator_image_tag()

    def build(directory: Path) -> None:
        say(f"carrying out the Dockerfile for {REPOSITORY}:{tag}")
        layer, config = carry_out(directory)
        write_image_archive(
            directory / "image.tar",
            name=f"{REPOSITORY.removeprefix('docker.io/')}:{tag}",
            layers=[_base() / "layer.tar", layer],
            config=config,
        )
        layer.unlink()

    return made_once(f"operator-image-{tag}", build) / "image.tar"


def carry_out(directory: Path) -> tuple[Path, ImageConfig]:
    """
    Carry the Dockerfile out in an empty directory; return the layer above its base, and what the image is run with.

    Raises:
        CommandFailedError: one of its commands fails, such as for want of a way to PyPI.
    """
    image = _follow(directory)
    layer = directory / "layer.tar"
    directory_layer(layer, image.root)
    for each in directory.glob("stage-*"):
        shutil.rmtree(each)
    return layer, ImageConfig(entrypoint=image.entrypoint, env=image.env, user=image.user)


def _base() -> Path:
    def bootstrap(directory: Path) -> None:
        say(f"debootstrap of {_SUITE}'s Python: about a minute, once")
        bootstrap_debian(directory / "root", _PACKAGES, suite=_SUITE)
        directory_layer(directory / "layer.tar", directory / "root")

    digest = hashlib.sha256(repr((_SUITE, _PACKAGES)).encode()).hexdigest()[:12]
    return made_once(f"python-base-{digest}", bootstrap)


def _follow(directory: Path) -> _Stage:
    """Go through the Dockerfile, and return its last stage, whose root has what is above the base."""
    lines = re.sub(r"\\\n", " ", (PROJECT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
    instructions = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    names: dict[str, _Stage] = {}
    stage = _Stage(directory)
    left = sum(word == "FROM" for word, _ in instructions)
    for word, rest in instructions:
        match word:
            case "ARG" | "EXPOSE":
                pass
            case "FROM":
                left -= 1
                stage = _Stage(directory / f"stage-{left}")
                names[rest.rpartition(" AS ")[2]] = stage
                _lay_out(stage.root, whole=left > 0)
            case "ENV":
                for assignment in shlex.split(rest):
                    name, _, value = assignment.partition("=")
                    stage.env[name] = Template(value).substitute(stage.env)
            case "RUN" if left > 0:
                handed_on = {name: value for name, value in os.environ.items() if _HANDED_ON.fullmatch(name)}
                run(["chroot", str(stage.root), "/bin/sh", "-c", rest], env={**stage.env, **handed_on})
            case "COPY":
                _copy(shlex.split(rest), names, stage.root)
            case "USER":
                stage.user = rest
            case "ENTRYPOINT":
                stage.entrypoint = tuple(json.loads(rest))
            case _:
                raise HarnessError(f"the Dockerfile says {word} {rest}, which cannot be carried out here")
    return stage


def _lay_out(root: Path, *, whole: bool) -> None:
    """Begin a stage; of the last one only what it adds is wanted, so nothing can be run there."""
    if not whole:
        root.mkdir()
        return
    run(["cp", "--archive", str(_base() / "root"), str(root)])
    for name in _OF_THE_MACHINE:
        shutil.copyfile(f"/{name}", root / name)


def _copy(words: list[str], names: dict[str, _Stage], root: Path) -> None:
    *options, source, target = words
    whence = names[options[0].removeprefix("--from=")].root if options else PROJECT
    found, to = whence / source.lstrip("/"), root / target.lstrip("/")
    to.parent.mkdir(parents=True, exist_ok=True)
    if found.is_dir():
        shutil.copytree(found, to, symlinks=True, ignore=None if options else _NOT_SENT)
    else:
        if target.endswith("/"):
            to.mkdir(parents=True, exist_ok=True)
            to /= found.name
        shutil.copyfile(found, to)
