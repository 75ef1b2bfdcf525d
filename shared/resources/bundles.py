"""Searches and histories as Bundles.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import orjson

IF_MATCH, IF_NONE_MATCH, IF_NONE_EXIST = "If-Match", "If-None-Match", "If-None-Exist"
# A resource, or the JSON of one as stored: that is copied into the answer without being read.
Resource = dict[str, Any] | bytes
Json = dict[str, Any]


class Found(NamedTuple):
    """An entry of a searchset; an outcome, which is kept nowhere, has no `full_url` of its own."""

    resource: Resource
    full_url: str = ""
    mode: str = "match"


class Version(NamedTuple):
    """An entry of a history; a deletion has no `resource`."""

    full_url: str
    method: str
    url: str
    status: str
    version: int
    updated: str
    resource: Resource | None = None


def searchset(
    found: Iterable[Found], links: Mapping[str, str], *, total: int | None = None
) -> Json:
    """Give the Bundle of a page of results; without any it has no `entry`.

    https://hl7.org/fhir/R4/http.html#search
    """
    return _bundle("searchset", [_found(each) for each in found], links, total)


def history(versions: Iterable[Version], links: Mapping[str, str], *, total: int) -> Json:
    """Give the Bundle of a history, whose versions come newest first.

    https://hl7.org/fhir/R4/http.html#history
    """
    return _bundle("history", [_version(each) for each in versions], links, total)


def answers(kind: str, entries: list[Json]) -> Json:
    """Return the Bundle of what became of the entries of a batch or transaction, in their order.

    Of several with one version of a resource the first alone has its `fullUrl`: bdl-7.
    """
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        version = (entry.get("fullUrl", ""), entry["response"].get("etag", ""))
        if version in seen:
            entry.pop("fullUrl", None)
        seen.add(version)
    return _bundle(f"{kind}-response", entries, {}, None)


def etag(version: int) -> str:
    """Write a version as R4 has it in ETag and `response.etag`."""
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


def _found(found: Found) -> Json:
    return {
        "fullUrl": found.full_url or uuid4().urn,
        "resource": _body(found.resource),
        "search": {"mode": found.mode},
    }


def _version(version: Version) -> Json:
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


def within(entry: str, expression: str) -> str:
    """Turn the FHIRPath of an issue about one entry, or a parameter's name, into the Bundle's."""
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
