"""Published guides and API references: every request exactly as published, and its answer.

Each request uses the base path of its document; only ids from earlier answers are replaced. A
deployment that the environment names has one base path, so the documents of others are skipped.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from urllib.parse import urlencode

import httpx
import pytest

from shared.local.artefact import artefact
from shared.local.emulator import emulator
from shared.local.environment import environment
from shared.local.stack import deploy
from tests.support import care
from tests.support.published_requests import (
    FHIR,
    JSON,
    Api,
    Json,
    Medplum,
    body,
    ids,
    links,
    resources,
)

type Values = Mapping[str, str]
type Served = Callable[[str], Values]

GUIDES, REFERENCE, ROOT = "/fhir/R4", "/api/fhir", ""
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ENCOUNTER_TYPE = "https://medplum.com/fhir/CodeSystem/encounter-type"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Yield a function that returns the variables of the service under a base path."""
    if "FHIR_BASE" in os.environ:
        yield deployed
        return
    with emulator() as running:

        @cache
        def deploy_at(base_path: str) -> Values:
            return environment(running, deploy(running, artefact(), {"BasePath": base_path}))

        # All tests share one emulator. Those of one base path stand together, since each change
        # redeploys.
        yield deploy_at


def deployed(base_path: str) -> Values:
    """Return the environment's variables. Skip the test if the base path differs."""
    base = os.environ["FHIR_BASE"]
    deployed_path = next((path for path in (GUIDES, REFERENCE) if base.endswith(path)), ROOT)
    if deployed_path != base_path:
        pytest.skip(f"the deployment's base path is {deployed_path or 'empty'}")
    return os.environ


# -- The guide to asynchronous encounters, with the calls of @medplum/core, its CLI, and curl


