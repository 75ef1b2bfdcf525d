"""`ReferenceChecks=local`: references of a write must exist here when it commits."""

from dataclasses import replace
from typing import Any

import pytest

from shared.store import transactions
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.bundles import bundle, entry, statuses, transact, urn
from tests.support.consistency import stored_items
from tests.support.practice import Practice

LINDA = "Patient/linda-belcher"
PEOPLE = (care.HOMER, care.ALICE)


def person(reference: str, **more: Any) -> dict[str, Any]:
    kind, _, own_id = reference.partition("/")
    return {"resourceType": kind, "id": own_id, **more}


def condition(subject: str = care.HOMER, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "subject": care.reference(subject),
        "code": {"text": "Essential hypertension"},
        **more,
    }


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@pytest.fixture
def local(practice: Practice) -> Practice:
    """Return a practice that checks references, with a patient and a practitioner."""
    practice.configure(REFERENCE_CHECKS="local")
    for each in PEOPLE:
        add(practice.clinic, each)
    return practice


def add(clinic: ApiClient, reference: str) -> None:
    assert clinic.put(f"/{reference}", person(reference)).status in (200, 201)


def refuses(answer: Answer, *places: str) -> None:
    refusals.check(answer, 422, "business-rule", *places)
    assert all("does not exist" in issue["details"]["text"] for issue in answer.body["issue"])


def test_a_write_that_names_a_missing_person_is_refused(local: Practice) -> None:
    before = stored_items()
    body = care.session(
        subject=care.reference(LINDA),
        participant=[{"individual": care.reference("Practitioner/bob")}],
        reasonReference=[care.reference("Condition/none")],
    )
    refuses(
        local.clinic.post("/Encounter", body),
        "Encounter.subject.reference",
        "Encounter.participant[0].individual.reference",
        "Encounter.reasonReference[0].reference",
    )
    assert stored_items() == before
    for each in (LINDA, "Practitioner/bob"):
        add(local.clinic, each)
    body["reasonReference"] = [care.reference(f"Condition/{made(local.clinic, condition(LINDA))}")]
    assert local.clinic.post("/Encounter", body).status == 201


def made(clinic: ApiClient, body: dict[str, Any]) -> str:
    answer = clinic.post(f"/{body['resourceType']}", body)
    assert answer.status == 201, answer.text
    return answer.id


@pytest.mark.parametrize("form", ["{0}", "{0}/_history/1", BASE + "/{0}", BASE + "/{0}/_history/1"])
def test_a_reference_is_the_same_in_each_of_its_forms(local: Practice, form: str) -> None:
    there, missing = (care.reference(form.format(target)) for target in (care.HOMER, LINDA))
    assert local.clinic.post("/Encounter", care.session(subject=there)).status == 201
    answer = local.clinic.post("/Encounter", care.session(subject=missing))
    refuses(answer, "Encounter.subject.reference")


@pytest.mark.parametrize(
    "element",
    [
        care.reference("https://other.example/fhir/Patient/1"),
        care.reference("#inside"),
        care.reference("Device/pacemaker"),
        {"display": "the neighbour"},
        {"identifier": {"system": "https://twilio.com", "value": "1"}, "type": "Patient"},
    ],
)
def test_references_that_cannot_be_local_are_not_checked(
    local: Practice, element: dict[str, Any]
) -> None:
    contained = [{"resourceType": "Device", "id": "inside", "patient": care.reference(LINDA)}]
    more = {"contained": contained} if element.get("reference") == "#inside" else {}
    body = care.header(about=[element], **more)
    assert local.clinic.post("/Communication", body).status == 201


def test_extensions_of_primitives_are_checked_and_named_in_fhirpath(local: Practice) -> None:
    extension = {"url": "https://clinic.example/by", "valueReference": care.reference(LINDA)}
    body = care.session(_status={"extension": [extension]})
    place = "Encounter.status.extension[0].valueReference.reference"
    refuses(local.clinic.post("/Encounter", body), place)
    searched = extension | {"valueReference": care.reference("Patient?phone=1")}
    body = care.session(_status={"extension": [searched]})
    refusals.check(local.clinic.post("/Encounter", body), 422, "business-rule", place)


