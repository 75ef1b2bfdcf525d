"""The OpenAPI description of the plain-JSON API, generated from its collections."""

from collections.abc import Iterator
from typing import Any

from shared.catalog.controls import LARGEST_COUNT
from shared.catalog.interactions import ROOT_ROUTES, Interaction
from shared.catalog.types import SESSION_TYPES
from shared.fhir.bundles import IF_MATCH
from shared.fhir.validation.schema import value_set_codes
from shared.http.negotiation import PLAIN_JSON as JSON
from shared.http.negotiation import PLAIN_PATCHES
from shared.http.openapi.schemas import ID, PRIMITIVES, TEXT, reference_to
from shared.plain.collections import COLLECTIONS
from shared.plain.collections.rows import CURSOR, SORTS, Collection, Param
from shared.plain.concepts import CODING, CONCEPT, Coding, Concept
from shared.plain.fields import Field
from shared.plain.groups import Group
from shared.plain.kinds import Code, Inside, Kind, Minutes, Primitive
from shared.plain.problems import PROBLEM_JSON
from shared.plain.referred import REFERENCE, Id, Named

type Json = dict[str, Any]

TAG = "Plain JSON"
_DONE = {
    "create": {"201": "Created"},
    "search-type": {"200": "A page of members"},
    "read": {"200": "The member", "304": "The client has the current version"},
    "update": {"200": "Updated, or already as requested", "201": "Created"},
    "patch": {"200": "Changed, or already as requested"},
    "delete": {"204": "Deleted, or did not exist"},
}
_WRITE = (404, 409, 410, 412, 413, 415, 422)
_REFUSED = {"create": (*_WRITE, 429), "search-type": (404,), "read": (404, 410), "delete": _WRITE}
_DATE = r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?$"


def schemas() -> Json:
    """Return the schemas of the collections' members and of a problem document, by name."""
    members = {
        name_of(collection): _object(collection.every_field) for collection in COLLECTIONS.values()
    }
    return members | {"Problem": _problem()}


def name_of(collection: Collection) -> str:
    """Return the name of a collection's schema."""
    return f"Plain{collection.name.capitalize()}"


