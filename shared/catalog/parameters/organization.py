"""The search parameters of Organization."""

from functools import partial

from shared.catalog.parameters import common_params, param, row
from shared.catalog.parameters.shared import addresses

_organization = partial(param, "Organization")

ROWS = (
    *common_params("Organization"),
    *addresses("Organization", "Organization"),
    _organization("active", "token", "active", element="boolean"),
    _organization("endpoint", "reference", "endpoint", "Endpoint"),
    _organization(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _organization("name", "string", "name | Organization.alias", **row(resources_per_value=1_000)),
    _organization("partof", "reference", "partOf", "Organization", **row(resources_per_value=100)),
    _organization("type", "token", "type", element="CodeableConcept"),
)