def test_only_references_added_by_a_write_are_checked(local: Practice) -> None:
    add(local.clinic, LINDA)
    session = made(local.clinic, care.session(subject=care.reference(LINDA)))
    local.clinic.administrator.delete(f"/{LINDA}")
    path = f"/Encounter/{session}"
    body = local.clinic.get(path).body
    assert local.clinic.put(path, body | {"status": "onleave"}).status == 200
    absolute = body | {"subject": care.reference(f"{BASE}/{LINDA}")}
    assert local.clinic.put(path, absolute).status == 200
    individual = {"individual": care.reference("Practitioner/bob")}
    patch = [{"op": "add", "path": "/participant/-", "value": individual}]
    refuses(local.clinic.patch(path, patch), "Encounter.participant[1].individual.reference")
    assert local.clinic.put(path, body | {"status": "finished"}).status == 200


def test_closing_a_session_names_only_people_who_exist(local: Practice) -> None:
    path = f"/Encounter/{made(local.clinic, care.session())}"
    body = local.clinic.get(path).body
    about = body | {"status": "finished", "subject": care.reference(LINDA)}
    refuses(local.clinic.put(path, about), "Encounter.subject.reference")
    assert local.clinic.get(path).body == body


def test_closing_in_several_transactions_names_only_people_who_exist(
    local: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = made(local.clinic, without(care.session(), "subject"))
    for _ in range(4):
        made(local.clinic, care.medical_encounter(session, care.HOMER))
    monkeypatch.setattr(transactions, "MOST_ITEMS", 40)
    path, bob = f"/Encounter/{session}", "Practitioner/bob"
    taking_part = [{"individual": care.reference(bob)}]
    ended = local.clinic.get(path).body | {"status": "finished", "participant": taking_part}
    refuses(local.clinic.put(path, ended), "Encounter.participant[0].individual.reference")
    assert local.clinic.get(path).body["status"] == "in-progress"
    add(local.clinic, bob)
    assert local.clinic.put(path, ended).body["status"] == "finished"


def test_a_deleted_person_is_missing_until_put_back(local: Practice) -> None:
    local.clinic.administrator.delete(f"/{care.HOMER}")
    refuses(local.clinic.post("/Encounter", care.session()), "Encounter.subject.reference")
    add(local.clinic, care.HOMER)
    assert local.clinic.post("/Encounter", care.session()).status == 201


def test_resources_of_the_directory_are_checked_like_others(local: Practice) -> None:
    general = {"generalPractitioner": [care.reference("Practitioner/bob")]}
    answer = local.clinic.put(f"/{LINDA}", person(LINDA, **general))
    refuses(answer, "Patient.generalPractitioner[0].reference")
    link = [{"other": care.reference(LINDA), "type": "seealso"}]
    assert local.clinic.put(f"/{LINDA}", person(LINDA, link=link)).status == 201


def test_a_record_must_name_an_existing_encounter(local: Practice) -> None:
    answer = local.clinic.post(
        "/Condition", condition(LINDA, encounter=care.reference("Encounter/none"))
    )
    refuses(answer, "Condition.subject.reference", "Condition.encounter.reference")


# ---- Visibility ------------------------------------------------------------------------------


def test_a_resource_hidden_by_the_scope_is_treated_as_missing(local: Practice) -> None:
    add(local.clinic, LINDA)
    body = care.session(subject=care.reference(LINDA))
    narrow = replace(local.clinic, claims={"scope": "user/Encounter.cruds user/Practitioner.r"})
    refuses(narrow.post("/Encounter", body), "Encounter.subject.reference")
    wide = replace(local.clinic, claims={"scope": "user/Encounter.cruds user/*.r"})
    assert wide.post("/Encounter", body).status == 201


def test_a_patient_may_write_to_their_practitioner(local: Practice) -> None:
    add(local.clinic, LINDA)
    homer = ApiClient(role="patient", fhir_user=care.HOMER)
    header = made(local.clinic, care.header())
    assert homer.post("/Communication", care.message(header)).status == 201
    staff = (care.ALICE, "Practitioner/bob", "Practitioner/carl")
    recipients = [care.reference(name) for name in staff]
    answer = homer.post("/Communication", care.message(header, recipient=recipients))
    refuses(answer, "Communication.recipient[1].reference", "Communication.recipient[2].reference")
    another = [care.reference(LINDA)]
    answer = homer.post("/Communication", care.message(header, recipient=another))
    assert answer.status == 403


# ---- References that the server adds ---------------------------------------------------------


def test_a_server_opened_session_may_name_deleted_people(local: Practice) -> None:
    local.configure(SESSION_POLICY="thread")
    header = made(local.clinic, care.header())
    for each in PEOPLE:
        local.clinic.administrator.delete(f"/{each}")
    body = without(care.message(header), "sender", "recipient", "subject")
    assert local.clinic.post("/Communication", body).status == 201
    (session,) = local.sessions()
    assert session["subject"] == care.reference(care.HOMER)


def open_session(clinic: ApiClient, *parameters: tuple[str, Any]) -> Answer:
    return clinic.post("/Encounter/$open-session", care.parameters(*parameters))


def test_open_session_checks_the_people_named_by_the_caller(local: Practice) -> None:
    header = made(local.clinic, care.header())
    thread = ("thread", f"Communication/{header}")
    refuses(open_session(local.clinic, thread, ("patient", LINDA)), "Encounter.subject.reference")
    further = [("patient", care.HOMER), ("patient", LINDA)]
    refuses(open_session(local.clinic, thread, *further), "Encounter.subject.reference")
    practitioner = ("practitioner", "Practitioner/bob")
    answer = open_session(local.clinic, thread, practitioner)
    refuses(answer, "Encounter.participant[0].individual.reference")
    for each in PEOPLE:
        local.clinic.administrator.delete(f"/{each}")
    assert open_session(local.clinic, thread).status == 201


def test_open_session_holds_a_relative_it_is_opened_for(local: Practice) -> None:
    mother = "RelatedPerson/marge"
    of_bart = person(mother, active=True, patient=care.reference(care.HOMER))
    assert local.clinic.put(f"/{mother}", of_bart).status == 201
    header = made(local.clinic, care.header(sender=care.reference(mother)))
    thread = ("thread", f"Communication/{header}")
    opened = open_session(local.clinic, thread, ("patient", mother))
    assert opened.status == 201, opened.text
    assert opened.body["subject"] == care.reference(care.HOMER)


def test_add_patient_checks_the_patient(local: Practice) -> None:
    session = made(local.clinic, care.session())
    url, body = f"/Encounter/{session}/$add-patient", care.parameters(("patient", LINDA))
    refuses(local.clinic.post(url, body), "Encounter.subject.reference")
    add(local.clinic, LINDA)
    assert local.clinic.post(url, body).status == 200


# ---- Bundles ---------------------------------------------------------------------------------


def test_resources_created_by_a_bundle_exist_for_its_other_entries(local: Practice) -> None:
    answer = transact(
        local.clinic,
        entry("POST", "Encounter", care.session(subject=care.reference(urn(1)))),
        entry("POST", "Patient", {"resourceType": "Patient"}, urn(1)),
        entry("PUT", LINDA, person(LINDA)),
        entry("POST", "Condition", condition(LINDA)),
    )
    assert statuses(answer) == ["201"] * 4


def test_resources_deleted_by_a_bundle_are_missing_for_its_other_entries(local: Practice) -> None:
    before = stored_items()
    answer = local.clinic.administrator.post(
        "",
        bundle(
            "transaction",
            entry("POST", "Condition", condition()),
            entry("DELETE", care.HOMER),
        ),
    )
    refuses(answer, "Bundle.entry[0].resource.subject.reference")
    assert stored_items() == before


def test_resources_changed_or_moved_by_a_bundle_may_be_referred_to(local: Practice) -> None:
    header = made(local.clinic, care.header())
    message = made(local.clinic, care.message(header, "2026-03-01T10:00:00Z"))
    later = care.message(header, "2026-03-01T12:00:00Z", id=message)
    answer = transact(
        local.clinic,
        entry(
            "POST", "Communication", care.header(about=[care.reference(f"Communication/{message}")])
        ),
        entry("PUT", f"Communication/{message}", later),
        entry("PUT", care.HOMER, person(care.HOMER, gender="male")),
        entry("PUT", care.ALICE, person(care.ALICE)),
    )
    assert statuses(answer) == ["201", "200", "200", "200"]


@pytest.mark.parametrize(("count", "limit"), [(80, ""), (98, "100 items"), (101, "100 references")])
def test_a_write_may_add_as_many_references_as_a_transaction_checks(
    local: Practice, count: int, limit: str
) -> None:
    many = [f"Practitioner/p{number}" for number in range(count)]
    for start in range(0, count, 30):
        some = [entry("PUT", resource, person(resource)) for resource in many[start : start + 30]]
        transact(local.clinic, *some)
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": care.reference(care.HOMER),
        "supportingInfo": [care.reference(resource) for resource in many],
    }
    answer = local.clinic.post("/ServiceRequest", request)
    if not limit:
        assert answer.status == 201, answer.text
        return
    assert answer.status == 422
    assert limit in answer.body["issue"][0]["details"]["text"]


