"""The queries of real inboxes: their matches, and their cost as the data grows."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.errors import Invalid, TooCostly
from shared.fhir import ulids
from shared.search.run.search import Result
from shared.store import codec
from tests.benchmarks.inboxes import DOCUMENT
from tests.support import care, inbox_queries
from tests.support.inbox_queries import CLOSED_STATUSES
from tests.support.memory_reads import Memory
from tests.support.search_page import full_visibility, search_page
from tests.support.stored_clinic import StoredClinic, instant_at, meta, open_clinic


@pytest.fixture
def archive() -> Iterator[StoredClinic]:
    with open_clinic() as empty:
        yield empty


def ask(query: str | Sequence[tuple[str, str]], caller_id: str = "me", tenant: str = "-") -> Result:
    """Search by a URL's query, or by the pairs of a `next` link."""
    if isinstance(query, str):
        resource_type, _, text = query.partition("?")
        parts = [part.partition("=") for part in text.split("&") if part]
        pairs = [(name, value) for name, _, value in parts]
    else:
        resource_type, pairs = "Communication", list(query)
    return search_page(resource_type, pairs, full_visibility(caller_id, tenant))


def ids(result: Result) -> list[str]:
    return [json.loads(resource)["id"] for resource in result.resources]


def every_page(query: str) -> list[str]:
    page = ask(query)
    found = ids(page)
    resource_type = query.partition("?")[0]
    while page.next:
        page = search_page(resource_type, page.next)
        assert page.resources, "a page that goes on is not empty"
        found += ids(page)
    return found


@pytest.fixture(scope="module")
def grown_archives() -> list[Memory]:
    stores = []
    for size in (1_000, 6_000):
        with open_clinic() as archive:
            inbox_queries.fill(archive, size)
        assert inbox_queries.resource_count(archive.memory) == size
        stores.append(archive.memory)
    return stores


@pytest.mark.parametrize("query", inbox_queries.INBOX)
def test_the_cost_of_an_inbox_does_not_depend_on_how_much_is_stored(
    query: str, grown_archives: list[Memory]
) -> None:
    costs = []
    for memory in grown_archives:
        with open_clinic(memory):
            costs.append(inbox_queries.cost(memory, query))
    units = [cost.units for cost in costs]
    assert max(units) <= inbox_queries.INBOX[query], costs
    if "_total" not in query:
        assert units[1] <= units[0] + 1, costs
    if not query.count("&") and "part-of:missing" not in query:
        assert all(cost.rows <= 2 * max(cost.found, 1) for cost in costs), costs
    assert costs[0].found or "|VR" in query


def test_the_document_states_the_cost_of_inboxes() -> None:
    # If not: uv run python -m tests.benchmarks.inboxes
    for query, bound in inbox_queries.INBOX.items():
        pattern = rf"^\| `{re.escape(query)}` \| (\d+) \| (\d+) \| {bound} \|"
        row = re.search(pattern, DOCUMENT.read_text().replace("\\|", "|"), re.MULTILINE)
        assert row, query
        assert int(row[2]) <= bound


def test_the_inbox_of_unfinished_messages_keeps_those_not_done(archive: StoredClinic) -> None:
    for number, status in enumerate(
        ["in-progress", "not-done", "completed", "on-hold", "preparation"]
    ):
        archive.header(status, number, status=status)
    found = ids(
        ask(
            f"Communication?part-of:missing=true&recipient={care.ALICE}&status:not={CLOSED_STATUSES}"
        )
    )
    assert set(found) == {"in-progress", "not-done", "on-hold", "preparation"}
    listed = f"Communication?part-of:missing=true&status:not={CLOSED_STATUSES}&_sort=-_lastUpdated"
    assert ids(ask(listed)) == ["preparation", "on-hold", "not-done", "in-progress"]


def test_a_thread_reads_in_order_of_sent_both_ways_with_drafts_last(archive: StoredClinic) -> None:
    sent = [archive.message("t", minutes) for minutes in (3, 1, 2)]
    draft = care.message("t") | meta("t.draft", 9) | {"status": "preparation"}
    packed = {"resource": {"B": codec.pack(json.dumps(draft).encode())}}
    undated = ulids.prefix(ulids.UNDATED + 7) + "0" * 16
    archive.put(patterns.THREAD, "-#t", f"m#{undated}", **packed)
    forward = [sent[1], sent[2], sent[0], "t.draft"]
    query = "Communication?part-of=Communication/t&_count=2&_sort="
    assert every_page(query + "sent") == forward
    assert every_page(query + "-sent") == [*forward[2::-1], "t.draft"]


