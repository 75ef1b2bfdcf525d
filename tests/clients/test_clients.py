"""Published clients that know nothing of this service, and the examples in the documents."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from shared.local import environment, pool
from shared.local.emulator import Emulator
from shared.local.stack import outputs
from shared.packaging.build import ROOT
from tests.clients import playing
from tests.clients.playing import CLIENTS, Client

NEEDS_NODE = pytest.mark.skipif(
    not playing.has_node(), reason=f"Node {playing.OLDEST_NODE} or later, or npm, is missing"
)
PLAYED = [
    pytest.param(client, report, marks=[NEEDS_NODE] * client.needs_node, id=report["client"])
    for client, report in zip(CLIENTS, playing.report(), strict=True)
]
# What varies in an example: omissions, the base URL, ids, and timestamps.
VARIES = r",? ?\w*\.\.\.|http://127\.0\.0\.1:8080/|[0-9A-Z]{26}|2026-11-21T[\d:.]+Z"


@pytest.mark.parametrize(("client", "report"), PLAYED)
def test_every_call_of_a_client_works(
    client: Client, report: playing.Played, service: Mapping[str, str]
) -> None:
    # If a client has another version or other calls: uv run python -m tests.clients
    assert client.play(service) == report


PASSWORD = "Correct-horse-1-battery"


def signed_in(service: Mapping[str, str], scope: str) -> dict[str, Any]:
    """Sign a patient in on the user pool's own page, and return what the SMART app then has."""
    client = next(candidate for candidate in CLIENTS if candidate.directory == "fhirclient-js")
    client.install()
    person = {
        "SIGN_IN_CLIENT": at_the_pool(service)["UserClientId"],
        "SIGN_IN_NAME": "patient-Patient-homer-simpson",
        "SIGN_IN_PASSWORD": PASSWORD,
        "SCOPE": scope,
    }
    app: dict[str, Any] = json.loads(
        client.run((*playing.node(), "signin.mjs"), {**service, **person})
    )
    return app


def at_the_pool(service: Mapping[str, str]) -> Mapping[str, str]:
    """Set the password of a patient in the emulator's pool. Return the outputs of the stack."""
    running = Emulator(urlsplit(service["TOKEN_URL"]).port or 0)
    cognito, stack = running.client("cognito-idp"), outputs(running)
    pool.access_token(cognito, stack, pool.USERS["TOKEN_PATIENT"])
    cognito.admin_set_user_password(
        UserPoolId=stack["UserPoolId"],
        Username="patient-Patient-homer-simpson",
        Password=PASSWORD,
        Permanent=True,
    )
    return stack


ON_EMULATOR = pytest.mark.skipif("FHIR_BASE" in os.environ, reason="its sign-in page is a person's")


@NEEDS_NODE
@ON_EMULATOR
def test_a_smart_app_signs_in_at_the_user_pool_and_reads_with_its_token(
    service: Mapping[str, str],
) -> None:
    app = signed_in(service, "openid profile launch/patient patient/*.rs")
    assert app == {
        "user": "Patient/homer-simpson",
        "scope": ["launch/patient", "openid", "patient/*.rs", "profile"],
        "own": 200,
        "others": 0,
        "written": 403,
    }


@NEEDS_NODE
@ON_EMULATOR
def test_every_published_scope_for_people_can_be_requested(
    service: Mapping[str, str],
) -> None:
    published = httpx.get(f"{service['FHIR_BASE']}/.well-known/smart-configuration").json()
    offered = [scope for scope in published["scopes_supported"] if not scope.startswith("system/")]
    assert signed_in(service, " ".join(offered))["scope"] == sorted(offered)


@NEEDS_NODE
@ON_EMULATOR
def test_a_scope_that_the_pool_does_not_offer_is_refused(service: Mapping[str, str]) -> None:
    assert signed_in(service, "openid fhirUser") == {"refused": "invalid_scope"}


def section(document: str, title: str) -> str:
    """Return the section of a document with this heading."""
    return (ROOT / document).read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    texts: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return texts


def pattern(example: str) -> str:
    """Return a pattern for an answer of which a document shows a part."""
    squeezed = "".join(line.strip() for line in example.splitlines())
    return ".*?".join(map(re.escape, re.split(VARIES, squeezed)))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize(
    "document", ["README.md", "shared/interactions/README.md", "shared/plain/README.md"]
)
def test_the_walkthrough_with_curl_answers_as_the_document_says(
    service: Mapping[str, str], tmp_path: Path, document: str
) -> None:
    text = section(document, "Walkthrough with curl")
    values = {name: service[name] for name in ("FHIR_BASE", "TOKEN_PRACTITIONER")}
    environment.write(tmp_path / "async-encounters.env", values)
    script = "set -e\n" + "".join(blocks(text, "bash"))
    played = subprocess.run(
        ["/bin/bash", "-c", script],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        text=True,
    )
    for example in blocks(text, "json"):
        assert re.search(pattern(example), played.stdout), (example, played.stdout)


@NEEDS_NODE
def test_the_walkthrough_with_medplums_sdk_prints_what_the_document_says(
    service: Mapping[str, str],
) -> None:
    client = next(candidate for candidate in CLIENTS if candidate.directory == "medplum-core")
    client.install()
    command = (*playing.node(), "--import", "tsx", "walkthrough.mts")
    shown = blocks(section("tests/clients/README.md", "Walkthrough with the Medplum SDK"), "text")
    assert client.run(command, service) in shown
