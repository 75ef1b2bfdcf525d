"""Long Encounters are found by any day within them, though a search reads a range of starts."""

from datetime import timedelta
from typing import Any

import pytest

from shared.fhir import instants
from shared.sessions import due_encounters
from shared.store import reading
from shared.store.records import EncounterRecord
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.clock import set_clock

STAY = {"start": "2026-01-10T10:00:00Z", "end": "2026-03-10T10:00:00Z"}
SHORT = {"start": "2026-02-20T10:00:00Z", "end": "2026-02-20T11:00:00Z"}
ONGOING = {"start": "2020-01-01"}
ENDED = {"end": "2026-02-25"}


def record(encounter_id: str) -> EncounterRecord:
    found = reading.current("-", "Encounter", encounter_id)
    assert isinstance(found, EncounterRecord)
    return found


def second_rows(encounter_id: str) -> int:
    return sum(sort.startswith("L#") for _, sort in record(encounter_id).rows)


def post_encounter(clinic: ApiClient, status: str = "finished", **more: Any) -> str:
    answer = clinic.post("/Encounter", care.visit(**more) | {"status": status})
    assert answer.status == 201, answer.text
    return answer.id


@pytest.mark.parametrize("by", ["patient=Patient/homer-simpson", "class=AMB", "_total=none"])
def test_an_encounter_that_began_long_before_is_found_once_and_in_order(
    clinic: ApiClient, by: str
) -> None:
    stay, short = post_encounter(clinic, period=STAY), post_encounter(clinic, period=SHORT)
    ongoing, ended = (
        post_encounter(clinic, "in-progress", period=ONGOING),
        post_encounter(clinic, period=ENDED),
    )
    post_encounter(clinic, "planned")
    url = f"/Encounter?{by}"
    assert clinic.get(f"{url}&date=ge2026-02-20&_sort=date").ids == [ended, ongoing, stay, short]
    assert clinic.get(f"{url}&date=ge2026-02-20&_sort=-date").ids == [short, stay, ongoing, ended]
    assert set(clinic.get(f"{url}&date=gt2026-02-26").ids) == {ongoing, stay}
    assert set(clinic.get(f"{url}&date=ge2999").ids) == {ongoing}
    assert set(clinic.get(f"{url}&date=lt2020-01-01").ids) == {ended}
    assert set(clinic.get(f"{url}&date=2026").ids) == {stay, short}
    all_ids = clinic.get(f"{url}&_sort=date").ids
    assert len(all_ids) == len({*all_ids}) == 5
    found, page = list[str](), clinic.get(f"{url}&date=ge2026-02-20&_sort=date&_count=1")
    while True:
        found += page.ids
        links = {link["relation"]: link["url"] for link in page.body["link"]}
        if "next" not in links:
            break
        page = clinic.get(links["next"])
    assert found == [ended, ongoing, stay, short]


def test_an_open_encounter_gets_second_rows_once_it_has_lasted_long(clinic: ApiClient) -> None:
    start = instants.now() - timedelta(hours=2)
    visit = post_encounter(clinic, "in-progress", period={"start": instants.to_text(start)})
    assert second_rows(visit) == 0
    assert record(visit).due == instants.to_text(start + timedelta(hours=168))
    early, later = start + timedelta(hours=167), start + timedelta(hours=169)
    assert due_encounters.close_or_postpone("-", visit, early) is due_encounters.DueResult.NOTHING
    assert second_rows(visit) == 0
    assert due_encounters.close_or_postpone("-", visit, later) is due_encounters.DueResult.NOTHING
    assert (second_rows(visit), record(visit).due, record(visit).version) == (5, "", 1)
    assert due_encounters.close_or_postpone("-", visit, later) is due_encounters.DueResult.NOTHING
    assert clinic.get("/Encounter?class=AMB&date=ge2999").ids == [visit]


def test_a_corrected_start_reschedules_the_due_row(clinic: ApiClient) -> None:
    now = instants.now()
    visit = post_encounter(clinic, "in-progress", period={"start": instants.to_text(now)})
    earlier = now - timedelta(hours=100)
    body = clinic.get(f"/Encounter/{visit}").body | {"period": {"start": instants.to_text(earlier)}}
    assert clinic.put(f"/Encounter/{visit}", body).status == 200
    assert record(visit).due == instants.to_text(earlier + timedelta(hours=168))
    body["period"] = {"start": "2026-01-01"}
    assert clinic.put(f"/Encounter/{visit}", body).status == 200
    assert second_rows(visit) == 5


def test_duration_is_measured_at_the_versions_time_and_not_when_its_writer_began(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The previous version is later than the writer's start: the writer may have been waiting."""
    later, started = instants.now(), instants.now() - timedelta(hours=168)
    visit = post_encounter(clinic, "in-progress", period={"start": instants.to_text(later)})
    body = clinic.get(f"/Encounter/{visit}").body
    body["period"] = {"start": instants.to_text(started)}
    set_clock(monkeypatch, lambda: later - timedelta(hours=1))
    assert clinic.put(f"/Encounter/{visit}", body).status == 200
    assert second_rows(visit) == 5


def test_an_encounter_that_turns_out_short_loses_its_second_rows(clinic: ApiClient) -> None:
    visit = post_encounter(clinic, "in-progress", period=ONGOING)
    assert second_rows(visit) == 5
    body = clinic.get(f"/Encounter/{visit}").body | {"status": "finished", "period": SHORT}
    assert clinic.put(f"/Encounter/{visit}", body).status == 200
    assert second_rows(visit) == 0
    assert clinic.administrator.delete(f"/Encounter/{visit}").status == 204
    assert record(visit).rows == ()


def test_an_encounter_that_may_last_long_reserves_room_for_its_second_rows(
    clinic: ApiClient,
) -> None:
    def people(number: int) -> list[dict[str, Any]]:
        return [{"individual": care.reference(f"Practitioner/{index}")} for index in range(number)]

    crowded = care.visit(participant=people(15)) | {"period": ONGOING}
    visit = clinic.post("/Encounter", crowded)
    assert visit.status == 201
    assert len(record(visit.id).rows) <= 40
    answer = clinic.post("/Encounter", crowded | {"participant": people(16)})
    (expression,) = answer.expressions
    refusals.check(answer, 422, "business-rule", expression)
    assert expression.startswith("Encounter.participant.individual")
    finished = crowded | {"status": "finished", "period": SHORT, "participant": people(34)}
    assert clinic.post("/Encounter", finished).status == 201
