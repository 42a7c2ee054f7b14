"""What every model of the resource has in common."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

GROUP = "queueworkers.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "QueueWorkerPool"
PLURAL = "queueworkerpools"

DAY = 24 * 60 * 60
"""In seconds."""

SAYS = "x-says"
"""Where a schema keeps the sentence for a text that does not match its pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """
    The bounds of a text, with a sentence for one that does not keep to them.

    The API server's own words for a mismatch recite the pattern; in the CRD
    it becomes a rule that says *says* instead.  Patterns stay within what
    Python's and Go's regular expressions agree upon.
    """

    pattern: str
    says: str
    max_length: int

    def check(self, value: str) -> str:
        """Accept a text that matches as a whole."""
        if re.fullmatch(self.pattern, value):
            return value
        raise ValueError(self.says)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        bounded = core_schema.str_schema(max_length=self.max_length)
        return core_schema.no_info_after_validator_function(self.check, bounded)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern, SAYS: self.says}


SecretName = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        says="the name of a Secret has lower-case letters, digits, - and . only; it is looked for in the pool's "
        "own namespace, so give no namespace",
        max_length=253,
    ),
]

SecretKey = Annotated[
    str,
    Text(
        pattern=r"^[-._a-zA-Z0-9]+$",
        says="a key of a Secret has letters, digits, -, _ and . only",
        max_length=253,
    ),
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
