<?php
// The first process of a worker's container: runs the worker, starts it again at once when it ended by design,
// ends with its exit code when it crashed, and sees to it that a stop reaches it.
//
// What the arguments say is run.  MEANINGS says in words what exit codes mean, RECYCLING which of them are by design.
// CRASHES_RESTART is 1 where a worker that crashed is started again as well, and RECOGNISABLE where a worker can be
// told by the signals that it listens to.

// Whatever STOPSIGNAL an image has: SIGTERM, php-fpm's SIGQUIT, Apache's SIGWINCH, systemd's SIGRTMIN+3 and others.
const STOPS = array(15, 3, 28, 37, 2, 1, 10);
// With these a Laravel worker rests and goes on.
const PASSED_ON = array(12, 18);
const CHILD_ENDED = array(17);

// A worker that ends at once, again and again, must not take a whole core: so many starts in as many seconds.
const STARTS_AT_ONCE = 10;

const TERMINATION_LOG = '/dev/termination-log';
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function say($words) {
    fwrite(STDERR, "[supervisor] $words\n");
}
function uptime() {
    return (float) file_get_contents('/proc/uptime');
}
function awaited() {
    return array_merge(STOPS, PASSED_ON, CHILD_ENDED);
}
function send($pids, $signal) {
    foreach ($pids as $pid) {
        if (function_exists('posix_kill')) posix_kill($pid, $signal);
        else exec("kill -$signal $pid");
    }
}

function start($command) {
    $pid = pcntl_fork();
    if ($pid > 0) return $pid;
    pcntl_sigprocmask(SIG_SETMASK, array());
    pcntl_signal(SIGPIPE, SIG_DFL); // which PHP ignores, and hands down
    $here = strpos($command[0], '/') !== false;
    foreach ($here ? array('') : explode(':', getenv('PATH') ?: DEFAULT_PATH) as $folder) {
        $program = $here ? $command[0] : "$folder/$command[0]";
        if (is_file($program) && is_executable($program)) pcntl_exec($program, array_slice($command, 1));
    }
    say("$command[0] cannot be started: there is no such program, or it may not be run");
    exit(127);
}

// Waits for a signal, at most for so many seconds, without a limit where null; 0 where none came.
function wait_for_signal($seconds) {
    $told = array();
    if ($seconds === null) return max(0, (int) @pcntl_sigwaitinfo(awaited(), $told));
    $whole = (int) $seconds;
    return max(0, (int) @pcntl_sigtimedwait(awaited(), $told, $whole, (int) (($seconds - $whole) * 1e9)));
}

// The first process buries all that end; returns the exit code of the worker where it is among them.
function bury($worker) {
    $code = null;
    while (($pid = pcntl_waitpid(-1, $status, WNOHANG)) > 0) {
        if ($pid !== $worker) continue;
        $code = pcntl_wifexited($status) ? pcntl_wexitstatus($status) : 128 + pcntl_wtermsig($status);
    }
    return $code;
}

// Sends SIGTERM to what listens, once; while a worker boots there is nothing yet.  What is left a second after all
// that were asked are gone, a script or an init that started them, is asked too.  Where the kernel does not tell
// who listens, or nobody knows how to tell, the child is asked at once.
function ask_to_leave($child, $asked) {
    $processes = processes();
    $listening = $processes && RECOGNISABLE ? workers($processes) : array($child);
    static $gone_since = INF;
    $gone = $asked && !array_intersect($asked, array_keys($processes));
    $gone_since = $gone ? min($gone_since, uptime()) : INF;
    if (uptime() - $gone_since >= 1) $listening[] = $child;
    $new = array_diff($listening, $asked);
    send($new, 15);
    return array_merge($asked, $new);
}

function words($code) {
    $meanings = json_decode(MEANINGS, true);
    return "exit code $code" . (isset($meanings[$code]) ? " ($meanings[$code])" : '');
}
function tally($restarts) {
    ksort($restarts);
    return implode(', ', array_map(function ($code) use ($restarts) {
        return "$restarts[$code] x $code";
    }, array_keys($restarts)));
}

// The kubelet shows what is in the log beside the exit code, and so does the pool.
function finish($code, $restarts) {
    if ($restarts && is_writable(TERMINATION_LOG)) file_put_contents(TERMINATION_LOG, RESTARTED_WORDS . ': ' . tally($restarts));
    exit($code);
}

// Counts a worker that is to be started again; is the end of everything where it is not.
function account($code, $restarts) {
    $by_design = in_array($code, json_decode(RECYCLING), true);
    $words = ($by_design ? 'the worker recycled: ' : 'the worker crashed: ') . words($code);
    if (!$by_design && !CRASHES_RESTART) {
        say($words);
        finish($code, $restarts);
    }
    $restarts[$code] = isset($restarts[$code]) ? $restarts[$code] + 1 : 1;
    say("$words; started again since the container's start: " . tally($restarts));
    if (!$by_design) sleep(1);
    return $restarts;
}

// Seconds until a worker may start after those that started at such uptimes.
function pause_before($starts) {
    $before = count($starts) - STARTS_AT_ONCE;
    return $before < 0 ? 0 : max(0, $starts[$before] + STARTS_AT_ONCE - uptime());
}
function remember_start($starts) {
    return array_merge(array_slice($starts, 1 - STARTS_AT_ONCE), array(uptime()));
}

function supervise($command) {
    pcntl_sigprocmask(SIG_BLOCK, awaited());
    $starts = $restarts = $asked = array();
    $child = $code = 0;
    $stopping = false;
    while (true) {
        $pause = $child ? null : pause_before($starts);
        if ($stopping && !$child) finish($code, $restarts);
        if ($stopping) $asked = ask_to_leave($child, $asked);
        elseif ($pause === 0 || $pause === 0.0) {
            $child = start($command);
            $starts = remember_start($starts);
            $pause = null;
        }
        $signal = wait_for_signal($stopping ? ($asked ? 0.2 : 0.02) : $pause);
        if (in_array($signal, STOPS, true)) $stopping = true;
        if (in_array($signal, PASSED_ON, true)) send(workers(processes()), $signal);
        $ended = $child ? bury($child) : null;
        if ($ended === null) continue;
        $code = $ended;
        $child = 0;
        if (!$stopping) $restarts = account($code, $restarts);
    }
}

// Without pcntl there is neither fork nor signal: the worker is run, and hears no stop in any case.
function run_without_signals($command) {
    $starts = $restarts = array();
    while (true) {
        sleep((int) ceil(pause_before($starts)));
        $starts = remember_start($starts);
        $words = implode(' ', array_map('escapeshellarg', $command));
        $child = proc_open("exec $words", array(STDIN, STDOUT, STDERR), $pipes);
        while (($status = proc_get_status($child)) && $status['running']) usleep(200000);
        $restarts = account($status['signaled'] ? 128 + $status['termsig'] : $status['exitcode'], $restarts);
    }
}

$command = array_slice($argv, 1);
if (function_exists('pcntl_sigtimedwait')) supervise($command);
run_without_signals($command);
