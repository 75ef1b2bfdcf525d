"""Whom a resource is about: the patients whom the audit trail names."""

from collections.abc import Iterator
from typing import Any

from shared import references
from shared.access.compartments import is_a

type Resource = dict[str, Any]

# Elements by which R4's resources name the patient that they are about.
_NAMED = ("subject", "patient", "for")


def patients(resource: Resource) -> frozenset[str]:
    """Give the references of those whom a resource is about; a Patient is about themself."""
    if resource.get("resourceType") == "Patient":
        return frozenset({f"Patient/{resource['id']}"} if "id" in resource else ())
    named = (references.canonical(text) for text in _texts(resource))
    return frozenset(each for each in named if is_a("Patient", each))


def _texts(resource: Resource) -> Iterator[str]:
    found = [resource.get(name) for name in _NAMED]
    if resource.get("resourceType") == "Appointment":
        found += [each.get("actor") for each in resource.get("participant", ())]
    for element in found:
        text = element.get("reference") if isinstance(element, dict) else None
        if isinstance(text, str):
            yield text
