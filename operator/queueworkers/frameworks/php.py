"""
What is true of every PHP worker, whatever its framework.

The first process of a container ignores SIGTERM until it handles it, and a
PHP worker handles it only once its loop begins.  One that is asked to leave
while it boots would not hear it, take jobs, and be killed in the middle of one.
"""

from __future__ import annotations

from types import MappingProxyType

from queueworkers.frameworks.base import ExitMeaning

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

BOOT_SECONDS = 10
"""A worker that does not listen by then never will: it has no ext-pcntl, or hangs."""

_WAIT_UNTIL_THE_WORKER_LISTENS = f"""\
for ($i = 0; $i < {BOOT_SECONDS * 10}; $i++) {{
    $status = (string) @file_get_contents('/proc/1/status');
    foreach (array('SigCgt' => 17, 'SigBlk' => 14) as $mask => $bit) {{
        $found = preg_match("/^$mask:\\s*[0-9a-f]*([0-9a-f]{{8}})$/m", $status, $low);
        if ($found && (hexdec($low[1]) >> $bit & 1)) exit(0);
    }}
    usleep(100000);
}}
"""
# See proc(5); signal n is bit n - 1.
#
# SIGCONT (18) tells: the workers of Laravel and of think-queue install their
# handler for it after that for SIGTERM.  SIGTERM (15) itself does not tell, as
# PHP catches it from its start, and drops it while there is no handler.
#
# An init such as tini blocks all signals and waits for them; it passes SIGTERM
# on to a worker that is not the first process, and that dies of it while it boots.

BEFORE_LEAVING = ("php", "-r", _WAIT_UNTIL_THE_WORKER_LISTENS)
"""A command for the worker's container; returns once SIGTERM will be heard, at once for a worker that runs."""
