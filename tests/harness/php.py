"""
Real Laravel workers without PHP on the user's machine.

Debian carries Laravel's components as packages.  They are laid out once into
a directory of their own, together with the application in ``images/laravel``;
from there they run on this machine by `chroot`, or as an image in a cluster.
Everything is kept in the cache under a digest of what it was made from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.images import ImageConfig, directory_layer, write_image_archive
from harness.locations import cache_directory
from harness.made_once import made_once
from harness.network import inside
from harness.packages import program
from harness.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# The newest Debian release whose illuminate packages and PHP fit each other.
_SUITE = "bookworm"
_PACKAGES = (
    "php-cli",
    "php-redis",
    "php-illuminate-bus",
    "php-illuminate-cache",
    "php-illuminate-encryption",
    "php-illuminate-events",
    "php-illuminate-queue",
    "php-illuminate-redis",
)
# What a worker never reads; a third of the size.
_STRIPPED = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log/bootstrap.log",
)
_PACKAGE_LISTS = "Created-By: Packages"
_APPLICATION = Path(__file__).parent.parent / "images" / "laravel"
_APPLICATION_HOME = Path("var/www")
_WWW_DATA = 33
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ImageVariant(StrEnum):
    """How the image's author has set its user, which pods then have to live with."""

    ROOT = "root"
    """No USER; the storage directory belongs to www-data, as in most PHP images."""
    RESTRICTED = "restricted"
    """USER 33 (www-data), and all writing goes below /tmp."""
    SIGQUIT = "sigquit"
    """As ROOT, with the STOPSIGNAL of php-fpm's images, which Laravel's workers know from 9.24 on only."""


_CONFIGS = {
    ImageVariant.ROOT: ImageConfig(
        cmd=("php", "artisan", "queue:work"),
        env={"PATH": _PATH},
        working_dir="/var/www",
    ),
    ImageVariant.RESTRICTED: ImageConfig(
        cmd=("php", "artisan", "queue:work"),
        env={"PATH": _PATH, "STORAGE_PATH": "/tmp/storage"},
        user=str(_WWW_DATA),
        working_dir="/var/www",
    ),
    ImageVariant.SIGQUIT: ImageConfig(
        cmd=("php", "artisan", "queue:work"),
        env={"PATH": _PATH},
        working_dir="/var/www",
        stop_signal="SIGQUIT",
    ),
}


class ImageStore(Protocol):
    """A cluster, as far as loading an image goes."""

    def load_image(self, archive: Path) -> object:
        """Make the image in the docker-archive *archive* known to the nodes."""


def laravel_rootfs() -> Path:
    """
    Return a root directory with PHP, Laravel's components and the application.

    The first call on a machine takes about two minutes and says so; it needs
    root and `debootstrap`.  Nothing may be written there, except below /tmp:
    the files are shared with the directory that the image is made from.
    """
    base = _base_directory()

    def lay_out(directory: Path) -> None:
        run(["cp", "--archive", "--link", str(base), str(directory / "root")])
        _lay_out_application(directory / "root")

    return _cached(f"laravel-root-{_digest_of_all()}", lay_out) / "root"


def laravel_archive(variant: ImageVariant = ImageVariant.ROOT) -> Path:
    """Return a docker-archive of the worker's image, made at the first call."""

    def write(directory: Path) -> None:
        say(f"writing the image {laravel_image_name(variant)}")
        write_image_archive(
            directory / "image.tar",
            name=laravel_image_name(variant).removeprefix("docker.io/"),
            layers=[_base_layer(), _application_layer()],
            config=_CONFIGS[variant],
        )

    config = hashlib.sha256(repr(_CONFIGS[variant]).encode()).hexdigest()[:8]
    return _cached(f"laravel-image-{variant}-{_digest_of_all()}-{config}", write) / "image.tar"


def laravel_image_name(variant: ImageVariant = ImageVariant.ROOT) -> str:
    """Return the name by which a pod asks for the image, with ``imagePullPolicy: Never``."""
    return f"docker.io/local/laravel-worker:{_digest_of_all()[:8]}-{variant}"


def laravel_image(cluster: ImageStore, variant: ImageVariant = ImageVariant.ROOT) -> str:
    """Load the worker's image into *cluster* and return its name."""
    cluster.load_image(laravel_archive(variant))
    return laravel_image_name(variant)


