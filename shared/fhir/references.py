"""Parsing of FHIR references, without I/O. No other module takes the text of a reference apart.

https://hl7.org/fhir/R4/references.html#literal
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from shared.catalog.types import BINARY, RESOURCE_TYPES, SESSION_TYPES
from shared.errors import Invalid

# An id as R4 defines it, which every resource stored here has.
ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
# An id that another system may have given to its own resource, such as `pt_abc123`.
_FOREIGN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_RESTFUL = (
    rf"(?P<type>[A-Z][A-Za-z]{{1,63}})/(?P<id>{_FOREIGN_ID.pattern})"
    rf"(?:/_history/(?P<version>{_FOREIGN_ID.pattern}))?"
)
_RELATIVE = re.compile(_RESTFUL, re.ASCII)
_ABSOLUTE = re.compile(rf"(?i:https?)://[^?#]+/{_RESTFUL}", re.ASCII)
_QUERY = re.compile(r"/?(?P<type>[A-Z][A-Za-z]{1,63})/?\?(?P<query>[^\s\x00-\x1f\x7f]*)", re.ASCII)
_VERSIONED = re.compile(rf"(?P<address>.+?)/_history/(?P<version>{_FOREIGN_ID.pattern})", re.DOTALL)
_OF_BINARY = re.compile(rf"/?{BINARY}(?![A-Za-z])")
_WHITESPACE = re.compile(r"[\s\x00-\x1f\x7f]")
# The URL that `Reference.type` is relative to.
CORE_DEFINITIONS = "http://hl7.org/fhir/StructureDefinition/"
# The most bytes that a reference may have: it is copied into index rows and audit events, whose own
# size is limited.
LONGEST_REFERENCE = 2048
# Longer texts are parsed each time, so that the cache stays small.
_LONGEST_CACHED_REFERENCE = 256

# The absolute URL of this server's base, without a trailing slash; set for each request.
BASE: ContextVar[str] = ContextVar("BASE", default="")


class Literal(NamedTuple):
    """A resource under this server's own base, by type and id."""

    type: str
    id: str

    def __str__(self) -> str:
        """Return the reference relative to the base."""
        return f"{self.type}/{self.id}"


class Contained(NamedTuple):
    """A contained resource, `#id`. `#` alone is the resource around the referring one."""

    id: str
    type: str = ""


class Local(NamedTuple):
    """A resource under this server's own base: `Type/id`, or the same below the absolute base."""

    target: Literal
    version: str

    @property
    def type(self) -> str:
        """Return the type of the resource."""
        return self.target.type

    def __str__(self) -> str:
        """Return the reference relative to the base, with its version if it has one."""
        return f"{self.target}/_history/{self.version}" if self.version else str(self.target)


class Conditional(NamedTuple):
    """A conditional reference, `Type?query`, which a write replaces by a literal one.

    A slash may precede the type, as in `If-None-Exist`.
    """

    type: str
    query: str


class External(NamedTuple):
    """An absolute URI outside of this server; `type` is empty if the URI does not show it."""

    uri: str
    type: str = ""


class Urn(NamedTuple):
    """A URN, such as the `urn:uuid:` of a Bundle's entry."""

    uri: str
    type: str = ""


type Reference = Contained | Local | Conditional | External | Urn


def parse(text: object) -> Reference | None:
    """Parse the text of a reference. Return None if it is not a valid reference."""
    if not isinstance(text, str):
        return None
    base = BASE.get()
    return _cached(text, base) if len(text) <= _LONGEST_CACHED_REFERENCE else _parsed(text, base)


def _parsed(text: str, base: str) -> Reference | None:
    if text[:1] == "#":
        return None if _WHITESPACE.search(text) else Contained(text[1:])
    return parse_relative(text) or _absolute(text, base)


_cached = lru_cache(maxsize=4096)(_parsed)


def parse_relative(text: str) -> Local | Conditional | None:
    """Parse a reference or query relative to the base. Return None for everything else."""
    match = _RELATIVE.fullmatch(text)
    if match and is_id(match["id"], match["type"]):
        version = match["version"] or ""
        if not version or is_id(version, match["type"]):
            return Local(Literal(match["type"], match["id"]), version)
    query = _QUERY.fullmatch(text)
    return Conditional(query["type"], query["query"]) if query and _is_type(query["type"]) else None


