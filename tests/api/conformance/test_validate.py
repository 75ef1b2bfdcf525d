"""$validate, and the profiles that a resource claims."""

from typing import Any

import pytest

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.api.crud.test_interactions import status_patch
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.steps import open_session

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter"
BASE_PROFILE = "http://hl7.org/fhir/StructureDefinition/Encounter"
TYPE = "/Encounter/$validate"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"
CORE_TYPE = [
    {"text": "Chat", "coding": [{"system": "http://snomed.info/sct", "code": "185317003"}]}
]


def parameters(resource: Any = None, **values: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"name": n, "valueCode": v} for n, v in values.items()]
    for part in parts:
        if part["name"] == "profile":
            part["valueUri"] = part.pop("valueCode")
    if resource is not None:
        parts.insert(0, {"name": "resource", "resource": resource})
    return {"resourceType": "Parameters", "parameter": parts}


def outcome(answer: Answer, *severities: str) -> list[tuple[str, str]]:
    """Check that an answer is a valid OperationOutcome; return code and location of some issues."""
    assert answer.status == 200, answer.text
    assert issues(fhirjson.loads(answer.text), "OperationOutcome") == []
    return [
        (issue["code"], issue.get("expression", [""])[0])
        for issue in answer.body["issue"]
        if issue["severity"] in (severities or ("error",))
    ]


def core(**more: Any) -> dict[str, Any]:
    """Return a session that conforms to US Core."""
    return care.session(**{"type": CORE_TYPE, **more})


@pytest.mark.parametrize("body", [care.session(), parameters(care.session())])
def test_a_valid_resource_has_no_error_and_is_not_stored(
    clinic: ApiClient, body: dict[str, Any]
) -> None:
    assert outcome(clinic.post(TYPE, body)) == []
    assert clinic.get("/Encounter").ids == []


def test_every_mistake_is_reported_at_once_and_nothing_is_stripped(clinic: ApiClient) -> None:
    body = care.session("done", id="a b", type=[], location=[{}, {"status": "x"}])
    assert outcome(clinic.post(TYPE, body)) == [
        ("code-invalid", "Encounter.status"),
        ("value", "Encounter.id"),
        ("invariant", "Encounter.type"),
        ("invariant", "Encounter.location[0]"),
        ("code-invalid", "Encounter.location[1].status"),
        ("required", "Encounter.location[1].location"),
    ]
    assert clinic.post("/Encounter", care.session(type=[], location=[{}])).status == 201


def test_a_missing_recommendation_is_a_warning(clinic: ApiClient) -> None:
    assert outcome(clinic.post(TYPE, care.session()), "warning") == [("invariant", "Encounter")]
    told = care.session(
        text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    )
    answer = clinic.post(TYPE, told)
    assert outcome(answer, "warning") == []
    assert outcome(answer, "information") == [("informational", "")]


@pytest.mark.parametrize("body", [[], {}, {"resourceType": "Patient"}, parameters({"x": 1}), 5])
def test_a_body_that_is_not_a_resource_of_the_type_is_reported(
    clinic: ApiClient, body: Any
) -> None:
    assert outcome(clinic.post(TYPE, body)) != []


def test_a_body_that_is_not_json_is_refused(clinic: ApiClient) -> None:
    refusals.check(clinic.post(TYPE, "{"), 400, "structure")


def test_the_stored_resource_is_validated_if_none_is_sent(clinic: ApiClient) -> None:
    path = f"/Encounter/{open_session(clinic)}/$validate"
    assert outcome(clinic.get(path)) == []
    assert outcome(clinic.call("POST", path)) == []
    assert outcome(clinic.get(f"{path}?profile={US_CORE}")) == [("required", "Encounter.type")]
    assert outcome(clinic.post(path, parameters(profile=US_CORE))) == [
        ("required", "Encounter.type")
    ]
    refusals.check(clinic.get("/Encounter/nowhere/$validate"), 404, "not-found")
    refusals.check(clinic.call("POST", TYPE), 400, "invalid", "resource")
    refusals.check(clinic.post(TYPE, parameters(mode="create")), 400, "invalid", "resource")


