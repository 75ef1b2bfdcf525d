"""Bundles of search results, histories and the responses of batches and transactions.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import orjson

IF_MATCH, IF_NONE_MATCH, IF_NONE_EXIST = "If-Match", "If-None-Match", "If-None-Exist"
# A resource, or its stored JSON, which is copied into the Bundle without being parsed.
Resource = dict[str, Any] | bytes
Json = dict[str, Any]


class SearchEntry(NamedTuple):
    """An entry of a searchset. An OperationOutcome has no `full_url`, since it is not stored."""

    resource: Resource
    full_url: str = ""
    mode: str = "match"


class HistoryEntry(NamedTuple):
    """An entry of a history; a deletion has no `resource`."""

    full_url: str
    method: str
    url: str
    status: str
    version: int
    updated: str
    resource: Resource | None = None


def searchset(
    results: Iterable[SearchEntry], links: Mapping[str, str], *, total: int | None = None
) -> Json:
    """Return the Bundle of a page of search results. Without results it has no `entry`.

    https://hl7.org/fhir/R4/http.html#search
    """
    return _bundle("searchset", [_search_entry(entry) for entry in results], links, total)


def history(versions: Iterable[HistoryEntry], links: Mapping[str, str], *, total: int) -> Json:
    """Return the Bundle of a history, whose versions come newest first.

    https://hl7.org/fhir/R4/http.html#history
    """
    return _bundle("history", [_history_entry(version) for version in versions], links, total)


def batch_response(kind: str, entries: list[Json]) -> Json:
    """Return the response Bundle of a batch or transaction, with entries in the request's order.

    If several entries end in the same version of a resource, only the first keeps its `fullUrl`, as
    invariant bdl-7 requires.
    """
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        version = (entry.get("fullUrl", ""), entry["response"].get("etag", ""))
        if version in seen:
            entry.pop("fullUrl", None)
        seen.add(version)
    return _bundle(f"{kind}-response", entries, {}, None)


def etag(version: int) -> str:
    """Return a version as a weak ETag, as R4 writes it in the header and in `response.etag`."""
    return f'W/"{version}"'


def _bundle(kind: str, entries: list[Json], links: Mapping[str, str], total: int | None) -> Json:
    bundle: Json = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        bundle["total"] = total
    if links:
        bundle["link"] = [{"relation": name, "url": url} for name, url in links.items()]
    if entries:
        bundle["entry"] = entries
    return bundle


def _body(resource: Resource) -> Any:
    return orjson.Fragment(resource) if isinstance(resource, bytes) else resource


def _search_entry(result: SearchEntry) -> Json:
    return {
        "fullUrl": result.full_url or uuid4().urn,
        "resource": _body(result.resource),
        "search": {"mode": result.mode},
    }


def _history_entry(version: HistoryEntry) -> Json:
    response = {
        "status": version.status,
        "etag": etag(version.version),
        "lastModified": version.updated,
    }
    resource = {} if version.resource is None else {"resource": _body(version.resource)}
    return {
        "fullUrl": version.full_url,
        **resource,
        "request": {"method": version.method, "url": version.url},
        "response": response,
    }


def entry_expression(entry: str, expression: str) -> str:
    """Return an issue's expression as a FHIRPath into the Bundle that holds the entry.

    The expression is a FHIRPath about the entry's content, or the name of a parameter or header.
    """
    if not expression or expression.startswith(entry):
        return expression or entry
    first, dot, rest = expression.partition(".")
    if first in _OF_ENTRIES:
        return f"{entry}.{_OF_ENTRIES[first]}"
    return f"{entry}.resource{dot}{rest}" if first[0].isupper() else f"{entry}.request.url"


_OF_ENTRIES = {
    "fullUrl": "fullUrl",
    "request": "request",
    "resourceType": "resource.resourceType",
    IF_MATCH: "request.ifMatch",
    IF_NONE_MATCH: "request.ifNoneMatch",
    IF_NONE_EXIST: "request.ifNoneExist",
}
