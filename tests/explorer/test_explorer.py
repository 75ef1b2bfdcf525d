"""The explorer as people use it, in Chromium."""

import re
from base64 import b64encode
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.explorer import demo
from tests.explorer.conftest import Visit
from tests.explorer.gateway import BASE_PATH, token
from tests.support import care
from tests.support.practice import Practice

ALICE = ("practitioner", care.ALICE)
HOMER = ("patient", care.HOMER)
AUDITOR = ("auditor", "")


@pytest.fixture
def demo_clinic(practice: Practice) -> demo.Clinic:
    """Fill the clinic that README's picture shows."""
    return demo.fill(practice)


# Signing in


@pytest.mark.usefixtures("demo_clinic")
def test_a_token_is_kept_only_in_the_tab_and_not_in_its_address(visit: Visit) -> None:
    visitor = visit(*ALICE)
    visitor.list("Open sessions")
    secret = token(*ALICE)
    exposed = (
        "JSON.stringify([location.href, {...localStorage}, document.cookie, document.referrer])"
    )
    assert secret not in visitor.page.evaluate(exposed)
    visitor.page.reload()
    visitor.list("Open sessions")
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.sees("Sign in")
    assert visitor.page.evaluate("JSON.stringify({...sessionStorage})") == "{}"


def test_after_a_token_expires_people_sign_in_again_and_return_to_where_they_were(
    visit: Visit, demo_clinic: demo.Clinic
) -> None:
    visitor = visit()
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.page.get_by_label("Access token").fill(token(*ALICE, expired=True))
    visitor.page.get_by_role("button", name="Use this token").click()
    assert "Sign in again" in visitor.page.get_by_role("alert").inner_text()
    visitor.sign_in(token(*ALICE))
    visitor.sees("Itchy rash on both arms")


@pytest.mark.parametrize("wrong", ["a.b.c", "Bearer x"])
def test_an_invalid_token_is_refused_with_a_readable_text(visit: Visit, wrong: str) -> None:
    visitor = visit()
    visitor.page.get_by_label("Access token").fill(wrong)
    visitor.page.get_by_role("button", name="Use this token").click()
    assert "Sign in again" in visitor.page.get_by_role("alert").inner_text()


def test_a_late_answer_to_a_signed_out_user_does_not_sign_out_the_next_one(visit: Visit) -> None:
    visitor = visit()
    held: list[Route] = []

    def hold(route: Route) -> None:
        # the first page of each list
        if len(held) < 2:
            held.append(route)
        else:
            route.continue_()

    visitor.page.route("**/Encounter?**", hold)
    visitor.sign_in(token(*ALICE))
    visitor.sees("Loading")
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.sign_in(token(*HOMER))
    visitor.sees("No sessions that you may see.")
    assert held
    for route in held:
        route.fulfill(status=401, json={"message": "Unauthorized"})
    with visitor.page.expect_response("**/Encounter?**"):
        visitor.page.get_by_role("button", name="Refresh").click()
    visitor.sees("No sessions that you may see.")
    assert visitor.page.get_by_role("button", name="Sign out").count() == 1


def test_text_that_cannot_be_a_token_is_not_sent(visit: Visit) -> None:
    visitor = visit()
    field = visitor.page.get_by_label("Access token")
    for wrong in ("", "no token", "naïve", "a\u202eb"):
        field.fill(wrong)
        visitor.page.get_by_role("button", name="Use this token").click()
        assert field.evaluate("field => !field.validity.valid && field === document.activeElement")


