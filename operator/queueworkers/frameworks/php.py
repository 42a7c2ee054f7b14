"""
What is true of every PHP worker, whatever its framework.

The first process of a container ignores SIGTERM until it handles it, and a
PHP worker handles it only once its loop begins.  One that is asked to leave
while it boots would not hear it, take jobs, and be killed in the middle of one.

What is run in the worker's container is written in PHP, the one language that
is there for certain, and in that of 5.6, so that every image understands it.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import DEAF_WORDS, PROBE_PATIENCE_SECONDS, Deafness, ExitMeaning

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_MEANINGS = MappingProxyType(
    {
        1: ExitMeaning(words="an uncaught exception, often at boot", recycling=False),
        12: ExitMeaning(words="memory limit (--memory) reached between jobs", recycling=True),
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

_PROCESSES = r"""
function processes() {
    $container = file_get_contents('/proc/self/cgroup');
    $processes = array();
    foreach (glob('/proc/[0-9]*') as $folder) {
        $status = (string) @file_get_contents("$folder/status");
        $alive = preg_match('/^State:\s*[^ZX]/m', $status) && preg_match('/^SigCgt:/m', $status);
        $ours = @file_get_contents("$folder/cgroup") === $container && basename($folder) != own_pid();
        if (!$alive || !$ours) continue;
        $caught = signals($status, 'SigCgt');
        $processes[(int) basename($folder)] = array(
            'parent' => preg_match('/^PPid:\s*(\d+)/m', $status, $parent) ? (int) $parent[1] : 0,
            'age' => now() - started($folder),
            'listens' => ($caught >> 17 & 1) && ($caught >> 14 & 1),
            'heeds' => (($caught | signals($status, 'SigBlk')) & (1 << 14 | 1 << 2)) !== 0,
        );
    }
    return $processes;
}
function signals($status, $mask) {
    return preg_match("/^$mask:\s*[0-9a-f]*([0-9a-f]{8})$/m", $status, $low) ? (int) hexdec($low[1]) : 0;
}
function own_pid() {
    return (int) file_get_contents('/proc/self/stat');
}
function started($folder) {
    $fields = explode(' ', (string) strrchr((string) @file_get_contents("$folder/stat"), ')'));
    return isset($fields[20]) ? $fields[20] / 100 : 0;
}
function now() {
    static $since;
    $since = $since ?: microtime(true);
    return started('/proc/self') + microtime(true) - $since;
}
function workers($processes) {
    $workers = array();
    foreach ($processes as $pid => $process) {
        $above = $process['parent'];
        while (isset($processes[$above]) && !$processes[$above]['listens']) $above = $processes[$above]['parent'];
        if ($process['listens'] && !isset($processes[$above])) $workers[] = $pid;
    }
    return $workers;
}
function passes_nothing_on($processes) {
    return isset($processes[1]) && !$processes[1]['listens'] && !$processes[1]['heeds'];
}
"""
# See proc(5); signal n is bit n - 1, and a start is told in hundredths of a second.
#
# SIGCONT (18) tells: the workers of Laravel and of think-queue install their
# handler for it after that for SIGTERM.  SIGTERM (15) itself does not tell, as
# PHP catches it from its start, and drops it while there is no handler.
#
# What a job forks has the worker's handlers too, so the topmost process counts.
# Other containers' processes, which are seen where a pod shares them, have another
# control group.  A kernel that tells no signals, as gVisor, has no process here.
#
# An init such as tini blocks all signals and waits for them; a script with a trap
# catches SIGTERM.  A plain shell that is the first process does neither.

_STOP = r"""
for ($tries = PATIENCE * 10; $tries > 0; $tries--) {
    $processes = processes();
    $workers = workers($processes);
    $booting = array_filter($processes, function ($process) { return $process['age'] < PATIENCE; });
    if ($workers || !$booting) break;
    usleep(100000);
}
$safe = $workers === array(1) || passes_nothing_on($processes);
$self = own_pid();
if ($safe && function_exists('pcntl_fork') && function_exists('posix_getppid')) {
    if (pcntl_fork() > 0) exit(0);
    array_map('fclose', array(STDIN, STDOUT, STDERR));
    while (posix_getppid() === $self) usleep(10000);
}
$asked = array();
foreach ($workers as $pid) if (function_exists('posix_kill') && posix_kill($pid, 15)) $asked[] = $pid;
while (!$safe && array_intersect($asked, workers(processes()))) usleep(100000);
"""
# When the hook is over the first process gets the image's STOPSIGNAL.  A worker that
# is the first process outlives any that it has no handler for, and so does a plain
# shell, which passes none on: there it is safe to be over at once.  And better, for
# a hook that the container's end cuts off is told in an Event as one that failed;
# so what is forked asks the worker when the hook is over.
#
# An init passes the signal on, and SIGQUIT ends Laravel before 9.24 at once: it has
# to wait there, and such an Event comes of it.

_PROBE = r"""
do {
    $processes = processes();
    if (!$processes) exit(0);
    $workers = workers($processes);
    $told = array_filter($workers, function ($pid) use ($processes) {
        return !passes_nothing_on($processes) || (function_exists('posix_kill') && posix_kill($pid, 0));
    });
    if ($told) exit(0);
    usleep(50000);
    $age = max(array_map(function ($process) { return $process['age']; }, $processes));
} while ($age < PATIENCE);
if ($age > PATIENCE + TELLING) exit(0);
"""
# Nothing is remembered from one run to the next: the container's age tells which
# it is.  One run waits through the boot, the next few fail, and all others are content.

_TELL = f"""
if (function_exists('pcntl_signal')) $deafness = $workers ? '{Deafness.OUT_OF_REACH}' : '{Deafness.NOT_LISTENING}';
else $deafness = '{Deafness.PCNTL_MISSING}';
echo '{DEAF_WORDS}: ' . $deafness;
exit(1);
"""

_LIMITS = f"const PATIENCE = {PROBE_PATIENCE_SECONDS}; const TELLING = {TELLING_SECONDS};"

_INTERPRETER = re.compile(r"(?:^|[\s;&|(])((?:/[^\s;&|()]+/)?php[0-9.]*)(?=[\s;&|)]|$)")
"""A word, alone or in a shell's script, that runs PHP: ``php``, ``/usr/local/bin/php8.3``."""


