"""A mother's threads and sessions about two children, and who sees which of them."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.store import dynamodb
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.family import (
    ALICE,
    BART,
    LISA,
    MAGGIE,
    OF_BART,
    OF_LISA,
    as_mother,
    ended_period,
    link_records,
    open_session_for,
    participant_roles,
    session_patients,
    store_relative,
)
from tests.support.memory_database import CallHooks, Database
from tests.support.practice import Practice

pytestmark = pytest.mark.usefixtures("family")
MOTHER = as_mother()
AS_BART, AS_LISA = (ApiClient(role="patient", fhir_user=person) for person in (BART, LISA))
Resource = dict[str, Any]


def thread(caller: ApiClient, subject: str, sender: str = OF_BART, **more: Any) -> str:
    said = {"subject": care.reference(subject)} if subject else {"subject": None}
    header = care.header(sender=care.reference(sender), recipient=[ALICE], **said) | more
    header = {name: value for name, value in header.items() if value is not None}
    answer = caller.post("/Communication", header)
    assert answer.status == 201, answer.text
    return answer.id


def send_message(
    caller: ApiClient, header: str, about: str, sender: str = OF_BART, **more: Any
) -> Answer:
    named: Resource = {"subject": care.reference(about), "sender": care.reference(sender)}
    return caller.post("/Communication", care.message(header, **named, **more))


def ids(caller: ApiClient, query: str) -> set[str]:
    answer = caller.get(f"/{query}")
    assert answer.status == 200, answer.text
    return set(answer.ids)


def test_a_mother_writes_about_both_in_one_thread(thread_policy: Practice) -> None:
    header = thread(MOTHER, BART)
    first, second = (
        send_message(MOTHER, header, BART),
        send_message(MOTHER, header, LISA, sender=OF_LISA),
    )
    assert (first.status, second.status) == (201, 201)
    (session,) = thread_policy.sessions()
    answer = thread_policy.clinic.get(f"/Encounter/{session['id']}")
    whole = Answer(201, answer.headers, answer.text)
    assert session_patients(thread_policy.clinic, whole) == {BART, LISA}
    thread_policy.advance_to("2026-03-05 09:00")
    closed = thread_policy.clinic.get(f"/Encounter/{session['id']}")
    assert closed.body["status"] == "finished"
    assert participant_roles(closed) == {OF_BART: "PART", OF_LISA: "PART", care.ALICE: "ATND"}
    # She sees everything, Bart and Lisa only what is about them.
    messages = {first.id, second.id}
    assert ids(MOTHER, "Communication?part-of:missing=false") == messages
    assert ids(AS_BART, "Communication?part-of:missing=false") == messages
    assert ids(AS_LISA, "Communication?part-of:missing=false") == {second.id}
    assert AS_LISA.get(f"/Communication/{header}").status == 404
    for caller in (MOTHER, AS_BART, AS_LISA):
        assert caller.get(f"/Encounter/{session['id']}").status == 200


@pytest.mark.parametrize("sender", [OF_BART, OF_LISA])
def test_a_mother_may_write_about_her_own_patients_only(practice: Practice, sender: str) -> None:
    about_bart = thread(MOTHER, BART, sender=sender)
    for patient, status in ((BART, 201), (LISA, 201), (MAGGIE, 422), (care.HOMER, 422)):
        assert send_message(MOTHER, about_bart, patient, sender=sender).status == status
    # In a thread about somebody else in which she participates, the header determines the patient.
    others = thread(practice.clinic, MAGGIE, care.ALICE, recipient=[care.reference(sender)])
    assert send_message(MOTHER, others, MAGGIE, sender=sender).status == 201
    answer = send_message(MOTHER, others, BART, sender=sender)
    refusals.check(answer, 422, "business-rule", "Communication.subject")
    about_nobody = thread(practice.clinic, "", care.ALICE, recipient=[care.reference(sender)])
    for patient, status in ((BART, 201), (LISA, 201), (MAGGIE, 422)):
        assert send_message(MOTHER, about_nobody, patient, sender=sender).status == status


@pytest.mark.parametrize("sender", ["RelatedPerson/homer", BART, care.ALICE, "RelatedPerson/x"])
def test_a_mother_cannot_send_as_somebody_else(practice: Practice, sender: str) -> None:
    store_relative(practice.clinic, "RelatedPerson/homer", BART)
    header = thread(MOTHER, BART)
    answer = send_message(MOTHER, header, BART, sender=sender)
    refusals.check(answer, 403, "forbidden", "Communication.sender")
    begun = care.header(subject=care.reference(BART), sender=care.reference(sender))
    refusals.check(MOTHER.post("/Communication", begun), 403, "forbidden", "Communication.sender")


def test_a_relative_whose_records_are_no_longer_linked_sends_as_one_only(
    practice: Practice,
) -> None:
    header = thread(MOTHER, BART)
    said = send_message(MOTHER, header, LISA, sender=OF_LISA)
    assert said.status == 201
    retracted = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    link_records(practice.clinic, OF_BART)
    answer = send_message(MOTHER, header, BART, sender=OF_LISA)
    refusals.check(answer, 403, "forbidden", "Communication.sender")
    refused = MOTHER.patch(f"/Communication/{said.id}", retracted)
    assert refused.status == 403
    link_records(practice.clinic, OF_BART, OF_LISA)
    assert MOTHER.patch(f"/Communication/{said.id}", retracted).status == 200
    draft = send_message(MOTHER, header, BART, sender=OF_LISA, status="preparation")
    assert MOTHER.get(f"/Communication/{draft.id}").status == 200
    assert AS_BART.get(f"/Communication/{draft.id}").status == 404


def test_threads_of_a_patient_share_a_day_whichever_record_of_hers_sends(daily: Practice) -> None:
    daily.configure(SESSION_SCOPE="patient")
    one, two = thread(MOTHER, BART), thread(as_mother(OF_LISA), BART, sender=OF_LISA)
    other = thread(MOTHER, LISA, sender=OF_LISA)
    said = {
        send_message(MOTHER, one, BART).id,
        send_message(MOTHER, two, BART, sender=OF_LISA).id,
    }
    send_message(MOTHER, other, LISA, sender=OF_LISA)
    barts = daily.clinic.get(f"/Encounter?patient={BART}").resources
    assert len(barts) == 1
    assert set(daily.messages(barts[0])) == said
    assert len(daily.sessions()) == 2
    daily.advance_to("2026-03-04 01:00")
    closed = daily.clinic.get(f"/Encounter/{barts[0]['id']}")
    assert participant_roles(closed) == {OF_BART: "PART", OF_LISA: "PART", care.ALICE: "ATND"}


def test_a_family_session_shows_each_child_their_own(practice: Practice) -> None:
    clinic, mother = practice.clinic, care.reference(OF_BART)
    header = thread(clinic, "", care.ALICE, recipient=[mother, ALICE])
    session = open_session_for(MOTHER, OF_BART, thread=f"Communication/{header}")
    refusals.check(session, 403, "forbidden", "patient")
    session = open_session_for(clinic, OF_BART, thread=f"Communication/{header}")
    assert session_patients(clinic, session) == {BART, LISA}
    about = {person: send_message(MOTHER, header, person).id for person in (BART, LISA)}
    children = clinic.get(f"/Encounter?part-of=Encounter/{session.id}").resources
    own = {child["subject"]["reference"]: child["id"] for child in children}
    record = care.example("Observation", subject=care.reference(LISA))
    record |= {"encounter": care.reference(f"Encounter/{own[LISA]}")}
    temperature = clinic.post("/Observation", record).id
    everything = f"Encounter/{session.id}/$everything?_count=100"
    assert ids(MOTHER, everything) == {
        session.id,
        header,
        temperature,
        *about.values(),
        *own.values(),
    }
    assert ids(AS_LISA, everything) == {session.id, own[LISA], about[LISA], temperature}
    assert ids(AS_BART, everything) == {session.id, own[BART], about[BART]}
    assert ids(AS_BART, f"Observation?encounter=Encounter/{own[LISA]}") == set()
    store_relative(clinic, OF_LISA, LISA, **ended_period("2026-03-01"))
    assert ids(MOTHER, everything) == {session.id, header, own[BART], *about.values()}
    link_records(clinic, OF_BART)
    store_relative(clinic, OF_BART, BART, active=False)
    # She participates in the session and in the thread.
    assert ids(MOTHER, everything) == {session.id, header, *about.values()}


class Meanwhile(CallHooks):
    """A hook that runs something else before the first transaction of a request."""

    def __init__(self, other: Callable[[], object]) -> None:
        self.other: Callable[[], object] | None = other

    def before(self, call: str) -> None:
        other = self.other
        if call == "TransactWriteItems" and other:
            self.other = None
            other()


def meanwhile(other: Callable[[], object]) -> None:
    database = dynamodb.client()
    assert isinstance(database, Database)
    database.hooks = Meanwhile(other)


def test_a_link_that_ends_meanwhile_ends_at_once(practice: Practice) -> None:
    meanwhile(lambda: store_relative(practice.clinic, OF_BART, BART, **ended_period("2026-03-01")))
    assert session_patients(practice.clinic, open_session_for(MOTHER, OF_BART)) == {LISA}
    refusals.check(open_session_for(MOTHER, BART), 403, "forbidden", "patient")


def test_only_one_of_two_sessions_opened_at_once_for_a_thread_succeeds(practice: Practice) -> None:
    header = thread(MOTHER, BART)
    asked = {"thread": f"Communication/{header}"}
    other: list[Answer] = []
    meanwhile(lambda: other.append(open_session_for(practice.clinic, OF_LISA, **asked)))
    refusals.check(open_session_for(MOTHER, OF_BART, **asked), 422, "business-rule", "thread")
    assert [session_patients(practice.clinic, session) for session in other] == [{BART, LISA}]
    assert len(practice.sessions()) == 1


def test_a_bundle_of_a_relative_may_do_what_single_requests_may(practice: Practice) -> None:
    seen = practice.clinic.post(
        "/Observation", care.example("Observation", subject=care.reference(LISA))
    ).id
    header = care.header(
        subject=care.reference(LISA), sender=care.reference(OF_LISA), recipient=[ALICE]
    )
    entries = [
        {"request": {"method": "GET", "url": f"Observation/{seen}"}},
        {"request": {"method": "POST", "url": "Communication"}, "resource": header},
    ]
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
        answers = [
            entry["response"]["status"][:3] for entry in MOTHER.post("/", bundle).body["entry"]
        ]
        assert answers == ["200", "201"]
    store_relative(practice.clinic, OF_LISA, LISA, **ended_period("2026-03-01"))
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answers = [entry["response"]["status"][:3] for entry in MOTHER.post("/", bundle).body["entry"]]
    assert answers == ["404", "403"]
    whole = {"resourceType": "Bundle", "type": "transaction", "entry": entries[1:]}
    assert MOTHER.post("/", whole).status == 403


def test_requests_of_others_read_no_links(practice: Practice) -> None:
    database = dynamodb.client()
    assert isinstance(database, Database)
    calls = {}
    callers = {
        "practitioner": practice.clinic,
        "patient": AS_BART,
        "stranger": as_mother("RelatedPerson/kirk", patient="bart-simpson"),
        "mother": MOTHER,
    }
    for name, caller in callers.items():
        before = database.made
        assert caller.get(f"/{BART}").status == 200
        calls[name] = database.made - before
    assert calls == {"practitioner": 1, "patient": 1, "stranger": 2, "mother": 5}
