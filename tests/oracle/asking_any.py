"""Random queries about the directory and the records."""

from tests.oracle.asking import Asked, Asker
from tests.oracle.making_any import ANY_TARGETS
from tests.oracle.matcher import Everything
from tests.oracle.r4 import defined


class AnyAsker(Asker):
    """Makes a query about each parameter of each type in turn, and random ones after that."""

    between = (
        ("Encounter", "patient", "Patient"),
        ("Encounter", "appointment", "Appointment"),
        ("Communication", "sender", "Patient"),
        ("Communication", "sender", "RelatedPerson"),
        ("Condition", "encounter", "Encounter"),
        ("Observation", "encounter", "Encounter"),
        ("Observation", "patient", "Patient"),
        ("Observation", "has-member", "Observation"),
        ("DocumentReference", "encounter", "Encounter"),
        ("ChargeItem", "context", "Encounter"),
        ("Task", "focus", "Condition"),
        ("Task", "owner", "PractitionerRole"),
        ("PractitionerRole", "practitioner", "Practitioner"),
        ("RelatedPerson", "patient", "Patient"),
        ("Group", "member", "Patient"),
        ("Appointment", "actor", "Location"),
        ("Organization", "partof", "Organization"),
    )

    def __init__(self, seed: str, everything: Everything) -> None:
        super().__init__(seed, everything)
        self.left = [
            (kind, code)
            for kind, readers in everything.readers.items()
            for code in readers
            if kind not in ("Encounter", "Communication")
        ]

    def query(self) -> Asked:
        if not self.left:
            return super().query()
        kind, code = self.left.pop()
        having = [
            resource
            for resource in self.everything.of[kind]
            if self.everything.values(resource, code)
        ]
        wanted = self.dice.choice(having or self.everything.of[kind])
        return Asked(kind, [self.own(kind, wanted, code)], self.sort(kind))

    def dated(self, kind: str) -> str:
        every = ["date", "sent", "recorded-date", "authoredon", "authored", "authored-on"]
        readers = self.everything.readers[kind]
        return next((code for code in (*every, "entered-date") if code in readers), "_lastUpdated")

    def targets(self, kind: str, code: str) -> list[str]:
        if code not in defined(kind):
            return super().targets(kind, code)
        names = defined(kind)[code].targets
        return ANY_TARGETS if "Resource" in names else names
