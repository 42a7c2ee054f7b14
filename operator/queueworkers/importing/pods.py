"""A Deployment's pods as the workers of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from queueworkers.domain.manifests import WORKER_CONTAINER
from queueworkers.importing import advice
from queueworkers.importing.commands import NotAWorker, WorkerCommand, apply_command, parse_command
from queueworkers.importing.environment import is_secret, secret_reference
from queueworkers.importing.objects import Json, mapping, mappings, shown

if TYPE_CHECKING:
    from queueworkers.importing.document import Draft
    from queueworkers.importing.objects import FoundObject

_WORKLOAD = {
    "replicas": "scaling decides",
    "selector": "the operator's own labels select the pods",
    "strategy": "workers are always replaced one after the other; restart.maxSurge says how many at a time",
    "revisionHistoryLimit": "three revisions are kept",
    "progressDeadlineSeconds": "a replacement stops by itself while new workers crash",
    "paused": "restart.rollout: Hold is the same",
}
"""Fields of a Deployment without one in a pool, and what instead."""

_OWN_ANNOTATIONS = ("kubectl.kubernetes.io/restartedAt",)


def worker_container(workload: FoundObject, name: str | None) -> Json:
    """
    Return the container that a pool would run.

    Args:
        workload: A Deployment, or anything else with a pod template.
        name: Which one; the first when not given.

    Raises:
        UnreadableSourceError: there is none.
    """
    containers = mappings(_pod(workload).get("containers"))
    found = next((each for each in containers if name in (None, each.get("name"))), None)
    if found is None:
        raise workload.refuse(f"it has no container {name}" if name else "it has no containers")
    return found


def _pod(workload: FoundObject) -> Json:
    return mapping(mapping(workload.spec.get("template")).get("spec"))


def command_of(container: Json) -> WorkerCommand | NotAWorker:
    """Read the command line of a container, in which ``$(NAME)`` stands for a variable."""
    words = words_of(container)
    if not words:
        return NotAWorker(why="it has none: the image's own starts the worker")
    return parse_command([_expanded(word, container) for word in words])


def words_of(container: Json) -> list[str]:
    """List the words of a container's command line; Kubernetes takes nothing but lists for one."""
    parts = (container.get(name) for name in ("command", "args"))
    return [str(word) for part in parts if isinstance(part, list) for word in part]


def _expanded(word: str, container: Json) -> str:
    for each in mappings(container.get("env")):
        if "value" in each:
            word = word.replace(f"$({each.get('name')})", str(each["value"]))
    return word


def variable(container: Json, name: str) -> Json:
    """Return the entry of an environment variable; empty where the container has none of that name."""
    return next((each for each in mappings(container.get("env")) if each.get("name") == name), {})


def apply_pods(draft: Draft, workload: FoundObject, container: Json) -> None:
    """Say everything about the pods but the worker's command line, which has a meaning of its own."""
    if image := container.get("image"):
        draft.say("image", image, f"of {workload}")
    _apply_environment(draft, container)
    if resources := mapping(container.get("resources")):
        draft.say("resources", resources)
    _apply_template(draft, workload, container)
    for name, value in workload.metadata.items():
        if name in ("labels", "annotations"):
            draft.leave(
                shown(f"{workload.kind} metadata.{name}", value),
                "a pool has its own: add those that somebody selects by",
            )
    for name, value in workload.spec.items():
        if name == "minReadySeconds":
            draft.say("restart.minReadySeconds", value, "minReadySeconds")
        elif name != "template":
            draft.leave(
                shown(f"{workload.kind} {name}", value), _WORKLOAD.get(name, "a pool has nothing like it")
            )


def apply_worker(draft: Draft, command: WorkerCommand) -> None:
    """Say what a container's command line says, whose image is the pool's."""
    apply_command(draft, command, same_image=True)
    if command.environment:
        known = draft.value("env", [])
        before = [{"name": name, "value": value} for name, value in command.environment]
        names = {each["name"] for each in before}
        draft.say("env", [*(each for each in known if each.get("name") not in names), *before])


def _apply_environment(draft: Draft, container: Json) -> None:
    variables: dict[str, Json] = {}
    secrets: list[str] = []
    for each in mappings(container.get("env")):
        name, value = str(each.get("name")), each.get("value")
        if isinstance(value, str) and is_secret(name, value) and "$(" not in value:
            variables[name] = secret_reference(draft, name)
            secrets.append(name)
        else:
            variables[name] = each
    if variables:
        draft.say("env", list(variables.values()))
    if secrets:
        draft.inquire(
            f"env {', '.join(secrets)}",
            advice.secret_to_make(draft),
        )
    if sources := mappings(container.get("envFrom")):
        draft.say("envFrom", sources)


_TAKEN = frozenset({"name", "image", "command", "args", "env", "envFrom", "resources"})
"""Fields of the worker's container that have fields of their own in a pool."""


def _apply_template(draft: Draft, workload: FoundObject, container: Json) -> None:
    template = mapping(workload.spec.get("template"))
    pod = dict(mapping(template.get("spec")))
    worker = {key: value for key, value in container.items() if key not in _TAKEN}
    _leave_hooks(draft, worker)
    others = [each for each in mappings(pod.pop("containers", None)) if each is not container]
    for each in [each for each in others if each.get("name") == WORKER_CONTAINER]:
        others.remove(each)
        draft.inquire(
            f"container {WORKER_CONTAINER}", "that is the worker's own name in a pool: add it under another"
        )
    pod.pop("restartPolicy", None)
    if (grace := pod.pop("terminationGracePeriodSeconds", None)) is not None:
        draft.say("gracePeriodSeconds", grace, "terminationGracePeriodSeconds")
    if "serviceAccountName" in pod:
        # A pool's pods have none where nothing is said, other than those of a Deployment.
        pod.setdefault("automountServiceAccountToken", True)
    containers = [*([{"name": WORKER_CONTAINER, **worker}] if worker else []), *others]
    if containers:
        pod["containers"] = containers
    made: dict[str, Any] = {"metadata": _metadata(draft, mapping(template.get("metadata"))), "spec": pod}
    for part, value in made.items():
        if value:
            draft.say(f"podTemplate.{part}", value)


def _leave_hooks(draft: Draft, worker: Json) -> None:
    lifecycle = dict(mapping(worker.get("lifecycle")))
    if (hook := lifecycle.pop("preStop", None)) is not None:
        draft.leave(shown("lifecycle.preStop", hook), "a pool has one of its own, by which no stop is lost")
        worker.pop("lifecycle")
        if lifecycle:
            worker["lifecycle"] = lifecycle
    if (probe := worker.pop("startupProbe", None)) is not None:
        draft.leave(
            shown("startupProbe", probe),
            "a pool has one of its own, which tells when the worker hears a stop",
        )


def _metadata(draft: Draft, metadata: Json) -> Json:
    kept: Json = {}
    for part in ("labels", "annotations"):
        if values := {
            str(key): str(value)
            for key, value in mapping(metadata.get(part)).items()
            if key not in _OWN_ANNOTATIONS
        }:
            kept[part] = values
    for name, value in metadata.items():
        if name not in ("labels", "annotations", "creationTimestamp"):
            draft.leave(shown(f"template.metadata.{name}", value), advice.NAME)
    return kept