def test_a_token_may_be_pasted_with_its_scheme(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in(f" Bearer {token(*ALICE)} ")
    visitor.sees("No sessions that you may see.")


def test_invalid_addresses_are_reported(visit: Visit) -> None:
    visitor = visit(*ALICE)
    for path in ("session/", "session/%3Cscript%3E", "session/x?y=1", "thread/..%2F..", "thread/1"):
        visitor.goes_to(path)
        visitor.main().get_by_role("alert").wait_for()
        assert visitor.main().locator("h1").inner_text() == "This cannot be shown"
    visitor.goes_to("nonsense")
    visitor.sees("Open sessions")


# Sessions


@pytest.mark.usefixtures("demo_clinic")
def test_sessions_are_listed_with_their_age(visit: Visit) -> None:
    visitor = visit(*ALICE)
    visitor.sees("closes Sun 8 Mar 2026, 09:41")
    opened = visitor.list("Open sessions").all_inner_texts()
    assert any("Homer Simpson" in text and "opened 40 minutes ago" in text for text in opened)
    assert any("Bart and Lisa Simpson" in text and "Marge Simpson" in text for text in opened)
    assert any("closes Sat 7 Mar 2026, 00:" in text and "(in 1" in text for text in opened)
    ended = visitor.list("Ended sessions").all_inner_texts()
    assert len(ended) == 2
    assert "Wed 4 Mar 2026, 17:05" in ended[0]


def test_many_sessions_are_shown_page_by_page(visit: Visit, practice: Practice) -> None:
    for number in range(60):
        practice.open_session(
            period={"start": f"2026-02-01T{number // 10:02}:{number % 10:02}:00Z"}
        )
    visitor = visit(*ALICE)
    rows = visitor.list("Open sessions")
    assert rows.count() == 25
    region = visitor.main().get_by_role("region", name="Open sessions")
    for number in (50, 60):
        region.get_by_role("button", name="Show more").click()
        rows.nth(number - 1).wait_for()
        assert visitor.list("Open sessions").count() == number
    assert region.get_by_role("button", name="Show more").count() == 0
    addresses = [link.get_attribute("href") for link in rows.get_by_role("link").all()]
    assert len(set(addresses)) == 60


def test_an_empty_list_says_that_there_is_nothing_to_see(visit: Visit) -> None:
    visitor = visit(*ALICE)
    visitor.sees("No sessions that you may see.")


def test_a_planned_session_is_shown_as_not_begun(visit: Visit, practice: Practice) -> None:
    practice.open_session(status="planned", period={"start": "2026-03-05T09:00:00+01:00"})
    visitor = visit(*ALICE)
    visitor.sees("begins in 3 days · closes only by hand")


def test_an_unreachable_service_is_reported(visit: Visit) -> None:
    visitor = visit()
    visitor.page.route("**/fhir/R4/**", lambda route: route.abort())
    visitor.sign_in(token(*ALICE))
    visitor.sees("The service cannot be reached.")


# Rights


def test_a_patient_sees_their_own_and_closes_nothing(
    visit: Visit, demo_clinic: demo.Clinic
) -> None:
    visitor = visit(*HOMER)
    opened = visitor.list("Open sessions").all_inner_texts()
    assert len(opened) == 1
    assert "Homer Simpson" in opened[0]
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.sees("It does not exist")
    assert "does not exist" in visitor.page.get_by_role("alert").inner_text()
    visitor.goes_to(f"session/{demo_clinic.open}")
    visitor.sees("May I go bowling")
    assert visitor.page.get_by_role("button", name="Close session").count() == 0


def test_an_auditor_sees_everything_and_closes_nothing(
    visit: Visit, demo_clinic: demo.Clinic
) -> None:
    visitor = visit(*AUDITOR)
    assert visitor.list("Open sessions").count() == 3
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.sees("Itchy rash")
    assert visitor.page.get_by_role("button", name="Close session").count() == 0


def test_people_who_may_not_close_a_session_see_the_reason(
    visit: Visit, demo_clinic: demo.Clinic
) -> None:
    visitor = visit(*ALICE, scope="user/*.rs")
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.page.get_by_role("button", name="Close session").click()
    visitor.page.get_by_role("button", name="Close it now").click()
    refusal = visitor.page.get_by_role("dialog").get_by_role("alert")
    assert "You are not allowed to do this" in refusal.inner_text()
    assert "needs a scope" in refusal.inner_text()


# One session


def test_a_session_is_shown_with_its_medical_encounters_and_messages(
    visit: Visit, demo_clinic: demo.Clinic
) -> None:
    visitor = visit(*ALICE)
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.sees("Itchy rash on both arms")
    tree = visitor.main().get_by_role("region", name="Medical encounters and records")
    lines = tree.locator("summary").all_inner_texts()
    assert lines == [
        "Encounter Bart Simpson Itchy rash on both arms · in-progress",
        "Condition Contact dermatitis",
        "MedicationRequest Hydrocortisone 1 % cream thinly, twice a day · active · Fri 6 Mar 2026",
        "Encounter Lisa Simpson Sore throat · in-progress",
        "Observation Body temperature 38.2 °C · final · Fri 6 Mar 2026",
    ]
    of_bart = tree.locator(".tree > li").first
    assert of_bart.locator("summary").count() == 3
    assert not tree.locator("pre").first.is_visible()
    tree.get_by_text("Lisa Simpson", exact=True).click()
    assert '"text": "Sore throat"' in tree.locator("pre:visible").inner_text()
    shown_messages = (
        visitor.main().get_by_role("region", name="Conversation").get_by_role("listitem")
    )
    assert shown_messages.count() == 5
    photo = shown_messages.get_by_role("link", name="Rash, left arm")
    assert photo.get_attribute("href") == "https://files.example.org/rash.jpg"
    assert "noopener" in (photo.get_attribute("rel") or "")


def test_records_of_any_type_are_labelled_by_their_content(
    visit: Visit, practice: Practice
) -> None:
    session = practice.open_session()
    subject, encounter = care.reference(care.HOMER), care.reference(f"Encounter/{session}")
    text = b64encode("Straight leg raise 80°".encode()).decode()
    note = {"title": "Back pain, follow-up", "contentType": "text/plain; charset=utf-8"}
    attachment = {"attachment": note | {"data": text}}
    records: dict[str, dict[str, Any]] = {
        "Back pain, follow-up Straight leg raise 80°": {
            "resourceType": "DocumentReference",
            "status": "current",
            "content": [attachment],
            "context": {"encounter": [encounter]},
        },
        "Getting better": {
            "resourceType": "ClinicalImpression",
            "status": "completed",
            "subject": subject,
            "encounter": encounter,
            "summary": "Getting better",
        },
        "Back exercises": {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"text": "Back exercises"},
            "subject": subject,
            "encounter": encounter,
        },
        "Call in a week": {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "description": "Call in a week",
            "encounter": encounter,
        },
        "Blood pressure 85 mmHg": {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "Blood pressure"},
            "subject": subject,
            "encounter": encounter,
            "valueQuantity": {"value": 85, "unit": "mmHg"},
        },
    }
    for record in records.values():
        answer = practice.clinic.post(f"/{record['resourceType']}", record)
        assert answer.status == 201, answer.text
    visitor = visit(*ALICE)
    visitor.goes_to(f"session/{session}")
    visitor.sees("Back exercises")
    lines = visitor.main().locator("summary").all_inner_texts()
    assert len(lines) == len(records)
    for name, record in records.items():
        assert any(f"{record['resourceType']} {name}" in line for line in lines), lines


