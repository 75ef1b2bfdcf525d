"""The operations on sessions, and their definitions."""

from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.operationdefinition import OperationDefinition
from fhir.resources.R4B.searchparameter import SearchParameter
from fhir.resources.R4B.structuredefinition import StructureDefinition

from shared.catalog import operations
from shared.catalog.operations import OPERATIONS
from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from shared.sessions import closing
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.consistency import stored_items
from tests.support.steps import end, link, messages_of, open_session, post, thread

LISA, BART, MARGE = "Patient/lisa-simpson", "Patient/bart-simpson", "Patient/marge-simpson"
OPEN = "/Encounter/$open-session"
NINE, TEN = "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z"
CLINICAL: dict[str, Any] = {
    "reasonCode": [{"text": "A rash"}],
    "reasonReference": [care.reference("Condition/rash")],
    "diagnosis": [{"condition": care.reference("Condition/rash")}],
    "serviceType": {"text": "Dermatology"},
}


def opened_session(clinic: ApiClient, *pairs: tuple[str, Any]) -> str:
    answer = clinic.post(OPEN, care.parameters(*pairs))
    assert answer.status == 201, answer.text
    return answer.id


def children(clinic: ApiClient, session_id: str) -> list[dict[str, Any]]:
    """Return the medical encounters of a session, in order of their patients."""
    matches = clinic.get(f"/Encounter?part-of=Encounter/{session_id}").resources
    return sorted(matches, key=lambda one: str(one["subject"]["reference"]))


def patients(clinic: ApiClient, session_id: str) -> list[str]:
    return [child["subject"]["reference"] for child in children(clinic, session_id)]


def everything(clinic: ApiClient, session_id: str, query: str = "") -> list[str]:
    """Return the ids of all pages."""
    url, found = f"/Encounter/{session_id}/$everything{query}", list[str]()
    while url:
        answer = clinic.get(url)
        assert answer.status == 200, answer.text
        found += answer.ids
        links = {one["relation"]: one["url"] for one in answer.body["link"]}
        url = links.get("next", "")
    return found


def stored() -> int:
    """Return the number of items in all tables."""
    return sum(map(len, stored_items()))


# ---- $open-session


def test_a_session_is_opened_with_its_patient_people_and_threads(clinic: ApiClient) -> None:
    first, _ = thread(clinic)
    second, _ = thread(clinic)
    answer = clinic.post(
        OPEN,
        care.parameters(
            ("patient", care.HOMER),
            ("practitioner", care.ALICE),
            ("participant", "RelatedPerson/marge-simpson"),
            ("thread", f"Communication/{first}"),
            ("thread", f"{BASE}/Communication/{second}"),
        ),
    )
    assert answer.status == 201
    assert answer.headers["Location"] == f"{BASE}/Encounter/{answer.id}/_history/1"
    assert answer.headers["ETag"] == 'W/"1"'
    assert issues(fhirjson.loads(answer.text), "Encounter") == []
    assert answer.body["status"] == "in-progress"
    assert answer.body["class"]["code"] == "VR"
    assert answer.body["subject"] == care.reference(care.HOMER)
    people = [participant["individual"]["reference"] for participant in answer.body["participant"]]
    assert people == [care.ALICE, "RelatedPerson/marge-simpson"]
    for header_id in (first, second):
        header = clinic.get(f"/Communication/{header_id}")
        assert header.body["encounter"] == care.reference(f"Encounter/{answer.id}")
        assert header.version == "2"


def test_open_session_returns_what_a_read_returns(clinic: ApiClient) -> None:
    answer = clinic.post(OPEN, care.parameters(("patient", care.HOMER)))
    assert clinic.get(f"/Encounter/{answer.id}").text == answer.text


def test_messages_posted_before_are_adopted_and_later_ones_join(clinic: ApiClient) -> None:
    header_id, ids = thread(clinic, NINE, TEN)
    session_id = opened_session(clinic, ("thread", f"Communication/{header_id}"))
    ids.append(post(clinic, header_id, "2026-11-20T10:30:00Z"))
    assert messages_of(clinic, session_id) == ids


def test_open_session_without_parameters_opens_a_bare_session(clinic: ApiClient) -> None:
    for body in (None, care.parameters()):
        answer = clinic.post(OPEN, body)
        assert answer.status == 201
        assert "subject" not in answer.body
        assert "participant" not in answer.body


