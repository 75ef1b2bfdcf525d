"""Transactions: entries that refer to each other are applied all or not at all."""

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import BASE, ApiClient
from tests.support.bundles import bundle, entry, post_refused, statuses, transact, urn
from tests.support.caches import clear_caches
from tests.support.consistency import stored_items
from tests.support.steps import messages_of, open_session, thread

pytestmark = pytest.mark.usefixtures("moto")

MERGE = "application/merge-patch+json"
TWILIO = "https://twilio.com"


def identifier(value: str) -> list[dict[str, str]]:
    return [{"system": TWILIO, "value": value}]


def encoded(patch: Any, media_type: str = "application/json-patch+json") -> dict[str, str]:
    data = b64encode(json.dumps(patch).encode()).decode()
    return {"resourceType": "Binary", "contentType": media_type, "data": data}


def conversation() -> list[dict[str, Any]]:
    """Return entries of a session, its thread and three messages, the last first."""
    header = care.header(encounter=care.reference(urn(1)))
    messages = [
        care.message("x", f"2026-11-20T09:0{minute}:00Z") | {"partOf": [care.reference(urn(2))]}
        for minute in (5, 3, 0)
    ]
    return [
        *(
            entry("POST", "Communication", message, urn(3 + at))
            for at, message in enumerate(messages)
        ),
        entry("POST", "Communication", header, urn(2)),
        entry("POST", "Encounter", care.session(), urn(1)),
    ]


def test_a_session_its_thread_and_its_messages_arrive_in_one_bundle(clinic: ApiClient) -> None:
    answered = transact(clinic, *conversation())
    assert statuses(answered) == ["201"] * 5
    *said, header, session = [answer["resource"] for answer in answered]
    assert header["encounter"] == care.reference(f"Encounter/{session['id']}")
    assert messages_of(clinic, session["id"]) == [message["id"] for message in said[::-1]]
    assert all(message["id"].startswith(f"{header['id']}.") for message in said)
    finished = clinic.patch(
        f"/Encounter/{session['id']}", [{"op": "replace", "path": "/status", "value": "finished"}]
    )
    assert finished.body["period"] == {
        "start": "2026-11-20T09:00:00.000Z",
        "end": "2026-11-20T09:05:00.000Z",
    }


def test_entries_of_the_response_state_their_results(clinic: ApiClient) -> None:
    kept = open_session(clinic)
    created, updated, deleted = transact(
        clinic.administrator,
        entry("POST", "Encounter", care.visit()),
        entry("PUT", f"Encounter/{kept}", care.session(id=kept, language="en")),
        entry("DELETE", f"Encounter/{open_session(clinic)}"),
    )
    response = created["response"]
    assert response["status"] == "201"
    own = f"{BASE}/Encounter/{created['resource']['id']}"
    assert response["location"] == f"{own}/_history/1"
    assert response["etag"] == 'W/"1"'
    assert response["lastModified"] == created["resource"]["meta"]["lastUpdated"]
    assert (updated["response"]["status"], updated["response"]["etag"]) == ("200", 'W/"2"')
    assert deleted["response"]["status"] == "204"
    assert "resource" not in deleted
    assert clinic.get(own).body == created["resource"]


def test_a_client_may_request_a_response_without_resources(clinic: ApiClient) -> None:
    answered = transact(clinic, *conversation(), prefer="return=minimal")
    assert not any("resource" in answer for answer in answered)
    assert statuses(answered) == ["201"] * 5


@pytest.mark.parametrize("path", ["", "/"])
def test_the_base_takes_bundles_with_and_without_a_slash(clinic: ApiClient, path: str) -> None:
    assert clinic.post(path, bundle("transaction", *conversation())).status == 200
    assert clinic.post(path, {"resourceType": "Bundle", "type": "batch"}).status == 200


