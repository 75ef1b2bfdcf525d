"""HL7's own examples of Encounter and Communication are accepted and read back equal."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared import fhirjson
from tests.frontdoor import FrontDoor

FOLDER = Path(__file__).parents[1] / "fixtures" / "r4-examples"
TYPES = ("Encounter", "Communication")


def examples() -> list[tuple[str, str]]:
    """Give each example's path on the server and its text, Encounters first."""
    texts = [path.read_text() for path in sorted(FOLDER.glob("*.json"))]
    named = [(json.loads(text), text) for text in texts]
    named.sort(key=lambda pair: TYPES.index(pair[0]["resourceType"]))
    return [(f"/{body['resourceType']}/{body['id']}", text) for body, text in named]


def without_servers(text: str) -> dict[str, Any]:
    """Read a resource without what the server says of it, numbers as they are written."""
    resource: dict[str, Any] = fhirjson.loads(text)
    meta = resource.pop("meta", {})
    kept = {name: each for name, each in meta.items() if name not in ("versionId", "lastUpdated")}
    return {**resource, "meta": kept}


def same(one: str, other: str) -> bool:
    return fhirjson.canonical(without_servers(one)) == fhirjson.canonical(without_servers(other))


@pytest.fixture
def loaded(clinic: FrontDoor) -> list[tuple[str, str]]:
    """Put every example; Communications may name Encounters."""
    pairs = examples()
    for path, text in pairs:
        answer = clinic.put(path, text)
        assert answer.status == 201, f"{path}: {answer.text}"
    return pairs


def test_all_are_there() -> None:
    types = [path.split("/")[1] for path, _ in examples()]
    assert {name: types.count(name) for name in TYPES} == {"Encounter": 11, "Communication": 3}


def test_each_is_read_back_equal(clinic: FrontDoor, loaded: list[tuple[str, str]]) -> None:
    for path, text in loaded:
        assert same(clinic.get(path).text, text), path
        assert not same(clinic.get(path).text, text.replace('"status"', '"language"', 1))


def test_each_is_found_by_its_id(clinic: FrontDoor, loaded: list[tuple[str, str]]) -> None:
    for path, _ in loaded:
        resource_type, own_id = path.split("/")[1:]
        (found,) = clinic.get(f"/{resource_type}?_id={own_id}").found
        assert found == clinic.get(path).body


def test_each_written_again_changes_nothing(
    clinic: FrontDoor, loaded: list[tuple[str, str]]
) -> None:
    for path, text in loaded:
        again = clinic.put(path, text)
        assert (again.status, again.version) == (200, "1"), path


def test_each_can_be_changed_and_deleted(clinic: FrontDoor, loaded: list[tuple[str, str]]) -> None:
    for path, _ in loaded:
        patched = clinic.patch(path, [{"op": "add", "path": "/language", "value": "de"}])
        assert (patched.status, patched.body["language"]) == (200, "de"), path
        assert clinic.delete(path).status == 204
        assert clinic.get(path).status == 410
