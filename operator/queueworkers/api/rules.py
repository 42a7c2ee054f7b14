"""
What the fields of a pool must be to each other, checked by the API server.

Each rule is a CEL expression with the sentence that a person reads when it is
broken: what is wrong, in numbers, and what to change.  They stand beside the
fields' own bounds (`queueworkers.api.spec`) and become part of the CRD.

Bounds are what makes CEL affordable: the API server refuses a CRD whose rules
could cost too much, so every list and text has a greatest length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from queueworkers.api.spec import VERSION_PATTERN, QueueWorkerPoolSpec
from queueworkers.frameworks import FRAMEWORKS
from queueworkers.frameworks.base import ALWAYS, AfterCrash, WorkerOptions, spell_version
from queueworkers.frameworks.custom import QUEUE
from queueworkers.frameworks.php import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.frameworks.base import ByVersion, Framework, Version

GRACE_MARGIN_SECONDS = 5
"""The least that must be left beyond the longest job for the worker to finish the job and itself."""

MAX_NAME_LENGTH = 50
"""Pods add `-<10>-<5>` to the Deployment's name, and their names end as labels of 63 characters at most."""


def cel_text(text: str) -> str:
    """Spell *text* as a CEL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that must hold."""

    at: str
    """Where: the path of an object in the schema, such as ``spec.scaling``; empty for the whole pool."""
    holds: str
    """What: a CEL expression over ``self``, the object at *at*."""
    says: str
    """What to tell a person when it does not hold.  ``<<expression>>`` stands for the value of that CEL."""
    field: str | None = None
    """Which field of ``self`` to name as the wrong one; ``self`` where not given."""
    reason: str = "FieldValueInvalid"
    """``FieldValueDuplicate`` is none of ours: with it the API server leaves the sentence out."""

    @classmethod
    def matching(cls, pattern: str, *, says: str) -> Rule:
        """Demand that a text matches *pattern*; the place is where the text's schema is."""
        return cls(at="", holds=f"self.matches({cel_text(pattern)})", says=says)

    def as_validation(self) -> dict[str, Any]:
        """Spell the rule as an item of ``x-kubernetes-validations``."""
        validation = {"rule": self.holds, "reason": self.reason}
        if self.field is not None:
            validation["fieldPath"] = f".{self.field}"
        slots = re.findall(r"<<(.*?)>>", self.says)
        if not slots:
            return {**validation, "message": self.says}
        # `format` rather than `+`: the cost of joining numbers counts as boundless.
        sentence = re.sub(r"<<.*?>>", "%s", self.says.replace("%", "%%"))
        return {**validation, "messageExpression": f"{cel_text(sentence)}.format([{', '.join(slots)}])"}


SHORT_NAME = Rule(
    at="",
    field="metadata.name",
    holds=f"size(self.metadata.name) <= {MAX_NAME_LENGTH}",
    says="metadata.name has <<size(self.metadata.name)>> characters, and the names of the worker pods are made "
    f"from it: use at most {MAX_NAME_LENGTH}",
)

KNOWN = tuple(each for each in FRAMEWORKS.values() if each.options_since)
"""Frameworks of which the worker's options are known."""

BARE = tuple(each for each in FRAMEWORKS.values() if not each.options_since)
"""The others: the pool itself says all that is known."""

_IS_BARE = f"(self.framework in {[each.name for each in BARE]})"

# --- what the declared version knows ---


def before(since: Version) -> str:
    """
    Spell in CEL that the declared version is older than *since*; without one it is the newest.

    CEL compares texts letter by letter, so the first three numbers become one.
    """
    major, minor, patch = (*since, 0, 0, 0)[:3]
    return (
        f"has(self.version) && self.version.matches({cel_text(VERSION_PATTERN)}) && "
        "[(self.version + '.0.0').split('.')].exists(part, "
        "(int(part[0]) * 1000000 + int(part[1])) * 1000000 + int(part[2]) "
        f"< {(major * 1_000_000 + minor) * 1_000_000 + patch})"
    )


def lacks(framework: Framework, since: Version | None) -> str:
    """Spell in CEL that the pool is of a *framework*, in a version without what came *since*."""
    of_it = f"self.framework == '{framework.name}'"
    if since == ALWAYS:
        return "false"
    return of_it if since is None else f"({of_it} && {before(since)})"


