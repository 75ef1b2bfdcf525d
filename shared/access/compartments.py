"""Whose compartment a resource is in, by what the catalogue says of its elements."""

from collections.abc import Iterator
from typing import Any

from shared import references
from shared.catalog import compartments
from shared.catalog.compartments import ITSELF, Member

type Resource = dict[str, Any]

DRAFT = "preparation"
# Elements by which R4's resources name the patient that they are about.
_ABOUT = ("subject", "patient", "for")


def owners(resource: Resource) -> frozenset[str]:
    """Give the references of those in whose compartments a resource is by its own elements.

    A draft is in its sender's only.
    """
    rows = compartments.of_type(resource["resourceType"])
    if is_draft(resource):
        rows = tuple(row for row in rows if row.element == "sender")
    return frozenset(text for row in rows for text in _references(resource, row))


def patients(resource: Resource) -> frozenset[str]:
    """Give the references of the patients whom a resource is about; a Patient is themself."""
    if resource.get("resourceType") == "Patient":
        return frozenset({f"Patient/{resource['id']}"} if "id" in resource else ())
    found = [resource.get(name) for name in _ABOUT]
    if resource.get("resourceType") == "Appointment":
        found += [each.get("actor") for each in resource.get("participant", ())]
    texts = [each.get("reference", "") for each in found if isinstance(each, dict)]
    return frozenset(each for each in map(references.canonical, texts) if is_a("Patient", each))


def is_draft(resource: Resource) -> bool:
    """Tell whether a resource is one that has not been sent yet."""
    return resource["resourceType"] == "Communication" and resource.get("status") == DRAFT


def sender(resource: Resource) -> str:
    """Return the reference by which a resource names its sender, empty where it names none."""
    return references.canonical(resource.get("sender", {}).get("reference", ""))


def is_a(resource_type: str, reference: str) -> bool:
    """Return whether a reference, relative or absolute, is to a type."""
    return references.type_of(reference) == resource_type


def _references(resource: Resource, row: Member) -> Iterator[str]:
    if row.element == ITSELF:
        yield f"{row.owner}/{resource.get('id', '')}"
        return
    found: list[Any] = [resource]
    for name in row.element.split("."):
        found = [each for element in found for each in _members(element, name)]
    for element in found:
        text = element.get("reference", "") if isinstance(element, dict) else ""
        name = references.canonical(text)
        if is_a(row.owner, name):
            yield name


def _members(element: Any, name: str) -> list[Any]:
    found = element.get(name) if isinstance(element, dict) else None
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
