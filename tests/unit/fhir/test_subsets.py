"""The summary of each searchable type, and the elements that every part contains."""

import json
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from shared.catalog.types import AUDIT_EVENT, STORED_TYPES
from shared.errors import Invalid
from shared.fhir import subsets
from shared.fhir.validation.schema import Element, type_named

EVERY_TYPE = [*STORED_TYPES, AUDIT_EVENT]
ALWAYS = {"resourceType", "id", "meta"}
QUANTITY = {"value": 1, "unit": "mg"}
EXTENSION = {"extension": [{"url": "https://example.org/x", "valueCode": "unknown"}]}


def cut(resource: dict[str, Any], **asked: str) -> dict[str, Any]:
    subset = subsets.parse(resource["resourceType"], asked)
    assert subset
    body: dict[str, Any] = json.loads(subset.apply(json.dumps(resource).encode()))
    return body


def filled_properties(type_name: str) -> dict[str, Any]:
    """Return a resource with every property, including all types of a choice, valid or not."""
    made: dict[str, Any] = {}
    for name, element in type_named(type_name).elements.items():
        made[name] = _value(type_name, element)
        if element.primitive and not element.is_array and name != "id":
            made[f"_{name}"] = EXTENSION
    return made


def _value(inside: str, element: Element) -> Any:
    # A type that is a path is an element with elements of its own.
    is_nested = "." in element.type and "." not in inside
    value: Any = filled_properties(element.type) if is_nested else "x"
    return [value] if element.is_array else value


def complete_resource(resource_type: str) -> dict[str, Any]:
    return {
        **filled_properties(resource_type),
        "resourceType": resource_type,
        "id": "1",
        "meta": {},
    }


def mandatory(resource_type: str) -> set[str]:
    """Return the properties of a type's mandatory elements, including all types of a choice."""
    return {name for element in type_named(resource_type).required for name in element.properties}


@pytest.mark.parametrize("resource_type", EVERY_TYPE)
@pytest.mark.parametrize("summary", ["true", "text", "data"])
def test_every_type_that_is_searched_has_a_summary(resource_type: str, summary: str) -> None:
    resource = {"resourceType": resource_type, "id": "1", "meta": {}, "language": "en"}
    body = cut(resource, _summary=summary)
    assert ("language" in body) is (summary == "data")
    assert body["meta"]["tag"][0]["code"] == "SUBSETTED"


@pytest.mark.parametrize("resource_type", EVERY_TYPE)
def test_a_summary_agrees_with_fhir_resources_including_every_type_of_a_choice(
    resource_type: str,
) -> None:
    resource = complete_resource(resource_type)
    body = cut(resource, _summary="true")
    model = get_fhir_model_class(resource_type)
    shown = {name for name in body if not name.startswith("_")} - ALWAYS
    needed = mandatory(resource_type)
    assert shown - needed == {*model.summary_elements_sequence()} - ALWAYS - needed
    for name in shown:
        assert (f"_{name}" in body) is (f"_{name}" in resource)


@pytest.mark.parametrize("resource_type", EVERY_TYPE)
@pytest.mark.parametrize("asked", [{"_summary": "text"}, {"_elements": "id"}])
def test_mandatory_elements_are_in_every_part_including_every_type_of_a_choice(
    resource_type: str, asked: dict[str, str]
) -> None:
    resource = complete_resource(resource_type)
    needed = (mandatory(resource_type) | ALWAYS) & resource.keys()
    text = {"text"} if "_summary" in asked else set()
    assert cut(resource, **asked).keys() == needed | text


@pytest.mark.parametrize("resource_type", EVERY_TYPE)
def test_a_choice_can_be_requested_by_its_name_or_by_one_of_its_types(resource_type: str) -> None:
    resource = complete_resource(resource_type)
    elements = type_named(resource_type).elements
    least = cut(resource, _elements="id").keys()
    for name, element in elements.items():
        if element.choice:
            every = {other for other, value in elements.items() if value.choice == element.choice}
            every |= {f"_{other}" for other in every} & resource.keys()
            for asked in (element.choice, f"{element.choice}[x]"):
                assert cut(resource, _elements=asked).keys() == least | every
            one_type = {name, f"_{name}"} & resource.keys()
            assert cut(resource, _elements=name).keys() == least | one_type


def test_a_value_with_only_an_extension_is_shown_like_others() -> None:
    observation = {"resourceType": "Observation", "meta": {}, "_valueString": EXTENSION}
    assert cut(observation, _elements="value")["_valueString"] == EXTENSION
    assert cut(observation, _summary="true")["_valueString"] == EXTENSION


def test_nested_elements_of_a_summary_include_their_choices() -> None:
    component = {"code": {"text": "dose"}, "valueQuantity": QUANTITY, "interpretation": []}
    observation = {"resourceType": "Observation", "meta": {}, "component": [component]}
    assert cut(observation, _summary="true")["component"] == [
        {"code": {"text": "dose"}, "valueQuantity": QUANTITY}
    ]


def test_an_element_with_nothing_in_the_summary_is_left_out_rather_than_empty() -> None:
    participants = [{"period": {"start": "2026"}}, {"individual": {"display": "Ann"}}]
    encounter = {"resourceType": "Encounter", "meta": {}, "participant": participants}
    assert cut(encounter, _summary="true")["participant"] == participants[1:]
    encounter["participant"] = participants[:1]
    assert "participant" not in cut(encounter, _summary="true")


def test_values_and_their_extensions_stay_aligned() -> None:
    given = {"given": ["Ann", None], "_given": [None, EXTENSION]}
    patient = {"resourceType": "Patient", "meta": {}, "name": [given]}
    assert cut(patient, _summary="true")["name"] == [given]
    assert cut(patient, _elements="name")["name"] == [given]


@pytest.mark.parametrize("name", ["valu", "value[y]", "[x]", "component.value", "valuequantity"])
def test_an_invalid_name_of_a_choice_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        subsets.parse("Observation", {"_elements": name})
    assert refused.value.issues[0].expression == "_elements"
    assert "value," in refused.value.issues[0].diagnostics
