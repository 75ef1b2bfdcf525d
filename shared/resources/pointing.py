"""What the References of a resource name, and whether R4 lets them.

https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Collection, Iterator
from typing import Any

from shared import references
from shared.catalog.types import RESOURCE_TYPES
from shared.references import Contained, Elsewhere, Named

type Json = dict[str, Any]

_SPECIFICATION = "https://hl7.org/fhir/R4/references.html#"
_NO_REFERENCE = (
    "Not a reference: expected here is Type/id of a type of R4, #id, Type?query or an absolute URI"
)


def kind(element: Any, contents: dict[str, str]) -> str:
    """Return the type that a Reference names, or nothing where it does not say."""
    if not isinstance(element, dict):
        return ""
    named = references.read(element.get("reference"))
    known = _kind(named, contents) if named else ""
    return known or references.declared(element)


def _kind(named: Named, contents: dict[str, str]) -> str:
    return contents.get(named.id, "") if isinstance(named, Contained) else named.type


def problems(
    element: Json, targets: Collection[str], contents: dict[str, str], own_ids: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """List what is wrong with a Reference: the element, a sentence, and its details.

    `targets` are the types that it may name, any where there are none. Values that are no text are
    reported with their own elements.
    """
    text, said = element.get("reference"), references.declared(element)
    if isinstance(text, str) and len(text.encode(errors="replace")) > references.LONGEST:
        yield "reference", f"A reference has at most {references.LONGEST} bytes", ""
        return
    named = references.read(text)
    if isinstance(text, str) and text and not _is_reference(named, own_ids):
        yield "reference", _NO_REFERENCE, f"{_SPECIFICATION}literal"
        return
    known = _kind(named, contents) if named else ""
    is_elsewhere = isinstance(named, Elsewhere)  # what other servers keep is theirs to say
    if targets and known and known not in targets and not is_elsewhere:
        problem = "The reference names a type that may not stand here"
        yield "reference", problem, _may_refer_to(targets)
    elif said:
        yield from _misdeclared(said, known, targets)


def _is_reference(named: Named | None, own_ids: Collection[str]) -> bool:
    """Return whether it names anything, under an id that whoever keeps it can have given."""
    return named is not None and not (references.is_foreign(named) and named.type in own_ids)


def _misdeclared(
    declared: str, known: str, targets: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """List what is wrong with the type that a Reference says; `known` is the one that it names."""
    is_logical = ":" in declared  # the URL of a logical model, which R4 does not define
    if not is_logical and declared not in RESOURCE_TYPES:
        yield "type", "Not a type of R4", f"Reference.type: {_SPECIFICATION}Reference"
    elif known and declared != known:
        yield "type", "The type is not that of the reference", f"The reference names a {known}"
    elif targets and not is_logical and declared not in targets:
        yield "type", "This type may not stand here", _may_refer_to(targets)


def _may_refer_to(targets: Collection[str]) -> str:
    return f"May refer to {', '.join(sorted(targets))}"
