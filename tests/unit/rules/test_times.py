"""Instants, periods and days; rows as in sessions.md: *at* among its Words, and its table Times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.fhir import instants, ulids
from shared.rules import filled_elements, times
from shared.rules.state import Figures

type Resource = dict[str, Any]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECEIVED, NINE, TEN, ELEVEN = (
    f"2026-03-02T{time}.000Z" for time in ("12:00:00", "09:00:00", "10:00:59", "11:00:00")
)
YESTERDAY = "2026-03-01T12:00:00.000Z"
LAST_YEAR = "2025-03-02T09:00:00.000Z"
BERLIN, CAIRO = instants.zone("Europe/Berlin"), instants.zone("Africa/Cairo")


# -- *at*


@pytest.mark.parametrize(
    ("message", "facts", "at"),
    [
        pytest.param({"sent": NINE}, {}, NINE, id="`sent` is earlier"),
        pytest.param({"sent": "2026-03-02T13:00:00Z"}, {}, RECEIVED, id="`sent` is later"),
        pytest.param({}, {}, RECEIVED, id="no `sent`"),
        pytest.param({"sent": "2026"}, {}, RECEIVED, id="only a year"),
        pytest.param({"sent": "2026-02"}, {}, RECEIVED, id="only a month"),
        pytest.param(
            {"received": TEN}, {"is_created": True}, TEN, id="no `sent`, staff wrote `received`"
        ),
        pytest.param({"received": TEN}, {}, RECEIVED, id="`received` is written later"),
        pytest.param(
            {"received": TEN},
            {"is_created": True, "tolerance_hours": 24},
            RECEIVED,
            id="a patient wrote `received`",
        ),
        pytest.param(
            {"sent": "2026-03-02"},
            {},
            "2026-03-01T23:00:00.000Z",
            id="only a date: start of that local day",
        ),
        pytest.param({"sent": "1970-01-01"}, {}, RECEIVED, id="1970-01-01: never set"),
        pytest.param({"sent": "1969-12-31T23:00:00-05:00"}, {}, RECEIVED, id="before: never set"),
        pytest.param({"sent": LAST_YEAR}, {}, LAST_YEAR, id="staff: a year ago"),
        pytest.param(
            {"sent": LAST_YEAR},
            {"tolerance_hours": 24},
            YESTERDAY,
            id="a patient: 24 hours at most",
        ),
    ],
)
def test_the_instant_at_which_a_message_counts(
    message: Resource, facts: dict[str, Any], at: str
) -> None:
    assert times.message_instant(message, NOW, BERLIN, **facts) == at


# -- period, length


def period(start: str = "", end: str = "") -> Resource:
    bounds = {name: bound for name, bound in (("start", start), ("end", end)) if bound}
    return {"period": bounds} if bounds else {}


def length(minutes: int) -> Resource:
    system = "http://unitsofmeasure.org"
    return {"length": {"value": minutes, "unit": "min", "system": system, "code": "min"}}


OWN_LENGTH = {"length": {"value": 5, "unit": "min"}}


@pytest.mark.parametrize(
    ("written", "filled", "figures", "ended"),
    [
        pytest.param(
            {},
            set(),
            Figures(NINE, TEN),
            period(NINE, TEN) | length(60),
            id="from first to last, whole minutes rounded down",
        ),
        pytest.param(
            period(TEN),
            {"start"},
            Figures(NINE, TEN),
            period(NINE, TEN) | length(60),
            id="the server filled the start: overwritten",
        ),
        pytest.param(
            period(TEN, ELEVEN) | OWN_LENGTH,
            set(),
            Figures(NINE, NINE),
            period(TEN, ELEVEN) | OWN_LENGTH,
            id="a client's: kept",
        ),
        pytest.param(
            period("", NINE),
            set(),
            Figures(TEN, ELEVEN),
            period("", NINE),
            id="a start after the client's end: left out",
        ),
        pytest.param(
            {"period": {"_start": {"id": "x"}}},
            set(),
            Figures(NINE, TEN),
            {"period": {"_start": {"id": "x"}, "end": TEN}},
            id="an extension in place of the start: kept, no length",
        ),
        pytest.param({}, set(), Figures(), {}, id="no counting message: nothing"),
    ],
)
def test_the_period_and_length_of_a_session_that_ends(
    written: Resource, filled: set[str], figures: Figures, ended: Resource
) -> None:
    session, _ = filled_elements.with_period_and_length(written, figures, frozenset(filled), UTC)
    assert session == ended


@pytest.mark.parametrize(
    ("filled", "minutes"),
    [
        pytest.param({"length"}, 120, id="the server's: follows the period"),
        pytest.param(set(), 60, id="a client's: kept"),
    ],
)
def test_the_length_after_a_client_changed_the_period(filled: set[str], minutes: int) -> None:
    written = period(NINE, ELEVEN) | length(60)
    session, _ = filled_elements.with_length(written, frozenset(filled), UTC)
    assert session == period(NINE, ELEVEN) | length(minutes)


def test_a_medical_encounter_gets_no_length() -> None:
    session = period(NINE, TEN) | length(60)
    assert filled_elements.with_period_of_session({}, session, UTC) == period(NINE, TEN)


@pytest.mark.parametrize(
    ("written", "restored"),
    [
        pytest.param({}, period(NINE, TEN) | length(60), id="left out: restored"),
        pytest.param(period(NINE), period(NINE, TEN) | length(60), id="one bound: the other, too"),
        pytest.param(period(ELEVEN), period(ELEVEN) | length(60), id="a contradiction: not"),
    ],
)
def test_an_update_that_leaves_out_what_the_server_filled(
    written: Resource, restored: Resource
) -> None:
    before, filled = period(NINE, TEN) | length(60), frozenset({"start", "end", "length"})
    assert filled_elements.with_restored_elements(before, written, filled, UTC) == restored


# -- day


def test_a_day_is_the_local_date_and_ends_at_the_first_instant_of_the_next() -> None:
    day = times.day_of(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), BERLIN)
    first, after = times.day_bounds(day, BERLIN)
    assert day == "2026-03-02"
    assert (first, after) == (
        datetime(2026, 3, 1, 23, tzinfo=UTC),
        datetime(2026, 3, 2, 23, tzinfo=UTC),
    )


def test_a_day_ends_at_one_where_midnight_is_skipped() -> None:
    _, after = times.day_bounds("2026-04-23", CAIRO)
    assert after.astimezone(CAIRO).isoformat() == "2026-04-24T01:00:00+03:00"


@pytest.mark.parametrize(
    ("sent", "is_within"),
    [
        pytest.param("2026-03-01T22:59:59.999Z", False, id="before the day"),
        pytest.param("2026-03-01T23:00:00Z", True, id="its first instant"),
        pytest.param("2026-03-02", True, id="its date"),
        pytest.param("2026-03-02T22:59:59.999Z", True, id="its last millisecond"),
        pytest.param("2026-03-02T23:00:00Z", False, id="the next day"),
    ],
)
def test_the_messages_of_a_day_stand_in_its_range_of_keys(sent: str, *, is_within: bool) -> None:
    low, high = times.day_key_range("2026-03-02", BERLIN)
    later = NOW + timedelta(days=2)
    key = f"m#{ulids.new(times.order_milliseconds({'sent': sent}, later, BERLIN))}"
    assert (low <= key <= high) is is_within
