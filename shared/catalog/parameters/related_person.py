"""The search parameters of RelatedPerson."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM, HL7, of_every_type, param, row
from shared.catalog.parameters.shared import addresses, contacts

_related_person = partial(param, "RelatedPerson")

ROWS = (
    *of_every_type("RelatedPerson"),
    *addresses("RelatedPerson"),
    *contacts("RelatedPerson"),
    _related_person("active", "token", "active", element="boolean"),
    _related_person("birthdate", "date", "birthDate", definition=f"{HL7}individual-birthdate"),
    _related_person(
        "gender",
        "token",
        "gender",
        element="code",
        system=f"{CODE_SYSTEM}/administrative-gender",
        definition=f"{HL7}individual-gender",
    ),
    _related_person("identifier", "token", "identifier", element="Identifier", **row(common=1)),
    _related_person("name", "string", "name", **row(common=1_000)),
    _related_person("patient", "reference", "patient", "Patient", **row(common=10)),
    _related_person("relationship", "token", "relationship", element="CodeableConcept"),
)
