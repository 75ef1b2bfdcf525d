"""Searches for many values, or for values without matches, within the read limit."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import orjson
import pytest

from shared.errors import Invalid, TooCostly
from shared.search.query import criteria
from shared.search.run.search import Result
from tests.support import care
from tests.support.growth import steps
from tests.support.search_page import search_page
from tests.support.stored_clinic import StoredClinic, open_clinic

type Pairs = list[tuple[str, str]]
SYSTEM = care.ACT_CODE


@pytest.fixture(scope="module", autouse=True)
def archive() -> Iterator[StoredClinic]:
    """Store 2,100 sessions of 50 patients in one class; the class of the last lacks a system."""
    with open_clinic() as made:
        for number in range(2100):
            coded = {"code": "VR"} if number == 0 else {"code": "VR", "system": SYSTEM}
            more: dict[str, Any] = {"class": coded}
            subject = care.reference(f"Patient/p{number % 50}")
            made.encounter(f"e{number}", number, subject=subject, **more)
        yield made


def ask(query: Pairs, resource_type: str = "Encounter") -> Result:
    return search_page(resource_type, query)


def ids(result: Result) -> list[str]:
    return [orjson.loads(resource)["id"] for resource in result.resources]


def test_a_code_without_a_system_is_found_at_once_among_many_with_one(
    archive: StoredClinic,
) -> None:
    archive.memory.clear()
    page = ask([("class", "|VR")])
    assert (ids(page), page.next) == (["e0"], None)
    assert archive.memory.units <= 5
    assert len(ids(ask([("class", f"{SYSTEM}|VR")]))) == 20
    assert len(ids(ask([("class", "VR"), ("_count", "1000")]))) == 1000


@pytest.mark.parametrize("name", ["subject", "patient", "subject:Patient"])
def test_two_hundred_values_are_read_from_their_partitions(
    archive: StoredClinic, name: str
) -> None:
    values = ",".join(f"p{number}" for number in range(200))
    archive.memory.clear()
    page = ask([(name, values), ("_count", "50")])
    assert len(set(ids(page))) == 50
    assert archive.memory.rows < 1000


QUERIES = [
    [("subject", ",".join(f"{number:040}" for number in range(240)))],
    [("participant", ",".join(f"x{number}" for number in range(1000)))],
    [
        (
            "_lastUpdated",
            ",".join(
                f"20{number:02}-{month:02}-03"
                for number in range(26, 70, 2)
                for month in range(1, 13)
            ),
        )
    ],
    [("date", f"ge20{number % 90 + 10}") for number in range(200)],
    [("type:not", f"a{number}") for number in range(200)],
    [("identifier", ",".join(["\\,\\|\\$" * 170] * 9))],
    [("identifier", ",".join(["\\" * 1024] * 9))],
    [("class", ",".join(["|" * 1023 + "x"] * 9))],
    [("length", ",".join(f"gt{number}" for number in range(1000)))],
    [("_id", ",".join(str(number) for number in range(1000)))],
    [("_sort", ",".join(["-length", "status"] * 400)), ("patient", "p1")],
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query[0][0]))
def test_ten_kilobytes_of_query_are_answered(archive: StoredClinic, query: Pairs) -> None:
    archive.memory.clear()
    ask(query)
    assert archive.memory.calls < 2500
    assert archive.memory.rows <= 2000


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ([("subject", "x," * 1001)], "subject"),
        ([("class", "VR")] * 1001, ""),
        ([("_id", "x," * 5000)], "_id"),
        ([("_id", "x"), ("subject", "x," * 600), ("participant", "y," * 401)], "subject"),
        ([("identifier", "x" * 1025)], "identifier"),
        ([("identifier", "ü" * 513)], "identifier"),
        ([("patient.name", "x" * 1025)], "patient.name"),
        ([("patient.name", "x"), ("_has:Condition:encounter:code", "y")] * 11, ""),
    ],
)
def test_too_many_values_or_joins_are_refused(query: Pairs, expression: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(query)
    assert {issue.expression for issue in refused.value.issues} == {expression}
    assert {issue.code for issue in refused.value.issues} == {TooCostly.code}


def test_escaped_commas_do_not_separate_values() -> None:
    assert ids(ask([("identifier", ",".join([r"\," * 500] * 2)), ("subject", "x")])) == []


def test_joins_by_a_name_that_many_types_have_are_read_once_for_each_type() -> None:
    def read(links: int) -> int:
        name = "based-on." * links + "_id"
        return steps(lambda: criteria.parse("Communication", [(name, "x")], UTC))

    read(1)
    assert read(5) < 3 * read(3)


def test_a_search_by_many_dates_finds_the_matches() -> None:
    days = [f"2026-01-{day:02}T00:00" for day in range(1, 32)]
    found = ids(ask([("_lastUpdated", ",".join(days)), ("_count", "100")]))
    assert set(found) == {"e0", "e1440"}


def test_an_unknown_status_finds_nothing(archive: StoredClinic) -> None:
    archive.memory.clear()
    page = ask([("status", "bogus")])
    assert (page.resources, page.next, archive.memory.calls) == ([], None, 0)