def operations(root: str) -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and OpenAPI operation of each request below a root URL."""
    for row in ROOT_ROUTES.values():
        for collection in COLLECTIONS.values() if row.is_plain and row.audit_action else ():
            path = row.path.replace("{collection}", collection.name)
            yield path, row.method, {"servers": [{"url": root}], **_operation(row, collection)}


def _operation(row: Interaction, collection: Collection) -> Json:
    code = row.code.partition("-")[0]
    described: Json = {
        "operationId": f"{code}{name_of(collection)}",
        "summary": f"{code} {collection.name}",
        "description": f"For {row.roles_text}. Stored as a FHIR {collection.type}.",
        "tags": [TAG],
        "parameters": [*_parameters(row, collection)],
        "responses": _responses(row, collection),
    }
    if content := _body(row, collection):
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(row: Interaction, collection: Collection) -> Iterator[Json]:
    if "{id}" in row.path:
        schema = {"type": "string", "pattern": ID}
        yield {"name": "id", "in": "path", "required": True, "schema": schema, "example": "example"}
    if row.code == "search-type":
        yield from map(_param, collection.params)
        yield _query("sort", "Order by time; -date sorts the latest first", {"enum": [*SORTS]})
        count = {"type": "integer", "minimum": 1, "maximum": LARGEST_COUNT}
        yield _query("count", "Page size, 20 by default", count)
        yield _query(CURSOR, "`next` of the previous page; repeat its other parameters", TEXT)
    if row.code in ("update", "patch", "delete"):
        text = "The version to change; 412 if the current version is another"
        tag = {"type": "string", "enum": ['W/"1"']}
        yield {"name": IF_MATCH, "in": "header", "description": text, "schema": tag}


def _param(param: Param) -> Json:
    if param.prefix:
        return _query(param.name, param.about, {"type": "string", "pattern": _DATE})
    codes = value_set_codes(param.value_set) if param.value_set else [*param.codes]
    if codes:
        return _query(param.name, param.about, {"type": "string", "enum": codes})
    # The ids of people and places may come from another system.
    id_pattern = ID if param.target in SESSION_TYPES else r"^[A-Za-z0-9._-]{1,64}$"
    pattern = r"^[A-Z][a-z]+/[A-Za-z0-9.-]{1,64}$" if param.is_reference else id_pattern
    return _query(param.name, param.about, {"type": "string", "pattern": pattern})


def _query(name: str, about: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _body(row: Interaction, collection: Collection) -> Json:
    if row.code == "patch":
        name, value = next(iter(collection.example.items()))
        changes = {"schema": {"type": "object"}, "example": {name: value}}
        return dict.fromkeys(sorted(PLAIN_PATCHES), changes)
    if row.code in ("create", "update"):
        # Required in requests only: a stored value may have no plain form, and is then left out.
        required = [field.name for field in collection.fields if field.required]
        schema = {
            **reference_to(name_of(collection)),
            **({"required": required} if required else {}),
        }
        return {JSON: {"schema": schema, "example": dict(collection.example)}}
    return {}


def _responses(row: Interaction, collection: Collection) -> Json:
    answers: Json = {}
    member: Json = reference_to(name_of(collection))
    data: Json = {"data": member}
    if row.code == "search-type":
        cursor = {"type": ["string", "null"]}
        data = {"data": {"type": "array", "items": member}, "next": cursor}
    schema: Json = {"type": "object", "properties": data, "required": [*data]}
    for status, text in _DONE[row.code].items():
        answers[status] = {"description": text}
        if status not in ("204", "304"):
            answers[status]["content"] = {JSON: {"schema": schema}}
    for refusal in (400, 403, 503, *_REFUSED.get(row.code, _WRITE)):
        answers[str(refusal)] = {"$ref": "#/components/responses/Problem"}
    gateway = {JSON: {"schema": reference_to("GatewayError")}}
    answers["401"] = {"description": "The token is missing or invalid", "content": gateway}
    return answers


def responses() -> Json:
    """Return the responses that several operations share, by name."""
    content = {PROBLEM_JSON: {"schema": reference_to("Problem")}}
    return {
        "Problem": {
            "description": "Refused: the problem document says what is wrong, and where",
            "content": content,
        }
    }


def _problem() -> Json:
    location = {name: {"type": "string"} for name in ("pointer", "parameter", "header", "element")}
    error = {"type": "object", "properties": {**location, "detail": TEXT}, "required": ["detail"]}
    properties = {
        "type": {"const": "about:blank"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": TEXT,
        "errors": {"type": "array", "items": error, "minItems": 1},
    }
    required = ["type", "title", "status", "detail", "code"]
    return {"type": "object", "properties": properties, "required": required}


def _object(fields: tuple[Field, ...]) -> Json:
    properties: Json = {}
    for field in fields:
        schema = _schema(field.kind)
        array = {"type": "array", "items": schema}
        annotations: Json = {"description": field.about} if field.about else {}
        annotations |= {"readOnly": True} if field.read_only else {}
        properties[field.name] = {**(array if field.many else schema), **annotations}
        if field.plural:
            about = f"All values, if there are several; {field.name} is the first"
            properties[field.plural] = {**array, "description": about}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _schema(kind: Kind) -> Json:
    schema: Json = TEXT
    match kind:
        case Code(value_set=value_set):
            codes = value_set_codes(value_set)
            schema = {"type": "string", "enum": codes} if codes else PRIMITIVES["code"]
        case Primitive(form=form):
            schema = PRIMITIVES.get(form, TEXT)
        case Coding(displays=displays):
            schema = _either({"type": "string", "enum": [*displays]}, CODING)
        case Concept(displays=displays):
            usual = {"type": "string", "enum": [*displays]} if displays else TEXT
            schema = _either(usual, CONCEPT)
        case Named():
            schema = _either(TEXT, REFERENCE)
        case Id():
            schema = _id(kind)
        case Minutes():
            schema = {"type": "number", "minimum": 0}
        case Inside(kind=inner):
            schema = _schema(inner)
        case Group(fields=fields):
            schema = _object(fields) | {"minProperties": 1}
    return schema


def _id(kind: Id) -> Json:
    forms = " or ".join(f"{type_name}/id" for type_name in kind.types)
    return {"type": "string", "description": f"An id, or {forms}" if kind.usual else forms}


def _either(plain: Json, parts: dict[str, str]) -> Json:
    properties = {name: PRIMITIVES.get(form, TEXT) for name, form in parts.items()}
    object_schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [plain, object_schema]}