def test_a_mode_reports_whether_the_interaction_would_succeed(clinic: ApiClient) -> None:
    own_id = open_session(clinic)
    path = f"/Encounter/{own_id}/$validate"
    body = clinic.get(f"/Encounter/{own_id}").body
    assert outcome(clinic.post(TYPE, parameters(care.session(), mode="create"))) == []
    assert outcome(clinic.post(path, parameters(body, mode="update"))) == []
    assert outcome(clinic.post(f"{path}?mode=update", care.session(id="other"))) == [
        ("invalid", "Encounter.id")
    ]
    assert outcome(clinic.administrator.get(f"{path}?mode=delete")) == []
    assert outcome(clinic.administrator.post(path, parameters(mode="delete"))) == []
    assert outcome(clinic.get(f"{path}?mode=delete")) == [("forbidden", "Encounter")]
    assert clinic.get(f"/Encounter/{own_id}").version == "1"
    refusals.check(clinic.post(f"{TYPE}?mode=delete", body), 400, "invalid", "mode")
    refusals.check(clinic.post(f"{TYPE}?mode=destroy", body), 400, "invalid", "mode")
    clinic.administrator.delete(f"/Encounter/{own_id}")
    refusals.check(clinic.get(f"{path}?mode=delete"), 410, "deleted")


def test_a_mode_reports_what_a_write_would_refuse(clinic: ApiClient) -> None:
    part = {"tag": [{"system": f"{HL7}v3-ObservationValue", "code": "SUBSETTED"}]}
    body = care.session(meta=part)
    assert outcome(clinic.post(TYPE, body)) == []
    assert outcome(clinic.post(TYPE, parameters(body, mode="create"))) == [
        ("business-rule", "Encounter.meta.tag[0]")
    ]


def test_a_mode_takes_the_stored_resource_into_account(clinic: ApiClient) -> None:
    ended = clinic.put("/Encounter/ended", care.visit(id="ended", status="entered-in-error"))
    path = "/Encounter/ended/$validate"
    back = ended.body | {"status": "in-progress"}
    assert outcome(clinic.post(path, back)) == []
    assert outcome(clinic.post(path, parameters(back, mode="update"))) == [
        ("business-rule", "Encounter.status")
    ]
    nowhere = care.visit(partOf=care.reference("Encounter/nowhere"))
    refused = outcome(clinic.post(f"{TYPE}?mode=create", nowhere))
    assert [place for _, place in refused] == ["Encounter.partOf.reference"]
    without = {name: value for name, value in back.items() if name != "id"}
    assert outcome(clinic.post(f"{TYPE}?mode=update", without)) == [("invalid", "Encounter.id")]
    assert clinic.get("/Encounter").ids == ["ended"]
    assert clinic.get("/Encounter/ended").version == "1"


def test_with_a_mode_problems_that_the_write_corrects_are_warnings(clinic: ApiClient) -> None:
    body = care.session(type=[], location=[{}], meta={"project": "1", "id": "m"})
    answer = clinic.post(TYPE, parameters(body, mode="create"))
    assert outcome(answer) == []
    assert set(outcome(answer, "warning")) >= {
        ("invariant", "Encounter.type"),
        ("structure", "Encounter.meta.project"),
    }
    assert clinic.post("/Encounter", body).status == 201


REFUSED: list[dict[str, Any]] = [
    care.session("bogus"),
    care.session(meta={"tag": [{"system": f"{V3}ObservationValue", "code": "SUBSETTED"}]}),
    care.session(partOf=care.reference("Encounter/nowhere")),
    care.session(subject=care.reference("Patient/x"), appointment=[{"reference": 5}]),
    care.session(identifier=[{"system": "urn:x", "value": str(number)} for number in range(60)]),
    care.session(location=[{}, {"status": "x"}]),
    care.header(encounter=care.reference("Encounter/nowhere")),
    care.header(extension=care.policy(policy={"valueCode": "weekly"})),
    care.message("nowhere"),
    care.example("Condition", encounter=care.reference("Encounter/nowhere")),
]


