"""Validation of what is sent, by pydantic models, with every error in the terms of FHIR's issues.

https://pydantic.dev/docs/validation/latest/concepts/models/
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails

from shared.errors import Issue
from shared.plain.checks import problem

type Json = dict[str, Any]
type Location = tuple[int | str, ...]

_NO_ARRAY = "list_type"


def camel_case(name: str) -> str:
    """Return the JSON name of a model's field: `patientId` of `patient_id`, `class` of `class_`."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(map(str.capitalize, others))


class Model(BaseModel):
    """An object whose unknown members are refused. A member may be null, as if it were left out."""

    model_config = ConfigDict(
        alias_generator=camel_case, extra="forbid", defer_build=True, hide_input_in_errors=True
    )
    names: ClassVar[tuple[str, ...]] = ()
    # Members that may be sent, and are not validated.
    ignored: ClassVar[frozenset[str]] = frozenset()
    # The issue type of an unknown member, and what a member is called.
    unknown: ClassVar[tuple[str, str]] = ("structure", "field")

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.names = tuple(map(camel_case, cls.model_fields))

    @classmethod
    def is_empty(cls, _plain: Json) -> bool:
        """Return whether an object has too few members to mean anything."""
        return False

    @model_validator(mode="wrap")
    @classmethod
    def _find_every_error(cls, plain: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate an object. Raise its errors in the order of its members."""
        if not isinstance(plain, dict):
            raise problem("structure", "Must be an object")
        errors = [*cls._name_errors(plain)]
        valid = set(cls.names) - cls.ignored
        members = {name: plain[name] for name in plain if name in valid}
        try:
            model = validate({name: part for name, part in members.items() if part is not None})
        except ValidationError as error:
            errors += map(_translated, error.errors(include_url=False, include_input=False))
        if errors:
            order = {name: place for place, name in enumerate(plain)}
            errors.sort(key=lambda error: order.get(next(iter(error["loc"]), ""), len(order)))
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return model

    @classmethod
    def _name_errors(cls, plain: Json) -> Iterator[InitErrorDetails]:
        code, member = cls.unknown
        names = ", ".join(cls.names)
        for name in plain:
            if name not in cls.names:
                yield _error(code, f"There is no such {member}: the {member}s are {names}", name)
        if cls.is_empty(plain):
            yield _error("value", f"Must have at least one of {names}")


def _error(code: str, text: str, *location: int | str) -> InitErrorDetails:
    return InitErrorDetails(type=problem(code, text), loc=location, input=None)


def _translated(error: ErrorDetails) -> InitErrorDetails:
    if error["type"] == _NO_ARRAY:
        return _error("structure", "Must be an array", *error["loc"])
    return _error(error["type"], error["msg"], *error["loc"])


def pointer(location: Location) -> str:
    """Return a JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901 ."""
    tokens = (str(token).replace("~", "~0").replace("/", "~1") for token in location)
    return "/".join(["#", *tokens])


def issues(
    model: type[Model], plain: Any, expression: Callable[[Location], str] = pointer
) -> Iterator[Issue]:
    """Yield what is wrong with a value. `expression` names the location of an issue."""
    try:
        model.model_validate(plain)
    except ValidationError as error:
        for line in error.errors(include_url=False, include_input=False):
            yield Issue(line["type"], line["msg"], expression(line["loc"]))