def test_a_session_lists_the_messages_that_joined_it_or_were_adopted_by_it(
    archive: StoredClinic,
) -> None:
    adopted = archive.message("t", 1, epoch={"N": "0"})
    joined = archive.message("t", 2, session={"S": "s"})
    archive.message("t", 3, session={"S": "other"})
    archive.message("t", 4, epoch={"N": "5"})
    archive.put(patterns.THREAD, "-#t", "a#0000000002", session={"S": "s"})
    low = f"m#{adopted.rpartition('.')[2]}"
    archive.put(patterns.ENCOUNTER, "-#s", "t#t", low={"S": low})
    assert ids(ask("Communication?session=Encounter/s&_sort=sent")) == [adopted, joined]
    assert ids(ask("Communication?session=s&_sort=-sent&_count=1")) == [joined]
    assert every_page("Communication?session=s&_sort=-sent&_count=1") == [joined, adopted]
    assert ids(ask("Communication?session=Patient/s")) == []


def test_a_code_with_a_leading_bar_is_not_taken_for_one_without_system(
    archive: StoredClinic,
) -> None:
    for value in ("5", "|5"):
        archive.header(f"h{len(value)}", 1, identifier=[{"value": value}])
    archive.header("h3", 1, identifier=[{"system": "urn:a", "value": "5"}])
    assert ids(ask("Communication?identifier=|5")) == ["h1"]
    assert ids(ask(r"Communication?identifier=\|5")) == ["h2"]
    assert sorted(ids(ask("Communication?identifier=5"))) == ["h1", "h3"]


def test_a_class_of_another_system_is_found_with_and_without_the_system(
    archive: StoredClinic,
) -> None:
    systems = {"usual": care.ACT_CODE, "other": "urn:other", "third": "urn:third", "none": ""}
    for minutes, (key, system) in enumerate(systems.items()):
        coded: dict[str, Any] = {"class": {"code": "VR"} | ({"system": system} if system else {})}
        archive.encounter(key, minutes, **coded)
    for key, system in systems.items():
        assert ids(ask(f"Encounter?class={system}|VR")) == [key]
    assert ids(ask("Encounter?class=urn:other|VR,|VR")) == ["none", "other"]
    assert ids(ask("Encounter?class=VR")) == ["none", "third", "other", "usual"]


@pytest.mark.parametrize("query", ["date=gt2026-01-03T12:00Z", "identifier=urn:other|5"])
def test_an_empty_page_by_an_indexed_parameter_goes_on_to_its_end(
    archive: StoredClinic, query: str
) -> None:
    """More resources than one request reads do not match; only the very first matches, or none."""
    shown: dict[str, Any] = {"identifier": [{"system": "urn:a", "value": "5"}]}
    archive.encounter("first", 0, period={"start": instant_at(0), "end": instant_at(9999)})
    for number in range(1, 2300):
        archive.encounter(
            f"e{number}",
            number,
            period={"start": instant_at(number), "end": instant_at(number + 1)},
            **shown,
        )
    page = ask(f"Encounter?{query}")
    assert (ids(page), page.next) == (["first"] if "date" in query else [], None)
    assert archive.memory.rows <= 10_000


def test_stale_rows_of_a_moved_message_are_not_found(archive: StoredClinic) -> None:
    kept = archive.message("t", 1)
    place = "m#" + ulids.prefix(0) + "0" * 16
    archive.put(patterns.THREAD, "-#t", place, to={"L": [{"S": "t"}, {"S": "m#x"}]})
    gone = "m#" + ulids.prefix(5) + "0" * 16
    archive.put(patterns.THREAD, "-#t", gone, deleted={"BOOL": True})
    assert ids(ask("Communication?part-of=Communication/t")) == [kept]


def test_equal_times_are_paged_through_once_each(archive: StoredClinic) -> None:
    for number in range(30):
        archive.encounter(f"e{number}", 5, period={"start": instant_at(5)})
    for query in ("Encounter?class=VR&_count=7", "Encounter?_sort=-_lastUpdated&_count=4"):
        found = every_page(query)
        assert sorted(found) == sorted(f"e{number}" for number in range(30))


def test_a_resource_in_two_partitions_appears_once(archive: StoredClinic) -> None:
    for number in range(10):
        archive.header(f"h{number}", number)
    query = f"Communication?recipient={care.ALICE},{care.HOMER}&_count=3"
    assert sorted(every_page(query)) == sorted(f"h{number}" for number in range(10))


def test_a_row_without_the_whole_resource_is_completed_and_matched_again(
    archive: StoredClinic,
) -> None:
    archive.encounter("whole", 1)
    archive.encounter("part", 2, partial=True, text={"status": "additional", "div": "<div/>"})
    archive.encounter("gone", 3, partial=True)
    archive.memory.delete_item(
        TableName=patterns.ENCOUNTER, Key={"pk": {"S": "-#gone"}, "sk": {"S": "current"}}
    )
    page = ask("Encounter?patient=Patient/homer-simpson&status=in-progress")
    assert ids(page) == ["part", "whole"]
    assert "text" in json.loads(page.resources[0])


def test_ids_are_read_directly_and_still_matched(archive: StoredClinic) -> None:
    for number in range(4):
        archive.encounter(f"e{number}", number, status="finished" if number else "cancelled")
    archive.memory.clear()
    assert ids(ask("Encounter?_id=e3,e0,e1,none&status=finished")) == ["e3", "e1"]
    assert archive.memory.calls == 1
    assert every_page("Encounter?_id=e3,e1,e2&_count=1") == ["e3", "e1", "e2"]
    assert every_page("Encounter?_id=e3,e1,e2&_count=1&_sort=_lastUpdated") == ["e1", "e2", "e3"]


