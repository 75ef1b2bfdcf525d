"""A Binary is seen by whoever sees its security context, or its maker if it has none."""

from typing import Any

import pytest

from shared import settings
from shared.store import dynamodb
from tests.api.binaries.test_binaries import FHIR, PNG, as_json, upload
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.memory_database import CallHooks, Database
from tests.support.memory_objects import MemoryS3

HOMER = ApiClient("patient", care.HOMER)
BART = ApiClient("patient", "Patient/bart-simpson", claims={"sub": "user-bart"})
NICK = ApiClient("practitioner", "Practitioner/doctor-nick", claims={"sub": "user-nick"})
AUDITOR = ApiClient("auditor", "Practitioner/inspector")
ADMIN = ApiClient("admin")
PLACES = ("", "/_history", "/_history/1")


def sees(who: ApiClient, binary_id: str) -> bool:
    """Return whether a caller sees a Binary, which all of its interactions must agree on."""
    statuses = {who.get(f"/Binary/{binary_id}{place}").status for place in PLACES}
    statuses.add(who.get(f"/Binary/{binary_id}", accept=FHIR).status)
    assert statuses in ({200}, {404})
    return statuses == {200}


def test_without_a_security_context_only_maker_and_administrators_see_it(
    clinic: ApiClient,
) -> None:
    for maker, others in ((HOMER, (clinic, NICK, BART)), (clinic, (NICK, HOMER, BART))):
        binary_id = upload(maker)
        assert sees(maker, binary_id)
        assert sees(ADMIN, binary_id)
        assert not any(sees(other, binary_id) for other in (*others, AUDITOR))


def test_who_sees_the_thread_sees_its_files(clinic: ApiClient, thread: str) -> None:
    for maker in (HOMER, clinic):
        binary_id = upload(maker, x_security_context=f"Communication/{thread}")
        assert all(sees(who, binary_id) for who in (HOMER, clinic, NICK, AUDITOR, ADMIN))
        assert not sees(BART, binary_id)


def test_a_patient_who_leaves_a_thread_sees_its_files_no_more(
    clinic: ApiClient, thread: str
) -> None:
    binary_id = upload(clinic, x_security_context=f"Communication/{thread}")
    assert sees(HOMER, binary_id)
    header = clinic.get(f"/Communication/{thread}").body
    others = {"subject": care.reference("Patient/lisa-simpson"), "recipient": []}
    sender = {"sender": care.reference(care.ALICE)}
    assert clinic.put(f"/Communication/{thread}", header | others | sender).status == 200
    assert not sees(HOMER, binary_id)


@pytest.mark.parametrize("kind", ["Observation", "DocumentReference", "Encounter"])
def test_who_sees_a_record_sees_its_files(clinic: ApiClient, kind: str) -> None:
    context = clinic.post(f"/{kind}", care.example(kind)).id
    binary_id = upload(clinic, x_security_context=f"{kind}/{context}")
    assert sees(HOMER, binary_id)
    assert not sees(BART, binary_id)


def test_the_files_of_a_draft_are_its_senders(clinic: ApiClient, thread: str) -> None:
    sent: dict[str, Any] = {"status": "preparation", "sender": care.reference(care.ALICE)}
    draft = clinic.post("/Communication", care.message(thread, **sent))
    binary_id = upload(clinic, x_security_context=f"Communication/{draft.id}")
    assert sees(clinic, binary_id)
    assert not any(sees(who, binary_id) for who in (NICK, HOMER, AUDITOR))
    clinic.put(f"/Communication/{draft.id}", draft.body | {"status": "in-progress"})
    assert all(sees(who, binary_id) for who in (NICK, HOMER, AUDITOR))


def test_the_files_of_a_patient_kept_elsewhere_are_that_patients(clinic: ApiClient) -> None:
    binary_id = upload(clinic, x_security_context=care.HOMER)
    assert sees(HOMER, binary_id)
    assert not sees(BART, binary_id)


def test_files_of_a_deleted_context_are_the_administrators(clinic: ApiClient, thread: str) -> None:
    binary_id = upload(clinic, x_security_context=f"Communication/{thread}")
    assert ADMIN.delete(f"/Communication/{thread}").status == 204
    assert sees(ADMIN, binary_id)
    assert not any(sees(who, binary_id) for who in (clinic, HOMER, AUDITOR))


def test_earlier_versions_are_judged_by_their_own_context(clinic: ApiClient, thread: str) -> None:
    binary_id = upload(clinic)
    url = f"/Binary/{binary_id}"
    shared = clinic.call(
        "PUT", url, PNG, content_type="image/png", x_security_context=f"Communication/{thread}"
    )
    assert shared.version == "2"
    assert HOMER.get(url).content == PNG
    assert HOMER.get(f"{url}/_history/1").status == 404
    assert HOMER.get(f"{url}/_history").body["total"] == 1
    assert clinic.get(f"{url}/_history").body["total"] == 2


