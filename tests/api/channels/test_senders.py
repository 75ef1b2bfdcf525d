"""The sender of a text message: by the directory, by staff, or nobody knows."""

from typing import Any

import pytest

from shared.channels.inbound import senders as lookups
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.family import (
    BART,
    LISA,
    OF_BART,
    OF_LISA,
    as_mother,
    ended_period,
    link_records,
    store,
    store_relative,
)
from tests.support.text_channel import TextChannel, ref, twilio_account

HOMER, MARGE = "+15551230001", "+15551230002"


def telecom(value: str, system: str = "phone", **more: Any) -> dict[str, Any]:
    return {"telecom": [{"system": system, "value": value, **more}]}


def senders(channel: TextChannel) -> list[tuple[str, str]]:
    """Return sender and subject of each message of the only thread."""
    return [(ref(message["sender"]), ref(message.get("subject"))) for message in channel.messages()]


@pytest.mark.parametrize(
    "written",
    [
        "+15551230001",
        "+1 555-123-0001",
        "(555) 123-0001",
        "555.123.0001",
        "1 555 123 0001",
        "5551230001",
        "tel:+1-555-123-0001",
        "555-123-0001 ext. 12",
        "٥٥٥١٢٣٠٠٠١",
    ],
)
@pytest.mark.parametrize("system", ["phone", "sms"])
def test_a_number_is_known_however_it_is_written(
    channel: TextChannel, written: str, system: str
) -> None:
    store(channel.clinic, care.HOMER, **telecom(written, system))
    channel.text("My back hurts", HOMER)
    assert senders(channel) == [(care.HOMER, care.HOMER)]
    header = channel.thread()
    assert (ref(header["sender"]), ref(header["subject"])) == (care.HOMER, care.HOMER)
    assert channel.tasks() == []


def test_a_national_number_is_of_the_country_of_the_account(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, **telecom("0151 23456789"))
    channel.text("Mein Rücken schmerzt", "+4915123456789")
    assert senders(channel) == [("tel:+4915123456789", "")]
    channel.configure(sms=twilio_account(number="+493012345678"))
    channel.text("Immer noch", "+4915123456789", To="+493012345678")
    channel.text("Und ich?", "+4915123456780", To="+493012345678")
    store(channel.clinic, BART, **telecom("0151/23456780"))


@pytest.mark.parametrize(
    "more",
    [
        {"active": False, **telecom(HOMER)},
        telecom(HOMER, use="old"),
        telecom(HOMER, period={"end": "2026-02-01"}),
        telecom(HOMER, period={"start": "2026-04-01"}),
        telecom(HOMER, system="fax"),
        telecom("+25551230001"),
        telecom("123-0001"),
        telecom("not known"),
    ],
)
def test_who_has_the_number_no_longer_or_not_yet_is_not_known(
    channel: TextChannel, more: dict[str, Any]
) -> None:
    store(channel.clinic, care.HOMER, **more)
    channel.text("My back hurts", HOMER)
    assert senders(channel) == [(f"tel:{HOMER}", "")]
    header = channel.thread()
    assert (ref(header["sender"]), "subject" in header) == (f"tel:{HOMER}", False)
    assert channel.tasks() == [("requested", "match-sender", f"Communication/{header['id']}")]