def by_version(framework: Framework, fact: ByVersion[int]) -> str:
    """Spell in CEL what a *fact* about a *framework* is in the declared version."""
    spelled = str(fact.first)
    for since, changed in fact.changes:
        spelled = f"({before(since)} ? {spelled} : {changed})"
    return f"'{framework.name}': {spelled}"


_UNTIMED = " || ".join(
    ("self.timeout == 0", *(lacks(each, each.options_since.get("timeout")) for each in KNOWN))
)
"""Nothing ends a job that takes long: there is no `timeout`, or the worker has never heard of one."""

# --- how the worker runs ---

SLEEP_BELOW_TIMEOUT = Rule(
    at="spec",
    field="sleep",
    holds=f"{_IS_BARE} || {_UNTIMED} || self.sleep < self.timeout",
    says="sleep (<<self.sleep>> s) must be shorter than timeout (<<self.timeout>> s), or a worker that finds no job "
    "runs into the timeout while it sleeps and kills itself: lower sleep or raise timeout",
)

TIMEOUT_BELOW_RETRY_AFTER = Rule(
    at="spec",
    field="timeout",
    holds=f"{_IS_BARE} || !has(self.retryAfter) || self.retryAfter == 0 || {_UNTIMED} || self.timeout < self.retryAfter",
    says="timeout (<<self.timeout>> s) must be shorter than retryAfter (<<self.retryAfter>> s), or a job that still "
    "runs is handed to a second worker: lower timeout, or raise retry_after in the application's "
    "config/queue.php and retryAfter with it",
)

_DEFAULTS = ", ".join(
    by_version(each, each.default_retry_after) for each in KNOWN if each.default_retry_after
)
_DEFAULT_RETRY_AFTER = f"{{{_DEFAULTS}}}[self.framework]"

TIMEOUT_BELOW_DEFAULT_RETRY_AFTER = Rule(
    at="spec",
    field="timeout",
    holds=f"{_IS_BARE} || has(self.retryAfter) || {_UNTIMED} || self.timeout < {_DEFAULT_RETRY_AFTER}",
    says="timeout (<<self.timeout>> s) must be shorter than the retry_after of the queue connection, which is "
    f"<<{_DEFAULT_RETRY_AFTER}>> s by default in <<self.framework>>, or a job that still runs is handed to a "
    "second worker: lower timeout, or raise retry_after in the application's config/queue.php and say so in "
    "retryAfter",
)

NO_TIMEOUT_SAYS_RETRY_AFTER = Rule(
    at="spec",
    field="retryAfter",
    reason="FieldValueRequired",
    holds=f"{_IS_BARE} || self.timeout != 0 || has(self.retryAfter)",
    says="timeout 0 lets a job run without limit, yet after retry_after ("
    f"<<{_DEFAULT_RETRY_AFTER}>> s by default in <<self.framework>>) it is handed to a second worker: give a "
    "timeout, or raise retry_after in the application's config/queue.php above your longest job and say so in "
    "retryAfter",
)

GRACE_COVERS_TIMEOUT = Rule(
    at="spec",
    field="gracePeriodSeconds",
    holds=f"!has(self.gracePeriodSeconds) || {_UNTIMED} || "
    f"self.gracePeriodSeconds >= self.timeout + {GRACE_MARGIN_SECONDS}",
    says="gracePeriodSeconds (<<self.gracePeriodSeconds>> s) must be at least "
    f"<<self.timeout + {GRACE_MARGIN_SECONDS}>> s, which is timeout and {GRACE_MARGIN_SECONDS} s, or a worker is "
    "killed in the middle of a job: raise gracePeriodSeconds, remove it, or lower timeout",
)

_POD_GRACE = "self.podTemplate.spec.terminationGracePeriodSeconds"
_HAS_POD_GRACE = f"has(self.podTemplate) && has(self.podTemplate.spec) && has({_POD_GRACE})"

