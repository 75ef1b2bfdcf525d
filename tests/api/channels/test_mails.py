"""Mails that come in: their threads, senders, files, and what becomes of those nobody wrote."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from shared import settings as service_settings
from shared.channels import thread_addresses
from shared.channels.account_models import MailAccount
from shared.store import s3
from tests.support import care
from tests.support.family import BART, LISA, store
from tests.support.mail_channel import (
    ADDRESS,
    MAILS,
    SYSTEM,
    MailChannel,
    mail_account,
    own_id,
    written,
)
from tests.support.memory_objects import MemoryS3
from tests.support.mime_trees import trees
from tests.support.text_channel import TextChannel, ref, said

if TYPE_CHECKING:
    from email.message import EmailMessage

HOMER, MALLORY = "Homer <homer@plant.example>", "Mallory <mallory@elsewhere.example>"
HOMERS = "homer@plant.example"
UNKNOWN = f"mailto:{HOMERS}"


@pytest.fixture
def mails(channel: TextChannel, monkeypatch: pytest.MonkeyPatch) -> MailChannel:
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    monkeypatch.setenv("BINARY_BUCKET", "binaries")
    service_settings.settings.cache_clear()
    return MailChannel(channel, objects)


@pytest.fixture
def homer(mails: MailChannel) -> MailChannel:
    store(mails.clinic, care.HOMER, telecom=[{"system": "email", "value": "Homer@Plant.example"}])
    return mails


def threads(mails: MailChannel) -> list[dict[str, Any]]:
    return mails.channel.threads()


def texts(mails: MailChannel, header: dict[str, Any]) -> list[str]:
    return [said(message) for message in mails.channel.messages(header["id"])]


def addressed(thread_id: str, **change: Any) -> str:
    account = MailAccount.model_validate(mail_account(name="mail", **change))
    return thread_addresses.thread_address(account, thread_id)


def test_a_mail_of_somebody_in_the_directory_begins_a_thread_about_them(homer: MailChannel) -> None:
    mail = written(HOMER, "My back hurts.\n\nHomer", Subject="Re: My back")
    told = homer.receive(mail)
    (header,) = threads(homer)
    assert header["topic"]["text"] == "My back"
    assert header["medium"][0]["coding"][0]["code"] == "EMAILWRIT"
    assert header["identifier"][0]["system"] == SYSTEM
    assert header["identifier"][0]["value"].startswith(f"{HOMERS}/")
    assert (ref(header["sender"]), ref(header["subject"])) == (care.HOMER, care.HOMER)
    (message,) = homer.channel.messages()
    assert message["identifier"] == [{"system": SYSTEM, "value": own_id(mail)}]
    assert (message["status"], ref(message["sender"])) == ("in-progress", care.HOMER)
    assert said(message) == "My back hurts.\n\nHomer"
    assert message["sent"] == message["received"] == told["mail"]["timestamp"]
    assert homer.channel.tasks() == []


@pytest.mark.parametrize(
    ("date", "hours", "sent"),
    [
        ("Mon, 02 Mar 2026 07:30:00 +0000", "24", "2026-03-02T07:30:00.000Z"),
        ("Fri, 27 Feb 2026 08:00:00 +0000", "24", "2026-03-01T08:00:01.000Z"),
        ("Fri, 27 Feb 2026 08:00:00 +0000", "96", "2026-02-27T08:00:00.000Z"),
        ("Fri, 27 Feb 2026 08:00:00 +0000", "0", "2026-03-02T08:00:01.000Z"),
        ("Tue, 03 Mar 2026 08:00:00 +0000", "24", "2026-03-02T08:00:01.000Z"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", "24", "2026-03-02T08:00:01.000Z"),
        ("Mon, 01 Jan 10000 00:00:00 +0000", "24", "2026-03-02T08:00:01.000Z"),
        ("yesterday", "24", "2026-03-02T08:00:01.000Z"),
    ],
)
def test_when_a_mail_says_it_was_sent_is_believed_as_far_as_a_patient_is(
    homer: MailChannel, date: str, hours: str, sent: str
) -> None:
    homer.channel.practice.configure(SENT_TOLERANCE_HOURS=hours)
    homer.receive(written(HOMER, Date=date))
    (message,) = homer.channel.messages()
    assert (message["sent"], message["received"]) == (sent, "2026-03-02T08:00:01.000Z")


def test_a_mail_with_an_old_date_changes_no_session_of_then(homer: MailChannel) -> None:
    practice = homer.channel.practice
    practice.configure(SESSION_POLICY="daily")
    mail = written(HOMER)
    homer.receive(mail)
    practice.advance_to("2026-03-05 09:00")
    before = practice.session()
    old = "Mon, 02 Mar 2026 09:00:00 +0000"
    homer.receive(written(HOMER, Date=old, In_Reply_To=f"<{own_id(mail)}>"))
    assert [session["period"]["start"][:10] for session in practice.sessions()] == [
        "2026-03-02",
        "2026-03-04",
    ]
    assert practice.sessions()[0] == before


def test_the_whole_mail_and_its_files_are_attached(homer: MailChannel) -> None:
    mail = written(HOMER)
    mail.add_attachment(b"%PDF-1.4 ...", "application", "pdf", filename="back.pdf")
    homer.receive(mail)
    (message,) = homer.channel.messages()
    attachments = [part["contentAttachment"] for part in message["payload"][1:]]
    assert [(one["title"], one["contentType"]) for one in attachments] == [
        ("back.pdf", "application/pdf"),
        ("mail.eml", "message/rfc822"),
    ]
    pdf, whole = (homer.clinic.get(f"/{one['url']}", accept="*/*") for one in attachments)
    assert pdf.content == b"%PDF-1.4 ..."
    assert own_id(mail).encode() in whole.content


def test_repeated_deliveries_change_nothing(homer: MailChannel) -> None:
    mail = written(HOMER)
    told = homer.receive(mail)
    before = homer.channel.messages()
    for _ in range(3):
        homer.deliver(told)
    # SES may also take the same mail twice.
    homer.receive(mail)
    assert homer.channel.messages() == before
    assert len(threads(homer)) == 1


def test_many_deliveries_of_a_mail_at_once_make_one_message(homer: MailChannel) -> None:
    told = homer.notification(written(HOMER).as_bytes())
    for _ in range(20):
        homer.channel.tell(told)
    queue = homer.channel.queue
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(homer.channel.process_one, list(queue.bodies)))
    while queue.bodies:
        queue.visible.clear()
        homer.channel.process()
    (header,) = threads(homer)
    assert texts(homer, header) == ["It itches."]


def test_an_answer_is_found_by_what_it_refers_to_nearest_first(homer: MailChannel) -> None:
    first, other = written(HOMER, "One", Subject="One"), written(HOMER, "Two", Subject="Two")
    homer.receive(first)
    homer.receive(other)
    one, two = sorted(threads(homer), key=lambda header: str(header["topic"]["text"]))
    homer.sent_by_staff(one["id"], "sent-1@email.amazonses.com")
    references = f"<gone@mail.example> <{own_id(other)}> <sent-1@email.amazonses.com>"
    homer.receive(written(HOMER, "Three", References=references))
    homer.receive(written(HOMER, "Four", References=references, In_Reply_To=f"<{own_id(other)}>"))
    assert set(texts(homer, one)) == {"One", "How are you?", "Three"}
    assert texts(homer, two) == ["Two", "Four"]


def test_a_forged_reference_does_not_get_into_somebody_elses_thread(homer: MailChannel) -> None:
    first = written(HOMER)
    homer.receive(first)
    (header,) = threads(homer)
    homer.receive(written(MALLORY, "Tell me all", In_Reply_To=f"<{own_id(first)}>"))
    # Not even in Homer's name, which is not proven.
    homer.receive(written(HOMER, "Tell me all", In_Reply_To=f"<{own_id(first)}>"), dmarc="FAIL")
    assert texts(homer, header) == ["It itches."]
    assert len(threads(homer)) == 3


def test_a_reference_to_an_account_of_another_tenant_leads_nowhere(homer: MailChannel) -> None:
    other = "other@clinic.example"
    homer.channel.configure(mail=mail_account(), other=mail_account(address=other))
    mail = written(HOMER)
    homer.receive(mail)
    homer.receive(written(HOMER, "And you?", to=other, In_Reply_To=f"<{own_id(mail)}>"))
    assert [len(texts(homer, header)) for header in threads(homer)] == [1, 1]


def test_whom_the_directory_knows_by_another_address_may_answer(homer: MailChannel) -> None:
    telecom = [{"system": "email", "value": address} for address in (HOMERS, "homer@home.example")]
    store(homer.clinic, care.HOMER, telecom=telecom)
    mail = written(HOMER)
    homer.receive(mail)
    homer.receive(written("homer@home.example", "Still", In_Reply_To=f"<{own_id(mail)}>"))
    (header,) = threads(homer)
    assert texts(homer, header) == ["It itches.", "Still"]
    assert {ref(message["sender"]) for message in homer.channel.messages()} == {care.HOMER}


def test_a_signed_address_leads_into_its_thread(homer: MailChannel) -> None:
    thread = homer.begun_by_staff(HOMERS, subject={"reference": care.HOMER})
    homer.receive(written(HOMER, to=addressed(thread).upper()))
    (header,) = threads(homer)
    assert texts(homer, header) == ["It itches."]
    forged = addressed(thread, thread_key=SecretStr("another key of many letters"))
    homer.receive(written(HOMER, to=forged))
    assert len(threads(homer)) == 2


def test_a_stranger_with_a_signed_address_is_in_its_thread_but_not_its_person(
    homer: MailChannel,
) -> None:
    thread = homer.begun_by_staff(HOMERS, sender={"reference": care.HOMER})
    homer.receive(written(MALLORY, to=addressed(thread)))
    (message,) = homer.channel.messages(thread)
    assert ref(message["sender"]) == "mailto:mallory@elsewhere.example"
    assert "subject" not in message
    asked = ("requested", "match-sender", f"Communication/{thread}")
    assert homer.channel.tasks() == [asked]


def test_staff_put_to_the_person_what_they_wrote_from_another_address(homer: MailChannel) -> None:
    thread = homer.begun_by_staff(HOMERS, sender={"reference": care.HOMER})
    homer.receive(written("homer@work.example", to=addressed(thread)))
    homer.receive(written(MALLORY, to=addressed(thread)))
    match = f"/Communication/{thread}/$match-sender", care.parameters(("person", care.HOMER))
    assert homer.clinic.post(*match).status == 200
    assert [ref(message["sender"]) for message in homer.channel.messages(thread)] == [
        "mailto:homer@work.example",
        "mailto:mallory@elsewhere.example",
    ]
    telecom = [{"system": "email", "value": address} for address in (HOMERS, "homer@work.example")]
    store(homer.clinic, care.HOMER, telecom=telecom)
    assert homer.clinic.post(*match).status == 200
    at_work, mallorys = homer.channel.messages(thread)
    assert (ref(at_work["sender"]), ref(at_work["subject"])) == (care.HOMER, care.HOMER)
    assert ref(mallorys["sender"]) == "mailto:mallory@elsewhere.example"
    assert [status for status, *_ in homer.channel.tasks()] == ["requested"]
    retract = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    assert homer.clinic.patch(f"/Communication/{mallorys['id']}", retract).status == 200
    assert homer.clinic.post(*match).status == 200
    assert [status for status, *_ in homer.channel.tasks()] == ["completed"]


def test_an_address_is_the_same_whatever_its_case(homer: MailChannel) -> None:
    people = {"recipient": [{"reference": care.HOMER}], "sender": {"reference": care.ALICE}}
    thread = homer.begun_by_staff("Homer@Home.example", **people)
    homer.receive(written("homer@home.example", to=addressed(thread)))
    (message,) = homer.channel.messages(thread)
    assert ref(message["sender"]) == care.HOMER
    assert homer.channel.tasks() == []


def test_somebody_else_of_the_directory_with_a_signed_address_is_asked_about_too(
    homer: MailChannel,
) -> None:
    store(homer.clinic, BART, telecom=[{"system": "email", "value": "bart@school.example"}])
    thread = homer.begun_by_staff(HOMERS, subject={"reference": care.HOMER})
    homer.receive(written("bart@school.example", to=addressed(thread)))
    (message,) = homer.channel.messages(thread)
    assert ref(message["sender"]) == "mailto:bart@school.example"
    assert ref(message.get("subject")) != BART


def test_an_address_that_became_somebody_elses_gets_into_no_thread_of_before(
    homer: MailChannel,
) -> None:
    mail = written(HOMER)
    homer.receive(mail)
    store(homer.clinic, care.HOMER, telecom=[])
    store(homer.clinic, LISA, telecom=[{"system": "email", "value": HOMERS}])
    homer.receive(written(HOMER, "I am Lisa", In_Reply_To=f"<{own_id(mail)}>"))
    old, new = threads(homer)
    assert texts(homer, old) == ["It itches."]
    assert (ref(new["sender"]), texts(homer, new)) == (LISA, ["I am Lisa"])


@pytest.mark.parametrize("completed_threads", ["reopen", "follow"])
def test_a_completed_thread_is_reopened_or_followed(
    homer: MailChannel, completed_threads: str
) -> None:
    homer.channel.configure(mail=mail_account(completed_threads=completed_threads))
    mail = written(HOMER)
    homer.receive(mail)
    (header,) = threads(homer)
    complete = [{"op": "replace", "path": "/status", "value": "completed"}]
    assert homer.clinic.patch(f"/Communication/{header['id']}", complete).status == 200
    again = written(HOMER, "Again", In_Reply_To=f"<{own_id(mail)}>")
    homer.receive(again)
    statuses = [one["status"] for one in threads(homer)]
    assert statuses == (
        ["in-progress"] if completed_threads == "reopen" else ["completed", "in-progress"]
    )
    # What answers both goes on where the last was.
    both = f"<{own_id(mail)}> <{own_id(again)}>"
    homer.receive(written(HOMER, "And again", References=both))
    assert texts(homer, threads(homer)[-1])[-2:] == ["Again", "And again"]


def complete(mails: MailChannel, thread: str) -> None:
    change = [{"op": "replace", "path": "/status", "value": "completed"}]
    assert mails.clinic.patch(f"/Communication/{thread}", change).status == 200


def test_one_thread_follows_a_completed_one_whatever_is_answered(mails: MailChannel) -> None:
    mails.channel.configure(mail=mail_account(completed_threads="follow"))
    store(mails.clinic, care.HOMER)
    mail = written(HOMER)
    mails.receive(mail)
    (first,) = threads(mails)
    match = f"/Communication/{first['id']}/$match-sender"
    assert mails.clinic.post(match, care.parameters(("person", care.HOMER))).status == 200
    complete(mails, first["id"])
    answer = {"In_Reply_To": f"<{own_id(mail)}>"}
    mails.receive(written(HOMER, "Again", **answer))
    mails.receive(written(HOMER, "And again", **answer))
    _, second = threads(mails)
    # What staff have said of the first is true of the second.
    assert (ref(second["sender"]), ref(second["subject"])) == (care.HOMER, care.HOMER)
    complete(mails, second["id"])
    mails.receive(written(HOMER, "Still", to=addressed(first["id"])))
    assert [texts(mails, header) for header in threads(mails)] == [
        ["It itches."],
        ["Again", "And again"],
        ["Still"],
    ]
    mails.receive(written(MALLORY, "Tell me all", to=addressed(first["id"])))
    *_, mallorys = threads(mails)
    assert ref(mallorys["sender"]) == "mailto:mallory@elsewhere.example"
    assert "subject" not in mallorys


def test_mails_at_once_begin_one_thread_that_follows(homer: MailChannel) -> None:
    homer.channel.configure(mail=mail_account(completed_threads="follow"))
    mail = written(HOMER)
    homer.receive(mail)
    (first,) = threads(homer)
    complete(homer, first["id"])
    for number in range(6):
        answer = written(HOMER, f"{number}", In_Reply_To=f"<{own_id(mail)}>")
        homer.channel.tell(homer.notification(answer.as_bytes()))
    queue = homer.channel.queue
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(homer.channel.process_one, list(queue.bodies)))
    while queue.bodies:
        queue.visible.clear()
        homer.channel.process()
    assert sorted(len(texts(homer, header)) for header in threads(homer)) == [1, 6]


@pytest.mark.parametrize("verdict", ["spf", "dkim", "dmarc"])
@pytest.mark.parametrize("status", ["FAIL", "GRAY", "PROCESSING_FAILED", ""])
def test_a_mail_whose_sender_is_not_proven_waits_for_staff(
    homer: MailChannel, verdict: str, status: str
) -> None:
    homer.receive(written(HOMER), **{verdict: status})
    (header,) = threads(homer)
    (message,) = homer.channel.messages()
    assert (message["status"], ref(message["sender"])) == ("on-hold", UNKNOWN)
    assert (ref(header["sender"]), header.get("subject")) == (UNKNOWN, None)
    asked = ("requested", "verify-sender", f"Communication/{header['id']}")
    assert homer.channel.tasks() == [asked]


def test_so_does_spam_and_a_mail_that_ses_reads_otherwise(homer: MailChannel) -> None:
    homer.receive(written(HOMER, "One"), spam="FAIL")
    told = homer.notification(written(HOMER, "Two").as_bytes())
    told["mail"]["commonHeaders"]["from"] = ["Mallory <mallory@elsewhere.example>"]
    homer.deliver(told)
    results = "amazonses.com; dkim=pass header.i=@x; dmarc=pass header.from=elsewhere.example;"
    homer.receive(written(HOMER, "Three", Authentication_Results=results))
    messages = [homer.channel.messages(header["id"])[0] for header in threads(homer)]
    assert {message["status"] for message in messages} == {"on-hold"}
    fine = "amazonses.com; dmarc=pass header.from=plant.example;"
    homer.receive(written(HOMER, "Four", Authentication_Results=fine))
    assert homer.channel.messages(threads(homer)[-1]["id"])[0]["status"] == "in-progress"


def test_a_forged_mail_does_not_make_the_real_one_a_repetition(homer: MailChannel) -> None:
    real = written(HOMER, "Real")
    forged = written(HOMER, "Forged", Message_ID=str(real["Message-ID"]))
    homer.receive(forged, dkim="FAIL")
    homer.receive(real)
    assert [texts(homer, header) for header in threads(homer)] == [["Forged"], ["Real"]]


def test_mails_in_somebodys_name_do_not_use_up_what_they_may_write(homer: MailChannel) -> None:
    homer.channel.configure(mail=mail_account(messages_per_hour=2))
    for number in range(5):
        told = homer.notification(written(HOMER, f"Forged {number}").as_bytes(), dmarc="FAIL")
        homer.channel.publish(told)
    homer.channel.publish(homer.notification(written(HOMER, "Real").as_bytes()))
    assert sorted(texts(homer, header)[0] for header in threads(homer)) == [
        "Forged 0",
        "Forged 1",
        "Real",
    ]


def test_a_virus_is_not_kept(homer: MailChannel) -> None:
    mail = written(HOMER)
    mail.add_attachment(b"virus", "application", "pdf", filename="back.pdf")
    homer.receive(mail, virus="FAIL")
    (message,) = homer.channel.messages()
    assert len(message["payload"]) == 1
    assert "contains a virus" in said(message)
    assert len(homer.objects.bodies) == 1


@pytest.mark.parametrize(
    "name", ["automatic-exchange", "automatic-gmail", "bounce", "read-receipt", "list"]
)
def test_what_no_person_wrote_is_no_message_but_counted(
    homer: MailChannel, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    homer.deliver(homer.notification((MAILS / f"{name}.eml").read_bytes()))
    homer.receive(written(ADDRESS, "Our own, come back"))
    assert threads(homer) == []
    logged = capsys.readouterr().out
    assert logged.count('"MailsIgnored"') >= 2
    assert "our own" not in logged.lower()


def test_a_mail_to_nobodys_address_is_counted(homer: MailChannel) -> None:
    homer.receive(written(HOMER, to="info@clinic.example"))
    assert threads(homer) == []


def test_a_mail_to_several_accounts_gets_to_each(homer: MailChannel) -> None:
    other = "other@clinic.example"
    homer.channel.configure(mail=mail_account(), other=mail_account(address=other))
    homer.receive(written(HOMER), ADDRESS, other, f"Care+{other}", "care+tag@clinic.example")
    systems = sorted(
        header["identifier"][0]["system"].rpartition(":")[2] for header in threads(homer)
    )
    assert systems == ["mail", "other"]


def test_an_account_that_has_had_enough_keeps_a_mail_from_no_other(homer: MailChannel) -> None:
    other = "other@clinic.example"
    homer.channel.configure(
        mail=mail_account(messages_per_hour=1), other=mail_account(address=other)
    )
    homer.receive(written(HOMER, "One"))
    told = homer.notification(written(HOMER, "Two").as_bytes(), ADDRESS, other)
    homer.channel.publish(told)
    assert sorted(texts(homer, header)[0] for header in threads(homer)) == ["One", "Two"]
    homer.channel.practice.advance(3600)
    assert homer.channel.process() == []
    assert sorted(texts(homer, header)[0] for header in threads(homer)) == ["One", "Two", "Two"]


def test_a_mail_that_is_gone_leaves_what_ses_said_of_it(homer: MailChannel) -> None:
    told = homer.notification(written(HOMER, Subject="My back").as_bytes())
    homer.objects.bodies.clear()
    homer.deliver(told)
    (message,) = homer.channel.messages()
    assert ref(message["sender"]) == care.HOMER
    assert said(message).startswith("My back\n\n[This mail could not be kept.]")


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\xff" * 100, b"From: \n\nx", b"From: a@b\nFrom: c@d\n\nx", b"\x00"]
)
def test_a_mail_that_is_hardly_one_is_a_message_or_nothing(homer: MailChannel, raw: bytes) -> None:
    told = homer.notification(raw or b"")
    told["mail"]["source"] = "bounces@list.example"
    homer.deliver(told)
    (header,) = threads(homer)
    assert ref(header["sender"]) == "mailto:bounces@list.example"
    assert homer.channel.messages()[0]["status"] == "on-hold"


@pytest.mark.parametrize(
    "mail_id",
    [
        "x" * 229 + "@clinic.example.com",
        "a,b|c$d\\e@mail",
        "owner/pull/1@mail",
        "x" * 900,
        "ü@mail",
    ],
)
def test_whatever_an_id_consists_of_its_mail_can_be_answered(
    homer: MailChannel, mail_id: str
) -> None:
    raw = f"From: {HOMER}\nSubject: x\nMessage-ID: <{mail_id}>\n\nOne"
    answer = f"From: {HOMER}\nMessage-ID: <b@c>\nReferences:\n <{mail_id}>\n\nTwo"
    for one in (raw, raw, answer):
        homer.deliver(homer.notification(one.encode()))
    (header,) = threads(homer)
    assert sorted(texts(homer, header)) == ["One", "Two"]


def test_the_longest_address_and_text_are_stored(homer: MailChannel) -> None:
    sender = f"{'ä' * 200}/+'*@{'x' * 40}.example"
    raw = f"From: <{sender}>\nSubject: {'ü' * 500}\n\n{'𓀀𓁀𓂀 ' * 20_000}"
    homer.deliver(homer.notification(raw.encode()))
    (header,) = threads(homer)
    assert ref(header["sender"]) == f"mailto:{sender}"
    (message,) = homer.channel.messages()
    assert len(said(message)) > 49_000


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=trees)
def test_however_a_mail_is_built_it_becomes_a_message(homer: MailChannel, tree: bytes) -> None:
    homer.channel.configure(mail=mail_account(messages_per_hour=100_000))
    mail_id = f"{sha256(tree).hexdigest()}@mail.example"
    head = f"From: {HOMER}\nMessage-ID: <{mail_id}>\n"
    homer.deliver(homer.notification(head.encode() + tree))
    found = homer.clinic.get(f"/Communication?identifier={SYSTEM}|{mail_id}&part-of:missing=false")
    (message,) = found.resources
    assert said(message).strip()
    assert message["payload"][-1]["contentAttachment"]["title"] == "mail.eml"


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    answered=st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=5, max_size=5),
    senders=st.lists(st.sampled_from([HOMER, MALLORY]), min_size=5, max_size=5),
)
def test_whatever_is_answered_by_whom_a_thread_has_the_mails_of_one_address(
    homer: MailChannel, answered: list[list[int]], senders: list[str]
) -> None:
    homer.channel.configure(mail=mail_account(messages_per_hour=100_000))
    sent: list[EmailMessage] = []
    for sender, numbers in zip(senders, answered, strict=True):
        known = [f"<{own_id(sent[number])}>" for number in numbers if number < len(sent)]
        sent.append(written(sender, References=" ".join(known)))
        homer.receive(sent[-1])
    for mail in sent:
        query = f"identifier={SYSTEM}|{own_id(mail)}&part-of:missing=false"
        (message,) = homer.clinic.get(f"/Communication?{query}").resources
        header = homer.clinic.get(f"/{message['partOf'][0]['reference']}").body
        contact = header["identifier"][0]["value"].rpartition("/")[0]
        assert f"<{contact}>" in str(mail["From"])