def test_the_guide_to_asynchronous_encounters(served: Served) -> None:
    values = served(GUIDES)
    medplum = Medplum(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"])
    thread_header = medplum.create_resource(care.header())
    session = medplum.create_resource(body("guide-session"))
    of_session = f"Encounter/{session['id']}"
    link = {"op": "add", "path": "/encounter", "value": {"reference": of_session}}
    linked = medplum.patch_resource("Communication", thread_header["id"], [link])
    assert linked["encounter"] == {"reference": of_session}
    child = medplum.create_resource(body("guide-child", session=session["id"]))
    encoded = "http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fv3-ActCode%7CVR"
    curl = FHIR | {"Accept": "*/*"}
    for virtual in (
        medplum.search_resources("Encounter", {"class": f"{ACT_CODE}|VR"}),
        medplum.search_all(
            f"/Encounter?class={ACT_CODE}|VR", medplum.headers
        ),  # as the CLI sends it
        medplum.search_all(f"/Encounter?class={encoded}", curl),
    ):
        assert ids(virtual) >= {session["id"], child["id"]}
        assert {encounter["class"]["code"] for encounter in virtual} == {"VR"}
    of_threads = {"encounter": of_session, "part-of:missing": True}
    path = f"/Communication?encounter={of_session}&part-of:missing=true"
    for threads in (
        medplum.search_resources("Communication", of_threads),
        medplum.search_all(path, medplum.headers),
        medplum.search_all(path.replace(of_session, of_session.replace("/", "%2F")), curl),
    ):
        assert threads == [linked]


def test_the_guides_session_about_several_patients(served: Served) -> None:
    values = served(GUIDES)
    medplum = Medplum(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"])
    people = [{"individual": {"reference": "RelatedPerson/marge-simpson"}}]
    tagged = [{"coding": [{"system": ENCOUNTER_TYPE, "code": "session"}]}]
    family = body("guide-session") | {"type": tagged}
    family["participant"] += people
    del family["subject"]
    session = medplum.create_resource(family)
    of_session = {"reference": f"Encounter/{session['id']}"}
    children = [
        medplum.create_resource(care.medical_encounter(session["id"], patient))
        for patient in ("Patient/bart-simpson", "Patient/lisa-simpson")
    ]
    parts = medplum.search_resources("Encounter", {"part-of": of_session["reference"]})
    assert ids(parts) == ids(children)
    # The guide's first edition links each message and not only the header.
    header = medplum.create_resource(care.header(subject=care.reference("Patient/bart-simpson")))
    about_bart = {"subject": header["subject"], "encounter": of_session}
    message = medplum.create_resource(care.message(header["id"], **about_bart))
    linked = medplum.search_resources("Communication", {"encounter": of_session["reference"]})
    assert ids(linked) == {message["id"]}


# -- The guide of a plain JSON SDK, whose calls are requests to /v1


def made(sdk: Api, collection: str, sent: Json) -> Json:
    answer = sdk.send("POST", f"/{collection}", JSON, sent, status=201)
    created: Json = answer.json()["data"]
    assert created.items() >= sent.items()
    return created


def test_the_guide_of_the_plain_json_sdk(served: Served) -> None:
    values = served(GUIDES)
    root = f"{values['FHIR_BASE'].removesuffix(GUIDES)}/v1"
    sdk, admin = (Api(root, values[f"TOKEN_{role}"]) for role in ("PRACTITIONER", "ADMIN"))
    encounter = made(sdk, "encounters", body("sdk-encounter"))
    path = f"/encounters/{encounter['id']}"
    assert sdk.send("GET", path, {}).json()["data"] == encounter
    finished = body("sdk-finished")
    updated = sdk.send("PATCH", path, JSON, finished).json()["data"]
    assert updated == encounter | finished | {"version": "2", "updated": updated["updated"]}
    query = {
        "patientId": "pt_abc123",
        "status": "finished",
        "dateFrom": "2025-01-01",
        "dateTo": "2025-03-31",
        "sort": "-date",
        "count": "20",
    }
    assert updated in sdk.send("GET", f"/encounters?{urlencode(query)}", {}).json()["data"]
    linked = {"patientId": "pt_abc123", "encounterId": encounter["id"]}
    records = {
        "observations": body("sdk-observation", encounter=encounter["id"]),
        "notes": body("sdk-note", encounter=encounter["id"]),
        "prescriptions": linked | {"medication": "Lisinopril 10 mg"},
        "assessments": linked | {"summary": "Blood pressure is well controlled"},
    }
    paths = [f"/{name}/{made(sdk, name, sent)['id']}" for name, sent in records.items()]
    # Only administrators may delete a record of care. Resources that refer to it stay unchanged.
    assert sdk.send("DELETE", path, {}, status=403).json()["code"] == "forbidden"
    admin.send("DELETE", path, {}, status=204)
    sdk.send("GET", path, {}, status=410)
    for record_path in paths:
        assert sdk.send("GET", record_path, {}).json()["data"]["encounterId"] == encounter["id"]


@pytest.mark.parametrize("last", ["finished", "cancelled"])
def test_the_classes_and_the_lifecycle_of_the_plain_json_sdk(served: Served, last: str) -> None:
    values = served(GUIDES)
    root = f"{values['FHIR_BASE'].removesuffix(GUIDES)}/v1"
    sdk = Api(root, values["TOKEN_PRACTITIONER"])
    for code in ("AMB", "IMP", "EMER", "HH", "VR"):
        own_id = made(sdk, "encounters", {"status": "planned", "class": code})["id"]
    for status in ("arrived", "triaged", "in-progress", "onleave", last):
        changed = sdk.send("PATCH", f"/encounters/{own_id}", JSON, {"status": status}).json()
        assert changed["data"]["status"] == status


# -- The reference of an API under /api/fhir, with its roles


def test_the_encounter_reference_under_api_fhir(served: Served) -> None:
    values = served(REFERENCE)
    admin, practitioner, auditor = (
        Api(values["FHIR_BASE"], values[f"TOKEN_{role}"])
        for role in ("ADMIN", "PRACTITIONER", "AUDITOR")
    )
    sent = body("reference-encounter")
    created = [
        caller.send("POST", "/Encounter", JSON, sent, status=201).json()
        for caller in (admin, practitioner)
    ]
    assert all(encounter.items() >= sent.items() for encounter in created)
    check_outcome(auditor.send("POST", "/Encounter", JSON, sent, status=403), "forbidden")
    for query in ("", f"?subject={sent['subject']['reference']}", "?status=finished"):
        for caller in (admin, practitioner, auditor):
            assert ids(caller.search_all(f"/Encounter{query}", {})) >= ids(created)
    assert ids(practitioner.search_all("/Encounter?date=2024-03-15", {})) >= ids(created)
    for encounter in created:
        path = f"/Encounter/{encounter['id']}"
        for caller in (admin, practitioner, auditor):
            assert caller.send("GET", path, {}).json() == encounter
        check_outcome(auditor.send("PUT", path, JSON, encounter, status=403), "forbidden")
    for caller, encounter in zip((admin, practitioner), created, strict=True):
        changed = encounter | {"language": "en"}
        updated = caller.send("PUT", f"/Encounter/{encounter['id']}", JSON, changed).json()
        assert updated == changed | {"meta": updated["meta"]}


def test_the_classes_and_the_lifecycle_of_the_encounter_reference(served: Served) -> None:
    values = served(REFERENCE)
    caller = Api(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"])
    for code in ("AMB", "EMER", "IMP", "VR"):
        of_class = {"class": {"system": ACT_CODE, "code": code}, "status": "planned"}
        sent = body("reference-encounter") | of_class
        stored = caller.send("POST", "/Encounter", JSON, sent, status=201).json()
    for status in ("arrived", "in-progress", "finished"):
        sent = stored | {"status": status}
        stored = caller.send("PUT", f"/Encounter/{stored['id']}", JSON, sent).json()
        assert stored["status"] == status


# -- The reference of an API at the root, for reading and searching


def test_the_encounter_reference_at_the_root(served: Served) -> None:
    values = served(ROOT)
    caller, admin = (
        Api(values["FHIR_BASE"], values[f"TOKEN_{role}"]) for role in ("PRACTITIONER", "ADMIN")
    )
    accept = {"accept": "application/json"}
    visits = [body(f"root-{status}") for status in ("finished", "in-progress")]
    for visit in visits:
        path = f"/Encounter/{visit['id']}"
        admin.send("DELETE", path, {}, status=204)  # an earlier run may have left some
        caller.send("PUT", path, JSON, visit, status=201)
        encounter = caller.send("GET", path, accept).json()
        assert encounter == visit | {"meta": encounter["meta"]}
    assert ids(caller.search_all("/Encounter", accept)) >= ids(visits)
    patient = visit["subject"]["reference"]
    for query in (
        f"_id={visit['id']}",
        f"subject={patient}",
        f"patient={patient}",
        f"patient={patient.removeprefix('Patient/')}",
        f"date=ge{visit['period']['start'][:10]}",
    ):
        assert visit["id"] in ids(caller.search_all(f"/Encounter?{query}", accept)), query
    booked = {"appointment": [care.reference("Appointment/annual")]}
    caller.send("PUT", path, JSON, visit | booked)
    assert ids(caller.search_all("/Encounter?appointment=Appointment/annual", accept)) == {
        visit["id"]
    }
    unknown = "/Encounter/7d1ce256fcd7408193b0459650937a07"
    check_outcome(caller.send("GET", unknown, accept, status=404), "not-found")
    check_outcome(caller.send("GET", "/Encounter?_count=ten", accept, status=400), "invalid")
    check_outcome(caller.send("GET", "/Encounter?colour=red", accept, status=400), "invalid")


def check_outcome(answer: httpx.Response, code: str) -> None:
    """Assert that a refusal is an OperationOutcome with one error, which has a text for people."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert issue["details"]["text"]


def test_the_pages_of_the_encounter_reference_at_the_root(served: Served) -> None:
    values = served(ROOT)
    caller = Api(values["FHIR_BASE"], values["TOKEN_PRACTITIONER"])
    accept = {"accept": "application/json"}
    for _ in range(12):
        caller.send("POST", "/Encounter", JSON, care.visit(), status=201)
    path = "/Encounter?_count=10&_offset="
    first = caller.send("GET", f"{path}0", accept).json()
    total, base = first["total"], f"{caller.url}{path}"
    assert links(first) == {
        "self": f"{base}0",
        "first": f"{base}0",
        "next": f"{base}10",
        "last": f"{base}{(total - 1) // 10 * 10}",
    }
    matches = resources(first)
    page = first
    while following := links(page).get("next"):
        page = caller.send("GET", following.removeprefix(caller.url), accept).json()
        assert page["total"] == total
        assert links(page)["self"] == following
        matches += resources(page)
    assert len(matches) == len(ids(matches)) == total
    assert links(page)["self"] == links(first)["last"]
