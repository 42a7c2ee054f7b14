"""KEDA's ScaledObjects on Redis lists, with their Deployments, as pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.frameworks import FRAMEWORKS
from queueworkers.importing.commands import NotAWorker, apply_number
from queueworkers.importing.document import Draft, Imported, name_of
from queueworkers.importing.keda_redis import KINDS, Trigger, apply_place, identify_list
from queueworkers.importing.objects import FoundObject, Json, find, mapping, mappings, parse_objects, shown
from queueworkers.importing.pods import apply_pods, apply_worker, command_of, words_of, worker_container
from queueworkers.importing.settling import settle
from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.importing.keda_redis import KnownList
    from queueworkers.importing.source import Answers, Source

_LEAST, _MOST, _LENGTH = 0, 100, 5
"""What KEDA has where nothing is said of ``minReplicaCount``, ``maxReplicaCount`` and ``listLength``."""

_CUSTOM = next(each.name for each in FRAMEWORKS.values() if not each.console)

_PAUSED = "autoscaling.keda.sh/paused"
_PAUSED_AT = "autoscaling.keda.sh/paused-replicas"

_LEFT = {
    "idleReplicaCount": "scaling.minReplicas: 0 lets an idle pool rest without any worker",
    "initialCooldownPeriod": "scaling.cooldownSeconds counts from the last job on",
    "fallback": "the workers stay as they are while the backlog is not known",
    "restoreToOriginalReplicaCount": "there is no number that was there before",
    "scalingModifiers": "a pool counts its own queues only",
}
"""Fields of a ScaledObject without one in a pool, and what instead."""

_OTHER_TRIGGERS = {
    "cron": "scaling.schedules has other bounds at certain times: start and end as here, timezone as timeZone, desiredReplicas "
    "as minReplicas",
    "cpu": "a pool goes by its backlog: a worker that is busy says nothing about jobs that wait",
    "memory": "a pool goes by its backlog; memory ends a worker that has too much",
}
_OTHER_TRIGGER = "a pool goes by its queues in Redis only"


def import_keda(sources: Sequence[Source], answers: Answers) -> Imported:
    """
    Make pools of ScaledObjects and what they scale, all from the same files.

    Raises:
        UnreadableSourceError: a file is no YAML, or none has a ScaledObject on a Redis list.
    """
    objects = [each for source in sources for each in parse_objects(source)]
    pools: list[Draft] = []
    remarks: list[str] = []
    used: list[FoundObject] = []
    for scaled in objects:
        if scaled.kind != "ScaledObject":
            continue
        used.append(scaled)
        triggers = [
            Trigger(number, each, scaled) for number, each in enumerate(mappings(scaled.spec.get("triggers")))
        ]
        if not any(each.kind in KINDS for each in triggers):
            kinds = ", ".join(each.kind for each in triggers) or "none at all"
            remarks.append(f"{scaled}: no pool, as no trigger is a Redis list ({kinds})")
            continue
        draft, beside = _import_scaled(scaled, triggers, objects, [each.name for each in pools])
        used += beside
        settle(draft, answers)
        pools.append(draft)
    if not pools:
        why = "".join(f"; {each}" for each in remarks[:3])
        problem = f"there is no ScaledObject with a trigger of type redis here{why}"
        raise UnreadableSourceError(file=sources[0].name, line=None, problem=problem)
    remarks += [_remark(each) for each in objects if each not in used]
    return Imported(pools=tuple(pools), remarks=tuple(remarks))


def _remark(found: FoundObject) -> str:
    if found.kind == "ScaledJob":
        return f"{found}: no pool, as each of its Jobs ends, and a pool's workers go on: give its image and command in a Deployment"
    return f"{found}: not touched, and needed or not as before"


def _import_scaled(
    scaled: FoundObject, triggers: Sequence[Trigger], objects: Sequence[FoundObject], names: Sequence[str]
) -> tuple[Draft, list[FoundObject]]:
    target = mapping(scaled.spec.get("scaleTargetRef"))
    kind, name = str(target.get("kind") or "Deployment"), str(target.get("name") or "")
    namespace = scaled.metadata.get("namespace")
    workload = find(objects, kind, name, namespace=namespace)
    draft = Draft(name=name_of(name or scaled.name, taken=names), origin=str(scaled), namespace=namespace)
    if workload is None:
        container: Json = {}
        draft.inquire(
            f"scaleTargetRef {kind} {name}",
            "it is in none of the files: give it too, or its command line and pods by hand",
        )
    else:
        container = worker_container(workload, target.get("envSourceContainerName"))
        apply_pods(draft, workload, container)
    draft.labels.update(
        {str(key): str(value) for key, value in mapping(scaled.metadata.get("labels")).items()}
    )
    lists = [each for each in triggers if each.kind in KINDS]
    _apply_workers(draft, container, lists)
    used = [each for each in (workload,) if each is not None]
    for number, trigger in enumerate(lists):
        used += apply_place(draft, trigger, container, objects, first=number == 0)
    _apply_lengths(draft, lists)
    _apply_scaling(draft, scaled)
    for trigger in triggers:
        if trigger.kind not in KINDS:
            draft.leave(
                shown(f"{trigger.where} {trigger.kind}", trigger.shown_metadata),
                _OTHER_TRIGGERS.get(trigger.kind, _OTHER_TRIGGER),
            )
        trigger.leave_rest(draft)
    draft.leave(
        f"{scaled.kind} {scaled.name}",
        "delete it before the pool is applied, and what it scales as well, or both do the work",
    )
    return draft, used


def _apply_workers(draft: Draft, container: Json, triggers: Sequence[Trigger]) -> None:
    """Say what the workers run: by their command line, or else by what their lists are called."""
    command = command_of(container)
    known = None if isinstance(command, NotAWorker) else command.framework
    lists = [identify_list(each.take("listName"), known) for each in triggers]
    identified = [each for each in lists if each is not None]
    if not isinstance(command, NotAWorker):
        apply_worker(draft, command)
        if command.flag("--queue") is None and identified:
            draft.say("queues", list(dict.fromkeys(each.queue for each in identified)), "listName")
        _compare_queues(draft, identified)
    elif identified:
        draft.say("framework", identified[0].framework.name, "by its listName")
        draft.say("queues", list(dict.fromkeys(each.queue for each in identified)), "listName")
        draft.inquire(
            shown("command", words_of(container)),
            f"{command.why}: say in tries, timeout, memory and so on what the worker's flags were, and in command how "
            "the console is run where it is not as usual",
        )
    else:
        _apply_custom(draft, container, triggers)
        return
    _apply_layout(draft, identified)
    for each, trigger in zip(lists, triggers, strict=True):
        if each is None:
            draft.leave(
                f"{trigger.where} listName {trigger.metadata.get('listName')}",
                "no queue of this framework is stored so",
            )


def _compare_queues(draft: Draft, lists: Sequence[KnownList]) -> None:
    served, counted = draft.value("queues"), [each.queue for each in lists]
    for queue in dict.fromkeys(counted):
        if queue not in served:
            draft.leave(f"listName of {queue}", "the workers do not serve this queue, by their --queue")
    if missing := [queue for queue in served if queue not in counted]:
        draft.leave("--queue", f"{', '.join(missing)} had no trigger, and counts now")


def _apply_layout(draft: Draft, lists: Sequence[KnownList]) -> None:
    prefixes = list(dict.fromkeys(each.prefix for each in lists))
    if prefixes:
        draft.say("redis.prefix", prefixes[0], "the beginning of listName")
    if len(prefixes) > 1:
        draft.inquire(
            "listName",
            f"the lists begin with {' and '.join(prefixes)}, and a pool has one prefix: make a pool of each",
        )
    old = next((each for each in lists if each.old_version), None)
    if old is not None:
        draft.ask(
            "version",
            old.old_version,
            f"the list has the name that {old.framework.package} gave it up to this version: which one is installed?",
        )


def _apply_custom(draft: Draft, container: Json, triggers: Sequence[Trigger]) -> None:
    """Declare lists of no framework that pools know, with the whole command line of their workers."""
    names = [str(each.metadata.get("listName") or "") for each in triggers]
    draft.say("framework", _CUSTOM, "none that pools know stores its queues so")
    if words := words_of(container):
        draft.say("command", words)
    else:
        draft.ask("command", ["worker"], "the whole command line of the worker")
    draft.say("queues", list(dict.fromkeys(filter(None, names))), "listName")
    draft.say("custom.keys", [{"key": "$(queue)", "type": "List", "jobs": "Ready"}])
    draft.inquire(
        "custom.keys",
        "which other keys hold jobs, delayed ones and those in hand? docs/frameworks/custom.md has examples",
    )


def _apply_lengths(draft: Draft, triggers: Sequence[Trigger]) -> None:
    said = [each.take("listLength") for each in triggers]
    lengths = [int(each) for each in said if each is not None and each.isdigit()]
    note = "listLength" if any(said) else "listLength is 5 when not given"
    if len(set(lengths)) > 1:
        note = (
            f"listLength, the smallest of {', '.join(map(str, lengths))}: a pool counts its queues together"
        )
    draft.say("scaling.backlogPerWorker", min(lengths, default=_LENGTH), note)
    for each in said:
        if each is not None and not each.isdigit():
            draft.inquire(f"listLength {each}", "this is no whole number: what is scaling.backlogPerWorker?")


_NUMBERS = {"pollingInterval": "scaling.pollingIntervalSeconds", "cooldownPeriod": "scaling.cooldownSeconds"}


def _apply_scaling(draft: Draft, scaled: FoundObject) -> None:
    rest = dict(scaled.spec)
    for name in ("scaleTargetRef", "triggers"):
        rest.pop(name, None)
    draft.say("scaling.minReplicas", _LEAST, "minReplicaCount is 0 when not given")
    draft.say("scaling.maxReplicas", _MOST, "maxReplicaCount is 100 when not given")
    for name, path in {
        "minReplicaCount": "scaling.minReplicas",
        "maxReplicaCount": "scaling.maxReplicas",
        **_NUMBERS,
    }.items():
        if (value := rest.pop(name, None)) is not None:
            apply_number(draft, path, str(value), source=name)
    advanced = dict(mapping(rest.pop("advanced", None)))
    autoscaler = dict(mapping(advanced.pop("horizontalPodAutoscalerConfig", None)))
    for way, rules in mapping(autoscaler.pop("behavior", None)).items():
        if way in ("scaleUp", "scaleDown"):
            _apply_behavior(draft, way, mapping(rules))
        else:
            draft.leave(shown(f"behavior.{way}", rules), "an autoscaler has scaleUp and scaleDown only")
    for name, value in {**rest, **advanced, **autoscaler}.items():
        draft.leave(shown(name, value), _LEFT.get(name, "a pool has nothing like it"))
    _apply_annotations(draft, mapping(scaled.metadata.get("annotations")))


def _apply_behavior(draft: Draft, way: str, rules: Json) -> None:
    for name, value in rules.items():
        if name in ("stabilizationWindowSeconds", "policies", "selectPolicy"):
            draft.say(f"scaling.behavior.{way}.{name}", value)
        else:
            draft.leave(shown(f"behavior.{way}.{name}", value), "a pool has no such rule")


def _apply_annotations(draft: Draft, annotations: Json) -> None:
    for name, value in annotations.items():
        if name == _PAUSED_AT and str(value).isdigit():
            draft.say("scaling.mode", "Manual", name)
            draft.say("scaling.replicas", int(value), name)
        elif name == _PAUSED:
            draft.leave(f"{name}: {value}", "scaling.mode: Recommend leaves the number of workers as it is")
        elif name != "kubectl.kubernetes.io/last-applied-configuration":
            draft.leave(shown(f"annotation {name}", value), "it is about the ScaledObject")
