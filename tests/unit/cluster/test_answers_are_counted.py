"""Every answer of an API server is told with its verb, status and seconds, and so is that there was none."""

from __future__ import annotations

import pytest
from aiohttp import web
from kubernetes.aio import client

from queueworkers.cluster.client import KubernetesApi
from queueworkers.errors import ApiServerError, NotFoundError

ANSWERS = {
    "/there": (200, "{}"),
    "/gone": (404, '{"message": "not found"}'),
}


async def answer(request: web.Request) -> web.Response:
    """Answer as an API server."""
    status, text = ANSWERS[request.path]
    return web.Response(status=status, text=text, content_type="application/json")


async def test_answers_are_told() -> None:
    """Successes, refusals, and a server that is away."""
    application = web.Application()
    application.router.add_get("/{path}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    told: list[tuple[str, int, float]] = []
    configuration = client.Configuration(host=f"http://127.0.0.1:{port}")
    api = KubernetesApi(
        configuration, user_agent="test", max_in_flight=4, answered=lambda *facts: told.append(facts)
    )
    try:
        await api.get("/there")
        with pytest.raises(NotFoundError):
            await api.get("/gone")
        await runner.cleanup()
        with pytest.raises(ApiServerError):
            await api.get("/there")
    finally:
        await api.close()
        await runner.cleanup()

    assert [(verb, status) for verb, status, _ in told] == [("get", 200), ("get", 404), ("get", 0)]
    assert all(0 <= seconds < 5 for _, _, seconds in told)
