"""Whom the parameters of a search name, whatever it finds."""

import re
from collections.abc import Iterable, Iterator

from shared import references
from shared.access import compartments

type Pair = tuple[str, str]

# Parameters whose value is a patient's where it is an id without a type.
_OF_PATIENTS = frozenset({"patient", "subject", "patientId"})
_PATIENT = "Patient"
# Modifiers under which a value is no reference.
_OTHERWISE = frozenset({"identifier", "missing", "text", "of-type", "exact", "contains"})
_COMMA = re.compile(r"(?<!\\),")


def patients(resource_type: str, query: Iterable[Pair]) -> frozenset[str]:
    """Return the references of the patients whom a query names, also in chains."""
    return frozenset(named for pair in query for named in _named(resource_type, *pair))


def _named(resource_type: str, name: str, value: str) -> Iterator[str]:
    while name.startswith("_has:") and name.count(":") > 2:  # noqa: PLR2004 - `_has:Type:by:`
        _, resource_type, _, name = name.split(":", 3)
    *chain, last = name.split(".")
    code, _, modifier = last.partition(":")
    if modifier in _OTHERWISE or (code.startswith("_") and code != "_id"):
        return
    is_patients = modifier == _PATIENT or code in _OF_PATIENTS
    if code == "_id":
        by, _, of = chain[-1].partition(":") if chain else ("", "", resource_type)
        is_patients = of == _PATIENT or (not of and by in _OF_PATIENTS)
    for text in _COMMA.split(value):
        named = references.canonical(text)
        if compartments.is_a(_PATIENT, named):
            yield named
        elif is_patients and references.is_bare_id(text, (_PATIENT,)):
            yield f"{_PATIENT}/{text}"
