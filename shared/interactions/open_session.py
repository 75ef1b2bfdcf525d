"""$open-session: a session with its patients and threads, in one transaction."""

from dataclasses import replace
from typing import Any

from shared import instants, references, ulids
from shared.access import Actor, own_care, own_session
from shared.errors import BusinessRule
from shared.interactions import (
    addressing,
    attaching,
    changes,
    communications,
    deployment,
    encounters,
    patients,
    permitted,
    referring,
)
from shared.interactions.accepted import accepted
from shared.interactions.changes import Outcome
from shared.interactions.parameters import Values, relative
from shared.resources.patching import without_generated_text
from shared.sessions import kinds, opening, policies
from shared.sessions.closing import participant, takes_part
from shared.sessions.state import Slot, SlotKey
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.work import Work

type Resource = dict[str, Any]

MOST_THREADS = 6
# The medical encounters of more never fit a transaction.
MOST_PATIENTS = 10
# What stands for patients.
STANDING = ("Group", "RelatedPerson")


def open_session(actor: Actor, interaction: str, values: Values) -> Outcome:
    """Open a session. Raises BusinessRule, and Invalid where the Encounter given is none."""
    threads = list(dict.fromkeys(references.target(one) for one in values["thread"]))
    if len(threads) > MOST_THREADS:
        raise BusinessRule(
            f"$open-session links at most {MOST_THREADS} threads",
            expression="thread",
            diagnostics="Link the others one by one: PATCH Communication/{id}, add /encounter",
        )
    template = _template(values)
    ids = [target.id for target in threads if target]

    def change(work: Work) -> Outcome:
        asked = template
        if actor.is_cared_for:
            asked = own_session.check_encounter(template, work.now)
        return Outcome(_opened(work, asked, ids, values), created=True)

    return changes.make(actor, interaction, change)


