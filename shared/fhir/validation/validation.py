"""Validation of resources against R4, which finds all issues at once, each with its FHIRPath.

https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any

from shared.catalog.types import SESSION_TYPES
from shared.errors import Invalid, Issue, Malformed
from shared.fhir.validation.schema import type_named
from shared.fhir.validation.walk import ManyIssues, Walk

# Each contained resource takes much work: its references are checked against all the others, and
# its invariants are evaluated as FHIRPath.
MOST_CONTAINED = 100


def validate(
    resource: dict[str, Any],
    expected: str,
    *,
    zone: tzinfo = UTC,
    r4_id_types: Collection[str] = SESSION_TYPES,
    original_path: Callable[[str], str] = str,
) -> None:
    """Raise Invalid with all issues if a resource is not valid R4 of the expected type.

    `zone` is the time zone of dates in invariant per-1. References to types in `r4_id_types` must
    have ids as R4 defines them. `original_path` (of `empties.Stripped`) restores the indices of the
    body.
    """
    problems = issues(resource, expected, zone=zone, r4_id_types=r4_id_types)
    if problems:
        raise Invalid(
            issues=[
                replace(issue, expression=original_path(issue.expression)) for issue in problems
            ]
        )


def issues(
    resource: Any,
    expected: str,
    *,
    zone: tzinfo = UTC,
    r4_id_types: Collection[str] = SESSION_TYPES,
) -> list[Issue]:
    """Return the issues of a resource, in the order of its elements.

    The list ends early if it is longer than an answer may be. Raises Malformed if the resource is
    nested too deeply, and TooCostly if its invariants take too much work.
    """
    if not isinstance(resource, dict):
        return [
            Issue(
                "structure",
                "A resource must be a JSON object",
                expected,
                f"The body must be of type {expected}",
            )
        ]
    if resource.get("resourceType") != expected:
        return [
            Issue(
                "invalid",
                f"The resource must be of type {expected}",
                f"{expected}.resourceType",
                "resourceType names another type",
            )
        ]
    if isinstance(contained := resource.get("contained"), list) and len(contained) > MOST_CONTAINED:
        return [
            Issue(
                "too-costly",
                f"A resource may contain at most {MOST_CONTAINED} others",
                f"{expected}.contained",
                f"It contains {len(contained)}",
            )
        ]
    walk = Walk(resource, zone, r4_id_types)
    try:
        walk.resource(resource, type_named(expected), expected)
        walk.contained(resource, expected)
    except RecursionError:
        raise Malformed("The body is nested too deeply") from None
    except ManyIssues:
        return walk.issues
    return [*walk.issues, *_of_profiles(resource, walk.issues)]


def element_issues(value: Any, kind: str, path: str) -> list[Issue]:
    """Return the issues of an element, given its type and its FHIRPath."""
    if not isinstance(value, dict):
        return [
            Issue(
                "structure",
                "An object is expected here",
                path,
                f"A value of type {kind} is an object",
            )
        ]
    walk = Walk(value, UTC)
    with suppress(ManyIssues):
        walk.resource(value, type_named(kind), path)
    return walk.issues


def _of_profiles(resource: dict[str, Any], reported: list[Issue]) -> Iterator[Issue]:
    """Yield the issues with the profiles that a resource claims.

    Elements that have an issue already are left out.
    """
    meta = resource.get("meta")
    if isinstance(meta, dict) and "profile" in meta:
        from shared.fhir.validation import profiles  # noqa: PLC0415 - few resources claim one

        seen = {issue.expression for issue in reported}
        for profile in profiles.claimed(resource):
            of_profile = profiles.issues(resource, profile)
            yield from (issue for issue in of_profile if issue.expression not in seen)
