"""As much of FHIRPath as R4's invariants are written in.

Values are JSON, collections are lists. http://hl7.org/fhirpath/N1/
"""

from datetime import UTC, tzinfo
from typing import Any

from shared.resources.fhirpath_functions import truth
from shared.resources.fhirpath_nodes import Evaluation, Place
from shared.resources.fhirpath_parser import Parser
from shared.resources.fhirpath_work import Work
from shared.resources.schema import Type


def holds(
    expression: str,
    element: Any,
    resource: Any,
    *,
    kind: Type | None = None,
    work: Work | None = None,
    zone: tzinfo = UTC,
) -> bool:
    """Return whether an element keeps an invariant, which then is true; a collection is no answer.

    `kind` is the element's type, `resource` the one that it is of, `work` that of the resource
    around it, if any; `zone` is that of dates without one. Raises TooCostly if too many items are
    gone through.
    """
    place = Place(element, element, resource, zone, {}, work or Work(resource))
    try:
        result = parsed(expression, kind)(place)
    except TypeError:
        # A value is not of its type, which is an issue of its own, or is too long to be looked at.
        return True
    return truth(result) is True


def parsed(expression: str, kind: Type | None = None) -> Evaluation:
    """Read an expression about elements of a type.

    Raises ValueError and KeyError for what R4's invariants do not use.
    """
    key = expression, kind.name if kind else ""
    if key not in _PARSED:
        _PARSED[key] = Parser(expression, kind).whole().evaluate
    return _PARSED[key]


_PARSED: dict[tuple[str, str], Evaluation] = {}
