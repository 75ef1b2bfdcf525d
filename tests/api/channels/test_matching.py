"""Staff say who has written: the thread and its messages are theirs, with all their history."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from shared.store import dynamodb, s3
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.family import (
    BART,
    LISA,
    MAGGIE,
    OF_BART,
    OF_LISA,
    link_records,
    store,
    store_relative,
)
from tests.support.mail_channel import MailChannel, written
from tests.support.memory_database import CallHooks
from tests.support.memory_objects import MemoryS3
from tests.support.text_channel import TextChannel, ref, said

HOMER = "+15551230001"


@pytest.fixture
def unknown(channel: TextChannel) -> TextChannel:
    """Return a channel by which somebody has written whom nobody knows."""
    store(channel.clinic, care.HOMER)
    for patient, given in ((BART, "Bart"), (LISA, "Lisa"), (MAGGIE, "Maggie")):
        store(channel.clinic, patient, name=[{"given": [given]}])
    store_relative(channel.clinic, OF_BART, BART)
    store_relative(channel.clinic, OF_LISA, LISA)
    link_records(channel.clinic, OF_BART, OF_LISA)
    channel.text("Hi", HOMER)
    channel.text("Lisa has a rash", HOMER)
    return channel


def match(channel: TextChannel, person: str, subject: str = "", **more: Any) -> Answer:
    pairs = [("person", person), *([("subject", subject)] if subject else [])]
    url = f"/Communication/{more.get('thread') or channel.thread()['id']}/$match-sender"
    return (more.get("caller") or channel.clinic).post(url, care.parameters(*pairs))


def people(channel: TextChannel) -> list[tuple[str, str]]:
    return [(ref(message["sender"]), ref(message.get("subject"))) for message in channel.messages()]


def test_thread_and_messages_are_put_to_a_patient(unknown: TextChannel) -> None:
    answer = match(unknown, care.HOMER)
    assert answer.status == 200, answer.text
    header = unknown.thread()
    assert answer.body == header
    assert (ref(header["sender"]), ref(header["subject"])) == (care.HOMER, care.HOMER)
    assert people(unknown) == [(care.HOMER, care.HOMER)] * 2
    assert [status for status, *_ in unknown.tasks()] == ["completed"]
    as_homer = ApiClient(role="patient", fhir_user=care.HOMER)
    for message in unknown.messages():
        assert as_homer.get(f"/Communication/{message['id']}").status == 200
        history = unknown.clinic.get(f"/Communication/{message['id']}/_history").resources
        assert [ref(one["sender"]) for one in history] == [care.HOMER, f"tel:{HOMER}"]


def test_what_comes_in_later_is_theirs_without_a_number_in_the_directory(
    unknown: TextChannel,
) -> None:
    match(unknown, care.HOMER)
    unknown.text("Me again", HOMER)
    assert people(unknown) == [(care.HOMER, care.HOMER)] * 3
    assert [status for status, *_ in unknown.tasks()] == ["completed"]
    for patient in (care.HOMER, BART):
        store(unknown.clinic, patient, telecom=[{"system": "sms", "value": HOMER}])
    unknown.text("Me again", HOMER)
    assert people(unknown) == [(care.HOMER, care.HOMER)] * 4


def test_but_not_if_exactly_one_other_person_has_the_number_now(unknown: TextChannel) -> None:
    match(unknown, care.HOMER)
    store(unknown.clinic, BART, telecom=[{"system": "sms", "value": HOMER}])
    unknown.text("Hi, I am new here", HOMER)
    old, new = unknown.threads()
    assert [len(unknown.messages(thread["id"])) for thread in (old, new)] == [2, 1]
    assert ref(new["sender"]) == f"tel:{HOMER}"
    assert match(unknown, BART, thread=new["id"]).status == 200
    assert ref(unknown.clinic.get(f"/Communication/{old['id']}").body["sender"]) == care.HOMER
    unknown.text("Thanks", HOMER)
    assert len(unknown.messages(new["id"])) == 2


def test_who_is_not_active_any_more_is_asked_for_again(unknown: TextChannel) -> None:
    match(unknown, care.HOMER)
    store(unknown.clinic, care.HOMER, active=False)
    unknown.text("Hi", HOMER)
    _, new = unknown.threads()
    assert ref(new["sender"]) == f"tel:{HOMER}"


def test_of_several_patients_the_text_or_staff_name_one(unknown: TextChannel) -> None:
    match(unknown, OF_BART)
    assert people(unknown) == [(OF_BART, ""), (OF_LISA, LISA)]
    match(unknown, OF_BART, BART)
    header = unknown.thread()
    assert (ref(header["sender"]), ref(header["subject"])) == (OF_BART, BART)
    unknown.text("It itches", HOMER)
    assert people(unknown)[-1] == (OF_BART, BART)


def test_a_mistake_is_corrected_by_matching_again(unknown: TextChannel) -> None:
    match(unknown, care.HOMER)
    match(unknown, OF_BART, BART)
    header = unknown.thread()
    assert (ref(header["sender"]), ref(header["subject"])) == (OF_BART, BART)
    assert {sender for sender, _ in people(unknown)} == {OF_BART}
    as_homer = ApiClient(role="patient", fhir_user=care.HOMER)
    assert as_homer.get(f"/Communication/{header['id']}").status == 404
    for message in unknown.messages():
        assert as_homer.get(f"/Communication/{message['id']}").status == 404


def test_repeating_it_changes_nothing(unknown: TextChannel) -> None:
    match(unknown, care.HOMER)
    before = unknown.threads(), unknown.messages(), unknown.tasks()
    assert match(unknown, care.HOMER).status == 200
    assert (unknown.threads(), unknown.messages(), unknown.tasks()) == before


def test_what_others_wrote_stays_theirs(unknown: TextChannel) -> None:
    own = unknown.thread()["id"]
    alice = care.reference(care.ALICE)
    unknown.practice.advance(1)
    unknown.clinic.post("/Communication", care.message(own, sender=alice, subject=None))
    match(unknown, care.HOMER)
    assert [sender for sender, _ in people(unknown)] == [care.HOMER, care.HOMER, care.ALICE]


@pytest.mark.parametrize("policy", ["thread", "daily"])
def test_the_session_gets_its_patient(channel: TextChannel, policy: str) -> None:
    channel.practice.configure(SESSION_POLICY=policy)
    store(channel.clinic, care.HOMER)
    channel.text("My back hurts", HOMER)
    assert "subject" not in channel.practice.session()
    match(channel, care.HOMER)
    assert ref(channel.practice.session()["subject"]) == care.HOMER


def test_a_session_that_has_ended_gets_its_patient_too(channel: TextChannel) -> None:
    channel.practice.configure(SESSION_POLICY="daily")
    store(channel.clinic, care.HOMER)
    channel.text("My back hurts", HOMER)
    channel.practice.advance_to("2026-03-03 09:00")
    assert channel.practice.session()["status"] == "finished"
    match(channel, care.HOMER)
    session = channel.practice.session()
    assert (session["status"], ref(session["subject"])) == ("finished", care.HOMER)


def test_many_messages_take_several_transactions(unknown: TextChannel) -> None:
    for number in range(20):
        unknown.text(f"Message {number}", HOMER)
    match(unknown, care.HOMER)
    assert people(unknown) == [(care.HOMER, care.HOMER)] * 22
    assert said(unknown.messages()[-1]) == "Message 19"


def test_a_mail_that_is_not_proven_counts_once_it_is_matched(
    channel: TextChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    monkeypatch.setenv("BINARY_BUCKET", "binaries")
    channel.practice.configure(SESSION_POLICY="thread")
    store(channel.clinic, care.HOMER)
    MailChannel(channel, objects).receive(written("homer@plant.example"), spf="FAIL")
    (waiting,) = channel.messages()
    assert (waiting["status"], channel.practice.sessions()) == ("on-hold", [])
    assert match(channel, care.HOMER).status == 200
    (message,) = channel.messages()
    assert (message["status"], people(channel)) == ("in-progress", [(care.HOMER, care.HOMER)])
    assert ref(channel.practice.session()["subject"]) == care.HOMER
    assert [status for status, *_ in channel.tasks()] == ["completed"]


@pytest.mark.parametrize(
    ("person", "status"),
    [("Patient/nobody", 422), ("Practitioner/doctor-alice-smith", 400), ("Patient/../x", 400)],
)
def test_a_person_who_does_not_exist_is_refused(
    unknown: TextChannel, person: str, status: int
) -> None:
    unknown.practice.configure(REFERENCE_CHECKS="local")
    before = unknown.threads()
    assert match(unknown, person).status == status
    assert unknown.threads() == before


def test_only_threads_of_channels_are_matched(unknown: TextChannel) -> None:
    thread = unknown.clinic.post("/Communication", care.header()).id
    assert match(unknown, care.HOMER, thread=thread).status == 422
    assert match(unknown, care.HOMER, thread="nothing").status == 404
    message = unknown.messages(next(one["id"] for one in unknown.threads() if "identifier" in one))
    assert match(unknown, care.HOMER, thread=message[0]["id"]).status == 422


def test_only_those_who_write_may_do_it(unknown: TextChannel) -> None:
    auditor = ApiClient(role="auditor")
    assert match(unknown, care.HOMER, caller=auditor).status == 403
    as_homer = ApiClient(role="patient", fhir_user=care.HOMER)
    assert match(unknown, care.HOMER, caller=as_homer).status == 403


def test_what_staff_have_added_to_the_unknown_sender_goes_with_them(unknown: TextChannel) -> None:
    for one in (unknown.thread(), *unknown.messages()):
        one["sender"]["display"] = "Homer?"
        unknown.clinic.put(f"/Communication/{one['id']}", one)
    match(unknown, care.HOMER)
    assert ref(unknown.thread()["sender"]) == care.HOMER
    assert people(unknown) == [(care.HOMER, care.HOMER)] * 2


def test_a_thread_that_staff_began_with_nobody_gets_its_person(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER)
    identifier = [{"system": "urn:async-encounters:channel:sms", "value": HOMER}]
    header = care.header(identifier=identifier, sender=care.reference(care.ALICE), subject=None)
    del header["recipient"]
    channel.clinic.post("/Communication", header)
    channel.text("Hi", HOMER)
    match(channel, care.HOMER)
    channel.text("Hi again", HOMER)
    assert people(channel) == [(care.HOMER, care.HOMER)] * 2
    assert [status for status, *_ in channel.tasks()] == ["completed"]


class MatchingHooks(CallHooks):
    """Let somebody else match the thread as soon as the first transaction is made."""

    def __init__(self, other: Callable[[], object]) -> None:
        self.other: Callable[[], object] | None = other

    def after(self, call: str) -> None:
        if call == "TransactWriteItems" and self.other:
            other, self.other = self.other, None
            other()


def test_two_who_match_it_at_once_leave_it_to_one_person(unknown: TextChannel) -> None:
    store(unknown.clinic, BART)
    dynamodb.client().hooks = MatchingHooks(lambda: match(unknown, BART))
    try:
        assert match(unknown, care.HOMER).status == 409
    finally:
        dynamodb.client().hooks = CallHooks()
    assert ref(unknown.thread()["sender"]) == BART
    assert {sender for sender, _ in people(unknown)} == {BART}
