"""Attachments of Binaries: checked references, which share the file with who sees the message."""

from typing import Any

import pytest

from tests.api.binaries.test_binaries import PNG, upload
from tests.api.binaries.test_binary_rights import BART, HOMER, NICK, sees
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.practice import Practice


def attachment(url: str) -> dict[str, Any]:
    return {"contentAttachment": {"contentType": "image/png", "url": url, "title": "Rash"}}


def say(who: ApiClient, thread: str, *urls: str, **more: Any) -> Answer:
    sender = care.reference(who.fhir_user)
    payload = [attachment(url) for url in urls]
    return who.post("/Communication", care.message(thread, sender=sender, payload=payload, **more))


def test_a_photo_in_a_message_is_seen_by_who_sees_the_message(
    clinic: ApiClient, thread: str
) -> None:
    photo = upload(HOMER)
    assert not sees(clinic, photo)
    message = say(HOMER, thread, f"Binary/{photo}")
    assert message.status == 201
    assert all(clinic.get(f"/Binary/{photo}").content == PNG for clinic in (clinic, NICK, HOMER))
    assert BART.get(f"/Binary/{photo}").status == 404
    shared = HOMER.get(f"/Binary/{photo}?_summary=true")
    assert shared.body["securityContext"] == care.reference(f"Communication/{message.id}")
    assert shared.version == "2"


def test_a_file_of_a_draft_is_shared_when_it_is_sent(clinic: ApiClient, thread: str) -> None:
    photo = upload(clinic)
    draft = say(clinic, thread, f"Binary/{photo}", status="preparation")
    assert HOMER.get(f"/Binary/{photo}").status == 404
    clinic.put(f"/Communication/{draft.id}", draft.body | {"status": "in-progress"})
    assert HOMER.get(f"/Binary/{photo}").content == PNG


def test_a_file_of_a_draft_that_is_deleted_stays_its_makers(clinic: ApiClient, thread: str) -> None:
    photo = upload(clinic)
    draft = say(clinic, thread, f"Binary/{photo}", status="preparation")
    assert "securityContext" not in clinic.get(f"/Binary/{photo}?_summary=true").body
    assert clinic.delete(f"/Communication/{draft.id}").status == 204
    assert clinic.get(f"/Binary/{photo}").content == PNG
    assert say(clinic, thread, f"Binary/{photo}").status == 201
    assert HOMER.get(f"/Binary/{photo}").content == PNG


def test_a_draft_whose_file_was_deleted_is_not_sent(clinic: ApiClient, thread: str) -> None:
    photo = upload(clinic)
    draft = say(clinic, thread, f"Binary/{photo}", status="preparation")
    assert clinic.delete(f"/Binary/{photo}").status == 204
    sent = clinic.put(f"/Communication/{draft.id}", draft.body | {"status": "in-progress"})
    refusals.check(sent, 422, "business-rule", "Communication.payload[0].contentAttachment.url")
    patch = [{"op": "replace", "path": "/status", "value": "in-progress"}]
    assert clinic.patch(f"/Communication/{draft.id}", patch).status == 422


@pytest.mark.parametrize("suffix", ["", "/_history/1"])
@pytest.mark.parametrize("prefix", ["", f"{BASE}/"])
def test_attachments_may_be_absolute_or_of_a_version(
    clinic: ApiClient, thread: str, prefix: str, suffix: str
) -> None:
    photo = upload(HOMER, x_security_context=f"Communication/{thread}" if suffix else "")
    assert say(HOMER, thread, f"{prefix}Binary/{photo}{suffix}").status == 201
    assert clinic.get(f"/Binary/{photo}{suffix}").content == PNG


