"""Find the resources that a search names in its parameters, whatever it finds."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from shared.catalog.types import STORED_TYPES
from shared.fhir import references
from shared.fhir.references import External, Local

type Pair = tuple[str, str]

_ENCOUNTER = "Encounter"
# The type of a value without one, by parameter, also for those of the plain-JSON API.
_OF = {
    "patient": "Patient",
    "subject": "Patient",
    "patientId": "Patient",
    "encounter": _ENCOUNTER,
    "encounterId": _ENCOUNTER,
    "session": _ENCOUNTER,
    "sessionId": _ENCOUNTER,
    "partOfId": _ENCOUNTER,
    "threadId": "Communication",
}
# Parameters whose values are of the type that is searched.
_OF_SAME = frozenset({"_id", "part-of"})
# Modifiers with which a value is no reference.
_OTHERWISE = frozenset({"identifier", "missing", "text", "of-type", "exact", "contains"})
# The most parameters, and the most values, of a search.
MOST = 1000
_COMMA = re.compile(r"(?<!\\),")


def in_query(resource_type: str, query: Iterable[Pair]) -> frozenset[str]:
    """Return the references that a query names, also in chains.

    Values beyond `MOST` are ignored: such a search is refused.
    """
    names = (name for pair in islice(query, MOST) for name in _named(resource_type, *pair))
    return frozenset(islice(names, MOST))


def _named(resource_type: str, name: str, value: str) -> Iterator[str]:
    while name.startswith("_has:") and name.count(":") > 2:  # noqa: PLR2004 - `_has:Type:by:`
        _, resource_type, _, name = name.split(":", 3)
    *chain, last = name.split(".")
    code, _, modifier = last.partition(":")
    if modifier in _OTHERWISE or (code.startswith("_") and code != "_id"):
        return
    kind = modifier or _OF.get(code, "")
    if code in _OF_SAME and not modifier:
        by, _, of = chain[-1].partition(":") if chain else ("", "", resource_type)
        kind = of or _OF.get(by, "")
    for text in _COMMA.split(value, MOST)[:MOST]:
        match references.parse(text):
            # A query is left out, because its values may be personal data.
            case Local(target) if target.type in STORED_TYPES:
                yield str(target)
            case External(reference, "Patient"):
                yield reference
            case None if kind in STORED_TYPES and references.is_bare_id(text, (kind,)):
                yield f"{kind}/{text}"
