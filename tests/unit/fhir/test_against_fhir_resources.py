"""Our tables compared with fhir.resources and fhirkit, on the examples and on mutants of them."""

import copy
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import fhirkit
import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES, STORED_TYPES
from shared.fhir import fhirjson
from shared.fhir.validation.schema import type_named
from shared.fhir.validation.validation import issues
from tests.support import fhir_models, variants

EXAMPLES = sorted(Path(__file__).parents[2].glob("fixtures/r4-examples/*.json"))


def model_takes(resource: dict[str, Any]) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except (ValidationError, AttributeError, TypeError, ValueError):
        return False
    return True


def fhirkit_takes(resource: dict[str, Any]) -> bool:
    try:
        return not fhirkit.validate(resource)
    except TypeError:
        return False


def places(value: Any) -> Iterator[list[str | int]]:
    """Yield the path of every nested property and item."""
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield [key]
        if isinstance(inner, dict | list):
            yield from ([key, *rest] for rest in places(inner))


def changed(resource: dict[str, Any], way: list[Any], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(resource)
    target: Any = body
    for key in way[:-1]:
        target = target[key]
    target[way[-1]] = value
    if value is ...:
        del target[way[-1]]
    return body


def valued(resource: Any, way: list[Any]) -> Any:
    for key in way:
        resource = resource[key]
    return resource


def mutants(resource: dict[str, Any]) -> Iterator[tuple[list[Any], str, dict[str, Any]]]:
    for way in places(resource):
        if way == ["resourceType"] or way[-2:-1] == ["contained"]:
            continue
        value = valued(resource, way)
        yield way, "removed", changed(resource, way, ...)
        if isinstance(way[-1], str):
            yield way, "an unknown one beside", changed(resource, [*way[:-1], "unknown"], 1)
        yield way, "another type", changed(resource, way, 5 if isinstance(value, str) else "x")
        yield way, "an object", changed(resource, way, {"unknown": "x"})
        yield way, "an array of it", changed(resource, way, [value])


# Our tables are stricter than both. The models read 5 as a dateTime and accept empty elements.
OURS_ALONE = {"invariant", "value", "code-invalid"}


@pytest.mark.parametrize("takes", [model_takes, fhirkit_takes])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_another_validator_and_our_tables_agree_on_structure(
    path: Path, takes: Callable[[Any], bool]
) -> None:
    resource = json.loads(path.read_text())
    assert takes(resource)
    for way, what, body in mutants(resource):
        codes = {issue.code for issue in issues(body, resource["resourceType"])}
        if takes(body):
            assert codes <= OURS_ALONE, f"{what} at {way}"
        else:
            assert codes, f"{what} at {way}"


def test_there_are_many_mutants_and_most_are_invalid() -> None:
    verdicts = [
        bool(issues(body, resource["resourceType"]))
        for resource in (json.loads(path.read_text()) for path in EXAMPLES)
        for _, _, body in mutants(resource)
    ]
    assert len(verdicts) > 2000
    assert sum(verdicts) > len(verdicts) / 2


@pytest.mark.parametrize("kind", [*DIRECTORY_TYPES, *RECORD_TYPES])
def test_the_models_take_every_element_of_people_and_records(kind: str) -> None:
    for way in variants.paths(kind, 1):
        assert model_takes(variants.valid_resource(way)), variants.expression(way)


# What R4B lets these name beyond R4.
OF_R4B = {
    ("Group.member", "entity"): {"RelatedPerson"},
    ("Observation", "subject"): {
        "Medication",
        "Organization",
        "Practitioner",
        "Procedure",
        "Substance",
    },
}


def named(kind: str) -> Iterator[tuple[str, str, set[str], set[str]]]:
    """Yield each reference of a type with its targets by our tables and by the models."""
    module, _, inner = kind.partition(".")
    model = get_fhir_model_class(module)
    if inner:
        parts = "".join(part[0].upper() + part[1:] for part in kind.split("."))
        model = getattr(import_module(model.__module__), parts)
    rows: dict[str, Any] = model.model_fields
    said = {row.alias or name: row.json_schema_extra or {} for name, row in rows.items()}
    for name, element in type_named(kind).elements.items():
        if element.type == "Reference":
            theirs = said[name].get("enum_reference_types", ["Resource"])
            yield kind, name, set(element.targets), set(theirs)
        elif element.type.startswith(f"{kind}."):
            yield from named(element.type)


@pytest.mark.parametrize("kind", STORED_TYPES)
def test_reference_targets_agree_with_the_models(kind: str) -> None:
    found = list(named(kind))
    # R4 gives a Subscription no reference of its own.
    assert found or kind == "Subscription"
    for where, name, ours, theirs in found:
        allowed = theirs - OF_R4B.get((where, name), set())
        assert ours == (set() if "Resource" in allowed else allowed), f"{where}.{name}"


EXTENDED: dict[str, Any] = {"url": "urn:x", "extension": [{"url": "urn:y", "valueCode": "z"}]}


# A resource for each row of DIFFERENCES: an extension of a Patient.
DIFFERENT: dict[str, Any] = {
    "R4B took valueMeta out of Extension": {"valueMeta": {"tag": [{"code": "x"}]}},
    "the models require a choice's value, where R4 is content with its extensions": {
        "_valueString": {"extension": [{"url": "urn:y", "valueCode": "z"}]}
    },
    "the models read numbers as floats": {"valueDecimal": fhirjson.Number("1e400")},
}


@pytest.mark.parametrize("difference", fhir_models.DIFFERENCES)
def test_a_known_difference_of_the_models_still_is_one(difference: str) -> None:
    extension = {"url": "urn:x", **DIFFERENT[difference]}
    resource = {"resourceType": "Patient", "extension": [extension]}
    assert issues(resource, "Patient") == []
    assert fhir_models.DIFFERENCES[difference](resource)
    with pytest.raises(ValidationError):
        get_fhir_model_class("Patient").model_validate_json(fhirjson.dumps(resource))
