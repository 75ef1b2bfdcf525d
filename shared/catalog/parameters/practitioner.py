"""The search parameters of Practitioner."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, HL7, common_params, param, row
from shared.catalog.parameters.shared import addresses, contacts

_practitioner = partial(param, "Practitioner")

ROWS = (
    *common_params("Practitioner"),
    *addresses("Practitioner"),
    *contacts("Practitioner"),
    _practitioner("active", "token", "active", element="boolean"),
    _practitioner("communication", "token", "communication", element="CodeableConcept"),
    # Not in the partitions of `name`: a search for a family name would read all given names too.
    _practitioner(
        "family",
        "string",
        "name.family",
        definition=f"{HL7}individual-family",
        **row(resources_per_value=1_000),
    ),
    _practitioner(
        "gender",
        "token",
        "gender",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/administrative-gender",
        definition=f"{HL7}individual-gender",
    ),
    _practitioner(
        "given",
        "string",
        "name.given",
        definition=f"{HL7}individual-given",
        **row(partition="name", resources_per_value=1_000),
    ),
    _practitioner(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _practitioner("name", "string", "name", **row(resources_per_value=1_000)),
)
