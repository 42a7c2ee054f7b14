<?php
// Waits until the supervisor has started a worker, and so hears a stop: what a container's first process has no
// handler for yet is lost to it, and PHP takes a moment to boot.
do {
    $processes = processes();
    $parents = array_map(function ($process) { return $process['parent']; }, $processes);
    $age = $processes ? max(array_map(function ($process) { return $process['age']; }, $processes)) : INF;
    if ($age >= PATIENCE || array_intersect($parents, array_keys($processes))) exit(0);
} while (usleep(20000) === null);
