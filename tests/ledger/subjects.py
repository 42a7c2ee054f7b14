"""Whose workers are disturbed: a pool of this operator, and a plain Deployment to compare it with."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from cluster.shop import POOL, PREFIX
from ledger.plan import QUEUES, TRIES, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cluster.shop import Shop
    from harness.operator_process import OperatorProcess

    TakeBack = Callable[[], object]
    Way = Callable[[float], TakeBack | None]

MOST_WORKERS = 10
"""A pod costs about a second of processor time to start, and two cores are all that many machines have."""
LIST_KEYS = tuple(f"{PREFIX}queues:{queue}" for queue in QUEUES)

_TIMEOUT_SECONDS = 60
_RETRY_AFTER_SECONDS = 90
_BACKOFF_SECONDS = 1
_SLEEP_SECONDS = 1

Json = dict[str, Any]


class Subject(ABC):
    """
    Workers that take jobs from an application's queues.

    Args:
        shop: The application, with a namespace and a Redis of its own.
    """

    name: ClassVar[str]
    """What the report calls it."""
    deployment: ClassVar[str]
    """The Deployment that holds the workers."""
    labels: ClassVar[str]
    """Of the workers' pods."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._kubectl = shop.namespace.kubectl
        self._releases = 0

    @property
    @abstractmethod
    def ways(self) -> Mapping[Kind, Way]:
        """
        How it can be disturbed.

        Each way takes a number from 0 to 1 that chooses which worker or how
        many, and returns what takes it back, if anything is to.
        """

    @abstractmethod
    def deploy(self) -> None:
        """Make the workers."""

    @abstractmethod
    def burst_begins(self) -> None:
        """Do what whoever runs the workers does when many jobs come."""

    @abstractmethod
    def burst_ends(self) -> None:
        """Do what whoever runs the workers does when hardly a job is left."""

    def _restart_deployment(self, _: float) -> None:
        """Restart the workers as somebody does who knows Deployments only; nothing where there is none yet."""
        if self.shop.namespace.find("deployment", self.deployment):
            self._kubectl("rollout", "restart", f"deployment/{self.deployment}")

    def _delete_pod(self, choice: float) -> None:
        """Ask a worker to leave, busy or not, with the grace that its pod has."""
        pods = [
            pod["metadata"]["name"]
            for pod in self.shop.namespace.list_all("pods", self.labels)
            if "deletionTimestamp" not in pod["metadata"]
        ]
        if pods:
            self._kubectl(
                "delete", "pod", pods[int(choice * len(pods))], "--wait=false", "--ignore-not-found"
            )

    def _next_release(self) -> str:
        self._releases += 1
        return str(self._releases)


class PoolOfWorkers(Subject):
    """
    A QueueWorkerPool, and the operator that looks after it.

    Args:
        shop: The application.
        operator: Is killed, and started again.
    """

    name = "this operator"
    deployment = f"{POOL}-workers"
    labels = f"queueworkers.io/pool={POOL}"

    def __init__(self, shop: Shop, operator: OperatorProcess) -> None:
        super().__init__(shop)
        self._operator = operator
        self._operator_back: TakeBack | None = None

    @property
    def ways(self) -> Mapping[Kind, Way]:
        """Everything that the ledger knows."""
        return {
            Kind.BOUNDS: self._change_bounds,
            Kind.SCALE: self._pin,
            Kind.ANNOTATE: self._annotate,
            Kind.RESTART_AT: lambda _: self._patch(restart={"at": _now()}),
            Kind.ROLLOUT_RESTART: self._restart_deployment,
            Kind.OPTION: lambda choice: self._patch(memory=128 + round(choice * 64)),
            Kind.ENVIRONMENT: self._change_environment,
            Kind.SUSPEND: self._suspend,
            Kind.DELETE_POD: self._delete_pod,
            Kind.KILL_OPERATOR: lambda _: self._take_operator(self._operator.kill, back=self._operator.start),
            Kind.FREEZE_OPERATOR: lambda _: self._take_operator(
                self._operator.pause, back=self._operator.resume
            ),
        }

    def deploy(self) -> None:
        """Apply a pool that follows its backlog closely, so that workers come and go all the time."""
        self.shop.namespace.apply_pool(
            POOL,
            self.shop.spec(
                queues=list(QUEUES),
                tries=TRIES,
                timeout=_TIMEOUT_SECONDS,
                retryAfter=_RETRY_AFTER_SECONDS,
                backoff=[_BACKOFF_SECONDS],
                sleep=_SLEEP_SECONDS,
                scaling={
                    "maxReplicas": MOST_WORKERS,
                    "backlogPerWorker": 20,
                    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 2}},
                },
            ),
        )

    def burst_begins(self) -> None:
        """Do nothing: the backlog tells the operator."""

    def burst_ends(self) -> None:
        """Do nothing: the backlog tells the operator."""

    def _change_bounds(self, choice: float) -> None:
        least, most = round(choice * 4), MOST_WORKERS - round(choice * 10) % 5
        self._patch(scaling={"minReplicas": least, "maxReplicas": most})

    def _pin(self, choice: float) -> TakeBack:
        self._kubectl("scale", f"qwp/{POOL}", f"--replicas={round(choice * MOST_WORKERS)}")
        return lambda: self._patch(scaling={"replicas": None})

    def _annotate(self, _: float) -> None:
        self._kubectl("annotate", f"qwp/{POOL}", "--overwrite", f"kubectl.kubernetes.io/restartedAt={_now()}")

    def _change_environment(self, _: float) -> None:
        environment = {**self.shop.environment, "RELEASE": self._next_release()}
        self._patch(env=[{"name": name, "value": value} for name, value in environment.items()])

    def _suspend(self, _: float) -> TakeBack:
        self._patch(suspend=True)
        return lambda: self._patch(suspend=False)

    def _patch(self, **spec: object) -> None:
        self._kubectl("patch", f"qwp/{POOL}", "--type=merge", f"--patch={json.dumps({'spec': spec})}")

    def _take_operator(self, take: Callable[[], object], *, back: TakeBack) -> TakeBack:
        """Take the operator away; one that is away already comes back first."""
        self._bring_operator_back()
        take()
        self._operator_back = back
        return self._bring_operator_back

    def _bring_operator_back(self) -> None:
        back, self._operator_back = self._operator_back, None
        if back is not None:
            back()


