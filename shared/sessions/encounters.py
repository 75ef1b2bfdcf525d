"""Writing an Encounter, with its effects on its session, children, threads and due row."""

from typing import Any

from shared.audit.work import Work
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.references import checks
from shared.rules import classification, days, transitions
from shared.rules import completion as rules
from shared.rules.state import slot_key
from shared.rules.status_history import check_transition
from shared.sessions import attaching, closing, deployment, detaching, due_dates
from shared.settings import settings
from shared.store import versions
from shared.store.records import EncounterRecord, changed

type Resource = dict[str, Any]


def create(
    work: Work, encounter_id: str, after: Resource, *, known: Resource | None = None
) -> EncounterRecord:
    """Save a new Encounter. References that `known` has as well are not checked."""
    _check(work, known or {}, after)
    return _save(work, versions.blank_encounter(work, encounter_id), {}, after)


def update(work: Work, before: EncounterRecord, after: Resource) -> EncounterRecord:
    """Save an Encounter's next version, which may restore a deleted one."""
    check_transition(before.resource.get("status"), after.get("status"))
    _check(work, before.resource, after, by_server=before.by_server)
    if closes(before, after) or _comes_back_ended(before, after):
        if before.deleted and before.home and after["status"] not in classification.VOID:
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


def delete(work: Work, before: EncounterRecord) -> EncounterRecord:
    """Save an Encounter's deletion: threads are detached, its day becomes free, children stay."""
    record = changed(before, slots=frozenset(), figures=detaching.release(work, before))
    deleted = versions.of_encounter(work, record, None, due="", filled=frozenset())
    work.save(deleted)
    detaching.free_day(work, deleted)
    return deleted


def _is_session(encounter: Resource) -> bool:
    return classification.is_session(encounter, settings().encounter_type_system)


def _is_open_session(encounter: Resource) -> bool:
    return classification.is_open(encounter) and _is_session(encounter)


def _check(work: Work, before: Resource, after: Resource, *, by_server: bool = False) -> None:
    """Check an Encounter's references, and its subject as far as the deployment requires.

    In a transaction bundle the Conditions are checked after all entries are written.
    """
    checks.check(work, before, after)
    configured = settings()
    if not (configured.require_subject or configured.same_subject):
        return
    from shared.references import subjects  # noqa: PLC0415 - few deployments require it

    if configured.require_subject and not by_server:
        subjects.require(work, after)
    if configured.same_subject and not work.announced:
        subjects.check_conditions(work, before, after)


def _save(
    work: Work, record: EncounterRecord, before: Resource, after: Resource
) -> EncounterRecord:
    _hold_parent_open(work, record.id, before, after)
    if record.slots and not _is_open_session(after):
        record = changed(record, slots=frozenset(), figures=detaching.release(work, record))
    if classification.is_open(after) and not classification.is_open(before):
        saved = _opening_version(work, record, before, after)
    else:
        filled = rules.still_filled(before, after, record.filled)
        after, filled = rules.measured(after, filled, settings().zone)
        due = record.due if classification.is_open(after) else ""
        saved = versions.of_encounter(work, record, after, filled=filled, due=due)
        if before.get("status") == classification.PLANNED != after.get("status") and saved.slots:
            # Its threads' time without a message counts from here on.
            saved = changed(saved, due=due_dates.earlier_due(work, saved))
    if before.get("status") != after.get("status"):
        saved = changed(saved, entered=work.instant)
    work.save(saved)
    if saved.home and after.get("status") in classification.VOID:
        detaching.free_day(work, saved)
    return saved


def _opening_version(
    work: Work, record: EncounterRecord, before: Resource, after: Resource
) -> EncounterRecord:
    """Return the version in which an Encounter opens or reopens.

    A reopened one loses the end and length that the server filled.
    """
    ended = frozenset({"end", "length"})
    filled = rules.still_filled(before, after, record.filled)
    saved = versions.of_encounter(
        work, record, rules.without(after, filled & ended), filled=filled - ended
    )
    # A reopened session keeps the policy and limits of its first opening.
    reopened = changed(saved, opened=work.instant)
    saved = reopened if record.opened else attaching.stamped(saved, work)
    if saved.home:
        saved = _reclaim_day(work, saved)
    return changed(saved, due=due_dates.first_due(saved))


def _reclaim_day(work: Work, record: EncounterRecord) -> EncounterRecord:
    """Name a daily session that is reopened or restored in its day's slot again.

    Return it with the end of the present day as its own. Raises BusinessRule if its day has
    another session by now.
    """
    slot = work.slot(slot_key(record.home))
    if detaching.is_taken(work, slot, record.id):
        raise BusinessRule(
            f"{slot.key.day} already has a session: Encounter/{slot.session}",
            expression="Encounter.status",
            diagnostics="A day has only one session, so this one cannot be opened again",
        )
    if slot.session != record.id:
        work.save(transitions.named(slot, record.id))
    # A patient's slot has a reference as its partition, a thread's the id of its header.
    is_thread_slot = "/" not in slot.key.partition
    header = work.communication(slot.key.partition) if is_thread_slot else None
    policy = deployment.policy_of(header) if header else deployment.policy()
    _, after = days.bounds(days.day_of(work.now, policy.zone), policy.zone)
    return changed(record, day_end=instants.written(after))


def _hold_parent_open(work: Work, own_id: str, before: Resource, after: Resource) -> None:
    """Hold a session open in which a medical encounter begins or reopens.

    Raises BusinessRule if the session is not open.
    """
    session_id = classification.parent(after)
    begins = classification.is_open(after) and not (
        classification.is_open(before) and classification.parent(before) == session_id
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
