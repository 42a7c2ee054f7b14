"""KEDA's Redis scalers: which queue a list is, and where the Redis is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from queueworkers.frameworks import FRAMEWORKS
from queueworkers.frameworks.base import Spelling, spell_version
from queueworkers.importing.objects import Json, find, mapping, mappings
from queueworkers.importing.pods import variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.frameworks.base import Framework, Version
    from queueworkers.importing.document import Draft
    from queueworkers.importing.objects import FoundObject

KINDS = {"redis": "host", "redis-sentinel": "sentinel", "redis-cluster": "cluster"}
"""Types of triggers on lists, and the field of `spec.redis` that says where."""

_OLD_VERSIONS: tuple[Version, ...] = ((3, 0, 4),)
"""Declared versions in which some framework named its lists otherwise than today."""

_SECRET = re.compile("password|secret|token", re.IGNORECASE)

_YES = frozenset({"true", "1", "t", "yes"})

_LEFT = {
    "activationListLength": "a pool wakes for the first job",
    "activationValue": "a pool wakes for the first job",
    "metricType": "the backlog is counted, and no metric",
    "useCachedMetrics": "the backlog is counted, and no metric",
    "name": "a pool has no triggers with names",
}


class Trigger:
    """One trigger, while its metadata are taken one by one."""

    def __init__(self, number: int, manifest: Json, owner: FoundObject) -> None:
        self.where = f"triggers[{number}]"
        self.kind = str(manifest.get("type"))
        self.metadata = mapping(manifest.get("metadata"))
        self.authentication = mapping(manifest.get("authenticationRef"))
        self.owner = owner
        self._beside = {
            key: value
            for key, value in manifest.items()
            if key not in ("type", "metadata", "authenticationRef")
        }
        self._taken: set[str] = set()

    def take(self, name: str) -> str | None:
        """Return one of the metadata, which counts as dealt with from now on."""
        self._taken.add(name)
        value = self.metadata.get(name)
        return None if value is None else str(value)

    @property
    def shown_metadata(self) -> Json:
        """The metadata without what may be secret."""
        return {key: value for key, value in self.metadata.items() if not _SECRET.search(str(key))}

    def leave_rest(self, draft: Draft) -> None:
        """Name what nobody took."""
        rest = self.metadata if self.kind in KINDS else {}
        for name, value in {**rest, **self._beside}.items():
            if name not in self._taken:
                told = name if _SECRET.search(name) else f"{name}: {value}"
                draft.leave(f"{self.where} {told}", _LEFT.get(name, "a pool has nothing like it"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownList:
    """A list that is a queue of a framework."""

    framework: Framework
    prefix: str
    queue: str
    old_version: str = ""
    """A version that names its lists so, where the newest does not."""


def identify_list(name: str | None, known: Framework | None) -> KnownList | None:
    """
    Tell which queue a list is, by the frameworks' own names of their keys.

    Args:
        name: The complete key.
        known: The framework, where the workers' command line tells it.
    """
    frameworks = [known] if known else [each for each in FRAMEWORKS.values() if each.console]
    for version in (None, *_OLD_VERSIONS):
        named = [found for each in frameworks if (found := _named_by(name or "", each, version))]
        if named:
            # The one whose own words are the most of it: braces are otherwise taken for the queue's.
            return min(named, key=lambda found: len(found.prefix) + len(found.queue))
    return None


def _named_by(name: str, framework: Framework, version: Version | None) -> KnownList | None:
    ready = framework.keys("\0", Spelling(version=version))[0].key
    pattern = re.escape(ready).replace(re.escape("\0"), "(?P<queue>.+)")
    match = re.fullmatch(f"(?P<prefix>.*?){pattern}", name)
    if match is None:
        return None
    return KnownList(
        framework=framework,
        prefix=match["prefix"],
        queue=match["queue"],
        old_version=spell_version(version) if version else "",
    )


def apply_place(
    draft: Draft, trigger: Trigger, container: Json, objects: Sequence[FoundObject], *, first: bool
) -> list[FoundObject]:
    """
    Say where the Redis of a trigger is, and how to log in.

    A pool has one Redis: with another than the *first* trigger's a question remains.

    Returns:
        The objects that told it.
    """
    place, used = _Place.found(draft, trigger, container, objects)
    fields = place.fields()
    if first:
        for path, value in fields.items():
            draft.say(path, value)
        place.ask()
    elif any(draft.value(path) != value for path, value in fields.items()):
        draft.inquire(
            f"{trigger.where} {trigger.metadata.get('listName')}",
            "it is on another Redis than the first one, or read otherwise, and a pool has one: make a pool of its own",
        )
    return used


class _Place:
    """The place that one trigger names, from its metadata, the container's variables and an authentication."""

    def __init__(self, draft: Draft, trigger: Trigger, container: Json, parameters: dict[str, Json]) -> None:
        self._draft = draft
        self._trigger = trigger
        self._container = container
        self._parameters = parameters
        self._questions: list[tuple[str, str]] = []

    @classmethod
    def found(
        cls, draft: Draft, trigger: Trigger, container: Json, objects: Sequence[FoundObject]
    ) -> tuple[_Place, list[FoundObject]]:
        """Look up the authentication that a trigger refers to."""
        reference = trigger.authentication
        place = cls(draft, trigger, container, {})
        if not reference:
            return place, []
        kind, name = str(reference.get("kind") or "TriggerAuthentication"), str(reference.get("name"))
        found = find(objects, kind, name, namespace=None if kind.startswith("Cluster") else draft.namespace)
        if found is None:
            place._questions.append(
                (f"{kind} {name}", "it is in none of the files: give it too, or spec.redis.passwordSecretRef")
            )
            return place, []
        place._take_parameters(found)
        return place, [found]

    def _take_parameters(self, found: FoundObject) -> None:
        for source, entries in found.spec.items():
            for each in mappings(entries):
                if source == "secretTargetRef":
                    self._parameters[str(each.get("parameter"))] = {
                        "valueFrom": {"secretKeyRef": {"name": each.get("name"), "key": each.get("key")}}
                    }
                elif source == "env":
                    self._parameters[str(each.get("parameter"))] = variable(
                        self._container, str(each.get("name"))
                    )
            if source not in ("secretTargetRef", "env"):
                self._questions.append(
                    (
                        f"{found.kind} {found.name}: {source}",
                        "passwords come from Secrets of the pool's own namespace only: make one",
                    )
                )
        if found.kind.startswith("Cluster"):
            self._questions.append(
                (
                    f"{found.kind} {found.name}",
                    "its Secrets are in KEDA's namespace: copy them into the pool's own",
                )
            )

    def _variable(self, name: str) -> Json:
        """Find what a parameter is: in the metadata, in a variable that these name, or in the authentication."""
        said = self._trigger.take(name)
        if said is not None:
            return {"value": said}
        named = self._trigger.take(f"{name}FromEnv")
        if named is not None:
            return variable(self._container, named) or {"missing": named}
        return self._parameters.get(name, {})

    def _text(self, name: str) -> str | None:
        """Read a parameter that a pool has in the open."""
        entry = self._variable(name)
        if not entry:
            return None
        if isinstance(entry.get("value"), str):
            return str(entry["value"])
        where = (
            f"the variable {entry['missing']}"
            if "missing" in entry
            else "a Secret or something else at run time"
        )
        self._questions.append(
            (f"{self._trigger.where} {name}", f"it comes from {where}, which no file tells: what is it?")
        )
        return None

    def _secret(self, name: str) -> Json | None:
        """Refer to a parameter that is a secret."""
        entry = self._variable(name)
        reference = mapping(mapping(entry.get("valueFrom")).get("secretKeyRef"))
        if reference.get("name") and reference.get("key"):
            return {"name": reference["name"], "key": reference["key"]}
        if entry:
            why = (
                "it is in the open, or in no file"
                if "missing" not in entry
                else f"the variable {entry['missing']} is in no file"
            )
            self._questions.append(
                (
                    f"{self._trigger.where} {name}",
                    f"{why}: put it into a Secret, and name that in passwordSecretRef",
                )
            )
        return None

    def fields(self) -> dict[str, Any]:
        """Tell the fields of `spec.redis`."""
        match KINDS[self._trigger.kind]:
            case "host":
                fields = self._host()
            case "sentinel":
                fields = {"redis.sentinel": self._sentinel()}
            case _:
                nodes = self._nodes()
                fields = {"redis.cluster": {"nodes": nodes or [{"host": "redis"}]}}
                if not nodes:
                    self._questions.append((self._trigger.where, "where are the nodes of the cluster?"))
        database = self._text("databaseIndex")
        if database and database.isdigit() and int(database):
            fields["redis.database"] = int(database)
        return fields | self._login() | self._tls()

    def _login(self) -> dict[str, Any]:
        password, user = self._secret("password"), self._text("username")
        if password is None:
            if user:
                question = "it needs a password: name its Secret in spec.redis.passwordSecretRef"
                self._questions.append((f"{self._trigger.where} username {user}", question))
            return {}
        return {"redis.passwordSecretRef": password} | ({"redis.username": user} if user else {})

    def _sentinel(self) -> Json:
        nodes, master = self._nodes(), self._text("sentinelMaster")
        if not nodes or not master:
            question = "where are the Sentinels, and what is their master called?"
            self._questions.append((self._trigger.where, question))
        sentinel: Json = {"masterName": master or "mymaster", "nodes": nodes or [{"host": "sentinel"}]}
        user, password = self._text("sentinelUsername"), self._secret("sentinelPassword")
        if password is not None:
            sentinel |= {"passwordSecretRef": password} | ({"username": user} if user else {})
        elif user:
            question = "it needs a password: name its Secret in spec.redis.sentinel.passwordSecretRef"
            self._questions.append((f"{self._trigger.where} sentinelUsername {user}", question))
        return sentinel

    def _host(self) -> dict[str, Any]:
        address = self._text("address")
        host, port = _split(address) if address else (self._text("host"), self._text("port"))
        fields: dict[str, Any] = {}
        if host:
            fields["redis.host"] = host
        if host and port and port.isdigit():
            fields["redis.port"] = int(port)
        return fields

    def _nodes(self) -> list[Json]:
        addresses = self._text("addresses")
        if addresses:
            pairs = [_split(each.strip()) for each in addresses.split(",") if each.strip()]
        else:
            hosts, ports = (self._text(name) or "" for name in ("hosts", "ports"))
            every = ports.split(",")
            pairs = [
                (host.strip(), (every[at] if at < len(every) else every[-1]).strip())
                for at, host in enumerate(hosts.split(","))
                if host.strip()
            ]
        return [
            {"host": host, **({"port": int(port)} if port and port.isdigit() else {})} for host, port in pairs
        ]

    def _tls(self) -> dict[str, Any]:
        asked = (self._text("enableTLS") or "").lower() in _YES or (
            self._text("tls") or ""
        ).lower() == "enable"
        insecure = (self._text("unsafeSsl") or "").lower() in _YES
        references = {name: self._secret(name) for name in ("ca", "cert", "key", "keyPassword")}
        if not asked:
            return {}
        tls: Json = {}
        if insecure:
            tls["verify"] = "Insecure"
        elif references["ca"]:
            tls["caSecretRef"] = references["ca"]
        certificate, key = references["cert"], references["key"]
        if certificate and key and certificate["name"] == key["name"]:
            tls["clientCertificateSecretRef"] = {
                "name": certificate["name"],
                "certificateKey": certificate["key"],
                "privateKeyKey": key["key"],
            }
        elif certificate or key:
            self._questions.append(
                (f"{self._trigger.where} cert", "certificate and key have to be in one Secret: make one")
            )
        return {"redis.tls": tls}

    def ask(self) -> None:
        """Hand on what remained open."""
        for option, question in self._questions:
            self._draft.inquire(option, question)


def _split(address: str) -> tuple[str, str | None]:
    """Take a port off an address, which may be one of IPv6 in brackets."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return address.strip("[]"), None
    return host.strip("[]"), port
