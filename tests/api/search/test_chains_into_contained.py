"""Chains look into contained resources, whichever plan a search follows.

https://hl7.org/fhir/R4/search.html#contained
"""

import random
from dataclasses import replace
from string import ascii_letters
from typing import Any

import pytest

from shared.search.run import driving
from tests.support import care
from tests.support.api_client import ApiClient

# Larger than a row, so that rows contain only the searched elements.
LONG = "".join(random.Random(1).choices(ascii_letters, k=20_000))


def organization(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "id": "inside", "name": name, **more}


def visit(*contained: dict[str, Any], **more: Any) -> dict[str, Any]:
    return care.visit(contained=list(contained), **more)


@pytest.fixture
def visits(clinic: ApiClient) -> dict[str, str]:
    """Store visits whose provider is contained, stored here, or both."""
    stored = clinic.put(
        "/Organization/inside", organization("Springfield General", active=False)
    ).body["id"]
    provider = care.reference("#inside")
    parent = {"resourceType": "Organization", "id": "above", "name": "Shelbyville Trust"}
    bodies = {
        "contained": visit(organization("Springfield General"), serviceProvider=provider),
        "another": visit(organization("Shelbyville Clinic"), serviceProvider=provider),
        "stored": care.visit(serviceProvider=care.reference(f"Organization/{stored}")),
        "within": visit(
            organization("Ward 4", partOf=care.reference("#above")),
            parent,
            serviceProvider=provider,
        ),
        "long": visit(organization("Springfield Annex", alias=[LONG]), serviceProvider=provider),
        "none": care.visit(),
    }
    return {name: clinic.post("/Encounter", body).id for name, body in bodies.items()}


FOUND = {
    "service-provider.name=springfield": "contained stored long",
    "service-provider:Organization.name=springfield": "contained stored long",
    "service-provider.name=shelbyville": "another",
    "service-provider.name=nowhere": "",
    "service-provider.partof.name=shelbyville": "within",
    "service-provider.active=false": "stored",
    "service-provider.active:missing=true": "contained another within long",
    # The id of a contained resource means nothing outside its container.
    "service-provider._id=inside": "stored",
    "service-provider._has:Encounter:service-provider:class=AMB": "stored",
}


@pytest.mark.parametrize("driven", [True, False])
@pytest.mark.parametrize("query", FOUND)
def test_a_chain_finds_contained_and_stored_resources(
    clinic: ApiClient,
    visits: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    driven: bool,
) -> None:
    if not driven:
        monkeypatch.setattr(
            driving,
            "with_driving_join",
            lambda query, *_: replace(query, driving_join=driving.NO_JOIN),
        )
    names = {own_id: name for name, own_id in visits.items()}
    answer = clinic.get(f"/Encounter?{query}")
    assert answer.status == 200, answer.text
    assert sorted(names[own_id] for own_id in answer.ids) == sorted(FOUND[query].split())
    counted = clinic.get(f"/Encounter?{query}&_summary=count")
    assert counted.body["total"] == len(FOUND[query].split())


def test_the_pages_of_a_chain_show_every_match_once(clinic: ApiClient) -> None:
    provider = care.reference("#inside")
    body = visit(organization("Springfield General"), serviceProvider=provider)
    made = {clinic.post("/Encounter", body).id for _ in range(5)}
    page = clinic.get("/Encounter?service-provider.name=springfield&_count=2")
    seen = page.ids
    while following := [link["url"] for link in page.body["link"] if link["relation"] == "next"]:
        page = clinic.get(following[0])
        seen += page.ids
    assert (len(seen), set(seen)) == (5, made)


