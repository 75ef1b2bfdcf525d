from typing import Any

import pytest

from shared.errors import Malformed
from shared.fhir.empties import strip
from shared.fhir.fhirjson import DEEPEST

EXTENSION = {"extension": [{"url": "https://example.org/x", "valueString": "y"}]}


def encounter(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Encounter", **elements}


def stripped(**elements: Any) -> dict[str, Any]:
    return {k: v for k, v in strip(encounter(**elements)).resource.items() if k != "resourceType"}


@pytest.mark.parametrize("empty", [None, "", [], {}, [[]], [None], [""], {"text": ""}, [{"a": []}]])
def test_an_empty_element_is_removed(empty: Any) -> None:
    assert stripped(topic=empty) == {}


def test_an_element_emptied_by_stripping_is_removed_with_its_parents() -> None:
    sent = {"coding": [{"code": ""}, {"extension": [None]}], "text": None}
    assert stripped(reasonCode=[{"coding": [{"code": "a"}]}, sent]) == {
        "reasonCode": [{"coding": [{"code": "a"}]}]
    }


@pytest.mark.parametrize("value", [0, False, " ", "a", 1])
def test_a_falsy_value_is_kept(value: Any) -> None:
    assert stripped(thing=value, things=[value]) == {"thing": value, "things": [value]}


def test_a_null_beside_an_extension_is_kept() -> None:
    sent = {"given": ["Ann", None], "_given": [None, EXTENSION]}
    assert stripped(name=[sent]) == {"name": [sent]}


def test_a_null_beside_null_is_removed_from_both_arrays() -> None:
    sent = {"given": ["Ann", None, None], "_given": [None, None, EXTENSION]}
    assert stripped(name=[sent]) == {
        "name": [{"given": ["Ann", None], "_given": [None, EXTENSION]}]
    }


def test_a_null_beside_an_empty_extension_is_removed_from_both_arrays() -> None:
    sent = {"given": [None, "Ann"], "_given": [{"extension": []}, EXTENSION]}
    assert stripped(name=[sent]) == {"name": [{"given": ["Ann"], "_given": [EXTENSION]}]}


def test_a_null_in_an_array_without_a_parallel_one_is_removed() -> None:
    assert stripped(given=["Ann", None, "Eve"]) == {"given": ["Ann", "Eve"]}


def test_the_shorter_of_two_parallel_arrays_is_padded_with_null() -> None:
    assert stripped(given=["Ann", "Eve"], _given=[EXTENSION]) == {
        "given": ["Ann", "Eve"],
        "_given": [EXTENSION, None],
    }


def test_the_order_of_properties_is_kept() -> None:
    assert list(strip(encounter(b=1, a=2, c="")).resource) == ["resourceType", "b", "a"]


def test_the_given_body_is_not_modified() -> None:
    body = encounter(participant=[{}, {"type": []}])
    strip(body)
    assert body == encounter(participant=[{}, {"type": []}])


def test_stripping_twice_changes_nothing_more() -> None:
    once = strip(encounter(given=[None, "", {"a": [{}]}, "x"], _given=[{}, {"id": "1"}])).resource
    assert strip(once).resource == once


def test_locations_refer_to_the_body_as_sent() -> None:
    body = strip(encounter(participant=[{}, {"type": [None, {"text": "a"}]}, None, {"id": "x"}]))
    assert body.original_path("Encounter.participant[0].type[0].text") == (
        "Encounter.participant[1].type[1].text"
    )
    assert body.original_path("Encounter.participant[1]") == "Encounter.participant[3]"


def test_locations_in_unchanged_arrays_stay_the_same() -> None:
    body = strip(encounter(participant=[{}, {"id": "x"}], type=[{"text": "a"}]))
    assert body.original_path("Encounter.type[0].text") == "Encounter.type[0].text"
    assert body.original_path("Encounter.status") == "Encounter.status"


def test_locations_of_primitives_with_extensions_cover_both_arrays() -> None:
    body = strip(encounter(given=["", "Ann", "Eve"], _given=[{}, {"id": "1"}]))
    assert (
        body.original_path("Encounter.given[0].extension[0]") == "Encounter.given[1].extension[0]"
    )
    assert body.original_path("Encounter.given[1]") == "Encounter.given[2]"


def nested(levels: int, leaf: Any, *, arrays: bool) -> Any:
    for _ in range(levels):
        leaf = [leaf] if arrays else {"extension": leaf}
    return leaf


@pytest.mark.parametrize("arrays", [True, False])
def test_a_body_nested_too_deeply_is_malformed(arrays: bool) -> None:
    strip(encounter(extension=nested(DEEPEST - 1, "x", arrays=arrays)))
    with pytest.raises(Malformed):
        strip(encounter(extension=nested(DEEPEST, "x", arrays=arrays)))


def test_a_null_beside_something_too_deep_is_malformed_too() -> None:
    with pytest.raises(Malformed):
        strip(encounter(given=[None], _given=[nested(5000, "x", arrays=False)]))
