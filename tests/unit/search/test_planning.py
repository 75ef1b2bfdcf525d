"""The query planner: which keys a query reads."""

from datetime import UTC

import pytest

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.fhir import instants
from shared.search.plan.planner import plan
from shared.search.plan.plans import Plan
from shared.search.query.criteria import parse
from shared.store.index import long_encounters, order
from tests.support.search_page import full_visibility

OVER = "completed,entered-in-error,stopped,unknown"


def planned(query: str) -> Plan:
    resource_type, _, text = query.partition("?")
    parts = [part.partition("=") for part in text.split("&")]
    parsed = parse(resource_type, [(name, value) for name, _, value in parts], UTC)
    return plan(parsed, full_visibility())


@pytest.fixture
def long_is_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_encounters, "threshold_hours", lambda: 168)


def remaining(one: Plan) -> list[str]:
    return [predicate.text for predicate in one.predicates]


@pytest.mark.parametrize(
    ("query", "reads", "checks"),
    [
        ("Communication?part-of:missing=true", "closed-threads, open-threads", []),
        ("Communication?part-of=Communication/x&_sort=sent", "part-of", []),
        (f"Communication?part-of:missing=true&status:not={OVER}", "open-threads", []),
        ("Communication?part-of:missing=true&subject=Patient/1", "subject", []),
        (f"Communication?recipient=P/1&part-of:missing=true&status:not={OVER}", "recipient", []),
        ("Communication?recipient=P/1&part-of:missing=false&_sort=-sent", "recipient", []),
        ("Communication?sender=P/1&status=preparation", "sender", []),
        (
            "Communication?part-of:missing=true&status=in-progress",
            "open-threads",
            ["status=in-progress"],
        ),
        ("Communication?identifier=s|v&part-of:missing=true", "identifier", ["identifier=s|v"]),
        ("Communication?encounter=Encounter/e&part-of:missing=true", "encounter", []),
        ("Communication?session=Encounter/e&sender=P/1", "session", ["sender=P/1"]),
        ("Encounter?class=VR", "class", []),
        ("Encounter?class=|VR", "class", ["class=|VR"]),
        ("Encounter?class=VR&_sort=-_lastUpdated", "_lastUpdated", ["class=VR"]),
        ("Encounter?patient=Patient/1&status=finished", "patient", ["status=finished"]),
        ("Encounter?part-of=Encounter/1&class=VR", "part-of", ["class=VR"]),
        ("Encounter?appointment=Appointment/1", "appointment", []),
        ("Encounter?status=in-progress,onleave", "open", ["status=in-progress,onleave"]),
        ("Encounter?status:not=finished,cancelled,entered-in-error", "open", []),
        ("Encounter?status=finished", "_lastUpdated", ["status=finished"]),
        ("Encounter?type=x&_sort=-date", "date", ["type=x"]),
        ("Encounter?part-of:missing=true&class=VR", "class", ["part-of:missing=true"]),
        ("Encounter?_id=1&class=VR", "_id", ["_id=1", "class=VR"]),
    ],
)
def test_a_query_reads_the_narrowest_partition_and_filters_by_the_rest(
    query: str, reads: str, checks: list[str]
) -> None:
    assert (planned(query).source_name, remaining(planned(query))) == (reads, checks)


@pytest.mark.parametrize(
    ("query", "ranges"),
    [
        ("recipient=P/1&part-of:missing=true&status:not=" + OVER, [("h#n#", "h#p#")]),
        ("recipient=P/1&part-of:missing=false", [("d#", "d#"), ("m#", "m#")]),
        ("recipient=P/1&status=preparation", [("d#", "d#"), ("h#p#", "h#p#")]),
        ("recipient=P/1", [("d#", "m#")]),
    ],
)
def test_the_kind_of_a_communication_narrows_the_keys_read(
    query: str, ranges: list[tuple[str, str]]
) -> None:
    ((stream,),) = planned("Communication?" + query).steps
    found = [
        (low.rpartition("#")[0] + "#", high.removesuffix(":\x7f")) for low, high in stream.ranges
    ]
    assert found == ranges