POD_GRACE_COVERS_TIMEOUT = Rule(
    at="spec",
    field="podTemplate.spec.terminationGracePeriodSeconds",
    holds=f"!({_HAS_POD_GRACE}) || {_UNTIMED} || {_POD_GRACE} >= self.timeout + {GRACE_MARGIN_SECONDS}",
    says=f"terminationGracePeriodSeconds (<<{_POD_GRACE}>> s) must be at least "
    f"<<self.timeout + {GRACE_MARGIN_SECONDS}>> s, which is timeout and {GRACE_MARGIN_SECONDS} s, or a worker is "
    "killed in the middle of a job: raise it, remove it, or lower timeout",
)

ONE_GRACE = Rule(
    at="spec",
    field="gracePeriodSeconds",
    holds=f"!has(self.gracePeriodSeconds) || !({_HAS_POD_GRACE})",
    says="gracePeriodSeconds (<<self.gracePeriodSeconds>> s) and podTemplate.spec.terminationGracePeriodSeconds "
    f"(<<{_POD_GRACE}>> s) say the same thing twice: remove one of them",
)

EACH_QUEUE_ONCE = Rule(
    at="spec.queues",
    holds="self.all(queue, self.exists_one(other, other == queue))",
    says="a queue is named twice: remove one of the two, as the order of queues is the order of their urgency",
)

_LIMIT = "self.resources.limits.memory"

MEMORY_BELOW_LIMIT = Rule(
    at="spec",
    field="memory",
    holds=f"{_IS_BARE} || !has(self.resources) || !has(self.resources.limits) || !has({_LIMIT}) || "
    f"(type({_LIMIT}) == int ? double({_LIMIT}) : isQuantity({_LIMIT}) ? quantity({_LIMIT}).asApproximateFloat() : "
    "double('Infinity')) > double(self.memory) * 1048576.0",
    says="memory (<<self.memory>> MB) must be below resources.limits.memory (<<self.resources.limits.memory>>), or "
    "the kernel kills a worker in the middle of a job before the worker ends itself after one: lower memory or "
    "raise the limit",
)

COMMAND_BEFORE_QUEUE_WORK = Rule(
    at="spec",
    field="command",
    holds=f"!has(self.command) || {_IS_BARE} || !self.command.exists(word, "
    "['queue:work', 'queue:listen', '--once', '--stop-when-empty'].exists(said, word.contains(said)))",
    says="command is what stands before queue:work, such as [php, artisan]: remove queue:work or queue:listen and its "
    "flags there, as both follow from the pool; --once and --stop-when-empty are none of them, as a worker that ends "
    "whenever its queue is empty or paused is started again and again",
    reason="FieldValueForbidden",
)

# --- the pods ---

_POD_SPEC = "spec.podTemplate.spec"

ALWAYS_STARTED_AGAIN = Rule(
    at=_POD_SPEC,
    field="restartPolicy",
    holds="!has(self.restartPolicy) || self.restartPolicy == 'Always'",
    says="restartPolicy must be Always, not <<self.restartPolicy>>: a worker ends by design, for memory, jobs or "
    "time, and is started again; remove restartPolicy",
)

WORKER_CONTAINER_KEEPS_ITS_COMMAND = Rule(
    at=_POD_SPEC,
    field="containers",
    holds="!has(self.containers) || self.containers.all(each, each.name != 'worker' || "
    "!(has(each.image) || has(each.command) || has(each.args)))",
    says="the container worker gets its image and command line from the pool: remove image, command and args "
    "there, and use spec.image, spec.command and the worker's options",
    reason="FieldValueForbidden",
)

OWN_LABELS = Rule(
    at="spec.podTemplate.metadata",
    field="labels",
    holds="!has(self.labels) || self.labels.all(key, !key.startsWith('queueworkers.io/'))",
    says="labels that begin with queueworkers.io/ are the operator's own, by which it finds the workers: remove "
    "them, or choose another prefix",
    reason="FieldValueForbidden",
)

# --- the source ---

A_PLACE = Rule(
    at="spec.redis",
    field="host",
    reason="FieldValueRequired",
    holds="has(self.host) || has(self.sentinel) || has(self.cluster)",
    says="nothing says where the queues are: give host for a standalone Redis or a managed one, sentinel for one that "
    "Sentinels watch, or cluster for a Redis Cluster",
)

ONE_PLACE = Rule(
    at="spec.redis",
    reason="FieldValueForbidden",
    holds="[has(self.host), has(self.sentinel), has(self.cluster)].filter(given, given).size() <= 1",
    says="host, sentinel and cluster are three kinds of places, and the queues are in one: keep the one that the "
    "application's own configuration has, and remove the others",
)

