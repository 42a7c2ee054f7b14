"""
The pods' name server: what CoreDNS would answer about Services, and no more.

CoreDNS with the one plugin that matters takes longer to build than the rest
of a test run; these answers take a page.  It knows ``SERVICE.NAMESPACE.svc.
cluster.local``, headless Services included, over UDP.  Every other name does
not exist: the cluster has no way out anyway.
"""

from __future__ import annotations

import ipaddress
import json
import socketserver
import ssl
import struct
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.credentials import DNS
from harness.daemon import Daemon
from harness.network import HOST_ADDRESS

if TYPE_CHECKING:
    from harness.credentials import Credentials

# Numbers from RFC 1035, section 4.
_A, _IN = 1, 1
_NO_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME = 0, 2, 3
_ANSWER, _AUTHORITATIVE, _RECURSION_WANTED, _RECURSION_OFFERED = 0x8000, 0x0400, 0x0100, 0x0080
_NAME_OF_THE_QUESTION = 0xC00C

# As short as CoreDNS' own: a Service that is made again has another address.
_TTL_SECONDS = 5
_DOMAIN = ("svc", "cluster", "local")


def render_name_server(credentials: Credentials) -> Daemon:
    """The name server as a process of its own, where the kubelet sends pods to."""
    packages = Path(__file__).parent.parent
    return Daemon(
        "name-server",
        (
            *("env", f"PYTHONPATH={packages}"),
            *(sys.executable, "-m", "harness.name_server", str(credentials.kubeconfig(DNS))),
        ),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What a resolver asks: a name, in lower case, and a type of record."""

    transaction: int
    recursion_wanted: bool
    labels: tuple[str, ...]
    kind: int
    wire: bytes


def parse_question(message: bytes) -> Question:
    """
    The first question of a DNS message; more than one is never sent in practice.

    Raises:
        ValueError: the message is cut short, or is not one to answer.
    """
    try:
        transaction, flags, questions = struct.unpack_from("!HHH", message)
        if flags & _ANSWER or questions < 1:
            raise ValueError("not a question")
        labels = []
        at = 12
        while length := message[at]:
            labels.append(message[at + 1 : at + 1 + length].decode("ascii").lower())
            at += 1 + length
        kind, _ = struct.unpack_from("!HH", message, at + 1)
    except (struct.error, IndexError) as error:
        raise ValueError("cut short") from error
    return Question(transaction, bool(flags & _RECURSION_WANTED), tuple(labels), kind, message[12 : at + 5])


def render_answer(question: Question, addresses: list[str] | None, *, failed: bool = False) -> bytes:
    """
    The DNS message that answers: these IPv4 *addresses*, or None for "no such name".

    A name that exists has no records of other types than A, and says so.
    """
    code = _SERVER_FAILURE if failed else _NO_SUCH_NAME if addresses is None else _NO_ERROR
    flags = _ANSWER | _AUTHORITATIVE | _RECURSION_OFFERED | code
    if question.recursion_wanted:
        flags |= _RECURSION_WANTED
    told = addresses if addresses and question.kind == _A else []
    records = [
        struct.pack("!HHHIH", _NAME_OF_THE_QUESTION, _A, _IN, _TTL_SECONDS, 4)
        + ipaddress.IPv4Address(address).packed
        for address in told
    ]
    head = struct.pack("!HHHHHH", question.transaction, flags, 1, len(records), 0, 0)
    return head + question.wire + b"".join(records)


class Services:
    """The cluster's Services, asked for one by one."""

    def __init__(self, kubeconfig: Path) -> None:
        """Take the server, its authority and the token from a kubeconfig of the harness."""
        content = json.loads(kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        self._server = cluster["server"]
        self._token = content["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cafile=cluster["certificate-authority"])

    def find_addresses(self, labels: tuple[str, ...]) -> list[str] | None:
        """The addresses behind a name; None when there is no such Service."""
        if len(labels) != 2 + len(_DOMAIN) or labels[2:] != _DOMAIN:
            return None
        service, namespace = map(urllib.parse.quote, labels[:2])
        found = self._get(f"/api/v1/namespaces/{namespace}/services/{service}")
        if found is None:
            return None
        address = found["spec"].get("clusterIP")
        if address != "None":
            return [address] if address else []
        slices = self._get(
            f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
            f"?labelSelector=kubernetes.io/service-name%3D{service}"
        )
        return [
            address
            for one in (slices or {}).get("items", [])
            for endpoint in one.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready", True)
            for address in endpoint["addresses"]
        ]

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(
            self._server + path, headers={"Authorization": f"Bearer {self._token}"}
        )
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=3) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise


class _Server(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, address: str, services: Services) -> None:
        self.services = services
        super().__init__((address, 53), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        message, channel = self.request
        try:
            question = parse_question(message)
        except ValueError:
            return
        try:
            answer = render_answer(question, self.server.services.find_addresses(question.labels))
        except OSError as error:
            # "I do not know" rather than "no": the resolver may ask again.
            print(f"{'.'.join(question.labels)}: {error}", flush=True)
            answer = render_answer(question, None, failed=True)
        channel.sendto(answer, self.client_address)


if __name__ == "__main__":
    _Server(HOST_ADDRESS, Services(Path(sys.argv[1]))).serve_forever()
