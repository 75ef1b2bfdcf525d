"""The resources that a query matches, found by testing each: R4's text as plainly as possible.

https://hl7.org/fhir/R4/search.html
"""

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from math import inf
from typing import Any

from tests.oracle.values import (
    NOW,
    READERS,
    SECOND,
    Coded,
    Link,
    Measure,
    Reader,
    Resource,
    Time,
    here,
    time,
)

type Test = Callable[[Any], bool]

STORED = ("Encounter", "Communication")
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def name_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


class Everything:
    """All resources, and the session of each message that has one."""

    def __init__(
        self,
        resources: list[Resource],
        sessions: dict[str, str],
        readers: dict[str, dict[str, tuple[str, Reader]]] = READERS,
    ) -> None:
        self.readers, self.kinds = readers, tuple(readers)
        self.by_name = {name_of(resource): resource for resource in resources}
        self.of = {
            kind: [resource for resource in resources if resource["resourceType"] == kind]
            for kind in self.kinds
        }
        self.sessions = sessions
        self.named = {kind: frozenset(map(name_of, matching)) for kind, matching in self.of.items()}
        self._said: dict[tuple[str, str], dict[str, list[Any]]] = {}
        self._found: dict[tuple[str, str, str], frozenset[str]] = {}

    def said(self, kind: str, code: str) -> dict[str, list[Any]]:
        """Return the values that each resource of a type has for a parameter, by name."""
        if (kind, code) not in self._said:
            _, read = self.readers[kind][code]
            self._said[kind, code] = {
                name_of(resource): read(resource) for resource in self.of[kind]
            }
        return self._said[kind, code]

    def values(self, resource: Resource, code: str) -> list[Any]:
        return self.said(resource["resourceType"], code)[name_of(resource)]

    def find(self, kind: str, name: str, value: str) -> frozenset[str]:
        """Return the names of all resources of a type that match one criterion."""
        key = (kind, name, value)
        if key not in self._found:
            self._found[key] = frozenset(self._find(kind, name, value))
        return self._found[key]

    def _find(self, kind: str, name: str, value: str) -> set[str]:
        if name.startswith("_has:"):
            _, source, code, rest = name.split(":", 3)
            having = self.find(source, rest, value)
            return {
                to for resource_name in having for to in self.pointed(resource_name, code)
            } & self.named[kind]
        head, dot, rest = name.partition(".")
        if dot:
            code, _, chosen_type = head.partition(":")
            types = (target_type for target_type in self.kinds if chosen_type in ("", target_type))
            targets = {
                resource_name
                for target_type in types
                for resource_name in self._far(target_type, rest, value)
            }
            return {
                resource_name
                for resource_name in self.named[kind]
                if targets & self.pointed(resource_name, code)
            }
        if name == "session":
            sessions = {
                f"Encounter/{resource_name.rpartition('/')[2]}"
                for resource_name in value.split(",")
            }
            return {
                resource_name
                for resource_name in self.named[kind]
                if self.sessions.get(resource_name) in sessions
            }
        return self._plain(kind, name, value)

    def _far(self, kind: str, name: str, value: str) -> frozenset[str]:
        """Like `find`, but a type without the parameter has no matches."""
        code = re.split("[.:]", name)[0]
        if code != "_has" and "." not in name:
            of_type = self.readers[kind].get(code, ("", None))[0]
            if of_type != "token" and name.endswith((":text", ":of-type")):
                return frozenset()
        has_parameter = code == "_has" or code in self.readers[kind]
        return self.find(kind, name, value) if has_parameter else frozenset()

    def pointed(self, name: str, code: str) -> set[str]:
        """Return the names of the existing resources that a resource refers to by a parameter."""
        targets = {link.to for link in self.said(name.partition("/")[0], code)[name]}
        return targets & self.by_name.keys()

    def _plain(self, kind: str, name: str, value: str) -> set[str]:
        code, _, modifier = name.partition(":")
        values_by_name = self.said(kind, code)
        if modifier == "missing":
            return {
                resource_name
                for resource_name, values in values_by_name.items()
                if (not values) is (value == "true")
            }
        texts = re.split(r"(?<!\\),", value)
        if modifier[:1].isupper():
            texts = [f"{modifier}/{text.rpartition('/')[2]}" for text in texts]
        is_plain = modifier == "not" or modifier[:1].isupper()
        make = TESTS[self.readers[kind][code][0], "" if is_plain else modifier]
        tests = [make(text) for text in texts]
        matching = {
            resource_name
            for resource_name, values in values_by_name.items()
            if any(test(candidate) for test in tests for candidate in values)
        }
        return values_by_name.keys() - matching if modifier == "not" else matching


def plain(text: str) -> str:
    return re.sub(r"\\([\\,|$])", r"\1", text)


def token(text: str) -> Test:
    *systems, code = (plain(part) for part in re.split(r"(?<!\\)\|", text, maxsplit=1))

    def test(value: Coded) -> bool:
        if not value.code or (systems and systems[0] != value.system):
            return False
        return code in ("", value.code)

    return test


