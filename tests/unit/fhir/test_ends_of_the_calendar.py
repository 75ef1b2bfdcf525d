"""Conversions between instants and local days work for every time that a client may write."""

from datetime import UTC, datetime, tzinfo
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.parameters import SEARCH_PARAMS
from shared.fhir import instants
from shared.rules import filled_elements, times
from shared.search.plan import windows
from shared.search.query.criterion import Criterion
from shared.search.query.operands import DateOperand
from shared.store.index.order import ORDERS

ZONES = [
    "UTC",
    "America/Los_Angeles",
    "America/St_Johns",
    "Africa/Cairo",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
]
ENDS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00-14:00",
    "0001-01-01",
    "0001-01",
    "0001",
    "0001-12-31T23:59:59.999999999-14:00",
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:60Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:60-14:00",
    "9999-12-31T23:59:59.999999999+14:00",
    "9999-12-31",
    "9999-12",
    "9999",
]
zones = st.sampled_from(ZONES).map(instants.zone)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
moments = st.sampled_from([FIRST, LAST]) | st.datetimes(timezones=st.just(UTC))
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@given(moment=moments, zone=zones)
def test_every_instant_lies_within_the_bounds_of_its_local_day(
    moment: datetime, zone: tzinfo
) -> None:
    day = times.day_of(moment, zone)
    first, after = times.day_bounds(day, zone)
    low, high = times.day_key_range(day, zone)
    assert first <= after
    assert low <= high
    if FIRST.date() < moment.date() < LAST.date():
        assert first <= moment < after


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("year", [1, 2, 9998, 9999])
def test_days_are_contiguous_in_the_first_and_last_years(name: str, year: int) -> None:
    zone = instants.zone(name)
    for text in (f"{year:04}-01-01", f"{year:04}-06-15", f"{year:04}-12-30"):
        following = text[:-2] + f"{int(text[-2:]) + 1:02}"
        assert instants.parse(text, zone).high == instants.parse(following, zone).low


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("text", ENDS)
def test_a_message_sent_at_an_end_of_the_calendar_has_a_time_and_a_place(
    text: str, name: str
) -> None:
    zone, message = instants.zone(name), {"sent": text}
    for tolerance in (None, 0, 10**9):
        at = times.message_instant(message, NOW, zone, tolerance_hours=tolerance)
        assert times.day_of(instants.from_text(at), zone)
        assert at == instants.to_text(NOW)
    assert times.order_milliseconds(message, NOW, zone) >= 0


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("text", ENDS)
def test_a_period_at_an_end_of_the_calendar_is_completed_and_measured(text: str, name: str) -> None:
    zone = instants.zone(name)
    whole = {"period": {"start": text, "end": text}}
    for child in ({}, {"period": {"start": text}}, {"period": {"end": text}}):
        assert filled_elements.with_period_of_session(child, whole, zone)["period"]
    filled_elements.elapsed_minutes(whole["period"], zone)


@pytest.mark.parametrize("resource_type", ["Communication", "Observation", "AuditEvent"])
@pytest.mark.parametrize("text", ENDS)
def test_a_date_at_an_end_of_the_calendar_can_be_searched_in_every_zone(
    text: str, resource_type: str
) -> None:
    by = ORDERS[resource_type]
    param = SEARCH_PARAMS.of(resource_type)[by.param]
    prefixes = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
    for prefix, zone in product(prefixes, map(instants.zone, ZONES)):
        operand = DateOperand(prefix, instants.parse(text, zone))
        for window in windows.near_and_far([Criterion(param, "", (operand,), zone, text)], by):
            windows.row_ranges("", window)
            windows.message_ranges("m#", window)


@pytest.mark.parametrize("name", ["Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize("vague", ["9999", "9999-12", "0001", "0001-01"])
def test_a_search_from_an_end_of_the_calendar_finds_partial_dates(vague: str, name: str) -> None:
    zone = instants.zone(name)
    param = SEARCH_PARAMS.of("Communication")["sent"]
    text = "9999-12-31T23:59:59Z" if vague > "1" else "0001-01-01T00:00:00Z"
    operand = DateOperand("gt", instants.parse(text, zone))
    window, _ = windows.near_and_far(
        [Criterion(param, "", (operand,), zone, text)], ORDERS["Communication"]
    )
    begun = instants.parse(vague, zone).low
    assert any(low <= begun <= high for low, high in window.spans)
