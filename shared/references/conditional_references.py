"""Conditional references, each replaced by a literal one to the resource that it matches.

https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import STORED_TYPES
from shared.errors import BusinessRule, FhirError, Issue, NotSupported
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.references.conditional import find_match


def resolved(
    work: AuditedUnitOfWork, resource: Resource, conditionals: Mapping[str, str]
) -> Resource:
    """Return a resource with its conditional references, by their FHIRPaths, made literal.

    Raises BusinessRule naming each that does not match exactly one resource.
    """
    literals: dict[str, str] = {}
    issues: list[Issue] = []
    for path, text in conditionals.items():
        try:
            literals[text] = literals.get(text) or _search(work, text)
        except FhirError as error:
            issues += [replace(issue, expression=path) for issue in error.issues]
    if issues:
        raise BusinessRule(issues=issues)
    return {name: _replaced(member, literals) for name, member in resource.items()}


def _search(work: AuditedUnitOfWork, text: str) -> str:
    """Return the literal reference to the one resource that a conditional reference matches."""
    resource_type = references.type_of(text)
    if resource_type not in STORED_TYPES:
        raise NotSupported(
            f"Conditional references are supported for {', '.join(STORED_TYPES)} only: "
            f"this server keeps no {resource_type}",
            diagnostics=f"Refer to it as {resource_type}/id, or by Reference.identifier",
        )
    query = references.parse_query(text.partition("?")[2])
    target = find_match(work, resource_type, query)
    if target is None:
        raise BusinessRule(f"The conditional reference matches no {resource_type}")
    return str(target)


def _replaced(value: Any, literals: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(item, literals) for item in value]
    if not isinstance(value, dict):
        return value
    replaced = {name: _replaced(member, literals) for name, member in value.items()}
    text = value.get("reference")
    if isinstance(text, str) and text in literals:
        replaced["reference"] = literals[text]
    return replaced
