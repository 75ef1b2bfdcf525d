"""The search parameters of PractitionerRole."""

from functools import partial

from shared.catalog.parameters import common_params, param, row
from shared.catalog.parameters.shared import contacts

_practitioner_role = partial(param, "PractitionerRole")

ROWS = (
    *common_params("PractitionerRole"),
    *contacts("PractitionerRole"),
    _practitioner_role("active", "token", "active", element="boolean"),
    _practitioner_role("date", "date", "period"),
    _practitioner_role("endpoint", "reference", "endpoint", "Endpoint"),
    _practitioner_role(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _practitioner_role(
        "location", "reference", "location", "Location", **row(resources_per_value=1_000)
    ),
    _practitioner_role(
        "organization",
        "reference",
        "organization",
        "Organization",
        **row(resources_per_value=10_000),
    ),
    _practitioner_role(
        "practitioner", "reference", "practitioner", "Practitioner", **row(resources_per_value=10)
    ),
    _practitioner_role("role", "token", "code", element="CodeableConcept"),
    _practitioner_role("service", "reference", "healthcareService", "HealthcareService"),
    _practitioner_role("specialty", "token", "specialty", element="CodeableConcept"),
)
