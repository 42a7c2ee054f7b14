"""
A real Redis server for a test, with every trouble that Redis can make.

Each server has a directory, a port and a log of its own, and answers on one
address only.  What a server can suffer is a method: it can be stopped, killed,
frozen, started again, and started so that it spends seconds loading.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from harness.commands import run
from harness.errors import CommandFailedError, HarnessError
from harness.network import inside
from harness.progress import wait_until
from harness.redis_releases import INSTALLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.redis_releases import RedisRelease

_START_SECONDS = 10.0
_LOADING_STEP_SECONDS = 0.1
_LOADING_VALUE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """A certificate authority made for one test, and what it has signed."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(directory: Path, *, names: Sequence[str] = ("127.0.0.1", "localhost")) -> Certificates:
    """
    Make an authority, a server certificate for *names* and a client certificate.

    A name that looks like an address becomes an IP entry, as verifiers want it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    authority, authority_key = directory / "ca.crt", directory / "ca.key"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=qwp test authority",
        "-keyout", authority_key, "-out", authority,
    )  # fmt: skip
    entries = ",".join(f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names)
    for subject, extension in (
        ("server", f"subjectAltName={entries}"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        request = directory / f"{subject}.csr"
        extensions = directory / f"{subject}.ext"
        extensions.write_text(extension + "\n", encoding="utf-8")
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN=qwp test {subject}",
            "-keyout", directory / f"{subject}.key", "-out", request,
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", directory / f"{subject}.crt",
        )  # fmt: skip
    return Certificates(
        authority=authority,
        server=directory / "server.crt",
        server_key=directory / "server.key",
        client=directory / "client.crt",
        client_key=directory / "client.key",
    )


def _openssl(*arguments: str | Path) -> None:
    run(["openssl", *map(str, arguments)])


class RedisServer:
    """
    One `redis-server`, from `start` to `stop`, or as a context manager.

    Args:
        address: Where it listens; nowhere else.
        port: ``None`` picks a free one (6379 inside *network*).
        password: What `AUTH` must give; never on a command line.
        certificates: With them the port speaks TLS and nothing else.
        databases: How many; the highest index is one less.
        directives: Further lines of `redis.conf`, such as ``user reader on >secret ~* +@read``.
        network: A network namespace to run in; ``None`` is the caller's own.
        release: Which server; the machine's own where not given.
    """

    def __init__(
        self,
        *,
        address: str = "127.0.0.1",
        port: int | None = None,
        password: str | None = None,
        certificates: Certificates | None = None,
        databases: int = 16,
        directives: Sequence[str] = (),
        network: Path | None = None,
        release: RedisRelease = INSTALLED,
    ) -> None:
        self.address = address
        self.port = port or (_free_port(address) if network is None else 6379)
        self.password = password
        self.certificates = certificates
        self._databases = databases
        self._directives = tuple(directives)
        self._network = network
        self._release = release
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it; nothing is left behind when it does not start."""
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Stop it and delete what it has stored."""
        self.stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    mode: ClassVar[tuple[str, ...]] = ()
    """What follows the configuration on the command line."""

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise HarnessError("this Redis server does not run: call start() first")
        return self._process.pid

    @property
    def processor_seconds(self) -> float:
        """What it has cost so far; unlike the time that a command took, not more where others run too."""
        used = dict(line.split(":", 1) for line in self.cli("INFO", "cpu").splitlines() if ":" in line)
        return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])

    @property
    def log(self) -> Path:
        """What the server has printed since it was first started."""
        return self._own_directory() / "redis.log"

    def start(self, *extra: str) -> Self:
        """Start it with *extra* lines of configuration, and wait until it answers, if only that it is loading."""
        configuration = self._own_directory() / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join([*self._configuration(), *extra, ""]), encoding="utf-8")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                inside(self._network, [*self._release.command(), str(configuration), *self.mode]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(
            self._answers,
            what=f"Redis answers on {self.address}:{self.port}",
            timeout_seconds=_START_SECONDS,
            interval_seconds=0.02,
            check=self._require_running,
        )
        return self

    def stop(self) -> None:
        """Let it end, as a shutdown does; what was not saved is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def restart(self, *extra: str) -> Self:
        """Stop it and start it again on the same port, with what it had saved."""
        self.stop()
        return self.start(*extra)

    def pause(self) -> None:
        """Freeze it: connections stay open and open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on; it answers all that it was asked meanwhile."""
        os.kill(self.pid, signal.SIGCONT)

    def restart_loading(self, seconds: float) -> Self:
        """
        Start it again with so much to load that it answers LOADING for *seconds* at least.

        Redis looks at its clients once per kilobyte loaded, and a debugging
        option makes it wait after each key.
        """
        for number in range(max(2, round(seconds / _LOADING_STEP_SECONDS))):
            self.cli("SET", f"junk:{number}", secrets.token_hex(_LOADING_VALUE_BYTES // 2))
        self.cli("SAVE")
        return self.restart(
            f"key-load-delay {round(_LOADING_STEP_SECONDS * 1_000_000)}",
            "loading-process-events-interval-bytes 1024",
            "rdbcompression no",
        )

    def cli(self, *arguments: str, database: int = 0, user: str | None = None) -> str:
        """Run one command through `redis-cli`, as *user* where given, and return what it printed."""
        argv, env = self.cli_command()
        argv += ["-n", str(database)] if database else []
        argv += ["--user", user] if user is not None else []
        return run([*argv, *arguments], env=env, timeout_seconds=30).rstrip("\n")

    def cli_command(self) -> tuple[list[str], dict[str, str]]:
        """Return how `redis-cli` talks to it: the beginning of the command line, and the environment."""
        argv = ["redis-cli", "-h", self.address, "-p", str(self.port)]
        if self.certificates is not None:
            argv += ["--tls", "--cacert", str(self.certificates.authority)]
            argv += ["--cert", str(self.certificates.client), "--key", str(self.certificates.client_key)]
        env = dict(os.environ) | ({"REDISCLI_AUTH": self.password} if self.password else {})
        return inside(self._network, argv), env

    def _configuration(self) -> list[str]:
        lines = [
            f"bind {self.address}",
            f"dir {self._own_directory()}",
            f"databases {self._databases}",
            'save ""',
            "daemonize no",
            *(["enable-debug-command local"] if self._release.modern else []),
            *self._port_lines(),
        ]
        if self.password:
            escaped = self.password.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'requirepass "{escaped}"')
        else:
            # Without a password Redis would refuse every address but loopback.
            lines.append("protected-mode no")
        return [*lines, *self._directives]

    def _port_lines(self) -> list[str]:
        if self.certificates is None:
            return [f"port {self.port}"]
        return [
            "port 0",
            f"tls-port {self.port}",
            f"tls-ca-cert-file {self.certificates.authority}",
            f"tls-cert-file {self.certificates.server}",
            f"tls-key-file {self.certificates.server_key}",
            "tls-auth-clients optional",
        ]

    def _own_directory(self) -> Path:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="qwp-redis-"))
        return self._directory

    def _answers(self) -> bool:
        try:
            answer = self.cli("PING")
        except CommandFailedError:
            return False
        return any(word in answer for word in ("PONG", "LOADING", "NOAUTH", "NOPERM", "WRONGPASS"))

    def _require_running(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
            raise HarnessError(f"redis-server has ended by itself; its log closes with:\n{tail}")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port(address: str) -> int:
    """
    Find a port that nobody listens on just now.

    Another process may take it before Redis does; Redis then says so in its
    log, and starting fails aloud.
    """
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
