"""Matching, where R4's rules are often misread."""

import json
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.errors import Invalid
from shared.fhir import fhirjson, references
from shared.search.query.criteria import parse
from shared.search.query.matching import matches
from shared.search.run.sorting import number_text
from tests.support import care
from tests.support.clock import set_clock

UCUM = "http://unitsofmeasure.org"
OPEN = {"start": "2026-03-10T10:00:00Z"}
ENDED = {"end": "2026-03-10T10:00:00Z"}
BOTH = {"start": "2026-03-10T10:00:00Z", "end": "2026-03-12T10:00:00Z"}


def matches_one(resource: dict[str, Any], name: str, value: str, zone: tzinfo = UTC) -> bool:
    query = parse(resource["resourceType"], [(name, value)], zone)
    return matches(resource, query.criteria[0])


@pytest.mark.parametrize(
    ("period", "prefixes"),
    [
        (OPEN, {"ne", "gt", "ge", "le", "ap"}),
        (ENDED, {"ne", "lt", "ge", "le", "ap"}),
        (BOTH, {"ne", "gt", "ge", "le", "ap"}),
    ],
)
def test_a_period_against_the_day_it_begins_or_ends(
    period: dict[str, str], prefixes: set[str]
) -> None:
    every = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
    resource = care.session(period=period)
    true = {prefix for prefix in every if matches_one(resource, "date", f"{prefix}2026-03-10")}
    assert true == prefixes


# The width of `ap` depends on the distance to now: it has its own test.
EVERY = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


@pytest.mark.parametrize(
    ("period", "asked", "prefixes"),
    [
        # Without an end it lasts for ever: no searched time is after it.
        (OPEN, "2026-03-09", "ne gt ge sa"),
        (OPEN, "2026-03-11", "ne gt lt ge le"),
        (OPEN, "2026-03", "ne gt ge le"),
        (OPEN, "2026", "ne gt ge le"),
        (OPEN, "9999-12-31", "ne gt lt ge le"),
        (OPEN, "2026-03-10T09:59:59Z", "ne gt ge sa"),
        (OPEN, "2026-03-10T10:00:00Z", "ne gt ge le"),
        # Without a start it has always lasted.
        (ENDED, "2026-03-09", "ne gt lt ge le"),
        (ENDED, "2026-03-11", "ne lt le eb"),
        (ENDED, "2026-03", "ne lt ge le"),
        (ENDED, "2026", "ne lt ge le"),
        (ENDED, "0001-01-01", "ne gt lt ge le"),
        # An end with seconds is the end of that second.
        (ENDED, "2026-03-10T10:00:00Z", "ne lt ge le"),
        (ENDED, "2026-03-10T10:00:01Z", "ne lt le eb"),
        (BOTH, "2026-03", "eq ge le"),
        (BOTH, "2026-03-11", "ne gt lt ge le"),
        ({}, "2026", ""),
    ],
)
def test_a_period_with_open_ends_against_each_prefix(
    period: dict[str, str], asked: str, prefixes: str
) -> None:
    resource = care.session(period=period) if period else care.session()
    true = [prefix for prefix in EVERY if matches_one(resource, "date", f"{prefix}{asked}")]
    assert true == prefixes.split()


@pytest.mark.parametrize(
    ("sent", "zone", "months"),
    [
        ("2026-03-01T00:30:00+02:00", "UTC", "2026-02"),
        ("2026-03-01T00:30:00+02:00", "Europe/Vienna", "2026-02"),
        ("2026-03-01T00:30:00+01:00", "Europe/Vienna", "2026-03"),
        ("2026-02-28T23:30:00Z", "Asia/Tokyo", "2026-03"),
        ("2026-04-01T03:59:59Z", "America/New_York", "2026-03"),
        ("2026-04-01T04:00:00Z", "America/New_York", "2026-04"),
        # A day or month without a time is in the clinic's zone.
        ("2026-03-01", "Asia/Tokyo", "2026-03"),
        ("2026-03", "America/New_York", "2026-03"),
        # Daylight saving time: the last hour of March is not in winter time.
        ("2026-03-31T21:59:59Z", "Europe/Vienna", "2026-03"),
        ("2026-03-31T22:00:00Z", "Europe/Vienna", "2026-04"),
    ],
)
def test_a_month_is_searched_in_the_deployments_zone(sent: str, zone: str, months: str) -> None:
    message = care.message("h", sent)
    asked = ["2026-02", "2026-03", "2026-04"]
    assert [
        request for request in asked if matches_one(message, "sent", request, ZoneInfo(zone))
    ] == [months]


