"""The conversion of an audit event to an AuditEvent."""

from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from shared.audit.fhir_audit_events import audit_event
from shared.catalog.interactions import AUDIT_ACTIONS

AT = "2026-11-20T09:00:00.000Z"
ALICE = {"subject": "u1", "client": "c1", "fhirUser": "Practitioner/alice", "roles": "admin nurse"}
READ: dict[str, Any] = {
    "at": AT,
    "who": ALICE,
    "interaction": "read",
    "status": 200,
    "type": "Encounter",
    "id": "one",
    "patients": ["Patient/homer-simpson"],
    "request": "r1",
    "address": "192.0.2.7",
}
WRITTEN: dict[str, Any] = {
    "at": AT,
    "who": ALICE,
    "interaction": "create",
    "written": [["Encounter/one", 1, "C", ""], ["Communication/two", 3, "U", "ab"]],
    "patients": ["Patient/homer-simpson"],
}


def made(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the AuditEvent of an event, validated by the package fhir.resources."""
    resource = audit_event("01M7YZ0TYTZMWDJ4B6Z5MXHB70", event | more)
    AuditEvent.model_validate(resource)
    return resource


def test_a_read_states_caller_resource_patient_time_and_address() -> None:
    resource = made(READ)
    assert resource["recorded"] == AT
    assert (resource["action"], resource["outcome"]) == ("R", "0")
    assert resource["type"]["code"] == "rest"
    assert resource["subtype"][0]["code"] == "read"
    (agent,) = resource["agent"]
    assert agent["who"] == {"reference": "Practitioner/alice"}
    assert agent["requestor"] is True
    assert agent["network"] == {"address": "192.0.2.7", "type": "2"}
    about = [entity["what"]["reference"] for entity in resource["entity"]]
    assert about == ["Encounter/one", "Patient/homer-simpson"]


def test_a_write_names_each_resource_with_its_version_and_result() -> None:
    first, second, patient = made(WRITTEN)["entity"]
    assert first["what"]["reference"] == "Encounter/one/_history/1"
    assert second["what"]["reference"] == "Communication/two/_history/3"
    assert (first["lifecycle"]["code"], second["lifecycle"]["code"]) == ("1", "3")
    assert patient["role"]["code"] == "1"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "0"), (304, "0"), (400, "4"), (403, "4"), (412, "4"), (503, "8"), (500, "12")],
)
def test_the_outcome_is_a_success_or_the_severity_of_the_failure(status: int, outcome: str) -> None:
    resource = made(READ, status=status, issues=["forbidden"])
    assert resource["outcome"] == outcome
    assert ("outcomeDesc" in resource) is (outcome != "0")


@pytest.mark.parametrize("interaction", [*AUDIT_ACTIONS, "$open-session", "close", ""])
def test_every_interaction_has_an_action_and_a_subtype(interaction: str) -> None:
    resource = made(READ, interaction=interaction)
    assert resource["action"] == {"close": "U"}.get(
        interaction, AUDIT_ACTIONS.get(interaction, "E")
    )
    said = [detail["valueString"] for detail in resource["entity"][0]["detail"]]
    assert resource.get("subtype", [{"code": ""}])[0]["code"] in (
        interaction,
        "operation",
        "update",
    )
    assert interaction in (*AUDIT_ACTIONS, *said, "")


def test_a_search_names_its_parameters() -> None:
    event = {name: value for name, value in READ.items() if name != "id"}
    asked, patient = made(event, interaction="search-type", parameters=["patient"])["entity"]
    assert "what" not in asked
    assert asked["type"]["code"] == "Encounter"
    assert {"type": "parameter", "valueString": "patient"} in asked["detail"]
    assert patient["what"] == {"reference": "Patient/homer-simpson"}


@pytest.mark.parametrize("who", [{}, {"client": "c1"}, {"subject": "u1"}])
def test_a_caller_without_a_record_is_identified_by_the_token(who: dict[str, str]) -> None:
    (agent,) = made(READ, who=who)["agent"]
    assert agent["who"] == {"identifier": {"value": next(iter(who.values()), "unknown")}}


def test_an_event_may_name_no_resource() -> None:
    event = {"at": AT, "who": {}, "interaction": "", "status": 404, "patients": []}
    assert made(event)["outcome"] == "4"
