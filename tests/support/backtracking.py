"""A regular expression matcher that backtracks as Python's does and counts its steps.

It supports the syntax that the service uses, on texts of a few hundred characters.
"""

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from re import _constants as names
from re import _parser as parser
from typing import Any

# The continuation of a match: given a position, returns whether the rest matches from there.
type Rest = Callable[[int], bool]

MOST_STEPS = 100_000


class TooManySteps(Exception):
    """The match took more steps than any pattern with acceptable growth needs."""


class Matcher:
    """One pattern applied to one text."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._parsed = parser.parse(pattern.pattern, pattern.flags)
        self._text, self._groups = text, dict[int, tuple[int, int]]()
        self.steps = 0

    def fullmatch(self) -> bool:
        return self._all(self._parsed, 0, lambda at: at == len(self._text))

    def search(self) -> bool:
        return any(self._all(self._parsed, at, lambda _: True) for at in range(len(self._text) + 1))

    def _all(self, items: Any, at: int, rest: Rest, first: int = 0) -> bool:
        """Match a sequence of items, starting at the item with index `first`."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooManySteps
        if first == len(items):
            return rest(at)
        kind, value = items[first]
        return self._item(kind, value, at, lambda end: self._all(items, end, rest, first + 1))

    def _item(  # noqa: PLR0911 - one branch for each kind of item
        self, kind: Any, value: Any, at: int, rest: Rest
    ) -> bool:
        if kind is names.SUBPATTERN:
            return self._group(value, at, rest)
        if kind in (names.MAX_REPEAT, names.MIN_REPEAT):
            return self._repeat(value, at, rest, is_lazy=kind is names.MIN_REPEAT)
        if kind is names.BRANCH:
            return any(self._all(branch, at, rest) for branch in value[1])
        if kind in (names.ASSERT, names.ASSERT_NOT):
            holds = (
                self._all(value[1], at, lambda _: True)
                if value[0] > 0
                else self._behind(value[1], at)
            )
            return holds is (kind is names.ASSERT) and rest(at)
        if kind is names.AT:
            return self._is_at(value, at) and rest(at)
        if kind is names.GROUPREF:
            low, high = self._groups.get(value, (0, 0))
            again = self._text[low:high]
            return self._text.startswith(again, at) and rest(at + len(again))
        return at < len(self._text) and self._one(kind, value, self._text[at]) and rest(at + 1)

    def _behind(self, items: Any, at: int) -> bool:
        return any(
            self._all(items, low, lambda end: end == at) for low in range(max(0, at - 9), at)
        )

    def _is_at(self, place: Any, at: int) -> bool:
        is_start = place in (names.AT_BEGINNING, names.AT_BEGINNING_STRING)
        return at == 0 if is_start else at == len(self._text)

    def _group(self, value: Any, at: int, rest: Rest) -> bool:
        number, _, _, items = value

        def close(end: int) -> bool:
            before = self._groups.get(number, (0, 0))
            self._groups[number] = at, end
            if rest(end):
                return True
            self._groups[number] = before
            return False

        return self._all(items, at, close)

    def _repeat(self, value: Any, at: int, rest: Rest, *, is_lazy: bool, done: int = 0) -> bool:
        least, most, items = value

        def again(end: int) -> bool:
            return end > at and self._repeat(value, end, rest, is_lazy=is_lazy, done=done + 1)

        if done < least:
            return self._all(
                items,
                at,
                lambda end: self._repeat(value, end, rest, is_lazy=is_lazy, done=done + 1),
            )
        if is_lazy and rest(at):
            return True
        if (most is names.MAXREPEAT or done < most) and self._all(items, at, again):
            return True
        return not is_lazy and rest(at)

    def _one(self, kind: Any, value: Any, letter: str) -> bool:
        """Return whether an item matches a letter."""
        if kind is names.LITERAL:
            return letter.lower() == chr(value).lower()
        if kind is names.NOT_LITERAL:
            return letter != chr(value)
        if kind is names.ANY:
            return True
        is_in, rows = True, value
        if rows[0][0] is names.NEGATE:
            is_in, rows = False, rows[1:]
        return is_in is any(self._in(row, letter) for row in rows)

    def _in(self, row: Any, letter: str) -> bool:
        kind, value = row
        if kind is names.RANGE:
            return bool(value[0] <= ord(letter) <= value[1])
        if kind is names.CATEGORY:
            return CATEGORIES[value](letter)
        return self._one(kind, value, letter)


CATEGORIES: dict[Any, Callable[[str], bool]] = {
    names.CATEGORY_DIGIT: str.isdigit,
    names.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdigit(),
    names.CATEGORY_SPACE: str.isspace,
    names.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    names.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    names.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
}


def attacks(pattern: re.Pattern[str], size: int) -> list[str]:
    """Return texts that almost match a pattern, with one or all of its repeats done many times."""
    parsed = parser.parse(pattern.pattern, pattern.flags)
    repeats = [*_repeats(parsed)]
    texts = [_text(parsed, {id(repeat): size}) for repeat in repeats]
    texts.append(
        _text(parsed, {id(repeat): size for repeat in repeats if not [*_repeats(repeat[2])]})
    )
    texts += [_text(repeat[2], {}) * size for repeat in repeats]
    return [
        text + end
        for text in dict.fromkeys(texts)
        for end in ("", "\0", "!", "\n", text[:1] + "\0")
    ]


def _repeats(items: Any) -> list[Any]:
    """Return every repeat in a parsed pattern that has no small upper bound."""
    repeats: list[Any] = []
    for kind, value in items:
        if kind in (names.MAX_REPEAT, names.MIN_REPEAT):
            repeats += [value] if value[1] > 1 else []
            repeats += _repeats(value[2])
        elif kind is names.SUBPATTERN:
            repeats += _repeats(value[3])
        elif kind is names.BRANCH:
            for branch in value[1]:
                repeats += _repeats(branch)
    return repeats


def _text(items: Any, counts: dict[int, int]) -> str:
    return "".join(_of(kind, value, counts) for kind, value in items)


def _of(kind: Any, value: Any, counts: dict[int, int]) -> str:
    if kind in (names.MAX_REPEAT, names.MIN_REPEAT):
        most = 10**9 if value[1] is names.MAXREPEAT else value[1]
        count: int = min(counts.get(id(value), max(value[0], 1)), most)
        return _text(value[2], counts) * count
    if kind is names.SUBPATTERN:
        return _text(value[3], counts)
    if kind is names.BRANCH:
        return _text(value[1][0], counts)
    if kind is names.LITERAL:
        return chr(value)
    if kind in (names.IN, names.NOT_LITERAL, names.ANY):
        matcher = Matcher(re.compile(""), "")
        return next(letter for letter in LETTERS if matcher._one(kind, value, letter))
    return ""


LETTERS = "aA0 -./:|'\"\\#?&=\n\u00e9" + "".join(map(chr, range(128)))


def most_steps(pattern: re.Pattern[str], size: int, *, search: bool) -> int:
    """Return the number of steps of the most expensive attack."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        return max(_steps(pattern, text, search=search) for text in ["", *attacks(pattern, size)])
    finally:
        sys.setrecursionlimit(limit)


def _steps(pattern: re.Pattern[str], text: str, *, search: bool) -> int:
    matcher = Matcher(pattern, text)
    with suppress(TooManySteps):
        matcher.search() if search else matcher.fullmatch()
    return matcher.steps