def test_who_is_deleted_is_not_known(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    channel.clinic.administrator.delete(f"/{care.HOMER}")
    channel.text("My back hurts", HOMER)
    assert senders(channel) == [(f"tel:{HOMER}", "")]


def test_several_people_of_one_number_are_not_guessed(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    store(channel.clinic, BART, **telecom("(555) 123-0001"))
    for _ in range(2):
        channel.text("My back hurts", HOMER)
    assert senders(channel) == [(f"tel:{HOMER}", "")] * 2
    assert [code for _, code, _ in channel.tasks()] == ["match-sender"]


def test_a_relative_of_one_patient_writes_about_them(channel: TextChannel) -> None:
    store(channel.clinic, BART)
    store_relative(channel.clinic, OF_BART, BART, **telecom(MARGE))
    channel.text("He has a rash", MARGE)
    assert senders(channel) == [(OF_BART, BART)]
    assert ref(channel.thread()["subject"]) == BART


def test_a_relative_whose_time_is_over_is_not_known(channel: TextChannel) -> None:
    store(channel.clinic, BART)
    store_relative(channel.clinic, OF_BART, BART, **telecom(MARGE), **ended_period("2026-02-01"))
    channel.text("He has a rash", MARGE)
    assert senders(channel) == [(f"tel:{MARGE}", "")]


@pytest.fixture
def mother(channel: TextChannel) -> TextChannel:
    """Return the channel of a clinic that knows a mother of two children."""
    for patient, given in ((BART, ["Bartholomew", "Bart"]), (LISA, ["Lisa Marie"])):
        store(channel.clinic, patient, name=[{"family": "Simpson", "given": given}])
    store_relative(channel.clinic, OF_BART, BART, **telecom(MARGE))
    store_relative(channel.clinic, OF_LISA, LISA, **telecom("(555) 123-0002"))
    link_records(channel.clinic, OF_BART, OF_LISA)
    return channel


def test_a_relative_of_several_says_whom_it_is_about(mother: TextChannel) -> None:
    mother.text("Bart has a rash", MARGE)
    mother.text("LISA's got it too", MARGE)
    assert senders(mother) == [(OF_BART, BART), (OF_LISA, LISA)]
    header = mother.thread()
    assert (ref(header["sender"]), "subject" in header) == (OF_BART, False)
    assert mother.tasks() == []


@pytest.mark.parametrize(
    "text", ["A rash!", "Bart and Lisa have a rash", "Bartender, a rash", "👶", "Bärtel"]
)
def test_where_it_is_not_said_staff_are_asked(mother: TextChannel, text: str) -> None:
    mother.text(text, MARGE)
    mother.text(text, MARGE)
    assert senders(mother) == [(OF_BART, "")] * 2
    assert [code for _, code, _ in mother.tasks()] == ["name-subject"]


def test_what_the_thread_is_about_is_not_asked_again(mother: TextChannel) -> None:
    mother.text("Bart has a rash", MARGE)
    mother.text("It itches", MARGE)
    assert senders(mother) == [(OF_BART, BART), (OF_BART, "")]
    assert mother.tasks() == []
    header = mother.thread()
    mother.clinic.put(f"/Communication/{header['id']}", header | {"subject": care.reference(LISA)})
    mother.text("It itches", MARGE)
    assert senders(mother)[-1] == (OF_LISA, LISA)


def test_what_comes_in_is_seen_by_who_sees_such_threads(mother: TextChannel) -> None:
    mother.text("Bart has a rash", MARGE)
    own = mother.thread()["id"]
    (message,) = mother.messages()
    assert as_mother().get(f"/Communication/{message['id']}").status == 200
    assert as_mother(OF_LISA).get(f"/Communication/{own}").status == 200
    as_bart = ApiClient(role="patient", fhir_user=BART)
    assert as_bart.get(f"/Communication/{message['id']}").status == 200
    as_homer = ApiClient(role="patient", fhir_user=care.HOMER)
    assert as_homer.get(f"/Communication/{message['id']}").status == 404
    assert as_homer.get(f"/Communication/{own}").status == 404


def test_a_recycled_number_gets_nothing_of_who_had_it(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    channel.text("My back hurts", HOMER)
    store(channel.clinic, care.HOMER, **telecom(HOMER, use="old"))
    store(channel.clinic, BART, **telecom(HOMER))
    channel.text("Hi, I am new here", HOMER)
    channel.text("Hello?", HOMER)
    old, new = channel.threads()
    assert old["identifier"][0]["value"] == f"{HOMER}/{old['id']}"
    assert new["identifier"][0]["value"] == HOMER
    assert (ref(new["sender"]), "subject" in new) == (f"tel:{HOMER}", False)
    assert len(channel.messages(old["id"])) == 1
    assert {ref(message["sender"]) for message in channel.messages(new["id"])} == {f"tel:{HOMER}"}
    assert channel.tasks() == [("requested", "match-sender", f"Communication/{new['id']}")]
    as_homer = ApiClient(role="patient", fhir_user=care.HOMER)
    assert as_homer.get(f"/Communication/{new['id']}").status == 404


def test_a_number_that_nobody_has_any_more_is_nobodys(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    channel.text("My back hurts", HOMER)
    store(channel.clinic, care.HOMER, **telecom(HOMER, use="old"))
    channel.text("Hi, I am new here", HOMER)
    old, new = channel.threads()
    assert [len(channel.messages(thread["id"])) for thread in (old, new)] == [1, 1]
    assert ref(new["sender"]) == f"tel:{HOMER}"


def test_staff_begin_a_thread_by_its_identifier(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER)
    identifier = [{"system": "urn:async-encounters:channel:sms", "value": HOMER}]
    person, alice = care.reference(care.HOMER), care.reference(care.ALICE)
    header = care.header(identifier=identifier, sender=alice, recipient=[person], subject=person)
    query = f"identifier=urn:async-encounters:channel:sms|{HOMER}"
    for status in (201, 200):
        answer = channel.clinic.post("/Communication", header, If_None_Exist=query)
        assert answer.status == status
    channel.text("Yes?", HOMER)
    assert channel.thread()["id"] == answer.id
    assert senders(channel) == [(care.HOMER, care.HOMER)]
    assert channel.tasks() == []


def test_two_headers_of_one_number_lose_nothing(channel: TextChannel) -> None:
    identifier = [{"system": "urn:async-encounters:channel:sms", "value": HOMER}]
    store(channel.clinic, care.HOMER)
    people = {"sender": care.reference(care.ALICE), "recipient": [care.reference(care.HOMER)]}
    header = care.header(identifier=identifier, **people)
    ids = sorted(channel.clinic.post("/Communication", header).id for _ in range(2))
    for text in ("My back hurts", "Still"):
        channel.text(text, HOMER)
    assert [len(channel.messages(thread)) for thread in ids] == [2, 0]


def test_a_sender_without_a_number_is_kept_too(channel: TextChannel) -> None:
    channel.text("Your code is 1234", "22395")
    channel.text("Sale!", "A/B shop")
    assert [ref(header["sender"]) for header in channel.threads()] == ["tel:22395", "tel:ABshop"]


def test_the_ending_of_a_number_is_a_search_parameter(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, **telecom("(555) 123-0001"))
    store(channel.clinic, BART, **telecom("1230001", system="email"))
    store_relative(channel.clinic, OF_BART, BART, **telecom("001 555 1230001", system="sms"))
    for asked in ("1230001", "%2B15551230001", "555-123-0001"):
        assert channel.clinic.get(f"/Patient?phone-ending={asked}").ids == ["homer-simpson"]
        assert channel.clinic.get(f"/RelatedPerson?phone-ending={asked}").ids == ["marge-of-bart"]
    assert channel.clinic.get("/Patient?phone-ending=9999999").ids == []
    defined = channel.clinic.get("/SearchParameter/Patient-phone-ending").body
    assert (defined["code"], defined["base"]) == ("phone-ending", ["Patient"])


def test_of_more_people_than_are_looked_at_nobody_is_known(
    channel: TextChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "_MOST_CANDIDATES", 2)
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    for person, code in ((BART, "2"), (LISA, "3")):
        store(channel.clinic, person, **telecom(f"+1{code}551230001"))
    channel.text("My back hurts", HOMER)
    assert senders(channel) == [(f"tel:{HOMER}", "")]


@pytest.mark.parametrize("text", ["There is a rash", "I am worried"])
def test_an_initial_is_no_name(channel: TextChannel, text: str) -> None:
    for patient, given in ((BART, ["Bart", "A."]), (LISA, ["Lisa I"])):
        store(channel.clinic, patient, name=[{"given": given}])
    for person, patient in ((OF_BART, BART), (OF_LISA, LISA)):
        store_relative(channel.clinic, person, patient, **telecom(MARGE))
    link_records(channel.clinic, OF_BART, OF_LISA)
    channel.text(text, MARGE)
    assert senders(channel) == [(OF_BART, "")]


@pytest.mark.parametrize("completed_threads", ["reopen", "follow"])
def test_a_patient_who_was_deleted_keeps_nothing_from_coming_in(
    mother: TextChannel, completed_threads: str
) -> None:
    mother.practice.configure(REFERENCE_CHECKS="local")
    mother.configure(sms=twilio_account(completed_threads=completed_threads))
    mother.text("Hello", MARGE)
    header = mother.thread() | {"subject": care.reference(LISA), "status": "completed"}
    mother.clinic.put(f"/Communication/{header['id']}", header)
    mother.clinic.administrator.delete(f"/{LISA}")
    mother.text("It itches", MARGE)
    mother.text("Lisa", MARGE)
    assert mother.queue.bodies == {}
    messages = [one for thread in mother.threads() for one in mother.messages(thread["id"])]
    assert [ref(one.get("subject")) for one in messages] == ["", BART, BART]


def test_staff_may_say_more_of_who_is_not_known(channel: TextChannel) -> None:
    channel.text("My back hurts", HOMER)
    header = channel.thread()
    header["sender"]["display"] = "Homer?"
    channel.clinic.put(f"/Communication/{header['id']}", header)
    store(channel.clinic, care.HOMER, **telecom(HOMER))
    channel.text("Still", HOMER)
    assert senders(channel) == [(f"tel:{HOMER}", "")] * 2
