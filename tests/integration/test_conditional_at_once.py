"""Concurrent conditional writes: the query sees what another request has just created."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.store import meter
from tests.support import care, consistency
from tests.support.api_client import Answer, ApiClient

pytestmark = pytest.mark.usefixtures("function_environment")
IDENTIFIER = [{"system": "https://twilio.com", "value": "SM1"}]
NAMED = "identifier=https://twilio.com|SM1"


def at_once(number: int, call: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(25) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(number)]]


@pytest.mark.parametrize("query", [NAMED, "patient=Patient/homer-simpson&status=in-progress"])
def test_a_hundred_concurrent_conditional_creates_make_one_resource(
    clinic: ApiClient, query: str
) -> None:
    body = care.session(identifier=IDENTIFIER)
    answers = at_once(100, lambda: clinic.post("/Encounter", body, if_none_exist=query))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 99}
    assert len({answer.id for answer in answers}) == 1
    assert len(clinic.get("/Encounter").ids) == 1
    consistency.check()


def test_concurrent_updates_by_query_make_one_resource(clinic: ApiClient) -> None:
    body = care.session(identifier=IDENTIFIER)
    answers = at_once(20, lambda: clinic.put(f"/Encounter?{NAMED}", body))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 19}
    assert len({answer.id for answer in answers}) == 1
    consistency.check()


def test_concurrent_creates_and_deletes_of_an_identifier_keep_its_guard(clinic: ApiClient) -> None:
    body = care.session(identifier=IDENTIFIER)
    statuses = Counter[int]()

    def turn() -> Answer:
        created = clinic.post("/Encounter", body, if_none_exist=NAMED)
        statuses[created.status] += 1
        deleted = clinic.administrator.delete(f"/Encounter/{created.id}")
        assert deleted.status == 204
        return created

    at_once(40, turn)
    assert set(statuses) <= {200, 201}
    assert clinic.get("/Encounter").ids == []
    consistency.check()


def test_a_conditional_create_costs_as_much_as_a_create(clinic: ApiClient) -> None:

    body = care.session(identifier=IDENTIFIER)
    assert clinic.post("/Encounter", body).status == 201
    plain = meter.consumed()["writeUnits"]
    other = care.session(identifier=[{**IDENTIFIER[0], "value": "SM2"}])
    clinic.post("/Encounter", other, if_none_exist=f"{NAMED[:-1]}2")
    assert meter.consumed()["writeUnits"] == plain
    clinic.post("/Encounter", care.session(), if_none_exist="status=finished")
    assert meter.consumed()["writeUnits"] == plain - 4 + 2
