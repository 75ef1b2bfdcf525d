"""The search parameters of RelatedPerson."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, HL7, common_params, param, row
from shared.catalog.parameters.shared import addresses, contacts, phone_endings

_related_person = partial(param, "RelatedPerson")

ROWS = (
    *common_params("RelatedPerson"),
    *addresses("RelatedPerson"),
    *contacts("RelatedPerson"),
    phone_endings("RelatedPerson"),
    _related_person("active", "token", "active", element="boolean"),
    _related_person("birthdate", "date", "birthDate", definition=f"{HL7}individual-birthdate"),
    _related_person(
        "gender",
        "token",
        "gender",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/administrative-gender",
        definition=f"{HL7}individual-gender",
    ),
    _related_person(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _related_person("name", "string", "name", **row(resources_per_value=1_000)),
    _related_person("patient", "reference", "patient", "Patient", **row(resources_per_value=10)),
    _related_person("relationship", "token", "relationship", element="CodeableConcept"),
)
