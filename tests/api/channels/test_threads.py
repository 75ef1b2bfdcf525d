"""Which thread a text message gets into, and which session."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import care
from tests.support.family import (
    BART,
    LISA,
    OF_BART,
    OF_LISA,
    link_records,
    store,
    store_relative,
)
from tests.support.text_channel import TextChannel, form, ref, said, twilio_account

HOMER, MARGE = "+15551230001", "+15551230002"


def telecom(value: str) -> dict[str, Any]:
    return {"telecom": [{"system": "phone", "value": value}]}


@pytest.fixture
def homer(channel: TextChannel) -> TextChannel:
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    return channel


def complete(channel: TextChannel, header: dict[str, Any]) -> None:
    url = f"/Communication/{header['id']}"
    answer = channel.clinic.patch(url, [{"op": "replace", "path": "/status", "value": "completed"}])
    assert answer.status == 200


def test_a_completed_thread_is_reopened(homer: TextChannel) -> None:
    homer.text("My back hurts", HOMER)
    complete(homer, homer.thread())
    homer.text("It hurts again", HOMER)
    header = homer.thread()
    assert header["status"] == "in-progress"
    assert [said(message) for message in homer.messages()] == ["My back hurts", "It hurts again"]


def test_or_it_is_followed_by_a_new_one(homer: TextChannel) -> None:
    homer.configure(sms=twilio_account(completed_threads="follow"))
    homer.text("My back hurts", HOMER)
    old = homer.thread()
    complete(homer, old)
    homer.text("It hurts again", HOMER)
    homer.text("Still", HOMER)
    old, new = homer.threads()
    assert (old["status"], new["status"]) == ("completed", "in-progress")
    assert old["identifier"][0]["value"] == f"{HOMER}/{old['id']}"
    assert new["identifier"][0]["value"] == HOMER
    assert (ref(new["sender"]), ref(new["subject"])) == (care.HOMER, care.HOMER)
    assert [len(homer.messages(header["id"])) for header in (old, new)] == [1, 2]


@pytest.mark.parametrize("status", ["entered-in-error", "stopped"])
def test_a_thread_that_is_void_or_stopped_is_followed(homer: TextChannel, status: str) -> None:
    homer.text("My back hurts", HOMER)
    url = f"/Communication/{homer.thread()['id']}"
    homer.clinic.patch(url, [{"op": "replace", "path": "/status", "value": status}])
    homer.text("It hurts again", HOMER)
    old, new = homer.threads()
    assert (old["status"], new["status"]) == (status, "in-progress")


def test_a_deleted_thread_is_begun_anew(homer: TextChannel) -> None:
    homer.text("My back hurts", HOMER)
    homer.clinic.administrator.delete(f"/Communication/{homer.thread()['id']}")
    homer.text("It hurts again", HOMER)
    assert len(homer.messages()) == 1


def test_accounts_have_threads_of_their_own(homer: TextChannel) -> None:
    homer.text("My back hurts", HOMER)
    homer.publish(
        {
            "originationNumber": HOMER,
            "destinationNumber": "+15550100001",
            "messageKeyword": "KEYWORD_1",
            "messageBody": "My head, too",
            "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
            "previousPublishedMessageId": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        }
    )
    first, second = homer.threads()
    assert [first["identifier"][0]["system"], second["identifier"][0]["system"]] == [
        "urn:async-encounters:channel:sms",
        "urn:async-encounters:channel:aws",
    ]
    (message,) = homer.messages(second["id"])
    assert (said(message), ref(message["sender"])) == ("My head, too", care.HOMER)


def test_a_hundred_at_once_make_one_thread(homer: TextChannel) -> None:
    homer.configure(sms=twilio_account(messages_per_hour=1000))
    forms = [form(f"Message {number}", HOMER) for number in range(100)]
    for fields in forms:
        homer.call(fields)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(homer.process_one, list(homer.queue.bodies)))
    while homer.queue.bodies:
        homer.queue.visible.clear()
        homer.process()
    assert {said(message) for message in homer.messages()} == {one["Body"] for one in forms}
    assert len(homer.messages()) == 100


@pytest.fixture
def family_of(channel: TextChannel) -> TextChannel:
    for patient, given in ((BART, "Bart"), (LISA, "Lisa")):
        store(channel.clinic, patient, name=[{"given": [given]}])
    for person, patient in ((OF_BART, BART), (OF_LISA, LISA)):
        store_relative(channel.clinic, person, patient, **telecom(MARGE))
    link_records(channel.clinic, OF_BART, OF_LISA)
    return channel


@pytest.mark.parametrize("checks", ["none", "local"])
@pytest.mark.parametrize("policy", ["thread", "daily"])
def test_two_siblings_have_one_session(family_of: TextChannel, policy: str, checks: str) -> None:
    family_of.practice.configure(SESSION_POLICY=policy, REFERENCE_CHECKS=checks)
    family_of.text("Bart has a rash", MARGE)
    family_of.text("Lisa has it too", MARGE)
    family_of.text("Thank you", MARGE)
    session = family_of.practice.session()
    assert "subject" not in session
    assert family_of.practice.patients(session) == [BART, LISA]
    assert len(family_of.practice.messages(session)) == 3


def test_under_explicit_it_waits_for_a_link(homer: TextChannel) -> None:
    homer.text("My back hurts", HOMER)
    assert homer.practice.sessions() == []
    session = homer.practice.open_session()
    homer.clinic.patch(f"/Communication/{homer.thread()['id']}", care.link(session))
    homer.text("Still", HOMER)
    assert len(homer.practice.messages({"id": session})) == 2


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
def test_a_completed_thread_gets_a_new_session(homer: TextChannel, policy: str) -> None:
    homer.practice.configure(SESSION_POLICY=policy)
    homer.text("My back hurts", HOMER)
    complete(homer, homer.thread())
    homer.text("It hurts again", HOMER)
    sessions = {"explicit": 0, "thread": 2, "daily": 1}
    assert len(homer.practice.sessions()) == sessions[policy]
    homer.practice.advance_to("2026-03-10 09:00")
    homer.text("And again", HOMER)
    assert homer.thread()["status"] == "in-progress"


def test_it_is_sent_and_received_when_it_came_in(homer: TextChannel) -> None:
    homer.text("My back hurts", HOMER)
    (message,) = homer.messages()
    assert message["sent"] == message["received"] == "2026-03-02T08:00:01.000Z"
    assert message["status"] == "in-progress"
    assert [ref(element) for element in message["recipient"]] == ["Organization/clinic"]


TEXTS: Sequence[str] = (
    "👨‍👩‍👧 \U0001f915 ouch",
    "كيف حالك؟ ظهري يؤلمني",
    "שלום",
    "a\u202eb",
    "Line one\nline two\r\n",
    "x" * 1600,
    "with \x00 and \x1b",
    "STOP it hurts",
    "$,|\\ +%2B",
)


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_kept(homer: TextChannel, text: str) -> None:
    homer.text(text, HOMER)
    (message,) = homer.messages()
    kept = text.replace("\x00", " ").replace("\x1b", " ").strip()
    assert said(message) == kept


def test_an_empty_text_is_a_message_too(homer: TextChannel) -> None:
    homer.text("  ", HOMER)
    (message,) = homer.messages()
    assert "payload" not in message


def test_an_identifier_that_staff_have_written_in_full_is_retired_too(homer: TextChannel) -> None:
    system = "urn:async-encounters:channel:sms"
    identifier = [{"use": "official", "system": system, "value": HOMER}]
    header = care.header(identifier=identifier, status="stopped")
    homer.clinic.post("/Communication", header)
    for text in ("My back hurts", "Still"):
        homer.text(text, HOMER)
    assert [len(homer.messages(header["id"])) for header in homer.threads()] == [0, 2]
    old, _ = homer.threads()
    assert old["identifier"] == [
        {"use": "official", "system": system, "value": f"{HOMER}/{old['id']}"}
    ]


@pytest.mark.parametrize("status", ["in-progress", "preparation"])
def test_a_thread_that_was_followed_by_another_sends_nothing(
    channel: TextChannel, status: str
) -> None:
    """The number may be somebody else's now, who gets nothing of an old thread."""
    channel.configure(sms=twilio_account(completed_threads="follow"))
    channel.text("My back hurts", HOMER)
    old = channel.thread()["id"]
    patch = [{"op": "replace", "path": "/status", "value": "completed"}]
    channel.clinic.patch(f"/Communication/{old}", patch)
    channel.text("Hello", HOMER)
    message = care.message(old, sender=care.reference(care.ALICE), subject=None, status=status)
    answer = channel.clinic.post("/Communication", message)
    assert answer.status == (422 if status == "in-progress" else 201)
    if status == "preparation":
        sent = answer.body | {"status": "in-progress"}
        assert channel.clinic.put(f"/Communication/{answer.id}", sent).status == 422
    message = care.message(channel.threads()[1]["id"], sender=care.reference(care.ALICE))
    assert channel.clinic.post("/Communication", message | {"subject": None}).status != 422
