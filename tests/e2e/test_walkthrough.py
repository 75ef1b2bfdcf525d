"""The walkthrough over HTTP."""

from collections.abc import Mapping

import pytest

from shared.local import walkthrough
from shared.local.client import client
from shared.local.conversation import Conversation


@pytest.mark.parametrize("token", ["TOKEN_ADMIN", "TOKEN_PRACTITIONER"])
def test_walkthrough(service: Mapping[str, str], token: str) -> None:
    with client(service["FHIR_BASE"], service[token]) as http:
        walkthrough.play(Conversation(http), others=True)
