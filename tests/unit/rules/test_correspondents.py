"""The sender by header, staff and directory, as a table."""

from typing import Any

import pytest

from shared.rules import correspondents
from shared.rules.correspondents import Person, Sender

CONTACT = "+15551230001"
HOMER, BART, ALICE = "Patient/homer", "Patient/bart", "Practitioner/alice"
MOTHER = Person(
    {"RelatedPerson/1": BART, "RelatedPerson/2": "Patient/lisa"}, frozenset({"Patient/marge"})
)
UNKNOWN = {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"tel:{CONTACT}"}}
MATCH = "https://fhir.example.org/StructureDefinition/channel-match"


def ref(name: str) -> dict[str, Any]:
    return {"reference": name}


def person(name: str) -> Person:
    return Person({name: name})


def header(sender: Any, *recipients: Any, match: str = "") -> dict[str, Any]:
    said = {"extension": [{"url": MATCH, "valueReference": ref(match)}]} if match else {}
    return {"sender": sender, "recipient": [*recipients], **said}


BY_DIRECTORY = header(ref(HOMER), ref("Organization/clinic"))
BY_MATCH = header(ref(HOMER), match=HOMER)
BY_STAFF = header(ref(ALICE), ref(HOMER))
OF_TWO = header(ref(ALICE), ref(HOMER), ref(BART))
UNMATCHED = header(UNKNOWN)


@pytest.mark.parametrize(
    ("thread", "found", "known", "expected"),
    [
        # A new thread, or one that names nobody, is whose the directory says.
        ({}, [HOMER], [], Sender.OF_DIRECTORY),
        ({}, [], [], Sender.UNKNOWN),
        ({}, [HOMER, BART], [], Sender.UNKNOWN),
        (header(ref(ALICE), ref("Organization/clinic")), [HOMER], [], Sender.OF_DIRECTORY),
        # One that waits to be matched goes on waiting.
        (UNMATCHED, [], [], Sender.UNKNOWN),
        (UNMATCHED, [HOMER], [], Sender.UNKNOWN),
        # What the directory said must still be true.
        (BY_DIRECTORY, [HOMER], [HOMER], Sender.OF_THREAD),
        (BY_DIRECTORY, [BART], [HOMER], Sender.STRANGER),
        (BY_DIRECTORY, [], [HOMER], Sender.STRANGER),
        (BY_DIRECTORY, [HOMER, BART], [HOMER], Sender.STRANGER),
        (BY_DIRECTORY, [], [], Sender.STRANGER),
        # What staff have said holds, unless exactly one other person has the number.
        (BY_MATCH, [], [HOMER], Sender.OF_THREAD),
        (BY_MATCH, [HOMER, BART], [HOMER], Sender.OF_THREAD),
        (BY_MATCH, [HOMER], [HOMER], Sender.OF_THREAD),
        (BY_MATCH, [BART], [HOMER], Sender.STRANGER),
        (BY_MATCH, [], [], Sender.STRANGER),
        (BY_STAFF, [], [HOMER], Sender.OF_THREAD),
        (BY_STAFF, [BART], [HOMER], Sender.STRANGER),
        # A thread with several people is the one's who has the number.
        (OF_TWO, [HOMER], [HOMER, BART], Sender.OF_THREAD),
        (OF_TWO, [], [HOMER, BART], Sender.UNKNOWN),
        (OF_TWO, [HOMER, BART], [HOMER, BART], Sender.UNKNOWN),
        (OF_TWO, ["Patient/other"], [HOMER, BART], Sender.STRANGER),
    ],
)
def test_who_has_written(
    thread: dict[str, Any], found: list[str], known: list[str], expected: Sender
) -> None:
    by_name = {name: person(name) for name in known}
    sender = correspondents.sender(thread, CONTACT, [person(name) for name in found], by_name)
    assert sender is expected
    if expected is Sender.OF_THREAD:
        matched = correspondents.person_of(thread, [person(name) for name in found], by_name)
        assert matched == person(HOMER)


def test_records_of_one_person_are_one() -> None:
    thread = header(ref("Patient/marge"), match="Patient/marge")
    known = {"Patient/marge": person("Patient/marge")}
    assert correspondents.sender(thread, CONTACT, [MOTHER], known) is Sender.OF_THREAD


def test_a_message_is_from_the_record_of_its_patient() -> None:
    assert MOTHER.reference("Patient/lisa") == "RelatedPerson/2"
    assert MOTHER.reference(BART, usual="RelatedPerson/2") == "RelatedPerson/1"
    assert MOTHER.reference("", usual="RelatedPerson/2") == "RelatedPerson/2"
    assert MOTHER.reference("", usual="Patient/other") == "RelatedPerson/1"
    assert MOTHER.subjects == {BART, "Patient/lisa"}