DATES = {
    "2026-03-01": "Sun 1 Mar 2026",
    "2026-03": "Mar 2026",
    "2026": "2026",
    "2026-03-02T02:00:00Z": "Sun 1 Mar 2026",
    "2026-02-28T23:59:60Z": "Sat 28 Feb 2026",
}


def test_dates_are_shown_in_their_precision_in_any_time_zone(
    visit: Visit, practice: Practice
) -> None:
    session = practice.open_session()
    for date in DATES:
        record = care.example(
            "Observation",
            encounter=care.reference(f"Encounter/{session}"),
            code={"text": date},
            effectiveDateTime=date,
        )
        assert practice.clinic.post("/Observation", record).status == 201
    visitor = visit(*ALICE, zone="America/New_York")
    visitor.goes_to(f"session/{session}")
    visitor.sees("2026-03-01")
    for date, shown in DATES.items():
        name = visitor.page.get_by_text(date, exact=True)
        line = visitor.main().locator("summary", has=name)
        assert line.inner_text().endswith(f"\N{MIDDLE DOT} {shown}")


def test_references_are_shown_by_their_name_in_the_directory(
    visit: Visit, practice: Practice
) -> None:
    name = {"given": ["Homer", "Jay"], "family": "Simpson"}
    patient = {"resourceType": "Patient", "id": "homer-simpson", "name": [name]}
    session = practice.open_session()
    visitor = visit(*ALICE)
    visitor.sees(care.HOMER)
    practice.clinic.put(f"/{care.HOMER}", patient)
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.sign_in(token(*ALICE))
    visitor.sees("Homer Jay Simpson")
    visitor.page.route("**/Patient?**", lambda route: route.abort())
    visitor.page.reload()
    visitor.sees(care.HOMER)
    visitor.page.unroute_all()
    visitor.goes_to(f"session/{session}")
    visitor.sees("Homer Jay Simpson")
    assert care.ALICE in visitor.main().inner_text()


