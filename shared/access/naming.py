"""What patients and related persons may not say of a resource or a person: how others know them."""

from collections.abc import Iterator
from typing import Any

from shared.errors import Forbidden, Issue

type Resource = dict[str, Any]

# Elements of type Identifier that searches look at, in what is contained as well. Other systems
# recognize their records by them, and would take a resource that somebody planted for their own.
IDENTIFIERS = frozenset({"identifier", "masterIdentifier", "groupIdentifier", "requisition"})
# The people of a Communication, and what a Reference says of them beside who they are.
_PEOPLE = ("subject", "sender", "recipient")
_LABELS = frozenset({"display", "_display", "type", "_type", "identifier"})


def without_labels(resource: Resource) -> Resource:
    """Return a resource whose people are named by literal references alone.

    What they are called is the directory's to say. A Reference without `reference` stays as it is.
    """
    named = {name: _unlabelled(resource[name]) for name in _PEOPLE if name in resource}
    return resource | named


def _unlabelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_unlabelled(member) for member in value]
    if not isinstance(value, dict) or "reference" not in value:
        return value
    return {name: member for name, member in value.items() if name not in _LABELS}


def check_identifiers(resource: Resource) -> None:
    """Raise Forbidden naming each identifier in a resource, in its parts and what it contains."""
    issues = [
        Issue(
            Forbidden.code,
            "Patients and related persons set no identifiers",
            path,
            "Other systems recognize their records by them: leave it out",
        )
        for path in _identifiers(resource, resource["resourceType"])
    ]
    if issues:
        raise Forbidden(issues=issues)


def _identifiers(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            below = f"{path}.{name.removeprefix('_')}"
            if name.removeprefix("_") in IDENTIFIERS:
                yield below
            else:
                yield from _identifiers(member, below)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _identifiers(member, f"{path}[{index}]")
