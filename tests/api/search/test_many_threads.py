"""A person in more threads than one request reads still finds all messages."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.store import dynamodb
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.practice import Practice, instant_text, local

HOMER = ApiClient("patient", care.HOMER)
THREADS, WITH_MESSAGES = 1260, 7
MOST_CALLS = 1200
MESSAGES = "/Communication?part-of:missing=false&_count=3"


@pytest.fixture
def thread_messages(practice: Practice) -> list[str]:
    """Create many threads of Homer's, some with a message; return the newest thread's first."""
    practice.clinic.post("/Communication", care.header(recipient=[]))
    found: list[str] = []
    for number in range(THREADS):
        moment = local("2026-03-01 00:00").replace(hour=number // 60, minute=number % 60)
        header = care.header(sent=instant_text(moment), recipient=[care.reference(care.HOMER)])
        header |= {"subject": care.reference("Patient/bart-simpson")}
        thread = practice.clinic.post("/Communication", header).id
        if number % (THREADS // WITH_MESSAGES) == 0:
            say = care.message(
                thread, instant_text(moment), subject=care.reference("Patient/bart-simpson")
            )
            found.insert(0, practice.clinic.post("/Communication", say).id)
    return found


def read_page(url: str) -> Answer:
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
        page = read_page(url)
        url = following(page)
        yield page.ids


def test_a_person_in_too_many_threads_to_merge_pages_through_all_messages(
    practice: Practice, thread_messages: list[str]
) -> None:
    read = list(pages(MESSAGES))
    assert [message_id for page in read for message_id in page] == thread_messages
    assert len(read) < 2 * len(thread_messages)
    # A thread that begins between two pages neither repeats nor hides a message.
    first = read_page(MESSAGES)
    for _ in range(3):
        practice.clinic.post("/Communication", care.header())
    rest = [message_id for page in pages(following(first)) for message_id in page]
    assert [*first.ids, *rest] == thread_messages


def test_a_search_by_a_person_in_too_many_threads_is_sorted(thread_messages: list[str]) -> None:
    thread = read_page(f"/Communication/{thread_messages[0]}").body["partOf"][0]["reference"]
    assert read_page(f"/Communication?part-of={thread}&_sort=-sent").ids == [thread_messages[0]]
    assert read_page(f"/Communication?_id={thread_messages[-1]}&_sort=sent").ids == [
        thread_messages[-1]
    ]
    refusals.check(read_page(f"{MESSAGES}&_sort=-sent"), 400, "too-costly", "_sort")


def test_a_reverse_include_of_too_many_threads_is_refused(
    practice: Practice, thread_messages: list[str]
) -> None:
    practitioner = care.example("Practitioner", id="doctor-alice-smith")
    assert practice.clinic.put(f"/{care.ALICE}", practitioner).status == 201
    refused = read_page("/Practitioner?_revinclude=Communication:recipient")
    refusals.check(refused, 400, "too-costly")
    assert thread_messages
