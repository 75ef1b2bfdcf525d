"""When a message counts: at its `sent` if plausible, otherwise at its receipt."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.fhir import instants
from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.bundles import bundle, entry
from tests.support.plain_client import V1
from tests.support.practice import Practice, instant_text, local, local_clock_time

ALICE = ApiClient()
ADMIN = ApiClient("admin", "Practitioner/office")
BACKEND = ApiClient("admin", "", {"client_id": "importer"})
HOMER = ApiClient("patient", care.HOMER)
MARGE = ApiClient("related-person", "RelatedPerson/marge-simpson", {"patient": "homer-simpson"})
# Earlier than any clock that was ever set.
UNSET = [
    "0001-01-01T00:00:00Z",
    "0001-01-01",
    "0001",
    "1969-12-31T19:00:00-05:00",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.000+01:00",
    "1970-01-01T23:59:59-05:00",
    "1970-01-02T00:30:00+01:00",
    "1970-01-01",
    "1970-01",
    "1970",
]


def body(person: ApiClient, header_id: str, sent: str | None, **more: Any) -> dict[str, Any]:
    sender = care.reference(person.fhir_user or care.HOMER)
    return care.message(header_id, sent, sender=sender, **more)


def post_message(person: ApiClient, header_id: str, sent: str | None, **more: Any) -> Answer:
    answer = person.post("/Communication", body(person, header_id, sent, **more))
    assert answer.status == 201, answer.text
    return answer


def start(practice: Practice) -> str:
    """Return when the only session begins, to the second."""
    moment = instants.from_text(practice.session()["period"]["start"])
    return moment.astimezone(practice.now.tzinfo).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("policy", ["thread", "daily"])
@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "sent", [*UNSET, "9999-12-31T23:59:59Z", "9999-12-31T23:59:60-14:00", "9999-12-31", "9999"]
)
def test_a_message_dated_at_an_end_of_the_calendar_counts_when_received_in_every_zone(
    practice: Practice, sent: str, zone: str, policy: str
) -> None:
    practice.configure(SESSION_POLICY=policy, SESSION_TIME_ZONE=zone)
    header_id = practice.post_header()
    message = post_message(ALICE, header_id, sent)
    assert message.body["sent"] == sent
    assert start(practice) == "2026-03-02 09:00:00"
    assert practice.messages(practice.session()) == [message.id]
    assert ALICE.get(f"/Communication?part-of=Communication/{header_id}&sent={sent}").ids == [
        message.id
    ]
    practice.advance_to("2026-03-10 09:00")
    (session,) = practice.sessions()
    assert (session["status"], session["length"]["value"]) == ("finished", 0)


def test_the_second_of_january_1970_is_a_time(thread_policy: Practice) -> None:
    post_message(ALICE, thread_policy.post_header(), "1970-01-02T00:00:00Z")
    assert start(thread_policy) == "1970-01-02 01:00:00"


@pytest.mark.parametrize("start_", ["9999-12-31T23:59:59Z", "9999-12-31T12:00:01Z", "0001"])
def test_an_open_encounter_may_begin_at_an_end_of_the_calendar(
    practice: Practice, start_: str
) -> None:
    for kind in (care.session, care.visit):
        answer = ALICE.post("/Encounter", kind(period={"start": start_}))
        assert answer.status == 201, answer.text
        url = f"/Encounter/{answer.id}"
        assert practice.put_changes(url, language="en").status == 200
        assert practice.put_changes(url, status="finished").status == 200


# ---- A patient's or related person's word


def create(person: ApiClient, message: dict[str, Any]) -> Answer:
    return person.post("/Communication", message)


def create_by_put(person: ApiClient, message: dict[str, Any]) -> Answer:
    return person.put("/Communication/own", message | {"id": "own"})


def create_if_none_exists(person: ApiClient, message: dict[str, Any]) -> Answer:
    own = {"meta": {"tag": [{"system": "urn:app", "code": "1"}]}}
    return person.call("POST", "/Communication", message | own, if_none_exist="_tag=urn:app|1")


def send_a_draft_by_put(person: ApiClient, message: dict[str, Any]) -> Answer:
    draft = create(person, message | {"status": "preparation"})
    return person.put(f"/Communication/{draft.id}", draft.body | {"status": "in-progress"})


def send_a_draft_by_patch(person: ApiClient, message: dict[str, Any]) -> Answer:
    draft = create(person, message | {"status": "preparation"})
    change = [{"op": "replace", "path": "/status", "value": "completed"}]
    return person.patch(f"/Communication/{draft.id}", change)


def date_a_draft_as_it_is_sent(person: ApiClient, message: dict[str, Any]) -> Answer:
    undated = {name: value for name, value in message.items() if name != "sent"}
    draft = create(person, undated | {"status": "preparation"})
    merged = {"status": "completed", "sent": message["sent"]}
    return person.call(
        "PATCH", f"/Communication/{draft.id}", merged, content_type="application/merge-patch+json"
    )


def with_a_draft_sent_by_put(person: ApiClient, message: dict[str, Any]) -> Answer:
    draft = create(person, message | {"status": "preparation"})
    return ADMIN.put(f"/Communication/{draft.id}", draft.body | {"status": "in-progress"})


def with_a_draft_sent_by_patch(person: ApiClient, message: dict[str, Any]) -> Answer:
    draft = create(person, message | {"status": "preparation"})
    change = [{"op": "replace", "path": "/status", "value": "completed"}]
    return ADMIN.patch(f"/Communication/{draft.id}", change)


def with_a_draft_sent_in_a_transaction(person: ApiClient, message: dict[str, Any]) -> Answer:
    draft = create(person, message | {"status": "preparation"})
    sent = entry("PUT", f"Communication/{draft.id}", draft.body | {"status": "completed"})
    return ADMIN.post("/", bundle("transaction", sent))


def in_a_batch(person: ApiClient, message: dict[str, Any]) -> Answer:
    return person.post("/", bundle("batch", entry("POST", "Communication", message)))


def in_a_transaction(person: ApiClient, message: dict[str, Any]) -> Answer:
    return person.post("/", bundle("transaction", entry("POST", "Communication", message)))


def by_plain_json(person: ApiClient, message: dict[str, Any]) -> Answer:
    written = {
        "threadId": message["partOf"][0]["reference"].partition("/")[2],
        "senderId": message["sender"]["reference"],
        "text": "It itches",
        "sent": message["sent"],
    }
    return person.call("POST", f"{V1}/messages", written, content_type="application/json")


CREATING = [create, create_if_none_exists, in_a_batch, in_a_transaction, by_plain_json]
# A patient may create drafts but not send them; administrators may.
OF_DRAFTS = [
    with_a_draft_sent_by_put,
    with_a_draft_sent_by_patch,
    with_a_draft_sent_in_a_transaction,
]
CHANGING = [
    create_by_put,
    send_a_draft_by_put,
    send_a_draft_by_patch,
    date_a_draft_as_it_is_sent,
]


@pytest.mark.parametrize("person", [HOMER, MARGE], ids=["patient", "related person"])
@pytest.mark.parametrize("path", [*CREATING, *OF_DRAFTS])
def test_the_sent_of_a_patient_or_relative_is_believed_for_a_day_on_every_path(
    thread_policy: Practice, person: ApiClient, path: Callable[..., Answer]
) -> None:
    header_id = thread_policy.post_header(recipient=[care.reference(MARGE.fhir_user)])
    answer = path(person, body(person, header_id, "2025-03-02T09:00:00Z"))
    assert answer.status in (200, 201), answer.text
    assert start(thread_policy) == "2026-03-01 09:00:00"
    (message,) = ALICE.get(f"/Communication?part-of=Communication/{header_id}").resources
    assert message["sent"] == "2025-03-02T09:00:00Z"
    assert thread_policy.messages(thread_policy.session()) == [message["id"]]


@pytest.mark.parametrize("person", [HOMER, MARGE], ids=["patient", "related person"])
@pytest.mark.parametrize("path", [*CREATING, *OF_DRAFTS])
def test_a_patient_or_relative_cannot_open_a_session_before_yesterday(
    daily: Practice, person: ApiClient, path: Callable[..., Answer]
) -> None:
    header_id = daily.post_header(recipient=[care.reference(MARGE.fhir_user)])
    answer = path(person, body(person, header_id, "2019-03-02T09:00:00Z"))
    assert answer.status in (200, 201), answer.text
    assert start(daily) == "2026-03-01 09:00:00"


@pytest.mark.parametrize("person", [HOMER, MARGE], ids=["patient", "related person"])
@pytest.mark.parametrize("path", [*CREATING, *OF_DRAFTS])
def test_a_session_opened_by_a_patient_does_not_begin_with_their_older_messages(
    practice: Practice, person: ApiClient, path: Callable[..., Answer]
) -> None:
    header_id = practice.post_header(recipient=[care.reference(MARGE.fhir_user)])
    answer = path(person, body(person, header_id, "2019-03-02T09:00:00Z"))
    assert answer.status in (200, 201), answer.text
    thread = care.parameters(("thread", f"Communication/{header_id}"))
    opened = person.post("/Encounter/$open-session", thread)
    assert opened.status == 201, opened.text
    assert ALICE.post(f"/Encounter/{opened.id}/$close-session", None).status == 200
    (message,) = practice.messages(practice.session())
    assert message
    assert start(practice) == "2026-03-01 09:00:00"


@pytest.mark.parametrize("person", [HOMER, MARGE], ids=["patient", "related person"])
def test_a_patient_or_relative_cannot_change_sent(
    thread_policy: Practice, person: ApiClient
) -> None:
    header_id = thread_policy.post_header(recipient=[care.reference(MARGE.fhir_user)])
    said = post_message(person, header_id, None)
    draft = post_message(person, header_id, None, status="preparation")
    before = start(thread_policy)
    change = [{"op": "add", "path": "/sent", "value": "2019-03-02T09:00:00Z"}]
    for message in (said, draft):
        assert person.patch(f"/Communication/{message.id}", change).status == 403
        assert person.put(f"/Communication/{message.id}", message.body).status == 403
        url, merged = f"{V1}/messages/{message.id}", {"sent": "2019-03-02T09:00:00Z"}
        answer = person.call("PATCH", url, merged, content_type="application/merge-patch+json")
        assert answer.status == 403, answer.text
    assert start(thread_policy) == before


@pytest.mark.parametrize("person", [ALICE, BACKEND], ids=["practitioner", "service"])
@pytest.mark.parametrize("path", [*CREATING, *CHANGING])
def test_the_sent_of_staff_and_services_is_always_believed(
    thread_policy: Practice, person: ApiClient, path: Callable[..., Answer]
) -> None:
    header_id = thread_policy.post_header()
    answer = path(person, body(person, header_id, "2025-03-02T09:00:00Z"))
    assert answer.status in (200, 201), answer.text
    assert start(thread_policy) == "2025-03-02 10:00:00"


def test_a_patients_draft_dated_by_staff_counts_at_their_date(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    draft = create(HOMER, body(HOMER, header_id, None, status="preparation"))
    sent = draft.body | {"status": "completed", "sent": "2025-03-02T09:00:00Z"}
    ADMIN.put(f"/Communication/{draft.id}", sent)
    assert start(thread_policy) == "2025-03-02 10:00:00"


def test_a_patient_who_writes_by_another_role_is_believed_like_that_role(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    both = ApiClient("auditor", care.HOMER, {"cognito:groups": "[auditor patient]"})
    post_message(both, header_id, "2025-03-02T09:00:00Z")
    assert start(thread_policy) == "2026-03-01 09:00:00"


@pytest.mark.parametrize(
    ("sent", "counts"),
    [
        ("2026-03-02T07:30:00Z", "2026-03-02 08:30:00"),
        ("2026-03-01T08:00:00Z", "2026-03-01 09:00:00"),
        ("2026-03-01T07:59:59Z", "2026-03-01 09:00:00"),
        ("2026-03-02", "2026-03-02 00:00:00"),
        ("2026-03-01", "2026-03-01 09:00:00"),
        ("2026-02", "2026-03-02 09:00:00"),
        ("1970-01-01", "2026-03-02 09:00:00"),
        ("2026-03-05T07:30:00Z", "2026-03-02 09:00:00"),
    ],
)
def test_within_a_day_a_patients_own_time_counts(
    thread_policy: Practice, sent: str, counts: str
) -> None:
    post_message(HOMER, thread_policy.post_header(), sent)
    assert start(thread_policy) == counts


@pytest.mark.parametrize(
    ("hours", "counts"),
    [("0", "2026-03-02 09:00:00"), ("72", "2026-02-27 09:00:00"), ("8784", "2025-03-02 10:00:00")],
)
def test_a_deployment_sets_for_how_long_a_patients_sent_is_believed(
    thread_policy: Practice, hours: str, counts: str
) -> None:
    thread_policy.configure(SENT_TOLERANCE_HOURS=hours)
    post_message(HOMER, thread_policy.post_header(), "2025-03-02T09:00:00Z")
    assert start(thread_policy) == counts


def test_a_patients_old_message_counts_yesterday_at_the_earliest(daily: Practice) -> None:
    """The day's session finds it, open or closed, though its key in the thread is earlier."""
    header_id = daily.post_header()
    places = [post_message(HOMER, header_id, "2025-03-02T09:00:00Z").id]
    daily.now = local("2026-03-02 10:00")
    places.append(post_message(HOMER, header_id, "1970-01-01T00:00:00Z").id)
    places.append(post_message(HOMER, header_id, "2026-03-02T08:30:00Z").id)
    assert daily.sessions_table() == [
        ("finished", "01 09:00", "01 09:00"),
        ("in-progress", "02 09:30", ""),
    ]
    yesterday, today = daily.sessions()
    assert daily.messages(yesterday) == places[:1]
    assert daily.messages(today) == places[1:]
    daily.advance_to("2026-03-03 01:00")
    assert daily.sessions_table()[1] == ("finished", "02 09:30", "02 10:00")
    assert daily.messages(today) == places[1:]


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
@pytest.mark.parametrize("sent", ["1970-01-01T00:00:00Z", "2026-02-27T09:00:00Z"])
def test_a_closing_and_searches_find_messages_keyed_before_their_time(
    practice: Practice, policy: str, sent: str
) -> None:
    """Its key is far below its time, even when figures are recomputed from the messages."""
    practice.configure(SESSION_POLICY=policy)
    header_id = practice.post_header()
    if policy == "explicit":
        named = care.reference(f"Encounter/{practice.open_session()}")
        practice.put_changes(f"/Communication/{header_id}", encounter=named)
    practice.now = local("2026-03-02 23:00")
    at = practice.now - timedelta(hours=24 if sent > "1970-01-02" else 0)
    first = post_message(HOMER, header_id, sent)
    gone = practice.post_message(header_id, "2026-03-02 23:10")
    session = practice.session() if policy != "daily" else practice.sessions()[0]
    assert first.id in practice.messages(session)
    practice.put_changes(f"/Communication/{gone.id}", status="entered-in-error")
    for each in practice.sessions("in-progress"):
        practice.put_changes(f"/Encounter/{each['id']}", status="finished")
    ended = practice.encounter(session["id"])
    assert (ended["status"], local_clock_time(ended, "end")) == (
        "finished",
        at.strftime("%d %H:%M"),
    )
    assert local_clock_time(ended, "start") == at.strftime("%d %H:%M")
    assert first.id in practice.messages(session)
    ids = ALICE.get(f"/Encounter/{session['id']}/$everything").ids
    assert first.id in ids


