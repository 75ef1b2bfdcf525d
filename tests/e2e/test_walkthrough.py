"""The walkthroughs over HTTP: that of the demo, and README's in Python."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

from shared.local import walkthrough
from shared.local.client import client
from shared.local.conversation import Conversation
from shared.packaging.build import ROOT


@pytest.mark.parametrize("token", ["TOKEN_ADMIN", "TOKEN_PRACTITIONER"])
def test_walkthrough(service: Mapping[str, str], token: str) -> None:
    with client(service["FHIR_BASE"], service[token]) as http:
        walkthrough.play(Conversation(http), others=True)


def test_the_walkthrough_in_python_runs_as_readme_shows_it(service: Mapping[str, str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | service,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *said, closed = done.stdout.splitlines()
    assert said == [
        "2026-11-20 09:00:00+00:00 My back hurts again.",
        "2026-11-20 09:12:30+00:00 Since Saturday.",
    ]
    (expected,) = re.findall(r"^print\(closed.*# (.*)$", program, re.MULTILINE)
    assert closed == expected
