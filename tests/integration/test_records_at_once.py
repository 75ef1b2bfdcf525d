"""The directory and the records with many concurrent writers: no lost updates and no duplicates."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.store import meter
from tests.support import care, consistency
from tests.support.api_client import Answer, ApiClient

pytestmark = pytest.mark.usefixtures("function_environment")
PHONE = {"system": "phone", "value": "+15551234567"}
MARK = {"system": "https://clinic.example/ids", "value": "1"}


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(25) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.mark.parametrize(
    "query",
    ["identifier=https://clinic.example/ids|1", "phone=%2B15551234567", "family=Simpson"],
)
def test_a_hundred_concurrent_conditional_creates_make_one_patient(
    clinic: ApiClient, query: str
) -> None:
    body = care.example("Patient", identifier=[MARK], telecom=[PHONE])
    answers = at_once(*[lambda: clinic.post("/Patient", body, if_none_exist=query)] * 100)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 99}
    assert clinic.get(f"/Patient?{query}").ids == [answers[0].id]
    consistency.check()


def test_concurrent_writers_of_a_patient_with_if_match_lose_no_change(clinic: ApiClient) -> None:
    url = f"/Patient/{clinic.post('/Patient', care.example('Patient')).id}"
    refused = Counter[int]()

    def named(number: int) -> Answer:
        while True:
            body = clinic.get(url).body
            contact = [*body.get("contact", ()), {"name": {"text": f"Name {number}"}}]
            version = f'W/"{body["meta"]["versionId"]}"'
            answer = clinic.put(url, body | {"contact": contact}, if_match=version)
            if answer.status != 412:
                return answer
            refused[answer.status] += 1

    at_once(*(lambda number=number: named(number) for number in range(20)))
    names = {contact["name"]["text"] for contact in clinic.get(url).body["contact"]}
    assert names == {f"Name {number}" for number in range(20)}
    assert refused
    assert clinic.get(url).version == "21"
    consistency.check()


def test_a_record_moved_concurrently_is_found_in_one_place(clinic: ApiClient) -> None:
    ids = [clinic.post("/Encounter", care.session()).id for _ in range(4)]
    url = f"/Observation/{clinic.post('/Observation', observed(ids[0])).id}"

    def moves(number: int) -> list[Callable[[], Answer]]:
        body = observed(ids[number % 4], id=url[13:])
        place = [{"op": "replace", "path": "/encounter", "value": body["encounter"]}]
        return [lambda: clinic.put(url, body), lambda: clinic.patch(url, place)]

    answers = at_once(*(call for number in range(20) for call in moves(number)))
    assert {answer.status for answer in answers} == {200}
    now = clinic.get(url).body["encounter"]["reference"]
    for encounter_id in ids:
        matches = clinic.get(f"/Observation?encounter={encounter_id}").ids
        assert matches == ([url[13:]] if now == f"Encounter/{encounter_id}" else [])
    consistency.check()


def observed(encounter: str, **more: Any) -> dict[str, Any]:
    during = care.reference(f"Encounter/{encounter}")
    return care.example("Observation", encounter=during, **more)


def test_concurrent_deletes_and_recreations_keep_every_version(clinic: ApiClient) -> None:
    url = "/Patient/own"
    body = care.example("Patient", id="own", identifier=[MARK])
    assert clinic.put(url, body).status == 201
    answers = at_once(
        *[lambda: clinic.administrator.delete(url), lambda: clinic.put(url, body)] * 20
    )
    assert {answer.status for answer in answers} <= {200, 201, 204}
    entries = clinic.get(f"{url}/_history?_count=100").body["entry"]
    methods = [entry["request"]["method"] for entry in entries][::-1]
    assert methods == ["PUT" if number % 2 == 0 else "DELETE" for number in range(len(methods))]
    consistency.check()


def test_a_page_of_records_takes_one_query(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    kinds = ("Observation", "Condition")
    bodies = [
        (kind, care.example(kind, encounter=care.reference(f"Encounter/{session}")))
        for kind in kinds
        for _ in range(60)
    ]
    created = {clinic.post(f"/{kind}", body).id for kind, body in bodies}
    url, matches = f"/Observation?encounter=Encounter/{session}&_count=20", list[str]()
    while url:
        page = clinic.get(url)
        cost = meter.consumed()
        assert (cost["calls"], cost["writeUnits"]) == (1, 0)
        assert cost["readUnits"] <= 5
        matches += page.ids
        url = following(page)
    assert len(matches) == len(set(matches)) == 60
    url = f"/Encounter/{session}/$everything?_count=20"
    while url:
        page = clinic.get(url)
        matches += page.ids
        url = following(page)
    assert {*matches} == {*created, session}
    assert len(matches) == 60 + 121


def following(page: Answer) -> str:
    links = {link["relation"]: link["url"] for link in page.body["link"]}
    return str(links.get("next", ""))
