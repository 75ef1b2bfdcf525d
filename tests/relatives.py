"""A family, invented: a mother who is a RelatedPerson of each of two children, and asks for."""

from typing import Any

from tests import care
from tests.frontdoor import Answer, FrontDoor

BART, LISA, MAGGIE = (f"Patient/{one}-simpson" for one in ("bart", "lisa", "maggie"))
MILHOUSE = "Patient/milhouse-van-houten"
OF_BART, OF_LISA = "RelatedPerson/marge-of-bart", "RelatedPerson/marge-of-lisa"
ALICE = care.reference(care.ALICE)
type Resource = dict[str, Any]


def as_mother(person: str = OF_BART, **claims: str) -> FrontDoor:
    """Sign in as a related person."""
    return FrontDoor(role="related-person", fhir_user=person, claims=claims)


def put(clinic: FrontDoor, reference: str, **content: Any) -> None:
    kind, _, own_id = reference.partition("/")
    answer = clinic.put(f"/{reference}", {"resourceType": kind, "id": own_id, **content})
    assert answer.status in (200, 201), answer.text


def relative(clinic: FrontDoor, person: str, patient: str, **more: Any) -> None:
    """Say whose relative somebody is."""
    put(clinic, person, **{"patient": care.reference(patient), **more})


def same(clinic: FrontDoor, *people: str, kind: str = "seealso", **more: Any) -> None:
    """Say in a mother's own record which RelatedPersons she is."""
    links = [{"other": care.reference(one), "type": kind} for one in people]
    put(clinic, "Patient/marge-simpson", link=links, **more)


def ended(day: str) -> Resource:
    return {"period": {"end": day}}


def opened(caller: FrontDoor, *named: str, **more: str) -> Answer:
    """Open a session for whom patients are, or stand for."""
    pairs = [*(("patient", one) for one in named), *more.items()]
    return caller.post("/Encounter/$open-session", care.parameters(*pairs))


def treated(clinic: FrontDoor, session: Answer) -> set[str]:
    """Whom a session is about: its subject, or those of its medical encounters."""
    assert session.status < 300, session.text
    children = clinic.get(f"/Encounter?part-of=Encounter/{session.id}").found
    subjects = [session.body.get("subject"), *(one["subject"] for one in children)]
    assert ("subject" in session.body) is not bool(children)
    return {one["reference"] for one in subjects if one}


def takes_part(session: Answer) -> dict[str, str]:
    """Who takes part in a session, and as what."""
    return {
        one["individual"]["reference"]: one["type"][0]["coding"][0]["code"]
        for one in session.body.get("participant", ())
    }