@pytest.mark.parametrize("body", REFUSED)
def test_a_mode_reports_the_same_problems_as_the_write(
    clinic: ApiClient, body: dict[str, Any]
) -> None:
    kind = body["resourceType"]
    told = {
        "create": clinic.post(f"/{kind}/$validate", parameters(body, mode="create")),
        "update": clinic.post(f"/{kind}/own/$validate?mode=update", body | {"id": "own"}),
    }
    refused = {
        "create": clinic.post(f"/{kind}", body),
        "update": clinic.put(f"/{kind}/own", body | {"id": "own"}),
    }
    for mode, answer in refused.items():
        assert answer.status in (400, 422)
        errors = [issue for issue in answer.body["issue"] if issue["severity"] == "error"]
        said = [issue for issue in told[mode].body["issue"] if issue["severity"] == "error"]
        assert said == errors


def test_a_mode_reports_missing_rights(clinic: ApiClient) -> None:
    own_id = open_session(clinic)
    path = f"/Encounter/{own_id}"
    auditor, doctor = ApiClient(role="auditor"), ApiClient(role="practitioner")
    body = clinic.get(path).body
    for mode, answer in {
        "create": auditor.post("/Encounter", body),
        "update": auditor.put(path, body),
        "delete": auditor.delete(path),
    }.items():
        assert answer.status == 403
        response = auditor.post(f"{path}/$validate", parameters(body, mode=mode))
        assert [
            issue["code"] for issue in response.body["issue"] if issue["severity"] == "error"
        ] == ["forbidden"]
    assert outcome(doctor.post(f"{path}/$validate", parameters(body, mode="update"))) == []
    header = doctor.post("/Communication", care.header(sender=care.reference(care.ALICE))).id
    response = doctor.call("POST", f"/Communication/{header}/$validate?mode=delete")
    may = doctor.delete(f"/Communication/{header}").status
    assert (outcome(response) == []) is (may == 204)
    assert clinic.get(path).version == "1"


def test_ending_a_large_session_is_not_reported_as_a_mistake(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    for number in range(30):
        child = care.medical_encounter(session_id, f"Patient/p{number}")
        assert clinic.post("/Encounter", child).status == 201
    body = clinic.get(f"/Encounter/{session_id}").body | {"status": "finished"}
    path = f"/Encounter/{session_id}/$validate"
    assert outcome(clinic.post(path, parameters(body, mode="update"))) == []
    assert clinic.get(f"/Encounter/{session_id}").body["status"] == "in-progress"


HL7 = "http://terminology.hl7.org/CodeSystem/"


def test_communications_are_validated_too(clinic: ApiClient) -> None:
    answer = clinic.post("/Communication/$validate", care.header(priority="high"))
    assert outcome(answer) == [("code-invalid", "Communication.priority")]


@pytest.mark.parametrize(
    ("url", "body", "name"),
    [
        (f"{TYPE}?colour=red", care.session(), "colour"),
        (TYPE, parameters(care.session(), colour="red"), "colour"),
        (f"{TYPE}?profile=http://example.org/p", care.session(), "profile"),
        (f"{TYPE}?profile={US_CORE}|1.0", care.session(), "profile"),
    ],
)
def test_unknown_parameters_of_validate_are_refused_by_name(
    clinic: ApiClient, url: str, body: Any, name: str
) -> None:
    answer = clinic.post(url, body)
    assert answer.status == 400
    assert answer.expressions == [name]


PEOPLE = [{"individual": care.reference("Practitioner/x")}]
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    (core(type=None), "required", "type"),
    (core(subject=None), "required", "subject"),
    (core(identifier=[{"value": "x"}]), "required", "identifier[0].system"),
    (
        core(identifier=[{"system": "urn:x", "value": "x"}, {"system": "urn:x"}]),
        "required",
        "identifier[1].value",
    ),
    (core(subject=care.reference("Group/x")), "value", "subject.reference"),
    (
        core(
            subject=care.reference("#g"),
            contained=[{"resourceType": "Group", "id": "g", "type": "person", "actual": True}],
        ),
        "value",
        "subject.reference",
    ),
]
LEGAL: list[dict[str, Any]] = [
    core(),
    core(subject={"display": "Homer"}),
    core(subject=care.reference("https://other.example/fhir/Patient/1")),
    core(
        _subject=None,
        identifier=[
            {"system": "urn:x", "_value": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}
        ],
    ),
    core(reasonReference=[care.reference("Condition/x"), care.reference("Procedure/x")]),
    core(participant=[*PEOPLE, {"individual": care.reference("RelatedPerson/x")}]),
    core(location=[{"location": care.reference("Location/x")}]),
]


