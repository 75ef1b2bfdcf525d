"""Paging in both directions, by cursor and offset, with totals and refusals."""

from collections.abc import Iterator

import orjson
import pytest

from shared.errors import Invalid
from shared.search.run.search import Result
from tests.support import care
from tests.support.search_page import full_visibility, search_page
from tests.support.stored_clinic import StoredClinic, instant_at, open_clinic

type Pairs = list[tuple[str, str]]
PATIENT = ("patient", "Patient/homer-simpson")


@pytest.fixture(scope="module")
def archive() -> Iterator[StoredClinic]:
    """Store 27 Encounters, two of them without a date, and 2,100 threads."""
    with open_clinic() as made:
        for number in range(27):
            dated = {"period": {"start": instant_at(number // 2)}} if number < 25 else {}
            length = {"length": {"value": number % 5}} if number % 3 else {}
            made.encounter(f"e{number:02}", number, partial=number % 4 == 0, **dated, **length)
        for number in range(2100):
            made.header(f"h{number}", number, subject=care.reference(f"Patient/{number % 3}"))
        yield made


def ask(
    query: Pairs, resource_type: str = "Encounter", caller_id: str = "me", tenant: str = "-"
) -> Result:
    return search_page(resource_type, query, full_visibility(caller_id, tenant))


def ids(result: Result) -> list[str]:
    return [orjson.loads(resource)["id"] for resource in result.resources]


ORDERS = [[], [("_sort", "date")], [("_sort", "-date")], [("_sort", "-_lastUpdated")]]
ORDERS += [[("_sort", "length,-_id")], [("_sort", "-length,date")]]


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("sort", ORDERS, ids=str)
@pytest.mark.parametrize("by", ["patient", "_id", "class"])
def test_previous_pages_are_the_same_as_on_the_way_there(sort: Pairs, by: str) -> None:
    named = ",".join(f"e{number:02}" for number in (*range(13, 27), *range(13)))
    query = [{"patient": PATIENT, "_id": ("_id", named), "class": ("class", "VR")}[by], *sort]
    whole = ids(ask([*query, ("_count", "100")]))
    assert len(whole) == len({*whole}) == 27
    page, forward = ask([*query, ("_count", "4")]), []
    assert "previous" not in page.links
    while page.next:
        forward.append(ids(page))
        page = ask(list(page.next))
    assert [one for each in (*forward, ids(page)) for one in each] == whole
    while forward:
        page = ask(list(page.links["previous"]))
        assert ids(page) == forward.pop()
    assert "previous" not in page.links
    assert ids(ask(list(page.links["next"]))) == whole[4:8]


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("sort", ORDERS, ids=str)
def test_offsets_give_the_same_pages_with_totals_and_all_links(sort: Pairs) -> None:
    query = [PATIENT, *sort]
    whole = ids(ask([*query, ("_count", "100")]))
    page = ask([*query, ("_count", "10"), ("_offset", "10")])
    assert (ids(page), page.total) == (whole[10:20], 27)
    offsets = {name: dict(link)["_offset"] for name, link in page.links.items()}
    assert offsets == {"first": "0", "previous": "0", "next": "20", "last": "20"}
    last = ask(list(page.links["last"]))
    assert (ids(last), last.next) == (whole[20:], None)
    beyond = ask([*query, ("_offset", "40")])
    assert (ids(beyond), beyond.total) == ([], 27)


@pytest.mark.usefixtures("archive")
def test_resources_without_a_value_sort_last_and_further_keys_break_ties() -> None:
    number = {f"e{number:02}": number for number in range(27)}
    for direction in (1, -1):
        sign = "-" if direction < 0 else ""
        found = ids(ask([PATIENT, ("_sort", f"{sign}length,-_id"), ("_count", "100")]))
        keys = [
            (0, direction * (number[match] % 5)) if number[match] % 3 else (1, 0) for match in found
        ]
        assert keys == sorted(keys)
        equal = [match for match in found if number[match] % 3 == 0]
        assert equal == sorted(equal, reverse=True)


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("asked", ["accurate", "estimate"])
def test_a_total_is_that_of_the_first_page_on_all_pages(archive: StoredClinic, asked: str) -> None:
    page = ask([PATIENT, ("_total", asked), ("_count", "20")])
    assert page.total == 27
    assert dict(page.links["last"])["_offset"] == "20"
    assert page.next
    archive.memory.clear()
    page = ask(list(page.next))
    assert (len(page.resources), page.total) == (7, 27)
    assert archive.memory.rows < 10


@pytest.mark.usefixtures("archive")
def test_there_is_no_total_unless_requested() -> None:
    assert ask([PATIENT]).total is None
    assert ask([PATIENT, ("_total", "none")]).total is None
    page = ask([PATIENT, ("_total", "none"), ("_offset", "0"), ("_count", "2")])
    assert page.total is None
    assert page.links.keys() == {"next"}


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("more", [("_count", "0"), ("_summary", "count")])
@pytest.mark.parametrize("sort", [[], [("_sort", "status")]])
def test_a_count_alone_has_a_total_and_nothing_else(more: tuple[str, str], sort: Pairs) -> None:
    for query in ([PATIENT], [("_id", "e01,e02")]):
        page = ask([*query, *sort, more])
        assert (page.resources, page.links) == ([], {})
        assert page.total == (27 if query == [PATIENT] else 2)


@pytest.mark.usefixtures("archive")
def test_a_total_of_too_many_is_left_out_and_its_pages_go_on_by_cursors() -> None:
    page = ask([("_total", "accurate"), ("_count", "1000")], "Communication")
    assert page.total is None
    found = ids(page)
    while page.next:
        page = ask(list(page.next), "Communication")
        assert page.total is None
        found += ids(page)
    assert len(found) == len({*found}) == 2100
    offset = ask([("_offset", "1000"), ("_count", "1000")], "Communication")
    assert offset.total is None
    assert offset.next
    assert dict(offset.next)["_cursor"]
    rest = ask(list(offset.next), "Communication")
    assert found[1000:] == ids(offset) + ids(rest)


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ([("_count", "0")], "_total"),
        ([("_summary", "count")], "_total"),
        ([("_sort", "status")], "_sort"),
        ([("_offset", "1981")], "_offset"),
        ([("_offset", "1000"), ("topic:text", "fever")], "_offset"),
        ([("_offset", "99999999999999999999")], "_offset"),
    ],
)
def test_a_search_that_would_read_too_much_is_refused_with_advice(
    query: Pairs, expression: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(query, "Communication")
    (issue,) = refused.value.issues
    assert (issue.code, issue.expression) == ("too-costly", expression)
    assert "recipient" in issue.diagnostics or "next" in issue.diagnostics


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("query", "expressions"),
    [
        ([("_count", "1"), ("_count", "2")], ["_count"]),
        ([("_sort", "date"), ("_sort", "-date")], ["_sort"]),
        ([("_offset", "1"), ("_cursor", "x")], ["_offset"]),
        ([("_total", "x"), ("_offset", "x"), ("_sort", "x")], ["_offset", "_total", "_sort"]),
        ([("_count", "-5")], ["_count"]),
        ([("_count", "٣")], ["_count"]),
    ],
)
def test_wrong_result_parameters_are_named(query: Pairs, expressions: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        ask(query)
    assert [issue.expression for issue in refused.value.issues] == expressions


@pytest.mark.usefixtures("archive")
def test_a_cursor_stays_valid_whatever_part_of_the_results_is_shown() -> None:
    page = ask([PATIENT, ("_count", "5")])
    assert page.next
    cursor = page.next[-1]
    same = ask([PATIENT, ("_count", "3"), ("_elements", "status"), cursor])
    assert len(same.resources) == 3
    for forged in ("W10", "WyJ4Il0", cursor[1][:-6]):
        with pytest.raises(Invalid):
            ask([PATIENT, ("_cursor", forged)])
    with pytest.raises(Invalid):
        ask([PATIENT, cursor], caller_id="other")
    with pytest.raises(Invalid):
        ask([PATIENT, cursor], tenant="other")
    back = ask(list(page.next)).links["previous"]
    with pytest.raises(Invalid):
        ask([("class", "VR"), back[-1]])
