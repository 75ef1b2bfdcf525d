"""The reach of a patient's token, through the gateway and with the functions' own rights."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from shared.local.client import client
from tests.support import care

BART = "Patient/bart-simpson"
type Json = dict[str, Any]


@pytest.fixture(scope="module")
def clinic(service: Mapping[str, str]) -> Iterator[httpx.Client]:
    with client(service["FHIR_BASE"], service["TOKEN_PRACTITIONER"]) as connected:
        yield connected


@pytest.fixture(scope="module")
def homer(service: Mapping[str, str]) -> Iterator[httpx.Client]:
    with client(service["FHIR_BASE"], service["TOKEN_PATIENT"]) as connected:
        yield connected


def made(caller: httpx.Client, kind: str, body: Json) -> str:
    answer = caller.post(f"/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def found(caller: httpx.Client, query: str) -> set[str]:
    answer = caller.get(f"/{query}")
    assert answer.status_code == 200, answer.text
    return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}


def test_a_patient_sees_their_own_and_nothing_else(
    clinic: httpx.Client, homer: httpx.Client
) -> None:
    of_bart = {"subject": care.reference(BART), "sender": care.reference(BART), "recipient": []}
    own = made(clinic, "Communication", care.header())
    others = made(clinic, "Communication", care.header(**of_bart))
    said = made(clinic, "Communication", care.message(own))
    family = care.session()
    del family["subject"]
    session = made(clinic, "Encounter", family)
    part = made(clinic, "Encounter", care.medical_encounter(session, care.HOMER))
    siblings = made(clinic, "Encounter", care.medical_encounter(session, BART))
    seen = {"Communication": (own, said), "Encounter": (session, part)}
    unseen = {"Communication": (others,), "Encounter": (siblings,)}
    for kind, own_ids in seen.items():
        for path in (f"/{kind}/{{}}", f"/{kind}/{{}}/_history", f"/{kind}/{{}}/_history/1"):
            for own_id in own_ids:
                assert homer.get(path.format(own_id)).status_code == 200
            for own_id in unseen[kind]:
                assert homer.get(path.format(own_id)).status_code == 404
        assert found(homer, f"{kind}?_count=1000") >= set(own_ids)
        assert not found(homer, f"{kind}?_count=1000") & set(unseen[kind])
    assert found(homer, f"Encounter?_id={session}&_revinclude=Encounter:part-of") == {session, part}
    everything = homer.get(f"/Encounter/{session}/$everything").json()["entry"]
    assert {entry["resource"]["id"] for entry in everything} == {session, part}


def test_a_patient_writes_and_reads_their_messages(
    clinic: httpx.Client, homer: httpx.Client
) -> None:
    thread = made(homer, "Communication", care.header())
    made(homer, "Communication", care.message(thread))
    to_homer = {"sender": care.reference(care.ALICE), "recipient": [care.reference(care.HOMER)]}
    said = made(clinic, "Communication", {**care.message(thread), **to_homer})
    kind = {"Content-Type": "application/json-patch+json"}
    read = [{"op": "replace", "path": "/status", "value": "completed"}]
    assert homer.patch(f"/Communication/{said}", json=read, headers=kind).status_code == 200
    text = [{"op": "remove", "path": "/payload"}]
    assert homer.patch(f"/Communication/{said}", json=text, headers=kind).status_code == 403
    assert homer.delete(f"/Communication/{said}").status_code == 403
    forged = {**care.message(thread), "sender": care.reference(care.ALICE)}
    assert homer.post("/Communication", json=forged).status_code == 403
    body = {"resourceType": "Parameters", "parameter": []}
    named = {"name": "thread", "valueReference": care.reference(f"Communication/{thread}")}
    opened = homer.post("/Encounter/$open-session", json=body | {"parameter": [named]})
    assert opened.status_code == 201, opened.text