def test_a_version_that_others_could_not_open_is_not_attached(
    clinic: ApiClient, thread: str
) -> None:
    path = "Communication.payload[0].contentAttachment.url"
    photo = upload(clinic)
    clinic.call("PUT", f"/Binary/{photo}", b"GIF89a..", content_type="image/gif")
    for version in ("1", "2"):
        refused = say(clinic, thread, f"Binary/{photo}/_history/{version}")
        refusals.check(refused, 422, "business-rule", path)
    message = say(clinic, thread, f"Binary/{photo}")
    assert HOMER.get(f"/Binary/{photo}").content == b"GIF89a.."
    assert HOMER.get(f"/Binary/{photo}/_history/3").content == b"GIF89a.."
    assert say(HOMER, thread, f"Binary/{photo}/_history/3").status == 201
    for version in ("1", "0", "4", "03", "x", "9" * 64):
        refused = say(HOMER, thread, f"Binary/{photo}/_history/{version}")
        refusals.check(refused, 422, "business-rule", path)
    payload = [attachment(f"Binary/{photo}/_history/1")]
    changed = clinic.put(f"/Communication/{message.id}", message.body | {"payload": payload})
    refusals.check(changed, 422, "business-rule", path)


def test_a_file_that_has_a_context_keeps_it(clinic: ApiClient, thread: str) -> None:
    context = f"Communication/{thread}"
    photo = upload(HOMER, x_security_context=context)
    assert say(HOMER, thread, f"Binary/{photo}").status == 201
    assert clinic.get(f"/Binary/{photo}?_summary=true").body["securityContext"] == care.reference(
        context
    )


@pytest.mark.parametrize("place", ["message", "record", "extension"])
def test_an_attachment_that_is_not_there_is_refused(
    clinic: ApiClient, thread: str, place: str
) -> None:
    absent = {"url": "Binary/absent"}
    if place == "message":
        answer, path = say(clinic, thread, "Binary/absent"), "payload[0].contentAttachment.url"
    elif place == "record":
        body = care.example("DocumentReference", content=[{"attachment": absent}])
        answer, path = clinic.post("/DocumentReference", body), "content[0].attachment.url"
    else:
        extension = {"url": "http://example.org/photo", "valueAttachment": absent}
        body = care.example("Patient", extension=[extension])
        answer, path = clinic.post("/Patient", body), "extension[0].valueAttachment.url"
    kind = {"message": "Communication", "record": "DocumentReference"}.get(place, "Patient")
    refusals.check(answer, 422, "business-rule", f"{kind}.{path}")


def test_nobody_attaches_a_file_that_they_do_not_see(clinic: ApiClient, thread: str) -> None:
    hidden = upload(NICK)
    answer, absent = say(HOMER, thread, f"Binary/{hidden}"), say(HOMER, thread, "Binary/absent")
    refusals.check(answer, 422, "business-rule", "Communication.payload[0].contentAttachment.url")
    assert answer.text.replace(hidden, "absent") == absent.text
    assert say(clinic, thread, f"Binary/{hidden}").status == 422


def test_an_administrator_who_names_somebodys_file_does_not_share_it(
    clinic: ApiClient, thread: str
) -> None:
    private = upload(HOMER)
    admin = ApiClient("admin", care.ALICE)
    assert say(admin, thread, f"Binary/{private}").status == 201
    assert not sees(clinic, private)


@pytest.mark.parametrize(
    "url",
    [
        *("Binary", "Binary/", "/Binary/1", "Binary/1/x", "Binary/1?a=b", "Binary/1#a", "Binary:1"),
        *("Binary/ä", "Binary%2F1", "%42inary/1", "/%42inary%2f1", "Binary?_id=1", "Binary/%31"),
        *(f"{BASE}/Binary%2F1", f"{BASE}//Binary/1/x", f"{BASE}/Binary"),
    ],
)
def test_what_is_nearly_the_url_of_a_file_is_refused(
    clinic: ApiClient, thread: str, url: str
) -> None:
    path = "Communication.payload[0].contentAttachment.url"
    refusals.check(say(clinic, thread, url), 400, "value", path)
    content = [{"attachment": {"url": url}}]
    answer = clinic.post("/DocumentReference", care.example("DocumentReference", content=content))
    refusals.check(answer, 400, "value", "DocumentReference.content[0].attachment.url")


