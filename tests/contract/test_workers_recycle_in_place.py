"""
A supervisor as a container's first process: workers come back, crashes are handed on, a stop reaches the worker.

Real Laravel workers in namespaces of their own; what the kubelet makes of it is shown in the ring of cluster tests.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from harness.first_process import first_process
from harness.php import laravel_rootfs, run_artisan
from harness.progress import wait_until
from queueworkers.frameworks.base import AfterCrash
from queueworkers.frameworks.custom import CUSTOM
from queueworkers.frameworks.laravel import LARAVEL

if TYPE_CHECKING:
    from harness.first_process import FirstProcess
    from harness.redis import RedisServer

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and chroot need root")

ARTISAN = ("php", "artisan")
WORK = ("queue:work", "redis", "--sleep=1", "--timeout=20")
PLAIN_SHELL = ("sh", "-c", 'php artisan "$@"; exit $?', "worker")
TRAPPING_SHELL = (
    "sh",
    "-c",
    'trap "echo heard; exit 3" TERM; php artisan "$@"; while :; do sleep 1; done',
    "worker",
)
SLOW_BOOT = ("sh", "-c", 'sleep 3; exec php artisan "$@"', "worker")


def supervised(*console: str, after_crash: AfterCrash = AfterCrash.BACK_OFF) -> tuple[str, ...]:
    """The container's command for a console command."""
    return LARAVEL.first_process(console, meanings=LARAVEL.exit_meanings, after_crash=after_crash)


def environment(redis: RedisServer) -> dict[str, str]:
    """Where the application finds its Redis."""
    return {"REDIS_HOST": redis.address, "REDIS_PORT": str(redis.port)}


def push(redis: RedisServer, count: int, *, milliseconds: int = 0) -> None:
    """Push jobs with Laravel itself."""
    run_artisan(["demo:push", str(count), f"--milliseconds={milliseconds}"], env=environment(redis))


def count(redis: RedisServer, event: str) -> int:
    """Count the jobs that have begun (``start``) or ended (``end``)."""
    return redis.cli("XRANGE", "ledger:events", "-", "+").split("\n").count(event)


def wait_for(redis: RedisServer, event: str, times: int) -> None:
    """Wait until so many jobs have begun or ended."""
    wait_until(lambda: count(redis, event) >= times, what=f"{times} times {event}", timeout_seconds=30)


