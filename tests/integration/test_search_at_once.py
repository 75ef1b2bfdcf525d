"""Paging while others write: resources that do not change appear exactly once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tests.support import care, consistency
from tests.support.api_client import ApiClient

pytestmark = pytest.mark.usefixtures("function_environment")
STILL, MOVING, ROUNDS = 40, 12, 3
QUERIES = [
    "/Encounter?_sort=-_lastUpdated&_count=7",
    "/Encounter?_sort=_lastUpdated&_count=6",
    "/Encounter?class=VR&_sort=date&_count=5",
    f"/Encounter?patient={care.HOMER}&_count=9",
    "/Encounter?status=in-progress,finished&_sort=status,-date&_count=11",
    "/Encounter?status:not=planned&_sort=-date&_count=8",
]


def dated(number: int) -> dict[str, Any]:
    day = f"2026-11-{1 + number % 20:02}"
    return {"period": {"start": f"{day}T09:{number % 60:02}:00Z"}}


@pytest.fixture
def still(clinic: ApiClient) -> list[str]:
    """Create sessions that nobody changes, and between them others that will change."""
    ids = []
    for number in range(STILL):
        ids.append(clinic.post("/Encounter", care.session(**dated(number))).id)
        if number < MOVING:
            body = care.session(id=f"moving{number}", **dated(number))
            assert clinic.put(f"/Encounter/moving{number}", body).status == 201
    return ids


def writing(clinic: ApiClient, over: threading.Event, write: Callable[[int], int]) -> int:
    """Write until the event is set, and return how often. No write may be refused."""
    for number in count():
        if over.is_set():
            return number
        assert write(number) < 300
    raise AssertionError(clinic)


def moves(clinic: ApiClient) -> Callable[[int], int]:
    """Return a writer that changes sessions in every sort order: by date, by update, by status."""

    def write(number: int) -> int:
        own_id = f"moving{number % (MOVING // 2)}"
        status = ["in-progress", "onleave"][number % 2]
        body = care.session(status, id=own_id, **dated(7 * number))
        return clinic.put(f"/Encounter/{own_id}", body).status

    return write


def comes_and_goes(clinic: ApiClient) -> Callable[[int], int]:
    def write(number: int) -> int:
        own_id = f"moving{MOVING // 2 + number // 2 % (MOVING // 2)}"
        if number % 2 == 0:
            return clinic.administrator.delete(f"/Encounter/{own_id}").status
        body = care.session(id=own_id, **dated(11 * number))
        return clinic.put(f"/Encounter/{own_id}", body).status

    return write


def paged(clinic: ApiClient, query: str) -> Iterator[str]:
    following: str | None = query
    while following:
        answer = clinic.get(following)
        assert answer.status == 200, answer.text
        yield from answer.ids
        links = {link["relation"]: link["url"] for link in answer.body["link"]}
        following = links.get("next")


def test_unchanged_resources_are_on_exactly_one_page_while_others_write(
    clinic: ApiClient, still: list[str]
) -> None:
    over = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        writers = [
            pool.submit(writing, clinic, over, make_writer(clinic))
            for make_writer in (moves, comes_and_goes)
        ]
        try:
            for query in QUERIES * ROUNDS:
                seen = Counter(paged(clinic, query))
                assert {session_id: seen[session_id] for session_id in still} == dict.fromkeys(
                    still, 1
                ), query
        finally:
            over.set()
    assert all(writer.result() > 3 for writer in writers)
    consistency.check()
