"""The OpenAPI description of the plain-JSON API, generated from its collections."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from shared.catalog.interactions import ROOT_ROUTES, Interaction
from shared.fhir.bundles import IF_MATCH
from shared.http.negotiation import PLAIN_JSON as JSON
from shared.http.negotiation import PLAIN_PATCHES
from shared.http.openapi.schemas import ID, TEXT, reference_to
from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from shared.plain.new_attachment import EXAMPLE, REQUIRED, NewAttachment
from shared.plain.problems import PROBLEM_JSON

type Json = dict[str, Any]

TAG = "Plain JSON"
# What the names of the schemas begin with: many types of FHIR have the same names.
_PREFIX = "Plain"
_MODE: Literal["validation"] = "validation"
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


class _Schemas(GenerateJsonSchema):
    """Pydantic's JSON Schemas, without titles, and without null for what has no default."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def schemas() -> Json:
    """Return the schemas of the collections' members and of a problem document, by name."""
    models: list[Any] = [(collection.model, _MODE) for collection in COLLECTIONS.values()]
    models.append((NewAttachment, _MODE))
    template = f"#/components/schemas/{_PREFIX}{{model}}"
    generated = models_json_schema(models, ref_template=template, schema_generator=_Schemas)[1]
    named = {f"{_PREFIX}{name}": schema for name, schema in generated["$defs"].items()}
    return named | {"Problem": _problem()}


def name_of(collection: Collection) -> str:
    """Return the name of a collection's schema."""
    return f"{_PREFIX}{collection.model.__name__}"


def operations(root: str) -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and OpenAPI operation of each request below a root URL."""
    server = {"servers": [{"url": root}]}
    for row in ROOT_ROUTES.values():
        if row.is_plain and row.function == "binaries":
            yield row.path, row.method, server | _upload(row)
        for collection in COLLECTIONS.values() if "{collection}" in row.path else ():
            path = row.path.replace("{collection}", collection.name)
            yield path, row.method, server | _operation(row, collection)


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


def _upload(row: Interaction) -> Json:
    """Return the operation that begins an upload, or the one that completes it."""
    ends = "{id}" in row.path
    name = "complete" if ends else "begin"
    answers = _refusals((404, 409, 413, 422) if ends else (415, 422))
    answers["201" if ends else "200"] = {
        "description": "The file, which can be attached" if ends else "Where to send the file",
        "content": {JSON: {"schema": _object({"data": {"type": "object"}})}},
    }
    if ends:
        answers["200"] = {**answers["201"], "description": "The file had been completed before"}
    body = {"schema": _attachment_schema(), "example": EXAMPLE}
    return {
        "operationId": f"{name}Upload",
        "summary": f"{name} the upload of a file",
        "description": f"For {row.roles_text}. Stored as a FHIR {row.type}.",
        "tags": [TAG],
        "parameters": [*_id_parameter(row)],
        "responses": answers,
        **({} if ends else {"requestBody": {"required": True, "content": {JSON: body}}}),
    }


def _attachment_schema() -> Json:
    return {**reference_to(f"{_PREFIX}{NewAttachment.__name__}"), "required": [*REQUIRED]}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _id_parameter(row: Interaction) -> Iterator[Json]:
    if "{id}" in row.path:
        schema = {"type": "string", "pattern": ID}
        yield {"name": "id", "in": "path", "required": True, "schema": schema, "example": "example"}


def _parameters(row: Interaction, collection: Collection) -> Iterator[Json]:
    yield from _id_parameter(row)
    if row.code == "search-type":
        query = collection.query.model_json_schema(schema_generator=_Schemas)
        for name, schema in query["properties"].items():
            about = schema.pop("description")
            yield {"name": name, "in": "query", "description": about, "schema": schema}
    if row.code in ("update", "patch", "delete"):
        text = "The version to change; 412 if the current version is another"
        tag = {"type": "string", "enum": ['W/"1"']}
        yield {"name": IF_MATCH, "in": "header", "description": text, "schema": tag}


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
    schema = _object(data)
    for status, text in _DONE[row.code].items():
        answers[status] = {"description": text}
        if status not in ("204", "304"):
            answers[status]["content"] = {JSON: {"schema": schema}}
    return answers | _refusals(_REFUSED.get(row.code, _WRITE))


def _refusals(statuses: Iterable[int]) -> Json:
    """Return the refusals of an operation: those that every one has, and some more."""
    problem = {"$ref": "#/components/responses/Problem"}
    answers: Json = {str(status): problem for status in (400, 403, 503, *statuses)}
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