def test_resources_may_refer_to_each_other_in_circles(clinic: ApiClient) -> None:
    first = care.header(inResponseTo=[care.reference(urn(2))], about=[care.reference(urn(3))])
    second = care.header(inResponseTo=[care.reference(urn(1))])
    visit = care.visit(partOf=care.reference(urn(4)))
    around = care.visit(partOf=care.reference(urn(3)))
    itself = care.header(about=[care.reference(urn(5))])
    answered = transact(
        clinic,
        entry("POST", "Communication", first, urn(1)),
        entry("POST", "Communication", second, urn(2)),
        entry("POST", "Encounter", visit, urn(3)),
        entry("POST", "Encounter", around, urn(4)),
        entry("POST", "Communication", itself, urn(5)),
    )
    one, two, three, four, five = [answer["resource"] for answer in answered]
    assert one["inResponseTo"] == [care.reference(f"Communication/{two['id']}")]
    assert two["inResponseTo"] == [care.reference(f"Communication/{one['id']}")]
    assert one["about"] == [care.reference(f"Encounter/{three['id']}")]
    assert three["partOf"] == care.reference(f"Encounter/{four['id']}")
    assert four["partOf"] == care.reference(f"Encounter/{three['id']}")
    assert five["about"] == [care.reference(f"Communication/{five['id']}")]


def test_references_are_resolved_by_any_full_url(clinic: ApiClient) -> None:
    old = "http://old.example/fhir"
    header = care.header(encounter=care.reference("Encounter/0"))
    message = care.message("x") | {"partOf": [care.reference(f"{old}/Communication/7/_history/3")]}
    session, thread_, said = transact(
        clinic,
        entry("POST", "Encounter", care.session(), f"{old}/Encounter/0"),
        entry("POST", "Communication", header, f"{old}/Communication/7"),
        entry("POST", "Communication", message, urn(3)),
    )
    assert thread_["resource"]["encounter"]["reference"] == f"Encounter/{session['resource']['id']}"
    assert said["resource"]["partOf"][0]["reference"] == (
        f"Communication/{thread_['resource']['id']}/_history/3"
    )


def test_urls_and_links_of_narratives_are_replaced_and_canonicals_are_not(
    clinic: ApiClient,
) -> None:
    url = "http://example.org/extra"
    div = (
        f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn(1)}">it</a>'
        f"<img src='{urn(1)}' alt='{urn(1)}'/> {urn(1)}</div>"
    )
    header = care.header(
        text={"status": "generated", "div": div},
        extension=[
            {"url": url, "valueUri": urn(1)},
            {"url": url, "valueUrl": urn(1)},
            {"url": url, "valueUuid": urn(1)},
            {"url": url, "valueString": urn(1)},
            {"url": url, "valueCanonical": urn(1)},
        ],
        instantiatesCanonical=[urn(1)],
        instantiatesUri=[urn(1)],
        identifier=[{"system": "urn:ietf:rfc:3986", "value": urn(1)}],
        payload=[{"contentAttachment": {"url": urn(1), "title": urn(1)}}],
    )
    header["_instantiatesUri"] = [{"extension": [{"url": url, "valueUri": urn(1)}]}]
    session, answered = transact(
        clinic,
        entry("POST", "Encounter", care.visit(), urn(1)),
        entry("POST", "Communication", {**header, "extension": header["extension"][:2]}, urn(2)),
    )
    own = f"Encounter/{session['resource']['id']}"
    got = answered["resource"]
    assert [
        extension.get("valueUri", extension.get("valueUrl")) for extension in got["extension"]
    ] == [own, own]
    assert got["instantiatesUri"] == [own]
    assert got["_instantiatesUri"][0]["extension"][0]["valueUri"] == own
    assert got["instantiatesCanonical"] == [urn(1)]
    assert got["identifier"][0]["value"] == urn(1)
    assert got["payload"][0]["contentAttachment"] == {"url": own, "title": urn(1)}
    assert f'href="{own}"' in got["text"]["div"]
    assert f"src='{own}' alt='{urn(1)}'/> {urn(1)}<" in got["text"]["div"]


def test_conditional_writes_and_references_take_part(clinic: ApiClient) -> None:
    known = clinic.post("/Encounter", care.session(identifier=identifier("E1"))).id
    gone = clinic.post("/Encounter", care.session(identifier=identifier("E2"))).id
    patched = clinic.post("/Encounter", care.session(identifier=identifier("E3"))).id
    header = care.header(
        identifier=identifier("CH1"), encounter=care.reference(f"Encounter?identifier={TWILIO}|E1")
    )
    by_query = [care.reference(f"Communication?identifier={TWILIO}|CH1")]
    message = care.message("x") | {"partOf": by_query, "identifier": identifier("SM1")}
    reply = care.message("x") | {"partOf": [care.reference(urn(1))]}
    answered = transact(
        clinic.administrator,
        entry("POST", "Communication", message, ifNoneExist=f"identifier={TWILIO}|SM1"),
        entry("POST", "Communication", reply),
        entry("PUT", f"Communication?identifier={TWILIO}|CH1", header, urn(1)),
        entry(
            "POST",
            "Encounter",
            care.session(identifier=identifier("E1")),
            ifNoneExist=f"identifier={TWILIO}|E1",
        ),
        entry("DELETE", f"Encounter?identifier={TWILIO}|E2"),
        entry("DELETE", f"Encounter?identifier={TWILIO}|E9"),
        entry(
            "PATCH",
            f"Encounter?identifier={TWILIO}|E3",
            encoded([{"op": "replace", "path": "/status", "value": "arrived"}]),
        ),
    )
    assert statuses(answered) == ["201", "201", "201", "200", "204", "204", "200"]
    said, replied, thread_, session, *_, arrived = [answer.get("resource") for answer in answered]
    assert session["id"] == known
    assert thread_["encounter"] == care.reference(f"Encounter/{known}")
    for one in (said, replied):
        assert one["partOf"] == [care.reference(f"Communication/{thread_['id']}")]
    assert set(messages_of(clinic, known)) == {said["id"], replied["id"]}
    assert (arrived["id"], arrived["status"]) == (patched, "arrived")
    assert clinic.get(f"/Encounter/{gone}").status == 410


def test_deletes_run_before_creates_then_updates_then_reads(clinic: ApiClient) -> None:
    named = care.session(identifier=identifier("E1"))
    old = clinic.post("/Encounter", named).id
    query = f"identifier={TWILIO}|E1"
    clinic.put("/Encounter/own", care.session(id="own"))
    found, read, head, created, deleted = transact(
        clinic.administrator,
        entry("GET", f"Encounter?{query}"),
        entry("GET", "/Encounter/own"),
        entry("HEAD", "Encounter/own"),
        entry("POST", "Encounter", named, ifNoneExist=query),
        entry("DELETE", f"Encounter/{old}"),
    )
    assert statuses([found, read, head, created, deleted]) == ["200", "200", "200", "201", "204"]
    (match,) = found["resource"]["entry"]
    assert match["resource"]["id"] == created["resource"]["id"] != old
    assert read["resource"]["id"] == "own"
    assert "resource" not in head
    assert head["response"]["etag"] == 'W/"1"'


def test_a_message_and_the_finishing_of_its_session_may_come_together(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, _ = thread(
        clinic, "2026-11-20T09:00:00Z", encounter=care.reference(f"Encounter/{session_id}")
    )
    finished, said = transact(
        clinic,
        entry("PUT", f"Encounter/{session_id}", care.session("finished", id=session_id)),
        entry("POST", "Communication", care.message(header_id, "2026-11-20T09:30:00Z")),
    )
    assert finished["resource"]["period"]["end"] == "2026-11-20T09:30:00.000Z"
    assert finished["resource"] == clinic.get(f"/Encounter/{session_id}").body
    assert len(messages_of(clinic, session_id)) == 2
    assert said["response"]["status"] == "201"


def test_a_resource_created_under_a_clients_id_exists_for_the_other_entries(
    clinic: ApiClient,
) -> None:
    session, said, header = transact(
        clinic,
        entry("PUT", "Encounter/s", care.session(id="s")),
        entry("POST", "Communication", care.message("h")),
        entry(
            "PUT", "Communication/h", care.header(id="h", encounter=care.reference("Encounter/s"))
        ),
    )
    assert statuses([session, said, header]) == ["201", "201", "201"]
    assert messages_of(clinic, "s") == [said["resource"]["id"]]


def test_the_resource_of_an_entry_shows_the_final_state_of_the_transaction(
    clinic: ApiClient,
) -> None:
    for each in transact(clinic, *conversation()):
        own = each["resource"]
        assert clinic.get(f"/{own['resourceType']}/{own['id']}").body == own
        assert own["meta"]["versionId"] == "1"


def test_patches_may_be_a_binary_or_in_medplums_form(clinic: ApiClient) -> None:
    first, second = open_session(clinic), open_session(clinic)
    header_id, _ = thread(clinic)
    parts = [
        {"name": "op", "valueCode": "replace"},
        {"name": "path", "valueString": "/status"},
        {"name": "value", "valueString": '"arrived"'},
    ]
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": parts}],
    }
    link = [{"op": "add", "path": "/encounter", "value": care.reference(urn(1))}]
    answered = transact(
        clinic,
        entry("PATCH", f"Encounter/{first}", parameters),
        entry(
            "PATCH",
            f"Encounter/{second}",
            encoded({"status": "arrived"}, MERGE),
        ),
        entry("PATCH", f"Communication/{header_id}", in_lines(encoded(link))),
        entry("POST", "Encounter", care.session(), urn(1)),
    )
    assert statuses(answered) == ["200", "200", "200", "201"]
    assert [answer["resource"]["status"] for answer in answered[:2]] == ["arrived", "arrived"]
    assert answered[2]["resource"]["encounter"] == care.reference(
        f"Encounter/{answered[3]['resource']['id']}"
    )


