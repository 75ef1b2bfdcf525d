"""Checks that every resource and Bundle in a response is valid R4."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import fhir_models

type Json = dict[str, Any]

# The hashes of valid resources, since tests read the same ones repeatedly. They are forgotten from
# time to time, so that a long run needs no more memory than a short one.
_VALID: set[bytes] = set()
_MOST_VALID = 20_000
# The rules of https://hl7.org/fhir/R4/bundle.html#invs that concern searchsets, histories and
# responses.
BUNDLES: dict[str, Callable[[Json], bool]] = {
    "bdl-1": lambda b: "total" not in b or b["type"] in ("searchset", "history"),
    "bdl-2": lambda b: b["type"] == "searchset" or _none(b, "search"),
    "bdl-3": lambda b: _all_or_none(b, "request", ("batch", "transaction", "history")),
    "bdl-4": lambda b: _all_or_none(
        b, "response", ("batch-response", "transaction-response", "history")
    ),
    "bdl-5": lambda b: all({"resource", "request", "response"} & each.keys() for each in _of(b)),
    "bdl-7": lambda b: b["type"] == "history" or _distinct(b),
    "bdl-8": lambda b: not any("/_history/" in each.get("fullUrl", "") for each in _of(b)),
}


def _of(bundle: Json) -> list[Json]:
    entries: list[Json] = bundle.get("entry", [])
    return entries


def _none(bundle: Json, name: str) -> bool:
    return not any(name in entry for entry in _of(bundle))


def _all_or_none(bundle: Json, name: str, types: tuple[str, ...]) -> bool:
    return all((name in entry) == (bundle["type"] in types) for entry in _of(bundle))


def _distinct(bundle: Json) -> bool:
    identities = [
        (entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId"))
        for entry in _of(bundle)
        if "fullUrl" in entry
    ]
    return len(identities) == len(set(identities))


def check(text: str) -> None:
    """Raise AssertionError unless the body, and each entry of a Bundle, is a valid resource."""
    body = fhirjson.loads(text)
    if not isinstance(body, dict) or "resourceType" not in body:
        return
    for entry in _of(body) if body["resourceType"] == "Bundle" else ():
        for inner in (entry.get("resource"), entry.get("response", {}).get("outcome")):
            if inner is not None:
                _check(inner)
    if body["resourceType"] == "Bundle":
        broken = [key for key, holds in BUNDLES.items() if not holds(body)]
        assert not broken, f"{broken}: {text[:2000]}"
        for entry in _of(body):
            entry.pop("resource", None)
            assert entry or body["type"] != "searchset"
    _check(body)


def _check(resource: Json) -> None:
    if _is_part(resource):
        return
    for issue in resource["issue"] if resource["resourceType"] == "OperationOutcome" else ():
        check_issue(issue)
    canonical = fhirjson.canonical(resource)
    hashed = sha256(canonical).digest()
    if hashed not in _VALID:
        problems = issues(resource, resource["resourceType"])
        assert not problems, f"{problems}: {canonical[:2000]!r}"
        fhir_models.check(resource, canonical)
        if len(_VALID) == _MOST_VALID:
            _VALID.clear()
        _VALID.add(hashed)


def check_issue(issue: Json) -> None:
    """Raise AssertionError unless `diagnostics` is complete, since clients may show nothing else.

    The diagnostics of an information may be for a program.
    """
    diagnostics = issue["diagnostics"]
    if issue["severity"] != "information":
        assert diagnostics.startswith(issue["details"]["text"]), issue
        assert all(place in diagnostics for place in issue.get("expression", ())), issue


def _is_part(resource: Json) -> bool:
    """Return whether the resource is a subset, in which mandatory elements may be missing."""
    return any(tag.get("code") == "SUBSETTED" for tag in resource.get("meta", {}).get("tag", ()))
