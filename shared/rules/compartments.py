"""The compartments that a resource is in, by its elements and the catalogue's definitions.

A resource that names no patient is about the patients of another resource: a message of its
thread's header, a session of its medical encounters, a record of its encounter, a Binary of its
security context.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from shared.catalog import compartments
from shared.catalog.compartments import ITSELF, Member
from shared.catalog.types import BINARY
from shared.fhir import references
from shared.fhir.elements import elements_at
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Local
from shared.rules.classification import DRAFT

# The elements in which resources of R4 name the patient they are about.
_ABOUT = ("subject", "patient", "for", "securityContext")


def owners(resource: Resource) -> frozenset[str]:
    """Return the owners of the compartments that a resource is in by its own elements.

    They are references. A draft is in its sender's compartment only.
    """
    rows = compartments.members_of_type(resource["resourceType"])
    if is_draft(resource):
        rows = tuple(row for row in rows if row.element == "sender")
    return frozenset(reference for row in rows for reference in _references(resource, row))


def patients(resource: Resource) -> frozenset[str]:
    """Return the references of the patients whom a resource itself is about.

    They own the Patient compartments that it is in, or will be in once a draft has been sent.
    """
    if not resource:
        return frozenset()
    resource_type = resource.get("resourceType", "")
    about = {
        person
        for path in _paths_to_patients(resource_type)
        if path[0] in resource
        for element in elements_at(resource, path)
        if (person := _person(compartments.PATIENT, element))
    }
    if resource_type == compartments.PATIENT and "id" in resource:
        about.add(f"{resource_type}/{resource['id']}")
    return frozenset(about)


@cache
def _paths_to_patients(resource_type: str) -> frozenset[tuple[str, ...]]:
    """Return the paths of the elements by which a type is in a Patient compartment."""
    rows = compartments.members_of_type(resource_type)
    of_type = {row.path for row in rows if row.owner == compartments.PATIENT}
    return frozenset(of_type | {(name,) for name in _ABOUT}) - {(ITSELF,)}


def patient_sources(resource: Resource, own_patients: frozenset[str]) -> frozenset[str]:
    """Return the references of the resources whose patients a resource is about.

    Empty if it names its patients itself; `own_patients` are what `patients` returns of it.
    """
    resource_type = resource.get("resourceType")
    if resource_type == "Communication":
        # Not by `patients`: a message is in its senders' and recipients' compartments too, but
        # it is not about them.
        has_patient = _person("Patient", resource.get("subject"))
        return frozenset() if has_patient else _targets(resource.get("partOf", ()), resource_type)
    if own_patients:
        return frozenset()
    if resource_type == "Encounter":
        return frozenset({f"Encounter/{resource['id']}"} if "id" in resource else ())
    if resource_type == BINARY:
        named = references.target(resource.get("securityContext"))
        return frozenset({str(named)} if named else ())
    context = resource.get("context")
    context_encounters = elements_at(context, ("encounter",))
    return _targets((resource.get("encounter"), context, *context_encounters), "Encounter")


def _targets(elements: Iterable[Any], resource_type: str) -> frozenset[str]:
    targets = map(references.target, elements)
    return frozenset(str(target) for target in targets if target and target.type == resource_type)


def is_draft(resource: Resource) -> bool:
    """Return whether a resource is a Communication that has not been sent yet."""
    return resource["resourceType"] == "Communication" and resource.get("status") == DRAFT


def canonical_sender(resource: Resource) -> str:
    """Return the reference of a resource's sender, empty if it names none."""
    return references.comparable_reference(resource.get("sender"))


def is_reference_to(resource_type: str, reference: str) -> bool:
    """Return whether a reference, relative or absolute, names a resource of a type."""
    return references.type_of(reference) == resource_type


def _references(resource: Resource, row: Member) -> Iterator[str]:
    if row.element == ITSELF:
        if "id" in resource:
            yield f"{row.owner}/{resource['id']}"
        return
    for element in elements_at(resource, row.path):
        if person := _person(row.owner, element):
            yield person


def _person(owner: str, element: Any) -> str:
    """Return the reference to a resource of a type as the server compares it, or an empty text."""
    text = element.get("reference") if isinstance(element, dict) else None
    reference = references.parse(text) if text else None
    if reference is None or reference.type != owner:
        return ""
    return str(reference.target) if isinstance(reference, Local) else str(text)
