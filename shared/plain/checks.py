"""Annotations that pydantic checks and describes values by."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from shared.fhir.validation.primitives import PRIMITIVES
from shared.http.openapi import schemas

type Json = dict[str, Any]


def problem(issue_type: str, text: str) -> PydanticCustomError:
    """Return an error for pydantic, whose type is a FHIR issue type."""
    return PydanticCustomError(issue_type, "{text}", {"text": text})


class Rule(NamedTuple):
    """Which values are valid: as a test, in words, and as JSON Schema."""

    accepts: Callable[[Any], object]
    expected: str
    json_schema: Json
    issue_type: str = "value"

    def validated(self, plain: Any) -> Any:
        """Return a valid value. Raise PydanticCustomError if it is not."""
        if not self.accepts(plain):
            raise problem(self.issue_type, f"Must be {self.expected}")
        return plain


TEXT = Rule(PRIMITIVES["string"].is_valid, PRIMITIVES["string"].form, schemas.TEXT)


class Checked:
    """An annotation that pydantic checks and describes a value by.

    https://pydantic.dev/docs/validation/latest/concepts/types/#custom-types
    """

    def rule(self) -> Rule:
        """Return the rule for values. It is asked for when a model is first used."""
        return TEXT

    def __get_pydantic_core_schema__(
        self, _source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.rule().validated)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        return {**self.rule().json_schema}
