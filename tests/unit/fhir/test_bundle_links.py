"""Which links may be replaced without validating the whole resource again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.catalog.types import SESSION_TYPES
from shared.fhir import fhirjson
from shared.fhir.bundle_links import has_valid_links, replace_links
from shared.fhir.validation.validation import issues

EXAMPLES = sorted(Path(__file__).parents[2].glob("fixtures/r4-examples/*.json"))
LINKS = ("Encounter/1", "Communication/2", "Patient/3", "Practitioner/4", "Group/5/_history/6")


def linked(resource: dict[str, Any], text: str, link: str) -> dict[str, Any]:
    return replace_links(resource, lambda found: link if found == text else None)


def references_in(value: Any) -> Iterator[str]:
    """Yield the texts of all References, whatever they are in."""
    if isinstance(value, list):
        for item in value:
            yield from references_in(item)
    elif isinstance(value, dict):
        if isinstance(text := value.get("reference"), str):
            yield text
        yield from references_in([*value.values()])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_resource_with_valid_links_is_valid(path: Path) -> None:
    resource = fhirjson.loads(path.read_bytes())
    kind = resource["resourceType"]
    for text in {*references_in(resource)}:
        for link in LINKS:
            replaced = linked(resource, text, link)
            if has_valid_links(resource, replaced, SESSION_TYPES):
                assert issues(replaced, kind) == [], (text, link)


SESSION: dict[str, Any] = {"resourceType": "Encounter", "status": "planned", "class": {"code": "V"}}
OLD, PERSON = {"reference": "urn:uuid:1"}, {"reference": "Patient/p"}
EXTENSION = {"url": "http://example.org/x"}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"subject": OLD}, True),
        ({"subject": OLD | {"type": "Patient"}}, True),
        ({"subject": OLD | {"type": "Group"}}, False),
        ({"participant": [{"individual": OLD}]}, False),
        ({"diagnosis": [{"condition": OLD}]}, False),
        ({"hospitalization": {"origin": OLD}}, False),
        ({"extension": [EXTENSION | {"valueReference": OLD}]}, True),
        # Anything else is left to the whole validation.
        ({"extension": [EXTENSION | {"valueUri": "urn:uuid:1"}]}, False),
        ({"extension": [EXTENSION | {"valueUuid": "urn:uuid:1"}]}, False),
        ({"_status": {"extension": [EXTENSION | {"valueReference": OLD}]}}, False),
        ({"meta": {"extension": [EXTENSION | {"valueReference": OLD}]}}, False),
        ({"meta": {"profile": ["http://example.org/p"]}, "subject": OLD}, False),
        ({"contained": [SESSION | {"subject": OLD}]}, False),
        ({"subject": OLD | {"extension": [EXTENSION | {"valueReference": OLD}]}}, False),
    ],
)
def test_only_new_texts_of_references_are_judged(elements: dict[str, Any], expected: bool) -> None:
    resource = SESSION | elements
    replaced = linked(resource, "urn:uuid:1", "Patient/p")
    assert replaced != resource
    assert has_valid_links(resource, replaced, SESSION_TYPES) is expected


def test_a_link_to_what_a_resource_contains_is_not_judged() -> None:
    resource = SESSION | {"subject": {"reference": "#p"}}
    replaced = linked(resource, "#p", "Patient/p")
    assert not has_valid_links(resource, replaced, SESSION_TYPES)


def test_each_link_of_a_list_is_judged() -> None:
    header = {"resourceType": "Communication", "status": "preparation"}
    resource = header | {"recipient": [PERSON, OLD]}
    for link, expected in (("Patient/p", True), ("Encounter/e", False)):
        replaced = linked(resource, "urn:uuid:1", link)
        assert has_valid_links(resource, replaced, SESSION_TYPES) is expected