def test_a_transaction_is_one_event_of_the_audit_trail(clinic: ApiClient) -> None:
    transact(clinic, *conversation())
    assert len(stored_items()[-1]) == 1


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
def test_under_each_policy_a_bundle_has_the_same_result_as_single_requests(
    clinic: ApiClient, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_POLICY", policy)
    clear_caches()
    sent = ["2026-11-20T09:00:00Z", "2026-11-20T09:30:00Z"]
    thread(clinic, *sent)
    alone = clinic.get("/Encounter").resources
    transact(
        clinic,
        entry("POST", "Communication", care.message("x", sent[0]) | part_of(urn(1))),
        entry("POST", "Communication", care.message("x", sent[1]) | part_of(urn(1))),
        entry("PUT", "Communication/together", care.header(id="together"), urn(1)),
    )
    known = {session["id"] for session in alone}
    together = [match for match in clinic.get("/Encounter").resources if match["id"] not in known]
    assert bool(alone) is (policy != "explicit")
    looks = [[(one["status"], one.get("period")) for one in each] for each in (alone, together)]
    assert looks[0] == looks[1]
    said = [len(messages_of(clinic, one["id"])) for each in (alone, together) for one in each]
    assert said == ([] if policy == "explicit" else [2, 2])


def part_of(to: str) -> dict[str, Any]:
    return {"partOf": [care.reference(to)]}


def test_one_bundle_may_adopt_retract_and_finish(clinic: ApiClient) -> None:
    """One Bundle adopts waiting messages by a link, retracts one and finishes the session."""
    session_id = open_session(clinic)
    header_id, ids = thread(clinic, *(f"2026-11-20T09:0{at}:00Z" for at in (0, 4, 8)))
    retracted = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    finished, *_ = transact(
        clinic,
        entry("PUT", f"Encounter/{session_id}", care.session("finished", id=session_id)),
        entry("PATCH", f"Communication/{ids[2]}", encoded(retracted)),
        entry("PATCH", f"Communication/{header_id}", encoded(care.link(session_id))),
        entry("POST", "Communication", care.message(header_id, "2026-11-20T09:02:00Z")),
    )
    assert finished["resource"]["period"] == {
        "start": "2026-11-20T09:00:00.000Z",
        "end": "2026-11-20T09:04:00.000Z",
    }


def test_a_patient_begins_a_thread_with_its_first_message() -> None:
    homer = ApiClient(role="patient", fhir_user=care.HOMER)
    alice = [care.reference(care.ALICE)]
    header, said = transact(
        homer,
        entry("POST", "Communication", care.header(recipient=alice), urn(1)),
        entry("POST", "Communication", care.message("x") | part_of(urn(1))),
    )
    assert statuses([header, said]) == ["201", "201"]
    bart = care.reference("Patient/bart-simpson")
    answer = post_refused(
        homer,
        entry("POST", "Communication", care.header(recipient=alice), urn(1)),
        entry("POST", "Communication", care.header(subject=bart, sender=bart)),
    )
    assert answer.status == 403
    assert answer.expressions[0].startswith("Bundle.entry[1]")


def test_a_bundle_as_the_specification_shows_one(clinic: ApiClient) -> None:
    """The forms of https://hl7.org/fhir/R4/bundle-transaction.html, on the types kept here."""
    clinic.put("/Encounter/123", care.session(id="123"))
    clinic.put("/Encounter/234", care.visit(id="234", identifier=identifier("234")))
    clinic.put("/Encounter/gone", care.visit(id="gone"))
    narrative = {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">Some narrative</div>',
    }
    named = care.visit(identifier=identifier("456"), text=narrative)
    sent = bundle(
        "transaction",
        entry("POST", "Encounter", care.visit(text=narrative), urn(1)),
        entry("POST", "Encounter", named, urn(2), ifNoneExist=f"identifier={TWILIO}|456"),
        entry(
            "PUT",
            "Encounter/123",
            care.session(id="123", text=narrative),
            "http://example.org/fhir/Encounter/123",
        ),
        entry(
            "PUT",
            f"Encounter?identifier={TWILIO}|234",
            care.visit(identifier=identifier("234"), text=narrative),
            urn(3),
        ),
        entry("DELETE", "Encounter/gone"),
        entry("DELETE", f"Encounter?identifier={TWILIO}|123456"),
        entry("GET", "Encounter?patient=Patient/homer-simpson&status=in-progress"),
        entry(
            "GET", "Encounter/123", ifNoneMatch='W/"4"', ifModifiedSince="2015-08-31T08:14:33+10:00"
        ),
    )
    sent |= {
        "id": "bundle-transaction",
        "meta": {"lastUpdated": "2014-08-18T01:43:30Z", "tag": [{"code": "HTEST"}]},
    }
    answer = clinic.administrator.post("", sent)
    assert answer.status == 200, answer.text
    assert statuses(answer.body["entry"]) == (
        ["201", "201", "200", "200", "204", "204", "200", "200"]
    )


def in_lines(binary: dict[str, str]) -> dict[str, str]:
    """Write base64 in lines, as R4 may: https://hl7.org/fhir/R4/datatypes.html#base64Binary ."""
    data = binary["data"]
    return {**binary, "data": f" {data[:8]}\n{data[8:]}\n"}


# -- Entries that refuse the whole transaction


NOT_FHIRPATH = {
    "resourceType": "Parameters",
    "parameter": [{"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]}],
}
NAMELESS = {"resourceType": "Parameters", "parameter": [{"part": [{"name": ["op"]}]}]}
BROKEN: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "unresolved": (
        entry("POST", "Communication", care.header(encounter=care.reference(urn(99)))),
        400,
        "not-found",
        "resource.encounter.reference",
    ),
    "unresolved, in capitals": (
        entry("POST", "Communication", care.header(encounter=care.reference(urn(99).upper()))),
        400,
        "not-found",
        "resource.encounter.reference",
    ),
    "missing": (
        entry("POST", "Communication", care.message("none")),
        422,
        "business-rule",
        "resource.partOf",
    ),
    "invalid": (
        entry("POST", "Encounter", care.session("bogus")),
        400,
        "code-invalid",
        "resource.status",
    ),
    "other type": (
        entry("POST", "Encounter", care.header()),
        400,
        "structure",
        "resource.resourceType",
    ),
    "other id": (entry("PUT", "Encounter/a", care.session(id="b")), 400, "invalid", "resource.id"),
    "no resource": (entry("POST", "Encounter"), 400, "invalid", "resource"),
    "no url": (
        {"resource": care.session(), "request": {"method": "POST"}},
        400,
        "required",
        "request.url",
    ),
    "method": (entry("TRACE", "Encounter"), 400, "code-invalid", "request.method"),
    "no request": ({"resource": care.session()}, 400, "invalid", "request"),
    "unknown property": (
        {**entry("POST", "Encounter", care.session()), "colour": "red"},
        400,
        "structure",
        "colour",
    ),
    "unknown type": (entry("POST", "Device", {"resourceType": "Device"}), 404, "not-found", ""),
    "other base": (
        entry("POST", "https://other.example/Encounter", care.session()),
        400,
        "invalid",
        "request.url",
    ),
    "a bundle": (entry("POST", "/", bundle("batch")), 400, "invalid", "request.url"),
    "stale": (
        entry("PUT", "Encounter/s", care.session(id="s"), ifMatch='W/"7"'),
        412,
        "conflict",
        "",
    ),
    "several": (
        entry("DELETE", "Encounter?patient=Patient/homer-simpson"),
        412,
        "conflict",
        "",
    ),
    "conditional reference": (
        entry("POST", "Communication", care.header(about=[care.reference("Encounter?_id=none")])),
        422,
        "business-rule",
        "resource.about[0].reference",
    ),
    "an account": (
        entry("POST", "Encounter", care.session(account=[care.reference("Account?name=1")])),
        422,
        "not-supported",
        "resource.account[0].reference",
    ),
    "parameter": (entry("DELETE", "Encounter?colour=red"), 400, "invalid", "request.url"),
    "empty condition": (
        entry("POST", "Encounter", care.session(), ifNoneExist="_format=json"),
        400,
        "invalid",
        "",
    ),
    "there already": (
        entry("PUT", "Encounter/s", care.session(id="s"), ifNoneMatch="*"),
        412,
        "conflict",
        "",
    ),
    "no version": (
        entry("PUT", "Encounter/s", care.session(id="s"), ifMatch=","),
        400,
        "invalid",
        "request.ifMatch",
    ),
    "no condition": (
        entry("POST", "Encounter", care.session(), ifNoneExist=""),
        400,
        "invalid",
        "request.ifNoneExist",
    ),
    "no FHIR": (entry("GET", "openapi.json"), 400, "invalid", "request.url"),
    "part without a name": (
        entry("PATCH", "Encounter/s", NAMELESS),
        415,
        "not-supported",
        "resource.parameter",
    ),
    "patch of nothing": (entry("PATCH", "Encounter/none", encoded([])), 404, "not-found", ""),
    "read of nothing": (entry("GET", "Encounter/none"), 404, "not-found", ""),
    "search": (entry("GET", "Encounter?colour=red"), 400, "invalid", "request.url"),
    "fhirpath": (
        entry("PATCH", "Encounter/s", NOT_FHIRPATH),
        415,
        "not-supported",
        "resource.parameter",
    ),
    "no patch": (entry("PATCH", "Encounter/s", care.session()), 400, "invalid", "resource"),
    "no base64": (
        entry("PATCH", "Encounter/s", encoded([]) | {"data": "%"}),
        400,
        "invalid",
        "resource.data",
    ),
    "operation": (
        entry("POST", "Encounter/s/$close-session"),
        400,
        "not-supported",
        "request.url",
    ),
    "rule": (
        entry("PUT", "Encounter/done", care.session("planned", id="done")),
        422,
        "business-rule",
        "resource.status",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_refused_entry_refuses_the_transaction_and_is_named(
    clinic: ApiClient, name: str
) -> None:
    clinic.put("/Encounter/s", care.session(id="s"))
    clinic.put("/Encounter/done", care.session("finished", id="done"))
    sound = [
        entry("POST", "Encounter", care.session(), urn(1)),
        entry("POST", "Communication", care.header(encounter=care.reference(urn(1))), urn(2)),
    ]
    wrong, status, code, element = BROKEN[name]
    before = stored_items()
    for place in range(3):
        answer = post_refused(clinic, *sound[:place], wrong, *sound[place:])
        expected = f"Bundle.entry[{place}]" + (f".{element}" if element else "")
        refusals.check(answer, status, code, expected)
    assert stored_items() == before


US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter"
OF_US_CORE = {"meta": {"profile": [US_CORE]}, "type": [{"text": "Visit"}]}
TO_VISIT, TO_HEADER, TO_GROUP = (care.reference(urn(number)) for number in (1, 2, 3))
UUID = {"url": "http://example.org/extra", "valueUuid": urn(1)}
PATIENT = {"resourceType": "Patient", "id": "p", "managingOrganization": TO_VISIT}
# Entries that are valid until their links are replaced, and the element that is wrong then.
MISLINKED: dict[str, tuple[dict[str, Any], str]] = {
    "type": (
        entry("POST", "Communication", care.header(encounter=TO_HEADER)),
        "encounter.reference",
    ),
    "type in a list": (
        entry(
            "POST", "Communication", care.header(recipient=[care.reference(care.ALICE), TO_VISIT])
        ),
        "recipient[1].reference",
    ),
    "type in a backbone element": (
        entry("POST", "Encounter", care.visit(participant=[{"individual": TO_VISIT}])),
        "participant[0].individual.reference",
    ),
    "type in a contained resource": (
        entry("POST", "Encounter", care.visit(subject=care.reference("#p"), contained=[PATIENT])),
        "contained[0].managingOrganization.reference",
    ),
    "type that a profile forbids": (
        entry("POST", "Encounter", care.visit(subject=TO_GROUP, **OF_US_CORE)),
        "subject.reference",
    ),
    "declared type": (
        entry("POST", "Communication", care.header(about=[TO_VISIT | {"type": "Patient"}])),
        "about[0].type",
    ),
    "version": (
        entry("POST", "Encounter", care.visit(partOf=care.reference(f"{urn(1)}/_history/a_b"))),
        "partOf.reference",
    ),
    "no UUID": (
        entry("POST", "Communication", care.header(encounter=TO_VISIT, extension=[UUID])),
        "extension[0].valueUuid",
    ),
    "type by a patch": (
        entry("PATCH", "Communication/h", encoded({"encounter": TO_HEADER}, MERGE)),
        "encounter.reference",
    ),
    "type by an update": (
        entry("PUT", "Communication/h", care.header(id="h", encounter=TO_HEADER)),
        "encounter.reference",
    ),
}


@pytest.mark.parametrize("name", MISLINKED)
def test_a_link_that_r4_does_not_allow_refuses_the_transaction(
    clinic: ApiClient, name: str
) -> None:
    clinic.put("/Communication/h", care.header(id="h"))
    group = {"resourceType": "Group", "type": "person", "actual": True}
    before, (wrong, element) = stored_items(), MISLINKED[name]
    answer = post_refused(
        clinic.administrator,
        entry("POST", "Encounter", care.visit(), urn(1)),
        entry("POST", "Communication", care.header(), urn(2)),
        entry("POST", "Group", group, urn(3)),
        wrong,
    )
    refusals.check(answer, 400, "value", f"Bundle.entry[3].resource.{element}")
    assert stored_items() == before


def test_all_invalid_entries_are_named_at_once(clinic: ApiClient) -> None:
    wrong = entry("POST", "Encounter", care.session("bogus"))
    answer = post_refused(clinic, wrong, entry("POST", "Encounter", care.session()), wrong)
    assert answer.status == 400
    assert answer.expressions == [f"Bundle.entry[{at}].resource.status" for at in (0, 2)]


@pytest.mark.parametrize(
    "second",
    [
        entry("PUT", "Encounter/s", care.session(id="s", language="en")),
        entry("DELETE", "Encounter/s"),
        entry("PATCH", "Encounter/s", encoded([])),
        entry("DELETE", f"Encounter?identifier={TWILIO}|E1"),
        entry(
            "PUT", f"Encounter?identifier={TWILIO}|E1", care.session(identifier=identifier("E1"))
        ),
    ],
)
def test_two_entries_on_one_resource_are_refused(clinic: ApiClient, second: Any) -> None:
    clinic.put("/Encounter/s", care.session(id="s", identifier=identifier("E1")))
    first = entry("PUT", "Encounter/s", care.session(id="s", identifier=identifier("E1")))
    before = stored_items()
    for entries in ((first, second), (second, first)):
        answer = post_refused(clinic, *entries)
        assert answer.status == 400, answer.text
        assert answer.expressions[0].startswith("Bundle.entry[")
        assert stored_items() == before


@pytest.mark.parametrize("by", ["ifNoneExist", "reference"])
def test_a_query_by_other_resources_does_not_see_writes_of_its_own_transaction(
    clinic: ApiClient, by: str
) -> None:
    query = "status=in-progress&part-of.identifier=1"
    assert clinic.post("/Encounter", care.session(), if_none_exist=query).status == 201
    before = stored_items()
    conditions = {"ifNoneExist": query} if by == "ifNoneExist" else {}
    link = {} if conditions else {"encounter": care.reference(f"Encounter?{query}")}
    second = ("Encounter", care.session()) if conditions else ("Communication", care.header(**link))
    sent = bundle(
        "transaction",
        entry("POST", "Encounter", care.session()),
        entry("POST", *second, **conditions),
    )
    answer = clinic.post("/", sent)
    assert answer.status in (400, 422), answer.text
    assert "part-of.identifier cannot be evaluated" in answer.text
    assert stored_items() == before


def test_two_equal_conditional_creates_are_refused(clinic: ApiClient) -> None:
    one = entry(
        "POST",
        "Encounter",
        care.session(identifier=identifier("E1")),
        ifNoneExist=f"identifier={TWILIO}|E1",
    )
    refusals.check(post_refused(clinic, one, one), 400, "invalid", "Bundle.entry[1].request.url")


def test_a_reference_to_a_resource_deleted_by_the_same_bundle_is_refused(clinic: ApiClient) -> None:
    clinic.put("/Encounter/s", care.session(id="s"))
    answer = post_refused(
        clinic.administrator,
        entry("POST", "Communication", care.header(about=[care.reference("Encounter/s")])),
        entry("DELETE", "Encounter/s"),
    )
    refusals.check(answer, 422, "business-rule", "Bundle.entry[0].resource.about[0].reference")


def test_full_urls_must_be_unique(clinic: ApiClient) -> None:
    answer = post_refused(
        clinic,
        entry("POST", "Encounter", care.session(), urn(1)),
        entry("POST", "Encounter", care.session(), urn(1)),
    )
    refusals.check(answer, 400, "invalid", "Bundle.entry[1].fullUrl")


def test_a_header_that_gets_a_message_stays_a_header(clinic: ApiClient) -> None:
    alone, _ = thread(clinic)
    other, _ = thread(clinic)
    answer = post_refused(
        clinic,
        entry("PUT", f"Communication/{alone}", care.message(other) | {"id": alone}),
        entry("POST", "Communication", care.message(alone)),
    )
    refusals.check(answer, 422, "business-rule", "Bundle.entry[0].resource.partOf")


@pytest.mark.parametrize("number", [40, 101])
def test_more_than_a_transaction_holds_is_refused_with_advice(
    clinic: ApiClient, number: int
) -> None:
    before = stored_items()
    answer = post_refused(clinic, *[entry("POST", "Encounter", care.session())] * number)
    assert answer.status == 422
    (issue,) = answer.body["issue"]
    assert "100 items" in issue["details"]["text"]
    assert "several" in issue["diagnostics"]
    assert stored_items() == before


def test_a_reader_writes_nothing_in_a_bundle_either() -> None:
    auditor = ApiClient(role="auditor")
    read = entry("GET", "Encounter")
    assert statuses(transact(auditor, read)) == ["200"]
    answer = post_refused(auditor, read, entry("POST", "Encounter", care.session()))
    refusals.check(answer, 403, "forbidden", "Bundle.entry[1]")


# -- Malformed Bundles


@pytest.mark.parametrize(
    ("body", "status", "expression"),
    [
        (care.session(), 400, "resourceType"),
        ([], 400, "resourceType"),
        ({"resourceType": "Bundle"}, 422, "Bundle.type"),
        (bundle("collection"), 422, "Bundle.type"),
        ({**bundle("batch"), "type": ["batch"]}, 422, "Bundle.type"),
        ({**bundle("batch"), "type": {}}, 422, "Bundle.type"),
        (bundle("searchset", entry("GET", "Encounter")), 422, "Bundle.type"),
        ({**bundle("batch"), "entry": {}}, 400, "Bundle.entry"),
        ({**bundle("batch"), "colour": "red"}, 400, "Bundle.colour"),
    ],
)
def test_the_base_refuses_other_bodies(
    clinic: ApiClient, body: Any, status: int, expression: str
) -> None:
    answer = clinic.post("", body)
    assert (answer.status, answer.expressions) == (status, [expression])


def test_a_bundle_that_is_too_large_is_413(clinic: ApiClient) -> None:
    note = [{"text": "x" * 5_000_000}]
    answer = post_refused(clinic, entry("POST", "Encounter", care.session(text=note)))
    refusals.check(answer, 413, "too-long")


def test_the_capability_statement_names_batch_and_transaction(clinic: ApiClient) -> None:
    (rest,) = clinic.get("/metadata").body["rest"]
    assert {interaction["code"] for interaction in rest["interaction"]} == {"batch", "transaction"}
    assert len(rest["resource"]) > 1
    for resource in rest["resource"]:
        codes = {interaction["code"] for interaction in resource["interaction"]}
        assert not codes & {"batch", "transaction"}