def test_a_message_is_found_by_its_contained_people(clinic: ApiClient) -> None:
    marge = {
        "resourceType": "RelatedPerson",
        "id": "marge",
        "name": [{"family": "Bouvier"}],
        "patient": care.reference(care.HOMER),
    }
    header = clinic.post("/Communication", care.header()).id
    body = care.message(header, contained=[marge], sender=care.reference("#marge"))
    message_id = clinic.post("/Communication", body).id
    clinic.post("/Communication", care.message(header))
    for query in (
        "sender:RelatedPerson.name=bouvier",
        "sender.name=bouvier",
        f"sender:RelatedPerson.patient={care.HOMER}",
        f"part-of=Communication/{header}&sender.name=bouvier",
        f"_has:Communication:part-of:sender.name=bouvier&_id={header}",
    ):
        wanted = header if "_has" in query else message_id
        assert clinic.get(f"/Communication?{query}").ids == [wanted], query


def test_a_chain_by_patient_looks_into_contained_patients(clinic: ApiClient) -> None:
    homer = {"resourceType": "Patient", "id": "p", "name": [{"family": "Simpson"}]}
    encounter_id = clinic.post("/Encounter", visit(homer, subject=care.reference("#p"))).id
    group = {"resourceType": "Group", "id": "p", "type": "person", "actual": True}
    clinic.post("/Encounter", visit(group, subject=care.reference("#p")))
    for query in (
        "patient.family=simpson",
        "subject:Patient.family=simpson",
        "subject.name=simpson",
    ):
        assert clinic.get(f"/Encounter?{query}").ids == [encounter_id], query
    assert clinic.get("/Encounter?patient=p").ids == []
    assert clinic.get("/Encounter?patient=Patient/p").ids == []
    assert clinic.get("/Encounter?patient.family=bouvier").ids == []


def test_a_chain_leads_through_a_stored_resource_into_its_contained_resources(
    clinic: ApiClient,
) -> None:
    body = visit(organization("Springfield General"), serviceProvider=care.reference("#inside"))
    encounter = clinic.post("/Encounter", body).id
    link = care.reference(f"Encounter/{encounter}")
    header = clinic.post("/Communication", care.header(encounter=link)).id
    clinic.post("/Communication", care.header())
    query = "encounter:Encounter.service-provider.name=springfield"
    assert clinic.get(f"/Communication?{query}").ids == [header]
    assert clinic.get(f"/Communication?{query[:-3]}burg").ids == []


def test_a_chain_leads_from_a_contained_resource_to_a_stored_one(clinic: ApiClient) -> None:
    clinic.put(
        "/Organization/trust",
        {"resourceType": "Organization", "id": "trust", "name": "Springfield Trust"},
    )
    ward = organization("Ward 4", partOf=care.reference("Organization/trust"))
    encounter_id = clinic.post(
        "/Encounter", visit(ward, serviceProvider=care.reference("#inside"))
    ).id
    assert clinic.get("/Encounter?service-provider.partof.name=springfield").ids == [encounter_id]


def test_a_patient_searches_by_resources_contained_in_their_own(clinic: ApiClient) -> None:
    provider = care.reference("#inside")
    bodies = (
        visit(
            organization("Springfield General"),
            serviceProvider=provider,
            subject=care.reference(who),
        )
        for who in (care.HOMER, "Patient/lenny")
    )
    own, _ = (clinic.post("/Encounter", body).id for body in bodies)
    homer = ApiClient(role="patient", fhir_user=care.HOMER)
    assert homer.get("/Encounter?service-provider.name=springfield").ids == [own]


def test_a_changed_contained_resource_is_found_by_its_new_values(clinic: ApiClient) -> None:
    provider = care.reference("#inside")
    body = visit(organization("Springfield General"), serviceProvider=provider)
    created = clinic.post("/Encounter", body)
    query = "/Encounter?service-provider.name=springfield"
    renamed = created.body | {"contained": [organization("Shelbyville Clinic")]}
    assert clinic.put(f"/Encounter/{created.id}", renamed).status == 200
    assert clinic.get(query).ids == []
    assert clinic.put(f"/Encounter/{created.id}", created.body).status == 200
    assert clinic.get(query).ids == [created.id]
    assert clinic.get("/Encounter?service-provider=%23inside").ids == [created.id]
    assert clinic.get("/Encounter?service-provider=%23other").ids == []
    assert clinic.delete(f"/Encounter/{created.id}").status in (200, 204, 403)
