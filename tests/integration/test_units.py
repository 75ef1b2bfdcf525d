"""The units of DynamoDB that requests consume, on the fixtures that stand for typical care."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared import settings
from shared.store import dynamodb, meter
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.bundles import bundle, entry, urn
from tests.support.memory_reads import size

TYPICAL = Path(__file__).parent.parent / "fixtures/typical"
pytestmark = pytest.mark.usefixtures("function_environment")


def typical(name: str, header_id: str = "") -> Any:
    return json.loads((TYPICAL / f"{name}.json").read_text().replace("{header}", header_id))


@pytest.fixture
def read_units() -> Iterator[list[int]]:
    """Collect the units of each read. A strongly consistent one takes a unit for every 4 KB."""
    units: list[int] = []

    def count(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "Query":
            units.append(max(1, math.ceil(sum(map(size, parsed["Items"])) / 4096)))
        elif model.name == "GetItem":
            units.append(max(1, math.ceil(size(parsed.get("Item", {})) / 4096)))
        elif model.name == "BatchGetItem":
            items = [item for part in parsed["Responses"].values() for item in part]
            units.extend(max(1, math.ceil(size(item) / 4096)) for item in items)

    dynamodb.client().meta.events.register("after-call.dynamodb", count)
    yield units
    dynamodb.client().meta.events.unregister("after-call.dynamodb", count)


def written(answer: Any) -> float:
    """Return the write units of the request that was just answered."""
    assert answer.status in (200, 201), answer.text
    return meter.consumed()["writeUnits"]


def conversation(clinic: ApiClient) -> tuple[str, str]:
    """Create an open session, and a thread with a message that is not linked to it."""
    session_id = clinic.post("/Encounter", typical("session")).id
    header_id = clinic.post("/Communication", typical("header")).id
    clinic.post("/Communication", typical("message", header_id))
    return session_id, header_id


def test_opening_a_session_costs_18_units(clinic: ApiClient) -> None:
    assert written(clinic.post("/Encounter", typical("session"))) == 18


def test_a_message_costs_14_units(clinic: ApiClient) -> None:
    _, header_id = conversation(clinic)
    assert written(clinic.post("/Communication", typical("message", header_id))) == 14


def test_a_message_costs_as_much_in_an_old_linked_thread(clinic: ApiClient) -> None:
    session_id, header_id = conversation(clinic)
    clinic.patch(f"/Communication/{header_id}", care.link(session_id))
    for number in range(1, 10):
        topic = [{"op": "replace", "path": "/topic/text", "value": f"Rash {number}"}]
        clinic.patch(f"/Communication/{header_id}", topic)
        body = typical("message", header_id) | {"sent": f"2026-11-20T10:0{number}:00Z"}
        last = clinic.post("/Communication", body)
    assert written(last) == 14


def test_linking_a_thread_costs_30_units_and_2_more_where_messages_wait(clinic: ApiClient) -> None:
    session_id, header_id = conversation(clinic)
    assert written(clinic.patch(f"/Communication/{header_id}", care.link(session_id))) == 32
    empty = clinic.post("/Communication", typical("header")).id
    assert written(clinic.patch(f"/Communication/{empty}", care.link(session_id))) == 30


def test_closing_a_session_of_one_thread_costs_26_units(clinic: ApiClient) -> None:
    session = typical("session") | {"period": {"start": "2026-11-20T09:00:00Z"}}
    session_id = clinic.post("/Encounter", session).id
    header_id = clinic.post("/Communication", typical("header")).id
    clinic.patch(f"/Communication/{header_id}", care.link(session_id))
    clinic.post("/Communication", typical("message", header_id))
    body = clinic.get(f"/Encounter/{session_id}").body | {"status": "finished"}
    assert written(clinic.put(f"/Encounter/{session_id}", body)) == 26


def test_closing_costs_34_units_where_the_start_is_filled_only_then(clinic: ApiClient) -> None:
    session_id, header_id = conversation(clinic)
    clinic.patch(f"/Communication/{header_id}", care.link(session_id))
    body = clinic.get(f"/Encounter/{session_id}").body | {"status": "finished"}
    assert written(clinic.put(f"/Encounter/{session_id}", body)) == 34


def test_an_identifier_costs_4_units(clinic: ApiClient) -> None:
    identifier = [{"system": "https://twilio.com", "value": "CH0123456789"}]
    body = typical("session") | {"identifier": identifier}
    assert written(clinic.post("/Encounter", body)) == 22


def test_a_session_with_thread_and_3_messages_in_one_bundle_costs_68_units(
    clinic: ApiClient,
) -> None:
    header = typical("header") | {"encounter": care.reference(urn(1))}
    message = typical("message") | {"partOf": [care.reference(urn(2))]}
    entries = [
        entry("POST", "Encounter", typical("session"), urn(1)),
        entry("POST", "Communication", header, urn(2)),
        *[entry("POST", "Communication", message)] * 3,
    ]
    assert written(clinic.post("", bundle("transaction", *entries))) == 68


def test_a_patient_with_two_given_names_and_an_identifier_costs_26_units(clinic: ApiClient) -> None:
    assert written(clinic.post("/Patient", typical("patient"))) == 26


def observed(session_id: str) -> Any:
    return {**typical("observation"), "encounter": care.reference(f"Encounter/{session_id}")}


def test_an_observation_during_an_encounter_costs_14_units(clinic: ApiClient) -> None:
    session_id = clinic.post("/Encounter", typical("session")).id
    assert written(clinic.post("/Observation", observed(session_id))) == 14


def test_a_page_of_20_observations_of_an_encounter_costs_at_most_5_units(
    clinic: ApiClient, read_units: list[int]
) -> None:
    session_id = clinic.post("/Encounter", typical("session")).id
    for _ in range(45):
        clinic.post("/Observation", observed(session_id))
    url = f"/Observation?encounter=Encounter/{session_id}&_count=20"
    for number in (20, 20, 5):
        read_units.clear()
        page = clinic.get(url)
        assert len(page.ids) == number
        assert len(read_units) == 1
        assert sum(read_units) <= 5
        url = next((link["url"] for link in page.body["link"] if link["relation"] == "next"), "")


def test_each_reference_that_is_checked_costs_2_units(
    clinic: ApiClient, read_units: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = {"resourceType": "Condition", "subject": care.reference(care.HOMER)}
    two = condition | {"recorder": care.reference(care.ALICE)}
    clinic.put(f"/{care.HOMER}", {"resourceType": "Patient", "id": "homer-simpson"})
    clinic.put(f"/{care.ALICE}", {"resourceType": "Practitioner", "id": "doctor-alice-smith"})
    read_units.clear()
    unchecked = [written(clinic.post("/Condition", body)) for body in (condition, two)]
    monkeypatch.setenv("REFERENCE_CHECKS", "local")
    settings.settings.cache_clear()
    checked = [written(clinic.post("/Condition", body)) for body in (condition, two)]
    assert [
        with_check - without for with_check, without in zip(checked, unchecked, strict=True)
    ] == [2, 4]
    assert read_units == []


def test_a_message_that_names_its_header_and_two_people_costs_20_units_where_that_is_checked(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, header_id = conversation(clinic)
    message = typical("message", header_id)
    named = {message["sender"]["reference"], *(one["reference"] for one in message["recipient"])}
    for each in named:
        kind, _, own_id = each.partition("/")
        clinic.put(f"/{each}", {"resourceType": kind, "id": own_id})
    monkeypatch.setenv("REFERENCE_CHECKS", "local")
    settings.settings.cache_clear()
    assert written(clinic.post("/Communication", message)) == 20


def test_reading_a_resource_costs_1_unit(clinic: ApiClient, read_units: list[int]) -> None:
    session_id, header_id = conversation(clinic)
    for path in (f"/Encounter/{session_id}", f"/Communication/{header_id}"):
        read_units.clear()
        clinic.get(path)
        assert read_units == [1]


@pytest.mark.parametrize(
    "query",
    [
        "Encounter?patient=Patient/homer-simpson",
        "Encounter?patient=Patient/homer-simpson&_sort=-date",
        "Encounter?class=http://terminology.hl7.org/CodeSystem/v3-ActCode|VR",
        "Encounter?status=in-progress",
        "Encounter?_lastUpdated=gt2020",
        "Communication?recipient=Practitioner/doctor-alice-smith&part-of:missing=false&_sort=-sent",
        "Communication?part-of:missing=true&status=in-progress&_sort=-_lastUpdated",
    ],
)
def test_a_page_of_20_costs_at_most_5_units(
    clinic: ApiClient, read_units: list[int], query: str
) -> None:
    header_id = clinic.post("/Communication", typical("header")).id
    for number in range(60):
        # Random ids, since an id decides the partition of its resource.
        for name in ("session", "header"):
            body = typical(name) | {"id": f"{name}-{number}"}
            clinic.put(f"/{body['resourceType']}/{body['id']}", body)
        clinic.post("/Communication", typical("message", header_id))
    read_units.clear()
    assert len(clinic.get(f"/{query}").ids) == 20
    assert sum(read_units) <= 5


def test_a_thread_of_100_messages_costs_13_units(clinic: ApiClient, read_units: list[int]) -> None:
    header_id = clinic.post("/Communication", typical("header")).id
    for number in range(100):
        body = typical("message", header_id)
        words = body["payload"][0]["contentString"].split()
        turned = " ".join(words[number % 40 :] + words[: number % 40])[:300]
        body["payload"][0]["contentString"] = turned
        assert clinic.post("/Communication", body).status == 201
    read_units.clear()
    url = f"/Communication?part-of=Communication/{header_id}&_sort=sent&_count=100"
    assert len(clinic.get(url).ids) == 100
    assert sum(read_units) <= 13


def test_a_page_of_20_encounters_for_their_patient_costs_at_most_6_units(
    clinic: ApiClient, read_units: list[int]
) -> None:
    for number in range(60):
        body = typical("session") | {"id": f"session-{number}"}
        clinic.put(f"/Encounter/{body['id']}", body)
    patient = ApiClient(role="patient", fhir_user="Patient/homer-simpson")
    read_units.clear()
    assert len(patient.get("/Encounter?_sort=-date").ids) == 20
    assert sum(read_units) <= 6


def test_a_thread_of_20_messages_for_its_patient_costs_at_most_5_units(
    clinic: ApiClient, read_units: list[int]
) -> None:
    header_id = clinic.post("/Communication", typical("header")).id
    for _ in range(20):
        clinic.post("/Communication", typical("message", header_id))
    patient = ApiClient(role="patient", fhir_user="Patient/homer-simpson")
    read_units.clear()
    url = f"/Communication?part-of=Communication/{header_id}&_sort=sent"
    assert len(patient.get(url).ids) == 20
    assert sum(read_units) <= 5
