"""A mother's text message about two children, from the SMS gateway to both charts, over HTTP.

Every step uses FHIR and the plain JSON API, with tokens of the roles concerned.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.local import pool
from shared.local.client import client
from shared.local.emulator import Emulator
from shared.local.stack import outputs
from tests.explorer.browsing import Visitor
from tests.support import care

type Json = dict[str, Any]
ALICE = care.reference(care.ALICE)
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass(frozen=True)
class Family:
    """A mother and her children in the directory, and the phone number that she writes from."""

    fhir: httpx.Client
    plain: httpx.Client
    phone: str
    mother: str
    children: tuple[str, str]

    def post(self, resource: Json) -> httpx.Response:
        return self.fhir.post(f"/{resource['resourceType']}", json=resource)

    def make(self, kind: str, **content: Any) -> str:
        answer = self.post({"resourceType": kind, **content})
        assert answer.status_code == 201, answer.text
        return f"{kind}/{answer.json()['id']}"

    def found(self, query: str) -> list[Json]:
        answer = self.fhir.get(f"/{query}")
        assert answer.status_code == 200, answer.text
        return [entry["resource"] for entry in answer.json().get("entry", ())]

    def names(self, query: str) -> set[str]:
        return {f"{resource['resourceType']}/{resource['id']}" for resource in self.found(query)}

    def listed(self, query: str) -> list[Json]:
        answer = self.plain.get(query)
        assert answer.status_code == 200, answer.text
        data: list[Json] = answer.json()["data"]
        return data

    def read(self, path: str) -> Json:
        answer = self.plain.get(path)
        assert answer.status_code == 200, answer.text
        data: Json = answer.json()["data"]
        return data


@pytest.fixture(scope="module")
def family(service: Mapping[str, str]) -> Iterator[Family]:
    base, token = service["FHIR_BASE"], service["TOKEN_PRACTITIONER"]
    with client(base, token) as fhir, client(plain_base(base), token) as plain:
        phone = f"+1{uuid4().int % 10**10:010}"
        at = Family(fhir, plain, phone, "", ("", ""))
        bart, lisa = (
            at.make("Patient", name=[{"family": "Simpson", "given": [name]}])
            for name in ("Bart", "Lisa")
        )
        telecom = [{"system": "phone", "value": phone}]
        mother, second = (
            at.make("RelatedPerson", patient=care.reference(child), **more)
            for child, more in ((bart, {"telecom": telecom}), (lisa, {}))
        )
        links = [
            {"other": care.reference(person), "type": "seealso"} for person in (mother, second)
        ]
        at.make("Patient", name=[{"family": "Simpson", "given": ["Marge"]}], link=links)
        yield Family(fhir, plain, phone, mother, (bart, lisa))


def plain_base(fhir_base: str) -> str:
    return fhir_base.removesuffix("/fhir/R4") + "/v1"


def hers(family: Family, service: Mapping[str, str]) -> httpx.Client:
    """Sign the mother in, which the operator of the emulator's user pool can do."""
    port = httpx.URL(service["FHIR_BASE"]).port
    if "CLIENT_ID" not in service or port is None or "127.0.0.1" not in service["FHIR_BASE"]:
        pytest.skip("only the emulator's user pool issues tokens for any user")
    running = Emulator(port)
    user = pool.User("related-person", family.mother)
    cognito = running.client("cognito-idp")
    return client(service["FHIR_BASE"], pool.access_token(cognito, outputs(running), user))


def inbound(family: Family, text: str, phone: str = "", **more: Any) -> Json:
    """Return what an SMS gateway posts, which knows only a phone number."""
    by_phone = care.reference(f"RelatedPerson?phone={phone or family.phone}")
    return {
        "resourceType": "Communication",
        "status": "in-progress",
        "sender": by_phone,
        "recipient": [ALICE],
        "payload": [{"contentString": text}],
        **more,
    }


def test_a_text_message_about_two_children_becomes_a_visit_in_both_charts(
    family: Family, service: Mapping[str, str], visitor: Visitor
) -> None:
    bart, lisa = family.children
    # The message arrives. The directory knows whose number it is.
    thread = family.make(**_kind(inbound(family, "Both have a rash", topic={"text": "SMS"})))
    header = family.fhir.get(f"/{thread}").json()
    assert header["sender"] == care.reference(family.mother)
    message = family.make(**_kind(inbound(family, "Since Monday", partOf=[care.reference(thread)])))
    # One session for both children, which the service finds through their RelatedPersons.
    opened = family.fhir.post(
        "/Encounter/$open-session",
        json=care.parameters(
            ("patient", family.mother), ("thread", thread), ("practitioner", care.ALICE)
        ),
    )
    assert opened.status_code == 201, opened.text
    session = f"Encounter/{opened.json()['id']}"
    assert "subject" not in opened.json()
    taking_part = {entry["individual"]["reference"] for entry in opened.json()["participant"]}
    assert taking_part == {care.ALICE, family.mother}
    parts = {
        entry["subject"]["reference"]: f"Encounter/{entry['id']}"
        for entry in family.found(f"Encounter?part-of={session}")
    }
    assert parts.keys() == {bart, lisa}
    assert family.names(f"Communication?session={session}") == {message}
    # Records are added during each child's part, half of them by an application without FHIR.
    recorded = {child: record(family, child, parts[child]) for child in family.children}
    for child in family.children:
        records = recorded[child]
        observations = {entry for entry in records if entry.startswith("Observation/")}
        assert family.names(f"Observation?patient={child}") == observations
        assert family.names(f"Encounter?patient={child}") == {parts[child]}
        assert family.names(f"{parts[child]}/$everything") == {parts[child], *records}
        patient_id = child.partition("/")[2]
        for collection, kind in (("observations", "Observation"), ("notes", "DocumentReference")):
            listed = {
                f"{kind}/{entry['id']}"
                for entry in family.listed(f"/{collection}?patientId={patient_id}")
            }
            assert listed == {entry for entry in records if entry.startswith(f"{kind}/")}
        (visit,) = family.listed(f"/encounters?patientId={patient_id}")
        assert f"Encounter/{visit['id']}" == parts[child]
        assert (visit["patientId"], visit["partOfId"]) == (patient_id, session[10:])
    everything = family.names(f"{session}/$everything?_count=100")
    assert (
        everything == {session, *parts.values(), thread, message} | recorded[bart] | recorded[lisa]
    )
    check_mothers_view(family, service, everything)
    check_explorer(visitor, service, session)
    check_closing(family, session, parts, message)


