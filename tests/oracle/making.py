"""Random resources of every shape that searches read. The same seed makes the same resources."""

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.oracle.values import BASE
from tests.support import care

type Resource = dict[str, Any]

START = datetime(2025, 6, 1, tzinfo=UTC)
DAYS = 500
OTHER = "https://other.example/fhir"
KINDS = [("urn:kinds", "MR"), ("urn:kinds", "SS"), ("urn:else", "MR")]
WORDS = ["Älter", "alter Hut", "Fever", "fe", "A rash", "Ödem", "odem"]
UNITS = [("http://unitsofmeasure.org", "min", "minutes"), ("", "", "min"), ("", "", "")]
SENDERS = ["Practitioner", "Patient", "Patient", "Device", "RelatedPerson"]


class Maker:
    """Makes resources with the ids that it is given. They may refer to those made before."""

    def __init__(self, seed: str, size: int) -> None:
        self.dice = random.Random(seed)
        self.size = size

    def one_in(self, number: int) -> bool:
        return self.dice.randrange(number) == 0

    def some[T](self, make: Any, most: int = 2) -> list[T]:
        return [make() for _ in range(self.dice.randint(1, most))]

    def moment(self) -> datetime:
        return START + timedelta(seconds=self.dice.randrange(DAYS * 24 * 3600))

    def instant(self, moment: datetime) -> str:
        shift = self.dice.choice([0, 0, 0, 1, -5, 9.5])
        local = moment.astimezone(timezone(timedelta(hours=shift)))
        fraction = "." + str(self.dice.randrange(1, 10**4))
        digits = self.dice.choice(["", "", fraction, fraction + "00", ".000"])
        zone = local.strftime("%:z") if shift else self.dice.choice(["Z", "+00:00"])
        return local.strftime("%Y-%m-%dT%H:%M:%S") + digits + zone

    def written(self, moment: datetime) -> str:
        form = self.dice.choices(["", "%Y-%m-%d", "%Y-%m", "%Y"], (80, 12, 6, 2))[0]
        return moment.strftime(form) if form else self.instant(moment)

    def period(self) -> Resource:
        """Return a period, mostly of minutes, sometimes of weeks, perhaps with a bound missing."""
        start = self.moment()
        minutes = self.dice.choice([0, 5, 30, 600, 1439, 1441, 3000, 30_000])
        period = {}
        if not self.one_in(8):
            period["start"] = self.written(start)
        if not self.one_in(3):
            longer = timedelta(
                minutes=minutes, days=0 if len(period.get("start", "")) > 10 else 400
            )
            period["end"] = self.instant(start + longer)
        return period

    def refer(self, *types: str, most: int = 8) -> Resource:
        kind = self.dice.choice(types)
        return self.referring(kind, f"{kind}/{self.dice.randrange(most)}")

    def referring(self, kind: str, to: str) -> Resource:
        form = self.dice.randrange(25)
        if form == 0:
            return {"type": kind, "identifier": self.identifier()}
        if form == 1:
            return {"reference": f"{OTHER}/{to}"}
        if form == 2:
            return {"reference": f"{BASE}/{to}", "identifier": self.identifier()}
        if form == 3:
            return {"reference": f"{to}/_history/2"}
        return {"reference": to} if form > 4 else {"display": "somebody"}

    def identifier(self) -> Resource:
        value = self.dice.choice(["{}", "{}", "{}", "a,{}", "b|{}", "c${}", "d\\{}"])
        identifier: Resource = {"value": value.format(self.dice.randrange(40))}
        if not self.one_in(4):
            identifier["system"] = self.dice.choice(["urn:a", "urn:b", "urn:c|d"])
        if self.one_in(3):
            system, code = self.dice.choice(KINDS)
            identifier["type"] = {"coding": [{"system": system, "code": code}]}
            if self.one_in(2):
                identifier["type"]["text"] = self.dice.choice(WORDS)
        return identifier

    def coding(self) -> Resource:
        coding = {"code": self.dice.choice("uvwxyz")}
        if not self.one_in(4):
            coding["system"] = self.dice.choice(["urn:s", "urn:t"])
        if self.one_in(3):
            coding["display"] = self.dice.choice(WORDS)
        return coding

    def concept(self) -> Resource:
        concept: Resource = {} if self.one_in(5) else {"coding": self.some(self.coding)}
        if self.one_in(3) or not concept:
            concept["text"] = self.dice.choice(WORDS)
        return concept

    def meta(self) -> Resource:
        moment = self.moment() + timedelta(milliseconds=self.dice.randrange(1000))
        meta: Resource = {"versionId": "1"}
        meta["lastUpdated"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        for name, make in (
            ("profile", lambda: f"http://p.example/{self.dice.choice(['a', 'a/b', 'ab'])}"),
            ("security", self.coding),
            ("tag", self.coding),
        ):
            if self.one_in(6):
                meta[name] = self.some(make)
        if self.one_in(6):
            meta["source"] = self.dice.choice(["urn:x", "http://s.example/1", "http://s.example"])
        return meta

    def _with(self, made: Resource, one_in: float, **makers: Any) -> None:
        for name, make in makers.items():
            if self.dice.random() < one_in:
                made[name.rstrip("_")] = make()

    def encounter(self, own_id: str) -> Resource:
        refer, some = self.refer, self.some
        resource: Resource = {
            "resourceType": "Encounter",
            "id": own_id,
            "meta": self.meta(),
            "status": self.dice.choice(care.ENCOUNTER_STATUSES),
            "class": {"display": "none"} if self.one_in(15) else self.coding(),
        }
        self._with(resource, 0.85, subject=lambda: refer("Patient", "Patient", "Patient", "Group"))
        self._with(resource, 0.85, period=self.period)
        self._with(
            resource,
            0.3,
            identifier=lambda: some(self.identifier),
            type=lambda: some(self.concept),
            reasonCode=lambda: some(self.concept),
            partOf=lambda: {"reference": f"Encounter/e{self.dice.randrange(self.size)}"},
            length=self.length,
            location=lambda: some(self.location),
            serviceProvider=lambda: refer("Organization", most=4),
        )
        self._with(resource, 0.6, participant=lambda: some(self.participant))
        self._with(
            resource,
            0.1,
            episodeOfCare=lambda: some(lambda: refer("EpisodeOfCare")),
            basedOn=lambda: some(lambda: refer("ServiceRequest")),
            appointment=lambda: some(lambda: refer("Appointment")),
            account=lambda: some(lambda: refer("Account")),
            reasonReference=lambda: some(lambda: refer("Condition", "Observation")),
            diagnosis=lambda: [{"condition": refer("Condition", "Procedure")}],
            hospitalization=lambda: {"specialArrangement": some(self.concept)},
        )
        return resource

    def length(self) -> Resource:
        names = zip(("system", "code", "unit"), self.dice.choice(UNITS), strict=True)
        number = self.dice.choice([5, 10, 15, 10.04, 9.6, 0.5, self.dice.randrange(100)])
        return {"value": number} | {name: text for name, text in names if text}

    def location(self) -> Resource:
        resource: Resource = {"location": self.refer("Location", most=4)}
        self._with(resource, 0.5, period=self.period)
        return resource

    def participant(self) -> Resource:
        resource: Resource = {"individual": self.refer("Practitioner", "RelatedPerson")}
        self._with(resource, 0.3, type=lambda: [self.concept()])
        return resource

    def communication(self, own_id: str, part_of: str = "") -> Resource:
        """Return a header, a message of one, or a part of something else."""
        refer, some, dice = self.refer, self.some, self.dice
        resource: Resource = {
            "resourceType": "Communication",
            "id": own_id,
            "meta": self.meta(),
            "status": dice.choice(care.COMMUNICATION_STATUSES),
        }
        if part_of:
            resource["partOf"] = [{"reference": part_of}]
        elif self.one_in(4):
            elsewhere = f"Encounter/e{dice.randrange(self.size)}"
            resource["partOf"] = [
                dice.choice([refer("Procedure", "Task"), {"reference": elsewhere}])
            ]
        self._with(resource, 0.85, subject=lambda: refer("Patient", "Patient", "Patient", "Group"))
        self._with(resource, 0.85, sent=lambda: self.written(self.moment()))
        self._with(resource, 0.85, sender=lambda: refer(*SENDERS))
        self._with(resource, 0.85, recipient=lambda: some(lambda: refer(*SENDERS, "CareTeam")))
        self._with(
            resource,
            0.25,
            encounter=lambda: {"reference": f"Encounter/e{dice.randrange(self.size)}"},
            identifier=lambda: some(self.identifier),
            received=lambda: self.written(self.moment()),
            category=lambda: some(self.concept),
            medium=lambda: some(self.concept),
            topic=self.concept,
            priority=lambda: dice.choice(["routine", "urgent", "asap", "stat"]),
        )
        self._with(
            resource,
            0.1,
            basedOn=lambda: some(lambda: refer("ServiceRequest", "Task", "Communication")),
            instantiatesUri=lambda: some(lambda: dice.choice(URIS)),
            instantiatesCanonical=lambda: some(lambda: dice.choice(CANONICALS)),
        )
        return resource


URIS = ["http://u.example/p", "http://u.example/p/1", "http://u.example/p/12", "urn:oid:1.2"]
CANONICALS = [
    "PlanDefinition/1",
    f"{BASE}/PlanDefinition/2",
    "http://c.example/Questionnaire/1|2.0",
    "http://c.example/Questionnaire/1",
]
