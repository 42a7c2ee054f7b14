"""
Kubernetes' own shapes inside the pool, as far as the pool looks into them.

They stay plain JSON in Python, and the server keeps their unknown fields:
what they mean is decided by the pod that is made from them.
"""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

Json = dict[str, Any]

MAX_CONTAINERS = 20

_PRESERVE: Json = {"x-kubernetes-preserve-unknown-fields": True}

_QUANTITY: Json = {
    "x-kubernetes-int-or-string": True,
    "maxLength": 32,
    "pattern": r"^[0-9]+(\.[0-9]+)?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$",
}


def _strings(description: str) -> Json:
    return {
        "type": "object",
        "description": description,
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 65_536},
    }


def _amounts(description: str) -> Json:
    """CPU and memory by name, so that rules see them; other resources as they come."""
    return {
        "type": "object",
        "description": description,
        "properties": {
            "cpu": {**_QUANTITY, "description": "CPU, such as 500m or 1."},
            "memory": {**_QUANTITY, "description": "Memory, such as 256Mi."},
        },
        **_PRESERVE,
    }


_ENV_VAR: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {
            "type": "string",
            "description": "Name of the variable.",
            "minLength": 1,
            "maxLength": 253,
            "pattern": r"^[^=\x00-\x20\x7f]+$",
        },
        "value": {
            "type": "string",
            "description": "Its value; never a secret, which belongs into valueFrom.secretKeyRef.",
            "maxLength": 131_072,
        },
        "valueFrom": {
            "description": "Where its value comes from, as in a container.",
            "type": "object",
            **_PRESERVE,
        },
    },
}

_ENV_SOURCE: Json = {
    "type": "object",
    "properties": {
        "prefix": {
            "type": "string",
            "description": "What is put in front of every variable's name.",
            "maxLength": 253,
        },
        "configMapRef": {
            "description": "A ConfigMap in the pool's own namespace.",
            "type": "object",
            **_PRESERVE,
        },
        "secretRef": {
            "description": "A Secret in the pool's own namespace.",
            "type": "object",
            **_PRESERVE,
        },
    },
}

_CONTAINER: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {
            "type": "string",
            "description": "Name of the container; the worker's is `worker`.",
            "minLength": 1,
            "maxLength": 63,
        },
        "image": {"type": "string", "description": "Image of a sidecar.", "maxLength": 1024},
        "command": {
            "type": "array",
            "description": "Command of a sidecar.",
            "maxItems": 64,
            "items": {"type": "string", "maxLength": 4096},
        },
        "args": {
            "type": "array",
            "description": "Arguments of a sidecar.",
            "maxItems": 64,
            "items": {"type": "string", "maxLength": 4096},
        },
    },
    **_PRESERVE,
}

_POD_TEMPLATE: Json = {
    "type": "object",
    "properties": {
        "metadata": {
            "type": "object",
            "description": "Labels and annotations of the worker pods, beside the operator's own.",
            "properties": {
                "labels": _strings("Labels of the worker pods."),
                "annotations": _strings("Annotations of the worker pods."),
            },
        },
        "spec": {
            "type": "object",
            "description": "Anything of a PodSpec: volumes, serviceAccountName, affinity, initContainers, sidecars.",
            "properties": {
                "terminationGracePeriodSeconds": {
                    "type": "integer",
                    "format": "int64",
                    "description": "The same as `spec.gracePeriodSeconds`, in the pod's own words.",
                    "minimum": 1,
                    "maximum": 604_800,
                },
                "restartPolicy": {
                    "type": "string",
                    "description": "Always: a worker that ends by design is started again.",
                    "maxLength": 16,
                },
                "containers": {
                    "type": "array",
                    "description": "The container `worker` is merged into the worker; others run beside it.",
                    "maxItems": MAX_CONTAINERS,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": _CONTAINER,
                },
            },
            **_PRESERVE,
        },
    },
}

Env = Annotated[
    tuple[Json, ...],
    Field(max_length=256),
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": 256,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": _ENV_VAR,
        }
    ),
]
"""As `env` of a container."""

EnvFrom = Annotated[
    tuple[Json, ...],
    Field(max_length=64),
    WithJsonSchema({"type": "array", "maxItems": 64, "items": _ENV_SOURCE}),
]
"""As `envFrom` of a container."""

Resources = Annotated[
    Json,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "limits": _amounts(
                    "The most that a worker may take; the kernel ends one that needs more memory."
                ),
                "requests": _amounts("What is set aside for a worker."),
            },
            **_PRESERVE,
        }
    ),
]
"""As `resources` of a container."""

PodTemplate = Annotated[Json, WithJsonSchema(_POD_TEMPLATE)]
"""A PodTemplateSpec, of which only what rules look at is declared."""
