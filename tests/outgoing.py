"""What leaves the service: every resource and Bundle in an answer is valid R4."""

from collections.abc import Callable
from typing import Any

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues

type Json = dict[str, Any]

# Every resource seen valid already: tests read the same ones again and again.
_SEEN: set[bytes] = set()
# https://hl7.org/fhir/R4/bundle.html#invs, as far as searchsets, histories and responses have them.
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
    return not any(name in each for each in _of(bundle))


def _all_or_none(bundle: Json, name: str, types: tuple[str, ...]) -> bool:
    return all((name in each) == (bundle["type"] in types) for each in _of(bundle))


def _distinct(bundle: Json) -> bool:
    named = [
        (each["fullUrl"], each.get("resource", {}).get("meta", {}).get("versionId"))
        for each in _of(bundle)
        if "fullUrl" in each
    ]
    return len(named) == len(set(named))


def check(text: str) -> None:
    """Raise AssertionError unless an answer's body is a valid resource, in Bundles each entry's."""
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
    known = fhirjson.canonical(resource)
    if known not in _SEEN:
        found = issues(resource, resource["resourceType"])
        assert not found, f"{found}: {known[:2000]!r}"
        _SEEN.add(known)


def check_issue(issue: Json) -> None:
    """Raise AssertionError unless `diagnostics`, which may be all that is shown, says everything.

    That of an information may be for a program.
    """
    told = issue["diagnostics"]
    if issue["severity"] != "information":
        assert told.startswith(issue["details"]["text"]), issue
        assert all(place in told for place in issue.get("expression", ())), issue


def _is_part(resource: Json) -> bool:
    """Tell whether only a part was asked for: what is mandatory may be left out."""
    return any(tag.get("code") == "SUBSETTED" for tag in resource.get("meta", {}).get("tag", ()))
