"""The search parameters of Patient."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, HL7, common_params, param, row
from shared.catalog.parameters.shared import addresses, contacts, phone_endings

_patient = partial(param, "Patient")

ROWS = (
    *common_params("Patient"),
    *addresses("Patient"),
    *contacts("Patient"),
    phone_endings("Patient"),
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
        **row(resources_per_value=1_000),
    ),
    _patient(
        "gender",
        "token",
        "gender",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/administrative-gender",
        definition=f"{HL7}individual-gender",
    ),
    _patient(
        "general-practitioner",
        "reference",
        "generalPractitioner",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        **row(resources_per_value=1_000),
    ),
    _patient(
        "given",
        "string",
        "name.given",
        definition=f"{HL7}individual-given",
        **row(partition="name", resources_per_value=1_000),
    ),
    _patient(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _patient("language", "token", "communication.language", element="CodeableConcept"),
    _patient(
        "link", "reference", "link.other", "Patient", "RelatedPerson", **row(resources_per_value=1)
    ),
    _patient("name", "string", "name", **row(resources_per_value=1_000)),
    _patient("organization", "reference", "managingOrganization", "Organization"),
)
