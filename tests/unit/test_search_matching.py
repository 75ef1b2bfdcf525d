"""What matches, where R4's rules are often read wrongly."""

from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared import references
from shared.errors import Invalid
from shared.search.criteria import parse
from shared.search.matching import matches
from tests import care

OPEN = {"start": "2026-03-10T10:00:00Z"}
ENDED = {"end": "2026-03-10T10:00:00Z"}
BOTH = {"start": "2026-03-10T10:00:00Z", "end": "2026-03-12T10:00:00Z"}


def found(resource: dict[str, Any], name: str, value: str, zone: tzinfo = UTC) -> bool:
    query = parse(resource["resourceType"], [(name, value)], zone)
    return matches(resource, query.criteria[0])


@pytest.mark.parametrize(
    ("period", "prefixes"),
    [
        (OPEN, {"ne", "gt", "ge", "ap"}),
        (ENDED, {"ne", "lt", "le", "ap"}),
        (BOTH, {"ne", "gt", "ge", "ap"}),
    ],
)
def test_a_period_against_the_day_it_begins_or_ends(
    period: dict[str, str], prefixes: set[str]
) -> None:
    every = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
    resource = care.session(period=period)
    before = {"lt", "le"} if "end" in period and "start" not in period else set()
    true = {prefix for prefix in every if found(resource, "date", f"{prefix}2026-03-10")}
    assert true == prefixes | before


@pytest.mark.parametrize(
    ("value", "true"),
    [
        ("gt2026-03-11", True),
        ("gt2026-03-12", False),
        ("ge2026-03-12", False),
        ("lt2026-03-10T10:00:00Z", False),
        ("le2026-03-10T10:00:00Z", False),
        ("lt2026-03-11", True),
        ("sa2026-03-09", True),
        ("sa2026-03-10", False),
        ("eb2026-03-13", True),
        ("eb2026-03-12", False),
        ("2026-03", True),
        ("ne2026-03", False),
        ("2026-03-11", False),
    ],
)
def test_a_closed_period_is_compared_as_a_range(value: str, *, true: bool) -> None:
    assert found(care.session(period=BOTH), "date", value) is true


def test_a_month_is_that_of_the_zone() -> None:
    late = care.session(period={"start": "2026-03-31T23:30:00Z", "end": "2026-03-31T23:40:00Z"})
    assert found(late, "date", "2026-03")
    assert not found(late, "date", "2026-03", ZoneInfo("Europe/Vienna"))
    assert found(late, "date", "2026-04", ZoneInfo("Europe/Vienna"))


def test_ne_needs_a_value() -> None:
    assert not found(care.session(), "date", "ne2026")


@pytest.mark.parametrize(
    ("value", "true"),
    [
        ("VR", True),
        (f"{care.ACT_CODE}|VR", True),
        (f"{care.ACT_CODE}|", True),
        ("|VR", False),
        ("urn:other|VR", False),
        ("AMB,VR", True),
        ("vr", False),
        (r"VR\,AMB", False),
    ],
)
def test_a_token_is_a_code_a_system_or_both(value: str, *, true: bool) -> None:
    assert found(care.session(), "class", value) is true


def test_a_bar_and_nothing_before_it_asks_for_no_system() -> None:
    assert found(care.session(identifier=[{"value": "1"}]), "identifier", "|1")
    assert not found(
        care.session(identifier=[{"system": "urn:a", "value": "1"}]), "identifier", "|1"
    )


def test_escapes_are_part_of_the_value() -> None:
    resource = care.session(identifier=[{"system": "urn:a|b", "value": "1,2$"}])
    assert found(resource, "identifier", r"urn:a\|b|1\,2\$")


def test_the_system_of_a_bound_code_is_implied() -> None:
    assert found(care.session(), "status", "http://hl7.org/fhir/encounter-status|in-progress")
    assert not found(care.session(), "status", "http://hl7.org/fhir/event-status|in-progress")


def test_not_means_none_of_the_list_and_matches_what_is_missing() -> None:
    typed = care.session(type=[{"coding": [{"code": "a"}, {"code": "b"}]}])
    assert not found(typed, "type:not", "b,c")
    assert found(typed, "type:not", "c,d")
    assert found(care.session(), "type:not", "a")


def test_missing_is_of_values_and_a_display_is_none() -> None:
    assert found(care.header(), "part-of:missing", "true")
    assert found(care.header(partOf=[{"display": "a leaflet"}]), "part-of:missing", "true")
    assert found(care.header(partOf=[{"identifier": {"value": "1"}}]), "part-of:missing", "false")
    assert found(care.message("h"), "part-of:missing", "false")


@pytest.mark.parametrize(
    ("name", "value", "true"),
    [
        ("subject", "Patient/homer-simpson", True),
        ("subject", "homer-simpson", True),
        ("subject:Patient", "homer-simpson", True),
        ("subject:Group", "homer-simpson", False),
        ("subject", "https://fhir.example.org/Patient/homer-simpson", True),
        ("subject", "https://other.example/Patient/homer-simpson", False),
        ("patient", "Group/homer-simpson", False),
        ("practitioner", "RelatedPerson/doctor-alice-smith", False),
    ],
)
def test_a_reference_is_an_id_a_type_and_id_or_a_url(name: str, value: str, *, true: bool) -> None:
    token = references.BASE.set("https://fhir.example.org")
    try:
        assert found(care.session(), name, value) is true
    finally:
        references.BASE.reset(token)


def test_a_reference_by_identifier_matches_as_a_token() -> None:
    resource = care.session(subject={"identifier": {"system": "urn:mrn", "value": "7"}})
    assert found(resource, "subject:identifier", "urn:mrn|7")
    assert not found(resource, "subject:identifier", "|7")
    assert found(resource, "subject:missing", "false")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "soon"),
        ("date", "xx2026"),
        ("date", "2026-13"),
        ("date:not", "2026"),
        ("status:in", "x"),
        ("subject:Device", "1"),
        ("part-of:missing", "yes"),
        ("class", ""),
        ("class", "|"),
        ("_sort", "period"),
        ("_count", "0"),
        ("_contained", "true"),
        ("nonsense", "1"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse("Encounter", [(name, value)], UTC)
    assert [issue.expression for issue in refused.value.issues] == [name]
