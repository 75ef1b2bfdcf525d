"""Definition resources made from the catalogue: operations, search parameters, extensions.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from collections.abc import Iterator
from typing import Any

from shared.catalog.channels import MATCH_PATH, OPT_OUT_PATH
from shared.catalog.operations import INSTANCE, OPERATIONS, TYPE, Operation, Parameter
from shared.catalog.parameters import OWN_DEFINITION_PATH, SEARCH_PARAMS, SearchParam
from shared.catalog.policies import EXTENSION_PATH, POLICIES_TEXT
from shared.catalog.subscriptions import OWNER_PATH, SECRET_PATH
from shared.catalog.types import STORED_TYPES
from shared.errors import NotFound
from shared.fhir import fhirjson
from shared.fhir.references import CORE_DEFINITIONS

type Json = dict[str, Any]

# The date of the definitions and the CapabilityStatement. Raise it with every catalogue change.
DATE = "2026-11-29"
_SESSION_POLICY = EXTENSION_PATH.rpartition("/")[2]
# The parts of the extension; `shared.rules.policy_extension` checks their values.
_PARTS = (
    ("policy", "code", f"How sessions begin and end: {POLICIES_TEXT}"),
    ("idleMinutes", "unsignedInt", "Minutes without a message after which a session closes"),
    ("maxHours", "positiveInt", "Hours from its opening after which a session closes"),
    ("timeZone", "code", "IANA time zone of the thread's days; ignored under scope patient"),
)
# The extensions with one value, by the end of their URLs: the type that has them, name, type of the
# value, meaning.
_WITH_VALUE = {
    SECRET_PATH: (
        "Subscription",
        "SubscriptionSecret",
        "string",
        "The secret that notifications are signed with. Clients write it, and nobody reads it.",
    ),
    OWNER_PATH: (
        "Subscription",
        "SubscriptionOwner",
        "Reference",
        "The patient or related person who made the Subscription. Only the server writes it.",
    ),
    OPT_OUT_PATH: (
        "Communication",
        "ChannelOptOut",
        "dateTime",
        "Since when the contact of a thread does not want to be written to; staff cannot, then.",
    ),
    MATCH_PATH: (
        "Communication",
        "ChannelMatch",
        "Reference",
        "The person whom staff have said to be at the other end of a thread, by $match-sender.",
    ),
}


def definition(base: str, resource_type: str, definition_id: str) -> bytes:
    """Return a definition resource as JSON. Raises NotFound naming those that exist."""
    definitions = _definitions(base)[resource_type]
    if definition_id not in definitions:
        raise NotFound(
            f"{resource_type}/{definition_id} does not exist",
            diagnostics=f"These exist: {', '.join(definitions)}",
        )
    return fhirjson.dumps(definitions[definition_id])


def operation_url(operation: Operation, base: str) -> str:
    """Return the canonical URL of an operation's definition: HL7's or this server's."""
    return operation.standard or f"{base}/OperationDefinition/{operation.id}"


def _definitions(base: str) -> dict[str, dict[str, Json]]:
    return {
        "OperationDefinition": {row.id: _operation(row, base) for row in OPERATIONS},
        "SearchParameter": {
            row.definition.removeprefix(OWN_DEFINITION_PATH): _parameter(row, base)
            for row in _own()
        },
        "StructureDefinition": {
            _SESSION_POLICY: _session_policy(base),
            **{path.rpartition("/")[2]: _with_value(path, base) for path in _WITH_VALUE},
        },
    }


def search_parameter_url(row: SearchParam, base: str) -> str:
    """Return the canonical URL of a search parameter's definition: HL7's or this server's."""
    return (
        f"{base}/{row.definition}"
        if row.definition.startswith(OWN_DEFINITION_PATH)
        else row.definition
    )


def _own() -> Iterator[SearchParam]:
    """Return the search parameters that this server defines itself."""
    rows = (row for name in STORED_TYPES for row in SEARCH_PARAMS.of(name).values())
    return (row for row in rows if row.definition.startswith(OWN_DEFINITION_PATH))


