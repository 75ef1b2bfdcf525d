"""Values and their extensions stay aligned, whatever is removed or inserted."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.fhir.empties import strip
from shared.fhir.patch.patching import JSON_PATCH, MERGE_PATCH, patch
from shared.fhir.validation.validation import issues


def extension(code: str) -> dict[str, Any]:
    return {"extension": [{"url": "https://example.org/x", "valueCode": code}]}


A, B = extension("a"), extension("b")


def patient(**name: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [name]}


def name_of(resource: dict[str, Any]) -> dict[str, Any]:
    (name,) = strip(resource).resource["name"]
    assert isinstance(name, dict)
    return name


@pytest.mark.parametrize(
    ("given", "extensions", "kept"),
    [
        (["Ann"], [None], {"given": ["Ann"]}),
        (["Ann", "Eve"], [None, None], {"given": ["Ann", "Eve"]}),
        (["Ann", "Eve"], [A], {"given": ["Ann", "Eve"], "_given": [A, None]}),
        (["Ann"], [None, B], {"given": ["Ann", None], "_given": [None, B]}),
        (["", "Eve"], [{}, B], {"given": ["Eve"], "_given": [B]}),
        (["", "Eve"], [A, {}], {"given": [None, "Eve"], "_given": [A, None]}),
        (["Ann", ""], [{"extension": []}, B], {"given": ["Ann", None], "_given": [None, B]}),
        ([None], [A], {"given": [None], "_given": [A]}),
        (["Ann", ""], [{}, {}], {"given": ["Ann"]}),
        ([], [None, B], {"_given": [B]}),
    ],
)
def test_empty_items_are_removed_from_both_arrays_or_filled_with_null(
    given: list[Any], extensions: list[Any], kept: dict[str, Any]
) -> None:
    sent = patient(given=given, _given=extensions)
    assert name_of(sent) == kept
    assert issues(strip(sent).resource, "Patient") == []


def test_paired_arrays_of_a_contained_resource_are_aligned_too() -> None:
    body = {"resourceType": "Encounter", "contained": [patient(given=["Ann"], _given=[None])]}
    assert strip(body).resource["contained"] == [patient(given=["Ann"])]


BOTH = patient(given=["Ann", "Eve"], _given=[A, B])


@pytest.mark.parametrize(
    ("operations", "kept"),
    [
        ([("remove", "/name/0/given/0")], {"given": ["Eve"], "_given": [B]}),
        ([("remove", "/name/0/given/1")], {"given": ["Ann"], "_given": [A]}),
        (
            [("remove", "/name/0/given/0"), ("remove", "/name/0/_given/0")],
            {"given": ["Eve"], "_given": [B]},
        ),
        ([("remove", "/name/0/_given/0")], {"given": ["Ann", "Eve"], "_given": [None, B]}),
        ([("remove", "/name/0/_given/1")], {"given": ["Ann", "Eve"], "_given": [A, None]}),
        (
            [("remove", "/name/0/_given/1"), ("remove", "/name/0/_given/0")],
            {"given": ["Ann", "Eve"]},
        ),
        ([("remove", "/name/0/_given")], {"given": ["Ann", "Eve"]}),
        ([("remove", "/name/0/given")], {"_given": [A, B]}),
        (
            [("add", "/name/0/given/0", "Zoe")],
            {"given": ["Zoe", "Ann", "Eve"], "_given": [None, A, B]},
        ),
        (
            [("add", "/name/0/given/-", "Zoe")],
            {"given": ["Ann", "Eve", "Zoe"], "_given": [A, B, None]},
        ),
        ([("replace", "/name/0/given/0", "Anne")], {"given": ["Anne", "Eve"], "_given": [A, B]}),
        ([("replace", "/name/0/given", ["Eve"])], {"given": ["Eve"], "_given": [B]}),
        (
            [("replace", "/name/0/given", ["Eve", "Ann"])],
            {"given": ["Eve", "Ann"], "_given": [B, A]},
        ),
        ([("replace", "/name/0/given", ["x", "y", "z"])], {"given": ["x", "y", "z"]}),
        (
            [("replace", "/name/0/given", ["Eve"]), ("replace", "/name/0/_given", [A])],
            {"given": ["Eve"], "_given": [A]},
        ),
        ([("replace", "/name/0/given/1", "")], {"given": ["Ann", None], "_given": [A, B]}),
    ],
)
def test_a_json_patch_of_one_array_leaves_each_extension_with_its_value(
    operations: list[tuple[Any, ...]], kept: dict[str, Any]
) -> None:
    parts = ("op", "path", "value")
    body = [dict(zip(parts, operation, strict=False)) for operation in operations]
    assert name_of(patch(BOTH, body, JSON_PATCH)) == kept


def test_a_json_patch_aligns_the_arrays_of_moved_elements() -> None:
    two = {"resourceType": "Patient", "name": [{"text": "x"}, *BOTH["name"]]}
    body = [
        {"op": "remove", "path": "/name/0"},
        {"op": "remove", "path": "/name/0/given/0"},
    ]
    assert name_of(patch(two, body, JSON_PATCH)) == {"given": ["Eve"], "_given": [B]}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"instantiatesUri": ["urn:b"]}, {"instantiatesUri": ["urn:b"], "_instantiatesUri": [B]}),
        (
            {"instantiatesUri": ["urn:b"], "_instantiatesUri": [A]},
            {"instantiatesUri": ["urn:b"], "_instantiatesUri": [A]},
        ),
        ({"_instantiatesUri": None}, {"instantiatesUri": ["urn:a", "urn:b"]}),
        ({"instantiatesUri": None}, {"_instantiatesUri": [A, B]}),
        ({"instantiatesUri": ["urn:c"]}, {"instantiatesUri": ["urn:c"]}),
    ],
)
def test_a_merge_patch_of_one_array_leaves_each_extension_with_its_value(
    changes: dict[str, Any], kept: dict[str, Any]
) -> None:
    uris = {"instantiatesUri": ["urn:a", "urn:b"], "_instantiatesUri": [A, B]}
    resource = {"resourceType": "Communication", "status": "completed"}
    assert strip(patch(resource | uris, changes, MERGE_PATCH)).resource == resource | kept


ITEMS = st.lists(st.sampled_from([None, "", "x", "y"]), max_size=4)
EXTENSIONS = st.lists(st.sampled_from([None, {}, A, B]), max_size=4)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "replace"]),
        st.sampled_from(["given", "_given"]),
        st.sampled_from(["0", "1", "-"]),
    ),
    max_size=3,
)


@given(ITEMS, EXTENSIONS, STEPS)
def test_both_arrays_stay_aligned_whatever_is_sent_and_changed(
    values: list[Any], extensions: list[Any], steps: list[tuple[str, str, str]]
) -> None:
    stored = strip(patient(given=values, _given=extensions)).resource
    for kind, array, place in steps:
        value = "z" if array == "given" else A
        step = {"op": kind, "path": f"/name/0/{array}/{place}", "value": value}
        with suppress(Invalid):  # the path does not exist
            stored = strip(patch(stored, [step], JSON_PATCH)).resource
    (name,) = stored.get("name", [{}])
    after, beside = name.get("given"), name.get("_given")
    if after is not None and beside is not None:
        assert len(after) == len(beside)
    assert beside is None or any(item is not None for item in beside)
    assert issues(stored, "Patient") == []