def test_without_patients_and_participants_those_of_the_threads_are_used(clinic: ApiClient) -> None:
    homers, _ = thread(clinic)
    lisas, _ = thread(clinic, subject=care.reference(LISA))
    answer = clinic.post(
        OPEN,
        care.parameters(
            *(("thread", f"Communication/{header_id}") for header_id in (homers, lisas))
        ),
    )
    assert "subject" not in answer.body
    assert patients(clinic, answer.id) == [care.HOMER, LISA]
    assert [
        participant["individual"]["reference"] for participant in answer.body["participant"]
    ] == [care.ALICE]
    late = "Practitioner/doctor-nick-riviera"
    post(clinic, homers, NINE, sender=care.reference(late))
    people = clinic.post(f"/Encounter/{answer.id}/$close-session", None).body["participant"]
    assert [person["individual"]["reference"] for person in people] == [care.ALICE, late]


def test_several_patients_have_a_medical_encounter_each(clinic: ApiClient) -> None:
    named = [("patient", person) for person in (LISA, BART, LISA)]
    session_id = opened_session(clinic, *named)
    session = clinic.get(f"/Encounter/{session_id}")
    assert session.version == "1"
    assert "subject" not in session.body
    assert patients(clinic, session_id) == [BART, LISA]
    for child in children(clinic, session_id):
        assert child["partOf"] == care.reference(f"Encounter/{session_id}")
        assert child["type"][0]["coding"][0]["code"] == "medical-encounter"
        assert issues(child, "Encounter") == []


def test_an_encounter_given_to_open_session_is_kept_unchanged(clinic: ApiClient) -> None:
    given = care.session(status="planned", priority={"text": "soon"}, id="ignored")
    for body in (care.parameters(("encounter", given)), given):
        answer = clinic.post(OPEN, body)
        assert answer.status == 201, answer.text
        assert answer.id != "ignored"
        assert answer.body | {"id": "ignored", "meta": None} == given | {"meta": None}


def test_an_encounter_as_body_takes_its_threads_from_the_query(clinic: ApiClient) -> None:
    headers = [thread(clinic, NINE) for _ in range(3)]
    references = [f"Communication/{header_id}" for header_id, _ in headers]
    query = f"?thread={references[0]},{references[1]}&thread={references[2]}"
    answer = clinic.post(OPEN + query, care.session())
    assert answer.status == 201
    assert sorted(messages_of(clinic, answer.id)) == sorted(ids[0] for _, ids in headers)


def test_an_encounter_given_for_several_patients_is_split(clinic: ApiClient) -> None:
    given = care.session(**CLINICAL)
    session_id = opened_session(clinic, ("encounter", given), ("patient", LISA))
    session = clinic.get(f"/Encounter/{session_id}").body
    homers, lisas = children(clinic, session_id)
    assert not {*CLINICAL, "subject"} & session.keys()
    assert {name: homers[name] for name in CLINICAL} == CLINICAL
    assert not CLINICAL.keys() & lisas.keys()


def test_an_opened_session_behaves_like_any_other(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic, NINE, "2026-11-20T09:10:30Z")
    session_id = opened_session(
        clinic, ("patient", LISA), ("patient", BART), ("thread", f"Communication/{header_id}")
    )
    end(clinic, session_id)
    session = clinic.get(f"/Encounter/{session_id}").body
    assert session["length"]["value"] == 10
    assert {child["status"] for child in children(clinic, session_id)} == {"finished"}


def test_seven_threads_are_refused_and_nothing_is_written(clinic: ApiClient) -> None:
    threads = [("thread", f"Communication/{thread(clinic)[0]}") for _ in range(7)]
    before = stored()
    answer = clinic.post(OPEN, care.parameters(*threads))
    refusals.check(answer, 422, "business-rule", "thread")
    assert "6 threads" in answer.text
    assert stored() == before
    assert clinic.post(OPEN, care.parameters(*threads[:6])).status == 201


