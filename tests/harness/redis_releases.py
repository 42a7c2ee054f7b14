"""
Redis servers of several releases, beside the one that the machine has.

Debian's other suites have them as packages.  They are laid out in the cache
together with the libraries they were built for, and run there: nothing is
installed, and the machine's own server stays what it is.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.made_once import made_once
from harness.packages import program
from harness.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RedisRelease:
    """A server program, of the machine or of one of Debian's suites."""

    suite: str | None
    """``None``: what the machine has."""
    package: str
    modern: bool = True
    """From 7.0 on debugging commands have to be allowed; before, there is no directive for it."""

    def command(self) -> list[str]:
        """
        Return what to run in the place of the program's name.

        The first call for another suite takes some ten seconds.

        Raises:
            HarnessError: it is not to be had from here.
        """
        if self.suite is None:
            installed = program(self.package)
            if installed is None:
                raise HarnessError(f"{self.package} is not on PATH: apt-get install {self.package}")
            return [installed]
        root = _laid_out(self.suite, self.package)
        libraries = [path for lib in (root / "lib", root / "usr" / "lib") for path in lib.glob("*-linux-gnu")]
        loader = next(each for path in libraries for each in path.glob("ld-linux*.so*"))
        path = os.pathsep.join(map(str, libraries))
        # Debian's server loads some of what scripts may use, such as cjson, when it starts.
        modules = ";".join(f"{each}/lua/5.1/?.so" for each in libraries)
        server = [str(loader), "--library-path", path, str(root / "usr" / "bin" / self.package)]
        return ["env", f"LUA_CPATH={modules}", *server]

    def version(self) -> str:
        """
        Return what it calls itself, such as ``Redis 7.0.15``.

        Raises:
            HarnessError: it is not to be had from here.
        """
        words = run([*self.command(), "--version"])
        number = next(word.removeprefix("v=") for word in words.split() if word.startswith("v="))
        return f"{words.split()[0]} {number}"


REDIS_6 = RedisRelease("bullseye", "redis-server", modern=False)
INSTALLED = RedisRelease(None, "redis-server")
REDIS_8 = RedisRelease("trixie", "redis-server")
VALKEY = RedisRelease("trixie", "valkey-server")

_NOT_TO_BE_HAD: dict[tuple[str, str], str] = {}
"""What could not be fetched in this process, and why."""


def _laid_out(suite: str, package: str) -> Path:
    # Without a network each attempt takes a while, and each of many tests would make one.
    if (suite, package) in _NOT_TO_BE_HAD:
        raise HarnessError(_NOT_TO_BE_HAD[suite, package])
    try:
        return _lay_out(suite, package)
    except HarnessError as error:
        _NOT_TO_BE_HAD[suite, package] = str(error)
        raise


def _lay_out(suite: str, package: str) -> Path:
    digest = hashlib.sha256(repr((suite, package)).encode()).hexdigest()[:8]

    def lay_out(directory: Path) -> None:
        say(f"laying out {package} of Debian's {suite}: some ten seconds, once")
        archives = _download(directory / "apt", suite, package)
        for archive in archives:
            run(["dpkg-deb", "--extract", str(archive), str(directory / "root")])
        run(["rm", "-r", str(directory / "apt")])

    return made_once(f"{package}-{suite}-{digest}", lay_out) / "root"


def _download(apt: Path, suite: str, package: str) -> Sequence[Path]:
    """Fetch a package and what it depends on, with an apt that knows nothing else and changes nothing else."""
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb {_mirror()} {suite} main\n")
    options = {
        "Dir::State::Lists": apt / "lists",
        "Dir::State::Status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    command = [
        "apt-get",
        "-qq",
        *(word for name, value in options.items() for word in ("-o", f"{name}={value}")),
    ]
    try:
        run([*command, "update"], timeout_seconds=120)
        run(
            [*command, "install", "--yes", "--download-only", "--no-install-recommends", package],
            timeout_seconds=300,
        )
    except CommandFailedError as error:
        raise HarnessError(f"Debian's {suite} with {package} is not to be had from here: {error}") from error
    return sorted((apt / "archives").glob("*.deb"))


def _mirror() -> str:
    """
    Name the mirror of Debian that this machine's own apt uses.

    Raises:
        HarnessError: it uses none.
    """
    try:
        listing = run(
            ["apt-get", "indextargets", "--format", "$(LABEL) $(COMPONENT) $(SITE)", "Created-By: Packages"]
        )
    except (CommandFailedError, FileNotFoundError) as error:
        raise HarnessError("there is no apt on this machine, which would know where Debian is") from error
    for line in listing.splitlines():
        label, component, site = line.split(" ", 2)
        if (label, component) == ("Debian", "main"):
            return site
    raise HarnessError("this machine's apt knows no mirror of Debian")