def test_a_session_is_closed_after_confirmation(
    visit: Visit, practice: Practice, demo_clinic: demo.Clinic
) -> None:
    visitor = visit(*ALICE)
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.page.get_by_role("button", name="Close session").click()
    visitor.page.get_by_role("button", name="Keep it open").click()
    assert practice.encounter(demo_clinic.family)["status"] == "in-progress"
    visitor.page.get_by_role("button", name="Close session").click()
    visitor.page.get_by_role("button", name="Close it now").click()
    visitor.main().get_by_text("finished", exact=True).first.wait_for()
    assert practice.encounter(demo_clinic.family)["status"] == "finished"
    assert visitor.page.get_by_role("button", name="Close session").count() == 0
    assert "closed" in visitor.page.get_by_role("status").inner_text()


# A thread


def spans(visitor: Any) -> list[tuple[str, int]]:
    """Return the parts of a thread: the beginning of the heading, and the number of messages."""
    visitor.page.locator(".span").first.wait_for()
    parts = visitor.page.locator(".span").all()
    return [
        (part.locator("h2").inner_text().splitlines()[0], part.get_by_role("listitem").count())
        for part in parts
    ]


def test_a_thread_is_a_conversation_with_its_sessions_marked(
    visit: Visit, demo_clinic: demo.Clinic
) -> None:
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{demo_clinic.thread}")
    assert spans(visitor) == [
        ("Session of Homer Simpson", 4),
        ("Session of Homer Simpson", 2),
        ("Session of Homer Simpson", 1),
    ]
    assert visitor.page.locator(".axis .bar").count() == 3
    assert visitor.page.locator(".axis .tick").count() == 7
    visitor.page.locator(".span").nth(1).get_by_role("link").click()
    visitor.sees("Halve the ibuprofen")


def test_messages_in_and_outside_of_a_session_are_shown_apart(
    visit: Visit, practice: Practice
) -> None:
    thread = practice.post_header()
    practice.post_message(thread, "2026-03-02 09:00")
    first = practice.open_session()
    practice.clinic.patch(f"/Communication/{thread}", care.link(first))
    practice.post_message(thread, "2026-03-02 10:00")
    practice.clinic.post(f"/Encounter/{first}/$close-session", None)
    practice.post_message(thread, "2026-03-03 10:00")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    parts = spans(visitor)
    assert [number for _, number in parts] == [2, 1]
    assert parts[1][0] == "In no session"


def test_a_failed_lookup_is_reported_and_not_shown_as_empty(
    visit: Visit, practice: Practice
) -> None:
    thread = practice.post_header(encounter=care.reference(f"Encounter/{practice.open_session()}"))
    practice.post_message(thread, "2026-03-02 10:00")
    visitor = visit(*ALICE)

    def busy(route: Route) -> None:
        text = "The database is busy"
        outcome = {"issue": [{"code": "transient", "details": {"text": text}}]}
        entry = {"response": {"status": "503 Service Unavailable", "outcome": outcome}}
        route.fulfill(json={"entry": [entry]})

    visitor.page.route("**/fhir/R4/", busy)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees("The database is busy")
    visitor.page.unroute_all()
    visitor.page.get_by_role("button", name="Refresh").click()
    assert spans(visitor) == [("Session of Patient/homer-simpson", 1)]


