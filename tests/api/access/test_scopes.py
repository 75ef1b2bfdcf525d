"""SMART scopes: a token may do what both its roles and its scopes allow."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import stored_items

BART = "Patient/bart-simpson"
RASH = {"coding": [{"system": "https://codes.example.org", "code": "rash"}]}
COUGH = {"coding": [{"system": "https://codes.example.org", "code": "cough"}]}
pytestmark = pytest.mark.usefixtures("practice")


def scoped(scope: str, role: str = "practitioner", **claims: str) -> ApiClient:
    return ApiClient(role=role, claims={"scope": scope, **claims})


@pytest.fixture(autouse=True)
def stored(clinic: ApiClient, practice: Any) -> None:  # noqa: ARG001 - makes the tables fast
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.put("/Communication/t", care.header(id="t", category=[RASH]))
    clinic.put("/Communication/u", care.header(id="u", category=[COUGH]))


def requests(kind: str) -> dict[str, list[tuple[str, str, Any]]]:
    """Return a request for each scope letter."""
    own_id = {"Encounter": "1", "Communication": "t"}[kind]
    body = {"Encounter": care.session(), "Communication": care.header()}[kind]
    path = f"/{kind}/{own_id}"
    return {
        "c": [("POST", f"/{kind}", body)],
        "r": [("GET", path, None), ("GET", f"{path}/_history", None), ("HEAD", path, None)],
        "u": [("PATCH", path, []), ("PUT", path, body | {"id": own_id})],
        "d": [("DELETE", f"/{kind}/nowhere", None)],
        "s": [("GET", f"/{kind}", None), ("POST", f"/{kind}/_search", None)],
    }


def allowed_letters(caller: ApiClient, kind: str) -> str:
    """Return the letters whose requests are not refused."""
    answered = {
        letter: {caller.call(*request).status for request in several}
        for letter, several in requests(kind).items()
    }
    for statuses in answered.values():
        assert statuses == {403} or 403 not in statuses
    return "".join(letter for letter in "cruds" if answered[letter] != {403})


@pytest.mark.parametrize(
    ("scope", "letters"),
    [
        ("user/Encounter.cruds", "cruds"),
        ("user/Encounter.rs", "rs"),
        ("system/Encounter.c", "c"),
        ("user/*.u", "u"),
        ("user/Encounter.read", "rs"),
        ("user/Encounter.write", "cud"),
        ("user/Encounter.*", "cruds"),
        ("user/Encounter.r user/Encounter.d openid", "rd"),
        ("[user/Encounter.r user/Encounter.s]", "rs"),
        ("patient/Encounter.rs", "rs"),
        # A malformed SMART scope grants nothing, and does not leave the decision to the role alone.
        ("user/Communication.cruds", ""),
        ("user/Encounter.sr", ""),
        ("user/Encounter.", ""),
        ("user/Encounter.x", ""),
        ("user/encounter.rs", ""),
        ("user/Encounter.read?class=VR", ""),
        ("user/Encounter.rs?", ""),
        ("user/Patient.cruds", ""),
        ("user/", ""),
        # These are not SMART scopes: only the role counts.
        ("", "cruds"),
        ("aws.cognito.signin.user.admin", "cruds"),
        ("openid fhirUser launch/patient offline_access", "cruds"),
    ],
)
def test_a_scope_allows_exactly_its_letters(scope: str, letters: str) -> None:
    assert allowed_letters(scoped(scope, patient="homer-simpson"), "Encounter") == letters


def test_scopes_and_roles_are_both_needed() -> None:
    assert allowed_letters(scoped("user/*.cruds", role="auditor"), "Communication") == "rs"
    assert allowed_letters(scoped("user/*.cruds", role="nurse"), "Communication") == ""
    assert allowed_letters(scoped("user/*.rs", role="admin"), "Communication") == "rs"


def test_a_refusal_names_a_scope_that_would_do() -> None:
    answer = scoped("user/Communication.cruds").get("/Encounter/1")
    refusals.check(answer, 403, "forbidden")
    assert "user/Encounter.r" in answer.text


def test_only_the_claim_scp_may_replace_scope() -> None:
    assert (
        allowed_letters(
            ApiClient(claims={"scp": "[user/Encounter.r user/Encounter.s]"}), "Encounter"
        )
        == "rs"
    )


@pytest.mark.parametrize(
    ("operation", "scope", "status"),
    [
        ("$open-session", "user/Encounter.c", 201),
        ("$open-session", "user/Encounter.u", 403),
        ("$add-patient", "user/Encounter.cu", 200),
        ("$add-patient", "user/Encounter.u", 403),
        ("$add-patient", "user/Encounter.c", 403),
        ("$add-patient", "patient/Encounter.cu", 403),
        ("$close-session", "user/Encounter.u", 200),
        ("$close-session", "user/Encounter.r", 403),
        ("$everything", "user/Encounter.r", 200),
        ("$everything", "user/Encounter.s", 403),
    ],
)
def test_an_operation_needs_the_scope_letters_of_its_writes(
    operation: str, scope: str, status: int
) -> None:
    on = "" if operation == "$open-session" else "/1"
    patient = {"name": "patient", "valueReference": care.reference(BART)}
    body: Any = {"resourceType": "Parameters", "parameter": [patient]}
    sent = body if operation in ("$open-session", "$add-patient") else None
    caller = scoped(scope, patient="homer-simpson")
    assert caller.post(f"/Encounter{on}/{operation}", sent).status == status


def linked(scope: str) -> Answer:
    thread = {"name": "thread", "valueReference": care.reference("Communication/t")}
    body = {"resourceType": "Parameters", "parameter": [thread]}
    return scoped(scope).post("/Encounter/$open-session", body)


def test_linking_a_thread_is_an_update_of_it() -> None:
    before = stored_items()
    for scope in ("user/Encounter.c user/Communication.r", "user/Encounter.c user/Communication.c"):
        refusals.check(linked(scope), 403, "forbidden", "Communication")
    # A thread invisible to the token is treated as missing.
    refusals.check(linked("user/Encounter.c"), 422, "business-rule", "thread")
    assert stored_items() == before
    assert linked("user/Encounter.c user/Communication.u").status == 201


def test_a_constraint_applies_to_reads_searches_and_writes(clinic: ApiClient) -> None:
    caller = scoped("user/Communication.cruds?category=https://codes.example.org|rash")
    assert caller.get("/Communication/t").status == 200
    assert caller.get("/Communication/u").status == 404
    assert caller.get("/Communication").ids == ["t"]
    assert caller.get("/Communication?_total=accurate&_summary=count").body["total"] == 1
    before = stored_items()
    for body in (care.header(), care.header(category=[COUGH])):
        refusals.check(caller.post("/Communication", body), 403, "forbidden", "Communication")
        answer = caller.put("/Communication/t", body | {"id": "t"})
        refusals.check(answer, 403, "forbidden", "Communication")
    unseen, absent = (
        caller.put(f"/Communication/{own_id}", care.header(id=own_id, category=[RASH]))
        for own_id in "ux"
    )
    assert (unseen.status, absent.status) == (404, 404)
    assert unseen.text == absent.text.replace("/x", "/u")
    assert stored_items() == before
    assert caller.post("/Communication", care.header(category=[RASH])).status == 201
    clinic.administrator.delete("/Communication/t")
    assert caller.get("/Communication/t").status == 410


@pytest.mark.parametrize(
    "constraint",
    [
        "bogus=1",
        "category=rash&bogus=1",
        "category:nonsense=rash",
        "category=",
        "_count=1",
        "category=rash&_count=1",
        "session=Encounter/1",
        "part-of:Communication.category=rash",
        "_has:Communication:part-of:sender=Patient/1",
        "category=%FF",
    ],
)
def test_a_constraint_that_cannot_be_applied_grants_nothing(constraint: str) -> None:
    caller = scoped(f"user/Communication.cruds?{constraint}")
    assert caller.get("/Communication/t").status in (403, 404)
    response = caller.get("/Communication")
    assert response.status == 403 or not response.ids
    answer = caller.post("/Communication", care.header(category=[RASH]))
    refusals.check(answer, 403, "forbidden", *answer.expressions)


def test_each_scope_has_its_own_constraint() -> None:
    scope = "user/Communication.rs?category=rash user/Communication.u?category=cough"
    caller = scoped(scope)
    assert caller.get("/Communication").ids == ["t"]
    topic = [{"op": "add", "path": "/topic", "value": {"text": "New"}}]
    refusals.check(caller.patch("/Communication/t", topic), 403, "forbidden", "Communication")
    assert caller.patch("/Communication/u", topic).status == 200


def test_the_patients_context_is_one_compartment(clinic: ApiClient) -> None:
    clinic.put("/Encounter/b", care.session(id="b", subject=care.reference(BART)))
    caller = scoped("patient/*.cruds", patient="bart-simpson")
    assert caller.get("/Encounter").ids == ["b"]
    assert not caller.get("/Communication").ids
    assert caller.get("/Encounter/1").status == 404
    refusals.check(caller.post("/Encounter", care.session()), 403, "forbidden", "Encounter")
    assert caller.post("/Encounter", care.session(subject=care.reference(BART))).status == 201
    # Without a patient claim there is no compartment.
    assert not scoped("patient/*.rs").get("/Encounter").ids
    both = scoped("patient/*.rs user/Encounter.rs", patient="bart-simpson")
    assert set(both.get("/Encounter").ids) >= {"1", "b"}


def test_patient_scopes_do_not_widen_the_role() -> None:
    homer = ApiClient(role="patient", fhir_user=care.HOMER, claims={"scope": "user/*.cruds"})
    assert homer.put("/Encounter/1", care.session(id="1")).status == 403
    other = ApiClient(role="patient", fhir_user=BART, claims={"scope": "user/*.cruds"})
    assert other.get("/Encounter/1").status == 404
    context = {"scope": "patient/*.rs", "patient": "homer-simpson"}
    assert (
        ApiClient(role="patient", fhir_user=BART, claims=context).get("/Encounter/1").status == 404
    )


def test_resources_hidden_by_scopes_are_not_included() -> None:
    caller = scoped("user/Encounter.rs")
    bundle = caller.get(
        "/Encounter?_revinclude=Communication:encounter&_revinclude=Encounter:part-of"
    )
    assert {match["resourceType"] for match in bundle.resources} == {"Encounter"}
    everything_of_it = caller.get("/Encounter/1/$everything").resources
    assert {resource["resourceType"] for resource in everything_of_it} == {"Encounter"}


def test_a_conditional_write_requires_the_right_to_search(clinic: ApiClient) -> None:
    """A caller who may only create learns nothing about existing resources from conditions."""
    before = stored_items()
    writer = scoped("user/Encounter.cud user/Communication.cud")
    query = "identifier=https://clinic.example|1"
    for answer in (
        writer.post("/Encounter", care.session(), if_none_exist="_id=1"),
        writer.post("/Encounter", care.session(), if_none_exist=query),
        writer.put("/Encounter?_id=1", care.session(id="1")),
        writer.patch("/Encounter?_id=1", []),
        writer.delete("/Encounter?_id=1"),
    ):
        refusals.check(answer, 403, "forbidden", "Encounter")
        assert "user/Encounter.s" in answer.text
    by_query = care.reference("Encounter?_id=1")
    assert writer.post("/Communication", care.header(encounter=by_query)).status == 422
    assert stored_items() == before
    searcher = scoped("user/Encounter.cs")
    assert searcher.post("/Encounter", care.session(), if_none_exist="_id=1").status == 200
    assert clinic.post("/Encounter", care.session(), if_none_exist="_id=1").status == 200


def test_a_thread_hidden_by_the_scope_takes_no_message() -> None:
    caller = scoped("user/Communication.cruds?category=rash user/Encounter.cruds")
    unseen, absent = (
        caller.post("/Communication", care.message(header_id, category=[RASH]))
        for header_id in "ux"
    )
    assert (unseen.status, absent.status) == (422, 422)
    assert unseen.text == absent.text.replace("/x", "/u")
    header = caller.get("/Communication/t").body
    unseen, absent = (
        caller.put(
            "/Communication/t", header | {"partOf": [care.reference(f"Communication/{one}")]}
        )
        for one in "ux"
    )
    assert unseen.text == absent.text.replace("/x", "/u")
