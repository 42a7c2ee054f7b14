<?php
// Succeeds when the worker hears a stop.
//
// Nothing is remembered from one run to the next: the container's age tells which it is.  One run waits through
// the boot, the next few fail, and all others are content.
do {
    $processes = processes();
    if (!$processes) exit(0);
    $workers = workers($processes);
    $reached = array_filter($workers, function ($pid) {
        return !function_exists('posix_kill') || posix_kill($pid, 0);
    });
    if ($reached) exit(0);
    usleep(50000);
    $age = max(array_map(function ($process) { return $process['age']; }, $processes));
} while ($age < PATIENCE);
if ($age > PATIENCE + TELLING) exit(0);
if (function_exists('pcntl_signal')) $deafness = $workers ? OUT_OF_REACH : NOT_LISTENING;
else $deafness = PCNTL_MISSING;
echo DEAF_WORDS . ': ' . $deafness;
exit(1);
