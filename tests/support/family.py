"""An invented family: a mother who is a RelatedPerson of each of her two children."""

from typing import Any

from tests.support import care
from tests.support.api_client import Answer, ApiClient

BART, LISA, MAGGIE = (f"Patient/{one}-simpson" for one in ("bart", "lisa", "maggie"))
MILHOUSE = "Patient/milhouse-van-houten"
OF_BART, OF_LISA = "RelatedPerson/marge-of-bart", "RelatedPerson/marge-of-lisa"
ALICE = care.reference(care.ALICE)
type Resource = dict[str, Any]


def as_mother(person: str = OF_BART, **claims: str) -> ApiClient:
    """Sign in as a related person."""
    return ApiClient(role="related-person", fhir_user=person, claims=claims)


def store(clinic: ApiClient, reference: str, **content: Any) -> None:
    kind, _, own_id = reference.partition("/")
    answer = clinic.put(f"/{reference}", {"resourceType": kind, "id": own_id, **content})
    assert answer.status in (200, 201), answer.text


def store_relative(clinic: ApiClient, person: str, patient: str, **more: Any) -> None:
    """Store a RelatedPerson of a patient."""
    store(clinic, person, **{"patient": care.reference(patient), **more})


def link_records(clinic: ApiClient, *people: str, kind: str = "seealso", **more: Any) -> None:
    """Link the mother's own record to the RelatedPersons that she is."""
    links = [{"other": care.reference(person), "type": kind} for person in people]
    store(clinic, "Patient/marge-simpson", link=links, **more)


def ended_period(day: str) -> Resource:
    return {"period": {"end": day}}


def open_session_for(caller: ApiClient, *references: str, **more: str) -> Answer:
    """Open a session for the patients named, directly or by a RelatedPerson."""
    pairs = [*(("patient", reference) for reference in references), *more.items()]
    return caller.post("/Encounter/$open-session", care.parameters(*pairs))


def session_patients(clinic: ApiClient, session: Answer) -> set[str]:
    """Return the patients of a session: its subject, or those of its medical encounters."""
    assert session.status < 300, session.text
    children = clinic.get(f"/Encounter?part-of=Encounter/{session.id}").resources
    subjects = [session.body.get("subject"), *(subject["subject"] for subject in children)]
    assert ("subject" in session.body) is not bool(children)
    return {subject["reference"] for subject in subjects if subject}


def participant_roles(session: Answer) -> dict[str, str]:
    """Return the participants of a session, each with the code of its role."""
    return {
        participant["individual"]["reference"]: participant["type"][0]["coding"][0]["code"]
        for participant in session.body.get("participant", ())
    }
