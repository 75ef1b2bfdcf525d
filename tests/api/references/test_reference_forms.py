"""Malformed references are refused everywhere, and all forms of a reference are equal."""

from base64 import b64encode
from typing import Any

import pytest

from shared.fhir import fhirjson
from tests.support import care, refusals
from tests.support.api_client import BASE, DOMAIN, ORIGIN, ApiClient
from tests.support.bundles import batch, bundle, entry, post_refused, statuses, transact, urn
from tests.support.consistency import check, stored_items
from tests.support.steps import open_session

JSON = "application/json"
WRONG = ["01HZX3", "Organisation/1", "/Communication/x", "Communication/x/", "Communication/m_1"]
SPELLINGS = [
    "{0}",
    "{0}/_history/1",
    BASE + "/{0}",
    f"http://{DOMAIN}/fhir/R4/{{0}}",
    f"HTTPS://{DOMAIN.upper()}:443/fhir/R4/{{0}}/_history/1",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_message_names_its_thread_by_a_reference_or_is_refused(
    clinic: ApiClient, text: str
) -> None:
    before = stored_items()
    body = care.message("x", partOf=[care.reference(text)])
    answer = clinic.post("/Communication", body)
    refusals.check(answer, 400, "value", "Communication.partOf[0].reference")
    put = clinic.put("/Communication/m", body | {"id": "m"})
    refusals.check(put, 400, "value", "Communication.partOf[0].reference")
    assert stored_items() == before


@pytest.mark.parametrize("text", WRONG)
def test_a_patch_cannot_add_a_malformed_reference(clinic: ApiClient, text: str) -> None:
    header = clinic.post("/Communication", care.header()).id
    patch = [{"op": "add", "path": "/encounter", "value": care.reference(text)}]
    answer = clinic.patch(f"/Communication/{header}", patch)
    refusals.check(answer, 400, "value", "Communication.encounter.reference")
    merged = clinic.call(
        "PATCH",
        f"/Communication/{header}",
        {"about": [care.reference(text)]},
        content_type="application/merge-patch+json",
    )
    refusals.check(merged, 400, "value", "Communication.about[0].reference")


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("kind", ["Observation", "Patient", "Appointment", "Group"])
def test_every_type_refuses_a_malformed_reference(clinic: ApiClient, kind: str, text: str) -> None:
    extension = [{"url": "https://clinic.example/x", "valueReference": care.reference(text)}]
    answer = clinic.post(f"/{kind}", care.example(kind, extension=extension))
    refusals.check(answer, 400, "value", f"{kind}.extension[0].valueReference.reference")


@pytest.mark.parametrize("text", WRONG)
def test_an_entry_of_a_bundle_refuses_a_malformed_reference(clinic: ApiClient, text: str) -> None:
    body = care.header(about=[care.reference(text)])
    place = "Bundle.entry[0].resource.about[0].reference"
    answer = post_refused(clinic, entry("POST", "Communication", body, urn(1)))
    refusals.check(answer, 400, "value", place)
    (said,) = batch(clinic, entry("POST", "Communication", body))
    assert said["response"]["status"] == "400"
    assert said["response"]["outcome"]["issue"][0]["expression"] == [place]


def test_a_patch_in_a_bundle_refuses_a_malformed_reference(clinic: ApiClient) -> None:
    header = clinic.post("/Communication", care.header()).id
    patch = [{"op": "add", "path": "/encounter", "value": care.reference("Organisation/1")}]
    data = b64encode(fhirjson.dumps(patch)).decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    answer = post_refused(clinic, entry("PATCH", f"Communication/{header}", binary))
    refusals.check(answer, 400, "value", "Bundle.entry[0].resource.encounter.reference")


@pytest.mark.parametrize("text", ["homer-simpson", "Organisation/1", "/Patient/1", "Patient/1/"])
def test_an_operation_refuses_a_malformed_reference(clinic: ApiClient, text: str) -> None:
    place = "Parameters.parameter[0].valueReference.reference"
    opened = clinic.post("/Encounter/$open-session", care.parameters(("patient", text)))
    refusals.check(opened, 400, "value", place)
    session = open_session(clinic)
    added = clinic.post(f"/Encounter/{session}/$add-patient", care.parameters(("patient", text)))
    refusals.check(added, 400, "value", place)
    template = care.session(subject=care.reference(text))
    opened = clinic.post("/Encounter/$open-session", care.parameters(("encounter", template)))
    assert opened.status == 400
    assert opened.body["issue"][0]["code"] == "value"


def test_validate_names_a_malformed_reference(clinic: ApiClient) -> None:
    body = care.header(about=[care.reference("Organisation/1")])
    answer = clinic.post("/Communication/$validate", body)
    assert (answer.status, answer.body["issue"][0]["severity"]) == (200, "error")
    assert answer.body["issue"][0]["expression"] == ["Communication.about[0].reference"]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("patientId", "Organisation/1"),
        ("patientId", "/Patient/1"),
        ("patientId", "Patient/1/"),
        ("patientId", "a b"),
        ("practitionerId", "Practitioner/"),
        ("practitionerId", f"{BASE}/Organisation/1"),
        ("partOfId", "enc_xyz789"),
        ("partOfId", "Encounter/enc_xyz789"),
        ("location", "Location/room 204"),
        ("location", f"{BASE}/Organisation/1"),
    ],
)
def test_the_plain_api_refuses_a_malformed_reference(
    clinic: ApiClient, field: str, text: str
) -> None:
    body = {"status": "in-progress", "class": "AMB", "patientId": "homer-simpson", field: text}
    answer = clinic.call("POST", f"{ORIGIN}/v1/encounters", body, content_type=JSON)
    assert answer.status == 400, answer.text
    assert [error["pointer"] for error in answer.body["errors"]] == [f"#/{field}"]


