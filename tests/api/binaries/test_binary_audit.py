"""The audit trail of files: reads name the patient, and versions cannot be exchanged unnoticed."""

import pytest

from shared.audit.chains import CHANGED
from shared.catalog import access_patterns as patterns
from shared.local.audit_sources import TABLES
from shared.local.verifying import verify
from shared.store import dynamodb
from tests.api.audit.test_audit_patients import patients, patients_named
from tests.api.binaries.test_binaries import FHIR, PNG, upload
from tests.api.binaries.test_binary_rights import BART, HOMER
from tests.api.binaries.test_uploads import begin, complete, send
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log
from tests.support.consistency import scan
from tests.support.memory_objects import MemoryS3


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Capture what the functions log from the start of the test."""
    return Log(monkeypatch)


@pytest.mark.usefixtures("moto")
@pytest.mark.parametrize("kind", ["Communication", "Encounter", "Observation", "Patient"])
def test_every_look_at_a_file_is_audited_for_its_patient(
    clinic: ApiClient, log: Log, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    body = care.header() if kind == "Communication" else care.example(kind, id="homer-simpson")
    clinic.put(f"/{kind}/homer-simpson", body | {"id": "homer-simpson"})
    log.clear()
    url = f"/Binary/{upload(clinic, x_security_context=f'{kind}/homer-simpson')}"
    assert patients_named(log) == [[care.HOMER]]
    for place, accept in (("", ""), ("", FHIR), ("/_history", FHIR), ("/_history/1", "")):
        assert HOMER.get(f"{url}{place}", accept=accept).status == 200
        assert HOMER.get(url, if_none_match='W/"1"').status == 304
        assert patients_named(log) == [[care.HOMER]] * 2
    monkeypatch.setattr("shared.http.binary_responses.LARGEST_FILE_IN_RESPONSE", 100)
    assert HOMER.get(url).status == 307
    assert BART.get(url).status == 404
    assert patients_named(log) == [[care.HOMER], [care.HOMER]]


@pytest.mark.usefixtures("moto")
def test_an_upload_is_audited_with_its_id_and_its_patient(
    clinic: ApiClient, log: Log, objects: MemoryS3
) -> None:
    thread = clinic.post("/Communication", care.header()).id
    log.clear()
    binary_id = begin(HOMER, threadId=thread).body["data"]["id"]
    (begun,) = log.deliver()
    assert f"Binary/{binary_id}" in {entity["what"].get("reference") for entity in begun["entity"]}
    assert patients(begun) == [care.HOMER]
    send(objects)
    for status in (201, 200):
        log.clear()
        assert complete(HOMER, binary_id).status == status
        (event,) = log.deliver()
        assert patients(event) == [care.HOMER]
        named = {entity["what"].get("reference", "") for entity in event["entity"]}
        assert any(name.startswith(f"Binary/{binary_id}") for name in named)


@pytest.mark.usefixtures("moto")
def test_the_audit_trail_covers_the_bytes_of_every_version(clinic: ApiClient) -> None:
    url = f"/Binary/{upload(clinic)}"
    clinic.call("PUT", url, b"GIF89a..", content_type="image/gif")
    clinic.call("PUT", url, PNG, content_type="image/png")
    clinic.administrator.delete(url)
    tables = {table: table for table in TABLES}
    assert verify(dynamodb.client(), tables)[1] == []
    exchanged = [item for item in scan(patterns.RESOURCE) if "file" in item]
    assert len(exchanged) == 4
    for item in exchanged:
        file = item["file"]["M"] | {"sha256": {"S": "0" * 64}}
        dynamodb.client().put_item(TableName=patterns.RESOURCE, Item=item | {"file": {"M": file}})
        (problem,) = verify(dynamodb.client(), tables)[1]
        assert problem.problem == CHANGED
        dynamodb.client().put_item(TableName=patterns.RESOURCE, Item=item)
