"""Passwords are where the pool says, and change when nobody says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.errors import ApiServerError
from unit.engine.observed import Observed, ready
from unit.engine.virtual_time import virtually

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Reading


def test_a_changed_password_is_used_within_half_a_minute() -> None:
    """Nobody tells the operator that a Secret was changed."""

    async def scenario() -> list[str]:
        async with Observed(auth="old").running() as it:
            it.follow("a", secret="auth")
            await asyncio.sleep(5)
            it.secrets.values["auth"] = {"password": b"new\n"}
            await asyncio.sleep(31)
            assert {namespace for _, namespace, _ in it.secrets.asked} == {"shop"}
            return list(it.redis.open)

    assert virtually(scenario()) == ["redis.one new"]


def test_another_password_is_another_connection() -> None:
    """A connection speaks as one user."""

    async def scenario() -> list[str]:
        async with Observed(one="1", two="2").running() as it:
            it.follow("a", secret="one")
            it.follow("b", secret="two")
            it.follow("c", secret="two")
            await asyncio.sleep(2)
            return sorted(it.redis.open)

    assert virtually(scenario()) == ["redis.one 1", "redis.one 2"]


def test_a_missing_secret_is_a_backlog_that_is_not_known() -> None:
    """It is looked for again, and its later absence is noticed too."""

    async def scenario() -> list[Reading | None]:
        async with Observed().running() as it:
            readings = [it.follow("a", secret="auth")]
            for values in ({}, {"password": b"x"}, {"other": b"x"}):
                if values:
                    it.secrets.values["auth"] = values
                await asyncio.sleep(31)
                readings.append(it.follow("a", secret="auth"))
            assert it.redis.open == []
            return readings

    first, missing, there, wrong = virtually(scenario())

    assert first is None
    assert isinstance(missing, UnknownBacklog)
    assert missing.reason == "SecretNotFound"
    assert ready(there) == 0
    assert isinstance(wrong, UnknownBacklog)
    assert wrong.reason == "SecretKeyNotFound"


FORBIDDEN = ApiServerError(verb="get", path="/secrets/auth", status=403, message="not allowed")


def test_a_secret_that_may_not_be_read_is_told() -> None:
    """A pool must not wait in silence for what the API server refuses."""

    async def scenario() -> tuple[Reading | None, Reading | None]:
        async with Observed(auth="x").running() as it:
            it.secrets.error = FORBIDDEN
            it.follow("a", secret="auth")
            await asyncio.sleep(1)
            refused = it.follow("a", secret="auth")
            it.secrets.error = None
            await asyncio.sleep(6)
            return refused, it.follow("a", secret="auth")

    refused, allowed = virtually(scenario())

    assert isinstance(refused, UnknownBacklog)
    assert refused.reason == "SecretNotReadable"
    assert "not allowed" in refused.message
    assert ready(allowed) == 0


def test_an_api_server_that_is_away_ends_no_reading() -> None:
    """The password that was read before is still the password."""

    async def scenario() -> tuple[int, list[Any]]:
        async with Observed(auth="x").running() as it:
            it.follow("a", secret="auth")
            await asyncio.sleep(5)
            it.secrets.error = FORBIDDEN
            it.redis.ready["redis.one"] = 3
            await asyncio.sleep(120)
            return ready(it.follow("a", secret="auth")), it.told

    waiting, told = virtually(scenario())

    assert waiting == 3
    assert len(told) == 2
