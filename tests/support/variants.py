"""Resources generated from R4's tables: valid ones for each element, and mutants with a mistake.

`valid_resource` returns one for an element path. `mutants` yields variants of it with one
mistake each, and the code and FHIRPath that the refusal must name.
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from shared.fhir.validation import schema
from shared.fhir.validation.schema import Element, Type, type_named

type Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'
EXTENSIONS = {"extension": [{"url": "https://example.org/x", "valueCode": "unknown"}]}
# How deep data types are followed: Encounter.participant.individual.identifier.period is 4.
DEEPEST = 4

PRIMITIVES: dict[str, tuple[Any, Any]] = {
    "base64Binary": ("YQ==", "Y"),
    "boolean": (True, "true"),
    "canonical": ("https://example.org/p|1", "a b"),
    "code": ("a code", " a"),
    "date": ("2021-06", "2021-13"),
    "dateTime": ("2021-06-15T20:56:01.41+02:00", "2021-06-15T20:56"),
    "decimal": (1, "1"),
    "id": ("a-1", "a_1"),
    "instant": ("2021-06-15T20:56:01Z", "2021-06-15"),
    "integer": (1, 1.5),
    "markdown": ("*x*", 5),
    "oid": ("urn:oid:1.2", "1.2"),
    "positiveInt": (1, 0),
    "string": ("x", 5),
    "time": ("10:00:00", "10:00"),
    "unsignedInt": (0, -1),
    "uri": ("https://example.org", "a b"),
    "url": ("https://example.org", "a b"),
    "uuid": ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "c757873d"),
    "xhtml": (DIV, 5),
}
# What a type's invariants require beside its required elements.
NEEDED: dict[str, Json] = {
    "Address": {"use": "work"},
    "Age": {"value": 1, "code": "a", "system": UCUM},
    "Appointment.participant": {"type": [{"text": "x"}]},
    "Attachment": {"contentType": "text/plain"},
    "Condition.evidence": {"code": [{"text": "x"}]},
    "Condition.stage": {"summary": {"text": "x"}},
    "ContactPoint": {"system": "phone", "value": "1", "use": "work"},
    "Count": {"value": 1, "code": "1", "system": UCUM},
    "DataRequirement.codeFilter": {"path": "x"},
    "DataRequirement.dateFilter": {"path": "x"},
    "Distance": {"value": 1, "code": "m", "system": UCUM},
    "Duration": {"value": 1, "code": "h", "system": UCUM},
    "Expression": {"expression": "true"},
    "Extension": {"valueString": "x"},
    "Meta": {"tag": [{"code": "x"}]},
    "Narrative": {"status": "generated", "div": DIV},
    "Observation.referenceRange": {"text": "x"},
    "Organization": {"name": "x"},
    "Patient.contact": {"name": {"text": "x"}},
    "Quantity": {"value": 1, "system": UCUM},
    "Reference": {"reference": "https://example.org/x"},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 1}},
    "SimpleQuantity": {"value": 1, "system": UCUM},
    "Timing.repeat": {
        "duration": 1,
        "durationUnit": "h",
        "period": 1,
        "periodUnit": "h",
        "count": 1,
    },
    "TriggerDefinition": {"type": "named-event", "name": "x"},
}
# Elements that replace others, because an invariant or a choice allows only one of them.
RESOLVED = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
            "code": "resolved",
        }
    ]
}
INSTEAD: dict[tuple[str, str], Json | None] = {
    ("Appointment", "cancelationReason"): {"status": "cancelled"},
    ("Appointment", "end"): {"start": "2021-06-15T20:56:01Z"},
    ("Appointment", "start"): {"end": "2021-06-15T20:56:01Z"},
    **{
        ("Condition", f"abatement{kind}"): {"clinicalStatus": RESOLVED}
        for kind in ("Age", "DateTime", "Period", "Range", "String")
    },
    ("DataRequirement.codeFilter", "searchParam"): {},
    ("DataRequirement.dateFilter", "searchParam"): {},
    ("Extension", "extension"): {},
    ("ServiceRequest", "orderDetail"): {"code": {"text": "x"}},
    ("SimpleQuantity", "comparator"): None,
    ("Timing.repeat", "offset"): {"when": ["HS"]},
    ("TriggerDefinition", "data"): {"type": "data-added"},
    ("TriggerDefinition", "condition"): {"type": "data-added", "data": [{"type": "Task"}]},
}


NOTHING = Element(
    is_array=False, type="", primitive=None, value_set="", choice="", targets=frozenset()
)


class PathStep(NamedTuple):
    """One property on the path to an element."""

    kind: Type
    name: str
    element: Element


class Mutant(NamedTuple):
    """A resource with one mistake, and the refusal that it must get."""

    what: str
    resource: Json
    code: str
    expression: str


def paths(resource_type: str, deepest: int = DEEPEST) -> list[list[PathStep]]:
    """Return the path to every element of a resource type, following data types."""
    return [*_paths(type_named(resource_type), [], frozenset(), deepest)]


def _paths(
    kind: Type, above: list[PathStep], seen: frozenset[str], deepest: int
) -> Iterator[list[PathStep]]:
    for name, element in kind.elements.items():
        if INSTEAD.get((kind.name, name), {}) is None or element.type == "Resource":
            continue
        path = [*above, PathStep(kind, name, element)]
        yield path
        if not element.primitive and len(path) < deepest and _is_followed(path, seen):
            yield from _paths(type_named(element.type), path, seen | {element.type}, deepest)


def _is_followed(path: list[PathStep], seen: frozenset[str]) -> bool:
    """Follow extensions only from the root, and no type into itself."""
    last = path[-1].element.type
    return last not in seen and (last != "Extension" or len(path) == 1)


def expression(path: list[PathStep]) -> str:
    """Return the FHIRPath of an element's first value."""
    names = [f"{step.name}[0]" if step.element.is_array else step.name for step in path]
    return ".".join([path[0].kind.name, *names])


