"""The patients that a Group or RelatedPerson stands for when a session is opened."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.compartments import PATIENT
from shared.errors import BusinessRule, Forbidden, Issue
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.references import families


def represented_patients(work: AuditedUnitOfWork, target: Literal, parameter: str) -> list[str]:
    """Return the patients that a Group or RelatedPerson stands for, as references, each once.

    `parameter` is the one that named it. Raises BusinessRule if it does not exist or stands for
    nobody, and Forbidden if a patient or related person names a RelatedPerson who is somebody else.
    """
    record = work.resource(*target)
    if record is None or record.deleted or not work.visibility.sees_record(record):
        raise _refused(f"{target} does not exist", parameter)
    if target.type == "Group":
        return _of_group(target, record.resource, parameter)
    if work.caller.is_patient_or_relative and str(target) not in work.caller.own_references:
        raise Forbidden(
            "Patients and related persons open sessions for themselves or their patients",
            expression=parameter,
            diagnostics=f"{target} is somebody else",
        )
    relatives = sorted(families.read_family(work.tenant, record).patients)
    if not relatives:
        raise _refused(
            f"{target} is nobody's relative now: it is not active, or its period is over", parameter
        )
    return relatives


def _refused(text: str, parameter: str) -> BusinessRule:
    return BusinessRule(text, expression=parameter, diagnostics="Name the patients themselves")


def _of_group(target: Literal, group: Resource, parameter: str) -> list[str]:
    """Return a Group's active members that are Patients, and ignore others, as Practitioners.

    Raises BusinessRule for each active member that names nobody here or is a Group itself.
    """
    if group.get("active") is False:
        raise _refused(f"{target} is not active", parameter)
    patients_of_group: dict[str, None] = {}
    issues: list[Issue] = []
    for number, member in enumerate(group.get("member", ())):
        entity = references.target(member["entity"])
        if not _is_active(member):
            continue
        if entity is None or entity.type == "Group":
            text = f"Group.member[{number}] of {target} names no person on this server"
            issues.append(Issue(BusinessRule.code, text, parameter, "Name the patients themselves"))
        elif entity.type == PATIENT:
            patients_of_group[str(entity)] = None
    if issues:
        raise BusinessRule(issues=issues)
    if not patients_of_group:
        raise _refused(f"{target} has no active member that is a Patient", parameter)
    return list(patients_of_group)


def _is_active(member: Resource) -> bool:
    return member.get("inactive") is not True and families.is_current(member.get("period", {}))
