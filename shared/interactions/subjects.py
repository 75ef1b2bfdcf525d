"""Whose an Encounter is, where the deployment asks for that."""

from collections.abc import Iterator
from typing import Any

from shared import references
from shared.errors import BusinessRule, Issue
from shared.index.values import canonical
from shared.interactions import referring
from shared.references import Literal
from shared.sessions import kinds
from shared.settings import NONE, settings
from shared.store.records import EncounterRecord, Versioned
from shared.store.work import Work

type Resource = dict[str, Any]

_SUBJECT = "Encounter.subject"


def require(work: Work, encounter: Resource) -> None:
    """Raise BusinessRule where an Encounter names no Patient as its subject.

    A session may do without one, or name a Group: its patients are on its medical encounters.
    """
    subject = encounter.get("subject", {})
    if _names(work, subject, "Patient"):
        return
    is_session = kinds.is_session(encounter, settings().encounter_type_system)
    if is_session and ("subject" not in encounter or _names(work, subject, "Group")):
        return
    raise BusinessRule(
        "An Encounter names a Patient as its subject",
        expression=_SUBJECT,
        diagnostics="A session of several patients leaves it out: each has a medical encounter",
    )


def _names(work: Work, subject: Resource, resource_type: str) -> bool:
    """Tell whether a reference is to a type, in a form that is checked where any is."""
    target = referring.named(work.tenant, subject)
    if target is not None or settings().reference_checks != NONE:
        return target is not None and target.type == resource_type
    is_logical = "identifier" in subject and subject.get("type") == resource_type
    return canonical(subject.get("reference", "")).type == resource_type or is_logical


def check_written(work: Work, record: Versioned | None) -> None:
    """Check an Encounter as a transaction leaves it, when all of it is written."""
    now = work.encounter(record.id) if isinstance(record, EncounterRecord) else None
    if now and not now.deleted:
        before = work.as_read(now)
        check_conditions(work, before.resource if before else {}, now.resource)


def check_conditions(work: Work, before: Resource, after: Resource) -> None:
    """Raise BusinessRule where a Condition that an Encounter names is about somebody else.

    It stays as it is until this is written. What is gone, or not seen, is not looked at.
    """
    subject, was = (_whom(work, each.get("subject", {})) for each in (after, before))
    known = dict(_conditions(before)) if subject == was else {}
    others = [
        path
        for condition, path in _conditions(after)
        if condition not in known and _is_of_another(work, condition, subject)
    ]
    if others:
        text = "The Condition is about another subject than the Encounter"
        issues = [Issue("business-rule", text, path) for path in (*others, _SUBJECT)]
        raise BusinessRule(issues=issues)


def _conditions(encounter: Resource) -> Iterator[tuple[Literal, str]]:
    """Give the Conditions that an Encounter names, each with the FHIRPath of its reference."""
    diagnoses = (one.get("condition") for one in encounter.get("diagnosis", ()))
    for path, elements in (
        ("diagnosis[{}].condition", diagnoses),
        ("reasonReference[{}]", encounter.get("reasonReference", ())),
    ):
        for index, element in enumerate(elements):
            target = references.target(element)
            if target and target.type == "Condition":
                yield target, f"Encounter.{path.format(index)}"


def _is_of_another(work: Work, condition: Literal, subject: Any) -> bool:
    record = work.resource(*condition)
    if record is None or record.deleted or not work.sight.sees(record.resource):
        return False
    work.require(record)
    return bool(_whom(work, record.resource["subject"]) != subject)


def _whom(work: Work, subject: Resource) -> Any:
    """Give whom a reference names so that two to one are the same."""
    named = referring.named(work.tenant, subject)
    return named or subject.get("identifier") or subject.get("reference")