PORT_OF_A_HOST = Rule(
    at="spec.redis",
    field="port",
    reason="FieldValueForbidden",
    holds="!has(self.port) || has(self.host)",
    says="port belongs to host: give the ports of Sentinels and of a cluster's nodes in their nodes, and remove port",
)

NO_DATABASES_ON_A_CLUSTER = Rule(
    at="spec.redis",
    field="database",
    holds="!has(self.cluster) || self.database == 0",
    says="a Redis Cluster has no database <<self.database>>, only 0: remove database",
)

USER_HAS_PASSWORD = Rule(
    at="spec.redis",
    field="passwordSecretRef",
    holds="!has(self.username) || has(self.passwordSecretRef)",
    says="username <<self.username>> needs a password: name the Secret that holds it in passwordSecretRef, or remove "
    "username to read as the default user",
    reason="FieldValueRequired",
)

SENTINELS_USER_HAS_PASSWORD = replace(USER_HAS_PASSWORD, at="spec.redis.sentinel")

INSECURE_NEEDS_NO_AUTHORITY = Rule(
    at="spec.redis.tls",
    field="verify",
    holds="self.verify != 'Insecure' || !has(self.caSecretRef)",
    says="verify Insecure checks nothing, so the authority in caSecretRef would not be used: set verify to Full or "
    "CertificateOnly, or remove caSecretRef",
)

# --- when they are replaced ---

_RFC3339 = r"^20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$"

RESTART_AT_A_MOMENT = Rule(
    at="spec.restart",
    field="at",
    # The conversion refuses days that no month has; before 2000 there is nothing to restart.
    holds=f"!has(self.at) || (self.at.matches({cel_text(_RFC3339)}) && "
    "timestamp(self.at) >= timestamp('2000-01-01T00:00:00Z'))",
    says="at is a moment with its time zone in RFC 3339, such as 2026-11-23T09:30:00Z or 2026-11-23T17:30:00+08:00: "
    "write it so, in quotes",
)

KNOWN_TIME_ZONE = Rule(
    at="spec.restart.timeZone",
    # A name that is not known is an error, of which the sentence becomes a part.
    # `Local` is known: it means that of the API server, whichever that is.
    holds="self != 'Local' && timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0",
    says="timeZone is not in the time zone database: give a name such as Europe/Berlin",
)

KNOWN_TIME_ZONES = replace(KNOWN_TIME_ZONE, at="spec.scaling.schedules.[].timeZone")

# --- queues that the pool declares itself ---


def bare_rules(framework: Framework) -> Iterator[Rule]:
    """Demand what only the pool can say, and refuse what would do nothing."""
    of_it = f"self.framework == '{framework.name}'"
    yield Rule(
        at="spec",
        field="command",
        reason="FieldValueRequired",
        holds=f"!({of_it}) || has(self.command)",
        says=f"{framework.name} has no command line of its own: give the whole one in command, such as [node, worker.js]",
    )
    yield Rule(
        at="spec",
        field="custom",
        reason="FieldValueRequired",
        holds=f"!({of_it}) || has(self.custom)",
        says=f"{framework.name} does not know how the queues are stored: name their keys in custom.keys",
    )
    yield Rule(
        at="spec",
        field="restart.afterCrash",
        reason="FieldValueForbidden",
        holds=f"!({of_it}) || !has(self.restart) || self.restart.afterCrash == '{AfterCrash.BACK_OFF}' || "
        f"!has(self.command) || self.command.exists(word, word.matches({cel_text(INTERPRETER)}))",
        says="afterCrash AtOnce is for workers that PHP runs, as a supervisor in PHP starts them again: remove it",
    )
    for option in sorted({each for known in KNOWN for each in known.options_since} - {"queues", "timeout"}):
        declared = QueueWorkerPoolSpec.model_fields[option]
        wire = declared.alias or option
        yield Rule(
            at="spec",
            field=wire,
            reason="FieldValueForbidden",
            holds=f"!({of_it}) || {_not_asked_for(wire, declared.default)}",
            says=f"{wire} is an option of queue:work and does nothing for {framework.name}: remove it, and put what your "
            "worker has in its place into command",
        )
    yield Rule(
        at="spec",
        field="retryAfter",
        reason="FieldValueForbidden",
        holds=f"!({of_it}) || !has(self.retryAfter)",
        says=f"retryAfter does nothing for {framework.name}, where scores say when a job is handed to another worker: "
        "remove it, and see scoresPerSecond and expiresAfterSeconds in custom.keys",
    )
    yield Rule(
        at="spec",
        field="version",
        reason="FieldValueForbidden",
        holds=f"!({of_it}) || !has(self.version)",
        says=f"version says nothing about {framework.name}: remove it",
    )