def run_artisan(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    network: Path | None = None,
    user: int | None = None,
    stdin: str | None = None,
    timeout_seconds: float = 60,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """
    Run one console command of the application to its end.

    Args:
        arguments: As after ``php artisan``.
        env: The application's whole environment; nothing is inherited.
        network: The network namespace to run in; ``None`` is the caller's own.
        user: A numeric user and group to run as; ``None`` is root.
        stdin: What it reads; nothing by default.
        timeout_seconds: After which it is killed.
        check: Raise when it does not exit with 0.

    Raises:
        HarnessError: it failed, with both of its streams.
        subprocess.TimeoutExpired: it took too long.
    """
    done = subprocess.run(
        artisan_command(arguments, network=network, user=user),
        env=_environment(env, user),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_seconds,
        check=False,
    )
    if check and done.returncode != 0:
        words = " ".join(arguments)
        raise HarnessError(f"artisan {words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def start_artisan(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    network: Path | None = None,
    user: int | None = None,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """
    Start a console command, such as a worker, and return at once.

    The process is PHP itself: signals sent to it reach the worker, and its
    exit code is the worker's.  What it prints is appended to *log*, or lost.
    The caller ends it.
    """
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(
            artisan_command(arguments, network=network, user=user),
            env=_environment(env, user),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def artisan_command(
    arguments: Sequence[str], *, network: Path | None = None, user: int | None = None
) -> list[str]:
    """Return the command line that runs the application's console on this machine."""
    chroot = ["chroot"] if user is None else ["chroot", f"--userspec={user}:{user}"]
    php = ["/usr/bin/php", f"/{_APPLICATION_HOME}/artisan"]
    return inside(network, [*chroot, str(laravel_rootfs()), *php, *arguments])


def _environment(env: Mapping[str, str], user: int | None) -> dict[str, str]:
    # Each user has a storage of its own: what root writes, another may not.
    return {"PATH": _PATH, "STORAGE_PATH": f"/tmp/storage-{user or 0}", **env}


def _base_directory() -> Path:
    def bootstrap(directory: Path) -> None:
        say("debootstrap of PHP and Laravel's components: about two minutes, once")
        bootstrap_debian(directory / "root", _PACKAGES)

    return _cached(f"laravel-base-{_digest_of_base()}", bootstrap) / "root"


def bootstrap_debian(root: Path, packages: Sequence[str], *, suite: str = _SUITE) -> None:
    """Lay out a Debian with *packages*, and without what no program reads; needs root."""
    debootstrap = program("debootstrap")
    if debootstrap is None:
        raise HarnessError("there is no debootstrap: install the Debian package of that name")
    run([
        debootstrap, "--variant=minbase", f"--include={','.join(packages)}", suite, str(root), *_mirror(suite),
    ])  # fmt: skip
    for name in _STRIPPED:
        shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink(missing_ok=True)
    # They would carry this machine's name and resolver into the image.
    for name in ("hostname", "hosts", "resolv.conf"):
        (root / "etc" / name).unlink(missing_ok=True)


def _base_layer() -> Path:
    base = _base_directory()

    def write(directory: Path) -> None:
        say("writing the image's lower layer")
        directory_layer(directory / "layer.tar", base)

    return _cached(f"laravel-base-layer-{_digest_of_base()}", write) / "layer.tar"


def _application_layer() -> Path:
    def write(directory: Path) -> None:
        root = directory / "root"
        root.mkdir()
        _lay_out_application(root)
        directory_layer(directory / "layer.tar", root)

    return _cached(f"laravel-app-layer-{_digest_of_all()}", write) / "layer.tar"


def _lay_out_application(root: Path) -> None:
    """Copy the application; only its storage directory belongs to www-data."""
    home = root / _APPLICATION_HOME
    shutil.copytree(_APPLICATION, home, ignore=shutil.ignore_patterns("*.md"))
    storage = home / "storage"
    storage.mkdir()
    os.chown(storage, _WWW_DATA, _WWW_DATA)
    for path in [root / "var", home, *home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.name == "artisan" else 0o644)


def _mirror(suite: str) -> list[str]:
    """
    The mirror that this machine's own apt uses for the suite, if it does.

    Otherwise debootstrap knows a default by itself.
    """
    try:
        listing = run(
            ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(SITE)", _PACKAGE_LISTS]
        )
    except (CommandFailedError, FileNotFoundError):
        return []
    for line in listing.splitlines():
        codename, component, site = line.split(" ", 2)
        if (codename, component) == (suite, "main"):
            return [site]
    return []


def _digest_of_base() -> str:
    return hashlib.sha256(repr((_SUITE, _PACKAGES, _STRIPPED)).encode()).hexdigest()[:16]


def _digest_of_all() -> str:
    digest = hashlib.sha256(_digest_of_base().encode())
    for path in sorted(_APPLICATION.rglob("*")):
        if path.is_file():
            digest.update(f"\0{path.relative_to(_APPLICATION)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    if os.geteuid() != 0 and not (cache_directory() / name).exists():
        raise HarnessError("the PHP image holds other users' files, so making and running it needs root")
    return made_once(name, make)