def test_a_waiting_message_keyed_before_its_time_is_adopted_by_a_link(
    practice: Practice,
) -> None:
    header_id = practice.post_header()
    message = post_message(HOMER, header_id, "1970-01-01T00:00:00Z")
    session_id = practice.open_session()
    named = care.reference(f"Encounter/{session_id}")
    practice.put_changes(f"/Communication/{header_id}", encounter=named)
    assert practice.messages({"id": session_id}) == [message.id]
    practice.now = local("2026-03-02 10:00")
    practice.put_changes(f"/Encounter/{session_id}", status="finished")
    assert practice.sessions_table() == [("finished", "02 09:00", "02 09:00")]


# ---- Received, but not sent


def test_received_dates_a_message_created_by_staff_or_a_service(
    thread_policy: Practice,
) -> None:
    for person in (ALICE, BACKEND):
        header_id = thread_policy.post_header()
        post_message(person, header_id, None, received="2026-02-20T09:00:00Z")
    assert {local_clock_time(session, "start") for session in thread_policy.sessions()} == {
        "20 10:00"
    }


@pytest.mark.parametrize(
    ("sent", "received", "counts"),
    [
        ("2026-03-02T07:00:00Z", "2026-02-20T09:00:00Z", "2026-03-02 08:00:00"),
        ("2026", "2026-02-20T09:00:00Z", "2026-02-20 10:00:00"),
        ("1970-01-01T00:00:00Z", "2026-02-20T09:00:00Z", "2026-02-20 10:00:00"),
        (None, "2026-02-20", "2026-02-20 00:00:00"),
        (None, "2026-02", "2026-03-02 09:00:00"),
        (None, "2026-04-01T09:00:00Z", "2026-03-02 09:00:00"),
        (None, "1970-01-01T00:00:00Z", "2026-03-02 09:00:00"),
    ],
)
def test_received_counts_if_sent_has_no_time_and_within_the_same_bounds(
    thread_policy: Practice, sent: str | None, received: str, counts: str
) -> None:
    post_message(ALICE, thread_policy.post_header(), sent, received=received)
    assert start(thread_policy) == counts


def test_a_patients_received_is_ignored(thread_policy: Practice) -> None:
    post_message(HOMER, thread_policy.post_header(), None, received="2026-03-02T07:00:00Z")
    assert start(thread_policy) == "2026-03-02 09:00:00"


def test_received_added_later_is_ignored(thread_policy: Practice) -> None:
    draft = post_message(ALICE, thread_policy.post_header(), None, status="preparation")
    said = {"status": "completed", "received": instant_text(local("2026-02-20 09:00"))}
    thread_policy.put_changes(f"/Communication/{draft.id}", **said)
    assert start(thread_policy) == "2026-03-02 09:00:00"
