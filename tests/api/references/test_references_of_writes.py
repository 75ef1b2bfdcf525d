"""References between Encounters and Communications: those a write adds must exist."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import BASE, ApiClient
from tests.support.consistency import stored_items
from tests.support.steps import open_session, thread


@pytest.mark.parametrize(
    "target",
    [
        "Encounter/nowhere",
        "Encounter/nowhere/_history/1",
        f"{BASE}/Encounter/nowhere",
        f"{BASE}/Encounter/nowhere/_history/3",
    ],
)
def test_a_dangling_literal_reference_is_refused(clinic: ApiClient, target: str) -> None:
    before = stored_items()
    for body, place in (
        (care.session(partOf=care.reference(target)), "Encounter.partOf.reference"),
        (care.header(about=[care.reference(target)]), "Communication.about[0].reference"),
    ):
        answer = clinic.post(f"/{body['resourceType']}", body)
        refusals.check(answer, 422, "business-rule", place)
    assert stored_items() == before


@pytest.mark.parametrize("form", ["{0}", "{0}/_history/1", BASE + "/{0}", BASE + "/{0}/_history/1"])
def test_a_literal_reference_to_a_stored_resource_is_kept_as_written(
    clinic: ApiClient, form: str
) -> None:
    session_id = open_session(clinic)
    written = care.reference(form.format(f"Encounter/{session_id}"))
    child = clinic.post("/Encounter", care.session(partOf=written))
    assert (child.status, child.body["partOf"]) == (201, written)
    header = clinic.post("/Communication", care.header(encounter=written))
    assert (header.status, header.body["encounter"]) == (201, written)
    posted = clinic.post("/Communication", care.message(header.id))
    assert clinic.get(f"/Communication?session=Encounter/{session_id}").ids == [posted.id]


def test_a_reference_to_a_deleted_resource_is_refused(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    clinic.administrator.delete(f"/Encounter/{session_id}")
    body = care.header(about=[care.reference(f"Encounter/{session_id}")])
    answer = clinic.post("/Communication", body)
    refusals.check(answer, 422, "business-rule", "Communication.about[0].reference")


def test_every_dangling_reference_is_named_at_once(clinic: ApiClient) -> None:
    body = care.header(
        about=[care.reference("Encounter/a"), care.reference("Patient/p")],
        inResponseTo=[care.reference("Communication/b")],
        extension=[
            {"url": "https://e.example", "valueReference": care.reference("Communication/c")}
        ],
    )
    answer = clinic.post("/Communication", body)
    places = ["about[0]", "inResponseTo[0]", "extension[0].valueReference"]
    refusals.check(
        answer, 422, "business-rule", *(f"Communication.{place}.reference" for place in places)
    )


@pytest.mark.parametrize(
    "element",
    [
        care.reference("https://other.example/fhir/Encounter/1"),
        care.reference("https://other.example/fhir/R4/Communication/1"),
        care.reference("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
        care.reference("Patient/unknown"),
        care.reference("#inside"),
        {"display": "the visit on Monday"},
        {"identifier": {"system": "https://twilio.com", "value": "CH1"}, "type": "Encounter"},
    ],
)
def test_other_references_are_stored_unchecked(clinic: ApiClient, element: dict[str, Any]) -> None:
    contained = [{"resourceType": "Encounter", "id": "inside", **care.visit()}]
    contained[0].pop("subject")
    more = {"contained": contained} if element.get("reference") == "#inside" else {}
    answer = clinic.post("/Communication", care.header(about=[element], **more))
    assert answer.status == 201, answer.text
    assert answer.body["about"] == [element]


def test_only_references_added_by_a_write_are_checked(clinic: ApiClient) -> None:
    kept, other = open_session(clinic), open_session(clinic)
    about = [care.reference(f"Encounter/{kept}")]
    header = clinic.post("/Communication", care.header(about=about))
    path = f"/Communication/{header.id}"
    clinic.administrator.delete(f"/Encounter/{kept}")
    clinic.administrator.delete(f"/Encounter/{other}")
    assert clinic.put(path, header.body | {"status": "on-hold"}).status == 200
    absolute = [care.reference(f"{BASE}/Encounter/{kept}")]
    moved = header.body | {"about": absolute, "reasonReference": []}
    assert clinic.put(path, moved).status == 200
    added = clinic.put(path, header.body | {"about": [care.reference(f"Encounter/{other}")]})
    refusals.check(added, 422, "business-rule", "Communication.about[0].reference")
    patch = [{"op": "add", "path": "/about/-", "value": care.reference(f"Encounter/{other}")}]
    refusals.check(
        clinic.patch(path, patch), 422, "business-rule", "Communication.about[1].reference"
    )


def test_a_resource_put_back_is_checked_like_a_new_one(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    body = care.header(id="back", about=[care.reference(f"Encounter/{session_id}")])
    clinic.put("/Communication/back", body)
    clinic.administrator.delete("/Communication/back")
    clinic.administrator.delete(f"/Encounter/{session_id}")
    answer = clinic.put("/Communication/back", body)
    refusals.check(answer, 422, "business-rule", "Communication.about[0].reference")


@pytest.mark.parametrize("form", ["Encounter/self", f"{BASE}/Encounter/self"])
def test_a_resource_may_name_itself(clinic: ApiClient, form: str) -> None:
    body = care.visit(id="self", partOf=care.reference(form))
    assert clinic.put("/Encounter/self", body).status == 201
    assert clinic.put("/Encounter/self", body | {"status": "finished"}).status == 200
    header = care.header(id="self", inResponseTo=[care.reference("Communication/self")])
    assert clinic.put("/Communication/self", header).status == 201


def test_circular_references_are_accepted(clinic: ApiClient) -> None:
    clinic.put("/Encounter/a", care.visit(id="a"))
    clinic.put("/Encounter/b", care.visit(id="b", partOf=care.reference("Encounter/a")))
    circle = care.visit(id="a", partOf=care.reference("Encounter/b"))
    assert clinic.put("/Encounter/a", circle).status == 200
    ended = clinic.put("/Encounter/a", circle | {"status": "finished"})
    assert (ended.status, ended.body["status"]) == (200, "finished")


def test_a_draft_may_answer_a_message(clinic: ApiClient) -> None:
    _, (message_id,) = thread(clinic, "2026-11-20T09:00:00Z")
    body = care.header(inResponseTo=[care.reference(f"Communication/{message_id}")])
    answer = clinic.post("/Communication", body)
    assert answer.status == 201, answer.text
