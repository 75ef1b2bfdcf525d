"""Writing an Encounter, with its effects on its session, children, threads and due row."""

from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.references import checks
from shared.rules import classification, days, transitions
from shared.rules import filled_elements as rules
from shared.rules.state import parse_slot_key
from shared.rules.status_history import check_transition
from shared.sessions import attaching, closing, detaching, due_dates, policy_lookup
from shared.settings import settings
from shared.store import versions
from shared.store.records import EncounterRecord, with_changes

type Resource = dict[str, Any]


def create(
    work: AuditedUnitOfWork, encounter_id: str, after: Resource, *, known: Resource | None = None
) -> EncounterRecord:
    """Save a new Encounter. References that `known` has as well are not checked."""
    _check(work, known or {}, after)
    return _save(work, versions.blank_encounter(work, encounter_id), {}, after)


def update(work: AuditedUnitOfWork, before: EncounterRecord, after: Resource) -> EncounterRecord:
    """Save an Encounter's next version, which may restore a deleted one."""
    check_transition(before.resource.get("status"), after.get("status"))
    _check(work, before.resource, after, by_server=before.by_server)
    if closes(before, after) or _comes_back_ended(before, after):
        if before.deleted and before.home and after["status"] not in classification.VOID_STATUSES:
            before = _reclaim_day(work, before)
        return closing.close(work, before, after)
    return _save(work, before, before.resource, after)


def closes(before: EncounterRecord, after: Resource) -> bool:
    """Return whether a write ends an open session, or turns an ended Encounter into a session."""
    if classification.is_open(after):
        return False
    becomes_session = _is_session(after) and not _is_session(before.resource)
    return becomes_session or _is_open_session(before.resource)


def _comes_back_ended(before: EncounterRecord, after: Resource) -> bool:
    """Return whether a write restores a deleted session as ended, which ends its children too."""
    return before.deleted and _is_session(after) and not classification.is_open(after)


def delete(work: AuditedUnitOfWork, before: EncounterRecord) -> EncounterRecord:
    """Save an Encounter's deletion: threads are detached, its day becomes free, children stay."""
    record = with_changes(before, slots=frozenset(), figures=detaching.detach_all(work, before))
    deleted = versions.next_encounter(work, record, None, due="", filled=frozenset())
    work.save(deleted)
    detaching.free_day(work, deleted)
    return deleted


def _is_session(encounter: Resource) -> bool:
    return classification.is_session(encounter, settings().encounter_type_system)


def _is_open_session(encounter: Resource) -> bool:
    return classification.is_open(encounter) and _is_session(encounter)


def _check(
    work: AuditedUnitOfWork, before: Resource, after: Resource, *, by_server: bool = False
) -> None:
    """Check an Encounter's references, and its subject as far as the deployment requires.

    In a transaction bundle the Conditions are checked after all entries are written.
    """
    checks.require_targets(work, before, after)
    configured = settings()
    if not (configured.require_subject or configured.same_subject):
        return
    from shared.references import subjects  # noqa: PLC0415 - few deployments require it

    if configured.require_subject and not by_server:
        subjects.require_patient(work, after)
    if configured.same_subject and not work.planned_writes:
        subjects.check_conditions(work, before, after)


def _save(
    work: AuditedUnitOfWork, record: EncounterRecord, before: Resource, after: Resource
) -> EncounterRecord:
    _hold_parent_open(work, record.id, before, after)
    if record.slots and not _is_open_session(after):
        record = with_changes(record, slots=frozenset(), figures=detaching.detach_all(work, record))
    if classification.is_open(after) and not classification.is_open(before):
        saved = _opening_version(work, record, before, after)
    else:
        filled = rules.unchanged_elements(before, after, record.filled)
        after, filled = rules.with_recomputed_length(after, filled, settings().zone)
        due = record.due if classification.is_open(after) else ""
        saved = versions.next_encounter(work, record, after, filled=filled, due=due)
        if before.get("status") == classification.PLANNED != after.get("status") and saved.slots:
            # Its threads' time without a message counts from here on.
            saved = with_changes(saved, due=due_dates.due_after_attaching(work, saved))
    if before.get("status") != after.get("status"):
        saved = with_changes(saved, entered=work.instant)
    work.save(saved)
    if saved.home and after.get("status") in classification.VOID_STATUSES:
        detaching.free_day(work, saved)
    return saved


def _opening_version(
    work: AuditedUnitOfWork, record: EncounterRecord, before: Resource, after: Resource
) -> EncounterRecord:
    """Return the version in which an Encounter opens or reopens.

    A reopened one loses the end and length that the server filled.
    """
    ended = frozenset({"end", "length"})
    filled = rules.unchanged_elements(before, after, record.filled)
    saved = versions.next_encounter(
        work, record, rules.without_elements(after, filled & ended), filled=filled - ended
    )
    # A reopened session keeps the policy and limits of its first opening.
    reopened = with_changes(saved, opened=work.instant)
    saved = reopened if record.opened else attaching.with_opening_policy(saved, work)
    if saved.home:
        saved = _reclaim_day(work, saved)
    return with_changes(saved, due=due_dates.first_due(saved))


def _reclaim_day(work: AuditedUnitOfWork, record: EncounterRecord) -> EncounterRecord:
    """Name a daily session that is reopened or restored in its day's slot again.

    Return it with the end of the present day as its own. Raises BusinessRule if its day has
    another session by now.
    """
    slot = work.slot(parse_slot_key(record.home))
    if detaching.is_day_taken(work, slot, record.id):
        raise BusinessRule(
            f"{slot.key.day} already has a session: Encounter/{slot.session}",
            expression="Encounter.status",
            diagnostics="A day has only one session, so this one cannot be opened again",
        )
    if slot.session != record.id:
        work.save(transitions.slot_naming_session(slot, record.id))
    # A patient's slot has a reference as its partition, a thread's the id of its header.
    is_thread_slot = "/" not in slot.key.partition
    header = work.communication(slot.key.partition) if is_thread_slot else None
    policy = policy_lookup.policy_of(header) if header else policy_lookup.default_policy()
    _, after = days.bounds(days.day_of(work.now, policy.zone), policy.zone)
    return with_changes(record, day_end=instants.to_text(after))


def _hold_parent_open(
    work: AuditedUnitOfWork, own_id: str, before: Resource, after: Resource
) -> None:
    """Hold a session open in which a medical encounter begins or reopens.

    Raises BusinessRule if the session is not open.
    """
    session_id = classification.parent_id(after)
    begins = classification.is_open(after) and not (
        classification.is_open(before) and classification.parent_id(before) == session_id
    )
    session = work.encounter(session_id) if session_id and session_id != own_id else None
    if session is None or not begins:
        return
    if not _is_session(session.resource):
        return
    if not classification.is_open(session.resource):
        raise BusinessRule(
            f"Encounter/{session_id} is {session.resource['status']}",
            expression="Encounter.partOf",
            diagnostics="A medical encounter can begin or reopen only in an open session",
        )
    work.save(session)