@pytest.mark.parametrize(
    ("value", "true"),
    [
        ("gt2026-03-11", True),
        ("gt2026-03-12", False),
        ("ge2026-03-12", True),
        ("ge2026-03-12T10:00:00Z", True),
        ("ge2026-03-12T10:00:01Z", False),
        ("lt2026-03-10T10:00:00Z", False),
        ("le2026-03-10T10:00:00Z", True),
        ("le2026-03-10T09:59:59Z", False),
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
    assert matches_one(care.session(period=BOTH), "date", value) is true


def test_a_month_is_in_the_given_zone() -> None:
    late = care.session(period={"start": "2026-03-31T23:30:00Z", "end": "2026-03-31T23:40:00Z"})
    assert matches_one(late, "date", "2026-03")
    assert not matches_one(late, "date", "2026-03", ZoneInfo("Europe/Vienna"))
    assert matches_one(late, "date", "2026-04", ZoneInfo("Europe/Vienna"))


def test_ne_needs_a_value() -> None:
    assert not matches_one(care.session(), "date", "ne2026")


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
    assert matches_one(care.session(), "class", value) is true


def test_a_leading_bar_means_no_system() -> None:
    assert matches_one(care.session(identifier=[{"value": "1"}]), "identifier", "|1")
    assert not matches_one(
        care.session(identifier=[{"system": "urn:a", "value": "1"}]), "identifier", "|1"
    )


def test_escapes_are_part_of_the_value() -> None:
    resource = care.session(identifier=[{"system": "urn:a|b", "value": "1,2$"}])
    assert matches_one(resource, "identifier", r"urn:a\|b|1\,2\$")


def test_the_system_of_a_bound_code_is_implied() -> None:
    assert matches_one(care.session(), "status", "http://hl7.org/fhir/encounter-status|in-progress")
    assert not matches_one(care.session(), "status", "http://hl7.org/fhir/event-status|in-progress")


def test_not_means_none_of_the_list_and_matches_missing_values() -> None:
    typed = care.session(type=[{"coding": [{"code": "a"}, {"code": "b"}]}])
    assert not matches_one(typed, "type:not", "b,c")
    assert matches_one(typed, "type:not", "c,d")
    assert matches_one(care.session(), "type:not", "a")


def test_each_of_several_nots_excludes_all_its_values() -> None:
    both = care.session(type=[{"coding": [{"system": "urn:a", "code": "a"}, {"code": "b"}]}])
    text = care.session(type=[{"text": "a"}])
    asked = {"urn:a|a": False, "|a": True, "urn:a|": False, "|b": False, "urn:b|,c": True}
    for value, is_found in asked.items():
        assert matches_one(both, "type:not", value) is is_found, value
        assert matches_one(text, "type:not", value), value
    assert not matches_one(both, "status:not", "planned,in-progress")


def test_missing_and_a_value_must_both_match() -> None:
    asked = [("type:missing", "true"), ("type:not", "a"), ("date:missing", "false")]
    query = parse("Encounter", [*asked, ("date", "ge2026-03-11")], UTC)
    typed: Any = {"type": [{"coding": [{"code": "b"}]}]}
    resources = {
        "all hold": care.session(period=BOTH),
        "typed": care.session(period=BOTH, **typed),
        "undated": care.session(),
        "too early": care.session(period=ENDED),
    }
    held = {
        name: all(matches(value, criterion) for criterion in query.criteria)
        for name, value in resources.items()
    }
    assert [name for name, holds in held.items() if holds] == ["all hold"]


def test_missing_means_without_a_value_and_a_display_is_not_a_value() -> None:
    assert matches_one(care.header(), "part-of:missing", "true")
    assert matches_one(care.header(partOf=[{"display": "a leaflet"}]), "part-of:missing", "true")
    assert matches_one(
        care.header(partOf=[{"identifier": {"value": "1"}}]), "part-of:missing", "false"
    )
    assert matches_one(care.message("h"), "part-of:missing", "false")


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
        assert matches_one(care.session(), name, value) is true
    finally:
        references.BASE.reset(token)


def test_a_reference_by_identifier_matches_as_a_token() -> None:
    resource = care.session(subject={"identifier": {"system": "urn:mrn", "value": "7"}})
    assert matches_one(resource, "subject:identifier", "urn:mrn|7")
    assert not matches_one(resource, "subject:identifier", "|7")
    assert matches_one(resource, "subject:missing", "false")


def known_length(number: str) -> dict[str, Any]:
    """Return an Encounter whose length is the number exactly as written."""
    resource: dict[str, Any] = fhirjson.loads(
        json.dumps(care.session(length="LENGTH")).replace(
            '"LENGTH"',
            f'{{"value": {number}, "unit": "minutes", "system": "{UCUM}", "code": "min"}}',
        )
    )
    return resource


@pytest.mark.parametrize(
    ("asked", "prefixes"),
    [
        ("2025", {"ne", "gt", "ge", "sa"}),
        ("2026", {"eq", "ge", "le"}),
        ("2027", {"ne", "lt", "le", "eb"}),
        ("2026-03", {"eq", "ge", "le"}),
        ("2026-04", {"ne", "lt", "le", "eb"}),
        ("2026-03-10", {"eq", "ge", "le"}),
        ("2026-03-10T10:30Z", {"eq", "ge", "le"}),
        ("2026-03-10T10:31Z", {"ne", "lt", "le", "eb"}),
        ("2026-03-10T10:30:15Z", {"eq", "ge", "le"}),
        ("2026-03-10T11:30:15+01:00", {"eq", "ge", "le"}),
        ("2026-03-10T10:30:15+01:00", {"ne", "gt", "ge", "sa"}),
        ("2026-03-10T10:30:15.250Z", {"eq", "ge", "le"}),
        # A fraction of any number of digits makes it a point.
        ("2026-03-10T10:30:15.250000000000Z", {"eq", "ge", "le"}),
        ("2026-03-10T10:30:15.25Z", {"eq", "ge", "le"}),
        ("2026-03-10T10:30:15.2504Z", {"ne", "lt", "le", "eb"}),
        ("2026-03-10T10:30:15.250000001Z", {"ne", "lt", "le", "eb"}),
        ("2026-03-10T10:30:15.249999999Z", {"ne", "gt", "ge", "sa"}),
        ("2026-03-10T10:30:15.251Z", {"ne", "lt", "le", "eb"}),
        ("2026-03-10T10:30:15.2Z", {"ne", "gt", "ge", "sa"}),
    ],
)
def test_an_instant_is_compared_with_every_precision(asked: str, prefixes: set[str]) -> None:
    message = care.message("h", "2026-03-10T10:30:15.250Z")
    true = {prefix for prefix in EVERY if matches_one(message, "sent", prefix + asked)}
    assert true == prefixes
    assert matches_one(message, "sent", asked) is ("eq" in prefixes)


@pytest.mark.parametrize(
    ("kind", "element"),
    [("Appointment", "start"), ("DocumentReference", "date"), ("Observation", "effectiveInstant")],
)
def test_an_instant_is_a_point_without_a_fraction_too(kind: str, element: str) -> None:
    resource = care.example(kind) | {element: "2026-03-10T10:30:15Z"}
    resource.pop("effectiveDateTime", None)
    asked = {
        "2026-03-10T10:30:15Z": "eq ge le",
        "2026-03-10T10:30:15.000Z": "eq ge le",
        "2026-03-10T10:30:15.001Z": "ne lt le eb",
    }
    for value, prefixes in asked.items():
        true = [prefix for prefix in EVERY if matches_one(resource, "date", prefix + value)]
        assert true == prefixes.split(), value


def test_a_date_time_of_a_second_lasts_that_second() -> None:
    message = care.message("h", "2026-03-10T10:30:15Z")
    asked = {
        "2026-03-10T10:30:15Z": "eq ge le",
        "2026-03-10T10:30:15.000Z": "ne gt ge le",
        "2026-03-10T10:30:15.999Z": "ne gt lt ge le",
        "2026-03-10T10:30:16.000Z": "ne lt le eb",
    }
    for value, prefixes in asked.items():
        true = [prefix for prefix in EVERY if matches_one(message, "sent", prefix + value)]
        assert true == prefixes.split(), value


def test_a_timing_is_found_from_its_first_to_its_last_time() -> None:
    twice = {"event": ["2026-03-07T22:00:00Z", "2026-03-12"]}
    weekly = {"repeat": {"boundsPeriod": {"start": "2026-03-07", "end": "2026-03-12"}}}
    for timing in (twice, weekly):
        resource = care.example("ServiceRequest") | {"occurrenceTiming": timing}
        for day in ("2026-03-07", "2026-03-10", "2026-03-12"):
            assert matches_one(resource, "occurrence", f"ge{day}"), day
            assert matches_one(resource, "occurrence", f"le{day}"), day
        assert not matches_one(resource, "occurrence", "ge2026-03-13")
        assert not matches_one(resource, "occurrence", "le2026-03-06")
        assert not matches_one(resource, "occurrence", "2026-03-10")


@pytest.mark.parametrize(
    ("asked", "prefixes"),
    [
        ("2026-03-10", {"ne", "gt", "lt", "ge", "le"}),
        ("2026-03", {"eq", "ge", "le"}),
        ("2026-02", {"ne", "gt", "ge", "sa"}),
        ("2026", {"eq", "ge", "le"}),
    ],
)
def test_a_stored_month_is_the_whole_month(asked: str, prefixes: set[str]) -> None:
    message = care.message("h", "2026-03")
    assert {prefix for prefix in EVERY if matches_one(message, "sent", prefix + asked)} == prefixes


def test_a_stored_time_without_a_zone_is_that_of_the_deployment() -> None:
    message = care.message("h", "2026-03-10")
    vienna = ZoneInfo("Europe/Vienna")
    assert matches_one(message, "sent", "sa2026-03-09T22:59:59Z", vienna)
    assert not matches_one(message, "sent", "sa2026-03-09T23:00:00Z", vienna)
    assert matches_one(message, "sent", "sa2026-03-09T23:59:59Z")


def test_approximately_widens_by_a_tenth_of_the_distance_to_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = care.message("h", "2026-03-10T10:00:00Z")
    set_clock(monkeypatch, lambda: datetime(2026, 6, 18, 10, tzinfo=UTC))
    assert matches_one(message, "sent", "ap2026-03-18T10:00:00Z")
    assert not matches_one(message, "sent", "ap2026-03-30T10:00:00Z")
    set_clock(monkeypatch, lambda: datetime(2027, 6, 18, 10, tzinfo=UTC))
    assert matches_one(message, "sent", "ap2026-03-30T10:00:00Z")


@pytest.mark.parametrize(
    ("value", "true"),
    [
        ("10", True),
        ("10.0", True),
        ("1e1", True),
        ("10.4", False),
        ("ne10", False),
        ("ne11", True),
        ("gt10", False),
        ("gt9.99", True),
        ("ge10", True),
        ("lt10", False),
        ("lt10.01", True),
        ("le10", True),
        ("sa9", True),
        ("eb11", True),
        ("eb10", False),
        ("ap11", True),
        ("ap12", False),
        (f"10|{UCUM}|min", True),
        (f"gt9|{UCUM}|min", True),
        (f"gt9|{UCUM}|h", False),
        ("gt9|urn:other|min", False),
        ("10||min", True),
        ("10||minutes", True),
        (f"10|{UCUM}|minutes", False),
        ("11,10", True),
    ],
)
def test_a_quantity_is_a_number_with_a_prefix_and_perhaps_a_unit(value: str, *, true: bool) -> None:
    assert matches_one(known_length("10.0"), "length", value) is true


@pytest.mark.parametrize(("stored", "true"), [("9.6", True), ("10.4", True), ("10.5", False)])
def test_equal_is_as_exact_as_the_number_is_written(stored: str, *, true: bool) -> None:
    assert matches_one(known_length(stored), "length", "10") is true
    assert matches_one(known_length(stored), "length", "ne10") is not true


LONG = "1234567890123456789012345678901234567890.12345678901234567895"


@pytest.mark.parametrize(
    "number", [LONG, f"-{LONG}", "1E+3", "1.5e-7", "-2.50E4", "0e5", "1e400", "7E-400", "1" * 400]
)
def test_a_number_of_any_length_finds_itself(number: str) -> None:
    resource = known_length(number)
    for prefix in ("", "eq", "ge", "le", "ap"):
        assert matches_one(resource, "length", f"{prefix}{number}"), prefix
    for prefix in ("ne", "gt", "lt", "sa", "eb"):
        assert not matches_one(resource, "length", f"{prefix}{number}"), prefix


def test_long_numbers_differ_by_their_last_digit() -> None:
    near, far = LONG[:-1] + "4", LONG[:-1] + "6"
    assert not matches_one(known_length(LONG), "length", near)
    assert matches_one(known_length(LONG), "length", f"gt{LONG[:-1]}")
    assert matches_one(known_length(far), "length", f"gt{LONG}")
    assert not matches_one(known_length(far), "length", LONG)
    assert matches_one(known_length(f"{LONG}4"), "length", LONG)
    assert not matches_one(known_length(f"{LONG}5"), "length", LONG)


def test_numbers_sort_by_their_value_whatever_their_length() -> None:
    numbers = ["-1e30", "-10.5", "-10.45", "-1", "-1e-9", "0", "1E-400", "0.1", "0.11", "1", "9.99"]
    numbers += ["10", LONG, f"{LONG}1", f"1{LONG}", "1e400"]
    keys = [number_text(Decimal(number)) for number in numbers]
    assert keys == sorted(keys)
    assert len({*keys}) == len(keys)
    assert number_text(Decimal("10.00")) == number_text(Decimal("1e1"))


@pytest.mark.parametrize(
    ("name", "value", "true"),
    [
        ("instantiates-uri", "http://a.example/protocols/7", True),
        ("instantiates-uri", "http://a.example/protocols", False),
        ("instantiates-uri:below", "http://a.example/protocols", True),
        ("instantiates-uri:below", "http://a.example/protocols/", True),
        ("instantiates-uri:below", "http://a.example/proto", False),
        ("instantiates-uri:below", "http://a.example/protocols/7", True),
        ("instantiates-canonical", "http://b.example/PlanDefinition/1|2.0", True),
        ("instantiates-canonical", r"http://b.example/PlanDefinition/1\|2.0", True),
        ("instantiates-canonical", "http://b.example/PlanDefinition/1", False),
        ("instantiates-canonical", "PlanDefinition/here", True),
        ("instantiates-canonical", "here", True),
        ("instantiates-canonical:Measure", "here", False),
        ("_source", "urn:channel", True),
        ("_profile", "http://p.example/one", True),
        ("_profile:below", "http://p.example", True),
        ("topic:text", "a ra", True),
        ("topic:text", "rash", False),
        ("topic", "A rash", False),
        ("priority", "http://hl7.org/fhir/request-priority|urgent", True),
        ("priority:missing", "true", False),
        ("category:text", "Älert", True),
        ("category:text", "alert", True),
        ("category:not", "c", False),
        ("medium:not", "c", True),
        ("_tag", "urn:tags|", True),
        ("_security:missing", "true", True),
    ],
)
def test_the_parameters_of_a_communication(name: str, value: str, *, true: bool) -> None:
    resource = care.header(
        instantiatesUri=["http://a.example/protocols/7"],
        instantiatesCanonical=[
            "http://b.example/PlanDefinition/1|2.0",
            "https://fhir.example.org/PlanDefinition/here",
        ],
        priority="urgent",
        category=[{"coding": [{"code": "c", "display": "Alert of a kind"}]}, {"text": "other"}],
        meta={
            "source": "urn:channel",
            "profile": ["http://p.example/one"],
            "tag": [{"system": "urn:tags", "code": "1"}],
        },
    )
    token = references.BASE.set("https://fhir.example.org")
    try:
        assert matches_one(resource, name, value) is true
    finally:
        references.BASE.reset(token)


@pytest.mark.parametrize(
    ("name", "value", "true"),
    [
        ("identifier:of-type", "urn:kinds|MR|12", True),
        ("identifier:of-type", "urn:kinds|SS|12", False),
        ("identifier:of-type", "urn:kinds|MR|13", False),
        ("identifier:text", "medical", True),
        ("identifier", "urn:mrn|", True),
        ("identifier:not", "urn:mrn|12,13", False),
        ("participant-type", "ATND", True),
        ("location-period", "ge2026-03-11", True),
        ("location-period:missing", "false", True),
        ("special-arrangement", "urn:arr|wheel", True),
        ("diagnosis", "Condition/1", True),
        ("diagnosis:Procedure", "1", False),
        ("diagnosis:Condition", "Condition/1", True),
        ("reason-code:text", "coughing", True),
        ("service-provider:identifier", "urn:ik|5", True),
        ("service-provider", "5", False),
        ("account:missing", "true", True),
    ],
)
def test_the_parameters_of_an_encounter(name: str, value: str, *, true: bool) -> None:
    kind = {"coding": [{"system": "urn:kinds", "code": "MR"}], "text": "Medical record"}
    resource = care.session(
        identifier=[{"system": "urn:mrn", "value": "12", "type": kind}],
        participant=[{"type": [{"coding": [{"code": "ATND"}]}]}],
        location=[{"period": {"start": "2026-03-10"}}, {"period": {"end": "2026-03-01"}}],
        hospitalization={
            "specialArrangement": [{"coding": [{"system": "urn:arr", "code": "wheel"}]}]
        },
        diagnosis=[{"condition": care.reference("Condition/1")}],
        reasonCode=[{"text": "Coughing since Monday"}],
        serviceProvider={"identifier": {"system": "urn:ik", "value": "5"}},
    )
    assert matches_one(resource, name, value) is true


def test_every_parameter_that_is_repeated_must_match() -> None:
    query = parse("Encounter", [("date", "ge2026-03-11"), ("date", "le2026-03-11")], UTC)
    closed, opened = care.session(period=BOTH), care.session(period=OPEN)
    assert [
        all(matches(resource, criterion) for criterion in query.criteria)
        for resource in (closed, opened)
    ] == [
        True,
        True,
    ]
    none = parse("Encounter", [("date:missing", "true"), ("date", "ge2026")], UTC)
    assert not all(matches(closed, criterion) for criterion in none.criteria)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "soon"),
        ("date", "xx2026"),
        ("date", "2026-13"),
        ("date:not", "2026"),
        ("date", "2026-02-30"),
        ("date", "gtgt2026"),
        ("status:in", "x"),
        ("status:text", "x"),
        ("_id:text", "x"),
        ("type:of-type", "a|b|c"),
        ("identifier:of-type", "a|b"),
        ("length", "long"),
        ("length", "1|2"),
        ("length", "NaN"),
        ("length", "Infinity"),
        ("length", "1e999999999"),
        ("subject:Patient", "Group/1"),
        ("subject:Bogus", "1"),
        ("_profile:above", "x"),
        ("subject:Device", "1"),
        ("part-of:missing", "yes"),
        ("class", ""),
        ("class", "|"),
        ("_sort", "period"),
        ("_sort", ""),
        ("_sort", "date,-"),
        ("_count", "-1"),
        ("_count", "many"),
        ("_offset", "-1"),
        ("_total", "some"),
        ("_summary", "short"),
        ("_elements", "colour"),
        ("_contained", "true"),
        ("nonsense", "1"),
    ],
)
def test_an_invalid_parameter_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse("Encounter", [(name, value)], UTC)
    assert [issue.expression for issue in refused.value.issues] == [name]