def test_more_patients_than_a_transaction_holds_are_refused_and_nothing_is_written(
    clinic: ApiClient,
) -> None:
    header_id, _ = thread(clinic, NINE)
    before = stored()
    people = [("patient", f"Patient/child-{number}") for number in range(11)]
    threads = [("thread", f"Communication/{header_id}")]
    answer = clinic.post(OPEN, care.parameters(*people))
    refusals.check(answer, 422, "business-rule", "patient")
    answer = clinic.post(OPEN, care.parameters(*people[1:], *threads))
    refusals.check(answer, 422, "business-rule")
    assert "100 items" in answer.text
    assert stored() == before
    assert "encounter" not in clinic.get(f"/Communication/{header_id}").body
    assert clinic.post(OPEN, care.parameters(*people[:5], *threads)).status == 201


def test_a_thread_in_an_open_session_is_refused_naming_it(clinic: ApiClient) -> None:
    free, taken = thread(clinic, NINE)[0], thread(clinic)[0]
    session_id = open_session(clinic)
    link(clinic, taken, session_id)
    before = stored()
    named = [("thread", f"Communication/{header_id}") for header_id in (free, taken)]
    answer = clinic.post(OPEN, care.parameters(("patient", LISA), ("patient", BART), *named))
    refusals.check(answer, 422, "business-rule", "thread")
    assert f"Encounter/{session_id}" in answer.text
    assert stored() == before
    end(clinic, session_id)
    assert clinic.post(OPEN, care.parameters(*named)).status == 201


