"""The JSON Schemas of the plain-JSON API, which its models give OpenAPI."""

from typing import Any

import jsonschema_rs
import pytest

from shared.http.openapi.schemas import all_schemas
from shared.plain import openapi
from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from shared.plain.fields import Field
from tests.support import plain_values

type Json = dict[str, Any]

SCHEMAS = openapi.schemas()
ALL = [*COLLECTIONS.values()]
FIELDS = [(collection, field) for collection in ALL for field in collection.fields]
by_name = pytest.mark.parametrize("collection", ALL, ids=lambda each: each.name)
by_field = pytest.mark.parametrize(
    ("collection", "field"), FIELDS, ids=[f"{each.name} {field.name}" for each, field in FIELDS]
)


def is_described(collection: Collection, body: Json) -> bool:
    document = {"$ref": f"#/components/schemas/{openapi.name_of(collection)}"}
    return jsonschema_rs.is_valid(document | {"components": {"schemas": SCHEMAS}}, body)


def test_no_schema_has_the_name_of_one_of_fhirs() -> None:
    assert SCHEMAS.keys().isdisjoint(all_schemas())


@by_name
def test_the_example_is_one_of_its_own_schema(collection: Collection) -> None:
    schema = SCHEMAS[openapi.name_of(collection)]
    assert schema["examples"] == [collection.example]
    assert is_described(collection, collection.example)
    assert not is_described(collection, collection.example | {"colour": "red"})


@by_name
def test_fields_of_the_server_are_read_only(collection: Collection) -> None:
    properties = SCHEMAS[openapi.name_of(collection)]["properties"]
    read_only = {name for name, schema in properties.items() if schema.get("readOnly")}
    assert read_only == {"id", "version", "updated"}


@by_name
def test_no_field_is_said_to_be_null_by_default(collection: Collection) -> None:
    properties = SCHEMAS[openapi.name_of(collection)]["properties"]
    defaults = {name: row["default"] for name, row in properties.items() if "default" in row}
    assert defaults == {f.name: f.default for f in collection.fields if f.default is not None}


@by_field
def test_every_valid_value_is_described(collection: Collection, field: Field) -> None:
    for value in plain_values.valid_values(field.kind):
        assert is_described(collection, {field.name: [value] if field.many else value}), value
        assert not field.plural or is_described(collection, {field.plural: [value, value]}), value


@by_field
def test_a_value_of_another_json_type_is_not_described(
    collection: Collection, field: Field
) -> None:
    for value in plain_values.invalid_values(field.kind):
        if not isinstance(value, str | dict):
            assert not is_described(collection, {field.name: [value] if field.many else value})
