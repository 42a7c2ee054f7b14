"""
The Pod Security Standards, as far as they concern a container's rights.

Written from their page, not from the operator: each function returns what a
pod breaks, so an empty list is a pass.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASELINE_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
RESTRICTED_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
CONFINED = frozenset({"RuntimeDefault", "Localhost"})


def breaks_baseline(pod: Mapping[str, Any]) -> list[str]:
    """List what the standard `baseline` refuses in a pod's spec."""
    found = [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    found += [
        f"volume {volume['name']} is a hostPath" for volume in pod.get("volumes", ()) if "hostPath" in volume
    ]
    for name, context, ports in _containers(pod):
        added = set(context.get("capabilities", {}).get("add", ())) - BASELINE_CAPABILITIES
        found += [f"{name} adds {capability}" for capability in sorted(added)]
        if context.get("privileged"):
            found.append(f"{name} is privileged")
        if context.get("procMount", "Default") != "Default":
            found.append(f"{name} unmasks /proc")
        if _seccomp(context) == "Unconfined" or _seccomp(pod.get("securityContext", {})) == "Unconfined":
            found.append(f"{name} is unconfined")
        found += [f"{name} takes a port of the host" for port in ports if port.get("hostPort")]
    return found


def breaks_restricted(pod: Mapping[str, Any]) -> list[str]:
    """List what the standard `restricted` refuses in a pod's spec, `baseline` included."""
    found = breaks_baseline(pod)
    shared = pod.get("securityContext", {})
    for volume in pod.get("volumes", ()):
        found += [
            f"volume {volume['name']} is a {kind}" for kind in volume.keys() - {"name"} - RESTRICTED_VOLUMES
        ]
    for name, context, _ in _containers(pod):
        capabilities = context.get("capabilities", {})
        if context.get("allowPrivilegeEscalation") is not False:
            found.append(f"{name} may gain privileges")
        if context.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
            found.append(f"{name} may run as root")
        if context.get("runAsUser", shared.get("runAsUser")) == 0:
            found.append(f"{name} runs as root")
        if (_seccomp(context) or _seccomp(shared)) not in CONFINED:
            found.append(f"{name} has no seccomp profile")
        if "ALL" not in capabilities.get("drop", ()):
            found.append(f"{name} keeps capabilities")
        if set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
            found.append(f"{name} adds capabilities")
    return found


def _containers(pod: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], list[Any]]]:
    for kind in ("initContainers", "containers"):
        for container in pod.get(kind, ()):
            yield container["name"], container.get("securityContext", {}), container.get("ports", [])


def _seccomp(context: Mapping[str, Any]) -> str | None:
    kind: str | None = context.get("seccompProfile", {}).get("type")
    return kind