def test_a_request_reads_two_thousand_rows_and_goes_on_by_its_next(archive: StoredClinic) -> None:
    for number in range(2300):
        archive.header(f"h{number}", number, status="completed" if number else "stopped")
    archive.memory.clear()
    page = ask("Communication?part-of:missing=true&status=stopped")
    assert ids(page) == []
    assert archive.memory.rows == 2000
    assert page.next is not None
    assert ids(ask(page.next)) == ["h0"]


def test_a_sort_of_more_than_two_thousand_is_refused_with_advice(
    archive: StoredClinic,
) -> None:
    for number in range(2001):
        archive.header(f"h{number}", number)
    with pytest.raises(TooCostly) as refused:
        ask("Communication?_sort=status")
    assert "recipient" in refused.value.issues[0].diagnostics


def test_a_cursor_is_bound_to_its_query_tenant_and_caller(archive: StoredClinic) -> None:
    for number in range(5):
        archive.header(f"h{number}", number)
    page = ask("Communication?part-of:missing=true&_count=2")
    assert page.next is not None
    cursor = page.next[-1]
    assert cursor[0] == "_cursor"
    other: list[Any] = [
        lambda: ask([("part-of:missing", "false"), cursor]),
        lambda: ask(page.next or (), caller_id="another"),
        lambda: ask(page.next or (), tenant="another"),
        lambda: ask([*page.next[:-1], ("_cursor", "e30")]),
        lambda: ask([*page.next[:-1], ("_cursor", cursor[1][:-4])]),
        lambda: ask([*page.next[:-1], ("_cursor", "~")]),
    ]
    for attempt in other:
        with pytest.raises(Invalid) as refused:
            attempt()
        assert refused.value.issues[0].expression == "_cursor"


def test_a_page_ends_before_the_answer_becomes_too_large(archive: StoredClinic) -> None:
    for number in range(3):
        large: dict[str, Any] = {
            "text": {"status": "additional", "div": chr(97 + number) * 2_000_000}
        }
        archive.encounter(f"e{number}", number, **large)
    page = ask("Encounter?patient=Patient/homer-simpson")
    assert ids(page) == ["e2", "e1"]
    assert every_page("Encounter?patient=Patient/homer-simpson") == ["e2", "e1", "e0"]


def test_tenants_do_not_see_each_other(archive: StoredClinic) -> None:
    archive.header("h", 1)
    assert ids(ask("Communication?part-of:missing=true", tenant="other")) == []


@pytest.mark.usefixtures("archive")
def test_every_issue_of_a_query_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        ask("Encounter?nonsense=1&date=yesterday&status:above=x&_sort=-colour&_count=-1")
    named = {issue.expression for issue in refused.value.issues}
    assert named == {"nonsense", "date", "status:above", "_sort", "_count"}
    assert "part-of" in refused.value.issues[0].text


def test_a_lenient_search_ignores_unknown_parameters(archive: StoredClinic) -> None:
    archive.encounter("e", 1)
    query = [("nonsense", "1"), ("class", "VR"), ("_count", "5000")]
    page = search_page("Encounter", query, lenient=True)
    assert ids(page) == ["e"]
    assert page.applied == (("class", "VR"), ("_count", "1000"))
    assert [issue.expression for issue in page.warnings] == ["nonsense"]


def test_a_thread_of_thousands_is_included_over_as_many_pages_as_it_takes(
    archive: StoredClinic,
) -> None:
    archive.encounter("e", 1)
    for name in ("a", "b"):
        archive.header(name, 1, encounter=care.reference("Encounter/e"))
    sent = [archive.message(name, minutes) for name in ("a", "b") for minutes in range(2100)]
    query = "Encounter?_id=e&_revinclude=Communication:encounter"
    page = ask(query + "&_revinclude:iterate=Communication:part-of")
    assert ids(page) == ["e"]
    found: list[str] = []
    while True:
        found += [json.loads(resource)["id"] for resource in page.included]
        assert archive.memory.rows <= 2000 + 10
        if not page.next:
            break
        archive.memory.clear()
        page = search_page("Encounter", page.next)
        assert ids(page) == []
        assert page.included
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(["a", "b", *sent])


def test_a_page_ends_before_a_match_whose_includes_it_has_no_room_for(
    archive: StoredClinic,
) -> None:
    for name in ("a", "b", "c"):
        archive.header(name, "abc".index(name))
        for minutes in range(900):
            archive.message(name, minutes)
    query = "Communication?part-of:missing=true&_revinclude=Communication:part-of"
    page = ask(query)
    assert ids(page) == ["c", "b"]
    assert len(page.included) == 1800
    page = ask(page.next or "")
    assert (ids(page), len(page.included), page.next) == (["a"], 900, None)
