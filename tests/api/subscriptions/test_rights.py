"""A Subscription tells what its maker may read, as their rights are when it tells it."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.chat import Chat
from tests.support.family import BART, as_mother, store, store_relative
from tests.support.family import OF_BART as MOTHER
from tests.support.subscriptions import channel, replaced, secret, subscription

HOMER = ApiClient(role="patient", fhir_user="Patient/homer-simpson")
BART_SIMPSON = ApiClient(role="patient", fhir_user="Patient/bart-simpson")
OF_BART = care.reference(BART)


def test_a_patient_is_told_of_their_own_threads_only(chat: Chat) -> None:
    chat.subscribe("Communication?", HOMER)
    own = chat.clinic.post("/Communication", care.header()).id
    others = care.header(subject=OF_BART, sender=OF_BART, recipient=[care.reference(care.ALICE)])
    thread = chat.clinic.post("/Communication", others).id
    message = care.message(thread, subject=OF_BART, sender=OF_BART)
    assert chat.clinic.post("/Communication", message).status == 201
    assert chat.told() == [("PUT", f"/fhir/Communication/{own}")]


def test_a_ping_tells_no_more_than_a_payload(chat: Chat) -> None:
    ping = {"type": "rest-hook", "endpoint": chat.receiver.url}
    chat.subscribe("Communication?", BART_SIMPSON, channel=ping)
    chat.clinic.post("/Communication", care.header())
    assert chat.told() == []


def test_a_session_is_told_to_the_patient_of_a_medical_encounter(chat: Chat) -> None:
    chat.subscribe("Encounter?", BART_SIMPSON)
    session = care.session()
    del session["subject"]
    own_id = chat.clinic.post("/Encounter", session).id
    assert chat.told() == []
    chat.clinic.post("/Encounter", care.medical_encounter(own_id, BART))
    patch = [{"op": "add", "path": "/language", "value": "en"}]
    assert chat.clinic.patch(f"/Encounter/{own_id}", patch).status == 200
    assert ("PUT", f"/fhir/Encounter/{own_id}") in chat.told()


def test_who_left_a_thread_is_told_no_more_of_it(chat: Chat) -> None:
    recipients = [care.reference(care.ALICE), OF_BART]
    thread = chat.clinic.post("/Communication", care.header(recipient=recipients)).id
    chat.subscribe("Communication?", BART_SIMPSON)
    first = chat.clinic.post("/Communication", care.message(thread)).id
    assert chat.told() == [("PUT", f"/fhir/Communication/{first}")]
    chat.clinic.post("/Communication", care.message(thread))
    chat.pipeline.match()  # it is found, and waits for delivery
    assert chat.pipeline.waiting
    removed = replaced("/recipient", recipients[:1])
    assert chat.clinic.patch(f"/Communication/{thread}", removed).status == 200
    assert chat.told() == []


def test_a_relative_whose_relation_has_ended_is_told_nothing(chat: Chat) -> None:
    store(chat.clinic, BART)
    store_relative(chat.clinic, MOTHER, BART)
    mother = as_mother()
    chat.subscribe("Communication?", mother)
    about = care.header(subject=OF_BART, sender=OF_BART, recipient=[care.reference(care.ALICE)])
    told = chat.clinic.post("/Communication", about).id
    assert chat.told() == [("PUT", f"/fhir/Communication/{told}")]
    person = chat.clinic.get(f"/{MOTHER}").body
    chat.clinic.put(f"/{MOTHER}", person | {"active": False})
    chat.clinic.post("/Communication", about)
    assert chat.told() == []


@pytest.mark.parametrize(
    ("scope", "is_told"),
    [
        ("user/Subscription.cruds user/Communication.rs", True),
        ("user/Subscription.cruds user/Communication.s", False),
        ("user/Subscription.cruds user/Communication.rs?topic:text=a%20rash", True),
        ("user/Subscription.cruds user/Communication.rs?topic:text=a%20burn", False),
    ],
)
def test_scopes_bound_what_is_told(chat: Chat, scope: str, is_told: bool) -> None:
    chat.subscribe("Communication?", ApiClient(claims={"scope": scope}))
    chat.clinic.post("/Communication", care.header())
    assert bool(chat.told()) is is_told


def test_drafts_are_told_to_their_sender_only(chat: Chat) -> None:
    chat.subscribe("Communication?status=preparation")
    for sender in (care.ALICE, "Practitioner/julius-hibbert"):
        draft = care.header(status="preparation", sender=care.reference(sender))
        author = ApiClient(fhir_user=sender)
        created = author.post("/Communication", draft)
        assert created.status == 201
        expected = [("PUT", f"/fhir/Communication/{created.id}")] if sender == care.ALICE else []
        assert chat.told() == expected


def test_another_tenant_is_told_nothing(chat: Chat) -> None:
    chat.practice.configure(TENANT_CLAIM="tenant")
    north, south = (ApiClient(claims={"tenant": tenant}) for tenant in ("north", "south"))
    chat.clinic = north
    chat.subscribe("Communication?", north)
    south.post("/Communication", care.header())
    assert chat.told() == []
    told = north.post("/Communication", care.header()).id
    assert chat.told() == [("PUT", f"/fhir/Communication/{told}")]


@pytest.mark.parametrize("maker", [HOMER, ApiClient(claims={"sub": "of-chat"})])
@pytest.mark.parametrize("role", ["practitioner", "admin"])
@pytest.mark.parametrize(
    "change",
    [
        {"criteria": "Communication?status=preparation"},
        {"channel": channel(endpoint="https://chat.example.com/fhir/other")},
        {"end": "2027-01-01T00:00:00Z"},
        {"extension": secret("another-secret-of-somebody")},
    ],
)
def test_only_its_maker_aims_a_subscription(
    maker: ApiClient, role: str, change: dict[str, Any]
) -> None:
    """Nobody lends their rights to another's endpoint, nor learns another's secrets."""
    created = maker.post("/Subscription", subscription(channel=channel(header=["X-Key: 1"]))).body
    url, other = f"/Subscription/{created['id']}", ApiClient(role=role)
    refusals.check(other.put(url, {**created, **change}), 403, "forbidden", "Subscription")
    assert other.put(url, {**created, "status": "off"}).body["status"] == "off"
    if maker is not HOMER:
        assert maker.put(url, {**created, **change}).status == 200


def test_a_relative_does_not_see_a_patients_subscription(chat: Chat) -> None:
    store(chat.clinic, BART)
    store_relative(chat.clinic, MOTHER, BART)
    mother = as_mother()
    own = mother.post("/Subscription", subscription()).id
    barts = BART_SIMPSON.post("/Subscription", subscription()).id
    assert mother.get("/Subscription").ids == [own]
    assert mother.get(f"/Subscription?owner={BART}").ids == []
    found = mother.get("/Patient?_id=bart-simpson&_revinclude=Subscription:owner")
    assert [one["resourceType"] for one in found.resources] == ["Patient"]
    for path in ("", "/_history", "/_history/1"):
        assert mother.get(f"/Subscription/{barts}{path}").status == 404
    assert BART_SIMPSON.get("/Subscription").ids == [barts]
    assert BART_SIMPSON.get(f"/Subscription/{own}").status == 404


@pytest.mark.parametrize("subscriber", [BART_SIMPSON, as_mother()])
def test_what_its_maker_may_not_read_is_not_even_queued(chat: Chat, subscriber: ApiClient) -> None:
    store(chat.clinic, BART)
    store_relative(chat.clinic, MOTHER, BART)
    chat.subscribe("Communication?", subscriber)
    chat.clinic.post("/Communication", care.header())
    chat.pipeline.match()
    assert chat.pipeline.waiting == []


def test_turned_off_and_on_by_staff_it_keeps_its_makers_rights(chat: Chat) -> None:
    url = f"/Subscription/{chat.subscribe('Communication?', HOMER)}"
    for status in ("off", "requested"):
        patch = replaced("/status", status)
        assert chat.clinic.administrator.patch(url, patch).status == 200
    chat.requests()
    others = care.header(subject=OF_BART, sender=OF_BART, recipient=[care.reference(care.ALICE)])
    chat.clinic.post("/Communication", others)
    assert chat.told() == []
    own = chat.clinic.post("/Communication", care.header()).id
    assert chat.told() == [("PUT", f"/fhir/Communication/{own}")]
