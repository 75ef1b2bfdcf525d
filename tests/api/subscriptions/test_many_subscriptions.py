"""A change finds the Subscriptions that it concerns among many, without reading all of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from functions import subscription_matcher
from functions.subscription_matcher import MOST_AT_ONCE
from shared.fhir import instants
from shared.fhir.references import Literal
from shared.store import dynamodb, meter
from shared.subscriptions import statuses
from shared.subscriptions.matching import Change, Matcher
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.chat import Chat
from tests.support.subscription_pipeline import CHANGES, Message
from tests.support.subscriptions import subscription

MANY = 1000


@dataclass
class Reads:
    """What a test has read: accesses to tables, rows of queries, and the units of these."""

    accesses: int = 0
    rows: int = 0
    units: int = 0


@contextmanager
def counted() -> Iterator[Reads]:
    database, begun = dynamodb.client(), meter.accesses()
    database.clear()
    reads = Reads()
    yield reads
    reads.accesses, reads.rows = meter.accesses() - begun, database.rows
    reads.units = database.units


def activate(chat: Chat, criteria: str) -> str:
    """Make a Subscription that is active, as after a handshake."""
    own_id = chat.clinic.post("/Subscription", subscription(criteria)).id
    assert statuses.change("-", own_id, 1, "active")
    return own_id


def header_of(chat: Chat, patient: str) -> Change:
    """Post a header, and return its change."""
    created = chat.clinic.post("/Communication", care.header(subject=care.reference(patient)))
    assert created.status == 201, created.text
    resource = Literal("Communication", created.id)
    return Change("-", resource, 1, "C", created.body["meta"]["lastUpdated"])


def test_a_write_without_subscriptions_costs_one_read_for_all_changes_before(chat: Chat) -> None:
    first, second = (header_of(chat, care.HOMER) for _ in range(2))
    chat.practice.advance_to("2026-03-02 09:01")
    matcher = Matcher()
    with counted() as reads:
        assert [matcher.notifications(change) for change in (first, second)] == [[], []]
    assert reads == Reads(accesses=1, rows=0, units=1)
    later = header_of(chat, care.HOMER)
    with counted() as reads:
        assert matcher.notifications(later) == []
    assert reads.accesses == 1


def test_until_there_is_a_subscription_changes_go_to_no_queue(chat: Chat) -> None:
    header_of(chat, care.HOMER)
    chat.pipeline.deliver()
    assert not chat.pipeline.queues.sent
    chat.clinic.post("/Subscription", subscription(status="off"))
    chat.pipeline.deliver()
    assert chat.pipeline.queues.sent == {CHANGES: 1}
    assert chat.pipeline.waiting == []


@pytest.mark.usefixtures("many_calls")
def test_of_a_thousand_with_a_value_of_their_own_one_is_read(chat: Chat) -> None:
    own_ids = {
        number: activate(chat, f"Communication?subject=Patient/p-{number}&status=in-progress")
        for number in range(MANY)
    }
    chat.practice.advance_to("2026-03-02 09:01")
    change = header_of(chat, "Patient/p-7")
    with counted() as reads:
        (found,) = Matcher().notifications(change)
    assert (found.subscription, found.resource) == (own_ids[7], change.resource)
    # What is subscribed, the header, and the entries of its one subject: 2 queries of 2 rows.
    assert (reads.accesses, reads.rows, reads.units) == (3, 2, 2)
    with counted() as reads:
        assert Matcher().notifications(header_of(chat, "Patient/nobody")) == []
    assert reads.rows == 1


@pytest.mark.usefixtures("many_calls")
def test_a_thousand_of_all_values_are_read_by_one_query(chat: Chat) -> None:
    own_ids = {activate(chat, "Communication?status:not=completed") for _ in range(MANY)}
    chat.practice.advance_to("2026-03-02 09:01")
    change = header_of(chat, care.HOMER)
    chat.practice.advance_to("2026-03-02 09:02")
    matcher = Matcher()
    with counted() as reads:
        found = matcher.notifications(change)
    assert {one.subscription for one in found} == own_ids
    assert reads.accesses == 2
    assert reads.units <= MANY / 15
    with counted() as reads:
        assert len(matcher.notifications(change)) == MANY
    assert reads.accesses == 1  # only the header is read again


@pytest.mark.parametrize(
    ("criteria", "rows"),
    [
        ("Communication?part-of=Communication/other", 1),
        ("Communication?_id=other", 1),
        ("Communication?recipient=Practitioner/a,Practitioner/b", 1),
        ("Communication?identifier=https://clinic.example/ids|1", 1),
        ("Communication?sender=homer&recipient=Practitioner/a", 1),
        ("Communication?sent=ge2026-01-01", 1),
        ("Communication?status=completed", 1),
        ("Communication?subject:identifier=1", 1),
    ],
)
def test_what_another_value_finds_is_not_read(chat: Chat, criteria: str, rows: int) -> None:
    """One row: the parameter by which it is found, or the Subscription itself without a value."""
    activate(chat, criteria)
    chat.practice.advance_to("2026-03-02 09:01")
    with counted() as reads:
        assert Matcher().notifications(header_of(chat, "Patient/bart-simpson")) == []
    assert reads.rows == rows


def test_a_subscription_that_became_active_meanwhile_is_found(chat: Chat) -> None:
    """What was read before a change says nothing about it."""
    matcher = Matcher()
    assert matcher.notifications(header_of(chat, care.HOMER)) == []
    own_id = activate(chat, "Communication?")
    (found,) = matcher.notifications(header_of(chat, care.HOMER))
    assert found.subscription == own_id
    assert instants.now() == chat.practice.now


def test_the_clocks_of_two_machines_may_differ_by_some_seconds(chat: Chat) -> None:
    activate(chat, "Communication?")
    change = header_of(chat, care.HOMER)
    by_a_slow_clock = instants.to_text(instants.from_text(change.at) - timedelta(seconds=8))
    assert len(Matcher().notifications(replace(change, at=by_a_slow_clock))) == 1


def test_the_rights_of_many_patients_are_decided_by_one_read_of_the_header(chat: Chat) -> None:
    for number in range(30):
        patient = ApiClient(role="patient", fhir_user=f"Patient/p-{number}")
        own_id = patient.post("/Subscription", subscription("Communication?")).id
        assert statuses.change("-", own_id, 1, "active")
    recipients = [care.reference(care.ALICE), care.reference("Patient/p-7")]
    header = chat.clinic.post("/Communication", care.header(recipient=recipients)).id
    message = chat.clinic.post("/Communication", care.message(header))
    assert message.status == 201, message.text
    change = Change(
        "-", Literal("Communication", message.id), 1, "C", message.body["meta"]["lastUpdated"]
    )
    with counted() as reads:
        assert len(Matcher().notifications(change)) == 1
    # What is subscribed, the message, and its header.
    assert reads.accesses <= 4


def test_what_was_found_is_sent_though_the_rest_of_its_message_fails(chat: Chat) -> None:
    for _ in range(MOST_AT_ONCE):
        activate(chat, "Communication?")
    chat.practice.advance_to("2026-03-02 09:01")
    change = header_of(chat, care.HOMER)
    readable = [str(change.resource), 1, "C"]
    transaction = {"id": "1", "tenant": "-", "at": change.at, "written": [readable, ["unreadable"]]}
    record = Message("1", json.dumps({"transactions": [transaction]}), chat.practice.now)
    record.first_received = chat.practice.now
    answer = subscription_matcher.handler({"Records": [record.record()]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert len(chat.pipeline.waiting) == MOST_AT_ONCE


def test_one_subscription_is_told_once_whatever_values_find_it(chat: Chat) -> None:
    activate(chat, f"Communication?recipient={care.ALICE},{care.HOMER}")
    assert len(Matcher().notifications(header_of(chat, care.HOMER))) == 1
