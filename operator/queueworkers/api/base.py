"""What every model of the resource has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "queueworkers.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "QueueWorkerPool"
PLURAL = "queueworkerpools"

DAY = 24 * 60 * 60
"""In seconds."""

SecretName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""The name of an object in the pool's own namespace; there is no way to name another namespace."""

SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]


class ApiModel(BaseModel):
    """
    A part of the resource: camelCase on the wire, snake_case here, never changed once made.

    The docstring under a field is its description in the CRD, and so in
    ``kubectl explain``.  Patterns stay within what Rust's, Go's and CEL's
    regular expressions agree upon, since all three read them.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )
