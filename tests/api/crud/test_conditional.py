"""Conditional create, update, patch, delete and references: a query selects one resource."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.catalog.types import STORED_TYPES
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.consistency import stored_items

pytestmark = pytest.mark.usefixtures("moto")

TWILIO = "https://twilio.com"
NAMED = f"identifier={TWILIO}|SM1"

type Call = Callable[[ApiClient, str, dict[str, Any]], Answer]


def identifier(value: str = "SM1") -> list[dict[str, str]]:
    return [{"system": TWILIO, "value": value}]


def coded(value: str = "SM1", **more: Any) -> dict[str, Any]:
    return care.session(identifier=identifier(value), **more)


def status_patch(status: str) -> list[dict[str, str]]:
    return [{"op": "replace", "path": "/status", "value": status}]


def by_header(clinic: ApiClient, query: str, body: dict[str, Any]) -> Answer:
    return clinic.post("/Encounter", body, if_none_exist=query)


def by_url(clinic: ApiClient, query: str, body: dict[str, Any]) -> Answer:
    return clinic.post(f"/Encounter?{query}", body)


@pytest.mark.parametrize("create", [by_header, by_url])
@pytest.mark.parametrize(
    "query", [NAMED, "identifier=SM1", f"{NAMED}&status=in-progress", "patient=homer-simpson"]
)
def test_a_conditional_create_with_a_match_creates_nothing(
    clinic: ApiClient, create: Call, query: str
) -> None:
    first = create(clinic, query, coded())
    assert first.status == 201
    again = create(clinic, query, coded())
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["ETag"] == 'W/"1"'
    assert clinic.get("/Encounter").ids == [first.id]


def test_a_condition_may_be_written_with_its_type(clinic: ApiClient) -> None:
    first = clinic.post("/Encounter", coded())
    for text in (f"Encounter?{NAMED}", f"?{NAMED}", NAMED.replace("|", "%7C")):
        assert clinic.post("/Encounter", coded(), if_none_exist=text).id == first.id


# HAPI's client sends the absolute URL.
OURS = [BASE, BASE.replace("https", "http"), BASE.replace("fhir.example", "FHIR.Example"), ""]


@pytest.mark.parametrize("base", OURS)
def test_a_condition_may_be_a_url_on_this_server(clinic: ApiClient, base: str) -> None:
    first = clinic.post("/Encounter", coded(), if_none_exist=f"{base}/Encounter?{NAMED}")
    assert first.status == 201
    again = clinic.post("/Encounter", coded(), if_none_exist=f"{base}/Encounter/?{NAMED}")
    assert (again.status, again.id) == (200, first.id)


@pytest.mark.parametrize("base", OURS)
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundles_urls_and_conditions_may_be_absolute_on_this_server(
    clinic: ApiClient, base: str, kind: str
) -> None:
    first = clinic.post("/Encounter", coded())
    message = care.header(encounter=care.reference(f"{base}/Encounter?{NAMED}"))
    condition = {"ifNoneExist": f"{base}/Encounter?{NAMED}"}
    entries = [
        {"request": {"method": "POST", "url": "Encounter", **condition}, "resource": coded()},
        {"request": {"method": "POST", "url": f"{base}/Communication"}, "resource": message},
        {"request": {"method": "GET", "url": f"{base}/Encounter?{NAMED}"}},
    ]
    answer = clinic.post("", {"resourceType": "Bundle", "type": kind, "entry": entries})
    created, said, found = answer.body["entry"]
    assert (created["response"]["status"], created["resource"]["id"]) == ("200", first.id)
    assert said["resource"]["encounter"] == care.reference(f"Encounter/{first.id}")
    assert found["resource"]["entry"][0]["resource"]["id"] == first.id


@pytest.mark.parametrize(
    "text",
    [
        f"Communication?{NAMED}",
        f"{BASE}/Communication?{NAMED}",
        f"https://other.example/fhir/R4/Encounter?{NAMED}",
        f"Encounter/1?{NAMED}",
    ],
)
def test_a_condition_of_another_type_or_server_is_refused(clinic: ApiClient, text: str) -> None:
    answer = clinic.post("/Encounter", coded(), if_none_exist=text)
    refusals.check(answer, 400, "invalid", "If-None-Exist")
    request = {"method": "POST", "url": "Encounter", "ifNoneExist": text}
    entry = {"request": request, "resource": coded()}
    answer = clinic.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status == 400
    assert answer.expressions == ["Bundle.entry[0].request.ifNoneExist"]
    assert clinic.get("/Encounter").ids == []


def test_a_query_that_finds_something_only_in_another_type_creates(clinic: ApiClient) -> None:
    clinic.post("/Communication", care.header(identifier=identifier()))
    assert clinic.post("/Encounter", coded(), if_none_exist=NAMED).status == 201


def test_a_deleted_resource_may_be_created_again(clinic: ApiClient) -> None:
    for _ in range(3):
        created = clinic.post("/Encounter", coded(), if_none_exist=NAMED)
        assert created.status == 201
        assert clinic.administrator.delete(f"/Encounter/{created.id}").status == 204


def test_an_identifier_stays_guarded_when_one_of_its_two_holders_is_gone(
    clinic: ApiClient,
) -> None:
    first, second = (clinic.post("/Encounter", coded()).id for _ in range(2))
    assert by_header(clinic, NAMED, coded()).status == 412
    clinic.administrator.delete(f"/Encounter/{first}")
    assert by_header(clinic, NAMED, coded()).id == second
    change = [{"op": "replace", "path": "/identifier/0/value", "value": "SM2"}]
    clinic.patch(f"/Encounter/{second}", change)
    assert by_header(clinic, NAMED, coded()).status == 201


@pytest.mark.parametrize(
    "call",
    [
        lambda clinic: by_header(clinic, NAMED, coded()),
        lambda clinic: clinic.put(f"/Encounter?{NAMED}", coded()),
        lambda clinic: clinic.patch(f"/Encounter?{NAMED}", status_patch("arrived")),
        lambda clinic: clinic.administrator.delete(f"/Encounter?{NAMED}"),
    ],
)
def test_a_query_that_matches_several_is_412_and_writes_nothing(
    clinic: ApiClient, call: Callable[[ApiClient], Answer]
) -> None:
    for _ in range(2):
        clinic.post("/Encounter", coded())
    before = stored_items()
    refusals.check(call(clinic), 412, "conflict")
    assert stored_items() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_query_without_criteria_or_a_malformed_one_is_refused(
    clinic: ApiClient, method: str
) -> None:
    clinic.post("/Encounter", coded())
    before = stored_items()
    patching = {"content_type": "application/json-patch+json"} if method == "PATCH" else {}
    body = {"PUT": coded(), "PATCH": status_patch("arrived")}.get(method)
    for query in ("", "_format=json", "_sort=date", "colour=red", "date=soon"):
        answer = clinic.call(method, f"/Encounter?{query}", body, **patching)
        assert answer.status == 400, answer.text
    assert stored_items() == before


@pytest.mark.parametrize(
    "query", ["", "colour=red", "date=soon", "_count=1", f"{NAMED}&_summary=count"]
)
def test_a_malformed_if_none_exist_creates_nothing(clinic: ApiClient, query: str) -> None:
    before = stored_items()
    assert by_header(clinic, query, coded()).status == 400
    assert clinic.post("/Encounter", coded(), if_none_exist=query, prefer="handling=lenient")
    assert stored_items() == before


def test_a_conditional_update_creates_updates_and_creates_again(clinic: ApiClient) -> None:
    created = clinic.put(f"/Encounter?{NAMED}", coded())
    assert created.status == 201
    assert created.headers["Location"].endswith(f"/Encounter/{created.id}/_history/1")
    changed = clinic.put(f"/Encounter?{NAMED}", coded(status="arrived"))
    assert (changed.status, changed.id, changed.version) == (200, created.id, "2")
    same = clinic.put(f"/Encounter?{NAMED}", changed.body)
    assert (same.status, same.version) == (200, "2")
    clinic.administrator.delete(f"/Encounter/{created.id}")
    assert clinic.put(f"/Encounter?{NAMED}", coded()).status == 201


def test_a_conditional_update_without_a_match_creates_under_the_clients_id(
    clinic: ApiClient,
) -> None:
    created = clinic.put(f"/Encounter?{NAMED}", coded(id="own"))
    assert (created.status, created.id) == (201, "own")
    clinic.put("/Encounter/other", care.session(id="other"))
    taken = clinic.put(f"/Encounter?{NAMED}2", coded("SM12", id="other"))
    refusals.check(taken, 409, "conflict", "Encounter.id")
    another = clinic.put(f"/Encounter?{NAMED}", coded(id="other"))
    refusals.check(another, 400, "invalid", "Encounter.id")


def test_a_patch_by_query_changes_the_one_that_matches(clinic: ApiClient) -> None:
    none = clinic.patch(f"/Encounter?{NAMED}", status_patch("arrived"))
    refusals.check(none, 404, "not-found")
    created = clinic.post("/Encounter", coded())
    patched = clinic.patch(f"/Encounter?{NAMED}", status_patch("arrived"))
    assert (patched.status, patched.id) == (200, created.id)
    assert patched.body["status"] == "arrived"


def test_a_delete_by_query_deletes_the_one_that_matches(clinic: ApiClient) -> None:
    assert clinic.administrator.delete(f"/Encounter?{NAMED}").status == 204
    created = clinic.post("/Encounter", coded())
    assert clinic.administrator.delete(f"/Encounter?{NAMED}").status == 204
    assert clinic.get(f"/Encounter/{created.id}").status == 410


@pytest.mark.parametrize(
    "call",
    [
        lambda clinic, tag: clinic.put(f"/Encounter?{NAMED}", coded(language="en"), if_match=tag),
        lambda clinic, tag: clinic.patch(
            f"/Encounter?{NAMED}", status_patch("arrived"), if_match=tag
        ),
        lambda clinic, tag: clinic.administrator.delete(f"/Encounter?{NAMED}", if_match=tag),
    ],
)
def test_if_match_applies_to_the_match_of_a_query(
    clinic: ApiClient, call: Callable[[ApiClient, str], Answer]
) -> None:
    clinic.post("/Encounter", coded())
    refusals.check(call(clinic, 'W/"7"'), 412, "conflict")
    assert call(clinic, 'W/"1"').status in (200, 204)


def test_if_match_without_a_match_is_412(clinic: ApiClient) -> None:
    for answer in (
        clinic.put(f"/Encounter?{NAMED}", coded(), if_match="1"),
        clinic.administrator.delete(f"/Encounter?{NAMED}", if_match="1"),
    ):
        refusals.check(answer, 412, "conflict")


def test_a_message_finds_its_thread_by_the_conversations_identifier(clinic: ApiClient) -> None:
    header = clinic.post("/Communication", care.header(identifier=identifier("CH1")))
    body = care.message("x") | {
        "partOf": [care.reference(f"Communication?identifier={TWILIO}|CH1")],
        "identifier": identifier("SM1"),
    }
    message = clinic.post("/Communication", body, if_none_exist=NAMED)
    assert message.status == 201, message.text
    assert message.body["partOf"] == [care.reference(f"Communication/{header.id}")]
    assert message.id.startswith(f"{header.id}.")
    assert clinic.post("/Communication", body, if_none_exist=NAMED).id == message.id
    assert clinic.get(f"/Communication?part-of=Communication/{header.id}").ids == [message.id]


@pytest.mark.parametrize("base", ["", "/", f"{BASE}/"])
def test_a_conditional_reference_may_be_absolute_on_our_base(clinic: ApiClient, base: str) -> None:
    session = clinic.post("/Encounter", coded())
    elsewhere = care.reference(f"https://other.example/fhir/Encounter?{NAMED}")
    about = [care.reference(f"{base}Encounter?{NAMED}"), elsewhere]
    answer = clinic.post("/Communication", care.header(about=about))
    assert answer.body["about"] == [care.reference(f"Encounter/{session.id}"), elsewhere]


def test_conditional_references_resolve_in_every_kind_of_write(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", coded())
    wanted = {"encounter": {"reference": f"Encounter?{NAMED}", "display": "Today"}}
    literal = {"reference": f"Encounter/{session.id}", "display": "Today"}
    created = clinic.post("/Communication", care.header(**wanted))
    put = clinic.put("/Communication/own", care.header(id="own", **wanted))
    header = clinic.post("/Communication", care.header())
    add = [{"op": "add", "path": "/encounter", "value": wanted["encounter"]}]
    patched = clinic.patch(f"/Communication/{header.id}", add)
    for answer in (created, put, patched):
        assert answer.body["encounter"] == literal, answer.text
    again = clinic.put("/Communication/own", care.header(id="own", **wanted))
    assert (again.status, again.version) == (200, "1")


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("Communication?identifier=none", "matches no Communication"),
        ("Communication?subject=Patient/homer-simpson", "matches several"),
        ("Communication?colour=red", "no search parameter colour"),
        ("Communication?", "no search parameter of Communication"),
        ("Device?identifier=1", "this server keeps no Device"),
    ],
)
def test_a_conditional_reference_without_exactly_one_match_refuses_the_write(
    clinic: ApiClient, reference: str, says: str
) -> None:
    for _ in range(2):
        clinic.post("/Communication", care.header())
    before = stored_items()
    about = [care.reference("Observation/1"), care.reference(reference)]
    answer = clinic.post("/Communication", care.header(about=about))
    assert answer.status == 422
    assert answer.expressions == ["Communication.about[1].reference"]
    assert says in answer.body["issue"][0]["details"]["text"]
    assert stored_items() == before


def test_a_write_searches_for_a_bounded_number_of_references(clinic: ApiClient) -> None:
    recipients = [care.reference(f"Patient?identifier={number}") for number in range(101)]
    refused = clinic.post("/Communication", care.header(recipient=recipients))
    refusals.check(refused, 422, "business-rule", "Communication")
    same = [care.reference("Patient?identifier=1")] * 101
    refused = clinic.post("/Communication", care.header(recipient=same))
    assert len(refused.expressions) == 100  # one issue sums up the rest, without an element
    assert refused.body["issue"][-1]["details"]["text"] == "There are more issues"


def test_a_contained_resource_may_have_an_element_named_reference(clinic: ApiClient) -> None:
    consent = {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": {"text": "x"},
        "category": [{"text": "x"}],
        "policyRule": {"text": "x"},
        "provision": {
            "data": [{"meaning": "instance", "reference": care.reference(f"Encounter?{NAMED}")}]
        },
    }
    session = clinic.post("/Encounter", coded())
    about = [care.reference("#c")]
    answer = clinic.post("/Communication", care.header(contained=[consent], about=about))
    (data,) = answer.body["contained"][0]["provision"]["data"]
    assert data["reference"] == care.reference(f"Encounter/{session.id}")


def test_a_reader_cannot_write_by_query() -> None:
    auditor = ApiClient(role="auditor")
    for answer in (
        auditor.put(f"/Encounter?{NAMED}", coded()),
        auditor.patch(f"/Encounter?{NAMED}", status_patch("arrived")),
        auditor.delete(f"/Encounter?{NAMED}"),
    ):
        refusals.check(answer, 403, "forbidden")


def test_a_match_invisible_to_the_caller_does_not_count(clinic: ApiClient) -> None:
    bart = care.reference("Patient/bart-simpson")
    tag, tagged = (
        {"system": "https://chat.example.org", "code": "1"},
        "_tag=https://chat.example.org|1",
    )
    known = care.header(meta={"tag": [tag]}, subject=bart, sender=bart, recipient=[])
    seen_by_alice_only = [clinic.post("/Communication", known).id for _ in range(3)]
    homer = ApiClient(role="patient", fhir_user=care.HOMER)
    own = care.header(meta={"tag": [tag]}, recipient=[care.reference(care.ALICE)])
    created = homer.post("/Communication", own, if_none_exist=tagged)
    assert created.status == 201, created.text
    assert created.id not in seen_by_alice_only
    again = homer.post("/Communication", own, if_none_exist=tagged)
    assert (again.status, again.id) == (200, created.id)
    say = care.message("x") | {"partOf": [care.reference(f"Communication?{tagged}")]}
    assert homer.post("/Communication", say).body["partOf"] == [
        care.reference(f"Communication/{created.id}")
    ]


def test_the_capability_statement_says_what_is_conditional(clinic: ApiClient) -> None:
    (rest,) = clinic.get("/metadata").body["rest"]
    for resource in (resource for resource in rest["resource"] if resource["type"] in STORED_TYPES):
        assert resource["conditionalCreate"] is True
        assert resource["conditionalUpdate"] is True
        assert resource["conditionalDelete"] == "single"
