"""
`/metrics`, `/healthz` and `/readyz`, from a thread of their own.

So they answer while the event loop is stuck, which is what one of them is for, and a scrape of ten
thousand pools takes its turns with the loop, about a millisecond each, in place of stopping it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

from aiohttp import web

from queueworkers.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

METRICS, LIVE, READY = "/metrics", "/healthz", "/readyz"

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

KEPT_SECONDS = 120.0
"""How long a connection is kept for the next question: longer than most scrape intervals."""

SCRAPE_SECONDS = 60.0
"""Whoever asks and does not read the answer keeps others from theirs for no longer."""


class TelemetryServer:
    """
    Listens from `__enter__` to `__exit__`.

    Args:
        port: On all addresses of the machine or pod; 0 takes any that is free.
        pages: Makes the metrics, a slice at a time; given the time, in Unix seconds.
        live: Each says what is wrong that a restart may change, or nothing.
        ready: Each says what is missing yet, or nothing.

    Raises:
        SettingsError: The port is taken.
    """

    def __init__(
        self,
        port: int,
        *,
        pages: Callable[[float], Iterator[str]],
        live: Sequence[Callable[[], str | None]],
        ready: Sequence[Callable[[], str | None]],
    ) -> None:
        self._socket = _listen(port)
        self._pages = pages
        self._checks = {LIVE: tuple(live), READY: tuple(ready)}
        self._one_at_a_time = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        # A daemon: if it does not end, the process does.
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the port."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=2.0)
        self._socket.close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        application = web.Application()
        application.router.add_get(METRICS, self._metrics)
        for path in self._checks:
            application.router.add_get(path, self._health)
        runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEPT_SECONDS,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        await self._stop.wait()
        await runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
        response.enable_compression()
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(SCRAPE_SECONDS):
                    await self._write(request, response)
            except TimeoutError:
                # Nothing is at its end where it should be: whoever reads is to see that it is not all.
                if request.transport:
                    request.transport.abort()
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse) -> None:
        await response.prepare(request)
        for page in self._pages(time.time()):
            await response.write(page.encode())
            # Between two slices everybody else has a turn, the threads of the process included.
            await asyncio.sleep(0)
        await response.write_eof()

    async def _health(self, request: web.Request) -> web.Response:
        troubles = [trouble for check in self._checks[request.path] if (trouble := check())]
        if not troubles:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="".join(f"{trouble}\n" for trouble in troubles))


def _listen(port: int) -> socket.socket:
    """Take a port on every address, of both families where there are both."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", port))
    except OSError as error:
        raise SettingsError(
            f"--metrics-port {port} cannot be had: {os.strerror(error.errno or 0)}. Give another one, or 0 for none"
        ) from error
