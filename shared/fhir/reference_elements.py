"""Validation of Reference elements: their text, their type, and the types that R4 allows.

https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Collection, Iterator
from typing import Any

from shared.catalog.types import BINARY, RESOURCE_TYPES
from shared.fhir import references
from shared.fhir.references import Contained, External, Reference

type Json = dict[str, Any]

_SPECIFICATION = "https://hl7.org/fhir/R4/references.html#"
_NO_REFERENCE = (
    "Not a valid reference: use Type/id with a type of R4, #id, Type?query or an absolute URI"
)


def target_type(element: Any, contained_types: dict[str, str]) -> str:
    """Return the type of the resource that a Reference names, or an empty text if unknown.

    `contained_types` are the types of contained resources by their ids.
    """
    if not isinstance(element, dict):
        return ""
    actual = _type_of(references.parse(element.get("reference")), contained_types)
    return actual or references.declared_type(element)


def _type_of(reference: Reference | None, contained_types: dict[str, str]) -> str:
    if isinstance(reference, Contained):
        return contained_types.get(reference.id, "")
    return reference.type if reference else ""


def attachment_problems(element: Json) -> Iterator[tuple[str, str, str]]:
    """Yield the problems of an Attachment whose `url` is meant to name a file on this server."""
    if references.is_malformed_binary(element.get("url")):
        text = f"Not a valid URL of a file on this server: use {BINARY}/id"
        yield "url", text, f"{_SPECIFICATION}literal"


def problems(
    element: Json,
    targets: Collection[str],
    contained_types: dict[str, str],
    r4_id_types: Collection[str],
) -> Iterator[tuple[str, str, str]]:
    """Yield the problems of a Reference: its element, the text and the diagnostics of each.

    `targets` are the types that it may name, or any if there are none. References to `r4_id_types`
    must have ids as R4 defines them. Values that are not strings are reported where their own
    elements are checked.
    """
    text, declared = element.get("reference"), references.declared_type(element)
    if isinstance(text, str) and len(text.encode(errors="replace")) > references.LONGEST_REFERENCE:
        yield "reference", f"A reference may have at most {references.LONGEST_REFERENCE} bytes", ""
        return
    reference = references.parse(text)
    has_wrong_id = (
        reference and reference.type in r4_id_types and references.has_foreign_id(reference)
    )
    if isinstance(text, str) and text and (reference is None or has_wrong_id):
        yield "reference", _NO_REFERENCE, f"{_SPECIFICATION}literal"
        return
    actual = _type_of(reference, contained_types)
    is_elsewhere = isinstance(reference, External)  # a path such as /Patient/1 proves nothing there
    if targets and actual and actual not in targets and not is_elsewhere:
        yield (
            "reference",
            "The reference names a type that is not allowed here",
            _may_refer_to(targets),
        )
    elif declared:
        yield from _misdeclared(declared, actual, targets)


def _misdeclared(
    declared: str, actual: str, targets: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield the problems of `Reference.type`; `actual` is the type that the reference names."""
    is_logical = ":" in declared  # the URL of a logical model, which R4 does not define
    if not is_logical and declared not in RESOURCE_TYPES:
        yield "type", "This is not a resource type of R4", f"See {_SPECIFICATION}Reference"
    elif actual and declared != actual:
        yield (
            "type",
            "The type is not that of the resource in the reference",
            f"The reference names a resource of type {actual}",
        )
    elif targets and not is_logical and declared not in targets:
        yield "type", "This type is not allowed here", _may_refer_to(targets)


def _may_refer_to(targets: Collection[str]) -> str:
    return f"This reference may name {', '.join(sorted(targets))}"
