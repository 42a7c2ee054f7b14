"""Everything that restarts workers restarts them once, and nothing else does."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apiserver.pools_in_use import quick_pool

if TYPE_CHECKING:
    from harness.operator_process import OperatorProcess
    from harness.pools import Json, Namespace
    from harness.redis import RedisServer

NOTICED_SECONDS = 13
"""A ConfigMap or Secret is read every ten seconds; a change that was to be noticed has been by then."""

SETTLED_SECONDS = 4
"""Longer than several looks at a pool, and than it takes to notice a signal."""

SIGNAL = "shop_database_shop_cache_illuminate:queue:restart"


def config_map(name: str, **content: str) -> Json:
    """Make a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": content}


def secret(name: str, **content: str) -> Json:
    """Make a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content}


def from_config(name: str, **how: Any) -> Json:
    """Take a worker's variables from a ConfigMap."""
    return {"configMapRef": {"name": name, **how}}


def from_secret(name: str) -> Json:
    """Take a worker's variables from a Secret."""
    return {"secretRef": {"name": name}}


def workers_at_work(namespace: Namespace, redis: RedisServer, **spec: Any) -> None:
    """Have a pool with two workers."""
    restart = {"minReadySeconds": 0, **spec.pop("restart", {})}
    namespace.apply_pool("orders", quick_pool(redis, scaling={"minReplicas": 2}, restart=restart, **spec))
    namespace.wait("two workers work", lambda: namespace.status("orders").get("readyReplicas") == 2)


def template(namespace: Namespace) -> Json:
    """Read the pod template."""
    found: Json = namespace.deployment("orders")["spec"]["template"]
    return found


def revision(namespace: Namespace) -> int:
    """Count the pod templates that the Deployment has been given."""
    annotations = namespace.deployment("orders")["metadata"]["annotations"]
    return int(annotations["deployment.kubernetes.io/revision"])


def digests(namespace: Namespace) -> dict[str, str]:
    """Read what the pod template was made for."""
    found: dict[str, str] = json.loads(
        template(namespace)["metadata"]["annotations"].get("queueworkers.io/references", "{}")
    )
    return found


def wait_for_rollout(namespace: Namespace, number: int, *, trigger: str, seconds: float = 60) -> None:
    """Wait until the workers are those of another template, and see that no further one comes at once."""
    namespace.wait(
        f"the workers are those of template {number}",
        lambda: (
            revision(namespace) == number
            and namespace.status("orders")["rollout"]["phase"] == "Complete"
            and namespace.deployment("orders")["status"].get("updatedReplicas") == 2
        ),
        timeout_seconds=seconds,
    )
    time.sleep(SETTLED_SECONDS)
    assert revision(namespace) == number
    assert namespace.status("orders")["rollout"]["trigger"] == trigger