def test_messages_with_times_in_any_zone_are_shown(visit: Visit, practice: Practice) -> None:
    session = practice.open_session()
    thread = practice.post_header(encounter=care.reference(f"Encounter/{session}"))
    for sent in ("2026-03-02T10:00:00+01:00", "2026-03-02T04:30:00.5-05:00", "2026-03-02"):
        answer = practice.clinic.post("/Communication", care.message(thread, sent))
        assert answer.status == 201, answer.text
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert spans(visitor) == [("Session of Patient/homer-simpson", 3)]


def shown_messages(visitor: Any) -> list[tuple[str, str]]:
    """Return the messages of a thread: the day above a message, and the text beside its sender."""
    visitor.page.locator(".span").first.wait_for()
    return [
        (day.inner_text(), message.locator(".from").inner_text())
        for day in visitor.page.locator(".span .day").all()
        for message in day.locator("xpath=following-sibling::ol[1]/li").all()
    ]


def test_a_message_without_a_sent_time_is_shown_when_it_was_received(
    visit: Visit, practice: Practice
) -> None:
    """The time is what a colleague noted, or else when the message was stored. A draft has none."""
    session = practice.open_session()
    thread = practice.post_header(encounter=care.reference(f"Encounter/{session}"))
    sender = care.reference(care.ALICE)
    undated = care.message(thread, sender=sender)
    practice.clinic.post("/Communication", undated | {"received": "2026-02-27T10:00:00Z"})
    practice.clinic.post("/Communication", undated)
    practice.post_message(thread, "2026-03-02 10:00", sender=sender)
    practice.clinic.post("/Communication", undated | {"sent": "1970-01-01T00:00:00Z"})
    practice.post_message(thread, "2026-03-03 11:00", sender=sender)
    practice.clinic.post("/Communication", undated | {"status": "preparation"})
    later = practice.clinic.get("/Communication?part-of:missing=false&sent:missing=true").resources
    for message in later:
        practice.put_changes(f"/Communication/{message['id']}", note=[{"text": "Read"}])
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    name = "doctor-alice-smith"
    assert [(day, line.partition(name)[2].strip()) for day, line in shown_messages(visitor)] == [
        ("Fri 27 Feb 2026", "received 11:00"),
        ("Mon 2 Mar 2026", "received 09:00"),
        ("Mon 2 Mar 2026", "10:00"),
        ("Mon 2 Mar 2026", "received 10:00"),
        ("Tue 3 Mar 2026", "11:00"),
        ("Not sent", "Draft"),
    ]
    assert [number for _, number in spans(visitor)] == [5, 1]
    visitor.goes_to(f"session/{session}")
    visitor.sees("received 11:00")
    assert visitor.main().get_by_text("Not sent").count() == 0


def test_a_late_message_is_shown_in_the_session_of_its_day(
    visit: Visit, practice: Practice
) -> None:
    practice.configure(SESSION_POLICY="daily")
    thread = practice.post_header()
    practice.advance_to("2026-03-05 10:00")
    practice.post_message(thread, "2026-03-05 10:00")
    practice.post_message(thread, "2026-03-03 10:00")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert [number for _, number in spans(visitor)] == [1, 1]
    assert len(set(practice.clinic.get("/Encounter").ids)) == 2
    links = visitor.page.locator(".span").get_by_role("link").all()
    assert len({link.get_attribute("href") for link in links}) == 2


def test_a_long_thread_begins_with_its_latest_messages(visit: Visit, practice: Practice) -> None:
    thread = practice.post_header()
    for number in range(60):
        practice.post_message(
            thread,
            f"2026-03-02 10:{number:02}",
            payload=[{"contentString": f"Number {number}"}],
        )
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees("Number 59")
    assert visitor.main().get_by_text("Number 9", exact=True).count() == 0
    visitor.page.get_by_role("button", name="Show earlier messages").click()
    visitor.sees("Number 0")
    assert spans(visitor) == [("In no session", 60)]
    assert visitor.page.get_by_role("button", name="Show earlier messages").count() == 0


