"""
What every imported pool needs beside its source, so that an API server takes it.

A source that worked may say what a pool is refused for, such as a time to
finish that is shorter than a job may take.  What has to give way gives way
here, with the reason; what cannot be known is asked.  The rules themselves
are `queueworkers.api.rules`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from queueworkers.api.quantities import MEGABYTE, parse_quantity
from queueworkers.api.rules import GRACE_MARGIN_SECONDS
from queueworkers.api.spec import QueueWorkerPoolSpec
from queueworkers.frameworks.base import WorkerOptions
from queueworkers.importing.objects import mapping

if TYPE_CHECKING:
    from queueworkers.frameworks.base import Framework
    from queueworkers.importing.document import Draft
    from queueworkers.importing.source import Answers

PLACEHOLDER_IMAGE = "registry.example/application:tag"
PLACEHOLDER_HOST = "redis"

RETRY_MARGIN_SECONDS = 30
"""What a job may be late beyond `timeout` until it is handed out again, where that is guessed."""

UNTIMED_RETRY_SECONDS = 3600
"""The guess where jobs have no limit."""

_OPTIONS = tuple(each.name for each in fields(WorkerOptions))


def settle(draft: Draft, answers: Answers) -> None:
    """
    Make the pool one that can be applied, but for its open questions.

    Raises:
        AssertionError: a field that every source sets is wrong; this is a defect of the translation.
    """
    _settle_image(draft, answers)
    _settle_place(draft, answers)
    _drop_refused(draft)
    _settle_bounds(draft)
    framework = _parsed(draft).framework_declared
    if framework.console:
        _drop_unknown(draft, framework)
        _settle_prefix(draft, answers, framework)
        _settle_times(draft, answers)
    _settle_limit(draft)
    _parsed(draft)


def _settle_image(draft: Draft, answers: Answers) -> None:
    if answers.image is not None:
        draft.say("image", answers.image, "--image")
    elif draft.value("image") is None:
        draft.ask("image", PLACEHOLDER_IMAGE, "the image of the application; --image says it")


def _settle_place(draft: Draft, answers: Answers) -> None:
    if answers.redis_host is not None:
        for path in ("redis.sentinel", "redis.cluster"):
            draft.fields.pop(path, None)
        draft.say("redis.host", answers.redis_host, "--redis-host")
    elif not {"redis.host", "redis.sentinel", "redis.cluster"} & draft.fields.keys():
        draft.ask(
            "redis.host",
            PLACEHOLDER_HOST,
            "where the queues are: host of the Redis connection (REDIS_HOST), as seen from the pods; --redis-host says it",
        )


def _settle_prefix(draft: Draft, answers: Answers, framework: Framework) -> None:
    if answers.redis_prefix is not None:
        draft.say("redis.prefix", answers.redis_prefix, "--redis-prefix")
    elif draft.value("redis.prefix") is None and framework.prefix_hint:
        draft.ask("redis.prefix", "", f"{framework.prefix_hint}; --redis-prefix says it")


def _settle_bounds(draft: Draft) -> None:
    least, most = draft.value("scaling.minReplicas"), draft.value("scaling.maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        draft.amend("scaling.maxReplicas", least, f"it was {most}, below the least")


def _drop_refused(draft: Draft) -> None:
    """Take away the fields whose values a pool cannot have, and ask instead."""
    try:
        QueueWorkerPoolSpec.model_validate(draft.spec())
    except ValidationError as refused:
        for problem in refused.errors(include_url=False, include_context=False, include_input=False):
            path = _path_of(draft, problem["loc"])
            if path is None:
                continue
            said = draft.fields.pop(path)
            source = "; ".join(filter(None, (said.note, said.question))) or path
            says = problem["msg"].removeprefix("Value error, ")
            question = f"{path}: {source} cannot be taken over: {says[0].lower()}{says[1:]}"
            if path in _REQUIRED:
                draft.ask(path, _REQUIRED[path], question)
            else:
                draft.questions.append(question)


_REQUIRED: dict[str, Any] = {
    "image": PLACEHOLDER_IMAGE,
    "queues": ["default"],
    "redis.host": PLACEHOLDER_HOST,
    "redis.sentinel": {"masterName": "mymaster", "nodes": [{"host": "sentinel"}]},
    "redis.cluster": {"nodes": [{"host": PLACEHOLDER_HOST}]},
}


def _path_of(draft: Draft, location: tuple[int | str, ...]) -> str | None:
    """Find the field that a problem is about: it, or what it is a part of."""
    words = [str(part) for part in location]
    paths = (".".join(words[:length]) for length in range(len(words), 0, -1))
    return next((path for path in paths if path in draft.fields), None)


def _drop_unknown(draft: Draft, framework: Framework) -> None:
    """Take away what no version of the framework's worker knows."""
    for option in _OPTIONS:
        path = QueueWorkerPoolSpec.model_fields[option].alias or option
        if path in draft.fields and option not in framework.options_since:
            said = draft.fields.pop(path)
            draft.leave(
                f"{said.note} ({said.value})", f"the worker of {framework.package} has no such option"
            )
    if draft.value("memory") == 0 and framework.unlimited_memory_since is None:
        note = draft.fields.pop("memory").note
        draft.leave(
            f"{note} (0)",
            f"{framework.package} does not take it for no limit: 128 MB, where nothing else is said",
        )
    waits = draft.value("backoff", [])
    if len(waits) > 1 and framework.several_backoffs_since is None:
        draft.leave(
            f"{draft.fields['backoff'].note} {waits}", f"{framework.package} waits equally long each time"
        )
        draft.amend("backoff", waits[:1], "the first one")


