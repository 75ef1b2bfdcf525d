"""The patients and participants of a session; rows as in the table People of sessions.md."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalog.code_systems import ENCOUNTER_TYPE
from shared.catalog.policies import DAILY
from shared.errors import BusinessRule
from shared.rules import filled_elements, new_session, people, splitting
from shared.rules.policies import Policy
from shared.rules.state import Figures, SlotKey

type Resource = dict[str, Any]

NINE = "2026-03-02T09:00:00.000Z"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALICE, ROLE = "Practitioner/alice", "PractitionerRole/alice-at-hill"
MARGE, HOMER, BART, LISA = "RelatedPerson/marge", "Patient/homer", "Patient/bart", "Patient/lisa"
ELSEWHERE = "https://elsewhere.example.org/fhir/Patient/ned"
GROUP = "Group/simpsons"


def about(reference: str = "", **elements: Any) -> Resource:
    return ({"subject": {"reference": reference}} if reference else {}) | elements


def from_(sender: str, *recipients: str) -> Resource:
    to = [{"reference": recipient} for recipient in recipients]
    return {"sender": {"reference": sender}, "recipient": to}


# -- patients of a session


@pytest.mark.parametrize(
    ("header", "message", "subjects"),
    [
        pytest.param(about(HOMER), about(), [HOMER], id="the header's"),
        pytest.param(about(), about(HOMER), [HOMER], id="the message's"),
        pytest.param(about(HOMER), about(HOMER), [HOMER], id="distinct"),
        pytest.param(about(HOMER), about(BART), [HOMER, BART], id="several, the header's first"),
        pytest.param(
            from_(HOMER, BART), from_(LISA, BART), [], id="never of recipients or senders: none"
        ),
        pytest.param(about(), about(), [], id="none: no subject"),
        pytest.param(about(GROUP), about(), [GROUP], id="a Group: copied"),
        pytest.param(about(GROUP), about(BART), [BART], id="a Group and a patient: the patient"),
        pytest.param(about(), about(GROUP), [], id="a Group of the message: none"),
        pytest.param(about(ELSEWHERE), about(), [], id="a patient elsewhere: none"),
    ],
)
def test_whom_a_session_is_about(header: Resource, message: Resource, subjects: list[str]) -> None:
    expected = [{"reference": subject} for subject in subjects]
    assert people.subjects(header, message) == expected
    session = new_session.session("s", header, message, NINE, ENCOUNTER_TYPE)
    assert session.get("subject") == (expected[0] if len(expected) == 1 else None)


def test_a_patient_of_several_has_a_medical_encounter() -> None:
    child = new_session.medical_encounter("e", "s", about(BART)["subject"], NINE, ENCOUNTER_TYPE)
    assert child["partOf"] == {"reference": "Encounter/s"}
    assert (child["subject"]["reference"], child["period"]) == (BART, {"start": NINE})
    assert child["type"][0]["coding"][0]["code"] == "medical-encounter"


def test_what_is_about_the_first_patient_moves_when_a_second_comes() -> None:
    private = {
        "reasonCode": [{"text": "Rash"}],
        "reasonReference": [{"reference": "Condition/rash"}],
        "diagnosis": [{"condition": {"reference": "Condition/rash"}}],
        "serviceType": {"text": "Dermatology"},
    }
    staying = {"status": "in-progress", "class": {"code": "VR"}, "period": {"start": NINE}}
    identity = {"resourceType": "Encounter", "id": "s"}
    kept, moved = splitting.split(identity | staying | about(HOMER) | private)
    assert (kept, moved) == (identity | staying, private)


# -- a message with another subject


@pytest.mark.parametrize(
    ("by_server", "header", "message", "added"),
    [
        pytest.param(True, about(HOMER), about(BART), [HOMER, BART], id="the server's: added"),
        pytest.param(True, about(HOMER), about(GROUP), [HOMER], id="the server's: no Group"),
        pytest.param(False, about(HOMER), about(BART), [], id="a client's: nothing"),
    ],
)
def test_the_patients_that_a_message_adds_to_its_session(
    header: Resource, message: Resource, added: list[str], *, by_server: bool
) -> None:
    subjects = people.added_patients(header, message, by_server=by_server)
    assert [subject["reference"] for subject in subjects] == added


WRITERS = [
    pytest.param(HOMER, (), about(HOMER), [], id="the header's patient"),
    pytest.param(BART, (), about(HOMER), [about(BART)], id="a patient of the thread already"),
    pytest.param(ELSEWHERE, (), about(), [about(ELSEWHERE)], id="one elsewhere, of the thread"),
    pytest.param(BART, (BART, LISA), about(LISA), [], id="a sibling, also theirs"),
    pytest.param(BART, (BART,), about(), [], id="theirs, a thread about nobody"),
]
STRANGERS = [
    pytest.param(BART, (), about(HOMER), [], id="a stranger"),
    pytest.param(BART, (HOMER,), about(HOMER), [about(LISA)], id="a stranger to the thread"),
    pytest.param(BART, (BART,), about(HOMER), [], id="theirs, a thread about a stranger"),
    pytest.param(ELSEWHERE, (), about(HOMER), [], id="one elsewhere"),
]


@pytest.mark.parametrize(("patient", "own", "header", "messages"), WRITERS)
def test_a_patient_or_related_person_writes_about(
    patient: str, own: tuple[str, ...], header: Resource, messages: list[Resource]
) -> None:
    people.check_subject(patient, own, header, messages)


@pytest.mark.parametrize(("patient", "own", "header", "messages"), STRANGERS)
def test_a_patient_or_related_person_does_not_write_about(
    patient: str, own: tuple[str, ...], header: Resource, messages: list[Resource]
) -> None:
    with pytest.raises(BusinessRule, match=f"The thread is not about {patient}") as refused:
        people.check_subject(patient, own, header, messages)
    assert refused.value.issues[0].expression == "Communication.subject"


@pytest.mark.parametrize(
    ("communication", "patient"),
    [
        pytest.param(about(HOMER), HOMER, id="a Patient here"),
        pytest.param(about(ELSEWHERE), ELSEWHERE, id="a Patient elsewhere"),
        pytest.param(about(GROUP), "", id="a Group"),
        pytest.param(about(), "", id="nobody"),
    ],
)
def test_the_patient_that_a_communication_is_about(communication: Resource, patient: str) -> None:
    assert people.subject_patient(communication) == patient


# -- scope patient


@pytest.mark.parametrize(
    ("header", "partition"),
    [
        pytest.param(about(HOMER), HOMER, id="the header's subject"),
        pytest.param(about(), "thread", id="none: scope thread"),
        pytest.param(about(GROUP), "thread", id="a Group: scope thread"),
    ],
)
def test_whose_day_it_is_under_scope_patient(header: Resource, partition: str) -> None:
    patient = people.patient_reference(header)
    slot = Policy(DAILY, "patient").slot_key("thread", patient, NOON)
    assert slot == SlotKey(partition, "day#2026-03-02")


# -- participants


def types_of(participants: list[Resource]) -> dict[str, str]:
    return {
        entry["individual"]["reference"]: entry["type"][0]["coding"][0]["code"]
        for entry in participants
    }


@pytest.mark.parametrize(
    ("header", "message", "expected"),
    [
        pytest.param(
            from_(ALICE, MARGE),
            from_(ROLE),
            {ALICE: "ATND", MARGE: "PART", ROLE: "ATND"},
            id="at opening: the header's people and the sender",
        ),
        pytest.param(from_(ALICE, ALICE), from_(ALICE), {ALICE: "ATND"}, id="each once"),
        pytest.param(
            from_(HOMER, "Device/d", "Organization/o", "CareTeam/c"),
            from_(HOMER),
            {},
            id="Patient, Device, Organization, CareTeam: never",
        ),
    ],
)
def test_the_participants_at_opening(
    header: Resource, message: Resource, expected: dict[str, str]
) -> None:
    assert types_of(people.participants(header, message)) == expected
    session = new_session.session("s", header, message, NINE, ENCOUNTER_TYPE)
    assert types_of(session.get("participant", [])) == expected


@pytest.mark.parametrize(
    ("participants", "filled", "room", "expected"),
    [
        pytest.param([ALICE], {"participant"}, 9, [ALICE, ROLE, MARGE], id="completed at closing"),
        pytest.param([], set(), 9, [ROLE, MARGE], id="none until then: the senders"),
        pytest.param([LISA], {"participant"}, 9, [LISA, ROLE, MARGE], id="nobody is removed"),
        pytest.param([ALICE], set(), 9, [ALICE], id="a client's own list wins"),
        pytest.param([ALICE], {"participant"}, 1, [ALICE, ROLE], id="as many as there is room"),
        pytest.param([ALICE], {"participant"}, -1, [ALICE], id="no room"),
    ],
)
def test_the_participants_at_closing(
    participants: list[str], filled: set[str], room: int, expected: list[str]
) -> None:
    individuals = [{"individual": {"reference": reference}} for reference in participants]
    session = {"participant": individuals} if individuals else {}
    figures = Figures(NINE, NINE, frozenset({ROLE, MARGE, HOMER}))
    ended, _ = filled_elements.with_filled_elements(
        session, figures, frozenset(filled), UTC, room=room
    )
    assert [entry["individual"]["reference"] for entry in ended["participant"]] == expected
