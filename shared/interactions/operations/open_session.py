"""The operation $open-session: a session with its patients and threads, in one transaction."""

from typing import Any

from shared.access import patient_sessions, patient_writes
from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import instants, references, ulids
from shared.fhir.patch.patching import without_generated_text
from shared.interactions import recipients, write_access
from shared.interactions.operations.parameters import Values, relative_reference
from shared.references import checks
from shared.rules import classification, linking, new_session, people
from shared.rules.state import Slot, SlotKey
from shared.sessions import attaching, changes, communications, encounters, patients, policy_lookup
from shared.sessions.changes import ChangeResult
from shared.sessions.intake import validated_resource
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes

type Resource = dict[str, Any]

# The types of resources that may be given in place of the patients they stand for.
PATIENT_SUBSTITUTES = ("Group", "RelatedPerson")


def open_session(caller: Caller, interaction: str, values: Values) -> ChangeResult:
    """Open a session with its medical encounters, and link its threads.

    Raises Invalid if the given Encounter is not valid, and BusinessRule.
    """
    threads = list(dict.fromkeys(references.target(element) for element in values["thread"]))
    linking.check_thread_count(len(threads))
    template = _template(values)
    ids = [target.id for target in threads if target]

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        session = template
        if caller.is_patient_or_relative:
            session = patient_sessions.permitted_encounter(template, work.now)
        return ChangeResult(_open(work, session, ids, values), created=True)

    return changes.commit_change(caller, interaction, change)