# ---- Conditional references ------------------------------------------------------------------


@pytest.mark.parametrize("checks", ["none", "local"])
@pytest.mark.parametrize("phone", ["+15551234567", "%2B15551234567"])
def test_a_sender_is_found_by_their_telephone(local: Practice, checks: str, phone: str) -> None:
    local.configure(REFERENCE_CHECKS=checks)
    telecom = [{"system": "phone", "value": "+15551234567"}]
    local.clinic.put(f"/{LINDA}", person(LINDA, telecom=telecom))
    header = made(local.clinic, care.header())
    sender = care.reference(f"Patient?phone={phone}")
    answer = local.clinic.post("/Communication", care.message(header, sender=sender))
    assert answer.status == 201, answer.text
    assert answer.body["sender"] == care.reference(LINDA)
    in_bundle = transact(
        local.clinic, entry("POST", "Communication", care.message(header, sender=sender))
    )
    assert in_bundle[0]["resource"]["sender"] == care.reference(LINDA)


def test_a_person_found_by_a_search_must_still_exist_when_the_write_commits(
    local: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"resourceType": "Condition", "subject": care.reference("Patient?_id=homer-simpson")}
    send = transactions.send

    def late(operations: Any) -> None:
        monkeypatch.setattr(transactions, "send", send)
        local.clinic.administrator.delete(f"/{care.HOMER}")
        send(operations)

    monkeypatch.setattr(transactions, "send", late)
    answer = local.clinic.post("/Condition", body)
    refusals.check(answer, 422, "business-rule", "Condition.subject.reference")
    assert local.clinic.get("/Condition").ids == []


