"""Writing an Encounter, with its effects on its session, children, threads and due row."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.references import checks
from shared.rules import classification, filled_elements, lifecycle, times
from shared.rules.lifecycle import WriteEffect
from shared.rules.state import parse_slot_key
from shared.rules.status_history import check_transition
from shared.sessions import closing, detaching, due_dates, policy_lookup
from shared.settings import settings
from shared.store import versions
from shared.store.records import EncounterRecord, with_changes


def create(
    work: AuditedUnitOfWork, encounter_id: str, after: Resource, *, known: Resource | None = None
) -> EncounterRecord:
    """Save a new Encounter. References that `known` has as well are not checked."""
    _check(work, known or {}, after)
    effect = lifecycle.decide(None, after, settings().encounter_type_system)
    return _save(work, versions.blank_encounter(work, encounter_id), after, effect)


def update(work: AuditedUnitOfWork, before: EncounterRecord, after: Resource) -> EncounterRecord:
    """Save an Encounter's next version, which may restore a deleted one."""
    check_transition(before.resource.get("status"), after.get("status"))
    _check(work, before.resource, after, by_server=before.by_server)
    effect = lifecycle.decide(before.resource, after, settings().encounter_type_system)
    if effect is not WriteEffect.CLOSE:
        return _save(work, before, after, effect)
    if before.deleted and before.home and not classification.is_void(after):
        before = _reclaim_day(work, before)
    return closing.close(work, before, after)


def delete(work: AuditedUnitOfWork, before: EncounterRecord) -> EncounterRecord:
    """Save an Encounter's deletion: threads are detached, its day becomes free, children stay."""
    record = detaching.without_slots(work, before)
    deleted = work.save(versions.next_encounter(work, record, None, due="", filled=frozenset()))
    detaching.free_day(work, deleted)
    return deleted


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
    work: AuditedUnitOfWork, before: EncounterRecord, after: Resource, effect: WriteEffect
) -> EncounterRecord:
    _hold_parent(work, before, after)
    if not classification.is_open_session(after, settings().encounter_type_system):
        before = detaching.without_slots(work, before)
    if effect is WriteEffect.OPEN:
        saved = _opening_version(work, before, after)
    else:
        filled = filled_elements.unchanged_elements(before.resource, after, before.filled)
        if "length" in filled:
            # A client may have changed the period.
            after, filled = filled_elements.with_length(after, filled, settings().zone)
        due = "" if effect is WriteEffect.END else before.due
        saved = versions.next_encounter(work, before, after, filled=filled, due=due)
    if effect is WriteEffect.START and saved.slots:
        saved = with_changes(saved, due=due_dates.due_after_attaching(work, saved))
    work.save(saved)
    detaching.free_day(work, saved)
    return saved


def _opening_version(
    work: AuditedUnitOfWork, before: EncounterRecord, after: Resource
) -> EncounterRecord:
    """Return the version in which an Encounter opens or reopens."""
    resource, filled = filled_elements.without_end(before.resource, after, before.filled)
    saved = versions.next_encounter(work, before, resource, filled=filled)
    # A reopened session keeps the policy and limits of its first opening.
    reopened = with_changes(saved, opened=work.instant)
    saved = reopened if before.opened else policy_lookup.with_opening_policy(saved, work)
    if saved.home:
        saved = _reclaim_day(work, saved)
    return with_changes(saved, due=due_dates.first_due(saved))


def _reclaim_day(work: AuditedUnitOfWork, record: EncounterRecord) -> EncounterRecord:
    """Name a daily session that is reopened or restored in its day's slot again.

    Return it with the end of the present day as its own. Raises BusinessRule if its day has
    another session by now.
    """
    slot = work.slot(parse_slot_key(record.home))
    is_taken = detaching.is_day_taken(work, slot, record.id)
    work.save(lifecycle.reclaimed_day(slot, record.id, is_taken=is_taken))
    # A patient's slot has a reference as its partition, a thread's the id of its header.
    is_thread_slot = "/" not in slot.key.partition
    header = work.communication(slot.key.partition) if is_thread_slot else None
    policy = policy_lookup.policy_of(header) if header else policy_lookup.default_policy()
    _, day_end = times.day_bounds(times.day_of(work.now, policy.zone), policy.zone)
    return with_changes(record, day_end=instants.to_text(day_end))


def _hold_parent(work: AuditedUnitOfWork, before: EncounterRecord, after: Resource) -> None:
    """Save the parent of an Encounter that begins, reopens or moves, so that its `rev` rises.

    A concurrent write that ends the parent then fails, starts over and finds the child. That holds
    for every parent, because a deleted or plain Encounter may become a session that has ended.
    Raises BusinessRule if the parent is a session that is not open.
    """
    parent_id = classification.parent_id(after)
    parent = work.encounter(parent_id) if parent_id and parent_id != before.id else None
    system = settings().encounter_type_system
    if parent and lifecycle.begins_in_parent(before.resource, after, parent.resource, system):
        work.save(parent)
