"""Texts as string searches compare them, and the words by which they are found.

https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from shared.catalog import access_patterns as patterns

# What joins two parts of one word: a name with an apostrophe is found with it and without.
_JOINS = dict.fromkeys(map(ord, "'’ʼ`´"))  # noqa: RUF001 - these are what people type
# A key holds no more of a word: what is longer is found by its beginning, and then compared.
_LONGEST = 40
# Each letter of it may have four bytes, which are three characters each.
LONGEST_KEY = _LONGEST * 12
# Between a word and the id of what has it: sorts before every character of a word, and is in no
# other sort key.
END = patterns.WORD.sort.removeprefix("{word}").removesuffix("{id}")


def normal(text: str) -> str:
    """Give a text without case, accents and punctuation, its words one blank apart."""
    plain = unicodedata.normalize("NFKD", text.translate(_JOINS))
    letters = "".join(one for one in plain if not unicodedata.combining(one)).casefold()
    return " ".join("".join(one if _is_letter(one) else " " for one in letters).split())


def _is_letter(one: str) -> bool:
    return unicodedata.category(one)[0] in "LMN"


def begins(text: str, asked: str) -> bool:
    """Tell whether a text, or what follows in it from one of its words on, begins as is asked."""
    return f" {asked}" in f" {normal(text)}"


def keys(texts: Iterable[str]) -> set[str]:
    """Give what the words of texts are in keys, where they are in order byte by byte."""
    return {key(word) for text in texts for word in normal(text).split()}


def key(word: str) -> str:
    """Write the beginning of a word as keys have it."""
    return quote(word[:_LONGEST], safe="")


def initial(word: str) -> str:
    """Give by what a word is partitioned: its first character, or what two bytes say of that."""
    return word[:6] if word.startswith("%") else word[:1]


def between(asked: str) -> tuple[str, str]:
    """Give between which keys the rows are of what may begin with a normal text.

    Of several words the first is whole.
    """
    first, *more = asked.split(" ")
    low = key(first)
    is_whole = bool(more) and len(first) < _LONGEST
    return (low + END, low + END + "\x7f") if is_whole else (low, low + "\x7f")
