"""The same template under different base paths."""

import re
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


@pytest.mark.parametrize("base_path", ["", "/api/fhir"])
def test_links_lead_to_their_resources(base_path: str) -> None:
    with emulator() as running:
        values = environment(running, deploy(running, artefact(), {"BasePath": base_path}))
        with client(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"]) as http:
            talk = Conversation(http)
            talk.read(talk.create(session()))
            batch = {"resourceType": "Bundle", "type": "batch"}
            assert http.post("", json=batch).is_success
            assert http.get("metadata").is_success
            assert http.get("Encounter/1/2/3").status_code == 404
            root = values["FHIR_BASE"].removesuffix(base_path)
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
            assert f'data-base="{values["FHIR_BASE"]}"' in page.text
            assert http.get(f"{root}/explore/explore.js").is_success
            assert http.post(f"{root}/explore").status_code in (404, 405)
            for docs in ("docs", "docs/"):
                page = http.get(docs)
                assert f'data-base="{values["FHIR_BASE"]}"' in page.text
                (script,) = re.findall(r'src="(\S+/docs\.js)"', page.text)
                assert httpx.get(urljoin(values["FHIR_BASE"], script)).is_success
            assert http.get("docs/swagger-ui-bundle.js").is_success
