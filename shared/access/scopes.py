"""SMART scopes of a token, which restrict what its roles allow to some types and interactions.

https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import FhirError
from shared.fhir import references

PATIENT_CONTEXT = "patient"
ANY = "*"
_CONTEXTS = (PATIENT_CONTEXT, "user", "system")
_SCOPE = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)"
    r"\.(?P<letters>c?r?u?d?s?|read|write|\*)(?:\?(?P<constraint>.+))?",
    re.ASCII,
)
# Scopes of version 1: https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope: some letters of `cruds` for a type, and a query that resources must match.

    A scope of the context `patient` is for the compartment of the patient of the token.
    """

    context: str
    type: str
    letters: str
    constraint: tuple[tuple[str, str], ...] = ()

    @property
    def covers_whole_type(self) -> bool:
        """Whether the scope is for all resources of its type."""
        return not self.constraint and self.context != PATIENT_CONTEXT

    def grants(self, letters: Iterable[str], resource_type: str) -> bool:
        """Return whether the scope is for a type and has at least one of some letters."""
        return self.type in (ANY, resource_type) and not set(letters).isdisjoint(self.letters)


def parse(words: Iterable[str]) -> tuple[Scope, ...] | None:
    """Read the SMART scopes among the scopes of a token, None if there are none.

    A SMART scope that cannot be parsed grants nothing, but still counts as one.
    """
    smart = [word for word in words if word.partition("/")[0] in _CONTEXTS and "/" in word]
    return tuple(scope for word in smart if (scope := _scope(word))) if smart else None


def _scope(word: str) -> Scope | None:
    match = _SCOPE.fullmatch(word)
    if match is None or not match["letters"]:
        return None
    letters, text = match["letters"], match["constraint"] or ""
    if letters in _VERSION_1 and text:
        return None
    try:
        constraint = tuple(references.parse_query(text))
    except FhirError:
        return None
    if text and not constraint:
        return None
    return Scope(match["context"], match["type"], _VERSION_1.get(letters, letters), constraint)