def test_a_conditional_reference_with_no_or_several_matches_refuses_the_whole_write(
    local: Practice,
) -> None:
    telecom = [{"system": "phone", "value": "+15550000000"}]
    for each in ("Patient/twin-1", "Patient/twin-2"):
        local.clinic.put(f"/{each}", person(each, telecom=telecom))
    before = stored_items()
    body = care.header(
        subject=care.reference("Patient?identifier=https://mrn.example|nobody"),
        sender=care.reference("Patient?phone=+15550000000"),
    )
    places = ["Communication.subject.reference", "Communication.sender.reference"]
    answer = local.clinic.post("/Communication", body)
    assert answer.status == 422
    assert answer.expressions == places
    several = local.clinic.post(
        "",
        bundle(
            "transaction",
            entry("POST", "Encounter", care.session()),
            entry("POST", "Communication", body),
        ),
    )
    assert several.status == 422
    assert several.expressions == [
        f"Bundle.entry[1].resource.{place.partition('.')[2]}" for place in places
    ]
    assert stored_items() == before


# ---- Conditions ------------------------------------------------------------------------------

DIAGNOSIS, REASON = "Encounter.diagnosis[0].condition", "Encounter.reasonReference[0]"


def diagnosed(condition_id: str, **more: Any) -> dict[str, Any]:
    named = care.reference(f"Condition/{condition_id}")
    return care.session(diagnosis=[{"condition": named}], **more)


def test_a_diagnosis_must_name_an_existing_condition(local: Practice) -> None:
    refuses(
        local.clinic.post("/Encounter", diagnosed("none")),
        "Encounter.diagnosis[0].condition.reference",
    )
    own = made(local.clinic, condition())
    assert local.clinic.post("/Encounter", diagnosed(own)).status == 201


def test_a_diagnosis_of_another_patient_is_accepted_unless_the_deployment_forbids_it(
    local: Practice,
) -> None:
    add(local.clinic, LINDA)
    of_linda = made(local.clinic, condition(LINDA))
    session = made(local.clinic, diagnosed(of_linda))
    local.configure(REFERENCE_CHECKS="local", SAME_SUBJECT="true")
    named = care.reference(f"Condition/{of_linda}")
    for body, place in (
        (diagnosed(of_linda), DIAGNOSIS),
        (care.session(reasonReference=[named]), REASON),
    ):
        answer = local.clinic.post("/Encounter", body)
        refusals.check(answer, 422, "business-rule", place, "Encounter.subject")
        assert "linda" not in answer.text
    path = f"/Encounter/{session}"
    kept = local.clinic.get(path).body
    assert local.clinic.put(path, kept | {"status": "onleave"}).status == 200
    moved = kept | {"subject": care.reference(LINDA)}
    assert local.clinic.put(path, moved).status == 200
    back = local.clinic.put(path, kept)
    refusals.check(back, 422, "business-rule", DIAGNOSIS, "Encounter.subject")


