"""Reindexing repairs wrong rows during other writes, and resumes where it stopped."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from functions import reindex
from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import STORED_TYPES
from shared.errors import Conflict
from shared.fhir import references
from shared.interactions.admin import reindex as reindexing
from shared.store import dynamodb, transactions
from shared.store.index import long_encounters, order, readiness
from tests.support import care, consistency, steps
from tests.support.api_client import BASE, ApiClient
from tests.support.clock import START
from tests.support.later_parameter import WARD, in_ward

PARTS = 2


def context(seconds: int = 900) -> Any:
    return SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)


def reindex_all() -> dict[str, int]:
    """Run all parts and return what they found."""
    for _ in ("rows", "guards"):
        found = [reindex.handler({"part": n, "parts": PARTS}, context()) for n in range(PARTS)]
    assert all(match.pop("done") for match in found)
    reindex.handler({"finish": PARTS}, context())
    readiness.ready_names.cache_clear()
    keys = {key for match in found for key in match if key != "table"}
    return {key: sum(match.get(key, 0) for match in found) for key in keys}


@pytest.fixture
def stored(clinic: ApiClient) -> dict[str, str]:
    session = steps.open_session(clinic, identifier=[{"system": "urn:a", "value": "1"}])
    header, messages = steps.thread(clinic, "2026-11-20T09:00:00Z", "2026-11-20T09:05:00Z")
    assert steps.link(clinic, header, session) == 200
    gone = clinic.post("/Encounter", care.visit()).id
    assert clinic.administrator.delete(f"/Encounter/{gone}").status == 204
    return {"session": session, "header": header, "message": messages[0], "gone": gone}


def rows() -> list[dict[str, Any]]:
    found = consistency.scan(patterns.SEARCH)
    return [item for item in found if item["sk"]["S"] not in ("guard", "claim", "ready")]


def key_of(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def remove(item: dict[str, Any], table: str = patterns.SEARCH) -> None:
    key = {name: item[name] for name in ("pk", "sk")}
    dynamodb.client().delete_item(TableName=dynamodb.table_name(table), Key=key)


def add(item: dict[str, Any], table: str = patterns.SEARCH) -> None:
    dynamodb.client().put_item(TableName=dynamodb.table_name(table), Item=item)


@pytest.mark.usefixtures("stored")
def test_correct_rows_stay_unchanged() -> None:
    before = consistency.stored_items()
    found = reindex_all()
    assert found["repaired rows"] == 0
    assert found["checked"] == 5
    after = [
        [item for item in table if item["pk"]["S"] != "reindex"]
        for table in consistency.stored_items()
    ]
    assert after == before


@pytest.mark.usefixtures("stored")
def test_missing_altered_and_orphaned_rows_are_repaired() -> None:
    before = rows()
    for item in before[::3]:
        remove(item)
    changed = before[1]
    other = next(item for item in before if item["resource"] != changed["resource"])
    add(changed | {"resource": other["resource"]})
    add(changed | {"sk": {"S": changed["sk"]["S"].replace(f"{START.year}", "2019")}})
    add(changed | {"sk": {"S": changed["sk"]["S"].rpartition("#")[0] + "#nobody"}})
    found = reindex_all()
    assert found["repaired rows"] >= len(before[::3]) + 3
    assert sorted(rows(), key=key_of) == sorted(before, key=key_of)


def test_rows_of_people_and_records_are_repaired_in_each_table(clinic: ApiClient) -> None:
    """This includes a record's row in the partition of an Encounter it does not name."""
    first, second = (steps.open_session(clinic) for _ in range(2))
    during = care.reference(f"Encounter/{first}")
    for kind in STORED_TYPES:
        clinic.post(f"/{kind}", care.example(kind))
    record = clinic.post("/Observation", care.example("Observation", encounter=during)).id
    gone = clinic.post("/Task", care.example("Task", encounter=during)).id
    left = [item for item in recorded() if item["sk"]["S"].endswith(gone)]
    assert clinic.administrator.delete(f"/Task/{gone}").status == 204
    before, kept = rows(), recorded()
    (own,) = kept
    elsewhere = own | {"pk": {"S": own["pk"]["S"].replace(first, second)}}
    nobodys = own | {"sk": {"S": own["sk"]["S"].replace(record, "nobody")}}
    for item in (elsewhere, nobodys, *left):
        add(item, patterns.ENCOUNTER)
    remove(own, patterns.ENCOUNTER)
    of_people = [resource for resource in before if "#Patient?" in resource["pk"]["S"]]
    for item in of_people:
        remove(item)
    add(of_people[0] | {"sk": {"S": of_people[0]["sk"]["S"].rpartition("#")[0] + "#nobody"}})
    found = reindex_all()
    assert found["repaired rows"] == 5 + len(of_people)
    assert recorded() == kept
    assert sorted(rows(), key=key_of) == sorted(before, key=key_of)
    assert clinic.get(f"/Observation?encounter={first}").ids == [record]
    assert reindex_all()["repaired rows"] == 0


