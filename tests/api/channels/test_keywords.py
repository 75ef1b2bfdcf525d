"""STOP, START and HELP: obeyed once, and no messages of care."""

from itertools import count, permutations
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from tests.support import care
from tests.support.family import store
from tests.support.text_channel import TextChannel, form, ref, said, twilio_account

HOMER = "+15551230001"
CONTACTS = count(1_000_000)
OPT_OUT = "/StructureDefinition/channel-opt-out"


def opted_out(channel: TextChannel) -> str:
    """Return since when the contact of the only thread wants nothing, empty if they do."""
    found = [
        extension["valueDateTime"]
        for header in channel.threads()
        for extension in header.get("extension", ())
        if extension["url"].endswith(OPT_OUT)
    ]
    return str(found[0]) if found else ""


def test_stop_is_noted_on_the_thread_and_start_ends_it(channel: TextChannel) -> None:
    channel.text("My back hurts", HOMER)
    channel.text("Stop!", HOMER)
    assert opted_out(channel) == "2026-03-02T08:00:02.000Z"
    channel.text("STOP", HOMER)
    assert opted_out(channel) == "2026-03-02T08:00:02.000Z"
    channel.text("  start ", HOMER)
    assert opted_out(channel) == ""
    assert [said(message) for message in channel.messages()] == ["My back hurts"]


def test_stop_before_anything_else_makes_a_thread_without_a_message(channel: TextChannel) -> None:
    channel.practice.configure(SESSION_POLICY="thread")
    channel.text("STOP", HOMER)
    assert opted_out(channel)
    assert channel.messages() == []
    assert (channel.tasks(), channel.practice.sessions()) == ([], [])


def test_start_and_help_need_no_thread_to_be_kept(channel: TextChannel) -> None:
    channel.text("START", HOMER)
    assert channel.threads() == []


def test_opting_out_stays_in_the_thread_that_follows(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(completed_threads="follow"))
    channel.text("My back hurts", HOMER)
    channel.text("STOP", HOMER)
    url = f"/Communication/{channel.thread()['id']}"
    channel.clinic.patch(url, [{"op": "replace", "path": "/status", "value": "completed"}])
    channel.text("Please call me", HOMER)
    old, new = channel.threads()
    assert old["extension"] == new["extension"]


def test_an_old_stop_that_comes_again_after_start_changes_nothing(channel: TextChannel) -> None:
    stops = [form("STOP", HOMER) for _ in range(2)]
    start = form("START", HOMER)
    channel.deliver(*stops, start)
    assert not opted_out(channel)
    channel.deliver(*stops)
    assert not opted_out(channel)
    channel.deliver(form("STOP", HOMER))
    channel.deliver(start)
    assert opted_out(channel)


def test_yes_is_an_answer_unless_they_have_opted_out(channel: TextChannel) -> None:
    channel.text("Yes", HOMER)
    channel.text("STOP", HOMER)
    fields = channel.text("Yes", HOMER)
    assert not opted_out(channel)
    channel.deliver(fields)
    assert [said(message) for message in channel.messages()] == ["Yes"]


def test_help_is_answered_once_by_a_message_of_the_account(channel: TextChannel) -> None:
    channel.practice.configure(SESSION_POLICY="thread")
    store(channel.clinic, care.HOMER, telecom=[{"system": "sms", "value": HOMER}])
    fields = form("Help", HOMER)
    for _ in range(3):
        channel.deliver(fields)
    (answer,) = channel.messages()
    assert said(answer).startswith("Reply STOP")
    assert (ref(answer["sender"]), ref(answer["recipient"][0])) == ("tel:+15550100000", care.HOMER)
    assert answer["status"] == "in-progress"
    systems = [identifier["system"] for identifier in answer["identifier"]]
    assert systems == ["urn:async-encounters:channel-answer"]
    assert channel.practice.sessions() == []
    channel.text("INFO", HOMER)
    assert len(channel.messages()) == 2


def test_help_is_not_answered_to_who_wants_nothing(channel: TextChannel) -> None:
    channel.text("STOP", HOMER)
    channel.text("HELP", HOMER)
    assert channel.messages() == []


def test_an_account_has_words_of_its_own(channel: TextChannel) -> None:
    channel.configure(
        sms=twilio_account(
            stop_words=["Détener"], start_words=["Weiter"], help_words=["Was?"], help_text="Hier"
        )
    )
    channel.text("DETENER", HOMER)
    assert opted_out(channel)
    channel.text("weiter", HOMER)
    assert not opted_out(channel)
    channel.text("was", HOMER)
    assert [said(message) for message in channel.messages()] == ["Hier"]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_the_last_one_received_decides_in_whatever_order_they_are_processed(
    channel: TextChannel, order: tuple[int, ...]
) -> None:
    channel.text("My back hurts", HOMER)
    process(channel, ["STOP", "START", "STOP"], order)
    assert opted_out(channel)


def process(channel: TextChannel, texts: list[str], order: tuple[int, ...]) -> None:
    """Let texts come in, one a second, and process them in another order."""
    for text in texts:
        channel.practice.advance(1)
        channel.call(form(text, HOMER))
    names = list(channel.queue.bodies)
    for number in order:
        channel.process_again(names[number])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    words=strategies.lists(
        strategies.sampled_from(["STOP", "START", "QUIT"]), min_size=1, max_size=4
    ),
    repeated=strategies.lists(strategies.integers(0, 3), max_size=4),
    chance=strategies.randoms(use_true_random=False),
)
def test_repeated_and_reordered_keywords_end_as_if_they_came_once_in_order(
    channel: TextChannel, words: list[str], repeated: list[int], chance: Random
) -> None:
    contact = f"+1555{next(CONTACTS)}"
    channel.queue.bodies.clear()
    for text in words:
        channel.practice.advance(1)
        channel.call(form(text, contact))
    names = list(channel.queue.bodies)
    order = [*names, *(names[number % len(names)] for number in repeated)]
    chance.shuffle(order)
    for name in order:
        channel.process_again(name)
    identifier = f"urn:async-encounters:channel:sms|{contact}"
    headers = channel.clinic.get(f"/Communication?identifier={identifier}").resources
    is_out = any("extension" in header for header in headers)
    assert is_out is (words[-1] != "START"), (words, order)


def test_yes_that_was_an_answer_is_no_start_if_it_comes_again(channel: TextChannel) -> None:
    fields = channel.text("Yes", HOMER)
    channel.text("STOP", HOMER)
    channel.deliver(fields)
    assert opted_out(channel)


def test_yes_before_stop_is_an_answer_if_it_is_processed_later(channel: TextChannel) -> None:
    channel.text("My back hurts", HOMER)
    process(channel, ["Yes", "STOP"], (1, 0))
    assert opted_out(channel)
    assert [said(message) for message in channel.messages()] == ["My back hurts", "Yes"]


def test_stop_is_noted_on_all_threads_with_the_number(channel: TextChannel) -> None:
    identifier = [{"system": "urn:async-encounters:channel:sms", "value": HOMER}]
    header = care.header(identifier=identifier)
    channel.clinic.post("/Communication", header)
    channel.text("STOP", HOMER)
    channel.clinic.post("/Communication", header)
    assert ["extension" in thread for thread in channel.threads()] == [True, False]
    channel.text("STOP", HOMER)
    assert ["extension" in thread for thread in channel.threads()] == [True, True]
    channel.text("START", HOMER)
    assert ["extension" in thread for thread in channel.threads()] == [False, False]
