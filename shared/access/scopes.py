"""SMART's scopes of a token: which types it may do what with, beside what its roles allow.

https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared import references
from shared.errors import FhirError

PATIENT = "patient"
ANY = "*"
_CONTEXTS = (PATIENT, "user", "system")
_SCOPE = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)"
    r"\.(?P<letters>c?r?u?d?s?|read|write|\*)(?:\?(?P<constraint>.+))?",
    re.ASCII,
)
# What version 1 says: https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: `letters` of `cruds` for a type; `constraint` is a query that must match.

    One of the patient's context is for the compartment of whom the token is about.
    """

    context: str
    type: str
    letters: str
    constraint: tuple[tuple[str, str], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether it is for all of a type."""
        return not self.constraint and self.context != PATIENT

    def grants(self, letters: Iterable[str], resource_type: str) -> bool:
        """Tell whether it is for a type and has one of some letters."""
        return self.type in (ANY, resource_type) and not set(letters).isdisjoint(self.letters)


def read(words: Iterable[str]) -> tuple[Scope, ...] | None:
    """Read the scopes of a token; None where none of them is SMART's.

    One that cannot be read grants nothing, and is still one of SMART's.
    """
    asked = [word for word in words if word.partition("/")[0] in _CONTEXTS and "/" in word]
    return tuple(scope for word in asked if (scope := _scope(word))) if asked else None


def _scope(word: str) -> Scope | None:
    match = _SCOPE.fullmatch(word)
    if match is None or not match["letters"]:
        return None
    letters, text = match["letters"], match["constraint"] or ""
    if letters in _VERSION_1 and text:
        return None
    try:
        constraint = tuple(references.query(text))
    except FhirError:
        return None
    if text and not constraint:
        return None
    return Scope(match["context"], match["type"], _VERSION_1.get(letters, letters), constraint)