ONLY_BARE_DECLARES = Rule(
    at="spec",
    field="custom",
    reason="FieldValueForbidden",
    holds=f"{_IS_BARE} || !has(self.custom)",
    says=f"custom is for the framework {' or '.join(each.name for each in BARE)}, and how <<self.framework>> stores its "
    "queues is known: remove custom, or correct framework",
)

SOME_KEY_NAMES_THE_QUEUE = Rule(
    at="spec",
    field="custom.keys",
    holds="!has(self.custom) || size(self.queues) <= 1 || self.custom.keys.exists(each, "
    f"each.key.contains({cel_text(QUEUE)}))",
    says=f"no key names a queue, so <<size(self.queues)>> queues would be one and the same: write {QUEUE} where the "
    "queue's name stands in a key, or name one queue only",
)

SOME_JOBS_WAIT = Rule(
    at="spec.custom",
    field="keys",
    holds="self.keys.exists(each, each.jobs == 'Ready' || (each.jobs == 'Delayed' && has(each.scoresPerSecond)))",
    says="no key says which jobs wait for a worker: name the one from which workers take, with jobs Ready, or a sorted "
    "set of Delayed ones with scoresPerSecond",
)

EACH_KEY_ONCE = Rule(
    at="spec.custom",
    field="keys",
    holds="self.keys.all(each, self.keys.exists_one(other, each.key == other.key && "
    "(each.type != 'Stream' || each.jobs == other.jobs)))",
    says="a key is named twice, so its jobs would count twice: remove one of the two; only a stream has Ready and "
    "Reserved jobs under one key",
)

_A_KEY = "spec.custom.keys.[]"

TIMES_OF_A_SET = Rule(
    at=_A_KEY,
    field="scoresPerSecond",
    reason="FieldValueForbidden",
    holds="!has(self.scoresPerSecond) || (self.type == 'SortedSet' && self.jobs != 'Ready')",
    says="scoresPerSecond is for a SortedSet whose scores are times until which its jobs are Delayed or Reserved, and "
    "this is a <<self.type>> of <<self.jobs>> ones: remove it, or correct type or jobs; those whose time has come count "
    "as waiting",
)

CLAIMS_END_BY_SCORE = Rule(
    at=_A_KEY,
    field="expiresAfterSeconds",
    holds="self.expiresAfterSeconds == 0 || (self.jobs == 'Reserved' && has(self.scoresPerSecond))",
    says="expiresAfterSeconds counts from the score of a Reserved job: give scoresPerSecond too, and jobs Reserved, or "
    "remove it",
)

STREAM_HAS_A_GROUP = Rule(
    at=_A_KEY,
    field="group",
    holds="has(self.group) == (self.type == 'Stream')",
    says="a Stream needs the group of consumers that the workers are, and nothing else has one: give group, or remove "
    "it; this is a <<self.type>>",
)

STREAM_HOLDS_NOTHING_BACK = Rule(
    at=_A_KEY,
    field="jobs",
    holds="self.type != 'Stream' || self.jobs != 'Delayed'",
    says="a Stream holds nothing back: its jobs are Ready, which the group has not got, or Reserved, which are not "
    "acknowledged; jobs that are held back are in a SortedSet",
)

LIST_HAS_TWO_ENDS = Rule(
    at=_A_KEY,
    field="takenFrom",
    reason="FieldValueForbidden",
    holds="self.takenFrom == 'Head' || (self.type == 'List' && self.jobs == 'Ready')",
    says="takenFrom is the end of a List of Ready jobs, and this is a <<self.type>> of <<self.jobs>> ones: remove it",
)

# --- how many workers ---