@pytest.mark.parametrize("subject", [care.HOMER, f"{BASE}/{care.HOMER}"])
def test_a_subject_is_the_same_in_each_of_its_forms(local: Practice, subject: str) -> None:
    local.configure(REFERENCE_CHECKS="local", SAME_SUBJECT="true")
    own = made(local.clinic, condition(subject))
    assert local.clinic.post("/Encounter", diagnosed(own)).status == 201


def test_a_bundle_is_checked_against_its_final_state(local: Practice) -> None:
    local.configure(REFERENCE_CHECKS="local", SAME_SUBJECT="true")
    add(local.clinic, LINDA)
    own = made(local.clinic, condition(LINDA))
    made_homers = entry("PUT", f"Condition/{own}", condition(id=own))
    answer = transact(local.clinic, entry("POST", "Encounter", diagnosed(own)), made_homers)
    assert statuses(answer) == ["201", "200"]
    made_lindas = entry("PUT", f"Condition/{own}", condition(LINDA, id=own))
    again = entry("POST", "Encounter", diagnosed(own, language="de"))
    refused = local.clinic.post("", bundle("transaction", again, made_lindas))
    place = "Bundle.entry[0].resource"
    refusals.check(
        refused, 422, "business-rule", f"{place}.diagnosis[0].condition", f"{place}.subject"
    )


# ---- RequireSubject --------------------------------------------------------------------------

SUBJECT = "Encounter.subject"


LOGICAL = {"identifier": {"system": "https://mrn.example", "value": "1"}, "type": "Patient"}
ELSEWHERE = care.reference("https://other.example/fhir/Patient/1/_history/2")


@pytest.mark.parametrize(
    "body",
    [
        without(care.visit(), "subject"),
        care.visit(subject={"display": "Homer"}),
        care.visit(subject=care.reference("https://other.example/people/1")),
        care.visit(subject=care.reference("urn:oid:1.2.3")),
        care.visit(subject=care.reference("Group/simpsons")),
        care.session(subject={"display": "The family"}),
        without(care.medical_encounter("s", care.HOMER), "subject"),
    ],
)
def test_an_encounter_must_name_its_patient_if_so_configured(
    practice: Practice, body: dict[str, Any]
) -> None:
    practice.clinic.put("/Encounter/s", care.session(id="s"))
    assert practice.clinic.post("/Encounter", body).status == 201
    practice.configure(REQUIRE_SUBJECT="true")
    refusals.check(practice.clinic.post("/Encounter", body), 422, "business-rule", SUBJECT)


@pytest.mark.parametrize("checks", ["none", "local"])
@pytest.mark.parametrize("subject", [LOGICAL, ELSEWHERE, care.reference(f"{BASE}/{care.HOMER}")])
def test_a_required_subject_must_be_checkable_if_references_are_checked(
    local: Practice, checks: str, subject: dict[str, Any]
) -> None:
    local.configure(REFERENCE_CHECKS=checks, REQUIRE_SUBJECT="true")
    can_be_checked = BASE in subject.get("reference", "")
    answer = local.clinic.post("/Encounter", care.visit(subject=subject))
    assert answer.status == (201 if can_be_checked or checks == "none" else 422), answer.text


def test_a_session_of_several_needs_no_subject_of_its_own(practice: Practice) -> None:
    practice.configure(REQUIRE_SUBJECT="true")
    clinic = practice.clinic
    session = made(clinic, without(care.session(), "subject"))
    for patient in (care.HOMER, LINDA):
        made(clinic, care.medical_encounter(session, patient))
    family = open_session(clinic, ("patient", care.HOMER), ("patient", LINDA))
    assert family.status == 201
    assert "subject" not in family.body
    made(clinic, care.session(subject=care.reference("Group/simpsons")))


def test_a_server_opened_session_needs_no_subject(practice: Practice) -> None:
    practice.configure(REQUIRE_SUBJECT="true", SESSION_POLICY="thread")
    header = made(practice.clinic, without(care.header(), "subject"))
    made(practice.clinic, without(care.message(header), "subject"))
    session = practice.session()
    assert "subject" not in session
    path = f"/Encounter/{session['id']}"
    assert practice.clinic.put(path, session | {"subject": {"display": "A caller"}}).status == 200
    assert practice.clinic.put(path, session | {"status": "finished"}).status == 200
