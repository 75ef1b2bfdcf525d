"""R4's invariants judged by fhirpathpy, an implementation of all of FHIRPath.

Each example of an invariant is tried whole and with every `FHIRPATH_REMOVED` of its properties and
items removed: one by default, 2 for pairs.
"""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, combinations, product
from typing import Any

import pytest
from fhirpathpy import evaluate
from fhirpathpy.models import models

from shared.fhir import instants
from shared.fhir.validation import fhirpath, schema
from shared.fhir.validation.invariants import INVARIANTS, Context
from tests.support.invariant_examples import EXAMPLES, NEVER_BROKEN, WITHIN
from tests.support.variants import UCUM

type Json = dict[str, Any]

REMOVED = int(os.environ.get("FHIRPATH_REMOVED", "1"))
CONTAINED = schema._file("contained")
EXPRESSIONS: dict[str, str] = {key: row[1] for key, row in CONTAINED["invariants"].items()}
OF_TYPES = {
    key: name for name, row in CONTAINED["types"].items() for key in row.get("!", "").split()
}
# The function that fhirpathpy does not have. Each value here is one, without extensions.
FUNCTIONS = {"userInvocationTable": {"hasValue": {"fn": bool, "arity": {0: []}}}}
# Rules on which it gives no verdict or another one, and why.
DISAGREEMENTS = {
    "ctm-1": "fhirpathpy has no resolve()",
    "eld-19": "matches() of fhirpathpy is content with a part, R4's rule means the whole path",
    "que-7": "fhirpathpy does not take FHIR's boolean for a Boolean",
}
# The expressions that R4 gives for what shared/fhir/validation/invariants.py has as functions.
# txt-1 and txt-2 need htmlChecks(), and ref-1 what its resource contains.
OF_DATA_TYPES = {
    "age-1": "(code.exists() or value.empty()) and (system.empty() or system = %ucum)"
    " and (value.empty() or value.hasValue().not() or value > 0)",
    "att-1": "data.empty() or contentType.exists()",
    "cnt-3": "(code.exists() or value.empty()) and (system.empty() or system = %ucum)"
    " and (code.empty() or code = '1') and (value.empty() or value.hasValue().not()"
    " or value.toString().contains('.').not())",
    "cpt-2": "value.empty() or system.exists()",
    "dis-1": "(code.exists() or value.empty()) and (system.empty() or system = %ucum)",
    "drq-1": "path.exists() xor searchParam.exists()",
    "drq-2": "path.exists() xor searchParam.exists()",
    "drt-1": "code.exists() implies ((system = %ucum) and value.exists())",
    "exp-1": "expression.exists() or reference.exists()",
    "ext-1": "extension.exists() != value.exists()",
    "per-1": "start.hasValue().not() or end.hasValue().not() or (start <= end)",
    "qty-3": "code.empty() or system.exists()",
    "rat-1": "(numerator.empty() xor denominator.exists())"
    " and (numerator.exists() or extension.exists())",
    "sqty-1": "comparator.empty()",
    "tim-1": "duration.empty() or durationUnit.exists()",
    "tim-2": "period.empty() or periodUnit.exists()",
    "tim-4": "duration.exists() implies duration >= 0",
    "tim-5": "period.exists() implies period >= 0",
    "tim-6": "periodMax.empty() or period.exists()",
    "tim-7": "durationMax.empty() or duration.exists()",
    "tim-8": "countMax.empty() or count.exists()",
    "tim-9": "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))",
    "tim-10": "timeOfDay.empty() or when.empty()",
    "trd-1": "data.empty() or timing.empty()",
    "trd-2": "condition.exists() implies data.exists()",
    "trd-3": "(type = 'named-event' implies name.exists())"
    " and (type = 'periodic' implies timing.exists())"
    " and (type.startsWith('data-') implies data.exists())",
}
UNJUDGED = {"txt-1", "txt-2", "ref-1", "rng-2"}
# The values of each property in all combinations, of which every element has some or none.
VALUES: dict[str, list[Any]] = {
    "code": ["1", "h"],
    "comparator": ["<"],
    "condition": [{"expression": "true", "language": "text/fhirpath"}],
    "contentType": ["text/plain"],
    "count": [1],
    "countMax": [2],
    "data": ["YQ=="],
    "denominator": [{"value": 1}],
    "duration": [1, -1],
    "durationMax": [2],
    "durationUnit": ["h"],
    "end": ["2026-03-01", "2026-03-03"],
    "expression": ["true"],
    "extension": [[{"url": "urn:x", "valueCode": "x"}]],
    "name": ["x"],
    "numerator": [{"value": 1}],
    "offset": [5],
    "path": ["x"],
    "period": [1, -1],
    "periodMax": [2],
    "periodUnit": ["h"],
    "reference": ["urn:x"],
    "searchParam": ["x"],
    "start": ["2026-03-02"],
    "system": [UCUM, "urn:other"],
    "timeOfDay": [["10:00:00"]],
    "timing": [{"count": 1}],
    "type": ["named-event", "periodic", "data-added"],
    "value": [1, 0, Decimal("1.5")],
    "when": [["HS"], ["C"]],
}