class PlainDeployment(Subject):
    """
    The same workers without an operator, and somebody with kubectl.

    Args:
        shop: The application.
        grace_seconds: Between SIGTERM and SIGKILL; ``None`` leaves it to Kubernetes, which gives 30.
        timeout_seconds: Of a job.
        retry_after_seconds: After which a job that a worker took is anybody's again.
    """

    name = "plain Deployment"
    deployment = "plain"
    labels = "app=plain"

    def __init__(
        self,
        shop: Shop,
        *,
        grace_seconds: int | None = None,
        timeout_seconds: int = _TIMEOUT_SECONDS,
        retry_after_seconds: int = _RETRY_AFTER_SECONDS,
    ) -> None:
        super().__init__(shop)
        self._grace_seconds = grace_seconds
        self._timeout_seconds = timeout_seconds
        self._retry_after_seconds = retry_after_seconds

    @property
    def ways(self) -> Mapping[Kind, Way]:
        """What somebody with kubectl does to a Deployment."""
        return {
            Kind.SCALE: lambda choice: self.scale(1 + int(choice * MOST_WORKERS)),
            Kind.ROLLOUT_RESTART: self._restart_deployment,
            Kind.ENVIRONMENT: self._change_environment,
            Kind.DELETE_POD: self._delete_pod,
        }

    def deploy(self) -> None:
        """Apply what most teams begin with."""
        pod: Json = {"containers": [self._container()]}
        if self._grace_seconds is not None:
            pod["terminationGracePeriodSeconds"] = self._grace_seconds
        self.shop.namespace.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": self.deployment},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": "plain"}},
                    "template": {"metadata": {"labels": {"app": "plain"}}, "spec": pod},
                },
            }
        )

    def burst_begins(self) -> None:
        """Scale up by hand."""
        self.scale(MOST_WORKERS)

    def burst_ends(self) -> None:
        """Scale down by hand; one stays for jobs that come back."""
        self.scale(1)

    def scale(self, workers: int) -> None:
        """Have so many workers."""
        self._kubectl("scale", f"deployment/{self.deployment}", f"--replicas={workers}")

    def _change_environment(self, _: float) -> None:
        self._kubectl("set", "env", f"deployment/{self.deployment}", f"RELEASE={self._next_release()}")

    def _container(self) -> Json:
        options = {
            "queue": ",".join(QUEUES),
            "tries": TRIES,
            "timeout": self._timeout_seconds,
            "backoff": _BACKOFF_SECONDS,
            "sleep": _SLEEP_SECONDS,
        }
        environment = {
            **self.shop.environment,
            "REDIS_QUEUE_RETRY_AFTER": str(self._retry_after_seconds),
        }
        return {
            "name": "worker",
            "image": self.shop.image,
            "imagePullPolicy": "Never",
            "args": [
                "php",
                "artisan",
                "queue:work",
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            "env": [{"name": name, "value": value} for name, value in environment.items()],
        }


def _now() -> str:
    """This moment to the microsecond: two restarts within a second are two."""
    return datetime.now(tz=UTC).isoformat()
