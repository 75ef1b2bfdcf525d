"""The search parameters of Patient."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM, HL7, of_every_type, param, row
from shared.catalog.parameters.shared import addresses, contacts

_patient = partial(param, "Patient")

ROWS = (
    *of_every_type("Patient"),
    *addresses("Patient"),
    *contacts("Patient"),
    _patient("active", "token", "active", element="boolean"),
    _patient("birthdate", "date", "birthDate", definition=f"{HL7}individual-birthdate"),
    _patient("death-date", "date", "(Patient.deceased.ofType(dateTime))"),
    _patient(
        "deceased", "token", "deceased.exists() and Patient.deceased != false", element="boolean"
    ),
    # Not in the partitions of `name`: a search for a family name would read all given names too.
    _patient(
        "family",
        "string",
        "name.family",
        definition=f"{HL7}individual-family",
        **row(common=1_000),
    ),
    _patient(
        "gender",
        "token",
        "gender",
        element="code",
        system=f"{CODE_SYSTEM}/administrative-gender",
        definition=f"{HL7}individual-gender",
    ),
    _patient(
        "general-practitioner",
        "reference",
        "generalPractitioner",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        **row(common=1_000),
    ),
    _patient(
        "given",
        "string",
        "name.given",
        definition=f"{HL7}individual-given",
        **row(partition="name", common=1_000),
    ),
    _patient("identifier", "token", "identifier", element="Identifier", **row(common=1)),
    _patient("language", "token", "communication.language", element="CodeableConcept"),
    _patient("link", "reference", "link.other", "Patient", "RelatedPerson", **row(common=1)),
    _patient("name", "string", "name", **row(common=1_000)),
    _patient("organization", "reference", "managingOrganization", "Organization"),
)