def recorded() -> list[dict[str, Any]]:
    found = consistency.scan(patterns.ENCOUNTER)
    return [item for item in found if item["sk"]["S"].startswith(patterns.RECORD.prefix)]


def guards() -> dict[str, int]:
    return {
        item["pk"]["S"]: int(item["count"]["N"])
        for item in consistency.scan(patterns.SEARCH)
        if item["sk"]["S"] == "guard"
    }


@pytest.mark.parametrize("value", ["1", "|a b|", "long" * 200])
def test_guards_of_identifiers_are_recounted(clinic: ApiClient, value: str) -> None:
    """Missing, wrong and orphaned guards are corrected, even if rows were missing."""
    other = {"system": "urn:b", "value": value}
    own = [{"system": system, "value": value} for system in ("urn:a", "urn:c")]
    clinic.post("/Encounter", care.visit(identifier=[*own, other]))
    clinic.post("/Encounter", care.visit(identifier=own, text=wide_text()))
    clinic.post("/Communication", care.header(identifier=[{"value": value}]))
    before = guards()
    assert sorted(before.values()) == [1, 1, 2, 2]
    stored = {i["pk"]["S"]: i for i in consistency.scan(patterns.SEARCH) if key_of(i)[1] == "guard"}
    wrong = sorted(stored, key=lambda pk: "urn:a" not in pk)
    remove(stored[wrong[0]])
    for pk in wrong[1:]:
        add(stored[pk] | {"count": {"N": "7"}})
    if len(value) < 9:
        # A hashed value cannot be distinguished from one whose rows are elsewhere.
        nobodys = wrong[2].replace("urn:", "urn:of-nobody:")
        add(stored[wrong[2]] | {"pk": {"S": nobodys}})
    for item in rows():
        if "identifier" in item["pk"]["S"]:
            remove(item)
    found = reindex_all()
    assert guards() == before
    assert found["repaired guards"] >= len(wrong)
    assert reindex_all()["repaired guards"] == 0


def wide_text() -> dict[str, str]:
    return {"status": "additional", "div": wide_narrative()}


