"""The rights of each role."""

from typing import Any

import pytest

from shared import settings
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import stored_items

WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/Encounter", care.session()),
    ("PUT", "/Encounter/1", care.session(id="1")),
    ("PATCH", "/Encounter/1", []),
    ("DELETE", "/Encounter/1", None),
)
READS = (
    ("GET", "/Encounter/1"),
    ("HEAD", "/Encounter/1"),
    ("GET", "/Encounter/1/_history"),
    ("GET", "/Encounter/1/_history/1"),
    ("GET", "/Encounter"),
    ("POST", "/Encounter/_search"),
)


@pytest.fixture(autouse=True)
def resource_url(clinic: ApiClient) -> None:
    """Store a resource to read."""
    clinic.put("/Encounter/1", care.session(id="1"))


def writes(caller: ApiClient) -> list[Answer]:
    return [caller.call(method, path, body) for method, path, body in WRITES]


def reads(caller: ApiClient) -> list[Answer]:
    return [caller.call(method, path) for method, path in READS]


def check_all(answers: list[Answer], status: int, code: str) -> None:
    """Check that all are refused; an answer to HEAD has no body."""
    assert {answer.status for answer in answers} == {status}
    for answer in answers:
        if answer.text:
            refusals.check(answer, status, code)
    assert [answer.text for answer in answers].count("") <= 1


def test_an_auditor_reads_and_does_not_write() -> None:
    before, auditor = stored_items(), ApiClient(role="auditor")
    assert {answer.status for answer in reads(auditor)} == {200}
    check_all(writes(auditor), 403, "forbidden")
    assert stored_items() == before


@pytest.mark.parametrize("role", ["admin", "practitioner", "auditor practitioner"])
def test_a_caller_with_one_of_the_roles_reads_and_writes(role: str) -> None:
    caller = ApiClient(role=role)
    assert {answer.status for answer in reads(caller)} == {200}
    assert caller.post("/Encounter", care.session()).status == 201


@pytest.mark.parametrize("role", ["", "nurse", "Admin", "administrator", "practitioners"])
def test_an_unknown_role_does_nothing(role: str) -> None:
    before, caller = stored_items(), ApiClient(role=role)
    check_all([*writes(caller), *reads(caller)], 403, "forbidden")
    assert stored_items() == before


def test_a_refusal_reveals_nothing_to_a_caller_without_a_role() -> None:
    caller = ApiClient(role="nurse")
    for path in ("/Encounter/1", "/Encounter/nowhere", "/Encounter/b a d", "/Encounter?x=1"):
        refusals.check(caller.get(path), 403, "forbidden")
    refusals.check(caller.post("/Encounter", "{"), 403, "forbidden")


@pytest.mark.parametrize("use", ["id", "refresh", ""])
def test_a_token_that_is_not_an_access_token_is_401(use: str) -> None:
    before, caller = stored_items(), ApiClient(role="admin", claims={"token_use": use})
    check_all([*writes(caller), *reads(caller)], 401, "login")
    assert stored_items() == before


def test_a_service_client_has_the_role_that_the_deployment_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLIENT_ROLES", "importer=admin,reporter=auditor")
    settings.settings.cache_clear()
    statuses = {
        client: ApiClient(role="", claims={"client_id": client, "sub": client})
        .post("/Encounter", care.session())
        .status
        for client in ("importer", "reporter", "stranger")
    }
    assert statuses == {"importer": 201, "reporter": 403, "stranger": 403}
    reporter = {"client_id": "reporter", "sub": "reporter"}
    assert ApiClient(role="", claims=reporter).get("/Encounter").status == 200


def test_a_user_without_groups_has_no_role_whatever_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLIENT_ROLES", "importer=admin")
    settings.settings.cache_clear()
    caller = ApiClient(role="", claims={"client_id": "importer", "sub": "somebody"})
    assert caller.get("/Encounter").status == 403


def test_one_role_does_not_widen_the_write_access_of_another(clinic: ApiClient) -> None:
    both = ApiClient(role="patient auditor", fhir_user=care.HOMER)
    bart: dict[str, Any] = {"subject": care.reference("Patient/bart-simpson")}
    theirs = clinic.post("/Encounter", care.session(**bart)).id
    thread = clinic.post(
        "/Communication", care.header(**bart, sender=care.reference(care.ALICE), recipient=[])
    ).id
    assert both.get(f"/Encounter/{theirs}").status == 200
    before = stored_items()
    header = entry(care.header(**bart))
    for refused in (
        both.post("/Communication", care.header(**bart)),
        both.post("/Communication", care.header(sender=care.reference(care.ALICE))),
        both.post("/Communication", care.message(thread)),
        both.post("/Encounter", care.session()),
        both.delete(f"/Communication/{thread}", if_match="1"),
        both.post("/", {"resourceType": "Bundle", "type": "transaction", "entry": [header]}),
    ):
        assert refused.status in (403, 412, 422), refused.text
    assert stored_items() == before
    assert both.post("/Communication", care.header()).status == 201
    # The identity is checked for the role that grants the right.
    nobody = ApiClient(role="patient auditor", fhir_user="")
    assert nobody.get(f"/Encounter/{theirs}").status == 200
    assert nobody.post("/Communication", care.header(sender=None)).status == 403


def entry(resource: dict[str, Any]) -> dict[str, Any]:
    kind = resource["resourceType"]
    return {"request": {"method": "POST", "url": kind}, "resource": resource}
