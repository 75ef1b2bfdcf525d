"""References between Encounters and Communications: what a write adds must be there."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shared import references
from shared.catalog.types import CARE, TYPES
from shared.errors import BusinessRule, FhirError, Invalid, Issue, NotSupported
from shared.references import Literal
from shared.store.work import Work

type Resource = dict[str, Any]
# Each is read: a write stays within a function's time.
MOST_ADDED = 100
_URN = "urn:uuid:"
_SEARCH = re.compile(r"[A-Z][A-Za-z]+\?", re.ASCII)


def _literals(value: Any, path: str) -> Iterator[tuple[Literal, str]]:
    """Walk all Reference elements of a resource, each with its FHIRPath."""
    if isinstance(value, dict):
        target = references.target(value)
        if target and target.type in CARE:
            yield target, f"{path}.reference"
        for name, member in value.items():
            if name != "contained":
                yield from _literals(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _literals(member, f"{path}[{index}]")


def resolved(work: Work, resource: Resource) -> Resource:
    """Give a resource with each conditional reference (`Encounter?identifier=...`) made literal.

    Raises BusinessRule naming each that does not find exactly one resource.
    https://hl7.org/fhir/R4/http.html#trules
    """
    texts = _texts(resource, resource["resourceType"])
    asked = {path: text for path, text in texts if _SEARCH.match(below_base(text))}
    if not asked:
        return resource
    found: dict[str, str] = {}
    issues: list[Issue] = []
    for path, text in asked.items():
        try:
            found[text] = found.get(text) or _found(work, text)
        except FhirError as error:
            issues += [replace(issue, expression=path) for issue in error.issues]
    if issues:
        raise BusinessRule(issues=issues)
    literal: Resource = _replaced(resource, found)
    return literal


def below_base(text: str) -> str:
    """Give a conditional reference as it is below the base, where it may be absolute on ours."""
    return text.removeprefix(references.BASE.get()).removeprefix("/")


def check_urns(resource: Resource) -> None:
    """Raise Invalid naming each reference to an entry (`urn:uuid:...`) that is not there."""
    issues = [
        Issue("not-found", "No entry of the Bundle has this fullUrl", path, text)
        for path, text in _texts(resource, resource["resourceType"])
        if text[: len(_URN)].lower() == _URN
    ]
    if issues:
        raise Invalid(issues=issues)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk all references, each with its FHIRPath."""
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str):
            yield f"{path}.reference", text
        for name, member in value.items():
            yield from _texts(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _texts(member, f"{path}[{index}]")


def _found(work: Work, text: str) -> str:
    """Give the literal reference to the one resource that a search finds."""
    from shared.interactions.conditions import named  # noqa: PLC0415 - few writes search

    resource_type, _, query = below_base(text).partition("?")
    if resource_type not in TYPES:
        raise NotSupported(
            f"References are searched for among {', '.join(TYPES)} only: "
            f"no {resource_type} is kept here",
            diagnostics=f"Refer to it as {resource_type}/id, or by Reference.identifier",
        )
    target = named(work, resource_type, references.query(query))
    if target is None:
        raise BusinessRule(f"The search matches no {resource_type}")
    return str(target)


def _replaced(value: Any, found: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(member, found) for member in value]
    if not isinstance(value, dict):
        return value
    literal = {name: _replaced(member, found) for name, member in value.items()}
    text = value.get("reference")
    if isinstance(text, str) and text in found:
        literal["reference"] = found[text]
    return literal


def check(work: Work, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise BusinessRule naming each reference that a write adds and that names nothing here.

    A resource may name itself.
    """
    own = Literal(after["resourceType"], after["id"])
    known = {target for target, _ in _literals(before, "")} | {own}
    added = {target: path for target, path in _literals(after, own.type) if target not in known}
    if len(added) > MOST_ADDED:
        raise BusinessRule(f"A write adds at most {MOST_ADDED} references to {' and '.join(CARE)}")
    missing = [(target, path) for target, path in added.items() if not _is_there(work, target)]
    if missing:
        raise BusinessRule(
            issues=[
                Issue("business-rule", f"{target} does not exist", path) for target, path in missing
            ]
        )


def _is_there(work: Work, target: Literal) -> bool:
    if work.coming.get(target):
        return True
    record = work.resource(target.type, target.id)
    return record is not None and work.sight.sees(record.resource)
