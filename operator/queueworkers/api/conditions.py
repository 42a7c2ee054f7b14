"""
What a pool may say about itself, each word once.

A reason is a word that a person greps for, alerts on and acts upon; the
docstring says what to do.  Messages are sentences and may change, reasons
may not.
"""

from enum import StrEnum


class ConditionType(StrEnum):
    """The conditions of a pool; each is present from the first look at the pool on."""

    READY = "Ready"
    """The pool is as it should be: nothing is being replaced and nothing stands in the way (kstatus)."""
    BACKLOG_KNOWN = "BacklogKnown"
    """The backlog could be read; otherwise the number of workers stays what it is."""
    SCALING_ACTIVE = "ScalingActive"
    """The number of workers follows the backlog."""
    SCALING_LIMITED = "ScalingLimited"
    """A bound keeps the pool from the number of workers that the backlog asks for."""
    PROGRESSING = "Progressing"
    """Workers are being started or replaced."""
    STOPS_GRACEFULLY = "StopsGracefully"
    """Workers hear that they are asked to leave, and end the job in hand first."""


class ConditionStatus(StrEnum):
    """Three values, as everywhere in Kubernetes."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionReason(StrEnum):
    """Why a condition is what it is."""

    # Ready, and ScalingActive: all is well.
    ACTIVE = "Active"
    """Workers run and the backlog decides how many.  Nothing to do."""
    IDLE = "Idle"
    """No work and no worker; the first job wakes the pool.  Nothing to do."""
    AT_MAX_REPLICAS = "AtMaxReplicas"
    """The backlog asks for more workers than allowed.  Raise `spec.scaling.maxReplicas`, or wait."""
    BUDGET_SPENT = "BudgetSpent"
    """The pool's budget leaves it fewer workers than it would have.  Raise the budget's `maxReplicas` or the pool's
    `spec.scaling.budget.priority`, or wait."""
    PAUSED = "Paused"
    """Somebody paused queues of the pool, so their jobs ask for no worker.  `queue:continue` ends it."""
    MAINTENANCE = "Maintenance"
    """The application is in maintenance mode, so its jobs ask for no worker.  `up` ends it."""
    SUSPENDED = "Suspended"
    """`spec.suspend` is true.  Set it to false to work again."""
    PINNED = "Pinned"
    """`spec.scaling.replicas` decides, as after `kubectl scale`.  Remove it to follow the backlog again."""
    RECOMMENDING = "Recommending"
    """Mode Recommend: the status says what would be done.  Set `spec.scaling.mode` to Auto to have it done."""

    # Ready=False, Progressing=True: something is on its way.
    STARTING = "Starting"
    """Workers are not ready yet.  Wait."""
    ROLLING_RESTART = "RollingRestart"
    """Workers are replaced because somebody asked for it, each after its job.  Wait."""
    ROLLING_UPDATE = "RollingUpdate"
    """Workers are replaced because the pool changed, each after its job.  Wait."""
    DRAINING = "Draining"
    """Workers that are too many finish their jobs.  Wait."""

    ROLLOUT_HELD = "RolloutHeld"
    """Workers are to be replaced, and somebody holds it.  Set `spec.restart.rollout` to Run, or resume the
    Deployment."""
    ROLLOUT_UNDONE = "RolloutUndone"
    """The workers are those of the revision before.  Correct the pool, then set `spec.restart.rollout` to Run."""

    # Ready=False: a person has to act.
    ROLLOUT_STOPPED = "RolloutStopped"
    """New workers fail, so no more old ones are replaced.  Correct what the message names, or set
    `spec.restart.rollout` to Undo."""
    SCALING_CONFLICT = "ScalingConflict"
    """Something else scales the pool's Deployment.  Remove that autoscaler, or aim it at the pool."""
    BUDGET_NOT_FOUND = "BudgetNotFound"
    """There is no such budget, so no worker is added.  Create it, or correct `spec.scaling.budget.name`."""
    BACKLOG_UNKNOWN = "BacklogUnknown"
    """The backlog cannot be read, so the number of workers stays.  See the condition BacklogKnown."""
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The image cannot be had.  Correct `spec.image`, or the pull secret."""
    WORKERS_CRASHING = "WorkersCrashing"
    """Workers end soon after they start.  Read their log; the message tells the exit code."""
    RECYCLING_DELAYED = "RecyclingDelayed"
    """Workers ended by design, so often that the kubelet waits before it starts them again.  Raise `maxJobs`,
    `maxTime` or `memory`."""
    UNSCHEDULABLE = "Unschedulable"
    """No node has room for a worker.  Lower `spec.resources`, `maxReplicas`, or add nodes."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """The namespace's quota or limits refuse a worker.  Raise them, or lower what the pool asks for."""
    START_REFUSED = "StartRefused"
    """The container cannot be started.  Correct what the message names, often `spec.command` or `spec.security`."""
    PODS_REFUSED = "PodsRefused"
    """The API server refuses the worker's pod, as Pod Security does.  Correct what the message names."""
    MISSING_REFERENCE = "MissingReference"
    """A Secret or ConfigMap that the workers or the operator need is not there.  Create it."""
    INVALID_SPEC = "InvalidSpec"
    """The pool was stored under another version of the CRD.  Correct what the message names."""
    INVALID_POD_TEMPLATE = "InvalidPodTemplate"
    """The API server refuses the pod made from `spec.podTemplate`.  Correct what the message names."""
    NAME_TAKEN = "NameTaken"
    """A Deployment of the name that the pool needs is somebody else's.  Delete it, or rename the pool."""
    APPLY_FAILED = "ApplyFailed"
    """The API server refused the Deployment.  The message has its words; it is tried again."""

    # BacklogKnown, when it is; otherwise see UnknownReason.
    BACKLOG_READ = "BacklogRead"
    """Every queue was read.  Nothing to do."""
    QUEUE_NOT_FOUND = "QueueNotFound"
    """A queue's keys never existed.  Check prefix, database and framework; the message names keys that do."""

    # ScalingLimited, in the words of a HorizontalPodAutoscaler.
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    """The bounds let the backlog have what it asks for.  Nothing to do."""
    TOO_MANY_REPLICAS = "TooManyReplicas"
    """The backlog asks for more than `maxReplicas`."""
    TOO_FEW_REPLICAS = "TooFewReplicas"
    """The backlog asks for less than `minReplicas`."""

    # Progressing.
    COMPLETE = "Complete"
    """Every worker is as the pool wants it.  Nothing to do."""

    # StopsGracefully.
    LISTENING = "Listening"
    """Workers hear that they are asked to leave.  Nothing to do."""
    NO_WORKER_SEEN = "NoWorkerSeen"
    """No worker of the present template has been ready yet.  Wait for the first one."""
    NOT_PROBED = "NotProbed"
    """Nobody looks, as `podTemplate` has a startupProbe, or the framework is Custom.  See that workers heed SIGTERM."""
    PCNTL_MISSING = "PcntlMissing"
    """PHP lacks the pcntl extension, so jobs are cut off.  Install it in the image."""
    NOT_LISTENING = "NotListening"
    """Nothing in the container listens as a worker does, so jobs are cut off.  Check `spec.command`."""
    OUT_OF_REACH = "OutOfReach"
    """The worker's user keeps signals of the first process from it, so jobs are cut off.  Run both as one user."""
    SIGNALS_UNSUPPORTED = "SignalsUnsupported"
    """The framework's version knows no signals, so jobs are cut off.  Upgrade it."""


