"""Concurrent changes through FHIR and plain JSON: each keeps what the other has just written."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.support import care, consistency
from tests.support.api_client import Answer, ApiClient
from tests.support.plain_client import PlainClient

pytestmark = pytest.mark.usefixtures("function_environment")
FACE = PlainClient()
NUMBER = 12


def at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_concurrent_changes_through_both_apis_are_all_kept(clinic: ApiClient) -> None:
    own_id = clinic.post("/Encounter", care.visit()).id
    changes: list[dict[str, Any]] = [
        {"type": "Annual"},
        {"location": "Room 204"},
        {"reasonCode": "Check-up"},
        {"practitionerIds": ["alice", "bob"]},
        {"diagnosis": [{"condition": "Hypertension", "rank": 1}]},
        {"lengthMinutes": 45},
    ]
    elements = ("account", "appointment", "basedOn")
    calls = [partial(FACE.patch, f"/encounters/{own_id}", change) for change in changes]
    for name in elements:
        added = [{"op": "add", "path": f"/{name}", "value": [{"display": "x"}]}]
        calls.append(partial(clinic.patch, f"/Encounter/{own_id}", added))
    assert {answer.status for answer in at_once(calls)} == {200}
    data = FACE.get(f"/encounters/{own_id}").body["data"]
    for change in changes:
        assert data.items() >= change.items()
    stored = clinic.get(f"/Encounter/{own_id}")
    assert all(stored.body[name] == [{"display": "x"}] for name in elements)
    assert stored.version == str(1 + len(calls))
    consistency.check()


def test_of_concurrent_changes_to_one_version_only_one_succeeds() -> None:
    created = FACE.post("/encounters", {"status": "in-progress", "class": "AMB"})
    path, tag = f"/encounters/{created.body['data']['id']}", created.headers["ETag"]
    answers = at_once(
        [
            partial(FACE.patch, path, {"type": f"Type {number}"}, if_match=tag)
            for number in range(NUMBER)
        ]
    )
    assert sorted(answer.status for answer in answers) == [200, *[412] * (NUMBER - 1)]
    (won,) = (answer for answer in answers if answer.status == 200)
    assert FACE.get(path).body == won.body
    consistency.check()
