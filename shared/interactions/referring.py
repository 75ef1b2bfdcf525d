"""References between Encounters and Communications: what a write adds must be there."""

import re
from collections.abc import Iterator
from typing import Any

from shared import references
from shared.catalog.interactions import TYPES
from shared.errors import BusinessRule, Issue
from shared.references import Literal
from shared.store.work import Work

# Each is read: a write stays within a function's time.
MOST_ADDED = 100
_SEARCH = re.compile(r"[A-Z][A-Za-z]+\?", re.ASCII)


def _literals(value: Any, path: str) -> Iterator[tuple[Literal, str]]:
    """Walk all Reference elements of a resource, each with its FHIRPath."""
    if isinstance(value, dict):
        target = references.target(value)
        if target and target.type in TYPES:
            yield target, f"{path}.reference"
        for name, member in value.items():
            if name != "contained":
                yield from _literals(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _literals(member, f"{path}[{index}]")


def _conditional(value: Any, path: str) -> Iterator[Issue]:
    """Walk all references that are searches (`Patient?phone=...`): there is nothing to find by."""
    if isinstance(value, dict):
        if _SEARCH.match(str(value.get("reference", ""))):
            text = "Conditional references are not supported"
            yield Issue("not-supported", text, f"{path}.reference")
        for name, member in value.items():
            yield from _conditional(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _conditional(member, f"{path}[{index}]")


def check(work: Work, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise BusinessRule naming each reference that a write adds and that names nothing here.

    A resource may name itself.
    """
    own = Literal(after["resourceType"], after["id"])
    if conditional := list(_conditional(after, own.type)):
        raise BusinessRule(issues=conditional)
    known = {target for target, _ in _literals(before, "")} | {own}
    added = {target: path for target, path in _literals(after, own.type) if target not in known}
    if len(added) > MOST_ADDED:
        raise BusinessRule(f"A write adds at most {MOST_ADDED} references to {' and '.join(TYPES)}")
    missing = [(target, path) for target, path in added.items() if not _is_there(work, target)]
    if missing:
        raise BusinessRule(
            issues=[
                Issue("business-rule", f"{target} does not exist", path) for target, path in missing
            ]
        )


def _is_there(work: Work, target: Literal) -> bool:
    record = work.resource(target.type, target.id)
    return record is not None and work.sight.sees(record.resource)
