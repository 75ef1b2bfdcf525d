"""Claims are taken literally: groups are whole values, and ID tokens are refused."""

from typing import Any

import pytest

from shared.access import tokens
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.practice import Practice
from tests.support.tokens import caller, flattened_claims, token

pytestmark = pytest.mark.usefixtures("practice")
ADMINS = ("DELETE", "/Encounter/1")


@pytest.fixture(autouse=True)
def stored(clinic: ApiClient, practice: Practice) -> None:  # noqa: ARG001 - makes the tables fast
    clinic.put("/Encounter/1", care.session(id="1"))


def statuses(groups: object, **claims: Any) -> tuple[int, int]:
    """Return the statuses of a read and of an administrators' request."""
    door, header = caller(groups, **claims)
    read = door.get("/Encounter/1", authorization=header).status
    return read, door.call(*ADMINS, authorization=header).status


@pytest.mark.parametrize(
    "groups",
    [
        ["Practice admin"],
        ["Billing,admin"],
        ["admin "],
        ["[admin]"],
        ["x", "Practice admin", "y"],
        ["Practice\tadmin"],
        "Practice admin",
        "Billing,admin",
        "[Practice admin]",
        "[admin]",
        [["admin"]],
        {"admin": True},
        [],
        None,
    ],
)
def test_a_group_whose_name_contains_a_role_is_not_that_role(groups: object) -> None:
    assert statuses(groups) == (403, 403)


@pytest.mark.parametrize(
    "groups", [["admin"], ["nurse", "admin"], ["Practice x", "admin"], "admin"]
)
def test_a_group_named_like_a_role_grants_it(groups: object) -> None:
    assert statuses(groups) == (200, 204)


def test_each_of_several_groups_counts() -> None:
    assert statuses(["auditor", "practitioner"]) == (200, 403)


@pytest.mark.parametrize(
    ("groups", "status"),
    [(["A b", "practitioner"], "204"), (["A b", "auditor"], "403"), (["[practitioner]"], "")],
)
def test_entries_of_a_bundle_come_with_the_bundles_token(groups: list[str], status: str) -> None:
    door, header = caller(groups)
    draft: Any = {"status": "preparation", "sender": care.reference(care.ALICE)}
    ApiClient().put("/Communication/draft", care.header(id="draft", **draft))
    entry = {"request": {"method": "DELETE", "url": "Communication/draft"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = door.post("/", bundle, authorization=header)
    assert answer.status == (200 if status else 403)
    assert [entry["response"]["status"][:3] for entry in answer.body.get("entry", ())] == [
        status
    ] * (answer.status == 200)


@pytest.mark.parametrize("groups", ["[Practice admin]", "[Billing,admin]", "Practice admin"])
def test_without_the_token_an_ambiguous_list_of_groups_grants_nothing(groups: str) -> None:
    claims = {"cognito:groups": groups}
    assert ApiClient(role="", claims=claims).get("/Encounter/1").status == 403


def test_the_authorization_header_is_read_without_a_scheme_and_in_any_case() -> None:
    door, header = caller(["practitioner"])
    for written in (header, header.removeprefix("Bearer "), header.replace("Bearer", "bearer")):
        assert door.get("/Encounter/1", Authorization=written).status == 200


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {token({'sub': 'somebody-else', 'iss': 'https://issuer.example'})}",
        f"Bearer {token({'sub': 'somebody'})}",
    ],
)
def test_a_token_other_than_the_verified_one_is_401(header: str) -> None:
    door, _ = caller(["practitioner"])
    refusals.check(door.get("/Encounter/1", authorization=header), 401, "login")


@pytest.mark.parametrize("header", ["Bearer x", "Bearer checked.by.the-gateway", "Basic YWxpY2U6"])
def test_the_gateways_claims_are_used_if_the_header_cannot_be_read(header: str) -> None:
    """This is the case for events of `sam local invoke`, whose tokens are made up."""
    door, _ = caller(["practitioner"])
    assert door.get("/Encounter/1", authorization=header).status == 200
    door, _ = caller(["Practice admin"])
    assert door.get("/Encounter/1", authorization=header).status == 403


def test_two_tokens_are_refused() -> None:
    door, header = caller(["Practice admin"])
    payload = {"iss": "https://issuer.example", "sub": "somebody", "jti": "1"}
    forged = token({**payload, "cognito:groups": ["Practice", "admin"]})
    for both in (f"{header}, Bearer {forged}", f"Bearer {forged},{header}", f"{header} {forged}"):
        assert door.get("/Encounter/1", authorization=both).status == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "n"},
        {"at_hash": "h"},
        {"c_hash": "h"},
        {"s_hash": "h"},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": "logout+jwt"},
        {"token_use": "id"},
        {"token_use": ["access"]},
    ],
)
def test_an_id_token_is_401(claims: dict[str, Any]) -> None:
    door, header = caller(["practitioner"], **claims)
    refusals.check(door.get("/Encounter/1", authorization=header), 401, "login")
    refusals.check(door.get("/Encounter/1"), 401, "login")


def test_a_token_header_with_another_type_is_401() -> None:
    door, _ = caller(["practitioner"])
    payload = {"iss": "https://issuer.example", "sub": "somebody", "jti": "1"}
    whole = payload | {"cognito:groups": ["practitioner"]}
    for kind, status in (("JWT", 200), ("at+jwt", 200), ("logout+jwt", 401), ("dpop+jwt", 401)):
        answer = door.get("/Encounter/1", authorization=f"Bearer {token(whole, typ=kind)}")
        assert answer.status == status


@pytest.mark.parametrize("claims", [{"typ": "Bearer"}, {"token_use": None}, {"typ": "at+jwt"}])
def test_an_access_token_of_another_issuer_is_accepted(claims: dict[str, Any]) -> None:
    assert statuses(["practitioner"], **claims) == (200, 403)


def test_scopes_in_a_list_are_whole_values() -> None:
    for scopes, status in (
        (["user/Encounter.r"], 200),
        (["openid user/Encounter.r"], 403),
        (["user/Encounter.r,user/Encounter.d"], 403),
    ):
        assert statuses(["practitioner"], scp=[*scopes, "user/Patient.r"])[0] == status


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "openid records/use"}, 200),
        ({"scp": ["records/use", "openid"]}, 200),
        ({"scope": "openid"}, 403),
        ({"scope": "records/user"}, 403),
        ({"scp": ["openid records/use"]}, 403),
        ({}, 403),
    ],
)
def test_a_deployment_can_require_a_scope(
    practice: Practice, claims: dict[str, Any], status: int
) -> None:
    practice.configure(REQUIRED_SCOPE="records/use")
    assert statuses(["practitioner"], **claims)[0] == status
    door, header = caller(["practitioner"], **claims)
    answer = door.get("https://fhir.example.org/v1/encounters/1", authorization=header)
    assert answer.status == status


def test_claims_without_a_token_are_read_from_the_gateway() -> None:
    payload = {"sub": "me", "cognito:groups": ["auditor", "patient"], "scope": "openid"}
    read = tokens.parse(flattened_claims(payload), "")
    groups = ["auditor", "patient"]
    assert (read.groups("cognito:groups", groups), read.scopes) == (groups, ["openid"])