def _parameter(row: SearchParam, base: str) -> Json:
    expression = {"expression": row.expression} if row.expression else {}
    return {
        "resourceType": "SearchParameter",
        "id": row.definition.removeprefix(OWN_DEFINITION_PATH),
        "url": search_parameter_url(row, base),
        "name": row.code,
        "status": "active",
        "date": DATE,
        "description": row.description,
        "code": row.code,
        "base": [row.resource],
        "type": row.type,
        **expression,
        **({"target": [*row.targets]} if row.targets else {}),
    }


def _operation(row: Operation, base: str) -> Json:
    output = {"name": "return", "use": "out", "min": 1, "max": "1", "type": row.returns}
    return {
        "resourceType": "OperationDefinition",
        "id": row.id,
        "url": f"{base}/OperationDefinition/{row.id}",
        "name": "".join(part.capitalize() for part in row.code.split("-")),
        "status": "active",
        "kind": "operation",
        "date": DATE,
        "description": row.description,
        "affectsState": row.affects_state,
        "code": row.code,
        **({"base": row.standard} if row.standard else {}),
        "resource": [*row.types],
        "system": False,
        "type": TYPE in row.levels,
        "instance": INSTANCE in row.levels,
        "parameter": [
            *(_declared(parameter, "in") for parameter in row.parameters),
            *(_declared(parameter, "out") for parameter in row.outputs),
            *([] if row.outputs else [output]),
        ],
    }


def _declared(row: Parameter, use: str) -> Json:
    profiles = {"targetProfile": [f"{CORE_DEFINITIONS}{target}" for target in row.targets]}
    return {
        "name": row.name,
        "use": use,
        "min": row.min,
        "max": row.max,
        "documentation": row.documentation,
        "type": row.type,
        **(profiles if row.targets else {}),
    }


def _session_policy(base: str) -> Json:
    description = (
        "Set on a thread's header: how its sessions begin and end, in place of the "
        "deployment's policy."
    )
    url = f"{base}{EXTENSION_PATH}"
    return _extension(url, "SessionPolicy", description, "Communication", [*_elements(url)])


def _with_value(path: str, base: str) -> Json:
    resource_type, name, kind, description = _WITH_VALUE[path]
    url = f"{base}{path}"
    elements = [
        _element("Extension", min=0, max="1", short=description),
        _element("Extension.extension", max="0"),
        _element("Extension.url", fixedUri=url),
        _element("Extension.value[x]", min=1, type=[{"code": kind}]),
    ]
    return _extension(url, name, description, resource_type, elements)


def _extension(
    url: str, name: str, description: str, resource_type: str, elements: list[Json]
) -> Json:
    return {
        "resourceType": "StructureDefinition",
        "id": url.rpartition("/")[2],
        "url": url,
        "name": name,
        "title": description.partition(":")[0].partition(".")[0],
        "status": "active",
        "date": DATE,
        "description": description,
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": resource_type}],
        "type": "Extension",
        "baseDefinition": f"{CORE_DEFINITIONS}Extension",
        "derivation": "constraint",
        "differential": {"element": elements},
    }


def _elements(url: str) -> Iterator[Json]:
    """Yield the ElementDefinitions of the extension and its parts, each with its type."""
    yield _element("Extension", min=0, max="1", short="How sessions of this thread begin and end")
    slicing = {"discriminator": [{"type": "value", "path": "url"}], "rules": "closed"}
    yield _element("Extension.extension", slicing=slicing)
    for name, code, short in _PARTS:
        part = f"Extension.extension:{name}"
        yield _element(part, sliceName=name, min=0, max="1", short=short)
        yield _element(f"{part}.url", fixedUri=name)
        yield _element(f"{part}.value[x]", min=1, type=[{"code": code}])
    yield _element("Extension.url", fixedUri=url)
    yield _element("Extension.value[x]", max="0")


def _element(element_id: str, **rest: Any) -> Json:
    path = ".".join(part.partition(":")[0] for part in element_id.split("."))
    return {"id": element_id, "path": path, **rest}
