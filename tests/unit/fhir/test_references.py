"""Parsing the text of a reference."""

from collections.abc import Iterator

import pytest

from shared.catalog.types import RESOURCE_TYPES
from shared.fhir import references, urls
from shared.fhir.references import Conditional, Contained, External, Literal, Local, Reference, Urn
from shared.fhir.validation import schema

BASE = "https://fhir.example.org/fhir/R4"
HERE = Local(Literal("Encounter", "x"), "")
VERSION = Local(Literal("Encounter", "x"), "2")


@pytest.fixture(autouse=True)
def _base() -> Iterator[None]:
    token = references.BASE.set(BASE)
    yield
    references.BASE.reset(token)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("#", Contained("")),
        ("#inside", Contained("inside")),
        ("Encounter/x", HERE),
        ("Encounter/x/_history/2", VERSION),
        (f"{BASE}/Encounter/x", HERE),
        (f"{BASE}/Encounter/x/_history/2", VERSION),
        ("http://fhir.example.org/fhir/R4/Encounter/x", HERE),
        ("http://fhir.example.org:80/fhir/R4/Encounter/x", HERE),
        ("https://fhir.example.org:443/fhir/R4/Encounter/x", HERE),
        ("HTTPS://FHIR.Example.ORG/fhir/R4/Encounter/x/_history/2", VERSION),
        ("https://fhir.example.org/fhir/%52%34/Encounter/%78", HERE),
        ("https://fhir.example.org/fhir/R5/../R4/./Encounter/x", HERE),
        ("https://someone@fhir.example.org/fhir/R4/Encounter/x", HERE),
        ("Patient/pt_abc123", Local(Literal("Patient", "pt_abc123"), "")),
        (f"{BASE}/Patient/pt_abc123", Local(Literal("Patient", "pt_abc123"), "")),
        ("Device/pump_1/_history/v_2", Local(Literal("Device", "pump_1"), "v_2")),
        (f"Patient/{'a' * 64}", Local(Literal("Patient", "a" * 64), "")),
        ("Patient?identifier=a|b", Conditional("Patient", "identifier=a|b")),
        ("Patient/?identifier=1", Conditional("Patient", "identifier=1")),
        ("/Patient?identifier=a|b", Conditional("Patient", "identifier=a|b")),
        ("Patient?", Conditional("Patient", "")),
        (
            "https://other.example/Patient?identifier=a|b",
            External("https://other.example/Patient?identifier=a|b"),
        ),
        (f"{BASE}/Patient?name=x&phone=+1", Conditional("Patient", "name=x&phone=+1")),
        (
            "https://other.example/fhir/Encounter/enc_1/_history/2",
            External("https://other.example/fhir/Encounter/enc_1/_history/2", "Encounter"),
        ),
        ("https://other.example/people/1", External("https://other.example/people/1")),
        ("HTTP://Other.example/Patient/1", External("HTTP://Other.example/Patient/1", "Patient")),
        (f"{BASE}x/Patient/1", External(f"{BASE}x/Patient/1", "Patient")),
        (
            "https://fhir.example.org:8443/fhir/R4/Patient/1",
            External("https://fhir.example.org:8443/fhir/R4/Patient/1", "Patient"),
        ),
        ("https://other.example/Organisation/1", External("https://other.example/Organisation/1")),
        ("https://[::1]:8080/Patient/1", External("https://[::1]:8080/Patient/1", "Patient")),
        ("mailto:homer@example.org", External("mailto:homer@example.org")),
        (
            "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
            Urn("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
        ),
        ("URN:OID:1.2.3", Urn("URN:OID:1.2.3")),
    ],
)
def test_each_form_of_a_reference_is_read(text: str, named: Reference) -> None:
    assert references.parse(text) == named


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x",
        "01HZX3",
        "Encounter",
        "Encounter/",
        "/Encounter/x",
        "./Encounter/x",
        "../Encounter/x",
        "R4/Encounter/x",
        "Encounter/x/",
        "Encounter/x/y",
        "Encounter//x",
        "Encounter/x/_history",
        "Encounter/x/_history/",
        "Encounter/x/_history/1/",
        "Encounter/x#inside",
        "Encounter/x?_elements=id",
        "Encounter/a b",
        " Encounter/x",
        "Encounter/x\n",
        "Encounter/%78",
        "Encounter/é",
        f"Encounter/{'a' * 65}",
        "Encounter/enc_1",
        "Encounter/x/_history/v_1",
        "Communication/msg_1",
        f"{BASE}/Encounter/enc_1",
        "encounter/x",
        "ENCOUNTER/x",
        "Organisation/1",
        "Resource/1",
        "DomainResource/1",
        "Encounter:x",
        "Organisation?identifier=1",
        "Patient?name=a b",
        "?identifier=1",
        "# inside",
        BASE,
        f"{BASE}/",
        f"{BASE}/Encounter",
        f"{BASE}/Encounter/x/",
        f"{BASE}/Encounter/x#inside",
        f"{BASE}/Organisation/1",
        f"{BASE}/metadata",
        "http:",
        "http://",
        "https:///Patient/1",
        "https:Patient/1",
        "https://other.example/a b",
        "https://other.example/Patient/{id}",
        "https://other.example/ValueSet/x|1.0",
        "https://other.example/%zz",
        "urn:",
        "urn:uuid:",
        "urn:uuid",
        "://x",
        "1http://x",
        None,
        5,
        {"reference": "Patient/1"},
    ],
)
def test_malformed_references_are_recognised(text: object) -> None:
    assert references.parse(text) is None


def test_without_a_base_every_absolute_url_is_elsewhere() -> None:
    references.BASE.set("")
    assert references.parse(f"{BASE}/Patient/1") == External(f"{BASE}/Patient/1", "Patient")


def test_a_base_may_have_no_path() -> None:
    references.BASE.set("https://fhir.example.org")
    assert references.parse_literal("http://FHIR.example.org/Patient/1") == ("Patient", "1")
    assert references.parse("https://fhir.example.org.evil.example/Patient/1") == External(
        "https://fhir.example.org.evil.example/Patient/1", "Patient"
    )


def test_a_base_may_have_a_port_and_a_stage() -> None:
    references.BASE.set("http://127.0.0.1:4566/$default/fhir/R4")
    for text in (
        "http://127.0.0.1:4566/$default/fhir/R4/Patient/1",
        "https://127.0.0.1:4566/%24default/fhir/R4/Patient/1",
    ):
        assert references.parse_literal(text) == ("Patient", "1")
    assert references.parse_literal("http://127.0.0.1/$default/fhir/R4/Patient/1") is None


def test_a_long_reference_is_read_like_a_short_one() -> None:
    text = f"https://other.example/{'a/' * 500}Patient/1"
    assert references.parse(text) == External(text, "Patient")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://Other.example/fhir/Patient/0", "http://other.example:80/fhir/Patient/0"),
        (
            "urn:uuid:0C3151BD-1cbf-4d64-b04d-cd9187a4c6e0",
            "URN:UUID:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        ),
    ],
)
def test_two_spellings_of_a_full_url_are_equal(one: str, other: str) -> None:
    assert urls.normalize(one) == urls.normalize(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://other.example/Patient/a", "https://other.example/Patient/A"),
        ("https://other.example/Patient/a", "https://other.example:8443/Patient/a"),
        ("urn:oid:1.2", "urn:oid:1.2.3"),
    ],
)
def test_full_urls_of_different_entries_differ(one: str, other: str) -> None:
    assert urls.normalize(one) != urls.normalize(other)


def test_references_know_the_types_of_the_definitions() -> None:
    assert schema.resource_types() == RESOURCE_TYPES
