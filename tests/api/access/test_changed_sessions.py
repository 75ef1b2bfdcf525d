"""Sessions whose patients change: which versions are visible, and which elements stay."""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.practice import Practice

BART, MAGGIE = "Patient/bart-simpson", "Patient/maggie-simpson"
SYSTEM = "https://codes.example.org"
REASON: dict[str, Any] = {"reasonCode": [{"text": "Drinks too much"}]}
ALONE = ApiClient(role="patient", fhir_user=BART)
CALLERS = {
    "a patient": ALONE,
    "a related person": ApiClient(
        role="related-person",
        fhir_user="RelatedPerson/marge-simpson",
        claims={"patient": "bart-simpson"},
    ),
    "a patient's context": ApiClient(
        claims={"scope": "patient/*.cruds user/Practitioner.rs", "patient": "bart-simpson"}
    ),
}
pytestmark = pytest.mark.usefixtures("practice")
callers = pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)


def add(clinic: ApiClient, *patients: str, to: str = "s") -> None:
    for patient in patients:
        body = care.parameters(("patient", patient))
        answer = clinic.post(f"/Encounter/{to}/$add-patient", body)
        assert answer.status == 200, answer.text


def versions(caller: ApiClient, path: str = "/Encounter/s") -> list[str]:
    answer = caller.get(f"{path}/_history")
    found = [entry["resource"]["meta"]["versionId"] for entry in answer.body.get("entry", ())]
    read = [number for number in "123456" if caller.get(f"{path}/_history/{number}").status == 200]
    assert (found[::-1], answer.body["total"]) == (read, len(read))
    return read


def medical_encounter(clinic: ApiClient, patient: str) -> dict[str, Any]:
    (match,) = clinic.get(f"/Encounter?part-of=Encounter/s&patient={patient}").resources
    return dict(match)


@callers
def test_an_added_patient_does_not_see_earlier_versions(
    clinic: ApiClient, caller: ApiClient
) -> None:
    clinic.put("/Encounter/s", care.session(id="s", **REASON))
    add(clinic, BART)
    assert versions(caller) == ["2"]
    for url in ("/Encounter/s/_history/1", "/Encounter/s/_history", "/Encounter/s", "/Encounter"):
        answer = caller.get(url)
        assert not any(word in answer.text for word in ("homer", "Drinks")), url
    request = {"method": "GET", "url": "Encounter/s/_history/1"}
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [{"request": request}]}
        assert "homer" not in caller.post("/", bundle).text


@callers
def test_an_old_version_is_not_included(clinic: ApiClient, caller: ApiClient) -> None:
    clinic.put("/Encounter/s", care.session(id="s", **REASON))
    old = care.reference("Encounter/s/_history/1")
    add(clinic, BART)
    task = care.example("Observation", id="o", subject=care.reference(BART), encounter=old)
    assert clinic.put("/Observation/o", task).status == 201
    answer = caller.get("/Observation?_include=Observation:encounter")
    assert [(match["resourceType"], match.get("id")) for match in answer.resources][:2] == [
        ("Observation", "o"),
        ("Encounter", "s"),
    ]
    assert "homer" not in answer.text


def test_a_version_without_patients_is_not_visible_to_patients_added_later(
    clinic: ApiClient,
) -> None:
    clinic.put("/Encounter/s", care.session(id="s", subject=None, **REASON))
    add(clinic, care.HOMER, BART)
    assert versions(ALONE) == ["3"]
    add(clinic, MAGGIE)
    clinic.patch("/Encounter/s", [{"op": "add", "path": "/language", "value": "de"}])
    assert versions(ALONE) == ["3", "4"]
    assert versions(ApiClient(role="patient", fhir_user=MAGGIE)) == ["4"]


def test_a_medical_encounter_does_not_show_versions_that_name_another_patient(
    clinic: ApiClient,
) -> None:
    clinic.put("/Encounter/s", care.session(id="s", **REASON))
    clinic.post("/Encounter", care.medical_encounter("s", BART))
    assert ALONE.get("/Encounter/s").status == 404
    assert ALONE.get("/Encounter?class=VR&part-of:missing=true").ids == []
    group = care.reference("Group/simpsons")
    clinic.put("/Encounter/s", care.session(id="s", subject=group))
    assert versions(ALONE) == ["2"]