def test_a_changed_config_is_one_rollout_and_the_old_one_put_back_undoes_it(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """Another content is another template, and the same content is the same template."""
    del operator
    namespace.apply(config_map("env", GREETING="hello"))
    workers_at_work(namespace, redis, envFrom=[from_config("env")])
    first = template(namespace)

    namespace.apply(config_map("env", GREETING="good evening"))
    wait_for_rollout(namespace, 2, trigger="ConfigMap env")
    namespace.apply(config_map("env", GREETING="hello"))
    wait_for_rollout(namespace, 3, trigger="ConfigMap env")

    assert template(namespace) == first


def test_an_operator_that_is_killed_makes_one_rollout_of_a_change(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """Killed before it can have seen the change, and again while it replaces; a start alone changes nothing."""
    namespace.apply(config_map("env", GREETING="hello"))
    workers_at_work(namespace, redis, envFrom=[from_config("env")])

    operator.kill()
    operator.start()
    time.sleep(NOTICED_SECONDS)
    assert revision(namespace) == 1
    operator.kill()
    namespace.apply(config_map("env", GREETING="good evening"))
    operator.start()
    namespace.wait("the change arrives", lambda: revision(namespace) == 2)
    operator.kill()
    operator.start()

    wait_for_rollout(namespace, 2, trigger="ConfigMap env")


def test_a_changed_secret_is_one_rollout_and_its_content_is_nowhere(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """Neither the value nor a digest that could be tried out without the right to read the Secret."""
    namespace.apply(secret("keys", PASSWORD="summer"), secret("same", PASSWORD="summer"))
    workers_at_work(namespace, redis, envFrom=[from_secret("keys"), from_secret("same")])
    before = digests(namespace)

    namespace.apply(secret("keys", PASSWORD="autumn"))
    wait_for_rollout(namespace, 2, trigger="Secret keys")

    after = digests(namespace)
    assert set(before) == set(after) == {"Secret/keys", "Secret/same"}
    assert before["Secret/keys"] != before["Secret/same"]
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in after.values())
    told = "".join(
        (
            namespace.kubectl("get", "deployments,replicasets,pods,qwp,events", "--output=json"),
            operator.log.read_text(encoding="utf-8"),
        )
    )
    assert not re.search("summer|autumn|c3VtbWVy|YXV0dW1u", told)


def test_what_the_pool_says_of_a_reference_holds(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """One is ignored, one that no pod names is heeded, and to begin ignoring one restarts nobody."""
    del operator
    namespace.apply(config_map("env", A="1"), config_map("noise", A="1"), config_map("read-by-php", A="1"))
    sources = [from_config("env"), from_config("noise")]
    said = [
        {"kind": "ConfigMap", "name": "noise", "onChange": "Ignore"},
        {"kind": "ConfigMap", "name": "read-by-php"},
    ]
    workers_at_work(namespace, redis, envFrom=sources, restart={"references": said})

    namespace.apply(config_map("noise", A="2"))
    namespace.apply(config_map("read-by-php", A="2"))
    wait_for_rollout(namespace, 2, trigger="ConfigMap read-by-php")
    assert set(digests(namespace)) == {"ConfigMap/env", "ConfigMap/read-by-php"}

    workers_at_work(
        namespace, redis, envFrom=sources, restart={"references": said, "onReferenceChange": "Ignore"}
    )
    namespace.apply(config_map("env", A="2"))
    time.sleep(NOTICED_SECONDS)
    assert revision(namespace) == 2


def test_a_config_that_comes_and_goes_restarts_those_who_can_do_without(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """An optional one that appears is news; one that is needed and deleted would only stop the successors."""
    del operator
    namespace.apply(config_map("needed", A="1"))
    workers_at_work(namespace, redis, envFrom=[from_config("needed"), from_config("optional", optional=True)])
    assert digests(namespace)["ConfigMap/optional"] == "absent"

    namespace.apply(config_map("optional", A="1"))
    wait_for_rollout(namespace, 2, trigger="ConfigMap optional")
    namespace.kubectl("delete", "configmap", "needed")
    time.sleep(NOTICED_SECONDS)
    assert revision(namespace) == 2


def test_a_new_pool_has_one_template_from_the_first(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """It waits for the first reading; what is missing delays it by nothing."""
    del operator
    namespace.apply(config_map("env", A="1"))
    workers_at_work(namespace, redis, envFrom=[from_config("env"), from_config("missing")])
    time.sleep(SETTLED_SECONDS)

    assert revision(namespace) == 1
    assert set(digests(namespace)) == {"ConfigMap/env"}


def in_a_minute() -> str:
    """Write the next minute but one that begins, as a schedule: far enough for a pool to be there before."""
    moment = datetime.now(tz=UTC) + timedelta(seconds=75)
    return f"{moment.minute} {moment.hour} * * *"


def test_a_schedule_restarts_once_at_its_moment(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """Not when it is given, not twice, and not for a moment gone by when it is edited; also when nobody looked."""
    workers_at_work(namespace, redis)
    gone_by = datetime.now(tz=UTC) - timedelta(minutes=5)
    workers_at_work(
        namespace, redis, restart={"schedule": f"{gone_by.minute} {gone_by.hour} * * *", "timeZone": "UTC"}
    )
    time.sleep(SETTLED_SECONDS)
    assert revision(namespace) == 1

    workers_at_work(namespace, redis, restart={"schedule": in_a_minute()})
    time.sleep(SETTLED_SECONDS)
    assert revision(namespace) == 1
    operator.kill()
    operator.start()
    wait_for_rollout(namespace, 2, trigger="Schedule", seconds=130)


def test_the_frameworks_signal_restarts_those_who_heed_it(
    namespace: Namespace, redis: RedisServer, operator: OperatorProcess
) -> None:
    """Once for each time that it is given; an old one is history."""
    del operator
    redis.cli("SET", SIGNAL, str(int(time.time()) - 3600), database=1)
    workers_at_work(namespace, redis)
    time.sleep(SETTLED_SECONDS)
    assert revision(namespace) == 1

    redis.cli("SET", SIGNAL, str(int(time.time())), database=1)
    wait_for_rollout(namespace, 2, trigger="Signal")

    workers_at_work(namespace, redis, restart={"onSignal": "Ignore"})
    redis.cli("SET", SIGNAL, str(int(time.time())), database=1)
    time.sleep(SETTLED_SECONDS)
    assert revision(namespace) == 2