def _template(values: Values) -> Resource:
    """Give the session as the client wants it, under an id of ours."""
    now = instants.now()
    own_id = ulids.new(instants.nanoseconds(now) // instants.MILLISECOND)
    system = settings().encounter_type_system
    given = values["encounter"]
    if not given:
        return opening.bare_session(own_id, system)
    without_id = {name: each for name, each in given[0].items() if name != "id"}
    template = accepted(without_id, "Encounter") | {"id": own_id}
    if not kinds.is_session(template, system) or not kinds.is_open(template):
        raise BusinessRule(
            "The Encounter is no open session: class VR or type session, no partOf, not ended",
            expression="encounter",
        )
    return template


def _opened(
    work: Work, template: Resource, threads: list[str], values: Values
) -> EncounterRecord | None:
    headers = [_header(work, thread) for thread in threads]
    people = _patients(work, template, values["patient"], headers)
    if work.actor.is_cared_for:
        _check_own(work, people, headers, values)
        people = [{"reference": one["reference"]} for one in people]
    resource = template | ({"subject": people[0]} if people else {})
    resource, is_ours = _with_participants(resource, values, headers)
    permitted.check_scopes(work, "c", resource)
    for header in headers:
        permitted.check_scopes(work, "u", header.resource)
    is_named = "subject" in template or bool(values["patient"])
    known = {
        "subject": [] if is_named else people,
        "participant": _of_threads(headers) if is_ours else [],
    }
    session = encounters.create(work, template["id"], resource, known=known)
    if is_ours:
        work.save(replace(session, filled=session.filled | {"participant"}))
    for further in people[1:]:
        about = {"resourceType": "Encounter", "id": session.id, "subject": further}
        referring.check(work, known, about)
        patients.add(work, work.encounter(session.id) or session, further)
    for header in headers:
        linked = header.resource | {"encounter": references.to("Encounter", session.id)}
        communications.update(work, header, without_generated_text(header.resource, linked))
    return work.encounter(session.id)


def _check_own(
    work: Work, people: list[Resource], headers: list[CommunicationRecord], values: Values
) -> None:
    """Raise Forbidden if the session is not the caller's own, or has others than they address."""
    threads = [each.resource for each in headers]
    subjects = (header.get("subject") for header in threads)
    own_care.check_opened(work.actor, [*people, *subjects])
    named = ((name, one) for name in ("practitioner", "participant") for one in values[name])
    addressing.check(work, named, threads)


def _header(work: Work, thread: str) -> CommunicationRecord:
    """Read a thread's state and header. Raises BusinessRule where it has an open session."""
    state = work.slot(SlotKey(thread))
    header = work.header(thread)
    if header is None or not work.sight.sees(header.resource):
        raise BusinessRule(f"Communication/{thread} does not exist", expression="thread")
    with permitted.untold(work, header.resource):
        _check_free(work, state, header)
    return header


def _check_free(work: Work, state: Slot, header: CommunicationRecord) -> None:
    """Raise BusinessRule where a thread has an open session, or is none."""
    thread = header.id
    if header.place.is_message:
        raise BusinessRule(
            f"Communication/{thread} is a message of Communication/{header.place.thread}",
            expression="thread",
        )
    named = {state.session, kinds.linked(header.resource), _session_of_today(work, header)}
    for session_id in sorted(named - {""}):
        session = work.encounter(session_id)
        if session and attaching.takes_messages(session):
            raise BusinessRule(
                f"Communication/{thread} has a session already: Encounter/{session_id}",
                expression="thread",
            )


def _session_of_today(work: Work, header: CommunicationRecord) -> str:
    policy = deployment.policy_of(header)
    if policy.name != policies.DAILY:
        return ""
    patient = opening.patient(header.resource)
    return work.slot(attaching.day_key(policy, header.id, patient, work.now)).session


def _patients(
    work: Work, template: Resource, given: list[Resource], headers: list[CommunicationRecord]
) -> list[Resource]:
    """Give each patient once: those named, else those whom the threads are about.

    Raises BusinessRule naming what is wrong with a Group or RelatedPerson that stands for them.
    """
    own = [template["subject"]] if "subject" in template else []
    about = [each.resource["subject"] for each in headers if "subject" in each.resource]
    elements, name = ([*own, *given], "patient") if own or given else (about, "thread")
    found: dict[str, Resource] = {}
    for element in elements:
        for one in _meant(work, element, name):
            target = references.target(one)
            found.setdefault(str(target or one), relative(one) if target else one)
    if len(found) > MOST_PATIENTS:
        raise BusinessRule(
            f"$open-session takes at most {MOST_PATIENTS} patients",
            expression=name,
            diagnostics=f"These are {len(found)}: add others one by one, by $add-patient",
        )
    return list(found.values())


def _meant(work: Work, element: Resource, name: str) -> list[Resource]:
    """Give the patients for whom a reference stands."""
    target = references.target(element)
    if target is None or target.type not in STANDING:
        return [element]
    from shared.interactions import standing  # noqa: PLC0415 - most sessions name their patients

    return [{"reference": one} for one in standing.patients(work, target, name)]


def _with_participants(
    session: Resource, values: Values, headers: list[CommunicationRecord]
) -> tuple[Resource, bool]:
    """Give the session with who takes part, and whether the server said so from the threads."""
    named = [relative(one)["reference"] for one in values["practitioner"] + values["participant"]]
    present = list(session.get("participant", ()))
    is_ours = not named and not present
    if is_ours:
        present = _of_threads(headers)
    standing = map(str, filter(None, map(references.target, values["patient"])))
    named += [one for one in standing if takes_part(one)]
    known = {str(references.target(one.get("individual"))) for one in present}
    added = [participant(one) for one in dict.fromkeys(named) if one not in known]
    people = [*present, *added]
    return (session | {"participant": people} if people else session), is_ours and bool(people)


def _of_threads(headers: list[CommunicationRecord]) -> list[Resource]:
    """Give who takes part in threads, each once: they were looked for when those were written."""
    found = [one for each in headers for one in opening.participants(each.resource, {})]
    return list({one["individual"]["reference"]: one for one in found}.values())
