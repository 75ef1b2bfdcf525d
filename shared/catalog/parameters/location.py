"""The search parameters of Location."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM_BASE, common_params, param, row
from shared.catalog.parameters.shared import addresses

_location = partial(param, "Location")

ROWS = (
    *common_params("Location"),
    *addresses("Location", "Location"),
    _location("endpoint", "reference", "endpoint", "Endpoint"),
    _location(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _location("name", "string", "name | Location.alias", **row(resources_per_value=1_000)),
    _location("operational-status", "token", "operationalStatus", element="Coding"),
    _location(
        "organization",
        "reference",
        "managingOrganization",
        "Organization",
        **row(resources_per_value=1_000),
    ),
    _location("partof", "reference", "partOf", "Location", **row(resources_per_value=100)),
    _location(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/location-status"
    ),
    _location("type", "token", "type", element="CodeableConcept"),
)
