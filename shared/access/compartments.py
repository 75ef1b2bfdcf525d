"""Whose compartment a resource is in, by what the catalogue says of its elements.

What names no patient itself is about those of another resource: a message about those of its
thread's header, a session about those of its medical encounters, a record about those of its
encounter.
"""

from collections.abc import Iterable, Iterator
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
    """Return the references of the patients whom a resource names as those it is about.

    These are the owners of the compartments that it is in, whether it has been sent or not.
    """
    kind = resource.get("resourceType", "")
    found = [resource.get(name) for name in _ABOUT]
    texts = [each.get("reference", "") for each in found if isinstance(each, dict)]
    about = {each for each in map(references.canonical, texts) if is_a("Patient", each)}
    rows = [row for row in compartments.of_type(kind) if row.owner == compartments.PATIENT]
    return frozenset(about.union(*(_references(resource, row) for row in rows)))


def through(resource: Resource) -> frozenset[str]:
    """Return the resources that tell whom one is about which does not say so itself."""
    kind = resource.get("resourceType")
    if kind == "Communication":
        # Those who write and get it are in its compartments too, but it is not about them.
        is_said = is_a("Patient", _text(resource.get("subject")))
        return frozenset() if is_said else _targets(resource.get("partOf", ()), kind)
    if patients(resource):
        return frozenset()
    if kind == "Encounter":
        return frozenset({f"Encounter/{resource['id']}"} if "id" in resource else ())
    context = resource.get("context")
    inside = _members(context, "encounter")
    return _targets((resource.get("encounter"), context, *inside), "Encounter")


def _text(element: Any) -> str:
    return str(element.get("reference", "")) if isinstance(element, dict) else ""


def _targets(elements: Iterable[Any], resource_type: str) -> frozenset[str]:
    targets = map(references.target, elements)
    return frozenset(str(each) for each in targets if each and each.type == resource_type)


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
        if "id" in resource:
            yield f"{row.owner}/{resource['id']}"
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
