"""Notifications reach the endpoint of a Subscription: whom they tell of what, and how."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.chat import HANDSHAKE, Chat
from tests.support.practice import instant_text
from tests.support.receiver import Handler
from tests.support.subscription_pipeline import CHANGES, NOTIFICATIONS
from tests.support.subscriptions import SECRET, TOKEN, channel, replaced, secret, subscription


def test_it_becomes_active_by_a_handshake(chat: Chat) -> None:
    of_receiver = channel(
        endpoint=f"{chat.receiver.url}/hook?of=chat", header=[f"Authorization: {TOKEN}"]
    )
    created = chat.clinic.post("/Subscription", subscription(channel=of_receiver))
    (first,) = chat.requests()
    assert (first.method, first.path, first.body) == ("POST", "/fhir/hook?of=chat", b"")
    assert first.headers["authorization"] == TOKEN
    stored = chat.clinic.get(f"/Subscription/{created.id}")
    assert (stored.body["status"], stored.version) == ("active", "2")
    assert chat.told() == []


def test_a_match_is_put_with_its_content(chat: Chat) -> None:
    chat.subscribe(f"Communication?subject={care.HOMER}")
    header = chat.clinic.post("/Communication", care.header())
    (told,) = chat.requests()
    assert (told.method, told.path) == ("PUT", f"/fhir/Communication/{header.id}")
    assert told.headers["content-type"] == "application/fhir+json"
    assert told.resource == header.body


def test_without_a_payload_it_is_an_empty_ping(chat: Chat) -> None:
    ping = {
        name: value
        for name, value in channel(endpoint=chat.receiver.url).items()
        if name != "payload"
    }
    chat.subscribe("Communication?", channel=ping)
    chat.clinic.post("/Communication", care.header())
    (told,) = chat.requests()
    assert (told.method, told.path, told.body) == ("POST", "/fhir", b"")
    assert "content-type" not in told.headers


@pytest.mark.parametrize(
    ("criteria", "is_told"),
    [
        ("Communication", True),
        ("Communication?", True),
        ("Communication?status=in-progress", True),
        ("Communication?status=completed", False),
        ("Communication?status:not=completed", True),
        ("Communication?subject=Patient/homer-simpson", True),
        ("Communication?subject=homer-simpson", True),
        ("Communication?patient=homer-simpson&status=in-progress", True),
        ("Communication?patient=homer-simpson&status=completed", False),
        ("Communication?recipient=Patient/bart-simpson,Practitioner/doctor-alice-smith", True),
        ("Communication?recipient=Patient/bart-simpson", False),
        ("Communication?part-of:missing=true", True),
        ("Communication?part-of:missing=false", False),
        ("Communication?topic:text=a%20rash", True),
        ("Communication?_lastUpdated=ge2026-01-01", True),
        ("Communication?_lastUpdated=lt2026-01-01", False),
        ("Encounter?", False),
    ],
)
def test_criteria_decide_what_is_told(chat: Chat, criteria: str, is_told: bool) -> None:
    chat.subscribe(criteria)
    chat.clinic.post("/Communication", care.header())
    assert bool(chat.told()) is is_told


def test_criteria_find_what_a_search_finds_by_a_key_of_its_own(chat: Chat) -> None:
    header = chat.clinic.post("/Communication", care.header()).id
    other = chat.clinic.post("/Communication", care.header()).id
    chat.subscribe(f"Communication?part-of=Communication/{header}")
    chat.clinic.post("/Communication", care.message(other))
    message = chat.clinic.post("/Communication", care.message(header))
    assert chat.told() == [("PUT", f"/fhir/Communication/{message.id}")]


def test_a_conversation_is_told_as_it_goes_on(chat: Chat) -> None:
    chat.subscribe("Communication?status=completed")
    header = chat.clinic.post("/Communication", care.header()).id
    message = chat.clinic.post("/Communication", care.message(header, status="completed"))
    assert chat.told() == [("PUT", f"/fhir/Communication/{message.id}")]
    closed = replaced("/status", "completed")
    chat.clinic.patch(f"/Communication/{header}", closed)
    assert chat.told() == [("PUT", f"/fhir/Communication/{header}")]
    chat.clinic.administrator.delete(f"/Communication/{header}")
    assert chat.told() == []


def test_what_was_written_before_it_was_active_is_not_told(chat: Chat) -> None:
    chat.clinic.post("/Communication", care.header())
    chat.practice.now += timedelta(seconds=30)
    chat.subscribe("Communication?")
    assert chat.told() == []


def test_a_subscription_that_is_off_is_told_nothing(chat: Chat) -> None:
    url = f"/Subscription/{chat.subscribe('Communication?')}"
    chat.clinic.post("/Communication", care.header())
    chat.pipeline.match()
    off = replaced("/status", "off")
    assert chat.clinic.patch(url, off).status == 200
    chat.pipeline.deliver()
    chat.clinic.post("/Communication", care.header())
    assert chat.told() == []
    on = replaced("/status", "requested")
    chat.clinic.patch(url, on)
    chat.pipeline.deliver()
    chat.clinic.post("/Communication", care.header())
    assert [method for method, _ in chat.told()] == ["POST", "PUT"]


def test_it_is_turned_off_after_its_end(chat: Chat) -> None:
    own_id = chat.subscribe("Communication?", end="2026-03-02T09:00:00Z")
    chat.practice.advance_to("2026-03-02 10:00")
    chat.clinic.post("/Communication", care.header())
    assert chat.told() == []
    assert chat.clinic.get(f"/Subscription/{own_id}").body["status"] == "off"


def test_writing_back_an_active_one_keeps_it_active(chat: Chat) -> None:
    url = f"/Subscription/{chat.subscribe('Communication?')}"
    body = chat.clinic.get(url).body
    chat.clinic.post("/Communication", care.header())
    assert chat.clinic.put(url, body | {"status": "requested"}).body["status"] == "active"
    assert chat.clinic.put(url, body | {"reason": "Billing"}).body["status"] == "active"
    assert [method for method, _ in chat.told()] == ["PUT"]
    moved = body | {"criteria": "Encounter?"}
    assert chat.clinic.put(url, moved).body["status"] == "requested"
    assert chat.told() == [HANDSHAKE]
    chat.clinic.post("/Communication", care.header())
    assert chat.told() == []


@pytest.mark.parametrize(
    ("criteria", "version"), [("Communication?", "2"), ("Communication?topic:text=a%20rash", "1")]
)
def test_of_several_versions_the_newest_that_matches_is_told(
    chat: Chat, criteria: str, version: str
) -> None:
    chat.subscribe(criteria)
    header = chat.clinic.post("/Communication", care.header())
    chat.clinic.patch(f"/Communication/{header.id}", replaced("/topic/text", "A burn"))
    (told,) = chat.requests()
    assert told.resource["meta"]["versionId"] == version


def test_notifications_are_signed_and_have_an_id(chat: Chat) -> None:
    chat.subscribe("Communication?", extension=secret())
    for topic in ("A rash", "A burn"):
        chat.clinic.post("/Communication", care.header(topic={"text": topic}))
    first, second = chat.requests()
    for told in (first, second):
        seconds, signature = (
            part.partition("=")[2] for part in told.headers["x-subscription-signature"].split(",")
        )
        expected = hmac.new(SECRET.encode(), f"{seconds}.".encode() + told.body, hashlib.sha256)
        assert signature == expected.hexdigest()
        assert seconds == "1772438400"  # 2026-03-02 9:00 in Berlin
    ids = {told.headers["x-subscription-notification"] for told in (first, second)}
    assert len(ids) == 2


def test_what_was_told_is_in_the_audit_trail(chat: Chat) -> None:
    own_id = chat.subscribe("Communication?")
    thread = chat.clinic.post("/Communication", care.header()).id
    (told,) = chat.requests()
    auditor = ApiClient(role="auditor", fhir_user="")
    reads = [
        event
        for event in auditor.get(f"/AuditEvent?entity=Communication/{thread}").resources
        if event["action"] == "R"
    ]
    (event,) = reads
    assert event["agent"][0]["who"] == care.reference(care.ALICE)
    assert event["entity"][0]["what"] == care.reference(f"Communication/{thread}/_history/1")
    assert {"type": "operation", "valueString": f"Subscription/{own_id}"} in event["entity"][0][
        "detail"
    ]
    assert auditor.get(f"/AuditEvent?patient={care.HOMER}&action=R").ids == [event["id"]]
    assert told.path.endswith(thread)


def test_a_message_that_names_no_patient_is_audited_by_its_thread(chat: Chat) -> None:
    thread = chat.clinic.post("/Communication", care.header()).id
    chat.subscribe(f"Communication?part-of=Communication/{thread}")
    message = care.message(thread)
    del message["subject"]
    assert chat.clinic.post("/Communication", message).status == 201
    assert len(chat.told()) == 1
    auditor = ApiClient(role="auditor", fhir_user="")
    assert len(auditor.get(f"/AuditEvent?patient={care.HOMER}&action=R").ids) == 1


# ---- Receivers that fail


def test_what_fails_is_delivered_again_after_growing_pauses(chat: Chat) -> None:
    own_id = chat.subscribe("Communication?")
    header = chat.clinic.post("/Communication", care.header()).id
    chat.receiver.answer = lambda handler: handler.send(500, b"a secret of the receiver")
    chat.pipeline.deliver()
    pauses = []
    for _ in range(4):
        (message,) = chat.pipeline.waiting
        pauses.append((message.visible - chat.practice.now).total_seconds())
        chat.pipeline.deliver()
        chat.practice.now = message.visible
        assert len(chat.receiver.taken()) == 1
        chat.pipeline.deliver()
    assert pauses == [10, 60, 300, 900]
    chat.receiver.answer = None
    chat.receiver.taken()
    chat.practice.now = chat.pipeline.waiting[0].visible
    (told,) = chat.requests()
    assert told.path == f"/fhir/Communication/{header}"
    assert chat.pipeline.waiting == []
    assert chat.clinic.get(f"/Subscription/{own_id}").body["status"] == "active"


def _redirect(handler: Handler) -> None:
    handler.send(307, Location="http://127.0.0.1:1/elsewhere")


def _break_off(handler: Handler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda handler: handler.send(404), "answered with status 404"),
        (_redirect, "answered with status 307"),
        (_break_off, "could not be reached, or broke off"),
    ],
)
def test_after_a_day_it_is_in_error_and_says_why(chat: Chat, answer: Any, problem: str) -> None:
    own_id = chat.subscribe("Communication?")
    chat.practice.now += timedelta(seconds=1)
    since = chat.practice.now
    chat.clinic.post("/Communication", care.header())
    chat.receiver.answer = answer
    chat.pipeline.deliver()
    while chat.pipeline.waiting:
        chat.practice.now = chat.pipeline.waiting[0].visible
        assert chat.pipeline.waiting[0].received < 11
        assert chat.clinic.get(f"/Subscription/{own_id}").body["status"] == "active"
        chat.pipeline.deliver()
    assert timedelta(days=1) <= chat.practice.now - since < timedelta(days=1, hours=1)
    body = chat.clinic.get(f"/Subscription/{own_id}").body
    assert body["status"] == "error"
    assert (
        body["error"]
        == f"Nothing was delivered since {instant_text(since)}: the endpoint {problem}"
    )
    chat.clinic.post("/Communication", care.header())
    chat.receiver.taken()
    assert chat.told() == []


def test_while_it_fails_one_notification_is_tried_at_a_time(chat: Chat) -> None:
    chat.subscribe("Communication?")
    chat.practice.now += timedelta(seconds=1)
    chat.receiver.answer = lambda handler: handler.send(500)
    for _ in range(3):
        chat.clinic.post("/Communication", care.header())
    (first,) = chat.told()
    assert len(chat.pipeline.waiting) == 3
    chat.practice.now += timedelta(seconds=10)
    assert chat.told() == [first]
    chat.receiver.answer = None
    chat.practice.now += timedelta(seconds=61)
    assert len(chat.told()) == 3
    assert chat.pipeline.waiting == []


def test_one_failure_after_a_long_silence_is_no_error(chat: Chat) -> None:
    """What fails is given up by itself: a day after it was received first."""
    own_id = chat.subscribe("Communication?")
    chat.practice.now += timedelta(seconds=1)
    chat.receiver.answer = lambda handler: handler.send(500)
    chat.clinic.post("/Communication", care.header())
    chat.pipeline.deliver()
    (first,) = chat.pipeline.waiting
    del chat.pipeline.queues.messages[NOTIFICATIONS][first.id]  # purged
    chat.practice.now += timedelta(days=2)
    chat.clinic.post("/Communication", care.header())
    chat.pipeline.deliver()
    assert chat.status(own_id) == "active"
    assert len(chat.pipeline.waiting) == 1


def test_one_that_was_replaced_during_the_last_try_goes_on(chat: Chat) -> None:
    url = f"/Subscription/{chat.subscribe('Communication?')}"
    chat.practice.now += timedelta(seconds=1)
    chat.receiver.answer = lambda handler: handler.send(500)
    chat.clinic.post("/Communication", care.header())
    chat.pipeline.deliver()
    (message,) = chat.pipeline.waiting
    while message.received < 10:
        chat.practice.now = message.visible
        chat.pipeline.deliver()

    def replace_first(handler: Handler) -> None:
        patch = replaced("/reason", "Billing")
        assert chat.clinic.patch(url, patch).status == 200
        handler.send(500)

    chat.receiver.answer = replace_first
    chat.practice.now = message.visible
    chat.pipeline.deliver()
    assert chat.clinic.get(url).body["status"] == "active"
    assert chat.pipeline.waiting == [message]


def test_changes_of_long_ago_are_not_handed_over_again(chat: Chat) -> None:
    """A reindex brings even years of writes to the archive."""
    chat.subscribe("Communication?")
    chat.clinic.post("/Communication", care.header())
    sent = chat.pipeline.queues.sent[CHANGES]
    chat.practice.now += timedelta(days=16)
    assert chat.told() == []
    assert chat.pipeline.queues.sent[CHANGES] == sent


def test_a_version_of_what_was_retracted_since_is_not_told(chat: Chat) -> None:
    chat.subscribe("Communication?status=in-progress")
    header = chat.clinic.post("/Communication", care.header()).id
    chat.pipeline.match()
    patch = replaced("/status", "entered-in-error")
    assert chat.clinic.patch(f"/Communication/{header}", patch).status == 200
    assert chat.told() == []
