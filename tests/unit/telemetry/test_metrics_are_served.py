"""Over HTTP, from a thread of its own, compressed where it is asked for, and also while the loop is stuck."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from queueworkers.errors import SettingsError
from queueworkers.telemetry.server import TelemetryServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = ("# HELP a b\n", "a 1\n" * 5000, "c 2\n")


def pages(_now: float) -> Iterator[str]:
    """Some slices."""
    yield from PAGES


def get(server: TelemetryServer, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Ask as anybody would, from a thread that blocks."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_a_scrape_has_every_slice_in_order() -> None:
    """In the text format, plain and compressed."""
    with TelemetryServer(0, pages=pages, live=(), ready=()) as server:
        status, plain, headers = get(server, "/metrics")
        _, packed, packed_headers = get(server, "/metrics", **{"Accept-Encoding": "gzip"})

    assert (status, plain.decode()) == (200, "".join(PAGES))
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert packed_headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 10


def test_whoever_does_not_read_keeps_nobody_from_the_metrics(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Their scrape is broken off, cannot be taken for a whole one, and is no trouble of the operator's."""
    monkeypatch.setattr("queueworkers.telemetry.server.SCRAPE_SECONDS", 0.5)
    begun = threading.Event()

    def first_very_many(now: float) -> Iterator[str]:
        if begun.is_set():
            yield from pages(now)
            return
        begun.set()
        yield from ("a 1\n" * 10_000 for _ in range(1000))

    with (
        TelemetryServer(0, pages=first_very_many, live=(), ready=()) as server,
        socket.create_connection(("127.0.0.1", server.port)) as idle,
    ):
        idle.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert begun.wait(5)
        assert get(server, "/metrics")[1].decode() == "".join(PAGES)
        idle.settimeout(5)
        received = b"".join(iter(lambda: idle.recv(1 << 20), b""))

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert not received.endswith(b"0\r\n\r\n"), "the last chunk is missing, so it is no whole answer"
    assert caplog.messages == []


def test_health_is_ok_or_says_all_that_is_wrong() -> None:
    """Each of the two paths has checks of its own."""
    wrong = ["the event loop is stuck since 31 s", None, "pods are silent"]
    live = [lambda trouble=trouble: trouble for trouble in wrong]
    with TelemetryServer(0, pages=pages, live=live, ready=(lambda: None,)) as server:
        assert get(server, "/healthz")[:2] == (503, b"the event loop is stuck since 31 s\npods are silent\n")
        assert get(server, "/readyz")[:2] == (200, b"ok\n")
        assert get(server, "/")[0] == 404


async def test_it_answers_while_the_loop_is_stuck() -> None:
    """The test itself blocks the loop that it runs in."""
    with TelemetryServer(0, pages=pages, live=(), ready=()) as server:
        began = time.monotonic()
        assert get(server, "/metrics")[0] == 200
        assert get(server, "/healthz")[0] == 200
        assert time.monotonic() - began < 5


def test_a_port_that_is_taken_is_told() -> None:
    """With the flag that names another one."""
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingsError,
            match=rf"^--metrics-port {port} cannot be had: Address already in use\. Give another one, or 0 for none$",
        ):
            TelemetryServer(port, pages=pages, live=(), ready=())


def test_the_port_is_free_again_afterwards() -> None:
    """Nothing of it stays behind."""
    with TelemetryServer(0, pages=pages, live=(), ready=()) as server:
        port = server.port
    with TelemetryServer(port, pages=pages, live=(), ready=()) as again:
        assert get(again, "/healthz")[0] == 200