def test_a_thread_that_is_named_twice_is_linked_once(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    opened_session(clinic, *[("thread", f"Communication/{header_id}")] * 8)
    assert clinic.get(f"/Communication/{header_id}").version == "2"


def test_a_group_is_refused(clinic: ApiClient) -> None:
    groups, _ = thread(clinic, subject=care.reference("Group/simpsons"))
    before = stored()
    named = clinic.post(OPEN, care.parameters(("patient", "Group/simpsons")))
    refusals.check(named, 422, "business-rule", "patient")
    given = clinic.post(OPEN, care.session(subject=care.reference("Group/simpsons")))
    refusals.check(given, 422, "business-rule", "patient")
    by_thread = clinic.post(OPEN, care.parameters(("thread", f"Communication/{groups}")))
    refusals.check(by_thread, 422, "business-rule", "thread")
    assert stored() == before
    opened_session(clinic, ("thread", f"Communication/{groups}"), ("patient", LISA))


@pytest.mark.parametrize("is_message", [True, False])
def test_only_an_existing_header_is_accepted_as_a_thread(
    clinic: ApiClient, is_message: bool
) -> None:
    named = thread(clinic, NINE)[1][0] if is_message else "nobodys"
    answer = clinic.post(OPEN, care.parameters(("thread", f"Communication/{named}")))
    refusals.check(answer, 422, "business-rule", "thread")


@pytest.mark.parametrize(
    "given",
    [care.visit(), care.session("finished"), care.medical_encounter("x", LISA)],
    ids=["visit", "finished", "medical encounter"],
)
def test_an_encounter_that_is_not_an_open_session_is_refused(
    clinic: ApiClient, given: dict[str, Any]
) -> None:
    refusals.check(clinic.post(OPEN, given), 422, "business-rule", "encounter")


def test_all_bad_parameters_are_named_at_once(clinic: ApiClient) -> None:
    body = care.parameters(
        ("patient", "Practitioner/doctor-alice-smith"),
        ("thread", "Encounter/1"),
        ("clinician", care.ALICE),
        ("encounter", care.session()),
        ("encounter", care.session()),
    )
    body["parameter"].append({"name": "practitioner", "valueString": "Alice"})
    answer = clinic.post(f"{OPEN}?doctor=1", body)
    names = ("clinician", "doctor", "encounter", "patient", "practitioner", "thread")
    refusals.check(answer, 400, "invalid", *names)
    assert "Its parameters are patient, practitioner" in answer.text


def test_the_body_of_an_operation_is_validated_as_any_resource(clinic: ApiClient) -> None:
    wrong = care.session("done")
    plain = clinic.post(OPEN, wrong)
    refusals.check(plain, 400, "code-invalid", "Encounter.status")
    inside = clinic.post(OPEN, care.parameters(("encounter", wrong)))
    assert inside.status == 400
    assert inside.expressions == ["Parameters.parameter[0].resource.status"]
    refusals.check(clinic.post(OPEN, care.header()), 400, "structure", "resourceType")
    part = {"resourceType": "Parameters", "parameter": [{"valueBoolean": True}]}
    refusals.check(clinic.post(OPEN, part), 400, "required", "Parameters.parameter[0].name")
    refusals.check(clinic.post(f"{OPEN}?encounter=x", None), 400, "invalid", "encounter")


# ---- $add-patient


def add(clinic: ApiClient, session_id: str, patient: str) -> Answer:
    return clinic.post(
        f"/Encounter/{session_id}/$add-patient", care.parameters(("patient", patient))
    )


def test_a_second_patient_splits_the_session(clinic: ApiClient) -> None:
    session_id = open_session(clinic, **CLINICAL)
    answer = add(clinic, session_id, LISA)
    assert answer.status == 200, answer.text
    assert answer.id == session_id
    assert answer.version == "2"
    assert not {*CLINICAL, "subject"} & answer.body.keys()
    homers, lisas = children(clinic, session_id)
    assert {name: homers[name] for name in CLINICAL} == CLINICAL
    assert (homers["subject"], lisas["subject"]) == tuple(map(care.reference, (care.HOMER, LISA)))
    assert add(clinic, session_id, BART).status == 200
    assert patients(clinic, session_id) == [BART, care.HOMER, LISA]


def test_the_first_patient_is_the_subject(clinic: ApiClient) -> None:
    session_id = opened_session(clinic)
    assert add(clinic, session_id, LISA).body["subject"] == care.reference(LISA)
    assert patients(clinic, session_id) == []


def test_adding_a_patient_again_changes_nothing(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    assert add(clinic, session_id, f"{BASE}/{care.HOMER}").version == "1"
    add(clinic, session_id, LISA)
    before = stored()
    for patient in (care.HOMER, LISA):
        answer = add(clinic, session_id, patient)
        assert (answer.status, answer.version) == (200, "2")
    assert stored() == before


@pytest.mark.parametrize("status", ["finished", "cancelled", "entered-in-error"])
def test_a_session_that_has_ended_takes_no_patient(clinic: ApiClient, status: str) -> None:
    session_id = open_session(clinic)
    end(clinic, session_id, status)
    refusals.check(add(clinic, session_id, LISA), 422, "business-rule", "Encounter.status")


def test_add_patient_requires_exactly_one_patient(clinic: ApiClient) -> None:
    url = f"/Encounter/{open_session(clinic)}/$add-patient"
    refusals.check(clinic.post(url, None), 400, "required", "patient")
    twice = care.parameters(("patient", LISA), ("patient", BART))
    refusals.check(clinic.post(url, twice), 400, "invalid", "patient")
    group = care.parameters(("patient", "Group/simpsons"))
    refusals.check(clinic.post(url, group), 422, "business-rule", "patient")
    assert clinic.post(f"{url}?patient={LISA}", None).status == 200


# ---- $close-session


def close(clinic: ApiClient, session_id: str) -> Answer:
    return clinic.post(f"/Encounter/{session_id}/$close-session", None)


def test_closing_finishes_the_session_and_its_children(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic, NINE, TEN)
    session_id = opened_session(
        clinic, ("thread", f"Communication/{header_id}"), ("patient", LISA), ("patient", BART)
    )
    answer = close(clinic, session_id)
    assert answer.status == 200
    assert answer.body["status"] == "finished"
    assert answer.body["length"]["value"] == 60
    assert [entry["status"] for entry in answer.body["statusHistory"]] == ["in-progress"]
    assert {child["status"] for child in children(clinic, session_id)} == {"finished"}
    late = post(clinic, header_id, "2026-11-20T11:00:00Z")
    assert late not in messages_of(clinic, session_id)


def test_closing_again_changes_nothing(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    closed = close(clinic, session_id)
    before = stored()
    assert close(clinic, session_id).text == closed.text
    assert stored() == before


def test_a_large_session_is_closed_in_steps(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    for number in range(14):
        child = care.medical_encounter(session_id, f"Patient/child-{number}")
        clinic.post("/Encounter", child)
    answer = close(clinic, session_id)
    assert (answer.status, answer.body["status"]) == (200, "finished")
    assert {child["status"] for child in children(clinic, session_id)} == {"finished"}


def test_a_half_finished_closing_is_completed(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = open_session(clinic)
    for number in range(14):
        child = care.medical_encounter(session_id, f"Patient/child-{number}")
        clinic.post("/Encounter", child)
    with monkeypatch.context() as patched:
        patched.delattr(closing, "complete")
        assert close(clinic, session_id).status == 500
    assert clinic.get(f"/Encounter/{session_id}").body["status"] == "in-progress"
    assert close(clinic, session_id).body["status"] == "finished"
    assert {child["status"] for child in children(clinic, session_id)} == {"finished"}


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_void_session_is_not_closed(clinic: ApiClient, status: str) -> None:
    session_id = open_session(clinic)
    end(clinic, session_id, status)
    refusals.check(close(clinic, session_id), 422, "business-rule", "Encounter.status")


def test_only_sessions_are_closed_or_given_a_patient(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    child = clinic.post("/Encounter", care.medical_encounter(session_id, LISA)).id
    visit = clinic.post("/Encounter", care.visit()).id
    for answer in (close(clinic, child), add(clinic, child, BART)):
        refusals.check(answer, 422, "business-rule", "Encounter.partOf")
        assert f"Encounter/{session_id}" in answer.text
    for answer in (close(clinic, visit), add(clinic, visit, BART)):
        refusals.check(answer, 422, "business-rule", "Encounter.class")


def test_a_missing_session_is_404_and_a_deleted_one_410(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    clinic.administrator.delete(f"/Encounter/{session_id}")
    for call in (close, lambda who, one: add(who, one, LISA)):
        assert call(clinic, "nobodys").status == 404
        assert call(clinic, session_id).status == 410
    assert clinic.get("/Encounter/nobodys/$everything").status == 404
    assert clinic.get(f"/Encounter/{session_id}/$everything").status == 410


def test_closing_takes_no_parameters(clinic: ApiClient) -> None:
    url = f"/Encounter/{open_session(clinic)}/$close-session"
    body = care.parameters(("reason", "Basic/1"))
    refusals.check(clinic.post(url, body), 400, "invalid", "reason")


# ---- $everything


@pytest.fixture
def long_session(clinic: ApiClient) -> tuple[str, list[str]]:
    """Create a session with two patients, two threads and nine messages; return ids in order."""
    first, earlier = thread(clinic, *(f"2026-11-20T09:0{n}:00Z" for n in (1, 3, 5, 7, 9)))
    second, later = thread(clinic, *(f"2026-11-20T09:0{n}:00Z" for n in (2, 4, 6, 8)))
    named = [("thread", f"Communication/{header_id}") for header_id in (first, second)]
    session_id = opened_session(clinic, ("patient", LISA), ("patient", BART), *named)
    said = [own_id for pair in zip(earlier, [*later, ""], strict=True) for own_id in pair if own_id]
    of_patients = clinic.get(f"/Encounter?part-of=Encounter/{session_id}").ids
    return session_id, [session_id, *of_patients, *sorted((first, second)), *said]


def test_everything_returns_session_children_headers_and_messages_in_order_of_sent(
    clinic: ApiClient, long_session: tuple[str, list[str]]
) -> None:
    session_id, ids = long_session
    answer = clinic.get(f"/Encounter/{session_id}/$everything")
    assert answer.status == 200
    assert answer.body["type"] == "searchset"
    assert answer.ids == ids
    urls = [entry["fullUrl"] for entry in answer.body["entry"]]
    assert urls == [f"{BASE}/{match['resourceType']}/{match['id']}" for match in answer.resources]
    assert [item["relation"] for item in answer.body["link"]] == ["self"]


def test_everything_is_the_same_in_pages_of_any_size(
    clinic: ApiClient, long_session: tuple[str, list[str]]
) -> None:
    session_id, ids = long_session
    for count in range(1, 16):
        assert everything(clinic, session_id, f"?_count={count}") == ids
        first = clinic.get(f"/Encounter/{session_id}/$everything?_count={count}")
        assert len(first.ids) == min(count, len(ids))
        assert len(first.body["link"]) == (1 if count >= len(ids) else 2)


def test_everything_can_be_limited_to_types_and_a_time(
    clinic: ApiClient, long_session: tuple[str, list[str]]
) -> None:
    session_id, ids = long_session
    assert everything(clinic, session_id, "?_type=Encounter") == ids[:3]
    assert everything(clinic, session_id, "?_type=Communication&_count=2") == ids[3:]
    assert everything(clinic, session_id, "?_type=Encounter,Communication") == ids
    assert everything(clinic, session_id, "?_type=Patient") == []
    message = clinic.get(f"/Communication/{ids[-1]}").body
    changed = clinic.put(f"/Communication/{ids[-1]}", message | {"status": "completed"})
    since = changed.body["meta"]["lastUpdated"]
    assert everything(clinic, session_id, f"?_since={since}") == [ids[-1]]
    assert everything(clinic, session_id, "?_since=2099-01-01T00:00:00Z") == []


def test_everything_by_post_links_to_pages_by_get(
    clinic: ApiClient, long_session: tuple[str, list[str]]
) -> None:
    session_id, ids = long_session
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_count", "valueInteger": 4},
            {"name": "_type", "valueCode": "Communication"},
            {"name": "_since", "valueInstant": "2020-01-01T00:00:00Z"},
        ],
    }
    answer = clinic.post(f"/Encounter/{session_id}/$everything", body)
    assert answer.ids == ids[3:7]
    following = clinic.get(answer.body["link"][1]["url"])
    assert following.ids == ids[7:11]


def test_everything_leaves_out_deleted_resources(
    clinic: ApiClient, long_session: tuple[str, list[str]]
) -> None:
    session_id, ids = long_session
    gone = [ids[1], ids[3], ids[-1]]
    for kind, one in zip(("Encounter", "Communication", "Communication"), gone, strict=True):
        assert clinic.administrator.delete(f"/{kind}/{one}").status == 204
    kept = [own_id for own_id in ids if own_id not in gone]
    assert [resource for resource in everything(clinic, session_id) if resource in kept] == kept
    assert not {*gone} & {*everything(clinic, session_id)}


def test_an_encounter_that_is_part_of_itself_is_listed_once(clinic: ApiClient) -> None:
    visit = clinic.post("/Encounter", care.visit()).id
    body = clinic.get(f"/Encounter/{visit}").body
    clinic.put(f"/Encounter/{visit}", body | {"partOf": care.reference(f"Encounter/{visit}")})
    assert everything(clinic, visit) == [visit]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("_count=0", "_count"),
        ("_count=many", "_count"),
        ("_count=1&_count=2", "_count"),
        ("_since=yesterday", "_since"),
        ("_type=Sesion", "_type"),
        ("_cursor=children.WyJ4Il0", "_cursor"),
        ("_cursor=tables.x", "_cursor"),
        (f"_cursor=records.x%7Cr%23{'9' * 2000}", "_cursor"),
        ("_sort=date", "_sort"),
    ],
)
def test_a_wrong_parameter_of_everything_is_named(clinic: ApiClient, query: str, name: str) -> None:
    answer = clinic.get(f"/Encounter/{open_session(clinic)}/$everything?{query}")
    refusals.check(answer, 400, "invalid", name)


def test_auditors_may_read_everything_and_open_nothing(clinic: ApiClient) -> None:
    session_id, auditor = open_session(clinic), ApiClient(role="auditor")
    assert auditor.get(f"/Encounter/{session_id}/$everything").status == 200
    assert auditor.post(f"/Encounter/{session_id}/$everything", None).status == 200
    for url in (OPEN, f"/Encounter/{session_id}/$close-session"):
        assert auditor.post(url, None).status == 403
    assert ApiClient(role="patient").get(f"/Encounter/{session_id}/$everything").status == 403


# ---- Available operations and definitions


@pytest.mark.parametrize(
    ("method", "url", "status", "told"),
    [
        ("POST", "/Encounter/$open", 404, "The supported ones are $open-session"),
        ("POST", "/Encounter/$close-session", 404, "The supported ones are $open-session"),
        (
            "POST",
            "/Encounter/1/$open-session",
            404,
            "$add-patient, $close-session, $closing",
        ),
        ("POST", "/Communication/$open-session", 404, "The supported ones are $validate"),
        ("GET", "/Encounter/1/$close-session", 405, "The path supports POST"),
        ("GET", "/Encounter/$open-session", 405, "The path supports POST"),
        ("PUT", "/Encounter/1/$everything", 405, "The path supports GET, POST"),
        ("POST", "/Encounter/1", 405, "The path supports DELETE, GET, HEAD, PATCH, PUT"),
        ("GET", "/Encounter/1/notes", 404, "nothing at this path"),
    ],
)
def test_an_unknown_operation_is_refused_with_those_available(
    clinic: ApiClient, method: str, url: str, status: int, told: str
) -> None:
    answer = clinic.call(method, url)
    refusals.check(answer, status, "not-found" if status == 404 else "not-supported")
    assert told in answer.text


@pytest.mark.parametrize("affects_state", [True, False])
def test_an_operation_that_nothing_implements_is_501(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch, *, affects_state: bool
) -> None:
    session = open_session(clinic)
    (row,) = (row for row in OPERATIONS if row.code == "everything")
    added = replace(row, code="reopen-session", affects_state=affects_state)
    monkeypatch.setattr(operations, "OPERATIONS", (*OPERATIONS, added))
    before = stored()
    for call in (clinic.get, lambda url: clinic.post(url, None)):
        answer = call(f"/Encounter/{session}/$reopen-session")
        refusals.check(answer, 501, "not-supported")
    assert stored() == before


def test_searches_and_histories_are_no_operations(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    form = "application/x-www-form-urlencoded"
    assert clinic.call("POST", "/Encounter/_search", "", content_type=form).ids == [session_id]
    assert clinic.get(f"/Encounter/{session_id}/_history").body["type"] == "history"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: str(row.code))
def test_each_operation_has_a_definition_that_anybody_may_read(operation: Any) -> None:
    nobody = ApiClient(role="nobody")
    answer = nobody.get(f"/OperationDefinition/{operation.id}")
    assert answer.status == 200
    assert issues(fhirjson.loads(answer.text), "OperationDefinition") == []
    OperationDefinition.model_validate_json(answer.text)
    assert answer.body["url"] == f"{BASE}/OperationDefinition/{operation.id}"
    statement = nobody.get("/metadata").body["rest"][0]["resource"]
    (row,) = (row for row in statement if row["type"] == operation.types[0])
    listed = {row["name"]: row["definition"] for row in row["operation"]}
    assert listed[operation.code] == (operation.standard or answer.body["url"])


@pytest.mark.parametrize("code", ["priority", "session", "topic"])
def test_a_search_parameter_of_this_server_has_a_definition_that_anybody_may_read(
    code: str,
) -> None:
    nobody = ApiClient(role="nobody")
    answer = nobody.get(f"/SearchParameter/Communication-{code}")
    assert answer.status == 200
    assert issues(fhirjson.loads(answer.text), "SearchParameter") == []
    SearchParameter.model_validate_json(answer.text)
    statement = nobody.get("/metadata").body["rest"][0]["resource"]
    (communication,) = (row for row in statement if row["type"] == "Communication")
    listed = {row["name"]: row["definition"] for row in communication["searchParam"]}
    assert listed[code] == answer.body["url"] == f"{BASE}/SearchParameter/Communication-{code}"


def test_the_extension_of_headers_has_a_definition_that_anybody_may_read() -> None:
    nobody = ApiClient(role="nobody")
    answer = nobody.get("/StructureDefinition/session-policy")
    assert answer.status == 200
    assert issues(fhirjson.loads(answer.text), "StructureDefinition") == []
    StructureDefinition.model_validate_json(answer.text)
    elements = answer.body["differential"]["element"]
    parts = [
        element["fixedUri"] for element in elements if element["path"] == "Extension.extension.url"
    ]
    assert parts == ["policy", "idleMinutes", "maxHours", "timeZone"]


def test_a_header_may_use_every_part_of_the_extension(clinic: ApiClient) -> None:
    values: dict[str, dict[str, Any]] = {
        "policy": {"valueCode": "daily"},
        "idleMinutes": {"valueUnsignedInt": 30},
        "maxHours": {"valuePositiveInt": 24},
        "timeZone": {"valueCode": "Europe/Vienna"},
    }
    answer = clinic.get("/StructureDefinition/session-policy")
    parts = [{"url": name, **value} for name, value in values.items()]
    extension = [{"url": answer.body["url"], "extension": parts}]
    assert clinic.post("/Communication", care.header(extension=extension)).status == 201


def test_an_unknown_definition_is_404_with_those_available() -> None:
    nobody = ApiClient(role="nobody")
    for kind, known in (
        ("OperationDefinition", "Encounter-open-session"),
        ("SearchParameter", "Communication-topic"),
        ("StructureDefinition", "session-policy"),
    ):
        answer = nobody.get(f"/{kind}/other")
        refusals.check(answer, 404, "not-found")
        assert known in answer.text
