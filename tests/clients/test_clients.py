"""Clients that know nothing of this service, and what README shows of two of them."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.local import environment
from tests.clients import playing
from tests.clients.playing import CLIENTS, Client
from tests.contract import readme

README = readme.PATH.read_text()
NEEDS_NODE = pytest.mark.skipif(
    not playing.has_node(), reason=f"Node {playing.OLDEST_NODE} or later, or npm, is missing"
)
PLAYED = [
    pytest.param(client, report, marks=[NEEDS_NODE] * client.needs_node, id=report["client"])
    for client, report in zip(CLIENTS, playing.report(), strict=True)
]
# In an answer that README shows: what is left out, the base URL, ids, and when it was.
VARIES = r",? ?\w*\.\.\.|http://127\.0\.0\.1:8080/|[0-9A-Z]{26}|2026-11-21T[\d:.]+Z"


@pytest.mark.parametrize(("client", "report"), PLAYED)
def test_every_call_of_a_client_works(
    client: Client, report: playing.Played, service: Mapping[str, str]
) -> None:
    # If a client has another version or other calls: uv run python -m tests.clients
    assert client.play(service) == report


def section(title: str) -> str:
    """What README says under a heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found


def pattern(example: str) -> str:
    """What an answer looks like that README shows in part."""
    squeezed = "".join(line.strip() for line in example.splitlines())
    return ".*?".join(map(re.escape, re.split(VARIES, squeezed)))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("title", ["Walkthrough with curl", "Plain JSON"])
def test_the_walkthrough_with_curl_answers_as_readme_says(
    service: Mapping[str, str], tmp_path: Path, title: str
) -> None:
    text = section(title)
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
def test_the_walkthrough_with_medplums_sdk_prints_what_readme_says(
    service: Mapping[str, str],
) -> None:
    client = next(one for one in CLIENTS if one.directory == "medplum-core")
    client.install()
    command = (*playing.node(), "--import", "tsx", "walkthrough.mts")
    assert client.run(command, service) in blocks(section("The same with the Medplum SDK"), "text")