def find_interpreter(console: Iterable[str]) -> str | None:
    """Return the PHP that a console command runs, as it calls it; ``None`` where it hides in a script."""
    found = (match[1] for word in console if (match := _INTERPRETER.search(word)))
    return next(found, None)


def before_leaving(console: Iterable[str]) -> tuple[str, ...]:
    """
    Make the command that sees to a worker's end before the image's STOPSIGNAL does.

    It waits until the worker listens, at once where it runs, and sends it
    SIGTERM.  Where something else is the first process and hears signals, it
    waits for the worker's end too, for the whole grace period if need be.  A
    worker that listened neither within `PROBE_PATIENCE_SECONDS` of its start nor
    since is left to the STOPSIGNAL.
    """
    return (find_interpreter(console) or "php", "-r", _LIMITS + _PROCESSES + _STOP)


def startup_probe(console: Iterable[str]) -> tuple[str, ...] | None:
    """
    Make the command that succeeds when the worker hears a stop.

    One run waits for that.  Where it does not come about, it fails for
    `TELLING_SECONDS` with `DEAF_WORDS` and a `Deafness`, and succeeds from
    then on: to be deaf is no reason to be killed.

    ``None`` where the console command does not tell how PHP is called: what
    cannot be run never succeeds, and the worker would never be ready.
    """
    interpreter = find_interpreter(console)
    return None if interpreter is None else (interpreter, "-r", _LIMITS + _PROCESSES + _PROBE + _TELL)
