"""What every model of the resource has in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "queueworkers.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "QueueWorkerPool"
PLURAL = "queueworkerpools"

DAY = 24 * 60 * 60
"""In seconds."""

SAYS = "x-says"
"""Where a schema keeps the sentence for a text that does not match its pattern."""


def text(pattern: str, says: str, *, max_length: int) -> Any:
    """
    Bound a text, and say in a sentence what it may look like.

    The API server's own words for a mismatch recite the pattern; in the CRD
    it becomes a rule that says *says* instead.  Patterns stay within what
    Rust's (here) and Go's (there) regular expressions agree upon.
    """
    return Field(max_length=max_length, pattern=pattern, json_schema_extra={SAYS: says})


SecretName = Annotated[
    str,
    text(
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "the name of a Secret has lower-case letters, digits, - and . only; it is looked for in the pool's "
        "own namespace, so give no namespace",
        max_length=253,
    ),
]

SecretKey = Annotated[
    str,
    text(r"^[-._a-zA-Z0-9]+$", "a key of a Secret has letters, digits, -, _ and . only", max_length=253),
]


class ApiModel(BaseModel):
    """
    A part of the resource: camelCase on the wire, snake_case here, never changed once made.

    The docstring under a field is its description in the CRD, and so in
    ``kubectl explain``.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )
