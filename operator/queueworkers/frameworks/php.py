"""
What is true of every PHP worker, whatever its framework.

A worker ends by design many times a day, which the kubelet takes for crashes;
and it hears a stop only once its loop has begun, and only by the signals that
its version knows.  So its container's first process is a supervisor.

What is run in the worker's container is written in PHP, the one language that
is there for certain, and in that of 5.6, so that every image understands it.
It is in files of its own, in the folder ``in_container``.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import (
    DEAF_WORDS,
    PROBE_PATIENCE_SECONDS,
    RESTARTED_WORDS,
    AfterCrash,
    Deafness,
    ExitMeaning,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXIT_MEANINGS = MappingProxyType(
    {
        1: ExitMeaning(words="an uncaught exception, often at boot", recycling=False),
        12: ExitMeaning(words="memory limit (--memory) reached between jobs", recycling=True),
        127: ExitMeaning(words="the worker's command cannot be started", recycling=False),
        137: ExitMeaning(words="killed: a job ran longer than --timeout, or out of memory", recycling=False),
        143: ExitMeaning(
            words="ended at once by SIGTERM, its job unfinished: PHP lacks the pcntl extension",
            recycling=False,
        ),
        255: ExitMeaning(words="a PHP fatal error, such as memory_limit", recycling=False),
    }
)
"""What PHP's own ends mean; a framework adds what it ends with by design."""

TELLING_SECONDS = 5
"""For so long after its patience is over the startup probe fails and says why; then it lets the worker be."""

_SOURCES = Path(__file__).parent / "in_container"

_SETTINGS = ("disable_functions=", "open_basedir=", "auto_prepend_file=", "opcache.enable_cli=0")
"""
What the image's php.ini may have for the application is not meant for the supervisor.

Some forbid `pcntl_fork` and `/proc`; the cache would cost memory for nothing.
"""

INTERPRETER = r"(?:^|[\s;&|(])((?:/[^\s;&|()]+/)?php[0-9.]*)(?:[\s;&|)]|$)"
"""
A word, alone or in a shell's script, that runs PHP: ``php``, ``/usr/local/bin/php8.3``.

Within what Python's and Go's regular expressions agree upon, as the API server looks for it too.
"""


def find_interpreter(console: Iterable[str]) -> str | None:
    """Return the PHP that a console command runs, as it calls it; ``None`` where it hides in a script."""
    found = (match[1] for word in console if (match := re.search(INTERPRETER, word)))
    return next(found, None)


def _interpreter(console: Iterable[str]) -> str:
    """Tell how to run PHP beside the worker; what hides it has to have it on the PATH."""
    return find_interpreter(console) or "php"


def supervise(
    console: tuple[str, ...],
    *,
    meanings: Mapping[int, ExitMeaning],
    after_crash: AfterCrash,
    recognisable: bool = True,
) -> tuple[str, ...]:
    """
    Make the command that runs *console*, and again whenever it ended by design; its arguments are put behind it.

    The worker comes back at once, without the kubelet's back-off.  A crash
    ends the supervisor with the same exit code, so that the kubelet backs off
    and shows it.  Any signal that an image may have as its STOPSIGNAL makes it
    send SIGTERM to the worker, as soon as that listens, and it ends when the
    worker has.  See ``in_container/supervisor.php``.

    Args:
        console: What `queue:work` is an argument of.
        meanings: What its exit codes mean.
        after_crash: What becomes of a worker that did not end by design.
        recognisable: False for a worker of which nobody knows how to tell that it listens: it is asked at once.
    """
    script = _script(
        "processes",
        "supervisor",
        MEANINGS=json.dumps({str(code): meaning.words for code, meaning in sorted(meanings.items())}),
        RESTARTED_WORDS=RESTARTED_WORDS,
        CRASHES_RESTART=int(after_crash is AfterCrash.AT_ONCE),
        RECOGNISABLE=int(recognisable),
        RECYCLING=json.dumps(sorted(code for code, meaning in meanings.items() if meaning.recycling)),
    )
    settings = (word for setting in _SETTINGS for word in ("-d", setting))
    return (_interpreter(console), *settings, "-r", script, "--", *console)


def before_leaving(console: Iterable[str]) -> tuple[str, ...]:
    """Make the command that waits until the supervisor hears a stop, which it does within its first moments."""
    script = _script("processes", "before_leaving", PATIENCE=PROBE_PATIENCE_SECONDS)
    return (_interpreter(console), "-r", script)


def startup_probe(console: Iterable[str]) -> tuple[str, ...]:
    """
    Make the command that succeeds when the worker hears a stop.

    One run waits for that.  Where it does not come about, it fails for
    `TELLING_SECONDS` with `DEAF_WORDS` and a `Deafness`, and succeeds from
    then on: to be deaf is no reason to be killed.
    """
    script = _script(
        "processes",
        "probe",
        DEAF_WORDS=DEAF_WORDS,
        OUT_OF_REACH=Deafness.OUT_OF_REACH,
        NOT_LISTENING=Deafness.NOT_LISTENING,
        PCNTL_MISSING=Deafness.PCNTL_MISSING,
        PATIENCE=PROBE_PATIENCE_SECONDS,
        TELLING=TELLING_SECONDS,
    )
    return (_interpreter(console), "-r", script)


@cache
def _script(*names: str, **constants: str | int) -> str:
    """Put files of `in_container` together for ``php -r``, without their comments; read once, as parts of the program."""
    sources = "\n".join((_SOURCES / f"{name}.php").read_text(encoding="utf-8") for name in names)
    code = re.sub(r"^(<\?php|[ \t]*//.*|[ \t]*)\n", "", sources, flags=re.MULTILINE)
    return "".join(f"const {name} = {_literal(value)};\n" for name, value in constants.items()) + code


def _literal(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
