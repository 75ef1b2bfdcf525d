"""The behaviour of each policy, and how a header's extension overrides the deployment's."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalog.policies import DAILY, EXPLICIT, EXTENSION_PATH, POLICIES, THREAD
from shared.fhir import instants
from shared.rules.policies import BEHAVIOURS, Behaviour, Policy, behaviour
from shared.rules.policy_extension import policy_of
from shared.rules.state import SlotKey

EVENING = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
BERLIN = instants.zone("Europe/Berlin")


def header(**parts: Any) -> dict[str, Any]:
    values = {"policy": "valueCode", "idleMinutes": "valueUnsignedInt", "timeZone": "valueCode"}
    said = [{"url": name, values[name]: value} for name, value in parts.items()]
    return {"extension": [{"url": f"https://fhir.example.com{EXTENSION_PATH}", "extension": said}]}


def test_every_policy_of_the_catalogue_has_its_row() -> None:
    assert tuple(BEHAVIOURS) == POLICIES


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_behaves_as_its_row_in_the_catalogue(name: str) -> None:
    policy, row = Policy(name), BEHAVIOURS[name]
    answers = (policy.opens_sessions, policy.by_day, policy.ends_with_threads, policy.idle_limit)
    assert answers == (row.opens_sessions, row.by_day, row.ends_with_threads, row.idle_minutes)


def test_an_encounter_without_a_policy_is_treated_as_explicit() -> None:
    assert behaviour("") == BEHAVIOURS[EXPLICIT] == Behaviour()


@pytest.mark.parametrize(
    ("policy", "patient", "slot"),
    [
        pytest.param(Policy(EXPLICIT), "Patient/1", SlotKey("t"), id="explicit: the thread's"),
        pytest.param(Policy(THREAD), "Patient/1", SlotKey("t"), id="thread: the thread's"),
        pytest.param(
            Policy(DAILY), "Patient/1", SlotKey("t", "day#2026-03-02"), id="daily: the thread's day"
        ),
        pytest.param(
            Policy(DAILY, zone=BERLIN),
            "Patient/1",
            SlotKey("t", "day#2026-03-03"),
            id="daily: the local date",
        ),
        pytest.param(
            Policy(DAILY, "patient"),
            "Patient/1",
            SlotKey("Patient/1", "day#2026-03-02"),
            id="daily, scope patient: the patient's day",
        ),
        pytest.param(
            Policy(DAILY, "patient"),
            "",
            SlotKey("t", "day#2026-03-02"),
            id="daily, scope patient, no patient: the thread's day",
        ),
    ],
)
def test_the_slot_of_an_instant(policy: Policy, patient: str, slot: SlotKey) -> None:
    assert policy.slot_key("t", patient, EVENING) == slot


@pytest.mark.parametrize(
    ("deployed", "header", "limit"),
    [
        pytest.param(Policy(EXPLICIT), {}, 0, id="explicit: never"),
        pytest.param(Policy(THREAD), {}, 1440, id="thread: a day"),
        pytest.param(Policy(THREAD, idle_minutes=0), {}, 0, id="thread, set to 0: never"),
        pytest.param(Policy(EXPLICIT, idle_minutes=30), {}, 30, id="explicit, set to 30"),
        pytest.param(
            Policy(EXPLICIT), header(policy="thread"), 1440, id="header's thread, unset: a day"
        ),
        pytest.param(
            Policy(THREAD), header(policy="explicit"), 0, id="header's explicit, unset: never"
        ),
        pytest.param(
            Policy(EXPLICIT, idle_minutes=0),
            header(policy="thread"),
            0,
            id="header's thread, set to 0: never",
        ),
        pytest.param(
            Policy(EXPLICIT, idle_minutes=30),
            header(policy="thread"),
            30,
            id="header's thread, set to 30",
        ),
        pytest.param(
            Policy(THREAD, idle_minutes=30), header(idleMinutes=0), 0, id="header's 0: never"
        ),
        pytest.param(
            Policy(EXPLICIT), header(policy="thread", idleMinutes=5), 5, id="header's own minutes"
        ),
    ],
)
def test_the_idle_limit_of_a_session(deployed: Policy, header: dict[str, Any], limit: int) -> None:
    assert policy_of(header, deployed).idle_limit == limit


@pytest.mark.parametrize(("scope", "zone"), [("thread", BERLIN), ("patient", UTC)])
def test_a_header_sets_its_zone_unless_days_belong_to_patients(scope: str, zone: object) -> None:
    deployed = Policy(DAILY, scope)
    assert policy_of(header(timeZone="Europe/Berlin"), deployed).zone == zone


def test_a_plain_record_never_closes_by_itself() -> None:
    plain = Policy(THREAD, max_hours=24).for_plain_record()
    assert (plain.name, plain.idle_limit, plain.max_hours) == (EXPLICIT, 0, 24)
