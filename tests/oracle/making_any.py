"""Random resources of any type, with the elements that R4's search parameters read."""

from datetime import timedelta
from typing import Any

from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES
from shared.fhir.validation.schema import Element, type_named, value_set_codes
from tests.oracle.making import CANONICALS, URIS, WORDS, Maker, Resource
from tests.oracle.r4 import Defined, defined

GIVEN = ["Homer", "Jay", "Märge", "Jean-Luc", "Ольга", "Mary Ann", "R. J.", "jo"]
FAMILIES = [
    "Simpson",
    "Simpkins",
    "O'Brien",
    "O\u2019Hara",
    "van der Berg",
    "Ángel Ruiz",
    "Straße",
    "Si",
]
CONTACTS = ["+15550100", "+1 (555) 0101", "homer@example.org", "Homer@Example.org", "555,0102"]
CONTACT_SYSTEMS = ["phone", "phone", "email", "fax"]
# Code systems of which no list has all codes.
OPEN_CODES = {"": ["en", "de-AT", "text/plain"], "mimetypes": ["text/plain", "image/png"]}
ANY_TARGETS = ["Patient", "Observation", "Condition", "Media", "Encounter"]
# Parameters that nearly all resources have a value for.
USUAL = {"patient", "subject", "name", "telecom", "status", "code", "encounter", "member", "actor"}


class AnyMaker(Maker):
    """Makes resources of any type, which refer to others by number, some of which are missing."""

    def any(self, kind: str, own_id: str) -> Resource:
        resource: Resource = {"resourceType": kind, "id": own_id, "meta": self.meta()}
        for code, param in defined(kind).items():
            odds = 0.75 if code in USUAL else 0.25
            if not code.startswith("_") and self.dice.random() < odds:
                self.put(resource, kind, param)
        return resource

    def put(self, resource: Resource, kind: str, param: Defined) -> None:
        """Put a value where a parameter reads one."""
        path = [step for step in self.dice.choice(param.parts) if not step.startswith("where")]
        steps = [step for step in path if not step.startswith("ofType")]
        chosen_type = path[-1][7:-1] if path[-1].startswith("ofType") else ""
        target, within = resource, kind
        for name in steps[:-1]:
            if name not in type_named(within).elements:
                return  # an element inside of a choice is made with the choice
            element = type_named(within).elements[name]
            target, within = self.inner(target, name, element), element.type
        elements = type_named(within).elements
        stem = steps[-1]
        names = [name for name, element in elements.items() if element.choice == stem] or [stem]
        if chosen_type:
            names = [
                name for name in names if name == stem + chosen_type[0].upper() + chosen_type[1:]
            ]
        if any(element in target for element in elements if elements[element].choice == stem):
            return
        name = self.dice.choice(names)
        value = self.value(elements[name], param)
        if elements[name].is_array:
            target.setdefault(name, []).append(value)
        else:
            target.setdefault(name, value)

    def inner(self, parent: Resource, name: str, element: Element) -> Resource:
        if not element.is_array:
            child: Resource = parent.setdefault(name, {})
            return child
        every: list[Resource] = parent.setdefault(name, [])
        if not every or self.one_in(4):
            every.append({})
        return self.dice.choice(every)

    def value(self, element: Element, param: Defined) -> Any:
        dice, codes = self.dice, element.value_set
        makers: dict[str, Any] = {
            "Address": self.address,
            "Age": self.length,
            "boolean": lambda: self.one_in(2),
            "canonical": lambda: dice.choice(
                [
                    canonical
                    for canonical in CANONICALS
                    if any(f"{name}/" in canonical for name in param.targets)
                ]
            ),
            "code": lambda: dice.choice(OPEN_CODES.get(codes) or value_set_codes(codes)),
            "CodeableConcept": self.concept,
            "Coding": self.coding,
            "ContactPoint": self.contact,
            "date": lambda: self.moment().strftime(dice.choice(["%Y-%m-%d", "%Y-%m", "%Y"])),
            "dateTime": lambda: self.written(self.moment()),
            "HumanName": self.human_name,
            "Identifier": self.identifier,
            "instant": lambda: self.instant(self.moment()),
            "Money": lambda: {"value": dice.randrange(30), "currency": dice.choice(["EUR", "USD"])},
            "Period": self.period,
            "Quantity": self.length,
            "Range": lambda: {"low": self.length()},
            "Reference": lambda: self.refer_to(param.targets),
            "SampledData": lambda: {"origin": self.length(), "period": 1, "dimensions": 1},
            "string": lambda: dice.choice([*WORDS, *GIVEN, *FAMILIES]),
            "Timing": self.timing,
            "uri": lambda: dice.choice(URIS),
            "url": lambda: dice.choice(URIS),
        }
        return makers[element.type]()

    def refer_to(self, targets: list[str]) -> Resource:
        types = ANY_TARGETS if "Resource" in targets else targets
        stored = [name for name in types if name in {*DIRECTORY_TYPES, *RECORD_TYPES, "Encounter"}]
        kind = self.dice.choice(stored if stored and not self.one_in(5) else types)
        prefix = "e" if kind == "Encounter" else ""
        return self.referring(kind, f"{kind}/{prefix}{self.dice.randrange(12)}")

    def human_name(self) -> Resource:
        name: Resource = {"use": self.dice.choice(["official", "usual", "old"])}
        self._with(
            name,
            0.7,
            given=lambda: self.some(lambda: self.dice.choice(GIVEN)),
            family=lambda: self.dice.choice(FAMILIES),
        )
        self._with(
            name,
            0.2,
            text=lambda: f"Dr. {self.dice.choice(GIVEN)} {self.dice.choice(FAMILIES)}",
            prefix=lambda: ["Dr."],
            period=self.period,
        )
        return name

    def address(self) -> Resource:
        address: Resource = {"use": self.dice.choice(["home", "work"]), "type": "both"}
        self._with(
            address,
            0.5,
            line=lambda: ["742 Evergreen Terrace"],
            city=lambda: self.dice.choice(["Springfield", "Žilina", "St. Gallen"]),
            postalCode=lambda: self.dice.choice(["12345", "9000"]),
            country=lambda: self.dice.choice(["US", "CH"]),
        )
        return address

    def contact(self) -> Resource:
        system = self.dice.choice(CONTACT_SYSTEMS)
        return {"system": system, "value": self.dice.choice(CONTACTS), "use": "home"}

    def timing(self) -> Resource:
        moment = self.moment()
        timing: Resource = {}
        self._with(
            timing,
            0.5,
            event=lambda: [self.written(moment), self.instant(moment + timedelta(days=2))],
            repeat=lambda: self.dice.choice([{"boundsPeriod": self.period()}, {"count": 2}]),
        )
        return timing
