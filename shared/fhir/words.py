"""Normalize texts for string searches, and divide them into the words that are indexed.

https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from shared.catalog import access_patterns as patterns

# Characters within a word that are left out: a name is found with and without its apostrophe.
_JOINS = dict.fromkeys(map(ord, "'’ʼʻ`´"))  # noqa: RUF001 - these are what people type
# Letters that have no base letter, with their usual spelling in ASCII; casefold covers ß.
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
# Strings are found, compared and sorted by this many characters: folding can turn one into 18.
LONGEST_TEXT = 1000
# The characters of a word in a key. A longer word is found by its beginning and then compared.
_LONGEST_WORD = 40
# A character has up to four bytes, and each byte takes three characters in a key.
LONGEST_KEY = _LONGEST_WORD * 12
# Separates a word from the id of its resource: it sorts before every character of a word, and
# occurs in no other sort key.
KEY_SEPARATOR = patterns.WORD.sort.removeprefix("{word}").removesuffix("{id}")


def normalize(text: str) -> str:
    """Return a text folded and without punctuation, with one space between words."""
    text = text[:LONGEST_TEXT]
    letters = fold(text.translate(_JOINS))
    return " ".join("".join(map(_letter_or_space, letters)).split())


def fold(text: str) -> str:
    """Return a text without case, accents and strokes, as strings are compared and sorted."""
    text = text[:LONGEST_TEXT]
    if text.isascii():
        return text.casefold()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(map(_base, plain)).casefold()


@lru_cache(maxsize=1024)
def _base(character: str) -> str:
    """Return the base letter of a character, without accents, strokes, hooks and bars.

    Unicode decomposes accents only. For the others, the base letter is in the character's name.
    """
    if character.isascii():
        return character
    if unicodedata.combining(character):
        return ""
    if character in _SPELT:
        return _SPELT[character]
    letter, is_drawn_on, drawn = unicodedata.name(character, "").partition(" WITH ")
    if not is_drawn_on or not (letter.startswith("LATIN ") or drawn.endswith("STROKE")):
        return character
    try:
        base = unicodedata.lookup(letter)
    except KeyError:
        return character
    return _SPELT.get(base, base)


def _letter_or_space(character: str) -> str:
    return character if unicodedata.category(character)[0] in "LMN" else " "


def with_leading_space(text: str) -> str:
    """Return a normal text with a space before each word, which marks where words begin."""
    return f" {normalize(text)}"


def keys(texts: Iterable[str]) -> set[str]:
    """Return the words of texts as keys hold them: sorted by bytes."""
    return {key(word) for text in texts for word in normalize(text).split()}


def key(word: str) -> str:
    """Return the beginning of a word as a key holds it."""
    return quote(word[:_LONGEST_WORD], safe="")


def initial(word: str) -> str:
    """Return the part of a word that selects its partition: the first character or two bytes."""
    return word[:6] if word.startswith("%") else word[:1]


def key_range(text: str) -> tuple[str, str]:
    """Return the keys between which the words are that may begin with a normal text.

    If the text has several words, the first must match a whole word.
    """
    first, *more = text.split(" ")
    low = key(first)
    is_whole = bool(more) and len(first) < _LONGEST_WORD
    return (low + KEY_SEPARATOR, low + KEY_SEPARATOR + "\x7f") if is_whole else (low, low + "\x7f")
