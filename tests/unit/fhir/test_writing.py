from typing import Any

import pytest

from shared.errors import BusinessRule
from shared.fhir import fhirjson
from shared.fhir.meta import has_same_content, stamp, with_client_meta
from shared.rules.classification import OPEN_STATUSES
from shared.rules.status_history import check_transition, with_status_history

NOW = "2026-03-02T10:00:00.000Z"
EARLIER = "2026-03-02T09:00:00.000Z"
LATER = "2026-03-02T11:00:00.000Z"


def encounter(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Encounter", "id": "e", **elements}


def test_the_clients_meta_is_kept_and_the_servers_dropped() -> None:
    kept = {
        "profile": ["https://example.org/p"],
        "tag": [{"code": "t"}],
        "security": [{"code": "R"}],
        "source": "urn:x",
        "extension": [{"url": "u", "valueString": "x"}],
    }
    dropped: dict[str, Any] = dict.fromkeys(
        ("project", "author", "account", "accounts", "compartment", "onBehalfOf"), "x"
    )
    dropped |= {"versionId": "7", "lastUpdated": NOW, "_lastUpdated": {"id": "x"}}
    assert with_client_meta(encounter(meta={**dropped, **kept})) == encounter(meta=kept)


def test_an_emptied_meta_is_removed() -> None:
    assert with_client_meta(encounter(meta={"versionId": "1"})) == encounter()


def test_a_partial_resource_cannot_be_stored() -> None:
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"}
    with pytest.raises(BusinessRule) as refused:
        with_client_meta(encounter(meta={"tag": [{}, {**tag, "code": "SUBSETTED"}]}))
    assert refused.value.issues[0].expression == "Encounter.meta.tag[1]"
    assert with_client_meta(encounter(meta={"tag": [{"code": "SUBSETTED"}]}))["meta"]["tag"]


def test_a_stamped_resource_begins_with_type_id_and_meta() -> None:
    written = {"status": "planned", "meta": {"source": "urn:x", "versionId": "1"}, "id": "e"}
    stamped = stamp({**written, "resourceType": "Encounter", "class": {}}, 12, NOW)
    assert list(stamped) == ["resourceType", "id", "meta", "status", "class"]
    assert stamped["meta"] == {"versionId": "12", "lastUpdated": NOW, "source": "urn:x"}


def test_version_order_and_instant_make_no_difference() -> None:
    a = encounter(meta={"versionId": "1", "lastUpdated": NOW}, status="planned")
    assert has_same_content(a, {"status": "planned", "id": "e", "resourceType": "Encounter"})


@pytest.mark.parametrize(
    ("one", "other"),
    [('"x":1.5', '"x":1.50'), ('"x":1', '"x":"1"'), ('"x":[1,2]', '"x":[2,1]'), ('"x":1', '"y":1')],
)
def test_a_differing_json_token_makes_a_difference(one: str, other: str) -> None:
    assert not has_same_content(fhirjson.loads(f"{{{one}}}"), fhirjson.loads(f"{{{other}}}"))


def test_another_tag_makes_a_difference() -> None:
    assert not has_same_content(encounter(), encounter(meta={"tag": [{"code": "t"}]}))


@pytest.mark.parametrize("before", sorted(OPEN_STATUSES))
def test_an_open_status_may_change_to_any(before: str) -> None:
    for after in (*OPEN_STATUSES, "finished", "cancelled", "entered-in-error"):
        check_transition(before, after)


@pytest.mark.parametrize(
    ("before", "allowed"),
    [
        ("finished", {"finished", "in-progress", "cancelled", "entered-in-error"}),
        ("cancelled", {"cancelled", "entered-in-error"}),
        ("entered-in-error", {"entered-in-error"}),
    ],
)
def test_an_ended_status_has_few_successors(before: str, allowed: set[str]) -> None:
    for after in {*OPEN_STATUSES, "finished", "cancelled", "entered-in-error"} - allowed:
        with pytest.raises(BusinessRule) as refused:
            check_transition(before, after)
        assert refused.value.issues[0].expression == "Encounter.status"
    for after in allowed:
        check_transition(before, after)


def test_a_new_encounter_may_have_any_status() -> None:
    check_transition(None, "entered-in-error")
    check_transition("finished", None)


def history_after(before: dict[str, Any], after: dict[str, Any], *, put: bool = False) -> Any:
    done = with_status_history(before, after, EARLIER, NOW, keep_omitted=put)
    return done.get("statusHistory")


def entry(status: str, start: str, end: str = "") -> dict[str, Any]:
    return {"status": status, "period": {"start": start} | ({"end": end} if end else {})}


def test_the_previous_status_is_appended_with_its_period() -> None:
    history = history_after(encounter(status="in-progress"), encounter(status="finished"))
    assert history == [entry("in-progress", EARLIER, NOW)]


def test_an_open_history_entry_of_the_previous_status_is_ended() -> None:
    open_entry = [entry("planned", EARLIER, EARLIER), entry("in-progress", EARLIER)]
    before = encounter(status="in-progress", statusHistory=open_entry)
    history = history_after(before, {**before, "status": "finished"})
    assert history == [open_entry[0], entry("in-progress", EARLIER, NOW)]
    assert "end" not in open_entry[1]["period"]


def test_an_entry_already_appended_by_the_body_is_not_duplicated() -> None:
    mine = [entry("in-progress", EARLIER, "2026-03-02T09:30:00Z"), entry("finished", NOW)]
    after = encounter(status="finished", statusHistory=mine)
    assert history_after(encounter(status="in-progress"), after) == mine


def test_a_status_left_twice_is_recorded_twice() -> None:
    first = entry("in-progress", EARLIER, EARLIER)
    before = encounter(status="in-progress", statusHistory=[first])
    assert history_after(before, {**before, "status": "finished"}) == [
        first,
        entry("in-progress", EARLIER, NOW),
    ]


def test_a_put_without_history_keeps_the_stored_one() -> None:
    stored = [entry("planned", EARLIER, NOW)]
    before = encounter(status="in-progress", statusHistory=stored)
    assert history_after(before, encounter(status="in-progress"), put=True) == stored
    after = history_after(before, encounter(status="finished"), put=True)
    assert after == [*stored, entry("in-progress", EARLIER, NOW)]


def test_a_patch_may_remove_history() -> None:
    before = encounter(status="in-progress", statusHistory=[entry("planned", EARLIER, NOW)])
    assert history_after(before, encounter(status="in-progress")) is None


def test_a_new_encounter_has_the_history_it_was_sent_with() -> None:
    new = encounter(status="finished")
    assert with_status_history(None, new, EARLIER, NOW, keep_omitted=True) == new


def test_no_entry_ends_before_it_begins() -> None:
    ahead = encounter(status="in-progress", statusHistory=[entry("in-progress", LATER)])
    assert history_after(ahead, {**ahead, "status": "finished"}) == [
        entry("in-progress", LATER, LATER)
    ]
