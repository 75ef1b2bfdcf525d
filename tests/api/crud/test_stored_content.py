"""Stored content: a read returns what was written."""

import re
from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.steps import end, link, open_session, post, thread

MERGE = "application/merge-patch+json"
SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
TAGS = [{"system": "https://clinic.example/tags", "code": "urgent"}]
NOTE = {"url": "https://clinic.example/note", "valueString": "by telephone"}

ENCOUNTER = {
    "resourceType": "Encounter",
    "status": "in-progress",
    "class": {"display": "by chat"},
    "classHistory": [{"class": {"code": "AMB"}, "period": {"start": "2019"}}],
    "statusHistory": [{"status": "planned", "period": {"start": "2020-02", "end": "2021-06-15"}}],
    "subject": {"display": "Homer", "identifier": {"system": "urn:ssn", "value": "1"}},
    "episodeOfCare": [{"reference": "EpisodeOfCare/not-kept-here"}],
    "period": {"start": "2021-06-15T20:56:01.419149+00:00", "_end": {"extension": [NOTE]}},
    "length": {"value": 15, "unit": "Min.", "system": "http://unitsofmeasure.org", "code": "min"},
    "reasonCode": [{"text": 'Ausschlag: "é" 湿疹 🤒 \\ / \t\u2028'}],
    "participant": [
        {"period": {"start": "2021-06-15T20:56:01-05:00"}},
        {"id": "p2", "individual": {"reference": "PractitionerRole/7", "display": "Alice"}},
    ],
    "extension": [NOTE],
}
COMMUNICATION = {
    "resourceType": "Communication",
    "status": "completed",
    "_status": {"id": "read", "extension": [NOTE]},
    "identifier": [{"system": "https://twilio.com", "value": "CH1"}, {"value": "no system"}],
    "instantiatesUri": ["https://clinic.example/protocol", None],
    "_instantiatesUri": [None, {"extension": [NOTE]}],
    "contained": [{"resourceType": "Patient", "id": "p", "name": [{"given": ["Bart"]}]}],
    "subject": {"reference": "#p"},
    "sent": "2021-06-15T20:56:01.419149+00:00",
    "received": "2021-06-15",
    "payload": [
        {"contentString": "one  two\n"},
        {"contentAttachment": {"contentType": "text/plain", "data": "aGk=", "creation": "2021"}},
    ],
    "note": [{"time": "2021-06-15T20:56:01Z", "text": "*late*"}],
}


def client_content(body: dict[str, Any]) -> dict[str, Any]:
    """Return a resource without the server's elements."""
    return {name: value for name, value in body.items() if name not in ("id", "meta")}


@pytest.mark.parametrize("body", [ENCOUNTER, COMMUNICATION, care.session(), care.header()])
def test_a_read_returns_what_was_written(clinic: ApiClient, body: dict[str, Any]) -> None:
    resource_type = body["resourceType"]
    created = clinic.post(f"/{resource_type}", body)
    assert created.status == 201, created.text
    path = f"/{resource_type}/{created.id}"
    assert client_content(created.body) == body
    assert client_content(clinic.get(path).body) == body
    (match,) = clinic.get(f"/{resource_type}?_id={created.id}").resources
    assert client_content(match) == body
    changed = {**body, "language": "de"}
    assert client_content(clinic.put(path, {**changed, "id": created.id}).body) == changed
    assert client_content(clinic.get(f"{path}/_history/1").body) == body


DECIMALS = [
    "1.50",
    "15",
    "0.00",
    "-0.0",
    "-0",
    "1.5E+2",
    "1e-7",
    "100000000000000000000",
    "0.12345678901234567890123456789",
]


@pytest.mark.parametrize("digits", DECIMALS)
def test_decimals_are_kept_digit_for_digit(clinic: ApiClient, digits: str) -> None:
    text = (
        '{"resourceType":"Encounter","id":"timed","status":"finished","class":{"code":"AMB"},'
        f'"length":{{"value":{digits},"unit":"min"}}}}'
    )
    kept = f'"length":{{"value":{digits},"unit":"min"}}'
    assert kept in clinic.put("/Encounter/timed", text).text
    onward = [{"op": "add", "path": "/language", "value": "de"}]
    assert kept in clinic.patch("/Encounter/timed", onward).text
    for path in ("", "/_history/1", "/_history"):
        assert kept in clinic.get(f"/Encounter/timed{path}").text
    assert kept in clinic.get("/Encounter?_id=timed").text