@pytest.mark.parametrize(
    "url", ["https://elsewhere.example/Binary/1", "urn:oid:1.2.3", "BinaryFile.png"]
)
def test_files_elsewhere_are_not_checked(clinic: ApiClient, thread: str, url: str) -> None:
    assert say(clinic, thread, url).status == 201


def test_an_extension_may_have_any_url(clinic: ApiClient) -> None:
    extension = {"url": "Binary/absent", "valueString": "x"}
    answer = clinic.post("/Patient", care.example("Patient", extension=[extension]))
    assert answer.status == 201


def test_a_file_that_is_deleted_stays_named(clinic: ApiClient, thread: str) -> None:
    photo = upload(clinic)
    message = say(clinic, thread, f"Binary/{photo}")
    assert clinic.administrator.delete(f"/Binary/{photo}").status == 204
    body = clinic.get(f"/Communication/{message.id}").body
    assert clinic.put(f"/Communication/{message.id}", body | {"status": "completed"}).status == 200
    assert say(clinic, thread, f"Binary/{photo}").status == 422


@pytest.mark.parametrize("checks", ["none", "local"])
def test_files_are_checked_whatever_else_is(practice: Practice, checks: str) -> None:
    practice.configure(REFERENCE_CHECKS=checks)
    clinic = practice.clinic
    for person, kind in ((care.HOMER, "Patient"), (care.ALICE, "Practitioner")):
        clinic.put(f"/{person}", care.example(kind, id=person.partition("/")[2]))
    photo = upload(clinic)
    content = [{"attachment": {"url": f"Binary/{photo}"}}]
    body = care.example("DocumentReference", content=content)
    assert clinic.post("/DocumentReference", body).status == 201
    assert HOMER.get(f"/Binary/{photo}").content == PNG
    content[0]["attachment"]["url"] = "Binary/absent"
    refusals.check(
        clinic.post("/DocumentReference", body),
        422,
        "business-rule",
        "DocumentReference.content[0].attachment.url",
    )


def everything(who: ApiClient, session: str, query: str = "") -> list[str]:
    answer = who.get(f"/Encounter/{session}/$everything{query}")
    assert answer.status == 200, answer.text
    return [f"{resource['resourceType']}/{resource['id']}" for resource in answer.resources]


def test_everything_about_a_session_has_its_files(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    thread = clinic.post(
        "/Communication", care.header(encounter=care.reference(f"Encounter/{session}"))
    ).id
    photo, scan, hidden = upload(HOMER), upload(clinic), upload(NICK)
    first, second = say(HOMER, thread, f"Binary/{photo}"), say(clinic, thread, f"Binary/{photo}")
    assert (first.status, second.status) == (201, 201)
    admin = ApiClient("admin", care.ALICE)
    assert say(admin, thread, f"Binary/{hidden}").status == 201
    content = [{"attachment": {"url": f"Binary/{scan}"}}]
    context = {"encounter": [care.reference(f"Encounter/{session}")]}
    record = care.example("DocumentReference", content=content, context=context)
    assert clinic.post("/DocumentReference", record).status == 201
    for who in (clinic, HOMER):
        found = everything(who, session)
        assert [name for name in found if name.startswith("Binary")] == [
            f"Binary/{photo}",
            f"Binary/{scan}",
        ]
    assert everything(clinic, session, "?_type=Binary") == [f"Binary/{photo}", f"Binary/{scan}"]
    assert not any(
        name.startswith("Binary")
        for name in everything(clinic, session, "?_type=Communication,DocumentReference")
    )
    pages = [everything(clinic, session, "?_count=2")]
    answer = clinic.get(f"/Encounter/{session}/$everything?_count=2")
    while following := [link["url"] for link in answer.body["link"] if link["relation"] == "next"]:
        answer = clinic.get(following[0])
        pages.append([f"{each['resourceType']}/{each['id']}" for each in answer.resources])
    assert {f"Binary/{photo}", f"Binary/{scan}"} <= {name for page in pages for name in page}
