import copy
import json
from typing import Any

import pytest

from shared.errors import Invalid, Malformed, TooLong, UnsupportedMedia
from shared.fhir import fhirjson
from shared.fhir.patch.patching import JSON_PATCH, MERGE_PATCH, patch, without_generated_text

HEADER = {
    "resourceType": "Communication",
    "id": "h",
    "meta": {"versionId": "3"},
    "status": "in-progress",
    "recipient": [{"reference": "Patient/1"}, {"reference": "Practitioner/2"}],
    "topic": {"text": "a/b", "coding": []},
}


def patched(*operations: Any) -> dict[str, Any]:
    return patch(HEADER, list(operations), JSON_PATCH)


def op(kind: str, path: str, **rest: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **rest}


def test_a_header_can_be_linked_with_medplums_patch() -> None:
    link = {"reference": "Encounter/e"}
    after = patched(op("test", "/meta/versionId", value="3"), op("add", "/encounter", value=link))
    assert after == {**HEADER, "encounter": link}


def test_the_given_resource_and_patch_are_not_modified() -> None:
    before = copy.deepcopy(HEADER)
    value = {"text": "x"}
    after = patched(op("add", "/topic", value=value), op("add", "/topic/text", value="y"))
    assert after["topic"] == {"text": "y"}
    assert before == HEADER
    assert value == {"text": "x"}


def test_a_copy_is_no_alias() -> None:
    after = patched(
        {"op": "copy", "from": "/recipient/0", "path": "/sender"},
        op("replace", "/sender/reference", value="Patient/9"),
    )
    assert after["recipient"][0] == {"reference": "Patient/1"}


def test_numbers_keep_their_digits() -> None:
    encounter = fhirjson.loads('{"resourceType":"Encounter","id":"e","length":{"value":1.50}}')
    operations = fhirjson.loads(
        '[{"op":"copy","from":"/length","path":"/other"},{"op":"add","path":"/more","value":[1E2]}]'
    )
    after = fhirjson.dumps(patch(encounter, operations, JSON_PATCH))
    assert after.endswith(b'"length":{"value":1.50},"other":{"value":1.50},"more":[1E2]}')


@pytest.mark.parametrize(
    ("stored", "tested", "holds"),
    [("1.50", "1.5", True), ("1", "1.0", True), ("true", "1", False), ("0", "false", False)],
)
def test_a_test_compares_numbers_by_value_and_distinguishes_true_from_one(
    stored: str, tested: str, *, holds: bool
) -> None:
    resource = fhirjson.loads(f'{{"resourceType":"Encounter","id":"e","x":[{stored}]}}')
    operations = fhirjson.loads(f'[{{"op":"test","path":"/x","value":[{tested}]}}]')
    if holds:
        assert patch(resource, operations, JSON_PATCH) == resource
    else:
        with pytest.raises(Invalid):
            patch(resource, operations, JSON_PATCH)


def test_a_failed_test_names_operation_and_element_but_no_value() -> None:
    with pytest.raises(Invalid) as refused:
        patched(op("test", "/status", value="in-progress"), op("test", "/recipient/1", value="Eve"))
    issue = refused.value.issues[0]
    assert "1 (test)" in issue.text
    assert issue.expression == "Communication.recipient[1]"
    assert "Eve" not in repr(issue)


@pytest.mark.parametrize(
    "operation",
    [
        op("test", "/topic", value="x"),
        op("test", "/topic/text/x", value="x"),
        op("add", "/recipient/9", value="x"),
        op("remove", "/absent"),
        op("replace", "/recipient/0/absent", value="x"),
        {"op": "copy", "from": "/absent", "path": "/x"},
        {"op": "move", "from": "/topic/absent", "path": "/x"},
        op("add", "/a~2b", value="x"),
    ],
)
def test_a_refusal_quotes_nothing_of_the_resource(operation: Any) -> None:
    with pytest.raises((Invalid, Malformed)) as refused:
        patched(operation)
    said = repr(refused.value.issues) + str(refused.value)
    assert not any(value in said for value in ("a/b", "Patient/1", "Practitioner/2", "in-progress"))
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", "/absent"),
        op("replace", "/absent", value=1),
        op("replace", "/recipient/2", value=1),
        op("replace", "/recipient/-", value=1),
        op("remove", "/recipient/-"),
        op("add", "/recipient/3", value=1),
        op("add", "/recipient/01", value=1),
        op("add", "/recipient/-1", value=1),
        op("add", f"/recipient/{'9' * 5000}", value=1),
        op("add", "/recipient/٣", value=1),
        op("add", "/absent/x", value=1),
        op("add", "/status/x", value=1),
        op("test", "/recipient/0/x", value=None),
        {"op": "move", "from": "/absent", "path": "/x"},
        {"op": "copy", "from": "/recipient/7", "path": "/x"},
    ],
)
def test_a_missing_path_is_invalid(operation: Any) -> None:
    with pytest.raises(Invalid) as refused:
        patched(op("test", "/status", value="in-progress"), operation)
    assert not isinstance(refused.value, Malformed)
    assert "Operation 1" in refused.value.issues[0].text