@pytest.mark.parametrize(
    "context",
    ["Communication/absent", "Encounter/absent", "Observation/absent", "Binary/absent"],
)
def test_a_context_that_is_not_there_is_refused_and_stores_nothing(
    clinic: ApiClient, context: str, objects: MemoryS3
) -> None:
    answer = clinic.call(
        "POST", "/Binary", PNG, content_type="image/png", x_security_context=context
    )
    assert answer.status == 422, answer.text
    assert answer.expressions[0].startswith("Binary.securityContext")
    assert objects.puts == 0


def test_nobody_adds_a_file_to_what_they_do_not_see(thread: str) -> None:
    context = f"Communication/{thread}"
    answer = BART.call("POST", "/Binary", PNG, content_type="image/png", x_security_context=context)
    absent = BART.call(
        "POST", "/Binary", PNG, content_type="image/png", x_security_context="Communication/absent"
    )
    assert answer.text.replace(thread, "absent") == absent.text
    refusals.check(answer, 422, "business-rule", "Binary.securityContext.reference")


@pytest.mark.parametrize(
    ("context", "status"), [("https://elsewhere.example/Patient/1", 422), ("#contained", 400)]
)
def test_a_context_must_be_on_this_server(clinic: ApiClient, context: str, status: int) -> None:
    body = {
        "resourceType": "Binary",
        "contentType": "text/plain",
        "data": "YQ==",
        "securityContext": {"reference": context},
    }
    assert clinic.post("/Binary", body).status == status


def test_a_patient_cannot_show_a_file_to_everybody(clinic: ApiClient) -> None:
    clinic.put("/Practitioner/doctor-alice-smith", care.example("Practitioner", id=care.ALICE[13:]))
    answer = HOMER.call(
        "POST", "/Binary", PNG, content_type="image/png", x_security_context=care.ALICE
    )
    refusals.check(answer, 403, "forbidden", "Binary.securityContext")


def test_a_portrait_of_staff_is_seen_by_all(clinic: ApiClient) -> None:
    binary_id = upload(clinic, x_security_context=care.ALICE)
    assert all(sees(who, binary_id) for who in (HOMER, BART, NICK))


def test_only_staff_change_files_and_only_those_they_see(clinic: ApiClient, thread: str) -> None:
    shared = upload(HOMER, x_security_context=f"Communication/{thread}")
    private = upload(HOMER)
    change = {"content_type": "text/plain"}
    assert HOMER.call("PUT", f"/Binary/{shared}", b"x", **change).status == 403
    assert clinic.call("PUT", f"/Binary/{shared}", b"x", **change).status == 200
    assert clinic.call("PUT", f"/Binary/{private}", b"x", **change).status == 404


def test_makers_delete_what_they_have_not_shared(clinic: ApiClient, thread: str) -> None:
    shared = upload(HOMER, x_security_context=f"Communication/{thread}")
    refusals.check(HOMER.delete(f"/Binary/{shared}"), 403, "forbidden", "Binary")
    refusals.check(clinic.delete(f"/Binary/{shared}"), 403, "forbidden", "Binary")
    private = upload(HOMER)
    assert clinic.delete(f"/Binary/{private}").status == 204
    assert HOMER.get(f"/Binary/{private}").status == 200
    assert HOMER.delete(f"/Binary/{private}").status == 204
    assert HOMER.get(f"/Binary/{private}").status == 410
    assert ADMIN.delete(f"/Binary/{shared}").status == 204


def test_who_has_no_subject_is_not_the_maker_of_anothers_file(
    clinic: ApiClient, thread: str
) -> None:
    first, second = (
        ApiClient("practitioner", f"Practitioner/{name}", claims={"sub": ""})
        for name in ("doctor-nick", "doctor-hibbert")
    )
    binary_id = upload(first)
    assert not any(sees(who, binary_id) for who in (first, second, clinic))
    assert second.delete(f"/Binary/{binary_id}").status == 204
    attachment = {"contentAttachment": {"contentType": "image/png", "url": f"Binary/{binary_id}"}}
    message = care.message(thread, sender=care.reference(second.fhir_user), payload=[attachment])
    assert second.post("/Communication", message).status == 422
    assert sees(ADMIN, binary_id)


