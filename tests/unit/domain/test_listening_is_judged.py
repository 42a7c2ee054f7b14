"""Whether workers hear a stop is said of the present template, on evidence, and kept where evidence fades."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from apiserver.custom_pools import custom
from queueworkers.api.conditions import ConditionReason, ConditionStatus
from queueworkers.api.status import Condition
from queueworkers.domain.announcements import announce_changes
from queueworkers.domain.listening import COMPLAINTS, is_late, is_prompt, judge_listening, parse_deafness
from queueworkers.frameworks.base import DEAF_WORDS, Deafness
from unit.domain.given import a_pod, a_spec, ago, some_workers, told

if TYPE_CHECKING:
    from queueworkers.domain.workers import WorkerPod

NEW = "the-present-template"
STARTED = ago(100)


def a_probed_pod(boot_seconds: float, *, revision: str = NEW, deafness: Deafness | None = None) -> WorkerPod:
    """A ready pod whose worker took so long."""
    ready_since = STARTED + timedelta(seconds=boot_seconds)
    return a_pod(revision=revision, probed_since=STARTED, ready_since=ready_since, deafness=deafness)


PROMPT = a_probed_pod(1)
LATE = a_probed_pod(31)
DEAF = a_probed_pod(31, deafness=Deafness.PCNTL_MISSING)
BOOTING = replace(PROMPT, ready=False)
UNPROBED = a_pod(revision=NEW)


def said(
    *pods: WorkerPod, previous: Condition | None = None, rollout_since: float | None = None, **fields: str
) -> tuple[str, str]:
    """Judge workers, and return status and reason."""
    since = None if rollout_since is None else ago(rollout_since)
    workers = some_workers(len(pods), pods=pods, revision=NEW, rollout_since=since)
    status, reason, _ = judge_listening(a_spec(**fields), workers, previous=previous)
    return status, reason


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param((), ("Unknown", "NoWorkerSeen"), id="nobody"),
        pytest.param((BOOTING,), ("Unknown", "NoWorkerSeen"), id="booting"),
        pytest.param((PROMPT,), ("True", "Listening"), id="prompt"),
        pytest.param((PROMPT, BOOTING, LATE), ("True", "Listening"), id="one-prompt-among-others"),
        pytest.param((LATE,), ("Unknown", "NoWorkerSeen"), id="late-for-no-known-reason"),
        pytest.param((PROMPT, DEAF), ("False", "PcntlMissing"), id="one-deaf-among-others"),
        pytest.param((UNPROBED,), ("Unknown", "NotProbed"), id="nobody-looks"),
        pytest.param(
            (replace(DEAF, terminating=True), PROMPT), ("True", "Listening"), id="the-deaf-one-leaves"
        ),
        pytest.param(
            (replace(DEAF, revision="old"), PROMPT), ("True", "Listening"), id="deaf-was-the-old-one"
        ),
        pytest.param((replace(PROMPT, revision="old"),), ("Unknown", "NoWorkerSeen"), id="the-old-one-heard"),
    ],
)
def test_the_pods_of_the_present_template_decide(
    pods: tuple[WorkerPod, ...], expected: tuple[str, str]
) -> None:
    """What leaves, or is of another template, says nothing of the workers to come."""
    assert said(*pods) == expected


@pytest.mark.parametrize(
    ("pods", "rollout_since", "kept"),
    [
        pytest.param((LATE,), None, True, id="its-event-has-expired"),
        pytest.param((), None, True, id="no-worker-is-left"),
        pytest.param((LATE,), 500, True, id="said-of-this-template"),
        pytest.param((), 50, False, id="another-template-has-come-since"),
        pytest.param((PROMPT,), None, False, id="a-pod-says-otherwise"),
    ],
)
def test_what_was_said_holds_until_a_pod_or_a_template_comes(
    pods: tuple[WorkerPod, ...],
    rollout_since: float | None,
    kept: bool,  # noqa: FBT001 -- an expectation
) -> None:
    """Events expire after an hour; neither that nor a new operator makes a worker hear."""
    previous = Condition(
        type="StopsGracefully",
        status=ConditionStatus.FALSE,
        reason="PcntlMissing",
        last_transition_time=ago(60),
    )
    assert (said(*pods, previous=previous, rollout_since=rollout_since) == ("False", "PcntlMissing")) is kept


@pytest.mark.parametrize("pods", [(), (UNPROBED,), (BOOTING,)], ids=["none", "ready", "booting"])
def test_of_a_worker_that_only_the_pool_knows_nothing_is_known(pods: tuple[WorkerPod, ...]) -> None:
    """Neither that it will be known, nor that a probe of the user's is in the way of ours."""
    status, reason, message = judge_listening(a_spec(**custom()), some_workers(1, pods=pods), previous=None)
    assert (status, reason) == (ConditionStatus.UNKNOWN, ConditionReason.NOT_PROBED)
    assert "only the pool knows" in message


def test_a_version_that_knows_no_signals_needs_no_look() -> None:
    """It is declared, so it is said at once."""
    expected = ("False", ConditionReason.SIGNALS_UNSUPPORTED)
    assert said(UNPROBED, framework="ThinkPHP", version="2.0.4") == expected
    assert said(PROMPT, framework="ThinkPHP", version="3.0.4") == ("True", "Listening")


@pytest.mark.parametrize(
    ("boot_seconds", "prompt", "late"),
    [
        pytest.param(-5, False, False, id="ready-since-an-earlier-run"),
        pytest.param(0, True, False, id="at-once"),
        pytest.param(25, True, False, id="at-the-last-moment"),
        pytest.param(26, False, True, id="when-the-probe-may-have-given-up"),
    ],
)
def test_a_boot_is_prompt_or_late(boot_seconds: float, prompt: bool, late: bool) -> None:  # noqa: FBT001
    """Within its patience the probe has but one reason to succeed."""
    pod = a_probed_pod(boot_seconds)
    assert (is_prompt(pod), is_late(pod)) == (prompt, late)
    assert not is_prompt(replace(pod, ready=False))


@pytest.mark.parametrize("deafness", Deafness)
def test_every_deafness_is_explained(deafness: Deafness) -> None:
    """It is found in the kubelet's sentence, and has one of ours."""
    assert parse_deafness(f"Startup probe failed: {DEAF_WORDS}: {deafness}") is deafness
    assert COMPLAINTS[deafness].reason == deafness.value


@pytest.mark.parametrize("message", ["Startup probe failed: ", f"{DEAF_WORDS}: SomethingNew", ""])
def test_other_words_are_no_complaint(message: str) -> None:
    """A container that ends cuts its probe off, which is told in the same way."""
    assert parse_deafness(message) is None


def test_deafness_is_an_event_once() -> None:
    """When it begins, and not again while it lasts."""
    deaf = told(workers=some_workers(1, pods=(DEAF,), revision=NEW))
    (event,) = announce_changes(told(), deaf)
    assert (event.warning, event.reason) == (True, "PcntlMissing")
    assert "docker-php-ext-install pcntl" in event.note
    assert not announce_changes(deaf, deaf)
