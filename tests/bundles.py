"""Bundles as clients send them, and what their answers must be."""

from typing import Any

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.frontdoor import Answer, FrontDoor


def entry(
    method: str, url: str, resource: Any = None, full_url: str = "", **conditions: str
) -> dict[str, Any]:
    given = {"resource": resource} if resource is not None else {}
    named = {"fullUrl": full_url} if full_url else {}
    return {**named, **given, "request": {"method": method, "url": url, **conditions}}


def urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012}"


def bundle(kind: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def post(caller: FrontDoor, kind: str, *entries: Any, **headers: str) -> list[Any]:
    """Post a Bundle that is taken; give the entries of its answer, which is valid itself."""
    answer = caller.post("", bundle(kind, *entries), **headers)
    assert answer.status == 200, answer.text
    found = issues(fhirjson.loads(answer.text), "Bundle")
    assert found == [], found
    body = answer.body
    assert body["type"] == f"{kind}-response"
    assert len(body.get("entry", [])) == len(entries)
    return list(body.get("entry", []))


def transact(caller: FrontDoor, *entries: Any, **headers: str) -> list[Any]:
    return post(caller, "transaction", *entries, **headers)


def batch(caller: FrontDoor, *entries: Any, **headers: str) -> list[Any]:
    return post(caller, "batch", *entries, **headers)


def refused(caller: FrontDoor, *entries: Any) -> Answer:
    """Post a transaction that is to be refused."""
    return caller.post("", bundle("transaction", *entries))


def statuses(answered: list[Any]) -> list[str]:
    return [each["response"]["status"] for each in answered]
