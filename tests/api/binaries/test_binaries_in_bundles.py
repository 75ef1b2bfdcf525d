"""Binaries in Bundles, and at paths with a trailing slash."""

from base64 import b64decode
from typing import Any

import pytest

from tests.api.binaries.test_binaries import PNG, as_json, upload
from tests.support import care, refusals
from tests.support.api_client import ApiClient


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [*entries]}


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url}, **more}


@pytest.mark.parametrize("accept", ["application/fhir+json", "*/*"])
def test_a_batch_reads_and_writes_binaries_as_resources(clinic: ApiClient, accept: str) -> None:
    binary_id = upload(clinic)
    answer = clinic.post(
        "",
        bundle(
            "batch",
            entry("GET", f"Binary/{binary_id}"),
            entry("POST", "Binary", resource=as_json(b"%PDF-1.4", "application/pdf")),
            entry("GET", "Binary/absent"),
        ),
        accept=accept,
    )
    read, created, absent = answer.body["entry"]
    assert b64decode(read["resource"]["data"]) == PNG
    assert created["response"]["status"] == "201"
    assert absent["response"]["status"] == "404"
    assert clinic.get(f"/Binary/{created['resource']['id']}").content == b"%PDF-1.4"


def test_a_transaction_reads_binaries_and_does_not_write_them(clinic: ApiClient) -> None:
    binary_id = upload(clinic)
    header = entry("POST", "Communication", resource=care.header())
    answer = clinic.post("", bundle("transaction", header, entry("GET", f"Binary/{binary_id}")))
    assert b64decode(answer.body["entry"][1]["resource"]["data"]) == PNG
    refused = clinic.post(
        "", bundle("transaction", header, entry("POST", "Binary", resource=as_json()))
    )
    refusals.check(refused, 400, "not-supported", "Bundle.entry[1].request.url")
    absent = clinic.post("", bundle("transaction", header, entry("GET", "Binary/absent")))
    assert absent.status == 404


def test_a_batch_creates_no_binary_conditionally(clinic: ApiClient) -> None:
    create = entry("POST", "Binary", resource=as_json())
    create["request"]["ifNoneExist"] = "_id=1"
    refused = clinic.post("", bundle("batch", create)).body["entry"][0]["response"]
    assert refused["status"] == "400"
    assert refused["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0].request.ifNoneExist"]


def test_a_path_may_end_in_a_slash(clinic: ApiClient) -> None:
    created = clinic.call("POST", "/Binary/", PNG, content_type="image/png")
    assert created.status == 201
    assert clinic.get(f"/Binary/{created.id}/").content == PNG