def test_an_identifier_taken_while_its_guard_is_recounted_is_counted(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = care.visit(identifier=[{"system": "urn:a", "value": "1"}])
    clinic.post("/Encounter", body)
    (stored,) = (i for i in consistency.scan(patterns.SEARCH) if key_of(i)[1] == "guard")
    add(stored | {"count": {"N": "7"}})
    send = transactions.send

    def late(operations: Any) -> None:
        if "#last = :read" in str(operations):
            monkeypatch.setattr(transactions, "send", send)
            assert clinic.post("/Encounter", body).status == 201
        send(operations)

    monkeypatch.setattr(transactions, "send", late)
    # The added resource has incremented the wrong number.
    assert reindex_all()["repaired guards"] == 1
    assert [*guards().values()] == [2]


def test_guards_wait_for_the_rows_of_all_parts(clinic: ApiClient) -> None:
    clinic.post("/Encounter", care.visit(identifier=[{"system": "urn:a", "value": "1"}]))
    for item in rows():
        remove(item)
    first = reindex.handler({"part": 0, "parts": PARTS}, context())
    assert (first["done"], first.get("checked guards")) == (False, None)
    assert reindex_all()["repaired guards"] == 0
    assert [*guards().values()] == [1]


def test_long_encounters_keep_and_get_their_second_rows(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This includes Encounters that became long when `SessionMaxHours` was lowered."""
    stay = {"start": "2026-01-10T10:00:00Z", "end": "2026-03-10T10:00:00Z"}
    day = {"start": "2026-01-10T10:00:00Z", "end": "2026-01-11T10:00:00Z"}
    ids = [
        clinic.post("/Encounter", care.visit(period=period) | {"status": "finished"}).id
        for period in (stay, day)
    ]
    assert reindex_all()["repaired rows"] == 0
    monkeypatch.setattr(long_encounters, "threshold_hours", lambda: 1)
    assert clinic.get("/Encounter?class=AMB&date=gt2026-01-13").ids == ids[:1]
    assert reindex_all()["repaired rows"] > 0
    second = [item["sk"]["S"].rpartition("#")[2] for item in rows() if key_of(item)[1][:2] == "L#"]
    assert set(second) == set(ids)
    assert reindex_all()["repaired rows"] == 0
    consistency.check()


def test_a_period_with_only_an_end_is_moved_among_the_dated_rows(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then, the undated rows of an earlier release are found."""

    def without_a_date(_resource: Any, created: str, _zone: Any) -> str:
        return order.UNDATED + created

    def filed(**period: str) -> str:
        return clinic.post("/Encounter", care.visit(period=period) | {"status": "finished"}).id

    with monkeypatch.context() as earlier:
        earlier.setattr(order, "position", without_a_date)
        ended = filed(end="2026-03-01")
    dated = filed(start="2026-01-01", end="2026-02-01")
    ways = ("class=AMB", "patient=Patient/homer-simpson", "_total=none")
    for way in ways:
        assert clinic.get(f"/Encounter?{way}&date=le2025").ids == [ended]
        assert {*clinic.get(f"/Encounter?{way}&date=ge2026-02").ids} == {ended, dated}
    assert reindex_all()["repaired rows"] > 0
    for way in ways:
        assert clinic.get(f"/Encounter?{way}&date=le2025").ids == [ended]
        assert clinic.get(f"/Encounter?{way}&_sort=date").ids == [ended, dated]
        assert clinic.get(f"/Encounter?{way}&_sort=-date").ids == [dated, ended]
    assert reindex_all()["repaired rows"] == 0


class Killed(BaseException):
    """Raised in place of the end of the function's process."""


def test_a_killed_part_resumes_where_it_stopped(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [steps.open_session(clinic) for _ in range(6)]
    for item in rows():
        remove(item)
    monkeypatch.setattr(reindexing, "_PAGE", 2)
    scan = dynamodb.scan
    calls = iter(range(100))

    def killed(*arguments: Any, **more: Any) -> Any:
        if next(calls) == 4:
            raise Killed
        return scan(*arguments, **more)

    monkeypatch.setattr(dynamodb, "scan", killed)
    with pytest.raises(Killed):
        reindex.handler({"part": 0, "parts": 1}, context())
    with pytest.raises(Conflict):
        reindex.handler({"finish": 1}, context())
    found_ids = clinic.get("/Encounter?class=VR").ids
    assert 0 < len(found_ids) < len(ids)
    answer = reindex.handler({"part": 0, "parts": 1}, context())
    assert answer["checked"] == len(ids)
    reindex.handler({"finish": 1}, context())
    assert sorted(clinic.get("/Encounter?class=VR").ids) == sorted(ids)


def test_a_part_stops_in_time(stored: dict[str, str]) -> None:
    assert stored
    answer = reindex.handler({"part": 0, "parts": 1}, context(seconds=30))
    assert answer["done"] is False


CHANNEL = replace(
    WARD,
    resource="Communication",
    code="channel",
    type="token",
    expression="Communication.medium",
    targets=(),
    element="CodeableConcept",
)


@pytest.fixture
def added() -> Iterator[Callable[[], None]]:
    """Return a function that adds parameters to the catalogue, as a later release does."""

    def add_both() -> None:
        SEARCH_PARAMS.of(WARD.resource)[WARD.code] = WARD
        SEARCH_PARAMS.of(CHANNEL.resource)[CHANNEL.code] = CHANNEL

    yield add_both
    del SEARCH_PARAMS.of("Encounter")["ward"]
    del SEARCH_PARAMS.of("Communication")["channel"]
    readiness.ready_names.cache_clear()


def test_an_added_parameter_is_right_before_and_after_reindexing(
    clinic: ApiClient, added: Callable[[], None]
) -> None:
    """This includes resources too large for their rows, and concurrent writers."""
    large = {"text": {"status": "additional", "div": wide_narrative()}}
    old = [clinic.post("/Encounter", in_ward("a", **more)).id for more in ({}, large)]
    other = clinic.post("/Encounter", in_ward("b")).id
    added()
    new = clinic.post("/Encounter", in_ward("a")).id
    query = "/Encounter?ward=Location/a"
    assert sorted(clinic.get(query).ids) == sorted([*old, new])
    assert clinic.get("/Encounter?ward:missing=true").ids == []
    moved = clinic.get(f"/Encounter/{old[0]}").body | {"location": in_ward("c")["location"]}
    found = reindex_all()
    assert found["repaired rows"] >= 2
    assert sorted(clinic.get(query).ids) == sorted([old[1], new, old[0]])
    assert clinic.put(f"/Encounter/{old[0]}", moved).status == 200
    assert sorted(clinic.get(query).ids) == sorted([old[1], new])
    assert clinic.get("/Encounter?ward=Location/b").ids == [other]
    readiness.ready_names.cache_clear()
    assert readiness.is_partitioned(WARD)


def wide_narrative() -> str:
    """Return a narrative that does not fit a row, even compressed."""
    words = " ".join(f"{number * 2654435761 % 2**32:08x}" for number in range(400))
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'


def medium(code: str) -> dict[str, Any]:
    return {"medium": [{"coding": [{"code": code}]}]}


@pytest.mark.parametrize(
    "change",
    [
        (in_ward("a"), in_ward("b"), "Encounter?ward=Location/"),
        (care.header(**medium("a")), care.header(**medium("b")), "Communication?channel="),
    ],
)
def test_a_writer_that_read_a_resource_before_its_reindexing_retries(
    clinic: ApiClient,
    added: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[dict[str, Any], dict[str, Any], str],
) -> None:
    """A row added between an update's read and its transaction does not go stale."""
    before, after, query = change
    url = f"/{before['resourceType']}"
    own = clinic.post(url, before).id
    added()
    send = transactions.send

    def late(operations: Any) -> None:
        monkeypatch.setattr(transactions, "send", send)
        assert reindex_all()["repaired rows"] >= 1
        send(operations)

    monkeypatch.setattr(transactions, "send", late)
    assert clinic.put(f"{url}/{own}", after | {"id": own}).status == 200
    assert clinic.get(f"/{query}a").ids == []
    assert clinic.get(f"/{query}b").ids == [own]


def test_absolute_references_are_found_after_reindexing(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", BASE)
    subject, session = care.reference(f"{BASE}/{care.HOMER}"), care.session()
    encounter = clinic.post("/Encounter", session | {"subject": subject}).id
    during = care.reference(f"{BASE}/Encounter/{encounter}")
    record = care.example("Observation") | {"subject": subject, "encounter": during}
    observation = clinic.post("/Observation", record).id
    references.BASE.set("")
    assert reindex_all()["repaired rows"] == 0
    assert clinic.get(f"/Encounter?patient={care.HOMER}").ids == [encounter]
    assert clinic.get(f"/Observation?encounter=Encounter/{encounter}").ids == [observation]
