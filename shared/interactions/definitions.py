"""What the catalogue says, as FHIR's definitions: operations, parameters, the header's extension.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from collections.abc import Iterator
from typing import Any

from shared import fhirjson
from shared.catalog.operations import INSTANCE, OPERATIONS, TYPE, Operation, Parameter
from shared.catalog.parameters import OWN, SEARCH_PARAMS, SearchParam
from shared.catalog.types import TYPES
from shared.errors import NotFound
from shared.sessions import policies

type Json = dict[str, Any]

# The date of what these and the CapabilityStatement say: raised with every change of the catalogue.
DATE = "2026-11-21"
_CORE = "http://hl7.org/fhir/StructureDefinition"
_SESSION_POLICY = policies.EXTENSION.rpartition("/")[2]
# The parts of the extension; what each may say is checked by sessions.policies.
_PARTS = (
    ("policy", "code", "How sessions begin and end: explicit, thread or daily"),
    ("idleMinutes", "unsignedInt", "Minutes without a message after which a session closes"),
    ("maxHours", "positiveInt", "Hours from its opening after which a session closes"),
    ("timeZone", "code", "IANA time zone of the thread's days; not where days are of patients"),
)


def definition(base: str, resource_type: str, definition_id: str) -> bytes:
    """Give a definition as JSON. Raises NotFound naming those that there are."""
    found = _definitions(base)[resource_type]
    if definition_id not in found:
        raise NotFound(
            f"{resource_type}/{definition_id} does not exist",
            diagnostics=f"There are {', '.join(found)}",
        )
    return fhirjson.dumps(found[definition_id])


def url_of(operation: Operation, base: str) -> str:
    """Give where an operation is defined: by HL7, or here."""
    return operation.standard or f"{base}/OperationDefinition/{operation.id}"


def _definitions(base: str) -> dict[str, dict[str, Json]]:
    return {
        "OperationDefinition": {row.id: _operation(row, base) for row in OPERATIONS},
        "SearchParameter": {
            row.definition.removeprefix(OWN): _parameter(row, base) for row in _own()
        },
        "StructureDefinition": {_SESSION_POLICY: _session_policy(base)},
    }


def definition_of(row: SearchParam, base: str) -> str:
    """Give where a search parameter is defined: by HL7, or here."""
    return f"{base}/{row.definition}" if row.definition.startswith(OWN) else row.definition


def _own() -> Iterator[SearchParam]:
    rows = (row for each in TYPES for row in SEARCH_PARAMS.of(each).values())
    return (row for row in rows if row.definition.startswith(OWN))


def _parameter(row: SearchParam, base: str) -> Json:
    expression = {"expression": row.expression} if row.expression else {}
    return {
        "resourceType": "SearchParameter",
        "id": row.definition.removeprefix(OWN),
        "url": definition_of(row, base),
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
            *(_declared(each, "in") for each in row.parameters),
            *(_declared(each, "out") for each in row.outputs),
            *([] if row.outputs else [_output(row)]),
        ],
    }


def _declared(row: Parameter, use: str) -> Json:
    profiles = {"targetProfile": [f"{_CORE}/{target}" for target in row.targets]}
    return {
        "name": row.name,
        "use": use,
        "min": row.min,
        "max": row.max,
        "documentation": row.documentation,
        "type": row.type,
        **(profiles if row.targets else {}),
    }


def _output(row: Operation) -> Json:
    return {"name": "return", "use": "out", "min": 1, "max": "1", "type": row.returns}


def _session_policy(base: str) -> Json:
    return {
        "resourceType": "StructureDefinition",
        "id": _SESSION_POLICY,
        "url": f"{base}{policies.EXTENSION}",
        "name": "SessionPolicy",
        "title": "Session policy of a thread",
        "status": "active",
        "date": DATE,
        "description": "What a thread's header says of its sessions, instead of the deployment.",
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": "Communication"}],
        "type": "Extension",
        "baseDefinition": f"{_CORE}/Extension",
        "derivation": "constraint",
        "differential": {"element": [*_elements(f"{base}{policies.EXTENSION}")]},
    }


def _elements(url: str) -> Iterator[Json]:
    """Give the extension and each of its parts with its one type."""
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
