"""The explorer on threads of channels: who is at the other end, and what became of messages."""

from typing import Any

import pytest

from shared.rules.classification import AUTOMATIC
from tests.explorer.browsing import Visitor
from tests.explorer.conftest import Visit
from tests.support import care
from tests.support.practice import Practice

ALICE = ("practitioner", care.ALICE)
SYSTEM, NUMBER = "urn:async-encounters:channel:sms", "+15551230001"
ADDRESS = "homer/j@plant.example"
OPT_OUT = "https://clinic.example/fhir/StructureDefinition/channel-opt-out"


def identifier(value: str, system: str = SYSTEM) -> list[dict[str, str]]:
    return [{"system": system, "value": value}]


def medium(text: str) -> list[dict[str, str]]:
    return [{"text": text}]


def states(visitor: Visitor) -> list[tuple[str, str]]:
    """Return the text and the state of each message that has one."""
    visitor.page.locator(".message").first.wait_for()
    return [
        (item.locator(".bubble").inner_text(), item.locator(".delivery").inner_text())
        for item in visitor.page.locator(".message").all()
        if item.locator(".delivery").count()
    ]


@pytest.fixture
def thread(practice: Practice) -> str:
    return practice.post_header(identifier=identifier(NUMBER), medium=medium("text message"))


def says(practice: Practice, thread: str, text: str, **more: Any) -> None:
    practice.advance(60)
    message = {
        "resourceType": "Communication",
        "status": "in-progress",
        "partOf": [care.reference(f"Communication/{thread}")],
        "sender": care.reference(care.ALICE),
        "payload": [{"contentString": text}],
        "sent": practice.now.isoformat(),
        **more,
    }
    answer = practice.clinic.post("/Communication", message)
    assert answer.status == 201, answer.text


def test_a_thread_names_its_channel_and_the_contact_at_its_other_end(
    visit: Visit, practice: Practice, thread: str
) -> None:
    says(practice, thread, "Hello")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees(f"text message to and from {NUMBER} by account sms")
    assert visitor.page.locator(".channel + .notice").count() == 0


def test_what_tells_threads_with_one_address_apart_is_not_shown(
    visit: Visit, practice: Practice
) -> None:
    own = identifier(f"{ADDRESS}/8f3a", "urn:async-encounters:channel:mail")
    thread = practice.post_header(identifier=own, medium=medium("e-mail"))
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees(f"e-mail to and from {ADDRESS} by account mail")


def test_a_thread_says_since_when_its_contact_does_not_want_to_be_written_to(
    visit: Visit, practice: Practice
) -> None:
    out = [{"url": OPT_OUT, "valueDateTime": "2026-03-01T10:00:00+01:00"}]
    thread = practice.post_header(identifier=identifier(NUMBER), extension=out)
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees("Does not want to be written to here since Sun 1 Mar 2026, 10:00")


def test_each_message_of_staff_has_the_state_of_its_delivery(
    visit: Visit, practice: Practice, thread: str
) -> None:
    sent = {"identifier": identifier("SM1")}
    arrived = {"status": "completed", "received": "2026-03-02T09:30:00+01:00"}
    failed = {"status": "not-done", "statusReason": {"text": "The number is not in use"}}
    unclear = {"status": "unknown", "statusReason": {"text": "The provider did not answer"}}
    says(practice, thread, "new")
    says(practice, thread, "on its way", **sent)
    says(practice, thread, "there", **sent, **arrived)
    says(practice, thread, "lost", **sent, **failed)
    says(practice, thread, "who knows", **unclear)
    says(practice, thread, "from home", sender=care.reference(care.HOMER), **sent)
    says(practice, thread, "draft", status="preparation")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert states(visitor) == [
        ("new", "To be sent"),
        ("on its way", "Sent"),
        ("there", "Delivered Mon 2 Mar 2026, 09:30"),
        ("lost", "Not delivered: The number is not in use"),
        ("who knows", "Not known if sent: The provider did not answer"),
    ]
    assert visitor.page.locator(".delivery.failed").count() == 2


def test_an_unverified_e_mail_of_an_unknown_sender_is_theirs_and_on_hold(
    visit: Visit, practice: Practice
) -> None:
    own = identifier("homer@plant.example/1", "urn:async-encounters:channel:mail")
    thread = practice.post_header(identifier=own)
    uri = {"system": "urn:ietf:rfc:3986", "value": "mailto:homer@plant.example"}
    says(practice, thread, "Hello", status="on-hold", sender={"identifier": uri})
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert states(visitor) == [("Hello", "On hold: its sender is not proven")]
    (message,) = visitor.page.locator(".message.theirs .from").all()
    assert message.inner_text().startswith("homer@plant.example")


def test_whoever_has_no_record_here_is_told_apart_from_the_clinic(
    visit: Visit, practice: Practice, thread: str
) -> None:
    carried = {"identifier": identifier("SM1")}
    someone, clinic = (
        {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"tel:{number}"}}
        for number in ("+15551239999", "+15550100000")
    )
    says(practice, thread, "from elsewhere", sender=someone, **carried)
    says(practice, thread, "help", sender=clinic, category=[AUTOMATIC], **carried)
    says(practice, thread, "of nobody", sender={"display": "The clinic"}, **carried)
    says(practice, thread, "held back", status="on-hold")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert states(visitor) == [("help", "Sent"), ("of nobody", "Sent")]


def test_a_session_shows_what_became_of_its_messages(
    visit: Visit, practice: Practice, thread: str
) -> None:
    session = practice.open_session()
    practice.clinic.patch(f"/Communication/{thread}", care.link(session))
    says(practice, thread, "on its way", identifier=identifier("SM1"))
    visitor = visit(*ALICE)
    visitor.goes_to(f"session/{session}")
    assert states(visitor) == [("on its way", "Sent")]


def test_messages_of_other_threads_have_no_such_state(visit: Visit, practice: Practice) -> None:
    thread = practice.post_header()
    says(practice, thread, "Hello")
    says(practice, thread, "Wrong", status="not-done")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert states(visitor) == []
    visitor.sees("Not sent")
    assert visitor.page.locator(".channel").count() == 0


def test_what_a_channel_brings_is_never_executed(visit: Visit, practice: Practice) -> None:
    evil = "<img/src=x/onerror=alert(1)>"  # a system has no spaces
    own = identifier(f"{evil}@x/1", f"urn:async-encounters:channel:{evil}")
    thread = practice.post_header(identifier=own, medium=medium(evil))
    says(practice, thread, "lost", status="not-done", statusReason={"text": evil})
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees(f"{evil} to and from {evil}@x by account {evil}")
    assert states(visitor) == [("lost", f"Not delivered: {evil}")]
    assert visitor.page.locator("main img").count() == 0
