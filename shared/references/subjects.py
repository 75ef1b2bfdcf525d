"""Checks of an Encounter's subject, for deployments that require them."""

from collections.abc import Iterator
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule, Issue
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.fhir.search_values import parse_reference
from shared.references import targets
from shared.rules import classification
from shared.settings import NONE, settings
from shared.store.records import EncounterRecord, VersionedRecord

_SUBJECT = "Encounter.subject"


def require_patient(work: AuditedUnitOfWork, encounter: Resource) -> None:
    """Raise BusinessRule if an Encounter does not name a Patient as its subject.

    A session may leave it out, or name a Group: its patients are on its medical encounters.
    """
    subject = encounter.get("subject", {})
    if _names(work, subject, "Patient"):
        return
    is_session = classification.is_session(encounter, settings().encounter_type_system)
    if is_session and ("subject" not in encounter or _names(work, subject, "Group")):
        return
    raise BusinessRule(
        "An Encounter must name a Patient as its subject",
        expression=_SUBJECT,
        diagnostics="Only a session may leave it out: each patient then has a medical encounter",
    )


def _names(work: AuditedUnitOfWork, subject: Resource, resource_type: str) -> bool:
    """Return whether a reference names a resource of a type.

    With reference checks on, it must be a literal that can be checked. Otherwise its text or a
    logical reference by identifier will do.
    """
    target = targets.target_of(work.tenant, subject)
    if target is not None or settings().reference_checks != NONE:
        return target is not None and target.type == resource_type
    is_logical = "identifier" in subject and subject.get("type") == resource_type
    return parse_reference(subject.get("reference", "")).type == resource_type or is_logical


def check_written_conditions(work: AuditedUnitOfWork, record: VersionedRecord | None) -> None:
    """Check the Conditions of an Encounter after all entries of a transaction are written.

    Any other record is ignored. Raises BusinessRule.
    """
    written = work.encounter(record.id) if isinstance(record, EncounterRecord) else None
    if written and not written.deleted:
        before = work.as_read(written)
        check_conditions(work, before.resource if before else {}, written.resource)


def check_conditions(work: AuditedUnitOfWork, before: Resource, after: Resource) -> None:
    """Raise BusinessRule if a Condition that an Encounter names has another subject.

    The commit fails if such a Condition changes meanwhile. Conditions that are deleted, or that
    the caller does not see, are ignored.
    """
    subject = _identity(work, after.get("subject", {}))
    is_same_subject = subject == _identity(work, before.get("subject", {}))
    checked = dict(_conditions(before)) if is_same_subject else {}
    paths = [
        path
        for condition, path in _conditions(after)
        if condition not in checked and _is_of_another(work, condition, subject)
    ]
    if paths:
        raise BusinessRule(
            issues=[
                Issue("business-rule", "The Condition has another subject than the Encounter", path)
                for path in (*paths, _SUBJECT)
            ]
        )


def _conditions(encounter: Resource) -> Iterator[tuple[Literal, str]]:
    """Yield the Conditions that an Encounter names, each with the FHIRPath of its reference."""
    diagnoses = (diagnosis.get("condition") for diagnosis in encounter.get("diagnosis", ()))
    for path, elements in (
        ("diagnosis[{}].condition", diagnoses),
        ("reasonReference[{}]", encounter.get("reasonReference", ())),
    ):
        for index, element in enumerate(elements):
            target = references.target(element)
            if target and target.type == "Condition":
                yield target, f"Encounter.{path.format(index)}"


def _is_of_another(work: AuditedUnitOfWork, condition: Literal, subject: Any) -> bool:
    record = work.resource(*condition)
    if record is None or record.deleted or not work.visibility.sees(record.resource):
        return False
    work.require_unchanged(record)
    return bool(_identity(work, record.resource["subject"]) != subject)


def _identity(work: AuditedUnitOfWork, subject: Resource) -> Any:
    """Return a value that is equal for two references to the same subject."""
    target = targets.target_of(work.tenant, subject)
    return target or subject.get("identifier") or subject.get("reference")