def _absolute(text: str, base: str) -> Reference | None:
    """Parse an absolute URI. Under this server's base only a reference or a query is valid."""
    from shared.fhir import urls  # noqa: PLC0415 - most references are relative and do not need it

    rest = urls.relative_to(text, base)
    if rest is not None:
        return parse_relative(rest)
    scheme = urls.scheme(text)
    if not scheme or _is_type(scheme):
        # `Patient:1` has the form of a URI, but is a mistake for `Patient/1`.
        return None
    if scheme.lower() == "urn":
        return Urn(text)
    match = _ABSOLUTE.fullmatch(text)
    return External(text, match["type"] if match and _is_type(match["type"]) else "")


def _is_type(name: str) -> bool:
    return name in RESOURCE_TYPES


def is_id(text: str, resource_type: str) -> bool:
    """Return whether a text is a valid id in a literal reference to a type.

    Resources of other systems may have an underscore in their ids. Encounters and Communications
    are always stored here, so their ids are those of R4.
    """
    pattern = ID if resource_type in SESSION_TYPES else _FOREIGN_ID
    return _is_type(resource_type) and pattern.fullmatch(text) is not None


def is_bare_id(text: str, types: Iterable[str]) -> bool:
    """Return whether a text is a valid id of one of the types, or of any type if there are none."""
    return _FOREIGN_ID.fullmatch(text) is not None and any(
        is_id(text, resource_type) for resource_type in types or RESOURCE_TYPES
    )


def has_foreign_id(reference: Reference) -> bool:
    """Return whether a reference has an id that only another system can have assigned."""
    return isinstance(reference, Local) and "_" in f"{reference.target.id}{reference.version}"


def parse_literal(text: object) -> Literal | None:
    """Return the resource of this server that a reference names, or None if it names none."""
    reference = parse(text)
    return reference.target if isinstance(reference, Local) else None


def type_of(text: object) -> str:
    """Return the type of the resource that a reference names, or an empty text if unknown."""
    reference = parse(text)
    return reference.type if reference else ""


def normalize(text: str) -> str:
    """Return a reference in the form that the server compares.

    A reference to a resource of this server becomes relative and loses its version.
    """
    target = parse_literal(text)
    return str(target) if target else text


def comparable_reference(element: object) -> str:
    """Return the reference of a Reference element as the server compares it, or an empty text."""
    return normalize(element.get("reference", "")) if isinstance(element, dict) else ""


def split_version(text: str) -> tuple[str, str]:
    """Split a reference into the address of the resource and its version, which may be empty."""
    match = _VERSIONED.fullmatch(text) if "/_history/" in text else None
    return (match["address"], match["version"]) if match else (text, "")


def declared_type(element: dict[str, Any]) -> str:
    """Return the `type` of a Reference element without R4's base URL, or an empty text."""
    uri = element.get("type")
    return uri.removeprefix(CORE_DEFINITIONS) if isinstance(uri, str) else ""


def contained_types(resource: dict[str, Any]) -> dict[str, str]:
    """Return the types of a resource's contained resources, by their ids."""
    contained = resource.get("contained")
    return {
        inner["id"]: str(inner.get("resourceType"))
        for inner in (contained if isinstance(contained, list) else ())
        if isinstance(inner, dict) and isinstance(inner.get("id"), str)
    }


def target(element: object) -> Literal | None:
    """Return the resource of this server that a Reference element names, or None."""
    return parse_literal(element.get("reference")) if isinstance(element, dict) else None


def attached_binary(element: object) -> Literal | None:
    """Return the Binary of this server that an Attachment element names in its `url`, or None."""
    named = parse_literal(element.get("url")) if isinstance(element, dict) else None
    return named if named and named.type == BINARY else None


def is_malformed_binary(url: object) -> bool:
    """Return whether a URL below this server's base begins as that of a Binary, but names none."""
    if not isinstance(url, str) or attached_binary({"url": url}):
        return False
    from shared.fhir import urls  # noqa: PLC0415 - as above

    rest = urls.relative_to(url, BASE.get())
    return _OF_BINARY.match(unquote(url if rest is None else rest)) is not None


def to(resource_type: str, resource_id: str) -> dict[str, str]:
    """Return a Reference element to a resource of this server."""
    return {"reference": f"{resource_type}/{resource_id}"}


def parse_query(raw: str) -> list[tuple[str, str]]:
    """Parse a raw query string into pairs of name and value.

    A plus sign stands for itself, as in time zones and telephone numbers; a space is written %20.
    Raises Invalid if the query is not UTF-8.
    """
    pairs = (part.partition("=") for part in raw.split("&") if part)
    try:
        return [
            (unquote(name, errors="strict"), unquote(value, errors="strict"))
            for name, _, value in pairs
        ]
    except UnicodeDecodeError:
        raise Invalid("The query string is not encoded in UTF-8") from None