@pytest.mark.parametrize("text", ["Organisation/1", "/Patient/1", "Patient/1/", "a b", "#p"])
def test_the_plain_api_refuses_a_malformed_reference_in_a_search(
    clinic: ApiClient, text: str
) -> None:
    query = text.replace(" ", "%20").replace("#", "%23")
    answer = clinic.get(f"{ORIGIN}/v1/encounters?patientId={query}")
    assert answer.status == 400, answer.text
    assert [error["parameter"] for error in answer.body["errors"]] == ["patientId"]


# ---- Spellings of the server's base -------------------------------------------------------------


@pytest.mark.parametrize("form", SPELLINGS)
def test_a_thread_and_its_session_are_known_in_every_spelling(clinic: ApiClient, form: str) -> None:
    session = open_session(clinic)
    linked = care.reference(form.format(f"Encounter/{session}"))
    header = clinic.post("/Communication", care.header(encounter=linked))
    part = [care.reference(form.format(f"Communication/{header.id}"))]
    message = clinic.post("/Communication", care.message("x", partOf=part))
    assert (message.status, message.body["partOf"]) == (201, part)
    assert clinic.get(f"/Communication?part-of=Communication/{header.id}").ids == [message.id]
    assert clinic.get(f"/Communication?session=Encounter/{session}").ids == [message.id]
    check()


@pytest.mark.parametrize("form", SPELLINGS)
def test_a_search_matches_every_spelling_of_a_reference(clinic: ApiClient, form: str) -> None:
    subject = care.reference(form.format(care.HOMER))
    found = clinic.post("/Encounter", care.visit(subject=subject)).id
    for other in SPELLINGS:
        for name in ("subject", "patient"):
            assert clinic.get(f"/Encounter?{name}={other.format(care.HOMER)}").ids == [found]


@pytest.mark.parametrize("form", SPELLINGS)
def test_a_reference_to_nothing_is_refused_in_every_spelling(clinic: ApiClient, form: str) -> None:
    body = care.header(about=[care.reference(form.format("Encounter/nowhere"))])
    answer = clinic.post("/Communication", body)
    refusals.check(answer, 422, "business-rule", "Communication.about[0].reference")


@pytest.mark.parametrize("form", SPELLINGS)
def test_a_patient_is_recognised_in_every_spelling(clinic: ApiClient, form: str) -> None:
    subject = care.reference(form.format(care.HOMER))
    seen = clinic.post("/Encounter", care.visit(subject=subject)).id
    homer = ApiClient(role="patient", fhir_user=form.format(care.HOMER))
    assert homer.get("/Encounter").ids == [seen]
    assert homer.get(f"/Encounter/{seen}").status == 200
    posted = homer.post("/Communication", care.header(subject=subject, sender=subject))
    assert posted.status == 201, posted.text


