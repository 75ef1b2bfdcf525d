"""For which patients a Group stands, or a RelatedPerson, when a session is opened."""

from typing import Any

from shared import references
from shared.errors import BusinessRule, Forbidden, Issue
from shared.interactions import families
from shared.references import Literal
from shared.store.work import Work

type Resource = dict[str, Any]


def patients(work: Work, target: Literal, parameter: str) -> list[str]:
    """Give them as references, each once.

    Raises BusinessRule where there is no such resource or it stands for nobody, and Forbidden where
    a patient or related person names another than themselves.
    """
    record = work.resource(*target)
    if record is None or record.deleted or not work.sight.sees_record(record):
        raise _refused(f"{target} does not exist", parameter)
    if target.type == "Group":
        return _of_group(target, record.resource, parameter)
    if work.actor.is_cared_for and str(target) not in work.actor.selves:
        raise Forbidden(
            "Patients and related persons open sessions for themselves or their patients",
            expression=parameter,
            diagnostics=f"{target} is somebody else",
        )
    found = sorted(families.of(work.tenant, record).patients)
    if not found:
        raise _refused(f"{target} is nobody's relative now: not active, or over", parameter)
    return found


def _refused(text: str, parameter: str) -> BusinessRule:
    return BusinessRule(text, expression=parameter, diagnostics="Name the patients themselves")


def _of_group(target: Literal, group: Resource, parameter: str) -> list[str]:
    """Give the active members that are Patients; others, as Practitioners, are left out."""
    if group.get("active") is False:
        raise _refused(f"{target} is not active", parameter)
    found: dict[str, None] = {}
    issues: list[Issue] = []
    for number, member in enumerate(group.get("member", ())):
        named = references.target(member["entity"])
        if not _is_active(member):
            continue
        if named is None or named.type == "Group":
            text = f"Who is meant by Group.member[{number}] of {target} is not known"
            issues.append(Issue(BusinessRule.code, text, parameter, "Name the patients themselves"))
        elif named.type == families.PATIENT:
            found[str(named)] = None
    if issues:
        raise BusinessRule(issues=issues)
    if not found:
        raise _refused(f"{target} has no active member that is a Patient", parameter)
    return list(found)


def _is_active(member: Resource) -> bool:
    return member.get("inactive") is not True and families.is_now(member.get("period", {}))