def _template(values: Values) -> Resource:
    """Return the session as the client gives it, or a bare one, under a new id."""
    now = instants.now()
    own_id = ulids.new(instants.to_nanoseconds(now) // instants.MILLISECOND)
    system = settings().encounter_type_system
    given = values["encounter"]
    if not given:
        return new_session.bare_session(own_id, system)
    without_id = {name: value for name, value in given[0].items() if name != "id"}
    template = validated_resource(without_id, "Encounter") | {"id": own_id}
    if not classification.is_session(template, system) or not classification.is_open(template):
        raise BusinessRule(
            "The Encounter is not an open session",
            expression="encounter",
            diagnostics="It needs class VR or type session, an open status, and no partOf",
        )
    return template


def _open(
    work: AuditedUnitOfWork, template: Resource, threads: list[str], values: Values
) -> EncounterRecord | None:
    headers = [_header(work, thread) for thread in threads]
    subjects = _patients(work, template, values["patient"], headers)
    if work.caller.is_patient_or_relative:
        _check_own(work, subjects, headers, values)
        subjects = [{"reference": subject["reference"]} for subject in subjects]
    resource = template | ({"subject": subjects[0]} if subjects else {})
    resource, is_from_threads = _with_participants(resource, values, headers)
    write_access.check_scopes(work, "c", resource)
    for header in headers:
        write_access.check_scopes(work, "u", header.resource)
    is_named = "subject" in template or bool(values["patient"])
    # The references of threads were checked when their headers were written.
    checked = {
        "subject": [] if is_named else subjects,
        "participant": _thread_participants(headers) if is_from_threads else [],
    }
    session = encounters.create(work, template["id"], resource, known=checked)
    if is_from_threads:
        work.save(with_changes(session, filled=session.filled | {"participant"}))
    for subject in subjects[1:]:
        element = {"resourceType": "Encounter", "id": session.id, "subject": subject}
        checks.require_targets(work, checked, element)
        patients.add(work, work.encounter(session.id) or session, subject)
    for header in headers:
        linked = header.resource | {"encounter": references.to("Encounter", session.id)}
        communications.update(work, header, without_generated_text(header.resource, linked))
    return work.encounter(session.id)


def _check_own(
    work: AuditedUnitOfWork,
    subjects: list[Resource],
    headers: list[CommunicationRecord],
    values: Values,
) -> None:
    """Raise Forbidden if the session is not the caller's own, or has people they may not address.

    The caller is a patient or related person.
    """
    contents = [header.resource for header in headers]
    thread_subjects = (content.get("subject") for content in contents)
    patient_writes.check_session_subjects(work.caller, [*subjects, *thread_subjects])
    participants = (
        (name, element) for name in ("practitioner", "participant") for element in values[name]
    )
    recipients.check(work, participants, contents)


def _header(work: AuditedUnitOfWork, thread: str) -> CommunicationRecord:
    """Read a thread's state and header. Raises BusinessRule if it already has an open session."""
    state = work.slot(SlotKey(thread))
    header = write_access.visible_header(work, thread, "thread")
    with write_access.hide_error_details(work, header.resource):
        _check_free(work, state, header)
    return header


def _check_free(work: AuditedUnitOfWork, state: Slot, header: CommunicationRecord) -> None:
    """Raise BusinessRule if a thread already has an open session, or is a message."""
    thread = header.id
    if header.place.is_message:
        raise BusinessRule(
            f"Communication/{thread} is a message, not a thread's header",
            expression="thread",
            diagnostics=f"Name its header, Communication/{header.place.thread}",
        )
    named = {
        state.session,
        classification.encounter_id(header.resource),
        _session_now(work, header),
    }
    for session_id in sorted(named - {""}):
        if session := attaching.named_encounter(work, session_id, state):
            linking.check_is_free(thread, session)


def _session_now(work: AuditedUnitOfWork, header: CommunicationRecord) -> str:
    """Return the session of the slot that a message meets now: the thread's, or that of today."""
    patient = people.patient_reference(header.resource)
    return work.slot(policy_lookup.policy_of(header).slot_key(header.id, patient, work.now)).session


def _patients(
    work: AuditedUnitOfWork,
    template: Resource,
    given: list[Resource],
    headers: list[CommunicationRecord],
) -> list[Resource]:
    """Return the session's patients, each once: those given, else the subjects of the threads.

    Raises BusinessRule naming what is wrong with a Group or RelatedPerson that stands for them.
    """
    own = [template["subject"]] if "subject" in template else []
    of_threads = [header.resource["subject"] for header in headers if "subject" in header.resource]
    elements, name = ([*own, *given], "patient") if own or given else (of_threads, "thread")
    subjects: dict[str, Resource] = {}
    for element in elements:
        for subject in _resolved(work, element, name):
            target = references.target(subject)
            subjects.setdefault(
                str(target or subject), relative_reference(subject) if target else subject
            )
    people.check_patient_count(len(subjects), name)
    return list(subjects.values())


def _resolved(work: AuditedUnitOfWork, element: Resource, name: str) -> list[Resource]:
    """Return the patients that a Group or RelatedPerson stands for; another reference itself."""
    target = references.target(element)
    if target is None or target.type not in PATIENT_SUBSTITUTES:
        return [element]
    from shared.references import representation  # noqa: PLC0415 - most sessions name their patients

    return [
        {"reference": patient}
        for patient in representation.represented_patients(work, target, name)
    ]


def _with_participants(
    session: Resource, values: Values, headers: list[CommunicationRecord]
) -> tuple[Resource, bool]:
    """Return the session with its participants, and whether they come from the threads.

    They do if the client names none. A RelatedPerson given as `patient` takes part as well.
    """
    elements = values["practitioner"] + values["participant"]
    persons = [relative_reference(element)["reference"] for element in elements]
    participants = list(session.get("participant", ()))
    is_from_threads = not persons and not participants
    if is_from_threads:
        participants = _thread_participants(headers)
    given = map(str, filter(None, map(references.target, values["patient"])))
    persons += [person for person in given if people.can_participate(person)]
    present = {str(references.target(element.get("individual"))) for element in participants}
    participants += [
        people.participant(person) for person in dict.fromkeys(persons) if person not in present
    ]
    if not participants:
        return session, False
    return session | {"participant": participants}, is_from_threads


def _thread_participants(headers: list[CommunicationRecord]) -> list[Resource]:
    """Return the participants of threads, each once."""
    by_reference = {
        element["individual"]["reference"]: element
        for header in headers
        for element in people.participants(header.resource, {})
    }
    return list(by_reference.values())
