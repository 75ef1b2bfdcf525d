"""The same template under different base paths."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin

import httpx
import pytest

from shared.local.artefact import artefact
from shared.local.client import client
from shared.local.conversation import Conversation
from shared.local.emulator import emulator
from shared.local.environment import environment
from shared.local.examples import session
from shared.local.stack import deploy

ORIGIN = "https://app.example"


@pytest.fixture(scope="module", params=["", "/api/fhir"])
def base_path(request: pytest.FixtureRequest) -> str:
    path: str = request.param
    return path


@pytest.fixture(scope="module")
def deployed(base_path: str) -> Iterator[Mapping[str, str]]:
    """Yield the variables of a service under a base path, which pages of two origins may call."""
    parameters = {"BasePath": base_path, "AllowedOrigins": f"{ORIGIN},https://b.example"}
    with emulator() as running:
        yield environment(running, deploy(running, artefact(), parameters))


def preflight(url: str, origin: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return httpx.request("OPTIONS", url, headers=headers, timeout=30)


def test_links_lead_to_their_resources(deployed: Mapping[str, str], base_path: str) -> None:
    with client(deployed["FHIR_BASE"], deployed["TOKEN_PRACTITIONER"]) as http:
        talk = Conversation(http)
        talk.read(talk.create(session()))
        batch = {"resourceType": "Bundle", "type": "batch"}
        assert http.post("", json=batch).is_success
        assert http.get("metadata").is_success
        assert http.get("Encounter/1/2/3").status_code == 404
        root = deployed["FHIR_BASE"].removesuffix(base_path)
        created = http.post(f"{root}/v1/encounters", json={"status": "planned", "class": "AMB"})
        assert created.headers["Content-Type"] == "application/json"
        own_id = created.json()["data"]["id"]
        assert created.headers["Location"] == f"{root}/v1/encounters/{own_id}"
        assert http.get(f"Encounter/{own_id}").json()["class"]["code"] == "AMB"
        assert http.get(created.headers["Location"]).json() == created.json()
        for path in ("encounters/none", "none", "a/b/c/d", ""):
            refused = http.get(f"{root}/v1/{path}")
            assert refused.status_code == 404
            assert refused.headers["Content-Type"] == "application/problem+json"
        page = http.get(f"{root}/explore")
        assert page.is_success
        assert f'data-base="{deployed["FHIR_BASE"]}"' in page.text
        assert http.get(f"{root}/explore/explore.js").is_success
        assert http.post(f"{root}/explore").status_code in (404, 405)
        for docs in ("docs", "docs/"):
            page = http.get(docs)
            assert f'data-base="{deployed["FHIR_BASE"]}"' in page.text
            (script,) = re.findall(r'src="(\S+/docs\.js)"', page.text)
            assert httpx.get(urljoin(deployed["FHIR_BASE"], script)).is_success
        assert http.get("docs/swagger-ui-bundle.js").is_success


def test_pages_of_allowed_origins_may_make_every_request(
    deployed: Mapping[str, str], base_path: str
) -> None:
    base_url = deployed["FHIR_BASE"]
    paths = ["/", "/Encounter", "/Encounter/1/$close-session", *([""] if base_path else [])]
    for path in paths:
        answer = preflight(f"{base_url}{path}", ORIGIN)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "if-none-exist" in answer.headers["Access-Control-Allow-Headers"]
    headers = {"Authorization": f"Bearer {deployed['TOKEN_ADMIN']}", "Origin": ORIGIN}
    bundle = {"resourceType": "Bundle", "type": "batch"}
    answer = httpx.post(
        base_url + ("" if base_path else "/"), json=bundle, headers=headers, timeout=30
    )
    assert answer.is_success
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    stranger = httpx.get(
        f"{base_url}/metadata", headers={"Origin": "https://evil.example"}, timeout=30
    )
    assert "Access-Control-Allow-Origin" not in stranger.headers
