"""Which elements patients and relatives may write, whom they may address, and how often."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.access.identity_elements import IDENTIFIERS
from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import STORED_TYPES
from shared.fhir.validation import schema
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.bundles import bundle, entry
from tests.support.consistency import stored_items
from tests.support.family import as_mother, store_relative
from tests.support.plain_client import V1
from tests.support.practice import Practice, instant_text, local

HOMER = ApiClient("patient", care.HOMER)
BRIDGE = ApiClient("admin", "", {"client_id": "bridge", "sub": "bridge"})
BART, LISA, STRANGER = "Patient/bart", "Patient/lisa", "Patient/stranger"
CHAT = {"system": "https://chat.example.org", "value": "thread-7"}
NAMED = "identifier=https://chat.example.org|thread-7"
type Resource = dict[str, Any]


@pytest.fixture(autouse=True)
def _practice(practice: Practice) -> None:
    """Keep all tables in memory."""


def thread_of(person: str = care.HOMER, **more: Any) -> Resource:
    subject = {"subject": care.reference(person), "sender": care.reference(person)}
    return care.header(**{**subject, "recipient": [care.reference(care.ALICE)], **more})


def session(**more: Any) -> Resource:
    status = {"resourceType": "Encounter", "status": "in-progress"}
    return {**status, "class": {"system": care.ACT_CODE, "code": "VR"}, **more}


def open_with_encounter(
    caller: ApiClient, thread: str, encounter: Resource | None = None, **named: Any
) -> Answer:
    pairs: list[tuple[str, Any]] = [("thread", f"Communication/{thread}"), *named.items()]
    if encounter:
        pairs.append(("encounter", encounter))
    return caller.post("/Encounter/$open-session", care.parameters(*pairs))


# ---- Identifiers


def posted(resource: Resource) -> Answer:
    return HOMER.post("/Communication", resource)


def posted_conditionally(resource: Resource) -> Answer:
    return HOMER.call("POST", "/Communication", resource, if_none_exist="_tag=a|b")


def in_a_transaction(resource: Resource) -> Answer:
    return HOMER.post("/", bundle("transaction", entry("POST", "Communication", resource)))


def in_a_batch(resource: Resource) -> Answer:
    answer = HOMER.post("/", bundle("batch", entry("POST", "Communication", resource)))
    response = answer.body["entry"][0]["response"]
    return Answer(int(response["status"][:3]), answer.headers, json.dumps(response["outcome"]))


PATHS = [posted, posted_conditionally, in_a_transaction, in_a_batch]
CONTAINED: Resource = {
    "resourceType": "ServiceRequest",
    "id": "asked",
    "status": "active",
    "intent": "order",
    "subject": care.reference(care.HOMER),
}
PLANTED: list[tuple[Resource, str]] = [
    ({"identifier": [CHAT]}, "identifier"),
    ({"basedOn": [{"identifier": CHAT}]}, "basedOn[0].identifier"),
    ({"about": [{"reference": "Condition/1", "identifier": CHAT}]}, "about[0].identifier"),
    (
        {"contained": [CONTAINED | {"identifier": [CHAT]}], "basedOn": [care.reference("#asked")]},
        "contained[0].identifier",
    ),
    (
        {"contained": [CONTAINED | {"requisition": CHAT}], "basedOn": [care.reference("#asked")]},
        "contained[0].requisition",
    ),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("planted", "element"), PLANTED)
def test_a_patient_cannot_set_any_searchable_identifier(
    path: Callable[[Resource], Answer], planted: Resource, element: str
) -> None:
    before = stored_items()
    refused = path(thread_of(**planted))
    assert refused.status == 403, refused.text
    assert any(expression.endswith(f".{element}") for expression in refused.expressions)
    assert stored_items() == before


def test_a_related_person_cannot_set_an_identifier_either(clinic: ApiClient) -> None:
    store_relative(clinic, "RelatedPerson/marge", BART)
    marge = as_mother("RelatedPerson/marge")
    sender: Resource = {
        "subject": care.reference(BART),
        "sender": care.reference("RelatedPerson/marge"),
    }
    thread = marge.post("/Communication", thread_of(**sender)).id
    say = care.message(thread, **sender, identifier=[CHAT])
    refusals.check(marge.post("/Communication", say), 403, "forbidden", "Communication.identifier")


@pytest.mark.parametrize(
    "change",
    [
        {"op": "add", "path": "/identifier", "value": [CHAT]},
        {"op": "replace", "path": "/identifier/0/value", "value": "thread-8"},
        {"op": "remove", "path": "/identifier"},
    ],
)
def test_a_patient_cannot_change_an_identifier_set_by_staff(
    clinic: ApiClient, change: Resource
) -> None:
    thread = clinic.post("/Communication", thread_of(recipient=[care.reference(care.HOMER)])).id
    message = care.message(
        thread,
        identifier=[CHAT | {"value": "message-1"}],
        sender=care.reference(care.ALICE),
        recipient=[care.reference(care.HOMER)],
    )
    addressed = clinic.post("/Communication", message).id
    for own_id in (thread, addressed):
        refused = HOMER.patch(f"/Communication/{own_id}", [change])
        assert refused.status in (400, 403), refused.text
    merged = HOMER.call(
        "PATCH",
        f"/Communication/{addressed}",
        {"status": "completed", "identifier": None},
        content_type="application/merge-patch+json",
    )
    refusals.check(merged, 403, "forbidden", "Communication.identifier")


def test_every_element_searched_as_an_identifier_is_protected() -> None:
    found = {
        param.expression.rpartition(".")[2]
        for resource_type in STORED_TYPES
        for param in SEARCH_PARAMS.of(resource_type).values()
        for part in param.expression.split(" | ")
        if (element := schema.type_named(resource_type).elements.get(part.rpartition(".")[2]))
        and element.type == "Identifier"
    }
    assert found <= IDENTIFIERS


def test_a_conditional_create_can_ignore_what_a_patient_planted(
    clinic: ApiClient, practice: Practice
) -> None:
    """With `ConditionMatches=staff`, conditions of staff do not match what a patient created."""
    tag: Resource = {"meta": {"tag": [{"system": "https://chat.example.org", "code": "7"}]}}
    query = "_tag=https://chat.example.org|7"
    planted = posted(thread_of(**tag)).id
    bobs = thread_of("Patient/bob", **tag)
    created = BRIDGE.post("/Communication", bobs, if_none_exist=query)
    assert (created.status, created.id) == (200, planted)
    practice.configure(CONDITION_MATCHES="staff")
    created = BRIDGE.post("/Communication", bobs, if_none_exist=query)
    assert created.status == 201
    again = BRIDGE.post("/Communication", bobs, if_none_exist=query)
    assert (again.status, again.id) == (200, created.id)
    say = care.message("x", partOf=[care.reference(f"Communication?{query}")])
    assert BRIDGE.post("/Communication", say).body["partOf"] == [
        care.reference(f"Communication/{created.id}")
    ]
    # A patient's conditions match their own resources, even if staff have changed them since.
    clinic.patch(f"/Communication/{planted}", [{"op": "add", "path": "/priority", "value": "stat"}])
    assert BRIDGE.post("/Communication", bobs, if_none_exist=query).id == created.id
    mine = HOMER.post("/Communication", thread_of(**tag), if_none_exist=query)
    assert (mine.status, mine.id) == (200, planted)


def test_a_session_opened_by_a_patient_counts_as_created_by_a_patient(
    practice: Practice,
) -> None:
    opened_by_homer = open_with_encounter(HOMER, posted(thread_of()).id)
    assert opened_by_homer.status == 201, opened_by_homer.text
    query = "subject=Patient/homer-simpson"
    answer = BRIDGE.post("/Encounter", care.session(), if_none_exist=query)
    assert (answer.status, answer.id) == (200, opened_by_homer.id)
    practice.configure(CONDITION_MATCHES="staff")
    assert BRIDGE.post("/Encounter", care.session(), if_none_exist=query).status == 201


# ---- The Encounter of $open-session


def test_a_patient_may_set_few_elements_of_a_session() -> None:
    given = session(
        type=[{"text": "Follow-up"}],
        serviceType={"text": "Dermatology"},
        reasonCode=[{"text": "A rash"}],
        period={"start": instant_text(local("2026-03-02 08:00"))},
        subject={"reference": care.HOMER, "display": "Dr Alice Smith"},
    )
    answer = open_with_encounter(HOMER, posted(thread_of()).id, given)
    assert answer.status == 201, answer.text
    assert answer.body["subject"] == care.reference(care.HOMER)
    assert answer.body["reasonCode"] == given["reasonCode"]
    assert answer.body["period"] == given["period"]


@pytest.mark.parametrize(
    "more",
    [
        {"identifier": [CHAT]},
        {"participant": [{"individual": care.reference(care.ALICE)}]},
        {"period": {"end": "2026-03-02T08:00:00Z"}},
        {"diagnosis": [{"condition": care.reference("Condition/1")}]},
        {"account": [care.reference("Account/1")]},
        {"hospitalization": {"preAdmissionIdentifier": CHAT}},
        {"statusHistory": [{"status": "planned", "period": {"start": "2019-01-01"}}]},
        {"extension": [{"url": "https://example.org/x", "valueString": "x"}]},
        {"meta": {"tag": [{"code": "x"}]}},
        {"length": {"value": 1, "unit": "min"}},
        {"episodeOfCare": [care.reference("EpisodeOfCare/1")]},
        {"serviceProvider": care.reference("Organization/1")},
        {
            "text": {
                "status": "additional",
                "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
            }
        },
    ],
)
def test_a_patient_cannot_set_the_other_elements_of_a_session(more: Resource) -> None:
    thread = posted(thread_of()).id
    (name, value), before = *more.items(), stored_items()
    element = "period.end" if name == "period" else name
    refused = open_with_encounter(HOMER, thread, session(**more))
    refusals.check(refused, 403, "forbidden", f"Encounter.{element}")
    assert stored_items() == before
    assert value


@pytest.mark.parametrize(
    "start", ["2019-01-01T10:00:00Z", "2026-02-28", "2026", "2026-03-01T07:00:00Z"]
)
def test_a_patients_session_cannot_begin_before_the_accepted_time(start: str) -> None:
    refused = open_with_encounter(HOMER, posted(thread_of()).id, session(period={"start": start}))
    refusals.check(refused, 422, "business-rule", "Encounter.period.start")


@pytest.mark.parametrize("name", ["participant", "practitioner"])
def test_a_patient_cannot_add_strangers_to_a_session(name: str) -> None:
    thread = posted(thread_of()).id
    if name == "participant":
        stranger: Resource = {name: "RelatedPerson/stranger"}
        refused = open_with_encounter(HOMER, thread, **stranger)
        refusals.check(refused, 403, "forbidden", "participant.reference")
    clinician: Resource = {name: care.ALICE}
    assert open_with_encounter(HOMER, thread, **clinician).status == 201


# ---- Addressees


@pytest.fixture
def family(clinic: ApiClient) -> ApiClient:
    store_relative(clinic, "RelatedPerson/marge", care.HOMER)
    store_relative(clinic, "RelatedPerson/old", care.HOMER, active=False)
    store_relative(clinic, "RelatedPerson/over", care.HOMER, period={"end": "2020-01-01"})
    for own_id in ("stranger", "homer-simpson"):
        clinic.put(f"/Patient/{own_id}", care.example("Patient", id=own_id))
    for own_id, subject in (("ours", care.HOMER), ("theirs", STRANGER)):
        team = care.example("CareTeam", id=own_id, subject=care.reference(subject))
        assert clinic.put(f"/CareTeam/{own_id}", team | {"participant": []}).status == 201
    return clinic


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(
    "recipient",
    [
        care.ALICE,
        "Practitioner/nobody-here",
        "PractitionerRole/1",
        "Organization/1",
        care.HOMER,
        "https://fhir.example.org/fhir/R4/Patient/homer-simpson",
        "RelatedPerson/marge",
        "CareTeam/ours",
    ],
)
def test_a_patient_may_address_staff_themselves_and_their_own_people(recipient: str) -> None:
    answer = posted(thread_of(recipient=[care.reference(recipient)]))
    assert answer.status == 201, answer.text


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(
    "recipient",
    [
        {"reference": STRANGER},
        {"reference": "Patient/nobody"},
        {"reference": "RelatedPerson/nobody"},
        {"reference": "RelatedPerson/old"},
        {"reference": "RelatedPerson/over"},
        {"reference": "CareTeam/theirs"},
        {"reference": "CareTeam/nobody"},
        {"reference": "Group/1"},
        {"reference": "Device/1"},
        {"reference": "https://elsewhere.example.org/Practitioner/1"},
        {"display": "Dr Alice Smith"},
        {"identifier": CHAT},
    ],
)
def test_a_patient_cannot_address_anybody_else(recipient: Resource) -> None:
    before = stored_items()
    for path in PATHS:
        refused = path(thread_of(recipient=[care.reference(care.ALICE), recipient]))
        assert refused.status == 403, refused.text
        assert all(".recipient[1]." in expression for expression in refused.expressions)
    assert stored_items() == before


@pytest.mark.usefixtures("family")
def test_the_refusal_does_not_reveal_whether_a_person_exists() -> None:
    there = posted(thread_of(recipient=[care.reference(STRANGER)]))
    missing = posted(thread_of(recipient=[care.reference("Patient/nobody00")]))
    assert there.text.replace("stranger", "nobody00") == missing.text


def test_everybody_in_a_thread_may_be_addressed_there(family: ApiClient) -> None:
    who = [care.reference(person) for person in (care.HOMER, STRANGER, "Group/1")]
    thread = family.post("/Communication", care.header(recipient=who)).id
    message = care.message(thread, recipient=who[1:])
    assert posted(message).status == 201
    refused = posted(care.message(thread, recipient=[care.reference("Patient/nobody")]))
    refusals.check(refused, 403, "forbidden", "Communication.recipient[0].reference")


ABROAD = "https://ehr.example.org/fhir/Patient/bart"


def test_a_message_about_another_servers_patient_is_not_sent_to_them(clinic: ApiClient) -> None:
    victim = ApiClient("patient", ABROAD)
    thread = posted(thread_of()).id
    for path in PATHS:
        message = care.message(thread, subject=care.reference(ABROAD))
        refused = path(message)
        assert refused.status == 422, refused.text
    assert victim.get("/Communication").ids == []
    own = care.reference(ABROAD)
    about_them = thread_of(ABROAD) | {"subject": own, "recipient": [own]}
    theirs = victim.post("/Communication", about_them)
    assert theirs.status == 201, theirs.text
    message = care.message(theirs.id, subject=own, sender=own)
    assert victim.post("/Communication", message).status == 201
    assert clinic.get(f"/Communication?part-of=Communication/{theirs.id}").resources


@pytest.mark.usefixtures("family")
def test_plain_json_addresses_as_fhir_does() -> None:
    written = {"patientId": "homer-simpson", "senderId": care.HOMER, "topic": "A rash"}
    for recipient, status in ((care.ALICE, 201), (STRANGER, 403)):
        body = written | {"recipientIds": [recipient]}
        answer = HOMER.call("POST", f"{V1}/threads", body, content_type="application/json")
        assert answer.status == status, answer.text
    named = written | {"identifiers": [CHAT]}
    refused = HOMER.call("POST", f"{V1}/threads", named, content_type="application/json")
    assert refused.status == 403, refused.text
    assert "identifier" in refused.text


def test_display_names_written_by_a_patient_are_dropped(family: ApiClient) -> None:
    def called(reference: str) -> Resource:
        return {"reference": reference, "display": "Dr Alice Smith", "identifier": CHAT}

    named: Resource = {
        "subject": called(care.HOMER) | {"type": "Patient"},
        "sender": called(care.HOMER),
        "recipient": [called(care.ALICE)],
    }
    thread = posted(thread_of(**named))
    said = posted(care.message(thread.id, **named))
    for answer in (thread, said):
        assert answer.body["sender"] == answer.body["subject"] == care.reference(care.HOMER)
        assert answer.body["recipient"] == [care.reference(care.ALICE)]
    by_staff = family.post("/Communication", care.message(thread.id, **named))
    assert by_staff.body["sender"] == named["sender"]


# ---- Leaving


def leaving_patch(thread: str, *kept: Resource) -> list[Resource]:
    assert thread
    return [{"op": "replace", "path": "/recipient", "value": [*kept]}]


def test_a_patient_leaves_a_thread(clinic: ApiClient) -> None:
    alice, homer = care.reference(care.ALICE), care.reference(care.HOMER)
    others = {"subject": care.reference(BART), "sender": alice}
    thread = clinic.post("/Communication", care.header(**others, recipient=[alice, homer])).id
    url = f"/Communication/{thread}"
    for kept in ([], [care.reference(STRANGER)], [homer], [alice, homer, care.reference(BART)]):
        refused = HOMER.patch(url, leaving_patch(thread, *kept))
        refusals.check(refused, 403, "forbidden", "Communication.recipient")
    both = [
        *leaving_patch(thread, alice),
        {"op": "replace", "path": "/status", "value": "completed"},
    ]
    refusals.check(HOMER.patch(url, both), 403, "forbidden", "Communication.status")
    assert HOMER.patch(url, leaving_patch(thread, alice)).status == 200
    assert HOMER.get(url).status == 404
    assert clinic.get(url).body["recipient"] == [alice]


def test_the_only_recipient_may_leave_too(clinic: ApiClient) -> None:
    others = {"subject": care.reference(BART), "sender": care.reference(care.ALICE)}
    thread = clinic.post(
        "/Communication", care.header(**others, recipient=[care.reference(care.HOMER)])
    ).id
    change = [{"op": "remove", "path": "/recipient/0"}]
    assert HOMER.patch(f"/Communication/{thread}", change).status == 200
    assert "recipient" not in clinic.get(f"/Communication/{thread}").body
    assert HOMER.get("/Communication?part-of:missing=true").ids == []


# ---- Limit of new threads


def test_a_patient_may_begin_a_limited_number_of_threads_a_day(practice: Practice) -> None:
    practice.configure(PATIENT_THREADS_PER_DAY="3")
    threads = [posted(thread_of()) for _ in range(2)]
    assert [thread.status for thread in threads] == [201, 201]
    two = [entry("POST", "Communication", thread_of()) for _ in range(2)]
    before = stored_items()
    assert HOMER.post("/", bundle("transaction", *two)).status == 429
    assert stored_items() == before
    assert posted(thread_of()).status == 201
    refused = posted(thread_of())
    refusals.check(refused, 429, "throttled", "Communication")
    # 09:00 in Berlin: the day ends in fifteen hours.
    assert refused.headers["Retry-After"] == str(15 * 3600)
    assert in_a_batch(thread_of()).status == 429
    # Existing threads and other patients are not affected.
    assert posted(care.message(threads[0].id)).status == 201
    bart = ApiClient("patient", BART)
    assert bart.post("/Communication", thread_of(BART)).status == 201
    assert practice.clinic.post("/Communication", thread_of()).status == 201
    practice.now = local("2026-03-03 00:00")
    assert posted(thread_of()).status == 201


def test_a_thread_that_is_refused_or_only_validated_is_not_counted(practice: Practice) -> None:
    practice.configure(PATIENT_THREADS_PER_DAY="1")
    for _ in range(3):
        assert posted(thread_of(recipient=[care.reference(STRANGER)])).status == 403
        assert HOMER.post("/Communication/$validate?mode=create", thread_of()).status == 200
    assert posted(thread_of()).status == 201
    assert posted(thread_of()).status == 429
    practice.configure(PATIENT_THREADS_PER_DAY="0")
    assert posted(thread_of()).status == 201