@pytest.mark.parametrize(
    "operation",
    [
        None,
        "add",
        [],
        {},
        {"op": "add", "value": 1},
        {"op": "add", "path": "/x"},
        {"op": "test", "path": "/x"},
        {"op": "copy", "path": "/x"},
        {"op": [], "path": "/x"},
        {"op": "append", "path": "/x", "value": 1},
        op("add", "status", value=1),
        op("add", "/a~2b", value=1),
        op("remove", ""),
        {"op": "move", "from": "/topic", "path": "/topic/text"},
    ],
)
def test_a_malformed_operation_is_located(operation: Any) -> None:
    with pytest.raises(Malformed) as refused:
        patched(op("test", "/status", value="in-progress"), operation)
    assert "Operation 1" in refused.value.issues[0].text


def test_a_patch_is_applied_completely_or_not_at_all() -> None:
    before = copy.deepcopy(HEADER)
    with pytest.raises(Invalid):
        patched(op("add", "/recipient/-", value={}), op("remove", "/absent"))
    assert before == HEADER


def test_items_are_added_before_a_place_and_at_the_end() -> None:
    after = patched(
        op("add", "/recipient/0", value="first"),
        op("add", "/recipient/3", value="last"),
        op("add", "/recipient/-", value="very last"),
    )
    assert [after["recipient"][place] for place in (0, 3, 4)] == ["first", "last", "very last"]


def test_names_are_escaped() -> None:
    resource = {**HEADER, "a/b~c": 1}
    assert patch(resource, [op("remove", "/a~1b~0c")], JSON_PATCH) == HEADER


@pytest.mark.parametrize("name", ["id", "resourceType"])
@pytest.mark.parametrize("value", ["other", None])
def test_the_identity_cannot_be_patched(name: str, value: Any) -> None:
    operation = op("replace", f"/{name}", value=value) if value else op("remove", f"/{name}")
    for body, media_type in (([operation], JSON_PATCH), ({name: value}, MERGE_PATCH)):
        with pytest.raises(Invalid) as refused:
            patch(HEADER, body, media_type)
        assert refused.value.issues[0].expression == f"Communication.{name}"


def test_the_whole_resource_can_be_replaced_only_by_the_same_resource() -> None:
    whole = {"resourceType": "Communication", "id": "h", "status": "completed"}
    assert patched(op("replace", "", value=whole)) == whole
    others: list[Any] = [[], "x", None, {"resourceType": "Communication", "id": "i"}]
    for value in others:
        with pytest.raises(Invalid):
            patched(op("add", "", value=value))


def test_exponential_copying_is_refused() -> None:
    doubling = [{"op": "copy", "from": "/topic", "path": f"/topic/{n}"} for n in range(60)]
    with pytest.raises(TooLong):
        patched(*doubling)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (JSON_PATCH, {"status": "completed"}),
        (JSON_PATCH, "x"),
        (MERGE_PATCH, [op("remove", "/topic")]),
        ("application/json", 1),
        ("application/fhir+json", None),
    ],
)
def test_a_body_that_is_not_a_patch_is_malformed(media_type: str, body: Any) -> None:
    with pytest.raises(Malformed):
        patch(HEADER, body, media_type)


def test_other_media_types_are_refused() -> None:
    with pytest.raises(UnsupportedMedia):
        patch(HEADER, [], "application/xml-patch+xml")


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_plain_json_is_either_kind_of_patch(media_type: str) -> None:
    assert patch(HEADER, {"status": "completed"}, media_type)["status"] == "completed"
    operation = op("replace", "/status", value="completed")
    assert patch(HEADER, [operation], media_type)["status"] == "completed"


@pytest.mark.parametrize(  # RFC 7396, appendix A
    ("before", "changes", "after"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_agrees_with_the_examples_of_its_rfc(
    before: Any, changes: Any, after: Any
) -> None:
    identity = {"resourceType": "Communication", "id": "h"}
    assert patch({**identity, **before}, changes, MERGE_PATCH) == {**identity, **after}


def test_a_merge_patch_does_not_modify_its_input() -> None:
    changes = {"topic": {"coding": [{"code": "x"}]}}
    after = patch(HEADER, changes, MERGE_PATCH)
    after["topic"]["coding"][0]["code"] = "y"
    after["recipient"].clear()
    assert changes == {"topic": {"coding": [{"code": "x"}]}}
    assert len(HEADER["recipient"]) == 2


@pytest.mark.parametrize("status", ["generated", "extensions"])
def test_a_generated_narrative_is_removed_when_its_content_changes(status: str) -> None:
    before = {**HEADER, "text": {"status": status, "div": "<div>in progress</div>"}}
    after = patch(before, [op("replace", "/status", value="completed")], JSON_PATCH)
    assert "text" not in without_generated_text(before, after)


def test_a_narrative_written_by_the_patch_is_kept() -> None:
    before = {**HEADER, "text": {"status": "generated", "div": "<div>old</div>"}}
    after = patch(before, [op("replace", "/text/div", value="<div>new</div>")], JSON_PATCH)
    assert without_generated_text(before, after) == after


@pytest.mark.parametrize("text", [{"status": "additional", "div": "<div>by hand</div>"}, None])
def test_any_other_narrative_is_kept(text: Any) -> None:
    before = {**HEADER, "text": text} if text else HEADER
    after = {**before, "status": "completed"}
    assert without_generated_text(before, after) == after


def test_a_patch_without_change_keeps_the_narrative() -> None:
    before = {**HEADER, "text": {"status": "generated", "div": "<div>old</div>"}}
    after = {**json.loads(json.dumps(before)), "meta": {"versionId": "4"}}
    assert without_generated_text(before, after) == after
