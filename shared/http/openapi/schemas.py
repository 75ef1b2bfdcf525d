"""JSON Schemas of the resources, generated from R4's definitions.

They are less strict than validation: they do not describe extensions and contained resources.
https://spec.openapis.org/oas/v3.1.1.html#schema-object
"""

from collections.abc import Iterable
from typing import Any

from shared.catalog.interactions import DEFINITIONS
from shared.catalog.types import AUDIT_EVENT, KEPT_TYPES
from shared.fhir.validation.schema import Element, Type, type_named, value_set_codes

type Json = dict[str, Any]

_OPEN = frozenset({"id", "extension", "modifierExtension", "contained", "implicitRules"})
_DAY = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_TIME = rf"T{_CLOCK}(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
ID = r"^[A-Za-z0-9.-]{1,64}$"
LARGEST_INTEGER = 2**31 - 1
# FHIR forbids control characters in strings, other than tab, line feed and carriage return.
TEXT = {"type": "string", "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$"}
_URI = {"type": "string", "pattern": r"^[^\s\x00-\x1f]+$"}
PRIMITIVES: dict[str, Json] = {
    "base64Binary": {"type": "string", "contentEncoding": "base64"},
    "boolean": {"type": "boolean"},
    "canonical": _URI,
    "code": {"type": "string", "pattern": r"^[^\s\x00-\x1f]+( [^\s\x00-\x1f]+)*$"},
    "date": {"type": "string", "pattern": f"^{_DAY})?)?$"},
    "dateTime": {"type": "string", "pattern": f"^{_DAY}({_TIME})?)?)?$"},
    "decimal": {"type": "number"},
    "id": {"type": "string", "pattern": ID},
    "instant": {"type": "string", "pattern": f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_TIME}$"},
    "integer": {"type": "integer", "minimum": -LARGEST_INTEGER - 1, "maximum": LARGEST_INTEGER},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER},
    "time": {"type": "string", "pattern": f"^{_CLOCK}$"},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER},
    "uri": _URI,
    "url": _URI,
}


def reference_to(name: str) -> Json:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def all_schemas() -> Json:
    """Return every schema by its name."""
    schemas: Json = {}
    for name in KEPT_TYPES:
        _add(schemas, name)
    for name in ("Parameters", "CapabilityStatement", AUDIT_EVENT, *DEFINITIONS):
        schemas[name] = _resource(name, {})
    return schemas | {
        "Bundle": _bundle(),
        "OperationOutcome": _outcome(),
        "JsonPatch": _json_patch(),
        "GatewayError": _object({"message": {"type": "string"}}, ["message"]),
    }


def _object(properties: Json, required: Iterable[str] = ()) -> Json:
    keyword = {"required": [*required]} if required else {}
    return {"type": "object", "properties": properties, **keyword}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _resource(name: str, properties: Json, required: Iterable[str] = ()) -> Json:
    return _object({"resourceType": {"const": name}, **properties}, ["resourceType", *required])


def _add(schemas: Json, name: str) -> None:
    """Add the schemas of a type and of its elements' types."""
    if name in schemas:
        return
    schemas[name] = {}  # a type may contain itself
    kind = type_named(name)
    elements = {key: element for key, element in kind.elements.items() if _is_shown(kind, key)}
    properties = {key: _element(schemas, element) for key, element in elements.items()}
    required = [
        element.name
        for element in kind.required
        if element.name in elements and not elements[element.name].choice
    ]
    if name in KEPT_TYPES:
        # R4 accepts an extension in place of a required primitive; resources here need the value.
        properties = {"id": PRIMITIVES["id"], **properties}
        schemas[name] = _resource(name, properties, required)
        return
    schemas[name] = _object(properties, [key for key in required if not elements[key].primitive])


def _is_shown(kind: Type, name: str) -> bool:
    return name not in _OPEN and (kind.name, name) != ("Reference", "identifier")


def _element(schemas: Json, element: Element) -> Json:
    if element.primitive:
        schema: Json = PRIMITIVES.get(element.type, TEXT)
        codes = value_set_codes(element.value_set) if element.value_set else []
        schema = {"type": "string", "enum": codes} if codes else schema
    else:
        _add(schemas, element.type)
        schema = reference_to(element.type)
        if element.targets:
            schema = {**schema, "description": f"To {', '.join(sorted(element.targets))}"}
    return _array(schema) if element.is_array else schema


def _bundle() -> Json:
    link = _object({"relation": TEXT, "url": PRIMITIVES["uri"]}, ["relation", "url"])
    entry = _object(
        {
            "fullUrl": PRIMITIVES["uri"],
            "resource": _object({"resourceType": TEXT}, ["resourceType"]),
            "search": _object({"mode": {"enum": ["match", "include", "outcome"]}}),
            "request": _object({"method": TEXT, "url": PRIMITIVES["uri"]}, ["method", "url"]),
            "response": _object({"status": TEXT, "etag": TEXT}, ["status"]),
        }
    )
    properties = {
        "type": {"enum": value_set_codes("bundle-type")},
        "total": PRIMITIVES["unsignedInt"],
        "link": _array(link),
        "entry": {**_array(entry), "minItems": 1},
    }
    return _resource("Bundle", properties, ["type"])


def _outcome() -> Json:
    issue = _object(
        {
            "severity": {"enum": value_set_codes("issue-severity")},
            "code": {"enum": value_set_codes("issue-type")},
            "details": _object({"text": TEXT}, ["text"]),
            "diagnostics": TEXT,
            "expression": {**_array(TEXT), "minItems": 1},
        },
        ["severity", "code", "details"],
    )
    return _resource("OperationOutcome", {"issue": {**_array(issue), "minItems": 1}}, ["issue"])


def _json_patch() -> Json:
    operations = ["add", "copy", "move", "remove", "replace", "test"]
    pointer = {"type": "string", "pattern": "^(/.*)?$"}
    properties = {"op": {"enum": operations}, "path": pointer, "from": pointer, "value": {}}
    return _array(_object(properties, ["op", "path"]))