def test_the_former_subject_of_a_medical_encounter_does_not_count(clinic: ApiClient) -> None:
    clinic.put("/Encounter/s", care.session(id="s", subject=None, **REASON))
    clinic.put("/Encounter/m", care.medical_encounter("s", MAGGIE, id="m"))
    clinic.put("/Encounter/s", care.session(id="s", subject=None))
    clinic.put("/Encounter/m", care.medical_encounter("s", BART, id="m"))
    assert versions(ALONE) == ["2"]
    clinic.put("/Encounter/s", care.session(id="s", subject=None, language="de"))
    assert versions(ALONE) == ["3"]


@callers
def test_a_medical_encounter_entered_in_error_does_not_show_its_session(
    clinic: ApiClient, caller: ApiClient
) -> None:
    clinic.put("/Encounter/s", care.session(id="s"))
    add(clinic, BART)
    own_id = medical_encounter(clinic, BART)["id"]
    assert caller.get("/Encounter/s").status == 200
    wrong = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    assert clinic.patch(f"/Encounter/{own_id}", wrong).status == 200
    missing = [
        "/Encounter/s",
        "/Encounter/s/_history",
        "/Encounter/s/_history/2",
        "/Encounter/s/$everything",
    ]
    assert {caller.get(url).status for url in missing} == {404}
    assert caller.get("/Encounter").ids == [own_id]


def test_a_deleted_session_no_longer_tells_who_was_added(
    clinic: ApiClient, practice: Practice
) -> None:
    practice.now = practice.now.replace(hour=10)
    clinic.put("/Encounter/s", care.session(id="s", **REASON))
    clinic.administrator.delete("/Encounter/s")
    clinic.put("/Encounter/s", care.session(id="s", **REASON))
    add(clinic, BART)
    clinic.administrator.delete("/Encounter/s")
    assert ALONE.get("/Encounter/s").status == 410
    history = ALONE.get("/Encounter/s/_history")
    assert [entry["response"]["etag"] for entry in history.body["entry"]] == ['W/"5"', 'W/"4"']
    assert "homer" not in history.text


# ---- What stays on the session -----------------------------------------------------------------