def leave(process: FirstProcess, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """Ask it to leave; its exit code, and the seconds that it took."""
    asked_at = time.monotonic()
    process.send(number)
    return process.wait(), time.monotonic() - asked_at


def test_a_worker_that_recycles_is_started_again_and_counted(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Two jobs each, then memory: three processes do five jobs, and the reasons are told by number."""
    push(redis_server, 4)
    command = supervised(*ARTISAN)
    with first_process((*command, *WORK, "--max-jobs=2"), tmp_path, env=environment(redis_server)) as process:
        wait_for(redis_server, "end", 4)
        wait_until(lambda: "2 x 0" in process.printed, what="the second end is told", timeout_seconds=10)
        assert leave(process)[0] == 0
        assert process.termination_message == "started again: 2 x 0"
    with first_process((*command, *WORK, "--memory=1"), tmp_path, env=environment(redis_server)) as process:
        push(redis_server, 2)
        wait_for(redis_server, "end", 6)
        wait_until(lambda: "2 x 12" in process.printed, what="both ends are told", timeout_seconds=10)
        assert "exit code 12 (memory limit (--memory) reached between jobs)" in process.printed


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param("exit(1);", 1, id="an exception"),
        pytest.param("posix_kill(getmypid(), 9); sleep(9);", 137, id="killed"),
        pytest.param("ini_set('memory_limit', '4M'); str_repeat('x', 9 << 20);", 255, id="a fatal error"),
    ],
)
def test_a_crash_ends_the_container_with_its_exit_code(tmp_path: Path, script: str, code: int) -> None:
    """So that the kubelet backs off and shows it; what recycled before is told beside it."""
    flaky = f"if (touch('/tmp/ran') && filesize('/tmp/ran') < 2) {{ file_put_contents('/tmp/ran', 'x', FILE_APPEND); exit(0); }} {script}"
    flaky = flaky.replace("/tmp/ran", f"/tmp/ran-{os.getpid()}-{code}")
    with first_process(supervised("php", "-r", flaky), tmp_path) as process:
        assert process.wait() == code
        assert process.termination_message == "started again: 2 x 0"
        assert f"crashed: exit code {code} (" in process.printed


def test_a_worker_that_crashed_may_be_started_again_at_once(tmp_path: Path) -> None:
    """A second later, without end, where the pool says so; its log tells how often."""
    command = supervised("php", "-r", "exit(255);", after_crash=AfterCrash.AT_ONCE)
    with first_process(command, tmp_path) as process:
        wait_until(lambda: "3 x 255" in process.printed, what="the third crash", timeout_seconds=10)
        assert leave(process)[1] < 2
        assert process.termination_message.startswith("started again: ")
    assert "the worker crashed: exit code 255 (a PHP fatal error" in process.printed


def test_a_worker_of_which_nothing_is_known_is_asked_at_once(tmp_path: Path) -> None:
    """It need not listen to what the workers of known frameworks do."""
    script = "pcntl_async_signals(true); pcntl_signal(15, function () { echo 'heard'; exit(7); }); echo 'up'; while (1) sleep(1);"
    run = CUSTOM.first_process(
        ("php", "-r", script), meanings=CUSTOM.exit_meanings, after_crash=AfterCrash.BACK_OFF
    )
    with first_process(run, tmp_path) as process:
        wait_until(lambda: "up" in process.printed, what="it is up", timeout_seconds=10)
        assert leave(process)[0] == 7
        assert "heard" in process.printed


def test_a_command_that_is_not_there_is_a_crash(tmp_path: Path) -> None:
    """It says which one, and leaves the back-off to the kubelet."""
    with first_process((*supervised("artisan-worker"), "php"), tmp_path) as process:
        assert process.wait() == 127
        assert "artisan-worker cannot be started" in process.printed


def test_a_worker_that_ends_at_once_takes_no_core(tmp_path: Path) -> None:
    """Ten starts in ten seconds, and no more: this is no way to run, but nothing that may hurt the node."""
    with first_process(supervised("php", "-r", "exit(0);"), tmp_path) as process:
        wait_until(lambda: "10 x 0" in process.printed, what="ten ends", timeout_seconds=10)
        time.sleep(2)
        assert "11 x 0" not in process.printed
        assert leave(process)[1] < 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGWINCH, signal.SIGINT])
@pytest.mark.parametrize("console", [ARTISAN, PLAIN_SHELL], ids=["no shell", "a shell"])
def test_whatever_the_stop_signal_the_job_in_hand_ends_first(
    redis_server: RedisServer, tmp_path: Path, console: tuple[str, ...], number: signal.Signals
) -> None:
    """Laravel 8 dies of SIGQUIT and a shell passes nothing on: the worker is sent SIGTERM all the same."""
    push(redis_server, 3, milliseconds=1500)
    with first_process((*supervised(*console), *WORK), tmp_path, env=environment(redis_server)) as process:
        wait_for(redis_server, "start", 1)
        assert leave(process, number)[0] == 0
    assert (count(redis_server, "start"), count(redis_server, "end")) == (1, 1)


def test_a_stop_that_comes_while_the_worker_boots_is_not_lost(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """It is asked as soon as it listens; a job that it took in that moment is ended."""
    push(redis_server, 9, milliseconds=500)
    with first_process((*supervised(*SLOW_BOOT), *WORK), tmp_path, env=environment(redis_server)) as process:
        wait_until(lambda: "sleep" in process.programs, what="the boot has begun", timeout_seconds=10)
        code, seconds = leave(process)
        assert code == 0
        assert 1 < seconds < 10
    assert count(redis_server, "start") == count(redis_server, "end") <= 1


def test_a_script_that_outlives_its_worker_is_asked_too(redis_server: RedisServer, tmp_path: Path) -> None:
    """One with a trap may clean up; its exit code is the container's."""
    with first_process(
        (*supervised(*TRAPPING_SHELL), *WORK), tmp_path, env=environment(redis_server)
    ) as process:
        push(redis_server, 1, milliseconds=10)
        wait_for(redis_server, "end", 1)
        code, seconds = leave(process)
        assert code == 3
        assert seconds < 5
        assert "heard" in process.printed


def test_a_worker_can_be_put_to_rest_and_woken(redis_server: RedisServer, tmp_path: Path) -> None:
    """SIGUSR2 and SIGCONT, which Laravel's workers know, reach the worker through the first process."""
    with first_process((*supervised(*ARTISAN), *WORK), tmp_path, env=environment(redis_server)) as process:
        push(redis_server, 1)
        wait_for(redis_server, "end", 1)
        process.send(signal.SIGUSR2)
        time.sleep(1.5)
        push(redis_server, 1)
        time.sleep(2.5)
        assert count(redis_server, "start") == 1
        process.send(signal.SIGCONT)
        wait_for(redis_server, "end", 2)


def test_orphans_are_buried(tmp_path: Path) -> None:
    """What a job leaves behind does not stay as a zombie, which would use up the container's processes."""
    script = (
        "if (!pcntl_fork()) { if (!pcntl_fork()) { usleep(200000); exit(0); } exit(0); } pcntl_wait($status); sleep(1);"
        "foreach (glob('/proc/[0-9]*/status') as $file) if (preg_match('/^State:\\s*Z/m', file_get_contents($file)))"
        " echo 'zombie'; sleep(30);"
    )
    with first_process(supervised("php", "-r", script), tmp_path) as process:
        time.sleep(2.5)
        assert process.running
        assert "zombie" not in process.printed


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(
            "disable_functions=pcntl_fork,pcntl_signal,proc_open", id="functions that are forbidden"
        ),
        pytest.param("open_basedir=/var/www", id="files that are forbidden"),
    ],
)
def test_what_php_ini_forbids_the_application_does_not_bind_the_supervisor(
    tmp_path: Path, setting: str
) -> None:
    """Hardened images have such settings, and the worker keeps them."""
    name, _, value = setting.partition("=")
    script = f"exit(ini_get('{name}') === '{value}' ? 0 : 1);"
    with TemporaryDirectory(dir=laravel_rootfs() / "tmp") as folder:
        Path(folder, "hardened.ini").write_text(f"{setting}\n")
        Path(folder).chmod(0o755)
        env = {"PHP_INI_SCAN_DIR": f":/tmp/{Path(folder).name}"}
        with first_process(supervised("php", "-r", script), tmp_path, env=env) as process:
            wait_until(lambda: "2 x 0" in process.printed, what="the worker recycles", timeout_seconds=10)
            assert leave(process)[1] < 2
