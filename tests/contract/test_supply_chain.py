"""Third-party software is pinned with hashes, audited and listed."""

import re
from typing import Any

import pytest

from shared.packaging.build import ROOT
from tests.tools.advisories import Verdict, verdict

RUN = (ROOT / ".ci/run").read_text()
TOOLS = {path.stem: path.read_text() for path in (ROOT / ".ci/tools").glob("*.txt")}


def report(*found: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(found)}


SOUND = {"name": "a", "version": "1", "vulns": []}
VULNERABLE = {"name": "b", "version": "1", "vulns": [{"id": "CVE-1"}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def judged(audit: dict[str, Any] | None, *, reachable: bool, unless: bool = False) -> Verdict:
    return verdict(audit, lambda: reachable, unless_unreachable=unless)


@pytest.mark.parametrize("said", [None, report(), report(UNKNOWN, UNKNOWN)])
def test_an_empty_audit_fails_unless_the_service_is_unreachable_and_that_is_allowed(
    said: dict[str, Any] | None,
) -> None:
    assert judged(said, reachable=True).fails
    assert judged(said, reachable=True, unless=True).fails
    assert judged(said, reachable=False).fails
    allowed = judged(said, reachable=False, unless=True)
    assert not allowed.fails
    assert "NOTHING WAS AUDITED" in allowed.text


def test_a_known_vulnerability_fails_the_check_and_is_named() -> None:
    assert not judged(report(SOUND, UNKNOWN), reachable=True).fails
    judgement = judged(report(SOUND, VULNERABLE), reachable=True, unless=True)
    assert judgement.fails
    assert "b CVE-1" in judgement.text
    assert "2 dependencies, 1 vulnerable, 0 unknown" in judgement.text


def test_every_tool_of_ci_is_pinned_with_hashes() -> None:
    used = {*re.findall(r"\.ci/tool (\S+)", RUN), "pip-audit", "uv"}
    assert used == set(TOOLS)
    assert "uv tool run" not in RUN
    for name, text in TOOLS.items():
        requirements = re.sub(r"\\\n\s*", "", text).strip().splitlines()
        assert any(line.startswith(f"{name}==") for line in requirements), name
        for line in requirements:
            assert re.match(r"[a-z0-9._-]+==\S+ (?:; .+? )?--hash=sha256:[0-9a-f]{64}", line), line


def test_tools_are_installed_only_with_hashes() -> None:
    assert "--require-hashes" in (ROOT / ".ci/tool").read_text()
    assert "pip install --quiet --require-hashes" in RUN
