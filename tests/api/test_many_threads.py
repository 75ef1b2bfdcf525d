"""A person in more threads than one request reads still finds all messages."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.store import dynamodb
from tests import care, refusals
from tests.frontdoor import Answer, FrontDoor
from tests.practice import Practice, local, str_of

HOMER = FrontDoor("patient", care.HOMER)
THREADS, WITH_MESSAGES = 1260, 7
MOST_CALLS = 1200
MESSAGES = "/Communication?part-of:missing=false&_count=3"


@pytest.fixture
def said(practice: Practice) -> list[str]:
    """Create many threads of Homer's, some with a message; return the newest thread's first."""
    practice.clinic.post("/Communication", care.header(recipient=[]))
    found: list[str] = []
    for number in range(THREADS):
        moment = local("2026-03-01 00:00").replace(hour=number // 60, minute=number % 60)
        header = care.header(sent=str_of(moment), recipient=[care.reference(care.HOMER)])
        header |= {"subject": care.reference("Patient/bart-simpson")}
        thread = practice.clinic.post("/Communication", header).id
        if number % (THREADS // WITH_MESSAGES) == 0:
            say = care.message(
                thread, str_of(moment), subject=care.reference("Patient/bart-simpson")
            )
            found.insert(0, practice.clinic.post("/Communication", say).id)
    return found


def get(url: str) -> Answer:
    """Read a page, checking that it makes no more calls than a merge of 1,000 threads."""
    database: Any = dynamodb.client()
    database.made = 0
    answer = HOMER.get(url)
    assert database.made < MOST_CALLS
    return answer


def following(page: Answer) -> str:
    assert page.status == 200, page.text
    return next((link["url"] for link in page.body["link"] if link["relation"] == "next"), "")


def pages(url: str) -> Iterator[list[str]]:
    """Yield page after page."""
    while url:
        page = get(url)
        url = following(page)
        yield page.ids


def test_a_person_in_too_many_threads_to_merge_pages_through_all_messages(
    practice: Practice, said: list[str]
) -> None:
    read = list(pages(MESSAGES))
    assert [one for page in read for one in page] == said
    assert len(read) < 2 * len(said)
    # A thread that begins between two pages neither repeats nor hides a message.
    first = get(MESSAGES)
    for _ in range(3):
        practice.clinic.post("/Communication", care.header())
    rest = [one for page in pages(following(first)) for one in page]
    assert [*first.ids, *rest] == said


def test_a_search_by_a_person_in_too_many_threads_is_sorted(said: list[str]) -> None:
    thread = get(f"/Communication/{said[0]}").body["partOf"][0]["reference"]
    assert get(f"/Communication?part-of={thread}&_sort=-sent").ids == [said[0]]
    assert get(f"/Communication?_id={said[-1]}&_sort=sent").ids == [said[-1]]
    refusals.check(get(f"{MESSAGES}&_sort=-sent"), 400, "too-costly", "_sort")


def test_a_reverse_include_of_too_many_threads_is_refused(
    practice: Practice, said: list[str]
) -> None:
    practitioner = care.example("Practitioner", id="doctor-alice-smith")
    assert practice.clinic.put(f"/{care.ALICE}", practitioner).status == 201
    refused = get("/Practitioner?_revinclude=Communication:recipient")
    refusals.check(refused, 400, "too-costly")
    assert said
