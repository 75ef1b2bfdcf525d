"""Whether a resource is what R4 says it is: every issue at once, each with its FHIRPath.

https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, tzinfo
from typing import Any

from shared.catalog.types import CARE
from shared.errors import Invalid, Issue, Malformed
from shared.resources.schema import type_named
from shared.resources.walk import ManyIssues, Walk

# Each is looked at beside the references of all others, and by invariants that are FHIRPath.
MOST_CONTAINED = 100


def validate(
    resource: dict[str, Any],
    expected: str,
    *,
    zone: tzinfo = UTC,
    own_ids: Collection[str] = CARE,
    as_sent: Callable[[str], str] = str,
) -> None:
    """Check a resource against R4. Raises Invalid with all issues.

    `zone` reads dates in per-1; references to the types of `own_ids` have ids of R4; `as_sent` (of
    `empties.Stripped`) restores the body's indices.
    """
    found = issues(resource, expected, zone=zone, own_ids=own_ids)
    if found:
        raise Invalid(
            issues=[
                Issue(each.code, each.text, as_sent(each.expression), each.diagnostics)
                for each in found
            ]
        )


def issues(
    resource: Any,
    expected: str,
    *,
    zone: tzinfo = UTC,
    own_ids: Collection[str] = CARE,
) -> list[Issue]:
    """List what is wrong with a resource, in the order of its elements.

    The list ends early if it is longer than an answer's. Raises Malformed, and TooCostly if the
    invariants of what is contained take too much work.
    """
    if not isinstance(resource, dict):
        return [Issue("structure", "A resource is a JSON object", expected, f"Not a {expected}")]
    if resource.get("resourceType") != expected:
        text = f"The resource must be of type {expected}"
        return [
            Issue("invalid", text, f"{expected}.resourceType", "resourceType says something else")
        ]
    if isinstance(contained := resource.get("contained"), list) and len(contained) > MOST_CONTAINED:
        text = f"A resource contains at most {MOST_CONTAINED} others"
        return [Issue("too-costly", text, f"{expected}.contained", f"It has {len(contained)}")]
    walk = Walk(resource, zone, own_ids)
    try:
        walk.resource(resource, type_named(expected), expected)
        walk.contained(resource, expected)
    except RecursionError:
        raise Malformed("The body is nested too deeply") from None
    except ManyIssues:
        return walk.issues
    return [*walk.issues, *_of_profiles(resource, walk.issues)]


def element_issues(value: Any, kind: str, path: str) -> list[Issue]:
    """List what is wrong with an element of a type, which stands at a path."""
    if not isinstance(value, dict):
        return [Issue("structure", "An object is expected here", path, f"{kind} is an object")]
    walk = Walk(value, UTC)
    with suppress(ManyIssues):
        walk.resource(value, type_named(kind), path)
    return walk.issues


def _of_profiles(resource: dict[str, Any], known: list[Issue]) -> Iterator[Issue]:
    """Check the profiles that a resource says it keeps; what R4 refuses already is not repeated."""
    meta = resource.get("meta")
    if isinstance(meta, dict) and "profile" in meta:
        from shared.resources import profiles  # noqa: PLC0415 - few resources claim one

        seen = {issue.expression for issue in known}
        for held in profiles.claimed(resource):
            found = profiles.issues(resource, held)
            yield from (issue for issue in found if issue.expression not in seen)
