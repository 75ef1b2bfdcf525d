"""The parts of a resource that the plain-JSON API shows, and those that it leaves untouched."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shared.catalog import interactions
from shared.errors import Invalid
from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from shared.plain import mapping, paths
from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from shared.plain.fields import Field
from shared.plain.writing import same
from tests.support import plain_values, variants

type Json = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "fixtures/r4-examples"
ALL = [*COLLECTIONS.values()]
FIELDS = [(collection, field) for collection in ALL for field in collection.fields]
by_name = pytest.mark.parametrize("collection", ALL, ids=lambda each: each.name)
by_field = pytest.mark.parametrize(
    ("collection", "field"), FIELDS, ids=[f"{each.name} {field.name}" for each, field in FIELDS]
)


def resources(collection: Collection) -> list[Json]:
    """Return resources with each single element of FHIR, with many elements, and the examples."""
    return _resources(collection.name)


@cache
def _resources(name: str) -> list[Json]:
    collection = COLLECTIONS[name]
    found = [variants.valid_resource(way) for way in variants.paths(collection.type)]
    made = [*found[:: max(len(found) // 150, 1)], *_rich(collection, found)]
    examples = EXAMPLES.glob(f"{collection.type}-*.json")
    made += [fhirjson.loads(path.read_bytes()) for path in examples]
    of_it = [_member(collection, resource) for resource in made]
    return [member for member in of_it if not issues(member, collection.type)]


def _member(collection: Collection, resource: Json) -> Json:
    if collection.type != "Communication":
        return resource
    rest = {name: value for name, value in resource.items() if name != "partOf"}
    if collection.name == "threads":
        return rest
    others = [part for part in resource.get("partOf", []) if "display" in part]
    return {**rest, "partOf": [*others, {"reference": "Communication/header", "display": "It"}]}


def _rich(collection: Collection, found: list[Json]) -> Iterator[Json]:
    """Return resources with several elements each."""
    random = Random(collection.name)
    for _ in range(60):
        several = [dict(random.choice(found)) for _ in range(12)]
        made = several[0]
        for other in several[1:]:
            made = _both(made, other)
        yield made


def _both(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        shared = one.keys() & other.keys()
        return {**one, **other, **{name: _both(one[name], other[name]) for name in shared}}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return one


def test_the_routes_know_the_types_of_the_collections() -> None:
    assert {collection.name: collection.type for collection in ALL} == interactions.COLLECTIONS


@by_name
def test_there_are_enough_resources_to_test_with(collection: Collection) -> None:
    assert len(resources(collection)) > 90


@by_name
def test_writing_back_what_is_shown_changes_nothing(collection: Collection) -> None:
    for resource in resources(collection):
        shown = mapping.from_fhir(collection, resource)
        assert same(mapping.updated(collection, resource, shown), resource)
        assert same(mapping.patched(collection, resource, shown), resource)
        assert same(mapping.patched(collection, resource, {}), resource)


@by_name
def test_a_minimal_put_keeps_every_element_without_a_field(collection: Collection) -> None:
    """The shown elements are removed and the sent ones added."""
    least = plain_values.smallest_member(collection)
    for resource in resources(collection):
        after = mapping.updated(collection, resource, least)
        shown = mapping.from_fhir(collection, after)
        stays = {f.name for f in collection.fields if f.stays or f.default is not None}
        assert {name: value for name, value in shown.items() if name in least} == least
        assert shown.keys() - {"id", "version", "updated"} <= least.keys() | stays
        choices = {field.choice for field in collection.fields if field.choice}
        kept = {field.path.partition(".")[0].removesuffix("[0]") for field in collection.fields}
        for name in resource.keys() - kept:
            if not any(name.strip("_").startswith(choice) for choice in choices):
                assert same(after[name], resource[name])


@by_field
def test_changing_a_field_changes_no_other_element(collection: Collection, field: Field) -> None:
    values = plain_values.valid_values(field.kind)
    # An object would be merged with the existing one.
    value: Any = next((value for value in values if isinstance(value, str)), values[-1])
    change = {field.name: [value] if field.many else value}
    root = field.path.partition(".")[0].removesuffix("[0]")
    for resource in resources(collection)[::5]:
        after = mapping.patched(collection, resource, change)
        shown = mapping.from_fhir(collection, after)
        assert same(shown[field.name], change[field.name])
        for name in (resource.keys() | after.keys()) - {root, f"_{root}"}:
            if field.choice and name.removeprefix("_").startswith(field.choice):
                assert name not in after
            else:
                assert same(resource.get(name), after.get(name)), name
        if not field.stays and field.default is None and not field.required:
            gone = mapping.patched(collection, after, {field.name: None})
            assert field.name not in mapping.from_fhir(collection, gone)


@by_field
def test_every_value_is_shown_as_sent_and_valid_in_fhir(
    collection: Collection, field: Field
) -> None:
    for value in plain_values.valid_values(field.kind):
        body = plain_values.smallest_member(collection) | {
            field.name: [value] if field.many else value
        }
        if field.name == "medicationId":
            del body["medication"]
        resource = mapping.to_fhir(collection, body)
        assert issues(resource, collection.type) == [] or _is_part(value), body
        shown = mapping.from_fhir(collection, resource)
        assert _is_in(body, shown)
        assert same(mapping.to_fhir(collection, shown), resource)
        if field.plural:
            several = body | {field.name: value, field.plural: [value, value]}
            assert (
                mapping.from_fhir(collection, mapping.to_fhir(collection, several)).items()
                >= several.items()
            )


def _is_in(sent: Any, shown: Any) -> bool:
    """Return whether everything that was sent is shown; the server may add more."""
    if isinstance(sent, dict) and isinstance(shown, dict):
        return all(_is_in(value, shown.get(name)) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(shown, list):
        return len(sent) == len(shown) and all(map(_is_in, sent, shown))
    return same(sent, shown)


def _is_part(value: Any) -> bool:
    """Return whether R4 requires more of a value than the one part that is tried."""
    return isinstance(value, dict) and len(value) == 1


@by_field
def test_a_value_of_the_wrong_kind_is_named(collection: Collection, field: Field) -> None:
    for value in plain_values.invalid_values(field.kind):
        body = plain_values.smallest_member(collection) | {
            field.name: [value] if field.many else value
        }
        with pytest.raises(Invalid) as refused:
            mapping.to_fhir(collection, body)
        place = f"#/{field.name}/0" if field.many else f"#/{field.name}"
        assert all(issue.expression.startswith(place) for issue in refused.value.issues), body
    for name in (field.plural, field.name if field.many else ""):
        if name:
            with pytest.raises(Invalid) as refused:
                mapping.to_fhir(
                    collection, plain_values.smallest_member(collection) | {name: "no array"}
                )
            assert [issue.expression for issue in refused.value.issues] == [f"#/{name}"]


@by_name
def test_every_issue_of_an_element_is_reported_for_its_field(collection: Collection) -> None:
    for field in collection.fields:
        value = plain_values.valid_values(field.kind)[-1]
        body = plain_values.smallest_member(collection) | {
            field.name: [value] if field.many else value
        }
        if field.name == "medicationId":
            del body["medication"]
        resource = mapping.to_fhir(collection, body)
        place = f"{collection.type}.{field.path}"
        if field.repeats:
            number = next(n for n, value in enumerate(paths.get(resource, field.path)) if value)
            place = f"{place}[{number}]"
        for within in (place, f"{place}.extension[0].url"):
            pointer = mapping.Pointers(collection, resource, body).of(within)
            assert pointer.partition("/0")[0] == f"#/{field.name}"
    unknown = f"{collection.type}.implicitRules"
    assert mapping.Pointers(collection, resource, {}).of(unknown) == unknown


@pytest.mark.parametrize(
    ("length", "minutes"),
    [
        ({"value": 2, "code": "h"}, 120),
        ({"value": 90, "unit": "s"}, Decimal("1.5")),
        ({"value": 1, "code": "d"}, 1440),
        ({"value": 100, "code": "s"}, Decimal("1.67")),
        ({"value": 7, "code": "min"}, 7),
        ({"value": fhirjson.Number("1e99999"), "code": "h"}, None),
        ({"value": 1, "code": "mo"}, None),
        ({"value": 1, "code": "h", "comparator": "<"}, None),
        ({"code": "h"}, None),
    ],
)
def test_a_length_in_other_units_is_shown_in_minutes(length: Json, minutes: Any) -> None:
    encounter = {"resourceType": "Encounter", "length": length}
    assert mapping.from_fhir(COLLECTIONS["encounters"], encounter).get("lengthMinutes") == minutes


def expanded(collection: Collection, resource: Json) -> Json:
    """Return what is shown, with each text that abbreviates an object expanded."""
    shown = mapping.from_fhir(collection, resource)
    kinds = {field.name: field.kind for field in collection.fields if not field.many}
    return {name: kinds[name].expanded(value) for name, value in shown.items() if name in kinds}


@by_name
def test_null_in_an_object_removes_that_member_and_nothing_else(collection: Collection) -> None:
    seen = set()
    required = {field.name for field in collection.fields if field.required}
    for resource in resources(collection):
        before = expanded(collection, resource)
        for name, value in before.items():
            for member in value if isinstance(value, dict) else ():
                if name in required and len(value) == 1:
                    continue
                if (
                    isinstance(mapping.from_fhir(collection, resource)[name], str)
                    and len(value) > 1
                ):
                    continue  # a usual code is always shown with its display
                seen.add(name)
                after = mapping.patched(collection, resource, {name: {member: None}})
                left = {each: inner for each, inner in value.items() if each != member}
                expected = before | {name: left}
                now = expanded(collection, after)
                if not left:
                    # The next of several values moves to the front.
                    del expected[name]
                    now.pop(name, None)
                assert same(now, expected), (name, member)
    objects = {f.name for f in collection.fields if isinstance(f.kind, type) and not f.many}
    assert objects <= seen


@by_name
def test_null_in_a_missing_object_changes_nothing(collection: Collection) -> None:
    for resource in resources(collection):
        shown = mapping.from_fhir(collection, resource)
        for field in collection.fields:
            objects = [
                value for value in plain_values.valid_values(field.kind) if isinstance(value, dict)
            ]
            if objects and not field.many and field.name not in shown:
                change = {field.name: dict.fromkeys(objects[-1])}
                assert same(mapping.patched(collection, resource, change), resource)


def test_an_object_that_loses_all_its_members_is_removed() -> None:
    collection = COLLECTIONS["encounters"]
    visit = {"resourceType": "Encounter", "status": "planned", "class": {"code": "VR"}}
    for period in ({"start": "2026"}, {"start": "2026", "end": "2027"}):
        change = {"period": {"start": None, "end": None}}
        assert mapping.patched(collection, visit | {"period": period}, change) == visit
    kept = {"extension": [{"url": "urn:x", "valueString": "y"}]}
    changed = mapping.patched(
        collection, visit | {"period": {"start": "2026"} | kept}, {"period": {"start": None}}
    )
    assert changed == visit | {"period": kept}
    several = visit | {"type": [{"text": "one"}, {"text": "two"}]}
    assert mapping.patched(collection, several, {"type": {"text": None}}) == visit | {
        "type": [{"text": "two"}]
    }


def test_a_member_of_a_usual_code_or_a_name_can_be_removed() -> None:
    collection = COLLECTIONS["encounters"]
    usual = mapping.to_fhir(
        collection, {"status": "planned", "class": "VR", "location": "Room 204"}
    )
    changed = mapping.patched(collection, usual, {"class": {"display": None}})
    assert changed["class"] == {"system": usual["class"]["system"], "code": "VR"}
    assert mapping.patched(collection, usual, {"location": {"reference": None}}) == usual


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"period": {"none": None}}, "#/period/none"),
        ({"serviceType": {"none": None}}, "#/serviceType/none"),
        ({"class": {"system": None, "code": None, "display": None}}, "#/class"),
        ({"status": None}, "#/status"),
    ],
)
def test_null_removes_neither_unknown_nor_required_fields(change: Json, place: str) -> None:
    collection = COLLECTIONS["encounters"]
    visit = mapping.to_fhir(collection, {"status": "planned", "class": "VR", "serviceType": "x"})
    with pytest.raises(Invalid) as refusal:
        mapping.patched(collection, visit, change)
    assert place in [issue.expression for issue in refusal.value.issues]


def test_null_is_ignored_in_an_object_sent_whole() -> None:
    collection = COLLECTIONS["encounters"]
    least = {"status": "planned", "class": "VR"}
    nothing = {"period": {"start": None, "end": None}, "identifiers": [{"value": None}]}
    assert mapping.to_fhir(collection, least | nothing) == mapping.to_fhir(collection, least)
