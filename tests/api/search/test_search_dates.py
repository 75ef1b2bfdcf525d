"""Searches and sorting by dates and times, over HTTP.

https://hl7.org/fhir/R4/search.html#prefix
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.plain_client import PlainClient
from tests.support.practice import Practice

type Reading = Callable[[ApiClient, str], list[str]]

FORM = "application/x-www-form-urlencoded"
NIGHT = {"start": "2026-03-07T22:00:00+01:00", "end": "2026-03-08T08:00:00+01:00"}
# Queries for Encounters, each of which reads other partitions.
WAYS = ["patient=Patient/homer-simpson", "class=AMB", "_total=none", "status=finished"]


@pytest.fixture(autouse=True)
def berlin(practice: Practice) -> Practice:
    """Place the clinic in Berlin, with tables in memory."""
    return practice


def filed(clinic: ApiClient, **period: str) -> str:
    body = care.visit(status="finished", **({"period": period} if period else {}))
    answer = clinic.post("/Encounter", body)
    assert answer.status == 201, answer.text
    return answer.id


def ids_on_one_page(clinic: ApiClient, url: str) -> list[str]:
    return clinic.get(url).ids


def ids_one_per_page(clinic: ApiClient, url: str) -> list[str]:
    page = clinic.get(f"{url}&_count=1")
    found = page.ids
    while links := [link["url"] for link in page.body["link"] if link["relation"] == "next"]:
        page = clinic.get(links[0])
        found += page.ids
    return found


@pytest.mark.parametrize("way", WAYS)
def test_an_overnight_session_is_listed_on_both_days(clinic: ApiClient, way: str) -> None:
    night = filed(clinic, **NIGHT)
    before = filed(clinic, start="2026-03-06T09:00:00Z", end="2026-03-06T10:00:00Z")
    after = filed(clinic, start="2026-03-09T09:00:00Z", end="2026-03-09T10:00:00Z")
    filed(clinic)

    def found(*criteria: str) -> list[str]:
        query = "&".join(f"date={criterion}" for criterion in criteria)
        return clinic.get(f"/Encounter?{way}&{query}&_sort=date").ids

    for day in ("2026-03-07", "2026-03-08"):
        assert found(f"ge{day}", f"le{day}") == [night]
        assert found(day) == []
    assert found("gt2026-03-07") == found("ge2026-03-08") == [night, after]
    assert found("lt2026-03-08") == found("le2026-03-07") == [before, night]
    assert found("sa2026-03-07") == [after]
    assert found("eb2026-03-08") == [before]
    assert found("ge2026-03-08T08:00:00", "le2026-03-08T12:00") == [night]
    assert found("ge2026-03-08T08:00:01", "le2026-03-08T12:00") == []
    assert found("ge2026-03-07", "le2026-03-08") == [night]


def test_an_overnight_session_is_found_by_post_and_the_plain_api(clinic: ApiClient) -> None:
    night = filed(clinic, **NIGHT)
    for day in ("2026-03-07", "2026-03-08"):
        body = f"date=ge{day}&date=le{day}"
        posted = clinic.call("POST", "/Encounter/_search", body, content_type=FORM)
        assert posted.ids == [night]
        plain = PlainClient().get(f"/encounters?dateFrom={day}&dateTo={day}")
        assert [member["id"] for member in plain.body["data"]] == [night]
    assert PlainClient().get("/encounters?dateFrom=2026-03-09").body["data"] == []
    assert PlainClient().get("/encounters?dateTo=2026-03-06").body["data"] == []


def test_an_overnight_session_is_found_by_chains_and_has(clinic: ApiClient) -> None:
    night = filed(clinic, **NIGHT)
    header = clinic.post(
        "/Communication", care.header(encounter=care.reference(f"Encounter/{night}"))
    )
    assert header.status == 201, header.text
    child = clinic.post("/Encounter", care.visit(partOf=care.reference(f"Encounter/{night}"))).id
    for day in ("2026-03-07", "2026-03-08"):
        both = f"ge{day}", f"le{day}"
        chain = "&".join(f"encounter.date={resource}" for resource in both)
        assert clinic.get(f"/Communication?{chain}").ids == [header.id]
        chain = "&".join(f"part-of:Encounter.date={resource}" for resource in both)
        assert clinic.get(f"/Encounter?{chain}").ids == [child]
    assert clinic.get("/Communication?encounter.date=ge2026-03-09").ids == []
    sent = clinic.post("/Communication", care.message(header.id, "2026-03")).status
    assert sent == 201
    has = "_has:Communication:part-of:sent"
    assert clinic.get(f"/Communication?{has}=ge2026-03-31").ids == [header.id]
    assert clinic.get(f"/Communication?{has}=le2026-03-01").ids == [header.id]
    assert clinic.get(f"/Communication?{has}=ge2026-04").ids == []


def test_a_conditional_write_matches_an_overnight_session_on_both_days(clinic: ApiClient) -> None:
    night = filed(clinic, **NIGHT)
    for day in ("2026-03-07", "2026-03-08"):
        query = f"patient=Patient/homer-simpson&date=ge{day}&date=le{day}"
        answer = clinic.post("/Encounter", care.visit(), if_none_exist=query)
        assert (answer.status, answer.id) == (200, night)


@pytest.mark.parametrize("by", ["part-of", "subject=Patient/homer-simpson&part-of", "sender"])
def test_a_message_dated_by_month_is_found_on_every_day_of_it(clinic: ApiClient, by: str) -> None:
    header = clinic.post("/Communication", care.header()).id
    ids = {
        sent: clinic.post("/Communication", care.message(header, sent)).id
        for sent in ("2025", "2026-02", "2026-02-10", "2026-02-10T10:00:00Z")
    }
    asked = f"Communication/{header}" if by.endswith("part-of") else care.HOMER
    assert clinic.get(f"/Communication/{ids['2025']}").body["sender"]["reference"] == care.HOMER
    expected = {
        "ge2025-12-31&sent=le2025-12-31": ["2025"],
        "ge2026-02-28&sent=le2026-02-28": ["2026-02"],
        "ge2026-02-01&sent=le2026-02-01": ["2026-02"],
        "ge2026-02-10T12:00&sent=le2026-02-10T12:00": ["2026-02", "2026-02-10"],
        "ge2026-02-10&sent=le2026-02-10": ["2026-02", "2026-02-10", "2026-02-10T10:00:00Z"],
        "ge2026-02-10T10:00:00.5Z&sent=le2026-02-10T10:00:00.5Z": list(ids)[1:],
        "le2026-01-31": ["2025"],
        "ge2026-03": [],
    }
    for query, sent in expected.items():
        found_ids = clinic.get(f"/Communication?{by}={asked}&sent={query}&_sort=sent").ids
        assert found_ids == [ids[text] for text in sent], query


def test_polling_for_newer_resources_does_not_repeat_the_last_one(clinic: ApiClient) -> None:
    first = clinic.post("/Encounter", care.visit())
    updated = first.body["meta"]["lastUpdated"]
    assert updated.endswith(".000Z")
    stem, beyond = updated.removesuffix("000Z"), updated.replace(".000Z", ".000001Z")
    for same in (updated, f"{stem}000000Z", f"{stem}0Z", f"{stem}000+00:00"):
        found = {
            prefix: clinic.get(f"/Encounter?_lastUpdated={prefix}{same}").ids
            for prefix in ("", "ge", "le", "gt", "lt", "sa", "eb", "ne")
        }
        assert {prefix for prefix, ids in found.items() if ids} == {"", "ge", "le"}, same
    assert clinic.get(f"/Encounter?_lastUpdated=ge{beyond}").ids == []
    assert clinic.get(f"/Encounter?_lastUpdated=lt{beyond}").ids == [first.id]


def test_polling_for_newer_resources_sees_everything_once(
    clinic: ApiClient, practice: Practice
) -> None:
    seen, made, last = list[str](), list[str](), "2025"
    for second in range(4):
        practice.advance_to(f"2026-03-02 10:00:0{second}.301")
        made.append(clinic.post("/Encounter", care.visit()).id)
        answer = clinic.get(f"/Encounter?_lastUpdated=gt{last}&_sort=_lastUpdated")
        seen += answer.ids
        # As written by clients in other languages.
        last = answer.resources[-1]["meta"]["lastUpdated"].replace("Z", "000+00:00")
        assert clinic.get(f"/Encounter?_lastUpdated=gt{last}").ids == []
    assert seen == made


def test_everything_since_an_instant_includes_that_instant(clinic: ApiClient) -> None:
    visit = clinic.post("/Encounter", care.visit())
    updated = visit.body["meta"]["lastUpdated"]
    for since, ids in ((updated, [visit.id]), (updated.replace("Z", "001Z"), [])):
        url = f"/Encounter/{visit.id}/$everything?_since={since}"
        assert clinic.get(url).ids == ids
        history = clinic.get(f"/Encounter/{visit.id}/_history?_since={since}")
        assert len(history.body.get("entry", ())) == len(ids)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", [ids_on_one_page, ids_one_per_page])
def test_a_period_with_only_an_end_sorts_by_its_open_start(
    clinic: ApiClient, way: str, read: Reading
) -> None:
    opened, undated = list[str](), list[str]()
    for end in ("2026-03-01", "2025-03-01T10:00:00Z", "2027"):
        undated.append(filed(clinic))
        opened.append(filed(clinic, end=end))
    dated = [filed(clinic, start="2026-01-01"), filed(clinic, start="2026-02-01", end="2026-02-01")]
    opened.sort()
    ascending = read(clinic, f"/Encounter?{way}&_sort=date")
    assert (ascending[:5], {*ascending[5:]}) == ([*opened, *dated], {*undated})
    descending = read(clinic, f"/Encounter?{way}&_sort=-date")
    assert (descending[:5], {*descending[5:]}) == ([*dated[::-1], *opened[::-1]], {*undated})


@pytest.mark.parametrize(
    ("kind", "ended", "dated"),
    [
        # Sorted by row keys, and in memory.
        ("Procedure", {"performedPeriod": {"end": "2026-03-01"}}, {"performedDateTime": "1999"}),
        ("CareTeam", {"period": {"end": "2026-03-01"}}, {"period": {"start": "1999"}}),
    ],
)
@pytest.mark.parametrize("read", [ids_on_one_page, ids_one_per_page])
def test_every_period_of_other_types_sorts_by_its_open_start_too(
    clinic: ApiClient, kind: str, ended: Any, dated: Any, read: Reading
) -> None:
    body = {name: value for name, value in care.example(kind).items() if "performed" not in name}
    dates: tuple[dict[str, Any], ...] = ({}, ended, dated)
    without, first, second = (clinic.post(f"/{kind}", body | more).id for more in dates)
    assert read(clinic, f"/{kind}?_sort=date") == [first, second, without]
    assert read(clinic, f"/{kind}?_sort=-date") == [second, first, without]
    assert read(clinic, f"/{kind}?date=le1998-12-31") == [first]
    assert {*read(clinic, f"/{kind}?date=ge1999-12-31")} == {first, second}
