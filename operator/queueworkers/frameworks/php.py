"""
What is true of every PHP worker, whatever its framework.

The first process of a container ignores SIGTERM until it handles it, and PHP
handles it only once the worker's loop begins.  A worker that is asked to leave
while it boots would not hear it, take jobs, and be killed in the middle of one.
"""

from __future__ import annotations

BOOT_SECONDS = 10
"""A worker that does not listen by then never will: it has no ext-pcntl, or hangs."""

_WAIT_FOR_SIGTERM_TO_BE_HEARD = f"""\
for ($i = 0; $i < {BOOT_SECONDS * 10}; $i++) {{
    $status = (string) @file_get_contents('/proc/1/status');
    preg_match_all('/^Sig(?:Cgt|Blk):\\s*[0-9a-f]*([0-9a-f]{{4}})$/m', $status, $masks);
    foreach ($masks[1] as $mask) {{
        if (hexdec($mask) & 0x4000) exit(0);
    }}
    usleep(100000);
}}
"""
# SIGTERM is signal 15, bit 14 of the masks.  An init such as tini blocks it and
# waits for it instead of catching it.  See proc(5).

BEFORE_LEAVING = ("php", "-r", _WAIT_FOR_SIGTERM_TO_BE_HEARD)
"""A command for the worker's container; returns once SIGTERM will be heard, at once for a worker that runs."""
