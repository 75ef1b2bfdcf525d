"""Models of plain objects: pydantic's, with the FHIR elements that their fields stand for."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, get_args, get_origin

import pydantic
from pydantic import ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from shared.plain import fields, writing
from shared.plain.fields import Field
from shared.plain.kinds import Inside, Value
from shared.plain.validation import Model, camel_case

type Json = dict[str, Any]


class _Mapped(NamedTuple):
    """The description of a field in a model, and the member that it shows of its element."""

    field: Field
    member: str


class _Plural(NamedTuple):
    """The name of the field that shows the first of the values."""

    of: str


def element(path: str, about: str = "", *, default: Any = None, **more: Any) -> Any:
    """Return a field of a model for the FHIR element at a path, with what Field says of it.

    An element that repeats is followed by `[*]`, and then by the member of it that is shown, if it
    is one: `participant[*].individual`.
    """
    extra: Json | None = {"readOnly": True} if more.get("read_only") else None
    info: FieldInfo = pydantic.Field(default, description=about or None, json_schema_extra=extra)
    array, star, member = path.partition("[*]")
    info.metadata.append(_Mapped(Field(array, bool(star), **more), member.removeprefix(".")))
    return info


def every(name: str) -> Any:
    """Return a field of a model for all values of the element whose first one another shows."""
    about = f"All values, if there are several; {camel_case(name)} is the first"
    info: Any = pydantic.Field(None, description=about)
    info.metadata.append(_Plural(name))
    return info


def example(body: Json) -> ConfigDict:
    """Return the configuration of a model with an example of what a client sends."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Mapped(Model):
    """An object whose fields stand for the elements of a FHIR object. The class is a Kind."""

    fields: ClassVar[tuple[Field, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **more: Any) -> None:
        super().__pydantic_init_subclass__(**more)
        cls.fields = tuple(_fields(cls.model_fields))
        cls.ignored = frozenset(field.name for field in cls.fields if field.read_only)

    @classmethod
    def from_fhir(cls, value: Json) -> Json | None:
        """Return the plain form of a FHIR object, or None if no field shows anything of it."""
        return fields.from_fhir(cls.fields, value) or None

    @classmethod
    def to_fhir(cls, plain: Json, old: Json | None) -> Json:
        """Return the FHIR form of an object, with what it does not show of the old one."""
        return writing.to_fhir(cls.fields, plain, old or {})

    @classmethod
    def cleared(cls, _old: Any) -> None:
        """Return None: an object is removed as a whole."""

    @classmethod
    def expanded(cls, plain: Any) -> Any:
        """Return an object as it is: it has no short form."""
        return plain

    @classmethod
    def pointers(cls, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        """Yield the FHIRPaths within a FHIR object, each with its JSON Pointer."""
        yield path, pointer
        yield from fields.pointers(cls.fields, value or {}, path, pointer)


def _fields(infos: dict[str, FieldInfo]) -> Iterator[Field]:
    rows = [(name, info, row) for name, info in infos.items() for row in info.metadata]
    plurals = {row.of: name for name, _, row in rows if isinstance(row, _Plural)}
    for name, info, row in rows:
        if isinstance(row, _Mapped):
            many = get_origin(info.annotation) is list
            kind = _kind(FieldInfo.from_annotation(*get_args(info.annotation)) if many else info)
            yield replace(
                row.field,
                name=camel_case(name),
                kind=Inside(row.member, kind) if row.member else kind,
                plural=camel_case(plurals.get(name, "")),
                many=many,
                default=info.default,
            )


def _kind(info: FieldInfo) -> Any:
    """Return the kind that a model declares for a field: an annotation, or else a model."""
    return next((row for row in info.metadata if isinstance(row, Value)), info.annotation)


class Part(Mapped):
    """An object in a plain object. It must not be empty."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @classmethod
    def is_empty(cls, plain: Json) -> bool:
        """Return whether an object has no members."""
        return not plain


class LongForm(Part):
    """The object form of a value that is mostly shown as a text."""

    @classmethod
    def is_empty(cls, plain: Json) -> bool:
        """Return whether an object has no members that it may have."""
        return plain.keys().isdisjoint(cls.names)

    @classmethod
    def shape(cls) -> str:
        """Return the members that an object may have, for an error text."""
        return f"an object {{{', '.join(cls.names)}}}"


class Shortened(Value):
    """The base of kinds whose values are a text if it says everything, and otherwise an object."""

    long_form: ClassVar[type[LongForm]]

    def __get_pydantic_core_schema__(
        self, _source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        rule = self.rule()

        def validate(plain: Any, as_object: core_schema.ValidatorFunctionWrapHandler) -> Any:
            return as_object(plain) if isinstance(plain, dict) else rule.validated(plain)

        # Not a union: its tags would be in the locations of errors.
        objects = handler.generate_schema(self.long_form)
        return core_schema.no_info_wrap_validator_function(validate, objects)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        return {"anyOf": [self.rule().json_schema, handler(schema)]}
