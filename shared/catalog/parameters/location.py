"""The search parameters of Location."""

from functools import partial

from shared.catalog.parameters import CODE_SYSTEM, of_every_type, param, row
from shared.catalog.parameters.shared import addresses

_location = partial(param, "Location")

ROWS = (
    *of_every_type("Location"),
    *addresses("Location", "Location"),
    _location("endpoint", "reference", "endpoint", "Endpoint"),
    _location("identifier", "token", "identifier", element="Identifier", **row(common=1)),
    _location("name", "string", "name | Location.alias", **row(common=1_000)),
    _location("operational-status", "token", "operationalStatus", element="Coding"),
    _location(
        "organization", "reference", "managingOrganization", "Organization", **row(common=1_000)
    ),
    _location("partof", "reference", "partOf", "Location", **row(common=100)),
    _location("status", "token", "status", element="code", system=f"{CODE_SYSTEM}/location-status"),
    _location("type", "token", "type", element="CodeableConcept"),
)