@pytest.mark.parametrize(("body", "code", "element"), MISTAKES)
def test_a_resource_that_claims_a_profile_is_validated_against_it(
    clinic: ApiClient, body: dict[str, Any], code: str, element: str
) -> None:
    body = {name: value for name, value in body.items() if value is not None}
    assert clinic.post("/Encounter", body).status == 201
    for canonical in (US_CORE, f"{US_CORE}|6.1.0"):
        claiming = body | {"meta": {"profile": ["http://example.org/other", canonical]}}
        refusals.check(clinic.post("/Encounter", claiming), 400, code, f"Encounter.{element}")
        assert outcome(clinic.post(TYPE, claiming)) == [(code, f"Encounter.{element}")]
        assert outcome(clinic.post(f"{TYPE}?profile={canonical}", body)) == [
            (code, f"Encounter.{element}")
        ]
    assert outcome(clinic.post(f"{TYPE}?profile={BASE_PROFILE}", body)) == []


@pytest.mark.parametrize("body", LEGAL)
def test_a_resource_that_meets_its_profile_is_accepted(
    clinic: ApiClient, body: dict[str, Any]
) -> None:
    body = {name: value for name, value in body.items() if value is not None}
    claiming = body | {"meta": {"profile": [US_CORE]}}
    answer = clinic.post("/Encounter", claiming)
    assert answer.status == 201, answer.text
    assert answer.body["meta"]["profile"] == [US_CORE]
    assert ("informational", "Encounter.type") in outcome(
        clinic.post(TYPE, claiming), "information"
    )


def test_claimed_profiles_are_validated_in_every_kind_of_write(clinic: ApiClient) -> None:
    own_id = clinic.post("/Encounter", core(meta={"profile": [US_CORE]})).id
    path = f"/Encounter/{own_id}"
    assert clinic.patch(path, status_patch("onleave")).status == 200
    refused = clinic.patch(path, [{"op": "remove", "path": "/type"}])
    refusals.check(refused, 400, "required", "Encounter.type")
    own = clinic.get(path).body
    del own["type"]
    refusals.check(clinic.put(path, own), 400, "required", "Encounter.type")
    del own["meta"]["profile"]
    assert clinic.put(path, own).status == 200


def test_unknown_profiles_and_versions_are_not_validated(clinic: ApiClient) -> None:
    for canonical in (f"{US_CORE}|7.0.0", "http://example.org/p", "urn:x"):
        assert clinic.post("/Encounter", care.session(meta={"profile": [canonical]})).status == 201
    header = care.header(meta={"profile": [US_CORE]})
    refusals.check(clinic.post("/Communication", header), 400, "invalid", "resourceType")


def test_every_caller_who_may_read_may_validate(clinic: ApiClient) -> None:
    own_id = open_session(clinic)
    assert ApiClient(role="auditor").get(f"/Encounter/{own_id}/$validate").status == 200
    assert ApiClient(role="nobody").get(f"/Encounter/{own_id}/$validate").status == 403