MIN_WITHIN_MAX = Rule(
    at="spec.scaling",
    field="minReplicas",
    holds="self.minReplicas <= self.maxReplicas",
    says="minReplicas (<<self.minReplicas>>) must not be above maxReplicas (<<self.maxReplicas>>): lower minReplicas "
    "or raise maxReplicas",
)

ROOM_FOR_A_SUCCESSOR = Rule(
    at="spec.scaling",
    field="maxConcurrent",
    holds="!has(self.maxConcurrent) || self.maxReplicas < self.maxConcurrent",
    says="maxConcurrent (<<self.maxConcurrent>>) must be above maxReplicas (<<self.maxReplicas>>), as a worker is only "
    "replaced when its successor works: raise maxConcurrent or lower maxReplicas",
)

PINNED_WITHIN_CEILING = Rule(
    at="spec.scaling",
    field="replicas",
    holds="!has(self.maxConcurrent) || !has(self.replicas) || self.replicas < self.maxConcurrent",
    says="replicas (<<self.replicas>>) must be below maxConcurrent (<<self.maxConcurrent>>), as a worker is only "
    "replaced when its successor works: raise maxConcurrent or lower replicas",
)

ONE_TARGET = Rule(
    at="spec.scaling",
    field="backlogPerWorker",
    holds="!has(self.backlogPerWorker) || !has(self.waitSeconds)",
    says="backlogPerWorker and waitSeconds are two targets, of which a pool has one: remove backlogPerWorker or"
    " waitSeconds",
    reason="FieldValueForbidden",
)

QUEUE_WAITS_BESIDE_A_WAIT = Rule(
    at="spec.scaling",
    field="queueWaits",
    holds="!has(self.queueWaits) || size(self.queueWaits) == 0 || has(self.waitSeconds)",
    says="queueWaits are exceptions from waitSeconds, which is not given: give it for the other queues",
    reason="FieldValueForbidden",
)

QUEUE_WAITS_OF_THE_POOL = Rule(
    at="spec",
    field="scaling.queueWaits",
    holds="!has(self.scaling.queueWaits) || self.scaling.queueWaits.all(each, each.queue in self.queues)",
    says="queueWaits names a queue that the pool does not serve: name one of queues, as it is spelled there",
)

MANUAL_SAYS_REPLICAS = Rule(
    at="spec.scaling",
    field="replicas",
    holds="self.mode != 'Manual' || has(self.replicas)",
    says="mode Manual needs a number of workers: give replicas, or set mode to Auto",
    reason="FieldValueRequired",
)

_SCHEDULE = "spec.scaling.schedules.[]"

EACH_SCHEDULE_ONCE = Rule(
    at="spec.scaling",
    field="schedules",
    holds="!has(self.schedules) || self.schedules.all(each, self.schedules.exists_one(other, other.name == each.name))",
    says="two schedules have one name, and the status tells by its name which is in force: give each a name of its own",
)

SCHEDULE_SAYS_A_BOUND = Rule(
    at=_SCHEDULE,
    field="minReplicas",
    reason="FieldValueRequired",
    holds="has(self.minReplicas) || has(self.maxReplicas)",
    says="schedule <<self.name>> changes nothing: give minReplicas, maxReplicas or both",
)

SCHEDULE_LASTS = Rule(
    at=_SCHEDULE,
    field="end",
    holds="self.start != self.end",
    says="schedule <<self.name>> ends when it starts (<<self.start>>): give end another time, or remove the schedule and "
    "change the pool's own bounds",
)

SCHEDULED_MIN_WITHIN_MAX = Rule(
    at=_SCHEDULE,
    field="minReplicas",
    holds="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
    says="minReplicas (<<self.minReplicas>>) must not be above maxReplicas (<<self.maxReplicas>>) in schedule "
    "<<self.name>>: lower minReplicas or raise maxReplicas",
)

SCHEDULED_MIN_WITHIN_OWN_MAX = Rule(
    at="spec.scaling",
    field="schedules",
    holds="!has(self.schedules) || self.schedules.all(each, !has(each.minReplicas) || has(each.maxReplicas) || "
    "each.minReplicas <= self.maxReplicas)",
    says="a schedule's minReplicas is above the pool's own maxReplicas (<<self.maxReplicas>>), which holds where the "
    "schedule gives none: give the schedule a maxReplicas too, or lower its minReplicas",
)

