"""Texts as string searches compare them, and the words by which they are found.

https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from shared.catalog import access_patterns as patterns

# What joins two parts of one word: a name with an apostrophe is found with it and without.
_JOINS = dict.fromkeys(map(ord, "'’ʼʻ`´"))  # noqa: RUF001 - these are what people type
# Letters of their own, as they are spelt where there are none of them; casefold knows ß.
_SPELT = {
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "þ": "th",
    "Þ": "TH",
    "ð": "d",
    "Ð": "D",
    "ı": "i",  # noqa: RUF001 - without a dot, and so is the next
    "ȷ": "j",
    "ĸ": "k",
    "ŋ": "n",
    "Ŋ": "N",
}
# Strings are found, compared and sorted by so many characters: one may stand for 18 others.
LONGEST_TEXT = 1000
# A key holds no more of a word: what is longer is found by its beginning, and then compared.
_LONGEST_WORD = 40
# Each letter of it may have four bytes, which are three characters each.
LONGEST_KEY = _LONGEST_WORD * 12
# Between a word and the id of what has it: sorts before every character of a word, and is in no
# other sort key.
END = patterns.WORD.sort.removeprefix("{word}").removesuffix("{id}")


def normal(text: str) -> str:
    """Return a text folded and without punctuation, its words one blank apart."""
    text = text[:LONGEST_TEXT]
    letters = folded(text.translate(_JOINS))
    return " ".join("".join(one if _is_letter(one) else " " for one in letters).split())


def folded(text: str) -> str:
    """Return a text without case, accents and strokes, as strings are compared and sorted."""
    text = text[:LONGEST_TEXT]
    if text.isascii():
        return text.casefold()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(map(_base, plain)).casefold()


@lru_cache(maxsize=1024)
def _base(one: str) -> str:
    """Return what a character is without what is drawn on or through it.

    Unicode takes accents apart from their letters, but not strokes, hooks and bars: the letter
    below them is in the character's name.
    """
    if one.isascii():
        return one
    if unicodedata.combining(one):
        return ""
    if one in _SPELT:
        return _SPELT[one]
    letter, is_drawn_on, drawn = unicodedata.name(one, "").partition(" WITH ")
    if not is_drawn_on or not (letter.startswith("LATIN ") or drawn.endswith("STROKE")):
        return one
    try:
        base = unicodedata.lookup(letter)
    except KeyError:
        return one
    return _SPELT.get(base, base)


def _is_letter(one: str) -> bool:
    return unicodedata.category(one)[0] in "LMN"


def spaced(text: str) -> str:
    """Return a normal text with a blank before each of its words, so that their beginnings show."""
    return f" {normal(text)}"


def keys(texts: Iterable[str]) -> set[str]:
    """Give what the words of texts are in keys, where they are in order byte by byte."""
    return {key(word) for text in texts for word in normal(text).split()}


def key(word: str) -> str:
    """Write the beginning of a word as keys have it."""
    return quote(word[:_LONGEST_WORD], safe="")


def initial(word: str) -> str:
    """Give by what a word is partitioned: its first character, or what two bytes say of that."""
    return word[:6] if word.startswith("%") else word[:1]


def between(asked: str) -> tuple[str, str]:
    """Give between which keys the rows are of what may begin with a normal text.

    Of several words the first is whole.
    """
    first, *more = asked.split(" ")
    low = key(first)
    is_whole = bool(more) and len(first) < _LONGEST_WORD
    return (low + END, low + END + "\x7f") if is_whole else (low, low + "\x7f")
