"""The two images that every cluster has: one holds a pod together, one has a shell."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.errors import HarnessError
from harness.images import ImageConfig, directory_layer, write_image_archive
from harness.packages import program

PAUSE_IMAGE = "docker.io/local/pause:1"
BUSYBOX_IMAGE = "docker.io/local/busybox:1"

_FOREVER_SECONDS = "2000000000"


def write_base_images(folder: Path) -> list[Path]:
    """
    Write the archives of both images into *folder*.

    The pause container only keeps the pod's namespaces open.  It does not
    collect orphans, so pods that share one process namespace may gather zombies.
    """
    layer = folder / "busybox.layer.tar"
    with tempfile.TemporaryDirectory(dir=folder) as root:
        _lay_out_busybox(Path(root))
        directory_layer(layer, Path(root))
    pause = folder / "pause.tar"
    write_image_archive(
        pause,
        name="local/pause:1",
        layers=[layer],
        config=ImageConfig(entrypoint=("/bin/busybox", "sleep", _FOREVER_SECONDS)),
    )
    busybox = folder / "busybox.tar"
    write_image_archive(
        busybox,
        name="local/busybox:1",
        layers=[layer],
        config=ImageConfig(cmd=("sh",), env={"PATH": "/bin"}),
    )
    return [pause, busybox]


def _lay_out_busybox(root: Path) -> None:
    found = program("busybox")
    if found is None:
        raise HarnessError("there is no busybox: install the Debian package busybox-static")
    binary = root / "bin" / "busybox"
    for name in ("bin", "etc", "tmp"):
        (root / name).mkdir(mode=0o755)
    (root / "tmp").chmod(0o1777)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    shutil.copyfile(found, binary)
    binary.chmod(0o755)
    # Run where no library is: a dynamic busybox has to show itself now, not
    # as a sandbox that fails without a word.
    listing = subprocess.run(
        ["chroot", str(root), "/bin/busybox", "--list"], capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        raise HarnessError(f"{found} needs libraries: install the Debian package busybox-static")
    for applet in listing.stdout.split():
        if applet != "busybox":
            (binary.parent / applet).symlink_to("busybox")