def test_a_message_from_an_unknown_or_ambiguous_number_is_refused(
    family: Family,
) -> None:
    shared = f"+2{family.phone[2:]}"
    for child in family.children:
        telecom = [{"system": "sms", "value": shared}, {"system": "phone", "value": shared}]
        family.make("RelatedPerson", patient=care.reference(child), telecom=telecom)
    for phone in (shared, f"+3{family.phone[2:]}"):
        mark = {"system": "https://twilio.com", "value": f"SM{phone}"}
        refused = family.post(inbound(family, "Hello", phone, identifier=[mark]))
        assert refused.status_code == 422, refused.text
        (issue,) = refused.json()["issue"]
        assert issue["expression"] == ["Communication.sender.reference"]
        assert family.names(f"Communication?identifier=https://twilio.com|SM{phone}") == set()


def _kind(resource: Json) -> Json:
    return {"kind" if name == "resourceType" else name: value for name, value in resource.items()}


def record(family: Family, child: str, during: str) -> set[str]:
    """Add records during a child's part, in FHIR and through the plain JSON API."""
    subject, encounter = care.reference(child), care.reference(during)
    about = {"subject": subject, "encounter": encounter}
    condition = family.make("Condition", code={"text": "Rash"}, **about)
    temperature = {"status": "final", "code": {"text": "Body temperature"}, "valueString": "37"}
    records = {condition, family.make("Observation", **temperature, **about)}
    diagnosis = [{"condition": care.reference(condition)}]
    answer = family.fhir.patch(f"/{during}", json={"diagnosis": diagnosis}, headers=MERGE)
    assert answer.status_code == 200, answer.text
    references = {"patientId": child.partition("/")[2], "encounterId": during.partition("/")[2]}
    observation = {"status": "final", "code": "Itching", "valueString": "much", **references}
    note = {"title": "Note", "content": "No fever; a photo was sent.", **references}
    for collection, kind, body in (
        ("observations", "Observation", observation),
        ("notes", "DocumentReference", note),
    ):
        posted = family.plain.post(f"/{collection}", json=body)
        assert posted.status_code == 201, posted.text
        data = posted.json()["data"]
        assert data.items() >= body.items() - {("code", "Itching")}
        records.add(f"{kind}/{data['id']}")
    return records


def check_mothers_view(family: Family, service: Mapping[str, str], everything: set[str]) -> None:
    """Check that the mother sees her children's charts and no others."""
    with hers(family, service) as mother:
        for reference in everything:
            assert mother.get(f"/{reference}").status_code == 200, reference
        stranger = family.make("Patient", name=[{"family": "Van Houten"}])
        other_observation = family.make(
            "Observation", status="final", code={"text": "x"}, subject=care.reference(stranger)
        )
        assert mother.get(f"/{other_observation}").status_code == 404
        assert mother.get(f"/{stranger}").status_code == 404


def check_explorer(visitor: Visitor, service: Mapping[str, str], session: str) -> None:
    """Check that the explorer shows each child's part with its records, and the messages."""
    visitor.sign_in(service["TOKEN_PRACTITIONER"])
    visitor.goes_to(f"session/{session[10:]}")
    visitor.sees("Several patients")
    visitor.sees("Since Monday")
    for number, child in enumerate(("Bart Simpson", "Lisa Simpson")):
        part = visitor.main().locator(".tree > li").nth(number)
        head, *records = part.locator("summary").all_inner_texts()
        assert head == f"Encounter {child} Rash · in-progress"
        assert sorted(record.split(" · ")[0] for record in records) == [
            "Condition Rash",
            "DocumentReference Note No fever; a photo was sent.",
            "Observation Body temperature 37",
            "Observation Itching much",
        ]


def check_closing(
    family: Family, session: str, parts: Mapping[str, str], message_reference: str
) -> None:
    """Check that closing ends the session and each child's part, in both APIs."""
    answer = family.fhir.post(f"/{session}/$close-session", json=care.parameters())
    assert answer.status_code == 200, answer.text
    for reference in (session, *parts.values()):
        assert family.fhir.get(f"/{reference}").json()["status"] == "finished"
        plain = family.read(f"/encounters/{reference[10:]}")
        assert plain["status"] == "finished"
    (message,) = family.listed(f"/messages?encounterId={session[10:]}")
    assert (message["id"], message["senderId"]) == (message_reference[14:], family.mother)
    (header,) = family.listed(f"/threads?encounterId={session[10:]}")
    assert header["encounterId"] == session[10:]
    with_both = family.read(f"/encounters/{session[10:]}")
    assert "patientId" not in with_both
    assert with_both["class"] == "VR"
    assert with_both["practitionerId"] == care.ALICE[13:]
    assert with_both["relatedPersonId"] == family.mother[14:]
