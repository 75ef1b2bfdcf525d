"""Identifiers and labels of people, which patients and related persons must not set."""

from collections.abc import Iterator
from typing import Any

from shared.errors import Forbidden, Issue

type Resource = dict[str, Any]

# Elements of type Identifier that searches look at, also in contained resources. Other systems
# recognize their records by them, and would mistake a planted resource for one of their own.
IDENTIFIERS = frozenset({"identifier", "masterIdentifier", "groupIdentifier", "requisition"})
# The people of a Communication, and the members of a Reference that only describe its target.
_PEOPLE = ("subject", "sender", "recipient")
_LABELS = frozenset({"display", "_display", "type", "_type", "identifier"})


def without_labels(resource: Resource) -> Resource:
    """Return a resource whose references to people have no labels, such as `display`.

    The directory says what people are called. A Reference without `reference` stays as it is.
    """
    unlabelled = {name: _unlabelled(resource[name]) for name in _PEOPLE if name in resource}
    return resource | unlabelled


def _unlabelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_unlabelled(member) for member in value]
    if not isinstance(value, dict) or "reference" not in value:
        return value
    return {name: member for name, member in value.items() if name not in _LABELS}


def forbid_identifiers(resource: Resource) -> None:
    """Raise Forbidden if a resource has identifiers, at any depth, naming each of them."""
    issues = [
        Issue(
            Forbidden.code,
            "Patients and related persons must not set identifiers",
            path,
            "Leave it out: other systems recognize their records by it",
        )
        for path in _identifiers(resource, resource["resourceType"])
    ]
    if issues:
        raise Forbidden(issues=issues)


def _identifiers(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            member_path = f"{path}.{name.removeprefix('_')}"
            if name.removeprefix("_") in IDENTIFIERS:
                yield member_path
            else:
                yield from _identifiers(member, member_path)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _identifiers(member, f"{path}[{index}]")
