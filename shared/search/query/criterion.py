"""One search parameter of a query, read and checked.

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
    """One parameter with the values of which one must match, or none with `:not`.

    Stored times without a zone are read in `zone`.
    """

    param: SearchParam
    modifier: str
    operands: tuple[Operand, ...]
    zone: tzinfo
    text: str

    def __str__(self) -> str:
        """Write it as the query has it."""
        return self.text


class UnknownParameter(Invalid):
    """The type has no parameter of that name."""


def read(resource_type: str, name: str, value: str, zone: tzinfo) -> Criterion:
    """Read one parameter. Raises Invalid."""
    code, _, modifier = name.partition(":")
    param = SEARCH_PARAMS.of(resource_type).get(code)
    if param is None:
        raise _unknown(resource_type, code, name)
    found = operands.read(param, modifier, value, zone)
    is_type = param.type == "reference" and modifier[:1].isupper()
    return Criterion(param, "" if is_type else modifier, found, zone, f"{name}={value}")


def _unknown(resource_type: str, code: str, expression: str) -> UnknownParameter:
    known = ", ".join(SEARCH_PARAMS.of(resource_type))
    return UnknownParameter(
        f"{resource_type} has no search parameter {code}; there are {known}",
        expression=expression,
    )