class UnknownReason(StrEnum):
    """Why a backlog is not known: the reason of `BacklogKnown` while it is not True."""

    HOST_NOT_FOUND = "HostNotFound"
    """The host's name cannot be resolved.  Correct `spec.redis.host`."""
    CONNECTION_FAILED = "ConnectionFailed"
    """Nothing answers at the address.  Check that Redis runs, `host` and `port`, and network policies."""
    TIMED_OUT = "TimedOut"
    """Redis is too slow to answer, or the network swallows what is sent.  It is tried again."""
    TLS_FAILED = "TLSFailed"
    """There is no trusted encrypted connection.  Check `spec.redis.tls` and the certificates."""
    LOADING = "Loading"
    """Redis has just started and reads its data.  Wait."""
    AUTHENTICATION_REQUIRED = "AuthenticationRequired"
    """Redis wants a password.  Give `spec.redis.passwordSecretRef`."""
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    """Redis refuses the user or the password.  Check `spec.redis.username` and the Secret."""
    PERMISSION_DENIED = "PermissionDenied"
    """Redis does not let this user read the queues.  Grant what the message names."""
    DATABASE_NOT_FOUND = "DatabaseNotFound"
    """Redis has no database of that number.  Correct `spec.redis.database`."""
    MASTER_NOT_FOUND = "MasterNotFound"
    """The Sentinels have no master of that name, or none just now.  Check `masterName`, or wait for the fail-over."""
    KEYS_IN_DIFFERENT_SLOTS = "KeysInDifferentSlots"
    """A queue's keys are spread over a cluster, where no worker can use them.  Name the queue in braces."""
    WRONG_KEY_TYPE = "WrongKeyType"
    """A queue's key holds something else.  Check the prefix, the queue's name and the framework."""
    QUEUE_NOT_FOUND = "QueueNotFound"
    """A queue's keys never existed.  Check prefix, database and framework; the message names keys that do."""
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 -- a reason, not a secret
    """A Secret that `spec.redis` names is not there.  Create it."""
    SECRET_NOT_READABLE = "SecretNotReadable"  # noqa: S105 -- a reason, not a secret
    """The API server does not let the operator read the Secret.  Check the operator's role."""
    SECRET_KEY_NOT_FOUND = "SecretKeyNotFound"  # noqa: S105 -- a reason, not a secret
    """The Secret has no such key.  Add it, or correct the reference."""
    SERVER_ERROR = "ServerError"
    """Redis answers with an error, or what answers is no Redis.  The message has its words."""


class FollowedBy(StrEnum):
    """How changes of a pool's queues become known."""

    PUSH = "Push"
    """Redis tells of them; a slow sweep lies beneath."""
    POLL = "Poll"
    """Somebody looks, again and again."""


class WaitBound(StrEnum):
    """How what is told of a wait relates to the wait itself."""

    EXACTLY = "Exactly"
    """The queue tells since when."""
    AT_LEAST = "AtLeast"
    """The queue does not tell; counted from when the job was first seen in front of the others."""
    AT_MOST = "AtMost"
    """The queue does not tell; counted from when the job before it was added."""
