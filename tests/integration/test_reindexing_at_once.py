"""Reindexing while others write: no change and no row is lost, and no stale row remains."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from functions import reindex
from shared.catalog.parameters import SEARCH_PARAMS
from shared.store.index import readiness
from tests.support import consistency
from tests.support.api_client import ApiClient
from tests.support.later_parameter import WARD, in_ward

pytestmark = pytest.mark.usefixtures("function_environment")
VISITS, PARTS, ROUNDS = 24, 2, 4


@pytest.fixture
def visits(clinic: ApiClient) -> Iterator[list[str]]:
    """Create visits before the search parameter exists."""
    yield [clinic.post("/Encounter", in_ward("a")).id for _ in range(VISITS)]
    del SEARCH_PARAMS.of("Encounter")["ward"]


def test_every_row_is_right_after_a_reindexing_with_concurrent_writers(
    clinic: ApiClient, visits: list[str]
) -> None:
    SEARCH_PARAMS.of(WARD.resource)[WARD.code] = WARD
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)

    def move(number: int) -> int:
        """Move a visit from ward to ward. Every second one is moved."""
        for round_ in range(ROUNDS):
            body = in_ward(f"b{round_}") | {"id": visits[number]}
            answer = clinic.put(f"/Encounter/{visits[number]}", body)
            assert answer.status == 200, answer.text
        return number

    with ThreadPoolExecutor(8) as pool:
        moves = [pool.submit(move, number) for number in range(0, VISITS, 2)]
        parts = [
            pool.submit(reindex.handler, {"part": number, "parts": PARTS}, context)
            for number in range(PARTS)
        ]
        repaired = sum(part.result()["repaired rows"] for part in parts)
        moved = {move.result() for move in moves}
    assert repaired >= VISITS // 2
    for number in range(PARTS):
        # This pass repairs guards, which wait until the rows of all parts are written.
        assert reindex.handler({"part": number, "parts": PARTS}, context)["done"]
    reindex.handler({"finish": PARTS}, context)
    readiness.ready_names.cache_clear()
    assert readiness.is_partitioned(WARD)
    last = f"/Encounter?ward=Location/b{ROUNDS - 1}&_count=100"
    assert sorted(clinic.get(last).ids) == sorted(visits[number] for number in moved)
    remaining = clinic.get("/Encounter?ward=Location/a&_count=100").ids
    assert sorted(remaining) == sorted(set(visits) - {visits[number] for number in moved})
    for round_ in range(ROUNDS - 1):
        assert clinic.get(f"/Encounter?ward=Location/b{round_}").ids == []
    consistency.check()