SCHEDULED_MAX_ABOVE_OWN_MIN = Rule(
    at="spec.scaling",
    field="schedules",
    holds="!has(self.schedules) || self.schedules.all(each, !has(each.maxReplicas) || has(each.minReplicas) || "
    "self.minReplicas <= each.maxReplicas)",
    says="a schedule's maxReplicas is below the pool's own minReplicas (<<self.minReplicas>>), which holds where the "
    "schedule gives none: give the schedule a minReplicas too, or raise its maxReplicas",
)

SCHEDULED_ROOM_FOR_A_SUCCESSOR = Rule(
    at="spec.scaling",
    field="schedules",
    holds="!has(self.schedules) || !has(self.maxConcurrent) || self.schedules.all(each, !has(each.maxReplicas) || "
    "each.maxReplicas < self.maxConcurrent)",
    says="a schedule's maxReplicas must be below maxConcurrent (<<self.maxConcurrent>>), as a worker is only replaced "
    "when its successor works: raise maxConcurrent or lower the schedule's maxReplicas",
)


def option_rules(framework: Framework) -> Iterator[Rule]:
    """Refuse what the framework's worker of the declared version does not know: an unknown flag ends it, for ever."""
    for option in (field.name for field in fields(WorkerOptions)):
        since = framework.options_since.get(option)
        if since == ALWAYS:
            continue
        declared = QueueWorkerPoolSpec.model_fields[option]
        wire = declared.alias or option
        yield Rule(
            at="spec",
            field=wire,
            holds=f"!({lacks(framework, since)}) || {_not_asked_for(wire, declared.default)}",
            says=f"{framework.name}'s queue:work has no {_FLAGS.get(option, '--' + option.replace('_', '-'))}"
            f"{_before_which(since)}: remove {wire}{_INSTEAD.get(option, '')}",
            reason="FieldValueForbidden",
        )


_FLAGS = {"connection": "argument for a connection"}
"""What an option is called where it is no flag."""

_INSTEAD = {
    "timeout": ", and say in gracePeriodSeconds how long a leaving worker may take for its job",
    "connection": ", as the application has one only",
}
"""What else to do about an option that the worker lacks."""


def _not_asked_for(wire: str, default: object) -> str:
    """Spell in CEL that a field is not given, as far as that can still be told, or 0, which asks for nothing."""
    match default:
        case int():
            return f"self.{wire} in [0, {default}]" if default else f"self.{wire} == 0"
        case str():
            return f"self.{wire} == {cel_text(default)}"
        case _:
            return f"!has(self.{wire})"


def _before_which(since: Version | None) -> str:
    return "" if since is None else f" before {spell_version(since)}, and version says <<self.version>>"


def untimed_rules(framework: Framework) -> Iterator[Rule]:
    """Demand a word about `retry_after` where no `timeout` can end a job before it is handed to a second worker."""
    since = framework.options_since.get("timeout")
    if since == ALWAYS:
        return
    yield Rule(
        at="spec",
        field="retryAfter",
        reason="FieldValueRequired",
        holds=f"!({lacks(framework, since)}) || has(self.retryAfter)",
        says=f"{framework.name}'s queue:work lets a job run without limit{_before_which(since)}, yet after retry_after "
        f"(or expire, <<{_DEFAULT_RETRY_AFTER}>> s by default) it is handed to a second worker: raise that in the "
        "application's configuration above your longest job and say so in retryAfter, or say 0 there if it is null",
    )


def single_backoff_rules(framework: Framework) -> Iterator[Rule]:
    """Refuse several values of `backoff` where the framework's command line has room for one."""
    since = framework.several_backoffs_since
    yield Rule(
        at="spec",
        field="backoff",
        holds=f"!({lacks(framework, since)}) || !has(self.backoff) || size(self.backoff) <= 1",
        says=f"{framework.name} waits equally long before every attempt{_before_which(since)}: give one value in "
        "backoff instead of <<size(self.backoff)>>",
    )