def valid_resource(path: list[PathStep]) -> Json:
    """Return a valid resource that has the element."""
    resource: Json = {"resourceType": path[0].kind.name, "id": "v"}
    target = resource
    for index, step in enumerate(path):
        _fill(target, step)
        last = index == len(path) - 1
        value = _fitting(step) if last else {}
        target[step.name] = [value] if step.element.is_array else value
        if index and path[index - 1].element.value_set and step.name == "coding":
            # The first coding may be mutated, so another one must be of the value set.
            target[step.name].append(_coding(path[index - 1].element))
        target = value
    return resource


def _fitting(step: PathStep) -> Any:
    """Return a value that the invariants of the enclosing object allow."""
    needed = NEEDED.get(step.kind.name, {}).get(step.name)
    return copy.deepcopy(needed[0] if isinstance(needed, list) else needed) or _sample(step.element)


def _fill(target: Json, step: PathStep) -> None:
    """Add what an object needs beside the element under test."""
    instead = INSTEAD.get((step.kind.name, step.name))
    extra = NEEDED.get(step.kind.name, {}) if instead is None else instead
    choice = step.element.choice
    for name, value in copy.deepcopy(extra).items():
        other = step.kind.elements[name].choice
        if name != step.name and not (choice and choice == other):
            target[name] = value
    for required in step.kind.required:
        name = min(
            required.properties, key=lambda name: (name[0] == "_", "Reference" in name, name)
        )
        needed = step.kind.elements.get(name)
        if (
            needed
            and step.name not in required.properties
            and required.properties.isdisjoint(target)
        ):
            target[name] = _many(needed)
    if step.name == "id" and not target:
        # An element with only an id is empty, which R4 forbids.
        name = next(
            (n for n, other in step.kind.elements.items() if other.primitive and n != "id"), ""
        )
        target |= {name: _many(step.kind.elements[name])} if name else copy.deepcopy(EXTENSIONS)


def _many(element: Element) -> Any:
    value = _sample(element)
    return [value] if element.is_array else value


def _sample(element: Element) -> Any:
    """Return a valid value of an element."""
    if element.primitive:
        codes = schema.value_set_codes(element.value_set) if element.value_set else []
        if element.value_set in ("mimetypes", "formats"):
            return "text/plain"
        if element.value_set == "currencies":
            return "CHF"
        return codes[0] if codes else PRIMITIVES[element.type][0]
    kind = type_named(element.type)
    if element.value_set:
        return {"coding": [_coding(element)]}
    if element.type == "Reference":
        return {"reference": f"{min(element.targets, default='Basic')}/1"}
    value: Json = {}
    _fill(value, PathStep(kind, "id", NOTHING))
    return value