@pytest.mark.parametrize("context", ["", "draft", "elsewhere"])
def test_nobody_takes_back_a_file_that_is_shared(
    clinic: ApiClient, thread: str, context: str
) -> None:
    shared = upload(clinic, x_security_context=f"Communication/{thread}")
    sent: dict[str, Any] = {"status": "preparation", "sender": care.reference(care.ALICE)}
    draft = clinic.post("/Communication", care.message(thread, **sent)).id
    named = {"draft": f"Communication/{draft}", "elsewhere": "https://elsewhere.example/x"}
    body = as_json(id=shared, contentType="image/gif")
    if context:
        answer = clinic.put(
            f"/Binary/{shared}", body | {"securityContext": care.reference(named[context])}
        )
        refusals.check(answer, 422, "business-rule", "Binary.securityContext")
    else:
        assert clinic.put(f"/Binary/{shared}", body).status == 200
    assert all(sees(who, shared) for who in (HOMER, NICK, clinic))
    assert clinic.delete(f"/Binary/{shared}").status == 403


def test_administrators_change_what_a_file_belongs_to(clinic: ApiClient, thread: str) -> None:
    shared = upload(clinic, x_security_context=f"Communication/{thread}")
    body = as_json(id=shared)
    assert ADMIN.put(f"/Binary/{shared}", body).version == "1"
    moved = body | {"securityContext": care.reference("Patient/bart-simpson")}
    assert ADMIN.put(f"/Binary/{shared}", moved).status == 200
    assert BART.get(f"/Binary/{shared}").content == PNG
    assert HOMER.get(f"/Binary/{shared}").status == 404


def test_a_shared_file_that_was_deleted_is_shared_again_when_it_is_restored(
    clinic: ApiClient, thread: str
) -> None:
    url = f"/Binary/{upload(clinic, x_security_context=f'Communication/{thread}')}"
    assert ADMIN.delete(url).status == 204
    assert clinic.put(url, as_json(id=url.rpartition("/")[2])).status == 201
    assert HOMER.get(url).status == 200
    assert clinic.delete(url).status == 403


@pytest.mark.parametrize(
    ("scope", "created", "seen"),
    [
        ("patient/*.cruds", 201, True),
        ("patient/Binary.cr patient/Communication.rs", 201, True),
        ("patient/Binary.r", 403, False),
        ("user/Binary.r user/Communication.r", 403, True),
        ("user/Communication.cruds", 403, False),
    ],
)
def test_scopes_must_cover_the_binary_and_its_context(
    clinic: ApiClient, thread: str, scope: str, created: int, seen: bool
) -> None:
    claims = {"scope": scope, "patient": "homer-simpson"}
    context = f"Communication/{thread}"
    who = ApiClient(claims=claims)
    answer = who.call("POST", "/Binary", PNG, content_type="image/png", x_security_context=context)
    assert answer.status == created, answer.text
    binary_id = upload(clinic, x_security_context=context)
    assert (who.get(f"/Binary/{binary_id}").status == 200) is seen
    others = care.header(subject=care.reference("Patient/bart-simpson"), recipient=[])
    of_bart = clinic.post("/Communication", others | {"sender": care.reference(care.ALICE)}).id
    hidden = upload(clinic, x_security_context=f"Communication/{of_bart}")
    is_user = "user/Binary" in scope
    assert (who.get(f"/Binary/{hidden}").status == 200) is is_user


def test_a_patients_app_reads_back_what_it_has_just_sent() -> None:
    claims = {"scope": "patient/*.cruds", "patient": "homer-simpson"}
    homer = ApiClient("patient", care.HOMER, claims=claims)
    created = homer.call("POST", "/Binary", PNG, content_type="image/png")
    assert created.body["resourceType"] == "Binary"
    assert homer.get(f"/Binary/{created.id}").content == PNG


def test_tenants_do_not_see_each_others_files(
    monkeypatch: pytest.MonkeyPatch, objects: MemoryS3
) -> None:
    monkeypatch.setenv("TENANT_CLAIM", "tenant")
    settings.settings.cache_clear()
    north, south = (ApiClient("admin", claims={"tenant": name}) for name in ("north", "south"))
    binary_id = upload(north)
    assert north.get(f"/Binary/{binary_id}").status == 200
    assert south.get(f"/Binary/{binary_id}").status == 404
    assert [*objects.bodies] == [f"north/{binary_id}"]


class Meanwhile(CallHooks):
    """Another writer, who is first."""

    def __init__(self, url: str) -> None:
        self.url = url

    def before(self, call: str) -> None:
        if call == "TransactWriteItems":
            database = dynamodb.client()
            assert isinstance(database, Database)
            database.hooks = CallHooks()
            assert ADMIN.call("PUT", self.url, b"first", content_type="text/plain").status == 200


def test_the_bytes_of_a_write_that_lost_a_race_are_deleted(
    clinic: ApiClient, objects: MemoryS3
) -> None:
    url = f"/Binary/{upload(clinic)}"
    database = dynamodb.client()
    assert isinstance(database, Database)
    database.hooks = Meanwhile(url)
    answer = clinic.call("PUT", url, b"late", content_type="text/plain", if_match='W/"1"')
    assert answer.status == 412
    assert sorted(objects.versions.values()) == sorted((PNG, b"first"))
    assert clinic.get(url).content == b"first"
