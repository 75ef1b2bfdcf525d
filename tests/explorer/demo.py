"""An invented clinic, as README's picture and the tests of the explorer show it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.support import care
from tests.support.practice import Practice

type Person = dict[str, str]

HOMER = {"reference": care.HOMER, "display": "Homer Simpson"}
MARGE = {"reference": "RelatedPerson/marge-simpson", "display": "Marge Simpson"}
BART = {"reference": "Patient/bart-simpson", "display": "Bart Simpson"}
LISA = {"reference": "Patient/lisa-simpson", "display": "Lisa Simpson"}
ALICE = {"reference": care.ALICE, "display": "Dr Alice Smith"}
NICK = {"reference": "Practitioner/doctor-nick", "display": "Dr Nick Riviera"}
CHILDREN = {"display": "Bart and Lisa Simpson"}

BACK: tuple[tuple[str, Person, str], ...] = (
    ("2026-03-02 08:12", HOMER, "Good morning. My back hurts again, worse than in January."),
    ("2026-03-02 08:31", ALICE, "Good morning, Homer. Since when? And does it go down the leg?"),
    ("2026-03-02 08:40", HOMER, "Since Saturday, when I lifted the couch. It stays in the back."),
    (
        "2026-03-02 08:52",
        ALICE,
        (
            "Then please keep moving, and take ibuprofen 400 mg up to three times a day, with "
            "food. No couch for two weeks."
        ),
    ),
    ("2026-03-04 17:05", HOMER, "It is better. I slept through the night."),
    ("2026-03-04 17:20", ALICE, "Good to hear. Halve the ibuprofen from tomorrow."),
    ("2026-03-06 09:01", HOMER, "May I go bowling tonight?"),
)
RASH: tuple[tuple[str, Person, str], ...] = (
    (
        "2026-03-06 09:10",
        MARGE,
        "Bart has a rash on both arms since last night, and Lisa says that her throat hurts. 🤒",
    ),
    (
        "2026-03-06 09:16",
        ALICE,
        "Thank you, Marge. Has either of them a fever? A photo of the rash would help.",
    ),
    ("2026-03-06 09:24", MARGE, "Lisa 38.2 °C, Bart none. Here it is:"),
    ("2026-03-06 09:25", MARGE, ""),
    (
        "2026-03-06 09:41",
        ALICE,
        (
            "That looks like a contact dermatitis. I have written a cream for Bart; Lisa should "
            "rest and drink, and come in if the fever lasts until Sunday."
        ),
    ),
)
PHOTO = {
    "contentType": "image/jpeg",
    "title": "Rash, left arm",
    "size": 245_000,
    "url": "https://files.example.org/rash.jpg",
}


CREAM = "Hydrocortisone 1 % cream"


def _records(bart: str, lisa: str) -> list[dict[str, Any]]:
    """Return what was recorded for the children, each in its medical encounter."""

    def of(kind: str, person: Person, encounter: str, **more: Any) -> dict[str, Any]:
        context = care.reference(f"Encounter/{encounter}")
        return {"resourceType": kind, "subject": person, "encounter": context, **more}

    loinc, ucum = "http://loinc.org", "http://unitsofmeasure.org"
    temperature = {"system": loinc, "code": "8310-5", "display": "Body temperature"}
    return [
        of("Condition", BART, bart, code={"text": "Contact dermatitis"}),
        of(
            "MedicationRequest",
            BART,
            bart,
            status="active",
            intent="order",
            medicationCodeableConcept={"text": CREAM},
            dosageInstruction=[{"text": "thinly, twice a day"}],
            authoredOn="2026-03-06",
        ),
        of(
            "Observation",
            LISA,
            lisa,
            status="final",
            code={"coding": [temperature]},
            valueQuantity={"value": 38.2, "unit": "°C", "system": ucum, "code": "Cel"},
            effectiveDateTime="2026-03-06T09:24:00+01:00",
        ),
    ]


@dataclass(frozen=True)
class Clinic:
    """The ids of a family's session, a thread with sessions of three days, and the last one."""

    family: str
    thread: str
    open: str


def fill(place: Practice) -> Clinic:
    """Create the clinic's sessions, threads, messages and records."""
    name = {"prefix": ["Dr"], "given": ["Alice"], "family": "Smith"}
    alice = {"resourceType": "Practitioner", "id": "doctor-alice-smith", "name": [name]}
    assert place.clinic.put(f"/{care.ALICE}", alice).status == 201
    place.configure(SESSION_POLICY="daily")
    thread = _header(place, "Back pain", HOMER, ALICE)
    _says(place, thread, HOMER, BACK)
    (today,) = place.clinic.get("/Encounter?status=in-progress").ids
    place.configure(SESSION_POLICY="explicit", SESSION_IDLE_MINUTES="2880")
    family = place.open_session(subject=CHILDREN, participant=_people(ALICE, MARGE))
    children = []
    for child, reason in ((BART, "Itchy rash on both arms"), (LISA, "Sore throat")):
        more: dict[str, Any] = {"subject": child, "reasonCode": [{"text": reason}]}
        body = care.medical_encounter(family, care.HOMER, **more)
        children.append(_create(place, body))
    for record in _records(*children):
        _create(place, record)
        place.now += timedelta(minutes=1)
    linked = care.reference(f"Encounter/{family}")
    rash = _header(place, "Bart and Lisa", BART, MARGE, ALICE, encounter=linked)
    _says(place, rash, BART, RASH)
    follow_up = [{"text": "Follow-up by chat"}]
    place.open_session(
        status="planned", subject=LISA, participant=_people(NICK), reasonCode=follow_up
    )
    return Clinic(family, thread, today)


def _create(place: Practice, resource: dict[str, Any]) -> str:
    answer = place.clinic.post(f"/{resource['resourceType']}", resource)
    assert answer.status == 201, answer.text
    return answer.id


def _people(*people: Person) -> list[dict[str, Person]]:
    return [{"individual": person} for person in people]


def _header(place: Practice, topic: str, about: Person, *people: Person, **more: Any) -> str:
    everybody = [about, *people]
    return place.post_header(
        topic={"text": topic}, subject=about, sender=everybody[0], recipient=everybody, **more
    )


def _says(
    place: Practice, thread: str, about: Person, said: tuple[tuple[str, Person, str], ...]
) -> None:
    for moment, sender, text in said:
        content = {"contentString": text} if text else {"contentAttachment": PHOTO}
        place.advance_to(moment)
        place.post_message(
            thread, moment, sender=sender, subject=about, recipient=[ALICE], payload=[content]
        )