def _coding(element: Element) -> Json:
    """Return a coding of the value set that a concept is bound to."""
    system, codes = next(iter(schema.concepts(element.value_set).items()))
    return {"system": system, "code": codes[0]}


def mutants(path: list[PathStep]) -> Iterator[Mutant]:
    """Yield each mistake that an element's row in the tables makes possible."""
    here, element = expression(path), path[-1].element
    bare = here.removesuffix("[0]")
    inside = here.rpartition(".")[0]
    if element.primitive:
        wrong = PRIMITIVES[element.type][1]
        yield _with(path, "null", None, "invariant", here)
        yield _with(path, "another form", wrong, "value", here)
        yield _with(path, "an object", {"a": 1}, "value", here)
        if element.value_set:
            yield _with(path, "an unknown code", "no-such", "code-invalid", here)
        if element.extensible:
            yield _beside(path, "bad extensions", {"extension": [{"url": "x"}]}, "invariant", here)
            yield _beside(path, "unknown beside", {"value": 1}, "structure", here)
        else:
            yield _beside_bare(path, f"{inside}._{path[-1].name}")
    else:
        yield _with(path, "null", None, "structure", here)
        yield _with(path, "a text", "x", "structure", here)
        yield _with(path, "an empty object", {}, "invariant", here)
        yield _with(path, "an id alone", {"id": "x"}, "invariant", here)
        unknown = _sample(element) | {"unknownElement": 1}
        yield _with(path, "an unknown element", unknown, "structure", f"{here}.unknownElement")
        if element.targets:
            reference = {"reference": "Linkage/1"}
            yield _with(path, "a reference elsewhere", reference, "value", f"{here}.reference")
        if element.value_set:
            unknown = {"coding": [{"system": "https://example.org", "code": "no-such"}]}
            yield _with(path, "an unknown code", unknown, "code-invalid", here)
    if element.is_array:
        yield _replaced(path, "not an array", _sample(element), "structure", bare)
        yield _replaced(path, "an empty array", [], "invariant", bare)
    else:
        yield _replaced(path, "an array", [_sample(element)], "structure", here)
    for required in path[-1].kind.required:
        if path[-1].name in required.properties:
            yield _replaced(path, "missing", ..., "required", f"{inside}.{required.name}")


def _parent(resource: Json, path: list[PathStep]) -> Json:
    target: Any = resource
    for step in path[:-1]:
        target = target[step.name]
        target = target[0] if step.element.is_array else target
    parent: Json = target
    return parent


def _replaced(path: list[PathStep], mistake: str, value: Any, code: str, where: str) -> Mutant:
    resource = valid_resource(path)
    parent, name = _parent(resource, path), path[-1].name
    parent[name] = value
    if value is ...:
        del parent[name]
        # An object must not be empty.
        if set(parent) <= {"id"}:
            parent |= EXTENSIONS
    return Mutant(mistake, resource, code, where)


def _with(path: list[PathStep], mistake: str, value: Any, code: str, where: str) -> Mutant:
    return _replaced(path, mistake, [value] if path[-1].element.is_array else value, code, where)


def _beside(path: list[PathStep], mistake: str, value: Json, code: str, here: str) -> Mutant:
    resource = valid_resource(path)
    last = path[-1]
    parent = _parent(resource, path)
    parent[f"_{last.name}"] = [value] if last.element.is_array else value
    return Mutant(
        mistake, resource, code, f"{here}.{'value' if 'value' in value else 'extension[0]'}"
    )


def _beside_bare(path: list[PathStep], where: str) -> Mutant:
    """Put extensions beside a primitive without any: an id, an extension's URL, or XHTML."""
    resource = valid_resource(path)
    _parent(resource, path)[f"_{path[-1].name}"] = EXTENSIONS
    return Mutant("extensions of none", resource, "structure", where)


MISTAKES = {
    "a reference elsewhere",
    "a text",
    "an array",
    "an empty array",
    "an empty object",
    "an id alone",
    "an object",
    "an unknown code",
    "an unknown element",
    "another form",
    "bad extensions",
    "extensions of none",
    "missing",
    "not an array",
    "null",
    "unknown beside",
}
