"""Searches of the plain-JSON API, which are those of FHIR."""

from typing import Any

import pytest

from shared.catalog.parameters import SEARCH_PARAMS
from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from shared.plain.parameters import Param
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.plain_client import PlainClient, refused_fields

type Json = dict[str, Any]

# Tables in memory, as there are many requests.
pytestmark = pytest.mark.usefixtures("practice")
FACE = PlainClient()
PARAMS = [(collection, param) for collection in COLLECTIONS.values() for param in collection.params]
by_param = pytest.mark.parametrize(
    ("collection", "param"), PARAMS, ids=[f"{each.name} {param.name}" for each, param in PARAMS]
)


def visit(day: int, **more: Any) -> str:
    body = {
        "status": "finished",
        "class": "AMB",
        "patientId": "homer-simpson",
        "period": {"start": f"2026-11-{day:02}T09:00:00Z", "end": f"2026-11-{day:02}T10:00:00Z"},
    }
    return str(FACE.create("/encounters", body | more)["id"])


def ids(query: str) -> list[str]:
    answer = FACE.get(f"/encounters?{query}")
    assert answer.status == 200, answer.text
    return [member["id"] for member in answer.body["data"]]


def test_encounters_are_found_by_each_filter() -> None:
    first, second = visit(1), visit(2, status="in-progress")
    third = visit(3, **{"class": "VR", "patientId": "bart", "practitionerId": "alice"})
    every = [third, second, first]
    assert ids("sort=-date") == every
    assert ids("sort=date") == every[::-1]
    assert ids("patientId=homer-simpson&sort=date") == [first, second]
    assert ids("patientId=Patient/bart") == [third]
    assert ids("practitionerId=alice") == [third]
    assert ids("status=in-progress") == [second]
    assert ids("status=in-progress,finished&sort=-date") == every
    assert ids("class=VR") == [third]
    assert ids(f"class={care.ACT_CODE}|VR,AMB&sort=-date") == every
    assert ids("class=urn:x|VR") == []
    assert ids("dateFrom=2026-11-02&sort=date") == [second, third]
    assert ids("dateTo=2026-11-02&sort=date") == [first, second]
    assert ids("dateFrom=2026-11-02T00:00:00%2B00:00&dateTo=2026-11-02") == [second]
    assert ids("patientId=homer-simpson&status=finished&class=AMB&dateTo=2026-12") == [first]
    assert ids("patientId=nobody") == []


def test_search_results_can_be_paged_through() -> None:
    made = [visit(day) for day in range(1, 6)]
    query, found = "patientId=homer-simpson&sort=date&count=2", list[str]()
    page = FACE.get(f"/encounters?{query}").body
    found += [member["id"] for member in page["data"]]
    while page["next"]:
        page = FACE.get(f"/encounters?{query}&cursor={page['next']}").body
        found += [member["id"] for member in page["data"]]
    assert found == made
    assert page["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("foo=1&_count=5", ["foo", "_count"]),
        ("patientId=a%20b", ["patientId"]),
        ("status=done", ["status"]),
        ("status=finished,", ["status"]),
        ("class=XX", ["class"]),
        ("class=|", ["class"]),
        ("dateFrom=yesterday&dateTo=2026-13", ["dateFrom", "dateTo"]),
        ("dateFrom=", ["dateFrom"]),
        ("sort=name", ["sort"]),
        ("count=0", ["count"]),
        ("count=1001", ["count"]),
        ("count=ten", ["count"]),
        ("cursor=none", ["cursor"]),
        ("patientId=a&patientId=b", ["patientId"]),
        ("patientId:missing=true", ["patientId:missing"]),
        ("patientId=", ["patientId"]),
        ("patientId=Patient/a,Patient/b", ["patientId"]),
    ],
)
def test_each_wrong_parameter_is_named(query: str, expected: list[str]) -> None:
    answer = FACE.get(f"/encounters?{query}")
    assert answer.status == 400, answer.text
    assert refused_fields(answer) == expected


@by_param
def test_every_parameter_is_one_of_fhirs(collection: Collection, param: Param) -> None:
    row = SEARCH_PARAMS.of(collection.type)[param.code]
    kind = (
        "date" if param.prefix else "reference" if param.target or param.is_reference else "token"
    )
    assert row.type == kind
    assert SEARCH_PARAMS.of(collection.type)[collection.date].type == "date"


@by_param
def test_every_parameter_finds_the_examples_that_have_its_value(
    clinic: ApiClient, collection: Collection, param: Param
) -> None:
    """An example is found by the values that it has, and by no others."""
    session = clinic.post("/Encounter", care.session()).id
    thread = clinic.post(
        "/Communication", care.header(encounter=care.reference(f"Encounter/{session}"))
    ).id
    more: dict[str, Json] = {
        "encounters": {"partOfId": session, "period": {"start": "2026-11-20", "end": "2026-11-20"}},
        "observations": {"category": {"code": "vital-signs"}, "effective": "2026-11-20"},
        "notes": {"date": "2026-11-20T09:00:00Z", "type": {"code": "11506-3"}},
        "prescriptions": {"authoredOn": "2026-11-20"},
        "assessments": {"date": "2026-11-20"},
        "messages": {"threadId": thread, "recipientIds": ["Patient/homer-simpson"]},
    }
    whole = more.get(collection.name, {})
    of_it = {"encounterId": session} if collection.name not in ("encounters", "messages") else {}
    data = FACE.create(f"/{collection.name}", {**collection.example, **of_it, **whole})
    found, other = _values(param, data | {"encounterId": session})

    def of(value: str) -> list[str]:
        page = FACE.get(f"/{collection.name}?{param.name}={value}&sort=-date")
        assert page.status == 200, page.text
        return [member["id"] for member in page.body["data"]]

    assert data["id"] in of(found)
    assert data["id"] not in of(other)


def _values(param: Param, data: Json) -> tuple[str, str]:
    if param.name == "dateFrom":
        return "2020-01-01", "2099-01-01"
    if param.name == "dateTo":
        return "2099-01-01", "2020-01-01"
    name = "recipientIds" if param.name == "recipientId" else param.name
    value = data[name]
    value = value[0] if isinstance(value, list) else value
    if param.target or param.is_reference:
        return value, "Patient/nobody" if param.is_reference else "nobody"
    if param.value_set:
        return value, "entered-in-error"
    return (value["code"] if isinstance(value, dict) else value), "VR"
