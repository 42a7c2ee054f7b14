<?php
// The processes of this container, as proc(5) tells of them; signal n is bit n - 1, and a start is told in
// hundredths of a second.
//
// SIGCONT (18) tells a worker: those of Laravel and of think-queue install their handler for it after that for
// SIGTERM.  SIGTERM (15) itself does not tell, as PHP catches it from its start, and drops it while there is no
// handler.
//
// What a job forks has the worker's handlers too, so the topmost process counts.  Other containers' processes,
// which are seen where a pod shares them, have another control group.  A kernel that tells no signals, as gVisor,
// has no process here.
function processes() {
    $container = file_get_contents('/proc/self/cgroup');
    $processes = array();
    foreach (glob('/proc/[0-9]*') as $folder) {
        $status = (string) @file_get_contents("$folder/status");
        $alive = preg_match('/^State:\s*[^ZX]/m', $status) && preg_match('/^SigCgt:/m', $status);
        $ours = @file_get_contents("$folder/cgroup") === $container && basename($folder) != own_pid();
        if (!$alive || !$ours) continue;
        $caught = preg_match('/^SigCgt:\s*[0-9a-f]*([0-9a-f]{8})$/m', $status, $low) ? (int) hexdec($low[1]) : 0;
        $processes[(int) basename($folder)] = array(
            'parent' => preg_match('/^PPid:\s*(\d+)/m', $status, $parent) ? (int) $parent[1] : 0,
            'age' => now() - started($folder),
            'listens' => ($caught >> 17 & 1) && ($caught >> 14 & 1),
        );
    }
    return $processes;
}
function own_pid() {
    return (int) file_get_contents('/proc/self/stat');
}
function started($folder) {
    $fields = explode(' ', (string) strrchr((string) @file_get_contents("$folder/stat"), ')'));
    return isset($fields[20]) ? $fields[20] / 100 : 0;
}
// Not by the uptime, which is another's where a container is shown one of its own.
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