def test_earlier_messages_that_fail_to_load_can_be_requested_again(
    visit: Visit, practice: Practice
) -> None:
    thread = practice.post_header()
    for number in range(51):
        practice.post_message(thread, f"2026-03-02 10:{number:02}")
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    assert spans(visitor) == [("In no session", 50)]
    visitor.page.route("**/fhir/R4/**", lambda route: route.abort())
    visitor.page.get_by_role("button", name="Show earlier messages").click()
    visitor.sees("The service cannot be reached.")
    visitor.page.unroute_all()
    visitor.page.get_by_role("button", name="Show earlier messages").click()
    visitor.page.locator(".message").nth(50).wait_for()
    assert spans(visitor) == [("In no session", 51)]


# What others write


BIDI = "\u202egnp.exe\u2066\u2067"
HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1>\"'`--><svg onload=hacked=1>"
LONG = "x" * 1000 + " emoji 👩🏽‍⚕️ " + "long " * 20_000


def test_contents_written_by_users_are_never_executed(visit: Visit, practice: Practice) -> None:
    person = {"reference": care.HOMER, "display": HOSTILE}
    urls = (
        "javascript:hacked=1",
        "JaVaScRiPt:hacked=1",
        "data:text/html,<b>x",
        "//evil.example",
        "Patient/1",
    )
    attached = [{"contentAttachment": {"url": url, "title": BIDI + HOSTILE}} for url in urls]
    session = practice.open_session(subject=person, reasonCode=[{"text": HOSTILE}])
    thread = practice.post_header(
        topic={"text": BIDI + HOSTILE},
        sender=person,
        encounter=care.reference(f"Encounter/{session}"),
    )
    child = care.medical_encounter(session, care.HOMER, serviceType={"text": HOSTILE})
    practice.clinic.post("/Encounter", child | {"subject": person})
    practice.post_message(thread, "2026-03-02 10:00", sender=person, payload=attached)
    practice.post_message(thread, "2026-03-02 10:01", payload=[{"contentString": HOSTILE + BIDI}])
    practice.post_message(thread, "2026-03-02 10:02", payload=[{"contentString": LONG}])
    visitor = visit(*ALICE)
    for path in ("", f"session/{session}", f"thread/{thread}"):
        visitor.goes_to(path)
        visitor.sees(HOSTILE)
        assert visitor.page.evaluate("typeof hacked") == "undefined"
        assert visitor.main().locator("script, img, svg:not(.axis), iframe, object").count() == 0
        for link in visitor.main().get_by_role("link").all():
            assert re.match("#/|https?://", link.get_attribute("href") or "")
    assert visitor.page.locator("bdi", has_text=BIDI).first.get_attribute("dir") == "auto"
    message = visitor.page.locator(".prose").last
    assert len(message.inner_text()) < 3000
    visitor.page.get_by_role("button", name="Show the full text").click()
    assert (message.text_content() or "") == LONG
    assert visitor.page.evaluate("typeof hacked") == "undefined"


ATTACKS = (
    "const s = document.createElement('script'); s.text = 'hacked=1'; document.body.append(s)",
    "document.querySelector('main').innerHTML = '<img src=x onerror=hacked=1>'",
    "document.body.setAttribute('onclick', 'hacked=1'); document.body.click()",
    "setTimeout('hacked=1')",
    "import('data:text/javascript,window.hacked=1').catch(() => 0)",
    "fetch('https://evil.example/').catch(() => 0)",
    "const i = new Image(); i.src = 'https://evil.example/'",
)


@pytest.mark.parametrize("path", ["/explore", f"{BASE_PATH}/docs"])
def test_the_content_security_policy_blocks_injected_code(visit: Visit, path: str) -> None:
    visitor = visit(path=path)
    for attack in ATTACKS:
        with visitor.page.expect_console_message(
            lambda message: message.text.startswith("blocked ")
        ):
            visitor.page.evaluate(f"try {{ {attack} }} catch (error) {{}}")
        assert visitor.page.evaluate("typeof hacked") == "undefined"
    visitor.blocked.clear()


def test_an_attachment_shows_its_host_beside_its_title(visit: Visit, practice: Practice) -> None:
    thread = practice.post_header()
    elsewhere = {"url": "https://files.example.net/x", "title": "https://clinic.example/result"}
    practice.post_message(thread, "2026-03-02 10:00", payload=[{"contentAttachment": elsewhere}])
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees("files.example.net")