EXTENSION = [{"url": "https://e.example/mood", "valueString": "Ashamed"}]
PRIVATE: dict[str, Any] = {
    "contained": [
        {
            "resourceType": "Condition",
            "id": "drinks",
            "code": {"text": "Alcohol use"},
            "subject": care.reference(care.HOMER),
            "asserter": care.reference("#ned"),
        },
        {"resourceType": "Practitioner", "id": "ned", "name": [{"family": "Flanders"}]},
    ],
    "text": {
        "status": "additional",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">Homer drinks</div>',
    },
    "language": "en",
    "extension": EXTENSION,
    "identifier": [{"system": "https://clinic.example", "value": "homer-1"}],
    "classHistory": [{"class": {"code": "AMB"}, "period": {"start": "2026-01-01"}}],
    "serviceType": {"text": "Addiction"},
    "priority": {"text": "Urgent"},
    "episodeOfCare": [care.reference("EpisodeOfCare/withdrawal")],
    "basedOn": [care.reference("ServiceRequest/detox")],
    "appointment": [care.reference("Appointment/homers")],
    "reasonCode": [{"text": "Drinks too much"}],
    "reasonReference": [care.reference("#drinks")],
    "diagnosis": [{"condition": care.reference("#drinks")}],
    "account": [care.reference("Account/homers")],
    "hospitalization": {"dischargeDisposition": {"text": "Detox"}},
}
SHARED: dict[str, Any] = {
    "status": "in-progress",
    "class": {"system": care.ACT_CODE, "code": "VR", "display": "virtual"},
    "type": [{"text": "Chat"}],
    "participant": [{"individual": care.reference(care.ALICE)}],
    "period": {"start": "2026-03-01T10:00:00.000Z"},
    "length": {"value": 3, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"},
    "location": [{"location": care.reference("Location/springfield")}],
    "serviceProvider": care.reference("Organization/clinic"),
    "statusHistory": [{"status": "planned", "period": {"start": "2026-02-01"}}],
}
SERVERS = {"resourceType", "id", "meta"}


def check_split(clinic: ApiClient, session_id: str, first: str, second: str) -> None:
    session = clinic.get(f"/Encounter/{session_id}").body
    assert {name: session[name] for name in session.keys() - SERVERS} == SHARED
    assert session["meta"].keys() == {"versionId", "lastUpdated"}
    children = clinic.get(f"/Encounter?part-of=Encounter/{session_id}").resources
    by_patient = {child["subject"]["reference"]: child for child in children}
    assert {name: by_patient[first].get(name) for name in PRIVATE} == PRIVATE
    assert by_patient[first]["meta"]["tag"] == [{"code": "addiction"}]
    assert not PRIVATE.keys() & by_patient[second].keys()
    for encounter in (session, *children):
        whole = clinic.post("/Encounter/$validate", encounter)
        assert whole.status == 200
        assert {issue["severity"] for issue in whole.body["issue"]} <= {"information", "warning"}
    query = "identifier=https://clinic.example|homer-1"
    assert clinic.get(f"/Encounter?{query}").ids == [by_patient[first]["id"]]
    answer = clinic.post("/Encounter", care.session(), if_none_exist=query)
    assert (answer.status, answer.id) == (200, by_patient[first]["id"])


def detailed_session(**more: Any) -> dict[str, Any]:
    tagged = {"meta": {"tag": [{"code": "addiction"}]}}
    return {**care.session(), **SHARED, **PRIVATE, **tagged, **more}


def test_clinical_elements_move_to_the_first_patients_medical_encounter(clinic: ApiClient) -> None:
    assert clinic.put("/Encounter/s", detailed_session(id="s")).status == 201
    add(clinic, BART)
    check_split(clinic, "s", care.HOMER, BART)
    assert "Flanders" not in ALONE.get("/Encounter").text


def test_clinical_elements_move_if_a_session_is_opened_for_several_patients(
    clinic: ApiClient,
) -> None:
    given = detailed_session(subject=care.reference(care.HOMER))
    body = care.parameters(("encounter", given), ("patient", BART))
    opened = clinic.post("/Encounter/$open-session", body)
    assert opened.status == 201, opened.text
    check_split(clinic, opened.id, care.HOMER, BART)


def test_clinical_elements_move_if_a_message_brings_another_patient(
    clinic: ApiClient, thread_policy: Practice
) -> None:
    header = thread_policy.post_header()
    thread_policy.post_message(header, "2026-03-01 11:00")
    session = thread_policy.session()
    body = detailed_session(id=session["id"])
    assert clinic.put(f"/Encounter/{session['id']}", body).status == 200
    thread_policy.post_message(header, "2026-03-02 11:00", subject=care.reference(BART))
    check_split(clinic, session["id"], care.HOMER, BART)


def test_elements_that_refer_to_contained_resources_move_with_them(clinic: ApiClient) -> None:
    ned = {"individual": care.reference("#ned")}
    moody = {"individual": care.reference("Practitioner/nick"), "extension": EXTENSION}
    changed: dict[str, Any] = {
        "participant": [*SHARED["participant"], ned, moody],
        "serviceProvider": {**SHARED["serviceProvider"], "extension": EXTENSION},
        "location": [{**SHARED["location"][0], "modifierExtension": EXTENSION}],
        "_status": {"extension": EXTENSION},
        "period": {**SHARED["period"], "_start": {"extension": EXTENSION}},
    }
    assert clinic.put("/Encounter/s", detailed_session(id="s", **changed)).status == 201
    add(clinic, BART)
    session, homers = clinic.get("/Encounter/s").body, medical_encounter(clinic, care.HOMER)
    nick = {"individual": care.reference("Practitioner/nick")}
    assert session["participant"] == [*SHARED["participant"], nick]
    assert session["serviceProvider"] == SHARED["serviceProvider"]
    assert "location" not in session
    assert "Ashamed" not in str(session)
    assert homers["participant"] == [ned, moody]
    assert {name: homers[name] for name in changed if name != "participant"} == {
        name: value for name, value in changed.items() if name != "participant"
    }
