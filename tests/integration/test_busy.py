"""A throttled, slow or failing database: requests are retried, or refused as a whole."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import cycle
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from shared.store import dynamodb, transactions
from tests.support import care, consistency
from tests.support.api_client import Answer, ApiClient
from tests.support.steps import link, open_session

pytestmark = pytest.mark.usefixtures("function_environment")
CALLERS, REQUESTS = 8, 25


class _Body(BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.getvalue()


def refusal(code: str, *reasons: str) -> AWSResponse:
    """Return the answer of DynamoDB to a call that it refuses."""
    listed = ", ".join(f'{{"Code": "{reason}"}}' for reason in reasons)
    body = f'{{"__type": "x#{code}", "message": "x", "CancellationReasons": [{listed}]}}'
    return AWSResponse("http://x", 400, HTTPHeaders(), _Body(body.encode()))


OF_ANY = ("ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError")
OF_TRANSACTIONS = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")


class Trouble:
    """Refuse and delay calls at random, and count both."""

    def __init__(self, refused: float, slow: float) -> None:
        self.numbers, self.done = random.Random(3), Counter[str]()
        self.refused, self.slow, self.lock = refused, slow, threading.Lock()
        # Each kind in turn, so that every one occurs.
        self.kinds = {False: cycle(OF_ANY), True: cycle((*OF_TRANSACTIONS, *OF_ANY))}

    def __call__(self, **more: Any) -> AWSResponse | None:
        trouble = self._drawn(more["event_name"].endswith("TransactWriteItems"))
        if trouble == "slow":
            time.sleep(1)
        if trouble in OF_TRANSACTIONS:
            return refusal("TransactionCanceledException", "None", trouble)
        return refusal(trouble) if trouble in OF_ANY else None

    def _drawn(self, is_transaction: bool) -> str:
        with self.lock:
            draw = self.numbers.random()
            trouble = "slow" if draw > 1 - self.slow else ""
            if draw < self.refused:
                trouble = next(self.kinds[is_transaction])
            self.done[trouble] += 1
            return trouble


@pytest.fixture
def trouble(request: pytest.FixtureRequest) -> Iterator[Trouble]:
    troublemaker = Trouble(*request.param)
    events = dynamodb.client().meta.events
    events.register("before-send.dynamodb", troublemaker)
    yield troublemaker
    events.unregister("before-send.dynamodb", troublemaker)


def mixed(clinic: ApiClient, caller: int) -> list[Answer]:
    """Make a mix of requests, one after the other."""
    header = clinic.put(f"/Communication/t{caller}", care.header() | {"id": f"t{caller}"})
    session = clinic.post("/Encounter", care.session())
    requests: list[Callable[[], Answer]] = [
        lambda: clinic.post("/Communication", care.message(f"t{caller}")),
        lambda: clinic.post("/Encounter", care.session()),
        lambda: clinic.patch(f"/Communication/t{caller}", care.link(session.id)),
        lambda: clinic.get(f"/Communication?part-of=Communication/t{caller}"),
        lambda: clinic.get("/Encounter?class=VR"),
    ]
    return [header, session, *(requests[number % 5]() for number in range(REQUESTS))]


@pytest.mark.parametrize("trouble", [(0.1, 0.1)], indirect=True)
def test_requests_to_a_busy_and_slow_database_succeed_after_retries(
    clinic: ApiClient, trouble: Trouble
) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = [
            result
            for future in [pool.submit(mixed, clinic, number) for number in range(CALLERS)]
            for result in future.result()
        ]
    assert {answer.status for answer in answers} <= {200, 201}
    assert {"slow", *OF_ANY, *OF_TRANSACTIONS} <= trouble.done.keys()
    trouble.refused = trouble.slow = 0
    for answer in answers:
        if answer.status == 201:
            reference = f"{answer.body['resourceType']}/{answer.id}"
            assert clinic.get(f"/{reference}").status == 200
    consistency.check()


@pytest.mark.parametrize("trouble", [(0.0, 0.0)], indirect=True)
def test_requests_that_a_busy_database_refuses_are_503_and_write_nothing(
    clinic: ApiClient, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "CHANGE_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(dynamodb, "CALL_PATIENCE_SECONDS", 0.2)
    session_id = open_session(clinic)
    header_id = clinic.post("/Communication", care.header()).id
    stored_before = consistency.stored_items()
    trouble.refused = 1.0
    answers = [
        clinic.post("/Encounter", care.session()),
        clinic.post("/Communication", care.message(header_id)),
        clinic.patch(f"/Communication/{header_id}", care.link(session_id)),
        clinic.get(f"/Encounter/{session_id}"),
        clinic.get("/Encounter?class=VR"),
        clinic.administrator.delete(f"/Encounter/{session_id}"),
    ]
    trouble.refused = 0
    assert {answer.status for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert consistency.stored_items() == stored_before
    assert link(clinic, header_id, session_id) == 200
