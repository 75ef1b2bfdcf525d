"""Discovery of the token endpoints by apps, and the claims of the user pool's tokens."""

from typing import Any

import pytest

from functions import token_claims
from shared import settings
from shared.interactions.conformance import capabilities
from tests.support.api_client import ApiClient

AUTHORIZE, TOKEN = "https://pool.example/oauth2/authorize", "https://pool.example/oauth2/token"
PATH = "/.well-known/smart-configuration"


@pytest.fixture(autouse=True)
def endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHORIZE_URL", AUTHORIZE)
    monkeypatch.setenv("TOKEN_URL", TOKEN)
    settings.settings.cache_clear()
    capabilities.capabilities.cache_clear()


def test_the_token_endpoints_are_public() -> None:
    answer = ApiClient(role="").get(PATH)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body["authorization_endpoint"] == AUTHORIZE
    assert answer.body["token_endpoint"] == TOKEN
    assert answer.body["grant_types_supported"] == ["authorization_code", "client_credentials"]
    assert answer.body["code_challenge_methods_supported"] == ["S256"]
    assert {"client-confidential-symmetric", "permission-v2"} <= {*answer.body["capabilities"]}


def test_scopes_are_published_if_the_deployment_knows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "scopes_supported" not in ApiClient(role="").get(PATH).body
    monkeypatch.setenv("SCOPES_SUPPORTED", "openid patient/*.rs")
    settings.settings.cache_clear()
    assert ApiClient(role="").get(PATH).body["scopes_supported"] == ["openid", "patient/*.rs"]


def test_an_issuer_without_sign_in_page_offers_services_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTHORIZE_URL", "")
    settings.settings.cache_clear()
    body = ApiClient(role="").get(PATH).body
    assert "authorization_endpoint" not in body
    assert body["grant_types_supported"] == ["client_credentials"]


def test_the_capability_statement_names_the_token_endpoints_too() -> None:
    (extension,) = ApiClient(role="").get("/metadata").body["rest"][0]["security"]["extension"]
    assert extension["url"].endswith("/oauth-uris")
    uris = {part["url"]: part["valueUri"] for part in extension["extension"]}
    assert uris == {"authorize": AUTHORIZE, "token": TOKEN}


@pytest.mark.parametrize(
    ("attributes", "claims"),
    [
        ({}, {}),
        ({"custom:fhirUser": "Practitioner/alice"}, {"fhirUser": "Practitioner/alice"}),
        ({"custom:fhirUser": "Patient/1"}, {"fhirUser": "Patient/1", "patient": "1"}),
        (
            {"custom:fhirUser": "https://x.example/fhir/Patient/1"},
            {"fhirUser": "https://x.example/fhir/Patient/1", "patient": "1"},
        ),
        (
            {"custom:fhirUser": "RelatedPerson/2", "custom:patient": "1"},
            {"fhirUser": "RelatedPerson/2", "patient": "1"},
        ),
        ({"custom:tenant": "practice", "custom:patient": ""}, {"tenant": "practice"}),
    ],
)
def test_the_user_pool_states_who_a_user_is(
    attributes: dict[str, str], claims: dict[str, str]
) -> None:
    event: dict[str, Any] = {"request": {"userAttributes": attributes}, "response": {}}
    given = token_claims.handler(event, None)["response"]["claimsAndScopeOverrideDetails"]
    assert given["accessTokenGeneration"]["claimsToAddOrOverride"] == claims


def test_the_user_pool_adds_a_users_scopes_to_the_access_token_only() -> None:
    attributes = {"custom:scope": "patient/*.rs user/Communication.cru"}
    event: dict[str, Any] = {"request": {"userAttributes": attributes}, "response": {}}
    given = token_claims.handler(event, None)["response"]["claimsAndScopeOverrideDetails"]
    assert given["accessTokenGeneration"]["scopesToAdd"] == [
        "patient/*.rs",
        "user/Communication.cru",
    ]
    assert "scopesToAdd" not in given["idTokenGeneration"]
