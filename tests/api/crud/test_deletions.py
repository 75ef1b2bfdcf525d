"""Administrators may delete anything, all others only their own drafts, on every path.

Records are kept and marked as void instead: a refusal says how.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.roles import ANYTHING, NOTHING, OWN_DRAFTS, ROLES
from shared.catalog.types import STORED_TYPES, WITHDRAWAL_MARKS
from tests.support import care, refusals, tokens
from tests.support.api_client import Answer, ApiClient
from tests.support.bundles import bundle, entry
from tests.support.consistency import stored_items
from tests.support.plain_client import PlainClient
from tests.support.practice import Practice

pytestmark = pytest.mark.usefixtures("practice")
ADMIN = ApiClient(role="admin")
BOB = ApiClient(fhir_user="Practitioner/bob")
HOMER = ApiClient(role="patient", fhir_user=care.HOMER)
MARGE = ApiClient(
    role="related-person", fhir_user="RelatedPerson/marge", claims={"patient": "homer-simpson"}
)
# By a tag, which all types have.
NAMED = {"meta": {"tag": [{"system": "https://ids.example.org", "code": "7"}]}}
QUERY = "_tag=https://ids.example.org|7"
SENDERS = [ApiClient(), HOMER, MARGE]

# Each function deletes one resource and returns the answer with the deletion's status.
type Path = Callable[[ApiClient, str, str], Answer]


def by_id(caller: ApiClient, kind: str, own_id: str) -> Answer:
    return caller.delete(f"/{kind}/{own_id}")


def by_query(caller: ApiClient, kind: str, _: str) -> Answer:
    return caller.delete(f"/{kind}?{QUERY}")


def in_batch(caller: ApiClient, kind: str, own_id: str) -> Answer:
    answer = caller.post("/", bundle("batch", entry("DELETE", f"{kind}/{own_id}")))
    response = answer.body["entry"][0]["response"]
    return replace(answer, status=int(response["status"][:3]))


def in_transaction(caller: ApiClient, kind: str, own_id: str) -> Answer:
    url = kind if "?" in kind else f"{kind}/{own_id}"
    answer = caller.post("/", bundle("transaction", entry("DELETE", url)))
    if answer.status == 200:
        return replace(answer, status=int(answer.body["entry"][0]["response"]["status"][:3]))
    return answer


def by_query_in_transaction(caller: ApiClient, kind: str, _: str) -> Answer:
    return in_transaction(caller, f"{kind}?{QUERY}", "")


PATHS = {
    "by id": by_id,
    "by a query": by_query,
    "in a batch": in_batch,
    "in a transaction": in_transaction,
    "by a query in a transaction": by_query_in_transaction,
}


def named(kind: str) -> dict[str, Any]:
    """Return an example that the query finds."""
    return care.example(kind, id="1", **NAMED)


def message(sender: str, status: str = "in-progress", **more: Any) -> dict[str, Any]:
    return care.message("t", status=status, sender=care.reference(sender), **more)


@pytest.fixture
def thread(clinic: ApiClient) -> None:
    """Create a thread in which practitioner, patient and relative write."""
    people = [care.reference(sender.fhir_user) for sender in SENDERS]
    assert clinic.put("/Communication/t", care.header(id="t", recipient=people)).status == 201


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("kind", STORED_TYPES)
def test_a_practitioner_deletes_no_record_whatever_its_type(
    clinic: ApiClient, kind: str, path: Path
) -> None:
    assert clinic.put(f"/{kind}/1", named(kind)).status == 201
    before = stored_items()
    refused = path(clinic, kind, "1")
    assert refused.status == 403, refused.text
    assert f"set {WITHDRAWAL_MARKS[kind]}" in refused.text
    assert stored_items() == before
    assert path(ADMIN, kind, "1").status == 204
    assert clinic.get(f"/{kind}/1").status == 410


@pytest.mark.parametrize("kind", STORED_TYPES)
def test_a_refusal_says_how_a_practitioner_marks_it_instead(clinic: ApiClient, kind: str) -> None:
    clinic.put(f"/{kind}/1", named(kind))
    refusals.check(clinic.delete(f"/{kind}/1"), 403, "forbidden", kind)
    element, _, value = WITHDRAWAL_MARKS[kind].partition(": ")
    marked: Any = {"false": False}.get(value, value)
    if element == "verificationStatus":
        system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
        marked = {"coding": [{"system": system, "code": value}]}
    clinic.patch(f"/{kind}/1", [{"op": "remove", "path": "/clinicalStatus"}])
    answer = clinic.patch(f"/{kind}/1", [{"op": "add", "path": f"/{element}", "value": marked}])
    assert answer.status == 200, answer.text
    assert clinic.get(f"/{kind}/1").body[element] == marked


@pytest.mark.parametrize("status", care.ENCOUNTER_STATUSES)
def test_an_encounter_is_deleted_by_administrators_only_whatever_its_status(
    clinic: ApiClient, status: str
) -> None:
    clinic.put("/Encounter/1", care.session(status, id="1"))
    refusals.check(clinic.delete("/Encounter/1"), 403, "forbidden", "Encounter")
    assert ADMIN.delete("/Encounter/1").status == 204


@pytest.mark.usefixtures("thread")
@pytest.mark.parametrize("status", care.COMMUNICATION_STATUSES)
@pytest.mark.parametrize("caller", SENDERS, ids=lambda caller: caller.role)
def test_a_sender_can_delete_only_drafts_of_their_own_messages(
    clinic: ApiClient, caller: ApiClient, status: str
) -> None:
    own = message(caller.fhir_user, status, id="m")
    assert clinic.put("/Communication/m", own).status == 201
    before = stored_items()
    if status == "preparation":
        assert caller.delete("/Communication/m").status == 204
        assert caller.get("/Communication/m").status == 410
    else:
        refusals.check(caller.delete("/Communication/m"), 403, "forbidden", "Communication")
        assert stored_items() == before


@pytest.mark.usefixtures("thread")
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("caller", SENDERS, ids=lambda caller: caller.role)
def test_an_own_draft_is_deleted_on_every_path(
    clinic: ApiClient, caller: ApiClient, path: Path
) -> None:
    clinic.put("/Communication/m", message(caller.fhir_user, "preparation", id="m", **NAMED))
    assert path(caller, "Communication", "m").status == 204
    assert ADMIN.get("/Communication/m").status == 410


@pytest.mark.parametrize("caller", SENDERS, ids=lambda caller: caller.role)
def test_a_draft_of_a_thread_header_is_deleted_by_its_sender(
    clinic: ApiClient, caller: ApiClient
) -> None:
    people = {"sender": care.reference(caller.fhir_user), "status": "preparation"}
    clinic.put("/Communication/h", care.header(id="h", **people))
    assert BOB.delete("/Communication/h").status == 204
    assert ADMIN.get("/Communication/h").version == "1"
    assert caller.delete("/Communication/h").status == 204
    assert ADMIN.get("/Communication/h").status == 410


@pytest.mark.usefixtures("thread")
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_the_draft_of_another_sender_is_not_found_for_deletion(
    clinic: ApiClient, path: Path
) -> None:
    clinic.put("/Communication/m", message(care.ALICE, "preparation", id="m", **NAMED))
    before = stored_items()
    assert path(BOB, "Communication", "m").status == path(BOB, "Communication", "none").status
    assert ADMIN.get("/Communication/m").version == "1"
    assert path(ADMIN, "Communication", "m").status == 204
    assert stored_items() != before


@pytest.mark.usefixtures("thread")
def test_a_sent_message_does_not_become_a_draft_again(clinic: ApiClient) -> None:
    clinic.put("/Communication/m", message(care.HOMER, id="m"))
    mine = message(care.ALICE, "preparation", id="m")
    assert clinic.put("/Communication/m", mine).status == 200
    refused = clinic.delete("/Communication/m")
    refusals.check(refused, 403, "forbidden", "Communication")
    better = mine | {"payload": [{"contentString": "Better"}]}
    assert clinic.put("/Communication/m", better).status == 200
    refusals.check(clinic.delete("/Communication/m"), 403, "forbidden", "Communication")
    withdrawn = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    assert clinic.patch("/Communication/m", withdrawn).status == 200
    assert ADMIN.delete("/Communication/m").status == 204


@pytest.mark.usefixtures("thread")
def test_a_draft_that_was_changed_often_is_still_a_draft(clinic: ApiClient) -> None:
    clinic.put("/Communication/m", message(care.ALICE, "preparation", id="m"))
    for text in ("It", "It itches", "It itches."):
        body = message(care.ALICE, "preparation", id="m", payload=[{"contentString": text}])
        assert clinic.put("/Communication/m", body).status == 200
    assert clinic.delete("/Communication/m").status == 204


@pytest.mark.usefixtures("thread")
def test_only_an_administrator_deletes_a_draft_without_a_sender_reference() -> None:
    nobody = ApiClient(fhir_user="")
    body = care.message("t", status="preparation", id="m", sender={"display": "Alice"})
    nobody.put("/Communication/m", body)
    assert nobody.delete("/Communication/m").status == 204
    assert ADMIN.get("/Communication/m").version == "1"
    assert ADMIN.delete("/Communication/m").status == 204
    assert ADMIN.get("/Communication/m").status == 410


def test_a_transaction_with_a_deletion_that_is_not_allowed_writes_nothing(
    clinic: ApiClient,
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    before = stored_items()
    answer = clinic.post(
        "/",
        bundle(
            "transaction",
            entry("POST", "Encounter", care.session()),
            entry("DELETE", "Encounter/1"),
        ),
    )
    refusals.check(answer, 403, "forbidden", "Bundle.entry[1].resource")
    assert stored_items() == before


def test_the_plain_api_refuses_as_fhir_does(clinic: ApiClient, practice: Practice) -> None:
    face = PlainClient(clinic)
    visit = face.create("/encounters", {"status": "in-progress", "class": "AMB"})
    heart = {"status": "final", "code": "Heart rate", "encounterId": visit["id"]}
    made = {
        "encounters": visit["id"],
        "observations": face.create("/observations", heart)["id"],
        "notes": face.create("/notes", {"content": "Well"})["id"],
    }
    for collection, own_id in made.items():
        refused = face.delete(f"/{collection}/{own_id}")
        assert refused.status == 403, refused.text
        assert refused.body["code"] == "forbidden"
        assert "entered-in-error" in refused.body["detail"]
        assert face.administrator.delete(f"/{collection}/{own_id}").status == 204
    thread = practice.post_header()
    draft = {"threadId": thread, "senderId": care.ALICE, "status": "preparation"}
    own_id = face.create("/messages", draft)["id"]
    assert face.delete(f"/messages/{own_id}").status == 204


@pytest.mark.parametrize("role", ["practitioner auditor", "practitioner patient", "nurse"])
def test_no_other_role_widens_the_right_to_delete(clinic: ApiClient, role: str) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    caller = ApiClient(role=role)
    assert caller.delete("/Encounter/1").status == 403
    door, header = tokens.caller([*role.split(), "admin"])
    assert door.delete("/Encounter/1", authorization=header).status == 204


def test_an_administrator_without_the_scope_deletes_nothing(clinic: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    limited = ApiClient(role="admin", claims={"scope": "user/Encounter.cru"})
    refusals.check(limited.delete("/Encounter/1"), 403, "forbidden")


def test_a_scope_to_delete_lets_a_practitioner_delete_no_record(clinic: ApiClient) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    scoped = ApiClient(claims={"scope": "user/*.cruds"})
    refusals.check(scoped.delete("/Encounter/1"), 403, "forbidden", "Encounter")


def test_deleting_a_missing_resource_succeeds(clinic: ApiClient) -> None:
    assert clinic.delete("/Encounter/none").status == 204
    assert clinic.delete(f"/Encounter?{QUERY}").status == 204
    clinic.put("/Encounter/1", care.session(id="1"))
    ADMIN.delete("/Encounter/1")
    assert clinic.delete("/Encounter/1").status == 204


def test_the_capability_statement_says_what_each_role_deletes(clinic: ApiClient) -> None:
    deletes = {role.name: role.deletes for role in ROLES.values()}
    assert deletes == {
        "admin": ANYTHING,
        "practitioner": OWN_DRAFTS,
        "auditor": NOTHING,
        "patient": OWN_DRAFTS,
        "related-person": OWN_DRAFTS,
        "service": NOTHING,
        "channel": NOTHING,
    }
    limited = "admin; only own drafts: patient, practitioner, related-person"
    paths = clinic.get("/openapi.json").body["paths"]
    described = [
        methods["delete"]["description"] for methods in paths.values() if "delete" in methods
    ]
    assert described
    assert all(text.startswith(f"For {limited}.") for text in described)
    (rest,) = clinic.get("/metadata").body["rest"]
    for resource in rest["resource"]:
        said = {
            interaction["code"]: interaction["documentation"]
            for interaction in resource["interaction"]
        }
        assert said.get("delete", limited).endswith(limited)
    assert "- practitioner: reads and writes everything" in rest["security"]["description"]
    assert "; deletes own drafts" in rest["security"]["description"]
