"""What keeps a worker from hearing that it is asked to leave is said of the running pod, and kills nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.shop import POOL
from cluster.terminal import describe

if TYPE_CHECKING:
    from cluster.shop import Json, Shop
    from harness.operator_process import OperatorProcess

CONDITION = "StopsGracefully"
SECONDS = 90
ONE_WORKER = {"maxReplicas": 1, "replicas": 1}

NO_PCNTL = {
    "no-pcntl.ini": "auto_prepend_file = /etc/no-pcntl/prepend.php\ndisable_functions = pcntl_signal\n",
    "prepend.php": "<?php\nnamespace Illuminate\\Queue;\n"
    "function extension_loaded($name) { return $name !== 'pcntl' && \\extension_loaded($name); }\n",
}
"""A PHP whose Laravel finds no ext-pcntl.  Debian's has it built in, so that it cannot be left out."""


def without_pcntl(shop: Shop) -> Json:
    """One worker with such a PHP."""
    worker = {
        "name": "worker",
        "imagePullPolicy": "Never",
        "env": [{"name": "PHP_INI_SCAN_DIR", "value": ":/etc/no-pcntl"}],
        "volumeMounts": [{"name": "no-pcntl", "mountPath": "/etc/no-pcntl"}],
    }
    volume = {"name": "no-pcntl", "configMap": {"name": "no-pcntl"}}
    template = {"spec": {"containers": [worker], "volumes": [volume]}}
    return shop.spec(scaling=ONE_WORKER, podTemplate=template)


def test_a_worker_that_never_listens_works_and_is_told(shop: Shop, operator: OperatorProcess) -> None:
    """Its pod is ready late and never killed; the pool says what to do, and does not forget it with the Event."""
    namespace = shop.namespace
    namespace.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "no-pcntl"}, "data": NO_PCNTL}
    )
    namespace.apply_pool(POOL, without_pcntl(shop))
    told = namespace.wait_for_reason(POOL, "PcntlMissing", kind=CONDITION, seconds=SECONDS)
    assert told["status"] == "False"
    assert "docker-php-ext-install pcntl" in told["message"]
    namespace.wait("it is told", lambda: "Warning PcntlMissing " in describe(namespace, POOL))
    jobs = shop.push(2)
    shop.wait_for_jobs("end", 2)
    shop.assert_each_done_once(jobs)
    (pod,) = namespace.pods(POOL)
    (container,) = pod["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (True, 0)

    operator.stop()
    namespace.kubectl("delete", "events", "--all")
    operator.start()
    shop.push(1)
    shop.wait_for_jobs("end", 3)
    namespace.wait("the pool is looked at again", lambda: "backlog" in namespace.status(POOL))
    assert namespace.condition(POOL, CONDITION) == told
    assert not [reason for reason, _ in namespace.events(POOL) if reason == "PcntlMissing"]

    namespace.apply_pool(POOL, shop.spec(scaling=ONE_WORKER))
    namespace.wait_for_reason(POOL, "Listening", kind=CONDITION, seconds=SECONDS)


def test_a_probe_that_cannot_be_run_is_told(shop: Shop, operator: OperatorProcess) -> None:
    """Where PHP is not called as `spec.command` has it, no pod is ever ready, and the pool says why."""
    del operator
    script = 'NAME=php8.9; cp /usr/bin/php?.2 /tmp/$NAME; PATH=$PATH:/tmp; exec php8.9 artisan "$@"'
    elsewhere = ["sh", "-c", script, "worker"]
    shop.namespace.apply_pool(POOL, shop.spec(command=elsewhere, scaling=ONE_WORKER))
    condition = shop.namespace.wait_for_reason(POOL, "StartRefused", seconds=SECONDS)
    assert 'exec: "php8.9": executable file not found in $PATH' in condition["message"]