@pytest.mark.parametrize("digits", DECIMALS)
def test_a_patch_keeps_its_decimals_too(clinic: ApiClient, digits: str) -> None:
    path = f"/Encounter/{clinic.post('/Encounter', care.visit()).id}"
    operation = f'[{{"op":"add","path":"/length","value":{{"value":{digits}}}}}]'
    assert f'"length":{{"value":{digits}}}' in clinic.patch(path, operation).text
    merge = f'{{"length":{{"value":{digits},"unit":"min"}}}}'
    answer = clinic.call("PATCH", path, merge, content_type=MERGE)
    assert f'"length":{{"value":{digits},"unit":"min"}}' in answer.text
    assert clinic.get(path).text == answer.text


def test_another_number_of_digits_is_a_change(clinic: ApiClient) -> None:
    path = f"/Encounter/{clinic.post('/Encounter', care.visit()).id}"
    for version, digits in enumerate(("1.5", "1.50", "1.50"), start=2):
        merge = f'{{"length":{{"value":{digits}}}}}'
        answer = clinic.call("PATCH", path, merge, content_type=MERGE)
        assert answer.version == str(min(version, 3))


@pytest.mark.parametrize(
    "written",
    [
        "2021-06-15T20:56:01.419149+00:00",
        "2021-06-15T20:56:01.4-14:00",
        "2016-12-31T23:59:60Z",
        "2021-06-15",
        "2021-06",
        "2021",
    ],
)
def test_date_times_are_kept_verbatim(clinic: ApiClient, written: str) -> None:
    header_id, _ = thread(clinic)
    message = clinic.get(f"/Communication/{post(clinic, header_id, written)}").body
    assert message["sent"] == written
    visit = clinic.post("/Encounter", care.visit(period={"start": written}))
    assert clinic.get(f"/Encounter/{visit.id}").body["period"] == {"start": written}


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001", "9999-12-31"]
)
def test_the_ends_of_the_calendar_are_dates_too(clinic: ApiClient, written: str) -> None:
    session_id = open_session(clinic, period={"start": written})
    assert clinic.get(f"/Encounter?date=ge{written}&_sort=date").ids == [session_id]
    encounter = care.reference(f"Encounter/{session_id}")
    header_id, _ = thread(clinic, encounter=encounter, sent=written)
    message_id = post(clinic, header_id, written)
    path = f"/Communication?sent={written}&part-of:missing"
    assert clinic.get(f"{path}=true").ids == [header_id]
    assert clinic.get(f"{path}=false").ids == [message_id]
    end(clinic, session_id)
    assert clinic.get(f"/Encounter/{session_id}").body["period"]["start"] == written


def test_version_and_last_updated_are_set_by_the_server(clinic: ApiClient) -> None:
    meta = {"versionId": "7", "lastUpdated": "1999-01-01T00:00:00Z"}
    created = clinic.post("/Encounter", care.session(meta=meta))
    given = created.body["meta"]
    assert given["versionId"] == "1"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", given["lastUpdated"])
    again = clinic.put(f"/Encounter/{created.id}", created.body | {"meta": meta})
    assert (again.status, again.text) == (200, created.text)


