"""The forms of queries that select resources."""

from collections.abc import Iterator

import pytest

from shared.errors import Invalid
from shared.fhir import queries, references

BASE = "https://fhir.example.org/fhir/R4"
PAIR = ("identifier", "http://x.example|1")
QUERY = "identifier=http://x.example|1"


@pytest.fixture(autouse=True)
def base() -> Iterator[None]:
    token = references.BASE.set(BASE)
    yield
    references.BASE.reset(token)


OWN = [
    f"Patient?{QUERY}",
    f"/Patient?{QUERY}",
    f"Patient/?{QUERY}",
    f"/Patient/?{QUERY}",
    f"{BASE}/Patient?{QUERY}",
    f"{BASE}/Patient/?{QUERY}",
    f"http://fhir.example.org/fhir/R4/Patient?{QUERY}",
    f"HTTPS://FHIR.Example.ORG/fhir/R4/Patient?{QUERY}",
    f"/fhir/R4/Patient?{QUERY}",
]


@pytest.mark.parametrize("text", [QUERY, f"?{QUERY}", f"/?{QUERY}", f" {QUERY} ", *OWN])
def test_a_condition_is_a_bare_query_or_a_url_of_its_type(text: str) -> None:
    assert queries.parse_header_query(text, "Patient", header="If-None-Exist") == [PAIR]


@pytest.mark.parametrize("text", OWN)
def test_a_url_selects_in_every_spelling_of_this_server(text: str) -> None:
    assert queries.parse_conditional(text) == ("Patient", QUERY)


@pytest.mark.parametrize(
    "query",
    [
        "identifier=https://x.example/a?b=c|1",
        "identifier=Patient?x",
        "_tag=https://fhir.example.org/fhir/R4/Encounter?status=x|1",
    ],
)
def test_a_value_may_itself_look_like_a_url_with_a_query(query: str) -> None:
    name, _, value = query.partition("=")
    assert queries.parse_header_query(query, "Patient", header="If-None-Exist") == [(name, value)]


@pytest.mark.parametrize(
    "text",
    [
        f"Encounter?{QUERY}",
        f"{BASE}/Encounter?{QUERY}",
        f"https://other.example/fhir/R4/Patient?{QUERY}",
        f"https://fhir.example.org/fhir/R5/Patient?{QUERY}",
        f"https://fhir.example.org/FHIR/R4/Patient?{QUERY}",
        f"{BASE}2/Patient?{QUERY}",
        f"Patient/1?{QUERY}",
        f"Patient//?{QUERY}",
        f"patient?{QUERY}",
        f"urn:uuid:1?{QUERY}",
        "",
        " ",
        "?",
        "Patient?",
        f"{BASE}/Patient?",
    ],
)
def test_a_url_of_another_type_or_server_or_without_criteria_is_no_condition(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        queries.parse_header_query(text, "Patient", header="If-None-Exist")
    assert refusal.value.issues[0].expression == "If-None-Exist"


@pytest.mark.parametrize(
    "text", ["Patient/1", f"{BASE}/Patient/1", "https://other.example/Patient?x=1", "urn:x?y", "#a"]
)
def test_a_malformed_or_foreign_query_selects_nothing(text: str) -> None:
    assert queries.parse_conditional(text) is None
