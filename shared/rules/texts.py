"""The meaning of a text message: a keyword such as STOP, or which patient it is about."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum

from shared.fhir import words

# What R4 does not allow in a string, and what UTF-8 cannot encode.
_NOT_STORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_APOSTROPHES = re.compile("['’ʼʻ`´]")  # noqa: RUF001 - these are what people type


class Keyword(Enum):
    """A request of a contact to the account itself."""

    STOP = "stop"
    START = "start"
    HELP = "help"


# What carriers and the FCC ask for, and usual translations; an account adds its own.
# https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
KEYWORDS: dict[Keyword, tuple[str, ...]] = {
    Keyword.STOP: (
        *("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit"),
        *("opt out", "optout", "revoke"),
        *("alto", "parar", "cancelar", "arret", "arreter", "stopp", "abmelden", "abbestellen"),
    ),
    Keyword.START: (
        *("start", "unstop", "yes", "opt in", "optin", "subscribe"),
        *("empezar", "iniciar", "demarrer", "anmelden"),
    ),
    Keyword.HELP: ("help", "info", "ayuda", "aide", "hilfe"),
}
# These are also an answer to a question: a keyword only of somebody who has said STOP.
_ANSWERS = frozenset({"yes"})


def keyword(
    text: str, own_words: Mapping[Keyword, Iterable[str]], *, is_opted_out: bool
) -> Keyword | None:
    """Return the keyword that is all that a text says, whatever its case, accents and marks."""
    said = words.normalize(text)
    for meaning, known in KEYWORDS.items():
        own = (words.normalize(word) for word in own_words.get(meaning, ()))
        if said and said in {*known, *own}:
            is_answer = said in _ANSWERS and not is_opted_out
            return None if is_answer else meaning
    return None


def named_patient(text: str, given_names: Mapping[str, Iterable[str]]) -> str:
    """Return which of some patients a text is about: the one of whom it has a given name.

    `given_names` are those of each patient, by reference. An initial is no name: "a rash" is not
    about Anna A. Empty if it names nobody, or several.
    """
    said = _spellings(text)
    named = [
        patient
        for patient, names in given_names.items()
        if any(form in told for name in names for form in _names(name) for told in said)
    ]
    return named[0] if len(named) == 1 else ""


def _names(name: str) -> list[str]:
    """Return the spellings of a name; none of an initial, which is one letter that has a case."""
    letter = words.normalize(name)
    is_initial = len(letter) == 1 and letter.upper() != letter
    return [] if is_initial else _spellings(name)


def _spellings(text: str) -> list[str]:
    """Return a text without case and marks: an apostrophe is left out, or is a space.

    A name may have one, or one behind it.
    """
    forms = {words.normalize(text), words.normalize(_APOSTROPHES.sub(" ", text))}
    return [f" {form} " for form in forms if form]


def storable(text: str) -> str:
    """Return a text with a space for each character that a resource cannot have."""
    return _NOT_STORABLE.sub(" ", text)
