"""The search parameters of Organization."""

from functools import partial

from shared.catalog.parameters import of_every_type, param, row
from shared.catalog.parameters.shared import addresses

_organization = partial(param, "Organization")

ROWS = (
    *of_every_type("Organization"),
    *addresses("Organization", "Organization"),
    _organization("active", "token", "active", element="boolean"),
    _organization("endpoint", "reference", "endpoint", "Endpoint"),
    _organization("identifier", "token", "identifier", element="Identifier", **row(common=1)),
    _organization("name", "string", "name | Organization.alias", **row(common=1_000)),
    _organization("partof", "reference", "partOf", "Organization", **row(common=100)),
    _organization("type", "token", "type", element="CodeableConcept"),
)
