"""Sessions, medical encounters, plain records and messages; rows as in the table Words."""

from typing import Any

import pytest

from shared.catalog.code_systems import ACT_CODE, ENCOUNTER_TYPE
from shared.errors import BusinessRule
from shared.rules import classification
from shared.rules.classification import MEDICAL_ENCOUNTER, OPEN_STATUSES, SESSION

type Resource = dict[str, Any]


def typed(code: str, system: str | None = ENCOUNTER_TYPE) -> Resource:
    coding = {"code": code} | ({"system": system} if system else {})
    return {"type": [{"text": "Another"}, {"coding": [{"code": "other"}, coding]}]}


def of_class(code: str, **system: str) -> Resource:
    return {"class": {"code": code} | system}


PART_OF = {"partOf": {"reference": "Encounter/s"}}


@pytest.mark.parametrize(
    ("encounter", "is_session"),
    [
        pytest.param(of_class("VR", system=ACT_CODE), True, id="session: class VR"),
        pytest.param(of_class("VR"), True, id="session: class VR without a system"),
        pytest.param(typed(SESSION) | of_class("AMB"), True, id="session: type session"),
        pytest.param(typed(SESSION, None), True, id="session: type session without a system"),
        pytest.param(of_class("VR") | PART_OF, False, id="child: has partOf"),
        pytest.param(
            of_class("VR") | typed(MEDICAL_ENCOUNTER), False, id="medical encounter: by its type"
        ),
        pytest.param(of_class("AMB"), False, id="plain record: an office visit"),
        pytest.param(
            of_class("VR", system="urn:x"), False, id="plain record: VR of another system"
        ),
        pytest.param(typed(SESSION, "urn:x"), False, id="plain record: a type of another system"),
        pytest.param({}, False, id="deleted"),
    ],
)
def test_an_encounter_is_a_session(encounter: Resource, *, is_session: bool) -> None:
    assert classification.is_session(encounter, ENCOUNTER_TYPE) is is_session
    opened = encounter | {"status": "in-progress"}
    assert classification.is_open_session(opened, ENCOUNTER_TYPE) is is_session


@pytest.mark.parametrize(
    ("encounter", "parent"),
    [
        pytest.param(PART_OF, "s", id="child"),
        pytest.param({"partOf": {"reference": "Organization/s"}}, "", id="part of something else"),
        pytest.param({}, "", id="no child"),
    ],
)
def test_the_parent_of_a_child(encounter: Resource, parent: str) -> None:
    assert classification.parent_id(encounter) == parent


@pytest.mark.parametrize("status", ["finished", "cancelled", "entered-in-error"])
def test_an_ended_encounter_is_not_open(status: str) -> None:
    assert not classification.is_open({"status": status})


def test_an_encounter_is_open_in_six_statuses() -> None:
    assert {
        "planned",
        "arrived",
        "triaged",
        "in-progress",
        "onleave",
        "unknown",
    } == OPEN_STATUSES
    assert all(classification.is_open({"status": status}) for status in OPEN_STATUSES)


@pytest.mark.parametrize(
    ("status", "counted", "counts"),
    [
        pytest.param("in-progress", False, True, id="sent"),
        pytest.param("completed", False, True, id="sent and read"),
        pytest.param("preparation", False, False, id="a draft"),
        pytest.param("on-hold", False, False, id="never sent"),
        pytest.param("completed", True, True, id="a later update: still counts"),
        pytest.param("on-hold", True, True, id="put on hold: still counts"),
        pytest.param("stopped", True, True, id="stopped: still counts"),
        pytest.param("entered-in-error", True, False, id="retracted"),
        pytest.param("preparation", True, False, id="a draft again"),
    ],
)
def test_a_message_counts(status: str, *, counted: bool, counts: bool) -> None:
    assert classification.counts({"status": status}, counted=counted) is counts


def part_of(*references: str) -> Resource:
    return {"partOf": [{"reference": reference} for reference in references]}


@pytest.mark.parametrize(
    ("communication", "header"),
    [
        pytest.param(part_of("Communication/h"), "h", id="a message"),
        pytest.param(part_of("Communication/h", "Procedure/p"), "h", id="of a procedure, too"),
        pytest.param(part_of("Procedure/p"), "", id="a header: part of no thread"),
        pytest.param({}, "", id="a header or standalone Communication: opens nothing"),
        pytest.param(PART_OF | {"resourceType": "Encounter"}, "", id="another type"),
    ],
)
def test_the_header_of_a_message(communication: Resource, header: str) -> None:
    assert classification.header_id(communication) == header


def test_a_message_of_several_threads_is_refused() -> None:
    with pytest.raises(BusinessRule, match="exactly one thread"):
        classification.header_id(part_of("Communication/a", "Communication/b"))


@pytest.mark.parametrize(
    ("system", "is_automatic"),
    [("urn:async-encounters:channel-answer", True), ("urn:chat", False)],
)
def test_a_message_is_automatic_if_the_service_has_identified_it(
    system: str, *, is_automatic: bool
) -> None:
    answer = {
        "status": "in-progress",
        "category": [classification.AUTOMATIC],
        "identifier": [{"system": system, "value": "1"}],
    }
    assert classification.is_automatic(answer) is is_automatic
    assert classification.counts(answer, counted=False) is not is_automatic