def test_nothing_is_read_if_nothing_can_match() -> None:
    assert planned("Communication?part-of:missing=true&part-of=Communication/x").steps == ()
    assert planned("Encounter?status=bogus").steps == ()


@pytest.mark.usefixtures("long_is_a_week")
def test_a_month_reads_the_starts_within_it() -> None:
    ((stream,),) = planned("Encounter?patient=Patient/1&date=2026-03").steps
    ((low, high),) = stream.ranges
    assert low == "2026-03-01T00:00:00.000Z"
    assert high.startswith("2026-04-01T00:00:00.000Z")


@pytest.mark.usefixtures("long_is_a_week")
@pytest.mark.parametrize(
    ("asked", "near", "far"),
    [
        ("2026-03", [("2026-03-01", "2026-04-01")], []),
        ("sa2026-03", [("2026-04-01", "9999-12-31")], []),
        ("ge2026-03", [("2026-02-21", "9999-12-31")], [("0001-01-01", "2026-02-20"), (":", ":")]),
        ("gt2026-03", [("2026-03-24", "9999-12-31")], [("0001-01-01", "2026-03-23"), (":", ":")]),
        ("lt2026-03", [("0001-01-01", "2026-03-01")], [(":", ":")]),
        ("le2026-03", [("0001-01-01", "2026-04-01")], [(":", ":")]),
    ],
)
def test_a_date_reads_a_range_of_starts_and_the_second_rows_of_long_encounters(
    asked: str, near: list[tuple[str, str]], far: list[tuple[str, str]]
) -> None:
    ((first, *second),) = planned(f"Encounter?patient=Patient/1&date={asked}").steps
    ranges = [(low[:10].rstrip("\x7f"), high[:10].rstrip("\x7f")) for low, high in first.ranges]
    assert ranges == near
    found = [keys for stream in second for keys in stream.ranges]
    assert [(low[2:12], high[2:12].rstrip("\x7f")) for low, high in found] == far
    assert all(low.startswith("L#") and high.startswith("L#") for low, high in found)


@pytest.mark.usefixtures("long_is_a_week")
def test_a_future_date_reads_starts_from_now_on() -> None:
    ((near, _),) = planned("Encounter?patient=Patient/1&date=ge2999").steps
    assert near.ranges[0][0] < order.instant_text(instants.to_nanoseconds(instants.now()))


def test_a_message_of_a_year_is_found_by_a_time_within_it() -> None:
    ((stream,),) = planned("Communication?sender=P/1&part-of:missing=false&sent=gt2026-03-05").steps
    lows = [low for low, _ in stream.ranges if low.startswith("m#")]
    starts = ["2026-01-01T00", "2026-03-01T00", "2026-03-04T22"]
    assert [low[2:15] for low in lows] == starts
    ((stream,),) = planned("Communication?sender=P/1&part-of:missing=false&sent=ge2026-03-05").steps
    lows = [low for low, _ in stream.ranges if low.startswith("m#")]
    assert [low[2:15] for low in lows] == [*starts[:2], "2026-03-03T22"]


def test_a_descending_search_reads_undated_resources_in_a_separate_step() -> None:
    assert len(planned("Encounter?patient=Patient/1&_sort=-date").steps) == 2
    assert len(planned("Encounter?patient=Patient/1&_sort=date").steps) == 1


def test_a_new_parameter_of_the_catalogue_is_used_by_the_planner() -> None:
    row = SearchParam(
        "Encounter",
        "origin",
        "reference",
        "Encounter.hospitalization.origin",
        targets=("Location",),
        index=Index.ROW,
    )
    SEARCH_PARAMS.of(row.resource)[row.code] = row
    try:
        one = planned("Encounter?origin=Location/1&class=VR")
        assert one.source_name == "origin"
        assert one.steps[0][0].partition == "-#Encounter?origin=Location/1"
    finally:
        del SEARCH_PARAMS.of("Encounter")["origin"]
