"""OpenAPI descriptions of requests: parameters, headers and bodies, with examples.

https://spec.openapis.org/oas/v3.1.1.html#operation-object
"""

from collections.abc import Iterator
from typing import Any

from shared.catalog.controls import CONTROLS_BY_INTERACTION, COUNT, FORMATS, Control
from shared.catalog.examples import EXAMPLES
from shared.catalog.interactions import SERVER_DOCUMENTS, Interaction
from shared.catalog.operations import Operation, Parameter
from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.events.models import EVENTS
from shared.http.negotiation import FORM, JSON_TYPES
from shared.http.openapi.schemas import ID, PRIMITIVES, TEXT, Json, reference_to

JSON = "application/fhir+json"
_PATCHES: dict[str, Json] = {
    "application/json-patch+json": {
        "schema": reference_to("JsonPatch"),
        "example": [{"op": "add", "path": "/language", "value": "en"}],
    },
    "application/merge-patch+json": {
        "schema": {"type": "object"},
        "example": {"language": "en"},
    },
}
_HEADERS = {
    "If-Match": ("The version to change; 412 if the current version is another", 'W/"1"'),
    "If-None-Match": (
        "Versions that the client has; 304 if the current one is among them",
        'W/"1"',
    ),
    "If-Modified-Since": ("304 if it has not changed since", "Sat, 21 Nov 2020 10:00:00 GMT"),
    "If-None-Exist": ("A search; nothing is created if it finds a resource", "identifier=urn:x|1"),
    "Prefer": ("return=minimal, representation or OperationOutcome", "return=representation"),
    "Range": ("The part of the file to return", "bytes=0-99"),
    "If-Range": ("The version that the range is of; the whole file if it is another", 'W/"1"'),
    "X-Security-Context": (
        "The resource whose readers may read the file, if the body is the file itself",
        "Patient/homer-simpson",
    ),
}
_SENT = {
    "create": ("Prefer", "If-None-Exist"),
    "update": ("Prefer", "If-Match"),
    "patch": ("Prefer", "If-Match"),
    "delete": ("If-Match",),
    "read": ("If-None-Match", "If-Modified-Since"),
    "vread": ("If-None-Match", "If-Modified-Since"),
    **dict.fromkeys(SERVER_DOCUMENTS, ("If-None-Match",)),
}
# In addition, for Binaries.
_SENT_WITH_FILES = {
    "create": ("X-Security-Context",),
    "update": ("X-Security-Context",),
    "read": ("Range", "If-Range"),
    "vread": ("Range", "If-Range"),
}
_PATH_VARIABLES = {
    "id": (ID, "example"),
    "vid": ("^[1-9][0-9]{0,3}$", "1"),
    "event": (f"^({'|'.join(EVENTS)})$", "SessionClosed"),
}
_VALUES: dict[str, tuple[str, str]] = {
    "date": (r"^(eq|ne|gt|ge|lt|le|sa|eb)?[0-9]{4}(-(0[1-9]|1[0-2]))?$", "ge2026"),
    "quantity": (r"^(gt|ge|lt|le)?[0-9]{1,4}$", "gt10"),
    "reference": (r"^[A-Z][A-Za-z]+/[A-Za-z0-9-]{1,64}$", "Patient/homer-simpson"),
    "token": (r"^[A-Za-z0-9-]+$", "in-progress"),
    "uri": (r"^\S+$", "https://example.org/protocol"),
}


def path_parameters(path: str) -> Iterator[Json]:
    """Yield the descriptions of a path's variables."""
    for name, (pattern, example) in _PATH_VARIABLES.items():
        if f"{{{name}}}" in path:
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": pattern},
                "example": example,
            }


def query_parameters(row: Interaction, kind: str) -> Iterator[Json]:
    """Yield the descriptions of an interaction's query parameters for a resource type."""
    controls = CONTROLS_BY_INTERACTION.get(row.code, FORMATS)
    if row.code == "search-type":
        controls = (COUNT, *controls)
    is_search = row.code == "search-type" or (row.conditional and row.code != "create")
    if is_search and row.path in ("/{type}", f"/{kind}"):
        yield from map(_search_parameter, SEARCH_PARAMS.of(kind).values())
    yield from map(control_parameter, controls)


def control_parameter(row: Control) -> Json:
    """Return the description of a control parameter, such as `_format`."""
    schema = PRIMITIVES.get(row.type, TEXT)
    if row.name == "_format":
        schema = {"enum": ["json", *sorted(JSON_TYPES)]}
    if row.name == "_summary":
        schema = {"enum": ["true", "text", "data", "false"]}
    example = {"example": row.example} if schema.get("type") == "string" else {}
    return {
        "name": row.name,
        "in": "query",
        "description": row.documentation,
        "schema": schema,
        **example,
    }


def _search_parameter(row: SearchParam) -> Json:
    pattern, example = _VALUES.get(row.type, (r"^[A-Za-z0-9 -]+$", "x"))
    if row.targets:
        example = f"{row.targets[0]}/example"
    return {
        "name": row.code,
        "in": "query",
        "description": row.description or row.expression,
        "schema": {"type": "string", "pattern": pattern},
        "example": example,
    }


def header_parameters(row: Interaction) -> Iterator[Json]:
    """Yield the descriptions of the request headers that an interaction supports."""
    of_files = _SENT_WITH_FILES.get(row.code, ()) if row.is_of_files else ()
    for name in (*_SENT.get(row.code, ()), *of_files):
        if name == "If-None-Exist" and not row.conditional:
            continue
        text, example = _HEADERS[name]
        yield {
            "name": name,
            "in": "header",
            "description": text,
            "schema": {"type": "string", "enum": [example]},
        }


def request_body(row: Interaction, kind: str) -> Json:
    """Return an interaction's request body for a resource type, by media type; empty if none."""
    if row.code in ("create", "update"):
        file: Json = (
            {"application/octet-stream": {"schema": {}, "example": "..."}}
            if row.is_of_files
            else {}
        )
        return {JSON: {"schema": reference_to(kind), "example": EXAMPLES[kind]}} | file
    if row.code == "patch":
        return _PATCHES
    if row.path.endswith("/_search"):
        form = {row.code: TEXT for row in SEARCH_PARAMS.of(kind).values()}
        return {
            FORM: {
                "schema": {"type": "object", "properties": form},
                "example": {"_id": "example"},
            }
        }
    return {}


def operation_parameter(row: Parameter) -> Json:
    """Return the description of an operation's query parameter."""
    schema = PRIMITIVES.get(row.type, TEXT)
    return {
        "name": row.name,
        "in": "query",
        "description": row.documentation,
        "schema": {"enum": ["create", "update", "delete"]} if row.name == "mode" else schema,
    }


def operation_body(operation: Operation, kind: str) -> Json:
    """Return the body of an operation, with an example of its first parameter."""
    example: Json = {"resourceType": "Parameters"}
    if operation.parameters and operation.code != "everything":
        row = operation.parameters[0]
        value: Any = {"reference": f"{row.targets[0]}/homer-simpson"} if row.targets else "2026"
        part = {"name": row.name, row.property: EXAMPLES[kind] if row.is_resource else value}
        example["parameter"] = [part]
    return {"schema": reference_to("Parameters"), "example": example}