def _settle_times(draft: Draft, answers: Answers) -> None:
    spec = _parsed(draft)
    if answers.retry_after is not None:
        draft.say("retryAfter", answers.retry_after, "--retry-after")
    elif spec.retry_after is None:
        default = _parsed(draft).effective_retry_after or 0
        if not spec.timeout:
            draft.ask(
                "retryAfter",
                UNTIMED_RETRY_SECONDS,
                "jobs have no limit: retry_after of the connection in config/queue.php, which has to be longer than any "
                "of them takes; --retry-after says it",
            )
        elif spec.timeout >= default:
            draft.ask(
                "retryAfter",
                spec.timeout + RETRY_MARGIN_SECONDS,
                f"retry_after of the connection in config/queue.php, which has to be above {spec.timeout} s, the timeout; "
                f"{default} s is the default; --retry-after says it",
            )
    _settle_said_retry(draft)
    _settle_sleep(draft)
    _settle_grace(draft)


def _settle_said_retry(draft: Draft) -> None:
    spec = _parsed(draft)
    said = draft.value("retryAfter")
    if said and spec.timeout and spec.timeout >= said:
        draft.ask(
            "retryAfter",
            spec.timeout + RETRY_MARGIN_SECONDS,
            f"retry_after is {said} s, and a job may take {spec.timeout} s: it is handed to a second worker while the first "
            "one is at it.  Raise retry_after in config/queue.php to this, or lower timeout",
        )


def _settle_sleep(draft: Draft) -> None:
    spec = _parsed(draft)
    if spec.timeout and spec.sleep >= spec.timeout:
        why = f"it was {spec.sleep}, not shorter than timeout: an idle worker would kill itself"
        draft.amend("sleep", spec.timeout - 1, why)


def _settle_grace(draft: Draft) -> None:
    spec = _parsed(draft)
    said = spec.grace_period_seconds
    if said is not None and spec.timeout and said < spec.timeout + GRACE_MARGIN_SECONDS:
        note = draft.fields.pop("gracePeriodSeconds").note
        draft.leave(
            f"{note or 'gracePeriodSeconds'} ({said} s)",
            f"a job may take {spec.timeout} s and would be killed; a pool gives timeout and half a minute",
        )


def _settle_limit(draft: Draft) -> None:
    resources = mapping(draft.value("resources"))
    limit = mapping(resources.get("limits")).get("memory")
    memory = _parsed(draft).memory
    size = parse_quantity(str(limit))
    if size is not None and size <= memory * MEGABYTE:
        limits = {key: value for key, value in resources["limits"].items() if key != "memory"}
        kept = {key: value for key, value in {**resources, "limits": limits}.items() if value}
        note = draft.fields.pop("resources").note
        if kept:
            draft.say("resources", kept, note)
        draft.leave(
            f"resources.limits.memory: {limit}",
            f"the kernel would kill a worker before it reaches memory ({memory} MB) and ends itself; a pool gives half as "
            "much again and 64 MB",
        )


def _parsed(draft: Draft) -> QueueWorkerPoolSpec:
    try:
        return QueueWorkerPoolSpec.model_validate(draft.spec())
    except ValidationError as refused:
        raise AssertionError(f"{draft.origin}: {refused.errors(include_input=False)}") from refused
