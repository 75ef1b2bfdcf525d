"""One search parameter of a query with its values, parsed and checked.

https://hl7.org/fhir/R4/search.html
"""

from dataclasses import dataclass
from datetime import tzinfo

from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.errors import Invalid
from shared.search.query import operands
from shared.search.query.operands import Operand


@dataclass(frozen=True, slots=True)
class Criterion:
    """A parameter and its values: a resource matches if one of them matches, or none with `:not`.

    `zone` is the time zone of stored times that have none. `text` is the parameter as the query has
    it, with its name and value.
    """

    param: SearchParam
    modifier: str
    operands: tuple[Operand, ...]
    zone: tzinfo
    text: str


class UnknownParameter(Invalid):
    """The resource type has no search parameter of that name."""


def parse(resource_type: str, name: str, value: str, zone: tzinfo) -> Criterion:
    """Parse one parameter. Raises Invalid, as UnknownParameter if the type does not have it."""
    code, _, modifier = name.partition(":")
    param = SEARCH_PARAMS.of(resource_type).get(code)
    if param is None:
        raise _unknown(resource_type, code, name)
    values = operands.parse(param, modifier, value, zone)
    is_type_modifier = param.type == "reference" and modifier[:1].isupper()
    return Criterion(param, "" if is_type_modifier else modifier, values, zone, f"{name}={value}")


def _unknown(resource_type: str, code: str, expression: str) -> UnknownParameter:
    names = ", ".join(SEARCH_PARAMS.of(resource_type))
    return UnknownParameter(
        f"{resource_type} has no search parameter {code}; use one of {names}",
        expression=expression,
    )
