"""The index rows of a resource."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.catalog.parameters import (
    SEARCH_PARAMS,
    SPREAD,
    Index,
    SearchParam,
    SearchParams,
    encounter,
)
from shared.errors import BusinessRule
from shared.fhir import references
from shared.store.index.partitions import shard
from shared.store.index.rows import MOST_INDEX_ROWS, row_keys, stub
from tests.support import care

CREATED = "2026-11-21T10:00:00.000Z"
TYPICAL = Path(__file__).parents[2] / "fixtures" / "typical"


def stored(resource: dict[str, Any], key: str = "r1") -> dict[str, Any]:
    return resource | {"id": key, "meta": {"versionId": "1", "lastUpdated": CREATED}}


def row_names(resource: dict[str, Any], **more: Any) -> dict[str, str]:
    """Return rows by the part of the partition after the type, without the shard."""
    keys = row_keys(stored(resource), CREATED, **{"zone": UTC} | more)
    return {pk.partition("?")[2].partition("#")[0]: sk for pk, sk in keys}


def typical(name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads((TYPICAL / f"{name}.json").read_text())
    return resource


@pytest.mark.parametrize(
    ("name", "more", "count"),
    [
        ("session", {}, 6),
        ("header", {}, 6),
        ("header", {"encounter": care.reference("Encounter/e")}, 7),
        ("message", {"partOf": [care.reference("Communication/h")]}, 4),
    ],
)
def test_typical_resources_have_no_more_rows_than_their_write_units_count(
    name: str, more: dict[str, Any], count: int
) -> None:
    assert len(row_keys(stored(typical(name) | more), CREATED, zone=UTC)) == count


PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:mrn", "value": "7"}],
    "name": [{"given": ["Homer", "Jay"], "family": "Simpson", "text": "Homer J. Simpson"}],
    "telecom": [{"system": "phone", "value": "+15550100"}, {"system": "email", "value": "h@x.org"}],
    "gender": "male",
    "birthDate": "1956-05-12",
    "generalPractitioner": [care.reference(care.ALICE)],
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "subject": care.reference(care.HOMER),
    "encounter": care.reference("Encounter/e"),
    "effectiveDateTime": "2026-11-20",
    "performer": [care.reference(care.ALICE)],
    "valueQuantity": {"value": 72, "unit": "/min"},
}


@pytest.mark.parametrize(("resource", "count"), [(PATIENT, 11), (OBSERVATION, 5)])
def test_a_person_has_a_row_for_each_word_of_their_names(
    resource: dict[str, Any], count: int
) -> None:
    keys = row_keys(stored(resource), CREATED, zone=UTC)
    assert len(keys) == len(set(keys)) == count
    words = {sort.partition("!")[0] for pk, sort in keys if "?name=" in pk}
    assert words == ({"homer", "j", "jay", "simpson"} if resource is PATIENT else set())


def test_a_stub_keeps_the_whole_name_if_one_part_is_searchable_by_itself() -> None:
    assert stub(stored(PATIENT))["name"] == PATIENT["name"]


def test_words_are_partitioned_by_prefix_and_fit_a_key() -> None:
    words = ["Anna", "Ольга", "Жанна", "王", "\N{OLD ITALIC LETTER A}" * 300]
    names = [{"text": word} for word in words]
    keys = row_keys(stored({"resourceType": "Patient", "name": names}), CREATED, zone=UTC)
    named = [(pk, sort) for pk, sort in keys if "?name=" in pk]
    assert len({pk for pk, _ in named}) == len(words)
    assert max(len(sort) for _, sort in named) < 600


def test_an_encounter_has_a_row_for_each_value_sorted_by_its_start() -> None:
    rows = row_names(care.session(period={"start": "2026-11-20T23:30:00+01:00"}))
    order = "2026-11-20T22:30:00.000Z#r1"
    assert rows == {
        "class=VR": order,
        "participant=Practitioner/doctor-alice-smith": order,
        "patient=Patient/homer-simpson": order,
        "_lastUpdated": f"{CREATED}#r1",
        "date": order,
        "open": order,
    }


def test_a_time_without_a_zone_sorts_in_the_deployments_zone() -> None:
    resource = care.session(period={"start": "2026-11-20"})
    assert row_names(resource, zone=ZoneInfo("Asia/Tokyo"))["date"] == "2026-11-19T15:00:00.000Z#r1"


def test_resources_without_a_date_sort_last_by_creation() -> None:
    assert row_names(care.session())["date"] == f":{CREATED}#r1"


def test_a_period_with_only_an_end_sorts_before_all_others() -> None:
    assert row_names(care.session(period={"end": "2026"}))["date"] == "0001-01-01T00:00:00.000Z#r1"


@pytest.mark.parametrize("status", ["finished", "cancelled", "entered-in-error"])
def test_an_ended_encounter_leaves_the_listing_of_open_ones(status: str) -> None:
    assert "open" not in row_names(care.session(status))


@pytest.mark.parametrize(
    ("resource", "kind", "listing"),
    [
        (care.header(), "h#o#", "open-threads"),
        (care.header(status="on-hold"), "h#o#", "open-threads"),
        (care.header(status="preparation"), "h#p#", "open-threads"),
        (care.header(status="not-done"), "h#n#", "open-threads"),
        (care.header(status="completed"), "h#c#", "closed-threads"),
        (care.header(partOf=[{"display": "a leaflet"}]), "h#o#", "open-threads"),
        (care.header(partOf=[care.reference("Procedure/1")]), "m#", ""),
        (care.message("h"), "m#", ""),
        (care.message("h") | {"status": "preparation"}, "d#", ""),
    ],
)
def test_the_sort_key_of_a_communication_begins_with_its_kind(
    resource: dict[str, Any], kind: str, listing: str
) -> None:
    rows = row_names(resource)
    assert rows["patient=Patient/homer-simpson"].startswith(f"{kind}:")
    listings = {name for name in rows if name.endswith("threads")}
    assert listings == ({listing} if listing else set())


def test_part_of_has_rows_except_for_the_thread_of_a_message() -> None:
    parts = [care.reference("Communication/h"), care.reference("Procedure/p")]
    found = [name for name in row_names(care.message("h") | {"partOf": parts}) if "part-of" in name]
    assert found == ["part-of=p"]


def test_references_to_this_server_are_indexed_in_relative_form() -> None:
    token = references.BASE.set("https://fhir.example.org")
    try:
        for text in ("Patient/1", "Patient/1/_history/2", "https://fhir.example.org/Patient/1"):
            assert "patient=Patient/1" in row_names(care.session(subject=care.reference(text)))
        rows = row_names(care.session(subject=care.reference("https://other.example/Patient/1")))
        assert "patient=https://other.example/Patient/1" in rows
    finally:
        references.BASE.reset(token)


def test_display_only_references_and_empty_identifiers_have_no_rows() -> None:
    resource = care.session(
        subject={"display": "somebody"},
        participant=[{"individual": care.reference("#p")}],
        identifier=[{"system": "urn:a"}],
    )
    # References to contained resources share a partition, for chains.
    assert set(row_names(resource)) == {
        "class=VR",
        "date",
        "open",
        "_lastUpdated",
        "participant=%23",
    }


def test_a_reference_of_unknown_form_is_indexed_as_written() -> None:
    rows = row_names(care.session(participant=[{"individual": care.reference("urn:uuid:1")}]))
    assert "participant=urn:uuid:1" in rows
    assert "participant=P/1" in row_names(
        care.session(participant=[{"individual": care.reference("P/1")}])
    )


def test_equal_values_share_a_row_whatever_their_system() -> None:
    identifiers = [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "1"}]
    keys = row_keys(stored(care.session(identifier=identifiers)), CREATED, zone=UTC)
    assert len(keys) == len(set(keys)) == 7


def test_no_value_can_escape_or_overflow_its_key_segment() -> None:
    identifiers = [{"value": "a#b=c?d%"}, {"value": "é" * 3000}]
    found = row_keys(stored(care.session(identifier=identifiers)), CREATED, zone=UTC)
    keys = [pk for pk, _ in found if "identifier" in pk]
    assert keys[:2] == [
        "-#Encounter?identifier=a%23b%3Dc%3Fd%25",
        "-#Encounter?identifier=%7Ca%23b%3Dc%3Fd%25",
    ]
    assert all(len(key.encode()) < 2048 for key in keys[2:])


def test_more_values_than_an_update_can_move_are_refused_by_their_element() -> None:
    recipients = [care.reference(f"Patient/{number}") for number in range(MOST_INDEX_ROWS)]
    with pytest.raises(BusinessRule) as refused:
        row_keys(stored(care.header(recipient=recipients)), CREATED, zone=UTC)
    assert refused.value.issues[0].expression == "Communication.recipient"


def test_listings_are_spread_evenly() -> None:
    counts = [0] * SPREAD
    for number in range(4000):
        counts[shard(f"01HZ{number:022}", SPREAD)] += 1
    assert min(counts) > 900


def test_a_stub_has_the_searched_elements_and_yields_the_same_rows() -> None:
    whole = stored(
        care.session(
            participant=[{"individual": care.reference(care.ALICE), "period": {"start": "2026"}}],
            text={"status": "generated", "div": "<div/>"},
        )
    )
    cut = stub(whole)
    assert "text" not in cut
    assert cut["participant"] == [{"individual": care.reference(care.ALICE)}]
    assert row_keys(cut, CREATED, zone=UTC) == row_keys(whole, CREATED, zone=UTC)


def test_a_new_parameter_needs_only_a_row_in_the_catalogue() -> None:
    row = SearchParam(
        "Encounter", "origin", "reference", "Encounter.hospitalization.origin", index=Index.ROW
    )
    resource = care.session(hospitalization={"origin": care.reference("Location/1")})
    SEARCH_PARAMS.of(row.resource)[row.code] = row
    try:
        assert "origin=1" in row_names(resource)
        assert stub(stored(resource))["hospitalization"] == resource["hospitalization"]
    finally:
        del SEARCH_PARAMS.of("Encounter")["origin"]
    assert "origin=1" not in row_names(resource)


def test_a_parameter_that_is_in_the_catalogue_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encounter, "ROWS", (*encounter.ROWS, encounter.ROWS[-1]))
    with pytest.raises(ValueError, match="defined twice"):
        SearchParams().of("Encounter")