@pytest.mark.parametrize("form", SPELLINGS[2:4])
def test_the_url_of_an_entry_may_use_any_spelling_of_the_base(clinic: ApiClient, form: str) -> None:
    session = open_session(clinic)
    assert statuses(batch(clinic, entry("GET", form.format(f"Encounter/{session}")))) == ["200"]


def test_a_conditional_reference_may_be_absolute(clinic: ApiClient) -> None:
    identifier = [{"system": "https://sms.example", "value": "1"}]
    header = clinic.post("/Communication", care.header(identifier=identifier)).id
    for base in ("", "/", f"{BASE}/", f"http://{DOMAIN.upper()}/fhir/R4/"):
        text = f"{base}Communication?identifier=https://sms.example|1"
        said = clinic.post("/Communication", care.message("x", partOf=[care.reference(text)]))
        assert said.body["partOf"] == [care.reference(f"Communication/{header}")]


# ---- Entries of a transaction -------------------------------------------------------------------


def test_a_transaction_keeps_the_version_of_a_reference_to_its_own_entry(clinic: ApiClient) -> None:
    old = "https://old.example/fhir"
    observation = care.example("Observation")
    observation["subject"] = care.reference(f"{old}/Patient/7/_history/1")
    observation["focus"] = [care.reference("Patient/9/_history/1")]
    observation["performer"] = [care.reference(f"{urn(2)}/_history/1")]
    put = {"resourceType": "Patient", "id": "9"}
    answered = transact(
        clinic,
        entry("POST", "Patient", {"resourceType": "Patient"}, f"{old}/Patient/7"),
        entry("PUT", "Patient/9", put, f"{BASE}/Patient/9"),
        entry("POST", "Practitioner", {"resourceType": "Practitioner"}, urn(2)),
        entry("POST", "Observation", observation, urn(1)),
    )
    patient, _, carer, found = [answer["resource"] for answer in answered]
    assert found["subject"] == care.reference(f"Patient/{patient['id']}/_history/1")
    assert found["focus"] == [care.reference("Patient/9/_history/1")]
    assert found["performer"] == [care.reference(f"Practitioner/{carer['id']}/_history/1")]


def test_references_between_entries_match_any_spelling_of_a_full_url(clinic: ApiClient) -> None:
    text = "HTTP://Old.Example:80/fhir/Communication/7"
    message = care.message("x", partOf=[care.reference(text)])
    header, said = transact(
        clinic,
        entry("POST", "Communication", care.header(), "https://old.example/fhir/Communication/7"),
        entry("POST", "Communication", message, urn(3)),
    )
    own_id = header["resource"]["id"]
    assert said["resource"]["partOf"] == [care.reference(f"Communication/{own_id}")]
    assert said["resource"]["id"].startswith(f"{own_id}.")


def test_a_bundle_may_refer_to_resources_outside_itself(clinic: ApiClient) -> None:
    body = care.header(about=[care.reference("https://other.example/Encounter/1/_history/2")])
    (said,) = transact(clinic, entry("POST", "Communication", body, urn(1)))
    assert said["resource"]["about"] == body["about"]
    missing = care.header(about=[care.reference(urn(9))])
    answer = clinic.post("", bundle("transaction", entry("POST", "Communication", missing, urn(1))))
    refusals.check(answer, 400, "not-found", "Bundle.entry[0].resource.about[0].reference")


# ---- The type of a reference ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        (care.reference(care.HOMER) | {"type": "Group"}, "type"),
        (care.reference(f"{BASE}/{care.HOMER}") | {"type": "Group"}, "type"),
        (care.reference(f"{BASE}/Device/1"), "reference"),
        (care.reference("#inside"), "reference"),
    ],
)
def test_the_type_of_a_reference_is_checked(
    clinic: ApiClient, subject: dict[str, Any], place: str
) -> None:
    contained = [{"resourceType": "Device", "id": "inside"}]
    body = care.visit(subject=subject)
    if subject["reference"] == "#inside":
        body["contained"] = contained
    refusals.check(clinic.post("/Encounter", body), 400, "value", f"Encounter.subject.{place}")