# As in the transliteration Latin-ASCII of https://unicode.org/cldr .
LATIN = str.maketrans(
    dict(zip("łøđħŧðıŋ", "lodhtdin", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th"}
)


def folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.casefold().translate(LATIN)


def worded(text: str) -> Test:
    start = folded(plain(text))
    return lambda value: folded(value.text).startswith(start)


def simple(text: str) -> list[str]:
    """Return the words of a text, without the characters that string searches ignore."""
    return re.sub(r"[\W_]+", " ", folded(re.sub("['\u2019\u02bb]", "", text))).split()


def begun(text: str) -> Test:
    start = " ".join(simple(plain(text)))

    def test(value: str) -> bool:
        words = simple(value)
        return any(" ".join(words[at:]).startswith(start) for at in range(len(words)))

    return test


def holding(text: str) -> Test:
    part = " ".join(simple(plain(text)))
    return lambda value: part in " ".join(simple(value))


def reached(text: str) -> Test:
    return token(text.lower())


def typed(text: str) -> Test:
    system, code, number = text.split("|", 2)
    number = plain(number)
    return lambda value: (system, code) in value.kinds and value.code == number


def points(text: str) -> Test:
    reference = here(plain(text))
    if re.fullmatch(r"[A-Za-z0-9.-]+", reference):
        relative = re.compile(rf"[A-Z]\w+/{re.escape(reference)}")
        return lambda value: bool(relative.fullmatch(value.to))
    return lambda value: bool(value.to == reference)


def identified(text: str) -> Test:
    test = token(text)
    return lambda value: value.identifier is not None and test(value.identifier)


def split(text: str) -> tuple[str, str]:
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def dated(text: str) -> Test:
    """Return a test of dates. Both sides are intervals: see R4's table of prefixes.

    `ge` matches what intersects the value and all above it, `le` the value and all below it.
    """
    prefix, date = split(text)
    first, last = time(date)
    gap = abs(round(NOW.timestamp()) * SECOND - first) // 10
    tests: dict[str, Test] = {
        "eq": lambda value: within(value, first, last),
        "ne": lambda value: not within(value, first, last),
        "gt": lambda value: intersects(value, last + 1, inf),
        "lt": lambda value: intersects(value, -inf, first - 1),
        "ge": lambda value: intersects(value, first, inf),
        "le": lambda value: intersects(value, -inf, last),
        "sa": lambda value: within(value, last + 1, inf),
        "eb": lambda value: within(value, -inf, first - 1),
        "ap": lambda value: intersects(value, first - gap, last + gap),
    }
    return tests[prefix]


def within(value: Time, first: float, last: float) -> bool:
    return first <= value[0] and value[1] <= last


def intersects(value: Time, first: float, last: float) -> bool:
    return value[0] <= last and first <= value[1]


def measured(text: str) -> Test:
    number, *unit = text.split("|")
    prefix, digits = split(number)
    wanted = Decimal(digits)
    half = Decimal(1).scaleb(-len(digits.partition(".")[2])) / 2
    tests: dict[str, Test] = {
        "eq": lambda found: wanted - half <= found < wanted + half,
        "ne": lambda found: found < wanted - half or wanted + half <= found,
        "gt": lambda found: found > wanted,
        "sa": lambda found: found > wanted,
        "lt": lambda found: found < wanted,
        "eb": lambda found: found < wanted,
        "ge": lambda found: found >= wanted,
        "le": lambda found: found <= wanted,
        "ap": lambda found: abs(found - wanted) <= abs(wanted) / 10,
    }

    def test(value: Measure) -> bool:
        names = (value.code, value.unit) if unit and not unit[0] else (value.code,)
        of_unit = not unit or (unit[0] in ("", value.system) and unit[1] in names)
        return of_unit and tests[prefix](value.number)

    return test


def same(text: str) -> Test:
    return lambda value: bool(value == plain(text))


def below(text: str) -> Test:
    return lambda value: f"{value}/".startswith(plain(text).rstrip("/") + "/")


TESTS: dict[tuple[str, str], Callable[[str], Test]] = {
    ("token", ""): token,
    ("code", ""): token,
    ("contact", ""): reached,
    ("string", ""): begun,
    ("string", "exact"): same,
    ("string", "contains"): holding,
    ("token", "text"): worded,
    ("token", "of-type"): typed,
    ("reference", ""): points,
    ("reference", "identifier"): identified,
    ("date", ""): dated,
    ("quantity", ""): measured,
    ("uri", ""): same,
    ("uri", "below"): below,
}


def sorted_by(everything: Everything, resource: Resource, key: str) -> tuple[Any, ...]:
    """Return the sort key of a resource. A missing value comes last in both directions."""
    code = key.removeprefix("-")
    keys = [
        sortable
        for value in everything.values(resource, code)
        if (sortable := _sortable(value)) != ""
    ]
    if not keys:
        return (1,)
    return (0, Backwards(max(keys)) if key.startswith("-") else min(keys))


def _sortable(value: Any) -> Any:
    match value:
        case Coded():
            return value.code or value.text
        case Link():
            return value.to
        case Measure():
            return value.number
        case str():
            return folded(value)
        case first, _:
            return first if first == -inf else first // 10**6
    raise AssertionError(value)


class Backwards:
    """A value with the reverse order."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "Backwards") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backwards) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)
