"""The cluster under the other tests is real where they rely on it."""

from __future__ import annotations

import json
import shutil
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from harness.audit import Audit
from harness.errors import CommandFailedError
from harness.images import ImageConfig, directory_layer, write_image_archive
from harness.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.cluster import Cluster

# Ends by itself one second after it is asked to, and with success.
_UNTIL_TERM = "trap 'sleep 1; exit 0' TERM; echo I run; while :; do sleep 0.1; done"


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, with its service account, deleted afterwards."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "harness-"}}
    created = cluster.kubectl_json("create", "-f", "-", input=json.dumps(manifest))
    name: str = created["metadata"]["name"]
    cluster.run_kubectl("wait", "--for=create", "serviceaccount/default", f"--namespace={name}")
    yield name
    cluster.run_kubectl("delete", "namespace", name, "--wait=false")


def test_a_container_runs_and_speaks(cluster: Cluster, namespace: str) -> None:
    """A pod becomes Ready, its log is read, and a command runs inside it."""
    _create(cluster, namespace, _pod("speaker", _shell(_UNTIL_TERM)))
    _wait(cluster, namespace, "pod/speaker", "condition=Ready")

    log = cluster.run_kubectl("logs", "speaker", f"--namespace={namespace}")
    said = cluster.run_kubectl("exec", "speaker", f"--namespace={namespace}", "--", "echo", "inside")

    assert log == "I run\n"
    assert said == "inside\n"


def test_a_container_is_given_its_grace(cluster: Cluster, namespace: str) -> None:
    """A deleted pod gets SIGTERM, may finish what it does, and is then gone at once."""
    _create(cluster, namespace, _pod("polite", _shell(_UNTIL_TERM)))
    _wait(cluster, namespace, "pod/polite", "condition=Ready")

    begun = time.monotonic()
    cluster.run_kubectl("delete", "pod", "polite", f"--namespace={namespace}", "--grace-period=60")
    took_seconds = time.monotonic() - begun

    assert 1.0 <= took_seconds < 30.0
    with pytest.raises(CommandFailedError, match="not found"):
        cluster.run_kubectl("get", "pod", "polite", f"--namespace={namespace}")


def test_a_pod_reaches_the_apiserver_as_its_service_account(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Address, certificate and token that a pod is given are good for the apiserver's Service."""
    _load_kubectl_image(cluster, tmp_path)
    container = {"image": "local/kubectl:1", "args": ["auth", "whoami", "--output=json"]}

    _create(cluster, namespace, _pod("asker", container))
    _wait(cluster, namespace, "pod/asker", "jsonpath={.status.phase}=Succeeded")

    answer = json.loads(cluster.run_kubectl("logs", "asker", f"--namespace={namespace}"))
    assert answer["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:default"


def test_a_pod_finds_a_service_by_its_name(cluster: Cluster, namespace: str) -> None:
    """The name of a Service leads to its address, and an unknown name nowhere."""
    script = "nslookup kubernetes.default.svc.cluster.local && ! nslookup nobody.default.svc.cluster.local"
    _create(cluster, namespace, _pod("finder", _shell(script)))
    _wait(cluster, namespace, "pod/finder", "jsonpath={.status.phase}=Succeeded")

    address = cluster.kubectl_json("get", "service", "kubernetes", "--namespace=default")
    log = cluster.run_kubectl("logs", "finder", f"--namespace={namespace}")

    assert address["spec"]["clusterIP"] in log


def test_a_service_account_can_act_from_outside(cluster: Cluster, namespace: str) -> None:
    """The kubeconfig made for a service account is that account's, without the admin's rights."""
    kubeconfig = cluster.kubeconfig_for("default", namespace)

    with pytest.raises(CommandFailedError, match=f"system:serviceaccount:{namespace}:default"):
        cluster.run_kubectl(f"--kubeconfig={kubeconfig}", "get", "pods")


def test_the_fake_node_takes_hundreds_of_pods(cluster: Cluster, namespace: str) -> None:
    """200 replicas that ask for the kwok node are Ready, and none of them runs anywhere."""
    fake = {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
        "containers": [{"name": "nothing", "image": "local/never:1"}],
    }
    labels = {"app": "many"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": 200,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": fake},
        },
    }

    _create(cluster, namespace, deployment)

    _wait(cluster, namespace, "deployment/many", "jsonpath={.status.readyReplicas}=200")


def test_the_audit_log_names_who_wrote_what(cluster: Cluster, namespace: str) -> None:
    """A write is found in the audit log with its user and its object, exactly once."""
    audit = Audit(cluster, "admin")
    _create(cluster, namespace, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen"}})
    # The line may be written a moment after the answer.
    wait_until(lambda: bool(audit.writes(namespace)), what="the write in the audit log", timeout_seconds=10)
    (found,) = audit.writes(namespace)
    assert (found.verb, found.resource, found.namespace, found.name) == (
        "create",
        "configmaps",
        namespace,
        "seen",
    )
    assert found.agent.startswith("kubectl")
    assert found.status == HTTPStatus.CREATED
    assert found.received_at <= found.answered_at


def _shell(script: str) -> dict[str, Any]:
    return {"image": "local/busybox:1", "command": ["sh", "-c", script]}


def _pod(name: str, container: dict[str, Any]) -> dict[str, Any]:
    containers = [{"name": "main", "imagePullPolicy": "Never", **container}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": containers,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 60,
        },
    }


def _create(cluster: Cluster, namespace: str, manifest: dict[str, Any]) -> None:
    cluster.run_kubectl("create", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))


def _wait(cluster: Cluster, namespace: str, what: str, condition: str) -> None:
    cluster.run_kubectl("wait", what, f"--namespace={namespace}", f"--for={condition}", "--timeout=90s")


def _load_kubectl_image(cluster: Cluster, folder: Path) -> None:
    """Kubectl is a static program: the file alone, as one layer over another, is an image."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(cluster.kubectl, root / "bin" / "kubectl")
    below = folder / "below"
    (below / "tmp").mkdir(parents=True)
    layers = [folder / "below.tar", folder / "kubectl.tar"]
    directory_layer(layers[0], below)
    directory_layer(layers[1], root)
    archive = folder / "image.tar"
    config = ImageConfig(entrypoint=("/bin/kubectl",), env={"HOME": "/tmp"}, user="65534:65534")
    write_image_archive(archive, name="local/kubectl:1", layers=layers, config=config)
    cluster.load_image(archive)
