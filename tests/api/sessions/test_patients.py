"""Patients and related persons in their own care: what they see, and what they may do."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import stored_items
from tests.support.practice import Practice

BART, MARGE = "Patient/bart-simpson", "RelatedPerson/marge-simpson"
pytestmark = pytest.mark.usefixtures("practice")
READ = [{"op": "replace", "path": "/status", "value": "completed"}]
RECEIVED = [{"op": "add", "path": "/received", "value": "2026-11-20T10:00:00Z"}]
RETRACT = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]


def patient(person: str = care.HOMER, **claims: str) -> ApiClient:
    return ApiClient(role="patient", fhir_user=person, claims=claims)


def related(person: str = MARGE, **claims: str) -> ApiClient:
    return ApiClient(role="related-person", fhir_user=person, claims=claims)


def unrelated(kind: str, **more: Any) -> dict[str, Any]:
    """Return a header or message unrelated to Homer."""
    people = {"subject": care.reference(BART), "sender": care.reference(BART)}
    recipient = {"recipient": [care.reference(care.ALICE)]}
    made = care.message(kind) if kind else care.header()
    return made | people | recipient | more


def from_alice(to: str) -> dict[str, Any]:
    return {"sender": care.reference(care.ALICE), "recipient": [care.reference(to)]}


def unchanged(answer: Answer, before: Any, *, status: int = 403, code: str = "forbidden") -> None:
    refusals.check(answer, status, code, *answer.expressions)
    assert stored_items() == before


# -- What they see


def test_a_patient_reads_what_is_in_their_compartment(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    thread = clinic.post("/Communication", care.header()).id
    message_id = clinic.post(
        "/Communication", care.message(thread, sender=care.reference(care.ALICE))
    ).id
    for path in (
        f"/Encounter/{session}",
        f"/Communication/{thread}",
        f"/Communication/{message_id}",
    ):
        for more in ("", "/_history", "/_history/1"):
            answers = [caller.get(path + more) for caller in (clinic, patient())]
            assert answers[0].status == 200
            assert answers[0].text == answers[1].text


@pytest.mark.parametrize("element", ["subject", "sender", "recipient"])
def test_a_communication_is_in_the_compartments_of_the_people_it_names(
    clinic: ApiClient, element: str
) -> None:
    homer = care.reference(care.HOMER)
    named = {element: [homer] if element == "recipient" else homer}
    thread = clinic.post("/Communication", unrelated("", **named)).id
    # A message belongs to its header's compartments, and may itself name the person.
    message_id = clinic.post("/Communication", unrelated(thread)).id
    assert patient().get(f"/Communication/{thread}").status == 200
    assert patient().get(f"/Communication/{message_id}").status == 200
    other = clinic.post("/Communication", unrelated("")).id
    own = clinic.post("/Communication", unrelated(other, **named)).id
    assert patient().get(f"/Communication/{other}").status == 404
    assert patient().get(f"/Communication/{own}").status == 200


def test_resources_invisible_to_a_patient_are_treated_as_missing(clinic: ApiClient) -> None:
    thread = clinic.put("/Communication/other", unrelated("", id="other")).id
    message_id = clinic.post("/Communication", unrelated(thread)).id
    clinic.put("/Encounter/other", care.session(id="other", subject=care.reference(BART)))
    clinic.put("/Encounter/gone", care.session(id="gone", subject=care.reference(BART)))
    clinic.administrator.delete("/Encounter/gone")
    before = stored_items()
    for path in (f"/Communication/{thread}", f"/Communication/{message_id}", "/Encounter/other"):
        nowhere = path[:-5] + "zzzzz"
        for more in ("", "/_history", "/_history/1", "/_history/9"):
            unseen, absent = (patient().get(url + more) for url in (path, nowhere))
            assert (unseen.status, unseen.text) == (404, absent.text.replace(nowhere[1:], path[1:]))
        for patched in (READ, [{"op": "replace", "path": "/no", "value": 1}]):
            unseen, absent = (patient().patch(url, patched) for url in (path, nowhere))
            assert (unseen.status, unseen.text) == (404, absent.text.replace(nowhere[1:], path[1:]))
        assert patient().delete(path).status == patient().delete(nowhere).status == 204
        unseen, absent = (patient().delete(url, if_match="1") for url in (path, nowhere))
        assert (unseen.status, unseen.text) == (412, absent.text)
    assert patient().get("/Encounter/gone").status == 404
    assert stored_items() == before


def test_a_deleted_resource_is_gone_for_those_who_saw_it(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    message_id = clinic.post("/Communication", care.message(thread)).id
    clinic.administrator.delete(f"/Communication/{message_id}")
    assert patient().get(f"/Communication/{message_id}").status == 410
    assert patient().get(f"/Communication/{message_id}/_history").body["total"] == 2
    assert patient(BART).get(f"/Communication/{message_id}").status == 404


def test_a_patient_sees_their_own_medical_encounter_and_its_session(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session(subject=None)).id
    own, siblings = (
        clinic.post("/Encounter", care.medical_encounter(session, person)).id
        for person in (care.HOMER, BART)
    )
    seen = {
        own_id: patient().get(f"/Encounter/{own_id}").status for own_id in (session, own, siblings)
    }
    assert seen == {session: 200, own: 200, siblings: 404}
    seen = {
        own_id: patient(BART).get(f"/Encounter/{own_id}").status
        for own_id in (session, own, siblings)
    }
    assert seen == {session: 200, own: 404, siblings: 200}
    clinic.administrator.delete(f"/Encounter/{own}")
    assert patient().get(f"/Encounter/{session}").status == 404


def test_a_draft_is_seen_by_its_sender_alone(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    theirs = care.message(thread, status="preparation", sender=care.reference(care.ALICE))
    draft = clinic.post("/Communication", theirs).id
    assert patient().get(f"/Communication/{draft}").status == 404
    own = patient().post("/Communication", care.message(thread, status="preparation")).id
    assert patient().get(f"/Communication/{own}").status == 200
    # Once sent it is visible, but not its earlier versions.
    clinic.patch(
        f"/Communication/{draft}", [{"op": "replace", "path": "/status", "value": "in-progress"}]
    )
    assert patient().get(f"/Communication/{draft}").status == 200
    assert patient().get(f"/Communication/{draft}/_history/1").status == 404
    history = patient().get(f"/Communication/{draft}/_history").body
    assert (history["total"], len(history["entry"])) == (1, 1)


def test_a_version_about_another_patient_is_not_shown(clinic: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1", subject=care.reference(BART)))
    clinic.put("/Encounter/1", care.session(id="1"))
    assert patient(BART).get("/Encounter/1").status == 404
    assert patient().get("/Encounter/1").status == 200
    assert patient().get("/Encounter/1/_history/1").status == 404
    assert patient().get("/Encounter/1/_history").body["total"] == 1


@pytest.mark.parametrize(
    "caller",
    [
        patient("https://fhir.example.org/fhir/R4/Patient/homer-simpson"),
        patient("", patient="homer-simpson"),
        patient("", patient="Patient/homer-simpson"),
        related(patient="homer-simpson"),
    ],
)
def test_claims_identify_the_caller(clinic: ApiClient, caller: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    assert caller.get("/Encounter/1").status == 200


@pytest.mark.parametrize(
    "caller",
    [
        patient("https://elsewhere.example.org/fhir/R4/Patient/homer-simpson"),
        patient(BART, patient="homer-simpson"),
        patient("Patient/homer"),
        patient("Patient/Homer-Simpson"),
        related(),
        related(patient="bart-simpson"),
        related(patient="homer-simpson/_history/1"),
    ],
)
def test_malformed_or_foreign_claims_identify_nobody(clinic: ApiClient, caller: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    assert caller.get("/Encounter/1").status == 404


@pytest.mark.parametrize(
    "caller",
    [
        patient(""),
        patient(care.ALICE),
        patient(MARGE, patient="homer-simpson"),
        patient("homer-simpson"),
        patient("Patient/"),
        related(""),
        related(care.HOMER, patient="homer-simpson"),
    ],
)
def test_a_token_without_an_identity_is_refused(clinic: ApiClient, caller: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    refusals.check(caller.get("/Encounter/1"), 403, "forbidden")


def test_a_related_person_sees_threads_they_take_part_in(clinic: ApiClient) -> None:
    taking_part = unrelated("", recipient=[care.reference(MARGE)])
    thread = clinic.post("/Communication", taking_part).id
    message_id = clinic.post("/Communication", unrelated(thread)).id
    other = clinic.post("/Communication", unrelated("")).id
    session = care.session(participant=[{"individual": care.reference(MARGE)}])
    clinic.put("/Encounter/1", session | {"id": "1"})
    assert related().get(f"/Communication/{thread}").status == 200
    assert related().get(f"/Communication/{message_id}").status == 200
    assert related().get(f"/Communication/{other}").status == 404
    assert related().get("/Encounter/1").status == 200
    assert related(patient="bart-simpson").get(f"/Communication/{other}").status == 200


# -- What they write


def test_a_patient_begins_a_thread_and_writes_in_it(clinic: ApiClient) -> None:
    thread = patient().post("/Communication", care.header())
    assert thread.status == 201
    assert patient().post("/Communication", care.message(thread.id)).status == 201
    assert clinic.post("/Communication", care.message(thread.id)).status == 201


def test_a_related_person_begins_a_thread_for_their_patient() -> None:
    marge = related(patient="homer-simpson")
    sent: dict[str, Any] = {"sender": care.reference(MARGE)}
    thread = marge.post("/Communication", care.header(**sent))
    assert thread.status == 201
    assert marge.post("/Communication", care.message(thread.id, **sent)).status == 201
    before = stored_items()
    unchanged(related().post("/Communication", care.header(**sent)), before)
    unchanged(marge.post("/Communication", care.header()), before)


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
def test_a_patients_message_may_open_a_session(
    clinic: ApiClient, practice: Practice, policy: str
) -> None:
    practice.configure(SESSION_POLICY=policy)
    thread = patient().post("/Communication", care.header()).id
    said = patient().post("/Communication", care.message(thread))
    assert said.status == 201
    link = clinic.get(f"/Communication/{thread}").body.get("encounter")
    assert (link is None) is (policy == "explicit")
    if link:
        assert patient().get(f"/{link['reference']}").status == 200


def test_the_sender_is_the_caller(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    before = stored_items()
    for sender in (care.ALICE, BART, MARGE, "Patient/homer-simpson2", "homer-simpson", ""):
        sent: dict[str, Any] = {"sender": care.reference(sender)} if sender else {"sender": None}
        for made in (care.header(**sent), care.message(thread, **sent)):
            answer = patient().post("/Communication", made)
            assert (answer.status, answer.expressions) in [
                (403, ["Communication.sender"]),
                (400, ["Communication.sender.reference"]),
            ]
    assert stored_items() == before


def test_a_patient_cannot_begin_a_thread_of_somebody_else(clinic: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    policy = {
        "url": "https://x/StructureDefinition/session-policy",
        "extension": [{"url": "policy", "valueCode": "daily"}],
    }
    before = stored_items()
    for more in (
        {"subject": care.reference(BART)},
        {"subject": None},
        {"subject": care.reference("Group/simpsons")},
        {"encounter": care.reference("Encounter/1")},
        {"extension": [policy]},
    ):
        unchanged(patient().post("/Communication", care.header(**more)), before)
    unchanged(patient().post("/Encounter", care.session()), before)
    unchanged(patient().put("/Encounter/1", care.session(id="1")), before)


def test_a_message_about_a_stranger_or_in_a_strangers_thread_is_refused(
    clinic: ApiClient,
) -> None:
    own = clinic.post("/Communication", care.header()).id
    clinic.put("/Communication/theirs", unrelated("", id="theirs"))
    before = stored_items()
    answer = patient().post("/Communication", care.message(own, subject=care.reference(BART)))
    unchanged(answer, before, status=422, code="business-rule")
    assert answer.expressions == ["Communication.subject"]
    into, nowhere = (
        patient().post("/Communication", care.message(header_id))
        for header_id in ("theirs", "nowher")
    )
    unchanged(into, before, status=422, code="business-rule")
    assert into.text == nowhere.text.replace("nowher", "theirs")


def test_a_patient_cannot_refer_to_resources_they_do_not_see(clinic: ApiClient) -> None:
    clinic.put("/Communication/theirs", unrelated("", id="theirs"))
    answers = [
        patient().post("/Communication", care.header(inResponseTo=[care.reference(one)]))
        for one in ("Communication/theirs", "Communication/nowher")
    ]
    assert answers[0].status == answers[1].status == 422
    assert answers[0].text == answers[1].text.replace("nowher", "theirs")


def test_a_recipient_may_mark_a_message_received_and_read(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    alice: dict[str, Any] = {"sender": care.reference(care.ALICE)}
    for recipient in ([care.reference(care.HOMER)], None):
        said = clinic.post("/Communication", care.message(thread, recipient=recipient, **alice))
        version = {"op": "test", "path": "/meta/versionId", "value": "1"}
        done = patient().patch(f"/Communication/{said.id}", [version, *READ, *RECEIVED])
        assert done.status == 200
        assert (done.body["status"], done.body["received"]) == ("completed", RECEIVED[0]["value"])
    merged = clinic.post("/Communication", care.message(thread, recipient=recipient, **alice))
    body, kind = {"status": "completed"}, "application/merge-patch+json"
    path = f"/Communication/{merged.id}"
    assert patient().call("PATCH", path, body, content_type=kind).status == 200


@pytest.mark.parametrize(
    ("element", "patch"),
    [
        ("status", [{"op": "replace", "path": "/status", "value": "stopped"}]),
        ("status", RETRACT),
        ("encounter", care.link("1")),
        ("recipient", [{"op": "replace", "path": "/recipient", "value": []}]),
        ("partOf", [{"op": "remove", "path": "/partOf"}]),
        ("subject", [{"op": "remove", "path": "/subject"}]),
        ("sender", [{"op": "replace", "path": "/sender/reference", "value": care.HOMER}]),
        ("sent", [{"op": "add", "path": "/sent", "value": "2020-01-01"}]),
        ("payload", [*READ, {"op": "remove", "path": "/payload"}]),
        ("meta", [{"op": "add", "path": "/meta/tag", "value": [{"code": "x"}]}]),
    ],
)
def test_a_recipient_cannot_change_other_elements_of_a_message(
    clinic: ApiClient, element: str, patch: Any
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    thread = clinic.post("/Communication", care.header()).id
    alice: dict[str, Any] = {
        "sender": care.reference(care.ALICE),
        "recipient": [care.reference(care.HOMER)],
    }
    message_id = clinic.post("/Communication", care.message(thread, **alice)).id
    before = stored_items()
    answer = patient().patch(f"/Communication/{message_id}", patch)
    unchanged(answer, before)
    assert answer.expressions == [f"Communication.{element}"]
    unchanged(patient().delete(f"/Communication/{message_id}"), before)


@pytest.mark.parametrize("status", ["preparation", "entered-in-error", "not-done", "stopped"])
def test_only_a_sent_message_can_be_marked_read(clinic: ApiClient, status: str) -> None:
    thread = clinic.post("/Communication", care.header()).id
    alice: dict[str, Any] = {
        "sender": care.reference(care.ALICE),
        "recipient": [care.reference(care.HOMER)],
    }
    message_id = clinic.post("/Communication", care.message(thread, status=status, **alice)).id
    before = stored_items()
    assert patient().patch(f"/Communication/{message_id}", READ).status in (403, 404)
    assert stored_items() == before


def test_a_patient_cannot_change_a_header_or_a_message_to_others(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    alice: dict[str, Any] = {
        "sender": care.reference(care.ALICE),
        "recipient": [care.reference(BART)],
    }
    message_id = clinic.post("/Communication", care.message(thread, **alice)).id
    before = stored_items()
    for path in (f"/Communication/{thread}", f"/Communication/{message_id}"):
        for patch in (READ, RECEIVED, RETRACT):
            unchanged(patient().patch(path, patch), before)
        unchanged(patient().delete(path), before)


def test_a_patient_retracts_messages_of_their_own(clinic: ApiClient) -> None:
    thread = clinic.post("/Communication", care.header()).id
    message = care.message(thread, recipient=[care.reference(care.HOMER)])
    first = patient().post("/Communication", message).id
    before = stored_items()
    unchanged(patient().patch(f"/Communication/{first}", READ), before)
    unchanged(
        patient(BART).patch(f"/Communication/{first}", RETRACT),
        before,
        status=404,
        code="not-found",
    )
    unchanged(patient().delete(f"/Communication/{first}"), before)
    assert patient().patch(f"/Communication/{first}", RETRACT).status == 200
    unchanged(patient().delete(f"/Communication/{first}"), stored_items())


def opened(caller: ApiClient, **values: list[str]) -> Answer:
    parts = [
        {"name": name, "valueReference": care.reference(resource)}
        for name, several in values.items()
        for resource in several
    ]
    return caller.post(
        "/Encounter/$open-session", {"resourceType": "Parameters", "parameter": parts}
    )


def test_a_patient_opens_a_session_for_themselves(clinic: ApiClient) -> None:
    thread = f"Communication/{patient().post('/Communication', care.header()).id}"
    session = opened(patient(), thread=[thread])
    assert session.status == 201
    assert clinic.get(f"/{thread}").body["encounter"] == care.reference(f"Encounter/{session.id}")
    assert opened(patient(), patient=[care.HOMER]).status == 201
    assert opened(related(patient="homer-simpson"), patient=[care.HOMER]).status == 201


def test_a_patient_cannot_open_a_session_for_others(clinic: ApiClient) -> None:
    clinic.put("/Communication/theirs", unrelated("", id="theirs"))
    both = unrelated("", recipient=[care.reference(care.HOMER)])
    shared = f"Communication/{clinic.post('/Communication', both).id}"
    before = stored_items()
    unchanged(opened(patient()), before)
    unchanged(opened(patient(), patient=[BART]), before)
    unchanged(opened(patient(), patient=[care.HOMER, BART]), before)
    unchanged(opened(patient(), thread=[shared]), before)
    unchanged(opened(patient(), patient=[care.HOMER], thread=[shared]), before)
    unchanged(opened(related(), patient=[care.HOMER]), before)
    answers = [
        opened(patient(), patient=[care.HOMER], thread=[f"Communication/{one}"])
        for one in ("theirs", "nowher")
    ]
    assert answers[0].status == answers[1].status == 422
    assert answers[0].text == answers[1].text.replace("nowher", "theirs")
    assert stored_items() == before


# -- Conditional requests


def test_conditions_do_not_match_resources_the_caller_does_not_see(clinic: ApiClient) -> None:
    known = {"meta": {"tag": [{"system": "https://ids.example.org", "code": "1"}]}}
    query = "_tag=https://ids.example.org|1"
    clinic.put("/Communication/theirs", unrelated("", id="theirs", **known))
    created = patient().post("/Communication", care.header(**known), if_none_exist=query)
    assert created.status == 201
    again = patient().post("/Communication", care.header(**known), if_none_exist=query)
    assert (again.status, again.id) == (200, created.id)
    refusals.check(
        clinic.post("/Communication", care.header(), if_none_exist=query), 412, "conflict"
    )
    by_query = [care.reference(f"Communication?{query}")]
    said = patient().post("/Communication", care.message("", partOf=by_query))
    assert said.body["partOf"][0]["reference"] == f"Communication/{created.id}"
    assert patient(BART).delete(f"/Communication?{query}").status == 403
    assert patient("Patient/lisa").delete(f"/Communication?{query}").status == 204
    assert clinic.get("/Communication/theirs").status == 200


# -- Bundles


def entry(method: str, url: str, full_url: str = "", **resource: Any) -> dict[str, Any]:
    said = {"request": {"method": method, "url": url}}
    return said | ({"fullUrl": full_url} if full_url else {}) | resource


def sent(kind: str, *entries: dict[str, Any]) -> Answer:
    body = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    return patient().post("/", body)


def test_a_patient_begins_a_thread_with_its_first_message_in_one_bundle() -> None:
    urn = "urn:uuid:5f1a4c0e-0000-4000-8000-000000000001"
    message = care.message("x", partOf=[care.reference(urn)])
    done = sent(
        "transaction",
        entry("POST", "Communication", urn, resource=care.header()),
        entry("POST", "Communication", resource=message),
    )
    assert done.status == 200, done.text
    thread = done.body["entry"][0]["response"]["location"].split("/")[-3]
    assert len(patient().get(f"/Communication?part-of=Communication/{thread}").ids) == 1


def test_each_entry_of_a_bundle_is_held_to_the_callers_rights(clinic: ApiClient) -> None:
    clinic.put("/Communication/theirs", unrelated("", id="theirs"))
    clinic.put("/Encounter/mine", care.session(id="mine"))
    before = stored_items()
    header = entry("POST", "Communication", resource=care.header())
    refused = {
        403: [
            entry("POST", "Communication", resource=unrelated("")),
            entry("PUT", "Encounter/mine", resource=care.session(id="mine")),
            entry("DELETE", "Encounter/mine"),
        ],
        404: [entry("GET", "Communication/theirs")],
        422: [entry("POST", "Communication", resource=care.message("theirs"))],
    }
    for status, entries in refused.items():
        for request in entries:
            assert sent("transaction", header, request).status == status
    assert stored_items() == before
    answers = sent("batch", *(request for entries in refused.values() for request in entries)).body[
        "entry"
    ]
    statuses = [int(answer["response"]["status"][:3]) for answer in answers]
    assert statuses == [status for status, entries in refused.items() for _ in entries]
    assert stored_items() == before


def test_pages_of_everything_do_not_reveal_threads_of_others(clinic: ApiClient) -> None:
    clinic.put("/Encounter/family", care.session(id="family"))
    family = {"encounter": care.reference("Encounter/family")}
    for thread in ("a", "b", "y", "z"):
        clinic.put(f"/Communication/{thread}", unrelated("", id=thread, **family))
    clinic.put("/Communication/m", care.header(id="m", **family))
    pages = [patient().get("/Encounter/family/$everything?_count=1")]
    while links := [link["url"] for link in pages[-1].body["link"] if link["relation"] == "next"]:
        pages.append(patient().get(links[0]))
    assert [page.ids for page in pages[:2]] == [["family"], ["m"]]
    assert len(pages) <= 3
    assert not any(f".{thread}" in page.text for page in pages for thread in "abyz")