def unlimited_memory_rules(framework: Framework) -> Iterator[Rule]:
    """Refuse to turn off a check that cannot be: the worker would end whenever it looks for a job."""
    since = framework.unlimited_memory_since
    yield Rule(
        at="spec",
        field="memory",
        holds=f"!({lacks(framework, since)}) || self.memory > 0",
        says=f"{framework.name}'s queue:work does not take memory 0 for no limit{_before_which(since)}, and ends "
        "whenever it looks for a job: give the megabytes that it may use",
    )


def endless_claim_rules(framework: Framework) -> Iterator[Rule]:
    """Refuse what an application cannot have, although its configuration may say so."""
    since = framework.endless_claims_until
    default = framework.null_retry_after
    yield Rule(
        at="spec",
        field="retryAfter",
        holds=f"self.framework != '{framework.name}' || !has(self.retryAfter) || self.retryAfter != 0 || "
        f"({before(since)})",
        says=f"{framework.name} takes a retry_after of null for {default} s since {spell_version(since)}: give the "
        "seconds in retryAfter; 0, which stands for never, is for older versions, which version would have to name",
    )


def package_rules(framework: Framework) -> Iterator[Rule]:
    """Refuse the version of something else, such as that of the framework where its queue has one of its own."""
    if framework.newest_major is None:
        return
    yield Rule(
        at="spec",
        field="version",
        holds=f"self.framework != '{framework.name}' || !has(self.version) || {before((framework.newest_major + 1,))}",
        says=f"version is that of {framework.package}, of which there is no <<self.version>> yet: {framework.version_hint}",
    )


FRAMEWORK_RULES = (
    option_rules,
    untimed_rules,
    single_backoff_rules,
    unlimited_memory_rules,
    endless_claim_rules,
    package_rules,
)

RULES: tuple[Rule, ...] = (
    SHORT_NAME,
    SLEEP_BELOW_TIMEOUT,
    TIMEOUT_BELOW_RETRY_AFTER,
    TIMEOUT_BELOW_DEFAULT_RETRY_AFTER,
    NO_TIMEOUT_SAYS_RETRY_AFTER,
    GRACE_COVERS_TIMEOUT,
    POD_GRACE_COVERS_TIMEOUT,
    ONE_GRACE,
    EACH_QUEUE_ONCE,
    MEMORY_BELOW_LIMIT,
    COMMAND_BEFORE_QUEUE_WORK,
    ALWAYS_STARTED_AGAIN,
    WORKER_CONTAINER_KEEPS_ITS_COMMAND,
    OWN_LABELS,
    A_PLACE,
    ONE_PLACE,
    PORT_OF_A_HOST,
    NO_DATABASES_ON_A_CLUSTER,
    USER_HAS_PASSWORD,
    SENTINELS_USER_HAS_PASSWORD,
    INSECURE_NEEDS_NO_AUTHORITY,
    RESTART_AT_A_MOMENT,
    KNOWN_TIME_ZONE,
    KNOWN_TIME_ZONES,
    MIN_WITHIN_MAX,
    ROOM_FOR_A_SUCCESSOR,
    PINNED_WITHIN_CEILING,
    ONE_TARGET,
    QUEUE_WAITS_BESIDE_A_WAIT,
    QUEUE_WAITS_OF_THE_POOL,
    MANUAL_SAYS_REPLICAS,
    EACH_SCHEDULE_ONCE,
    SCHEDULE_SAYS_A_BOUND,
    SCHEDULE_LASTS,
    SCHEDULED_MIN_WITHIN_MAX,
    SCHEDULED_MIN_WITHIN_OWN_MAX,
    SCHEDULED_MAX_ABOVE_OWN_MIN,
    SCHEDULED_ROOM_FOR_A_SUCCESSOR,
    *(rule for framework in BARE for rule in bare_rules(framework)),
    ONLY_BARE_DECLARES,
    SOME_KEY_NAMES_THE_QUEUE,
    SOME_JOBS_WAIT,
    EACH_KEY_ONCE,
    TIMES_OF_A_SET,
    CLAIMS_END_BY_SCORE,
    STREAM_HAS_A_GROUP,
    STREAM_HOLDS_NOTHING_BACK,
    LIST_HAS_TWO_ENDS,
    *(rule for framework in KNOWN for make in FRAMEWORK_RULES for rule in make(framework)),
)
"""Every rule between fields, in the order in which a person meets them."""
