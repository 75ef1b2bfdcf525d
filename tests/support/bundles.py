"""Helpers that build Bundles and check the responses to them."""

from typing import Any

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support.api_client import Answer, ApiClient


def entry(
    method: str, url: str, resource: Any = None, full_url: str = "", **conditions: str
) -> dict[str, Any]:
    content = {"resource": resource} if resource is not None else {}
    identity = {"fullUrl": full_url} if full_url else {}
    return {**identity, **content, "request": {"method": method, "url": url, **conditions}}


def urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012}"


def bundle(kind: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def post(caller: ApiClient, kind: str, *entries: Any, **headers: str) -> list[Any]:
    """Post a Bundle that must succeed. Return the entries of its response, which must be valid."""
    answer = caller.post("", bundle(kind, *entries), **headers)
    assert answer.status == 200, answer.text
    problems = issues(fhirjson.loads(answer.text), "Bundle")
    assert problems == [], problems
    body = answer.body
    assert body["type"] == f"{kind}-response"
    assert len(body.get("entry", [])) == len(entries)
    return list(body.get("entry", []))


def transact(caller: ApiClient, *entries: Any, **headers: str) -> list[Any]:
    return post(caller, "transaction", *entries, **headers)


def batch(caller: ApiClient, *entries: Any, **headers: str) -> list[Any]:
    return post(caller, "batch", *entries, **headers)


def post_refused(caller: ApiClient, *entries: Any) -> Answer:
    """Post a transaction that the service is expected to refuse."""
    return caller.post("", bundle("transaction", *entries))


def statuses(answered: list[Any]) -> list[str]:
    return [entry["response"]["status"] for entry in answered]