def judged(expression: str, kind: str, element: Json, resource: Json) -> bool:
    """Return fhirpathpy's verdict. An empty result counts as false."""
    path: Any = {"base": kind, "expression": expression}
    if kind in schema.resource_types():
        path, element = expression, {"resourceType": kind, **element}
    variables = {"resource": resource, "ucum": UCUM}
    result = evaluate(element, path, variables, models["r4"], FUNCTIONS)
    return bool(result == [True])


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield (key,)
        if isinstance(inner, dict | list):
            yield from ((key, *rest) for rest in places(inner))


def without(element: Json, ways: tuple[tuple[Any, ...], ...]) -> Json:
    # Examples share parts, which a deep copy would share, too.
    body: Json = json.loads(json.dumps(element))
    # The innermost first, and the last of an array, so that the others keep their places.
    for way in sorted(ways, key=lambda way: (len(way), str(way)), reverse=True):
        target: Any = body
        for key in way[:-1]:
            target = target[key]
        del target[way[-1]]
    return body


def elements(key: str) -> list[Json]:
    """Return what is tried: the examples, what they have together, and these with parts removed."""
    kept, *broken = EXAMPLES.get(key) or (NEVER_BROKEN[key],)
    whole = [kept, *broken, *(kept | other for other in broken), *(o | kept for o in broken)]
    tried: list[Json] = []
    for element in whole:
        sets = (combinations(places(element), count) for count in range(REMOVED + 1))
        for ways in chain.from_iterable(sets):
            body = without(element, ways)
            if body not in tried:
                tried.append(body)
    return tried


@pytest.mark.parametrize("key", sorted(EXPRESSIONS.keys() - DISAGREEMENTS.keys()))
def test_an_invariant_has_the_same_verdict(key: str) -> None:
    expression, kind = EXPRESSIONS[key], OF_TYPES[key]
    for element in elements(key):
        resource = WITHIN.get(key, element)
        ours = fhirpath.holds(expression, element, resource, kind=schema.type_named(kind))
        assert judged(expression, kind, element, resource) == ours, element


def differs(key: str, element: Json) -> bool:
    expression, kind = EXPRESSIONS[key], OF_TYPES[key]
    ours = fhirpath.holds(expression, element, element, kind=schema.type_named(kind))
    try:
        return judged(expression, kind, element, element) != ours
    except Exception as error:  # noqa: BLE001 - it raises no narrower one
        return "Not implemented" in str(error)


@pytest.mark.parametrize("key", DISAGREEMENTS)
def test_a_known_disagreement_still_is_one(key: str) -> None:
    assert any(differs(key, element) for element in elements(key))


def types_with(key: str) -> list[str]:
    types = {**schema._file("core")["types"], **CONTAINED["types"]}
    return [name for name, row in types.items() if key in row.get("!", "").split()]


def test_every_invariant_of_data_types_is_judged() -> None:
    assert OF_DATA_TYPES.keys() | UNJUDGED == INVARIANTS.keys()


@pytest.mark.parametrize("key", OF_DATA_TYPES)
def test_an_invariant_of_data_types_has_the_same_verdict(key: str) -> None:
    expression, (kind, *_) = OF_DATA_TYPES[key], types_with(key)
    context = Context(frozenset(), instants.zone("UTC"))
    verdicts = set()
    for element in combined(expression, kind):
        ours = INVARIANTS[key](element, context)
        assert judged(expression, kind, element, element) == ours, element
        verdicts.add(ours)
    assert verdicts == {True, False}


def combined(expression: str, kind: str) -> Iterator[Json]:
    """Yield elements of a type with all combinations of what an expression names."""
    required = {name for row in schema.type_named(kind).required for name in row.properties}
    choices = {
        own: [*VALUES[name], *([] if own in required else [None])]
        for name in VALUES
        if name in expression and (own := property_of(name, kind))
    }
    for values in product(*choices.values()):
        pairs = zip(choices, values, strict=True)
        yield {name: value for name, value in pairs if value is not None}


def property_of(name: str, kind: str) -> str:
    """Return the property of an element, for a choice that of one of its types."""
    chosen = {"timing": "timingTiming", "value": "valueCode"}.get(name, name)
    found = {name, chosen} & schema.type_named(kind).elements.keys()
    return found.pop() if found else ""
