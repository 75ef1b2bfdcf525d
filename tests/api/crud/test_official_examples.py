"""HL7's own examples of Encounter and Communication are accepted and read back equal."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.catalog.policies import POLICIES
from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES
from shared.fhir import fhirjson
from shared.settings import settings
from tests.support import variants
from tests.support.api_client import ApiClient
from tests.unit.fhir.test_validation import LEGAL as BY_HAND

FOLDER = Path(__file__).parents[2] / "fixtures" / "r4-examples"
TYPES = ("Encounter", "Communication")


def examples() -> list[tuple[str, str]]:
    """Return each example's path on the server and its text, Encounters first."""
    texts = [path.read_text() for path in sorted(FOLDER.glob("*.json"))]
    named = [(json.loads(text), text) for text in texts]
    named.sort(key=lambda pair: TYPES.index(pair[0]["resourceType"]))
    return [(f"/{body['resourceType']}/{body['id']}", text) for body, text in named]


def without_servers(text: str) -> dict[str, Any]:
    """Parse a resource without the server's elements, keeping numbers as written."""
    resource: dict[str, Any] = fhirjson.loads(text)
    meta = resource.pop("meta", {})
    kept = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    return {**resource, "meta": kept}


def same(one: str, other: str) -> bool:
    return fhirjson.canonical(without_servers(one)) == fhirjson.canonical(without_servers(other))


@pytest.fixture
def load_examples(clinic: ApiClient) -> list[tuple[str, str]]:
    """Store every example, Encounters first, since Communications may name them."""
    pairs = examples()
    for path, text in pairs:
        answer = clinic.put(path, text)
        assert answer.status == 201, f"{path}: {answer.text}"
    return pairs


def test_all_examples_are_present() -> None:
    types = [path.split("/")[1] for path, _ in examples()]
    assert {name: types.count(name) for name in TYPES} == {"Encounter": 11, "Communication": 3}


@pytest.mark.parametrize("policy", POLICIES)
def test_each_is_read_back_equal_under_every_policy(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setenv("SESSION_POLICY", policy)
    settings.cache_clear()
    for path, text in examples():
        assert clinic.put(path, text).status == 201, path
    for path, text in examples():
        assert same(clinic.get(path).text, text), path
        assert not same(clinic.get(path).text, text.replace('"status"', '"language"', 1))


def test_each_is_found_by_its_id(clinic: ApiClient, load_examples: list[tuple[str, str]]) -> None:
    for path, _ in load_examples:
        resource_type, own_id = path.split("/")[1:]
        (match,) = clinic.get(f"/{resource_type}?_id={own_id}").resources
        assert match == clinic.get(path).body


def test_each_written_again_changes_nothing(
    clinic: ApiClient, load_examples: list[tuple[str, str]]
) -> None:
    for path, text in load_examples:
        again = clinic.put(path, text)
        assert (again.status, again.version) == (200, "1"), path


def test_each_can_be_changed_and_deleted(
    clinic: ApiClient, load_examples: list[tuple[str, str]]
) -> None:
    for path, _ in load_examples:
        patched = clinic.patch(path, [{"op": "add", "path": "/language", "value": "de"}])
        assert (patched.status, patched.body["language"]) == (200, "de"), path
        assert clinic.administrator.delete(path).status == 204
        assert clinic.get(path).status == 410


def legal_variants() -> list[str]:
    """Return resources that R4 allows: written by hand, and generated for many element paths."""
    by_hand = [fhirjson.dumps(resource).decode() for resource in BY_HAND]
    made = [text for text in by_hand if '"status"' in text]
    for root in TYPES:
        ways = [way for way in variants.paths(root, 2) if way[0].name not in ("id", "meta")]
        # R4 takes an extension instead of a status.
        found = [json.dumps(variants.valid_resource(way)) for way in ways]
        made += [text for text in found if '"status"' in text]
    for root in (*DIRECTORY_TYPES, *RECORD_TYPES):
        ways = [way for way in variants.paths(root, 1) if way[0].name not in ("id", "meta")]
        made += [json.dumps(variants.valid_resource(way)) for way in ways]
    own = re.compile(r'"((?:Encounter|Communication)/[a-z0-9]+)"')
    return [own.sub(r'"https://other.example/fhir/\1"', text) for text in made]


@pytest.mark.usefixtures("many_calls")
def test_every_variant_that_r4_allows_is_accepted_and_read_back_equal() -> None:
    clinic = ApiClient("admin")  # who also sees drafts
    # R4 takes a query as reference to a Patient.
    texts = [text for text in legal_variants() if "Patient?" not in text]
    assert len(texts) > 700
    for number, text in enumerate(texts):
        body = fhirjson.loads(text)
        path = f"/{body['resourceType']}/v{number}"
        sent = fhirjson.dumps(body | {"id": f"v{number}"}).decode()
        written = clinic.put(path, sent)
        assert written.status == 201, f"{sent}: {written.text}"
        assert same(clinic.get(path).text, sent), sent
