"""Events of what clients and the schedule do, as they are published."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from shared.events import handover
from shared.events.models import EVENTS
from shared.http import jobs
from shared.store import dynamodb, meter
from tests.support import audit_pipeline, care
from tests.support.api_client import ApiClient
from tests.support.event_pipeline import BUS, EventPipeline
from tests.support.practice import Practice


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> EventPipeline:
    return EventPipeline(monkeypatch)


def about(events: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str, int]]:
    """Return the name, reference and sequence of each event."""
    return [(name, detail["reference"], detail["sequence"]) for name, detail in events]


def detail_of(events: list[tuple[str, dict[str, Any]]], name: str) -> dict[str, Any]:
    """Return the detail of the only event of a name."""
    (detail,) = (detail for event, detail in events if event == name)
    return detail


def header(clinic: ApiClient, **more: Any) -> str:
    return clinic.post("/Communication", care.header(**more)).id


def test_each_write_of_a_resource_is_an_event_with_its_version(
    clinic: ApiClient, events: EventPipeline
) -> None:
    clinic.put("/Patient/homer", {"resourceType": "Patient", "id": "homer"})
    clinic.put("/Patient/homer", {"resourceType": "Patient", "id": "homer", "gender": "male"})
    ApiClient(role="admin").delete("/Patient/homer")
    published = events.deliver()
    assert about(published) == [
        ("ResourceCreated", "Patient/homer", 1),
        ("ResourceUpdated", "Patient/homer", 2),
        ("ResourceDeleted", "Patient/homer", 3),
    ]
    assert all(detail["tenant"] == "-" for _, detail in published)
    assert len({detail["id"] for _, detail in published}) == len(published)


def test_a_write_that_changes_nothing_is_no_event(clinic: ApiClient, events: EventPipeline) -> None:
    body = {"resourceType": "Patient", "id": "homer"}
    clinic.put("/Patient/homer", body)
    events.deliver()
    assert clinic.put("/Patient/homer", body).status == 200
    assert clinic.put("/Patient/homer", {**body, "gender": "none"}).status == 400
    assert events.deliver() == []


def test_a_session_has_events_from_its_opening_to_its_end(
    clinic: ApiClient, events: EventPipeline
) -> None:
    session = clinic.post("/Encounter", care.session()).id
    thread = header(clinic)
    clinic.post("/Communication", care.message(thread, "2026-11-21T09:00:00Z"))
    events.deliver()
    clinic.patch(f"/Communication/{thread}", care.link(session))
    linked = detail_of(events.deliver(), "ThreadLinked")
    assert linked["reference"] == f"Communication/{thread}"
    assert linked["encounter"] == f"Encounter/{session}"
    assert linked["since"] == "2026-11-21T09:00:00.000Z"
    message = clinic.post("/Communication", care.message(thread, "2026-11-21T10:00:00Z"))
    joined = detail_of(events.deliver(), "MessageJoinedSession")
    assert joined | {"id": "", "time": ""} == {
        "id": "",
        "time": "",
        "tenant": "-",
        "reference": f"Communication/{message.id}",
        "version": 1,
        "sequence": 1,
        "session": f"Encounter/{session}",
        "thread": f"Communication/{thread}",
        "at": "2026-11-21T10:00:00.000Z",
    }
    clinic.post(f"/Encounter/{session}/$close-session", None)
    closed = events.deliver()
    assert about(closed) == [
        ("SessionClosed", f"Encounter/{session}", 2),
        ("ResourceUpdated", f"Encounter/{session}", 2),
    ]
    detail = detail_of(closed, "SessionClosed")
    assert (detail["policy"], detail["first"], detail["last"]) == (
        "explicit",
        "2026-11-21T09:00:00.000Z",
        "2026-11-21T10:00:00.000Z",
    )


def test_a_version_that_only_the_state_of_a_session_changed_is_no_update(
    clinic: ApiClient, events: EventPipeline
) -> None:
    session, thread = clinic.post("/Encounter", care.session()).id, header(clinic)
    events.deliver()
    clinic.patch(f"/Communication/{thread}", care.link(session))
    assert about(events.deliver()) == [
        ("ThreadLinked", f"Communication/{thread}", 2),
        ("ResourceUpdated", f"Communication/{thread}", 2),
    ]


def test_a_message_that_opens_a_session_is_linked_and_joins_in_the_same_write(
    thread_policy: Practice, events: EventPipeline
) -> None:
    thread = thread_policy.post_header()
    events.deliver()
    message = thread_policy.post_message(thread, "2026-03-02 09:10")
    published = events.deliver()
    names = [name for name, _ in published]
    assert names.count("ResourceCreated") == 2
    assert names[:3] == ["SessionOpened", "ThreadLinked", "MessageJoinedSession"]
    opened, linked = detail_of(published, "SessionOpened"), detail_of(published, "ThreadLinked")
    joined = detail_of(published, "MessageJoinedSession")
    assert opened["policy"] == "thread"
    assert linked["encounter"] == joined["session"] == opened["reference"]
    assert joined["reference"] == f"Communication/{message.id}"


def test_a_closing_by_the_schedule_has_the_events_of_one_by_a_client(
    thread_policy: Practice, events: EventPipeline
) -> None:
    thread_policy.post_message(thread_policy.post_header(), "2026-03-02 09:10")
    events.deliver()
    thread_policy.advance_to("2026-03-03 09:11")
    assert [name for name, _ in events.deliver()] == ["SessionClosed", "ResourceUpdated"]


def test_a_late_and_a_retracted_message_amend_the_session_of_their_day(
    daily: Practice, events: EventPipeline
) -> None:
    thread = daily.post_header()
    first = daily.post_message(thread, "2026-03-02 09:10")
    daily.advance_to("2026-03-03 02:00")
    events.deliver()
    late = daily.clinic.post("/Communication", care.message(thread, "2026-03-02T19:00:00+01:00"))
    amended = detail_of(events.deliver(), "SessionAmended")
    assert (amended["first"], amended["last"]) == (
        "2026-03-02T08:10:00.000Z",
        "2026-03-02T18:00:00.000Z",
    )
    assert amended["sequence"] == 3
    retracted = {"op": "replace", "path": "/status", "value": "entered-in-error"}
    daily.clinic.patch(f"/Communication/{late.id}", [retracted])
    assert detail_of(events.deliver(), "SessionAmended")["last"] == "2026-03-02T08:10:00.000Z"
    daily.clinic.patch(f"/Communication/{first.id}", [retracted])
    assert "last" not in detail_of(events.deliver(), "SessionAmended")


def test_a_thread_that_is_unlinked_or_linked_elsewhere_has_events(
    clinic: ApiClient, events: EventPipeline
) -> None:
    one, other = (clinic.post("/Encounter", care.session()).id for _ in range(2))
    thread = header(clinic)
    clinic.patch(f"/Communication/{thread}", care.link(one))
    events.deliver()
    clinic.patch(f"/Communication/{thread}", care.link(other))
    moved = events.deliver()
    assert detail_of(moved, "ThreadUnlinked")["encounter"] == f"Encounter/{one}"
    assert detail_of(moved, "ThreadLinked")["encounter"] == f"Encounter/{other}"
    clinic.patch(f"/Communication/{thread}", [{"op": "remove", "path": "/encounter"}])
    assert detail_of(events.deliver(), "ThreadUnlinked")["encounter"] == f"Encounter/{other}"


def test_a_refused_transaction_has_no_events(clinic: ApiClient, events: EventPipeline) -> None:
    thread = header(clinic)
    events.deliver()
    assert clinic.patch(f"/Communication/{thread}", care.link("nowhere")).status == 422
    assert events.deliver() == []


def test_events_have_nothing_from_inside_a_resource(
    thread_policy: Practice, events: EventPipeline
) -> None:
    thread = thread_policy.post_header(topic={"text": "canary"})
    message = thread_policy.post_message(
        thread, "2026-03-02 09:10", payload=[{"contentString": "canary"}]
    )
    assert message.status == 201
    rows = events.new_rows()
    audit_pipeline.deliver_stream_rows(rows)
    waiting = "".join(events.queue.bodies)
    events.publish_waiting()
    published = json.dumps([entry["Detail"] for entry in events.bus.entries])
    assert events.bus.entries
    for text in (waiting, published):
        assert "canary" not in text
        assert care.HOMER not in text


# ---- At least once: repetitions have the same ids


def test_a_batch_that_is_delivered_again_publishes_the_same_events_with_the_same_ids(
    clinic: ApiClient, events: EventPipeline
) -> None:
    session, thread = clinic.post("/Encounter", care.session()).id, header(clinic)
    clinic.patch(f"/Communication/{thread}", care.link(session))
    rows = events.new_rows()
    for _ in range(2):
        audit_pipeline.deliver_stream_rows(rows)
    events.publish_waiting()
    details = [entry["Detail"] for entry in events.bus.entries]
    half = len(details) // 2
    assert details[:half] == details[half:]
    assert len({json.loads(detail)["id"] for detail in details}) == half


def test_a_queue_that_fails_loses_neither_events_nor_rows_of_the_trail(
    clinic: ApiClient, events: EventPipeline
) -> None:
    clinic.post("/Encounter", care.session())
    rows = events.new_rows()
    events.queue.is_down = True
    with pytest.raises(jobs.Failed):
        audit_pipeline.deliver_stream_rows(rows)
    # What is not in the journal is what a redrive finds.
    assert audit_pipeline.journal_rows() == []
    events.queue.is_down = False
    for _ in range(2):
        audit_pipeline.deliver_stream_rows(rows)
    events.publish_waiting()
    assert len(audit_pipeline.journal_rows()) == 1
    assert [entry["DetailType"] for entry in events.bus.entries][:2] == [
        "SessionOpened",
        "ResourceCreated",
    ]


def test_only_the_events_that_the_bus_refused_are_put_again(
    clinic: ApiClient, events: EventPipeline
) -> None:
    for _ in range(6):
        clinic.post("/Encounter", care.session())
    events.bus.refusals = ["", "ThrottlingException", "", "InternalFailure"]
    published = events.deliver()
    assert len(published) == 12
    assert len({detail["id"] for _, detail in published}) == 12
    refused = {("PutEvents", "ThrottlingException"): 1, ("PutEvents", "InternalFailure"): 1}
    assert meter.failure_counts() == refused


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PutEvents")


@pytest.mark.parametrize(
    "error",
    [
        failure("ThrottlingException"),
        failure("InternalException"),
        ConnectTimeoutError(endpoint_url=BUS),
        EndpointConnectionError(endpoint_url=BUS),
    ],
    ids=["throttled", "failed", "too slow", "not there"],
)
def test_a_call_that_the_bus_could_not_answer_is_repeated(
    clinic: ApiClient, events: EventPipeline, error: Exception
) -> None:
    clinic.post("/Encounter", care.session())
    events.bus.failures = [error]
    assert [name for name, _ in events.deliver()] == ["SessionOpened", "ResourceCreated"]
    assert events.queue.bodies == []


def test_a_call_that_the_bus_forbids_is_not_repeated(
    clinic: ApiClient, events: EventPipeline
) -> None:
    clinic.post("/Encounter", care.session())
    audit_pipeline.deliver_stream_rows(events.new_rows())
    events.bus.failures = [failure("AccessDeniedException")]
    assert len(events.publish_waiting()) == 1
    assert events.bus.entries == []
    assert meter.failure_counts() == {("PutEvents", "AccessDeniedException"): 1}


def test_a_message_whose_events_the_bus_keeps_refusing_goes_back_to_the_queue(
    clinic: ApiClient, events: EventPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb, "CALL_PATIENCE_SECONDS", 0)
    clinic.post("/Encounter", care.session())
    audit_pipeline.deliver_stream_rows(events.new_rows())
    events.bus.refusals = ["", "ThrottlingException"]
    (waiting,) = events.publish_waiting()
    assert events.publish_waiting() == []
    assert waiting
    ids = [json.loads(entry["Detail"])["id"] for entry in events.bus.entries]
    assert (len(ids), len(set(ids))) == (3, 2)


def test_a_message_that_cannot_be_read_keeps_no_other_from_being_published(
    clinic: ApiClient, events: EventPipeline
) -> None:
    clinic.post("/Encounter", care.session())
    audit_pipeline.deliver_stream_rows(events.new_rows())
    unreadable = '{"transactions":[{"id":"?"}]}'
    events.queue.bodies.insert(0, unreadable)
    assert events.publish_waiting() == [unreadable]
    assert len(events.bus.entries) == 2


def test_what_was_written_long_ago_is_not_published_when_it_is_archived_again(
    thread_policy: Practice, events: EventPipeline
) -> None:
    thread_policy.post_header()
    old = events.new_rows()
    thread_policy.now += timedelta(days=16)
    new = thread_policy.post_header()
    audit_pipeline.deliver_stream_rows([*old, *events.new_rows()])
    events.publish_waiting()
    (entry,) = events.bus.entries
    assert json.loads(entry["Detail"])["reference"] == f"Communication/{new}"


def test_events_name_their_tenant(practice: Practice, events: EventPipeline) -> None:
    practice.configure(TENANT_CLAIM="tenant")
    for tenant in ("north", "south"):
        ApiClient(role="admin", claims={"tenant": tenant}).post("/Encounter", care.session())
    tenants = [detail["tenant"] for name, detail in events.deliver() if name == "SessionOpened"]
    assert sorted(tenants) == ["north", "south"]


def test_a_session_that_is_created_finished_opens_and_closes(
    daily: Practice, events: EventPipeline
) -> None:
    daily.post_header()
    daily.advance_to("2026-03-04 10:00")
    thread = daily.post_header()
    events.deliver()
    daily.clinic.post("/Communication", care.message(thread, "2026-03-02T19:00:00+01:00"))
    named = [name for name, _ in events.deliver() if name.startswith(("Session", "Message"))]
    assert sorted(named) == ["MessageJoinedSession", "SessionClosed", "SessionOpened"]


def test_many_writes_are_handed_over_in_messages_of_bounded_size(
    clinic: ApiClient, events: EventPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "LARGEST_MESSAGE", 1000)
    for _ in range(10):
        clinic.post("/Encounter", care.session())
    audit_pipeline.deliver_stream_rows(events.new_rows())
    assert 1 < len(events.queue.bodies) < 10
    assert all(len(body.encode()) <= 1000 for body in events.queue.bodies)
    assert events.queue.calls == 1
    assert events.publish_waiting() == []
    assert len(events.bus.entries) == 20


def test_nothing_is_sent_if_nobody_listens(
    clinic: ApiClient, events: EventPipeline, practice: Practice
) -> None:
    practice.configure(EVENT_QUEUE_URLS="")
    clinic.post("/Encounter", care.session())
    audit_pipeline.deliver_stream_rows(events.new_rows())
    assert events.queue.bodies == []
    assert len(audit_pipeline.journal_rows()) == 1


def test_each_entry_names_the_bus_and_the_source(clinic: ApiClient, events: EventPipeline) -> None:
    clinic.post("/Encounter", care.session())
    events.deliver()
    for entry in events.bus.entries:
        assert entry["EventBusName"] == BUS
        assert entry["Source"] == "async-encounters"
        assert EVENTS[entry["DetailType"]].model_validate_json(entry["Detail"])
