"""The part of FHIRPath that R4's invariants use, evaluated on parsed JSON.

Collections are lists. http://hl7.org/fhirpath/N1/
"""

from datetime import UTC, tzinfo
from typing import Any

from shared.fhir.validation.fhirpath_budget import StepBudget
from shared.fhir.validation.fhirpath_functions import truth
from shared.fhir.validation.fhirpath_nodes import Evaluation, EvaluationContext
from shared.fhir.validation.fhirpath_parser import Parser
from shared.fhir.validation.schema import Type


def holds(
    expression: str,
    element: Any,
    resource: Any,
    *,
    kind: Type | None = None,
    budget: StepBudget | None = None,
    zone: tzinfo = UTC,
) -> bool:
    """Return whether an invariant is true for an element. An empty result counts as false.

    `kind` is the element's type and `resource` the resource that it belongs to. `budget` is that of
    the outermost resource, if it has already been started. `zone` is the time zone of dates without
    one. Raises TooCostly if the evaluation visits too many items.
    """
    budget = budget or StepBudget(resource)
    place = EvaluationContext(element, element, resource, zone, {}, budget)
    try:
        result = compile_expression(expression, kind)(place)
    except TypeError:
        # A value is not of its type, which is reported separately, or is too long to be matched.
        return True
    return truth(result) is True


def compile_expression(expression: str, kind: Type | None = None) -> Evaluation:
    """Parse an expression about elements of a type, once for each expression and type.

    Raises ValueError or KeyError for syntax and functions that R4's invariants do not use.
    """
    key = expression, kind.name if kind else ""
    if key not in _PARSED:
        _PARSED[key] = Parser(expression, kind).parse().evaluate
    return _PARSED[key]


_PARSED: dict[tuple[str, str], Evaluation] = {}