def test_the_rest_of_meta_belongs_to_the_client_and_is_replaced_not_merged(
    clinic: ApiClient,
) -> None:
    meta = {
        "profile": ["https://clinic.example/StructureDefinition/chat"],
        "tag": TAGS,
        "security": [{"code": "R"}],
        "source": "https://clinic.example/chat",
        "extension": [NOTE],
    }
    created = clinic.post("/Encounter", care.session(meta=meta))
    path = f"/Encounter/{created.id}"
    assert created.body["meta"].items() >= meta.items()
    replaced = clinic.put(path, created.body | {"meta": {"tag": [{"code": "calm"}]}})
    assert replaced.version == "2"
    assert set(replaced.body["meta"]) == {"versionId", "lastUpdated", "tag"}
    assert replaced.body["meta"]["tag"] == [{"code": "calm"}]
    none = clinic.put(path, client_content(created.body) | {"id": created.id})
    assert set(none.body["meta"]) == {"versionId", "lastUpdated"}
    assert clinic.get(f"{path}/_history/1").text == created.text


@pytest.mark.parametrize(
    "servers",
    [{}, {"versionId": "7"}, {"lastUpdated": "1999-01-01T00:00:00Z"}, {"project": "1", "tag": []}],
)
def test_a_meta_of_which_only_an_id_is_left_is_accepted(
    clinic: ApiClient, servers: dict[str, Any]
) -> None:
    created = clinic.post("/Encounter", care.session(meta={"id": "m", **servers}))
    assert created.status == 201, created.text
    assert set(created.body["meta"]) == {"id", "versionId", "lastUpdated"}
    path = f"/Encounter/{created.id}"
    again = clinic.put(path, created.body)
    assert (again.status, again.version) == (200, "1")
    emptied = clinic.patch(path, [{"op": "add", "path": "/language", "value": "de"}])
    assert (emptied.status, emptied.body["meta"]["id"]) == (200, "m")
    wrong = clinic.post("/Encounter", care.session(meta={"id": 5, **servers}))
    assert (wrong.status, wrong.expressions) == (400, ["Encounter.meta.id"])


LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
PROFILE = "https://clinic.example/StructureDefinition/session"
ONCE: dict[str, Any] = {
    "profile": [PROFILE, f"{PROFILE}|2"],
    "security": [LABEL],
    "tag": [*TAGS, {"code": "urgent"}, {"display": "Urgent"}, {"system": TAGS[0]["system"]}],
}
REPEATED: dict[str, Any] = {
    "profile": [PROFILE, f"{PROFILE}|2", PROFILE],
    "security": [LABEL, LABEL | {"display": "restricted"}],
    "tag": [*ONCE["tag"], TAGS[0] | {"userSelected": True}, *reversed(ONCE["tag"])],
}


def meta_of(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource["meta"]
    return {name: meta[name] for name in ("profile", "security", "tag") if name in meta}


def test_a_duplicate_tag_label_or_profile_is_stored_once(clinic: ApiClient) -> None:
    created = clinic.post("/Encounter", care.session(meta=REPEATED))
    assert meta_of(created.body) == ONCE
    path = f"/Encounter/{created.id}"
    assert clinic.put(path, created.body | {"meta": REPEATED}).version == "1"
    for name, values in REPEATED.items():
        add = [{"op": "add", "path": f"/meta/{name}/-", "value": value} for value in values]
        assert clinic.patch(path, add).version == "1"
    merge = clinic.call("PATCH", path, {"meta": REPEATED}, content_type=MERGE)
    assert merge.version == "1"
    for kind in ("batch", "transaction"):
        request = {"method": "POST", "url": "Encounter"}
        entry = {"request": request, "resource": care.session(meta=REPEATED)}
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        assert meta_of(clinic.post("", bundle).body["entry"][0]["resource"]) == ONCE


def test_a_mistake_is_located_correctly_among_repeated_tags(clinic: ApiClient) -> None:
    tags = [*TAGS, *TAGS, {"code": 5}]
    answer = clinic.post("/Encounter", care.session(meta={"tag": tags}))
    assert (answer.status, answer.expressions) == (400, ["Encounter.meta.tag[2].code"])


def test_medplums_own_meta_is_dropped_not_refused(clinic: ApiClient) -> None:
    meta = {
        "project": "1",
        "author": {"reference": "Practitioner/1"},
        "account": {"reference": "Organization/1"},
        "accounts": [{"reference": "Organization/1"}],
        "compartment": [{"reference": "Patient/1"}],
        "onBehalfOf": {"reference": "Patient/1"},
        "tag": TAGS,
    }
    created = clinic.post("/Encounter", care.session(meta=meta))
    assert created.status == 201, created.text
    assert set(created.body["meta"]) == {"versionId", "lastUpdated", "tag"}


def test_a_partial_resource_is_not_stored(clinic: ApiClient) -> None:
    created = clinic.post("/Encounter", care.session())
    path, meta = f"/Encounter/{created.id}", {"tag": [*TAGS, SUBSETTED]}
    add = [{"op": "add", "path": "/meta/tag", "value": [*TAGS, SUBSETTED]}]
    for answer in (
        clinic.post("/Encounter", care.session(meta=meta)),
        clinic.put(path, created.body | {"meta": meta}),
        clinic.patch(path, add),
    ):
        refusals.check(answer, 422, "business-rule", "Encounter.meta.tag[1]")
    assert clinic.get(path).text == created.text


def test_empty_elements_and_stray_nulls_are_removed(clinic: ApiClient) -> None:
    body = care.header(
        recipient=[],
        topic={"text": ""},
        category=[{"coding": [{}]}, None, {"text": "chat"}],
        note=None,
        inResponseTo=[None],
        about=[{"reference": ""}],
    )
    created = clinic.post("/Communication", body)
    assert created.status == 201, created.text
    kept = {name: body[name] for name in ("resourceType", "status", "subject", "sender")}
    assert client_content(created.body) == kept | {"category": [{"text": "chat"}]}


def test_null_is_kept_only_beside_an_extension(clinic: ApiClient) -> None:
    urls, extended = ["https://a.example", None, None], [None, {"extension": [NOTE]}, None]
    body = care.header(instantiatesUri=urls, _instantiatesUri=extended)
    created = clinic.post("/Communication", body)
    assert created.status == 201, created.text
    assert created.body["instantiatesUri"] == urls[:2]
    assert created.body["_instantiatesUri"] == extended[:2]


def test_issues_are_located_in_the_body_as_sent(clinic: ApiClient) -> None:
    body = care.header(category=[{}, None, {"coding": [{}, {"bogus": "x"}]}])
    answer = clinic.post("/Communication", body)
    refusals.check(answer, 400, "structure", "Communication.category[2].coding[1].bogus")


def narrative(status: str, text: str = "A chat") -> dict[str, str]:
    return {"status": status, "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}


@pytest.mark.parametrize(
    ("status", "stays"),
    [("generated", False), ("extensions", False), ("additional", True), ("empty", True)],
)
def test_a_patch_removes_a_generated_narrative(
    clinic: ApiClient, status: str, *, stays: bool
) -> None:
    text = narrative(status)
    path = f"/Encounter/{clinic.post('/Encounter', care.session(text=text)).id}"
    unchanged = [{"op": "replace", "path": "/status", "value": "in-progress"}]
    assert clinic.patch(path, unchanged).body["text"] == text
    patched = clinic.patch(path, [{"op": "replace", "path": "/status", "value": "onleave"}])
    assert patched.body["status"] == "onleave"
    assert patched.body.get("text") == (text if stays else None)
    assert clinic.get(path).text == patched.text


def test_a_narrative_written_by_the_patch_is_kept(clinic: ApiClient) -> None:
    created = clinic.post("/Encounter", care.session(text=narrative("generated")))
    renewed = narrative("generated", "On leave")
    patched = clinic.patch(
        f"/Encounter/{created.id}",
        [
            {"op": "replace", "path": "/status", "value": "onleave"},
            {"op": "replace", "path": "/text", "value": renewed},
        ],
    )
    assert patched.body["text"] == renewed


@pytest.mark.parametrize(
    "change",
    [
        [
            {"op": "replace", "path": "/status", "value": "onleave"},
            {"op": "add", "path": "/text", "value": narrative("generated")},
        ],
        [
            {"op": "replace", "path": "/text/div", "value": narrative("generated")["div"]},
            {"op": "replace", "path": "/status", "value": "onleave"},
        ],
        {"status": "onleave", "text": narrative("generated")},
    ],
)
def test_a_narrative_written_unchanged_by_the_patch_is_kept(clinic: ApiClient, change: Any) -> None:
    text = narrative("generated")
    path = f"/Encounter/{clinic.post('/Encounter', care.session(text=text)).id}"
    kind = MERGE if isinstance(change, dict) else "application/json-patch+json"
    patched = clinic.call("PATCH", path, change, content_type=kind)
    assert (patched.body["status"], patched.body["text"]) == ("onleave", text)
    removed = clinic.patch(path, [{"op": "remove", "path": "/text"}])
    assert "text" not in removed.body


def test_a_put_keeps_the_narrative_it_was_sent_with(clinic: ApiClient) -> None:
    text = narrative("generated")
    created = clinic.post("/Encounter", care.session(text=text))
    end(clinic, created.id)
    assert clinic.get(f"/Encounter/{created.id}").body["text"] == text


def test_a_change_by_the_server_removes_a_generated_narrative(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    texts = {"bart": narrative("generated"), "lisa": narrative("additional")}
    children = {
        name: clinic.post(
            "/Encounter", care.medical_encounter(session_id, f"Patient/{name}", text=text)
        ).id
        for name, text in texts.items()
    }
    end(clinic, session_id)
    bart, lisa = (clinic.get(f"/Encounter/{children[name]}").body for name in ("bart", "lisa"))
    assert (bart["status"], lisa["status"]) == ("finished", "finished")
    assert "text" not in bart
    assert lisa["text"] == texts["lisa"]


def test_a_start_corrected_by_a_message_removes_a_generated_narrative(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, _ = thread(clinic, "2026-11-20T09:00:00Z")
    link(clinic, header_id, session_id)
    end(clinic, session_id)
    reopened = clinic.get(f"/Encounter/{session_id}").body
    reopened |= {"status": "in-progress", "text": narrative("generated")}
    assert clinic.put(f"/Encounter/{session_id}", reopened).body["text"] == reopened["text"]
    post(clinic, header_id, "2026-11-20T10:00:00Z")
    assert clinic.get(f"/Encounter/{session_id}").body["text"] == reopened["text"]
    post(clinic, header_id, "2026-11-20T08:00:00Z")
    corrected = clinic.get(f"/Encounter/{session_id}").body
    assert corrected["period"]["start"] == "2026-11-20T08:00:00.000Z"
    assert "text" not in corrected


def test_a_message_does_not_change_its_session_or_header(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    encounter = care.reference(f"Encounter/{session_id}")
    header_id, _ = thread(clinic, encounter=encounter, text=narrative("generated"))
    before = [clinic.get(f"/Encounter/{session_id}"), clinic.get(f"/Communication/{header_id}")]
    post(clinic, header_id, "2026-11-20T09:00:00Z")
    after = [clinic.get(f"/Encounter/{session_id}"), clinic.get(f"/Communication/{header_id}")]
    assert [resource.text for resource in before] == [resource.text for resource in after]


def test_names_and_their_extensions_are_stored_in_step(clinic: ApiClient) -> None:
    said = {"extension": [{"url": "https://example.org/x", "valueCode": "y"}]}
    name = {"given": ["Ann", "Eve"], "_given": [None]}
    path = f"/Patient/{clinic.post('/Patient', care.example('Patient', name=[name])).id}"
    assert clinic.get(path).body["name"] == [{"given": ["Ann", "Eve"]}]
    body = care.example("Patient", id=path.rpartition("/")[2], name=[name | {"_given": [said]}])
    assert clinic.put(path, body).body["name"] == [
        {"given": ["Ann", "Eve"], "_given": [said, None]}
    ]
    patched = clinic.patch(path, [{"op": "remove", "path": "/name/0/given/1"}])
    assert patched.body["name"] == [{"given": ["Ann"], "_given": [said]}]
    assert clinic.get(f"{path}?_elements=name").body["name"] == patched.body["name"]
    patched = clinic.patch(path, [{"op": "replace", "path": "/name/0/_given/0", "value": None}])
    assert patched.body["name"] == [{"given": ["Ann"]}]
